#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is secret stays sealed: nothing in the clear in files or core dumps, an
# engine that has nothing to steal, a damaged file mended or refused, a key
# that is missing or wrong. TAP; runs as root where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

vtpm_set_up && vtpmctl create s > /dev/null || exit
W=$(mktemp -d)
file=$VTPM_STATE/s.nvram
marker=MARKER-$(od -An -N12 -tx1 /dev/urandom | tr -d ' ')
nv=0x1500001

tcti()
{
	TPM2TOOLS_TCTI=device:$(vtpm_field s .device.tpmrm)
	export TPM2TOOLS_TCTI
}

marker_is_there()
{
	tcti
	[ "$(tpm2_nvread $nv -C o -s ${#marker})" = "$marker" ]
}

not_in_files() # FOLDER...
{
	# To know that it would be found.
	printf '%s' "$marker" > "$W/probe"
	grep -raq "$marker" "$W/probe" && ! grep -ra "$marker" "$@"
}

# --- files -------------------------------------------------------------------

tcti
tpm2_nvdefine -Q $nv -C o -s ${#marker} -a "ownerread|ownerwrite" &&
	printf '%s' "$marker" | tpm2_nvwrite -Q $nv -C o -i -
result $? "a marker is written to NV"
check "and read again" marker_is_there
check "it is in no file of the state or run folders" \
	not_in_files "$VTPM_STATE" "$VTPM_RUN"
check "the file is its owner's alone" \
	test "$(stat -c %U:%a "$file")" = root:600

# --- the engine --------------------------------------------------------------

pid=$(vtpm_field s .enginePid)
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }
zero=0000000000000000

for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	check "the engine's $set is empty" test "$(status $set)" = $zero
done
uid=$(id -u vtpm)
check "it has its own user" test "$(status Uid | tr '\t' ' ')" = \
	"$uid $uid $uid $uid"
check "and group, and no other" test \
	"$(status Gid | cut -f1)$(status Groups)" = "$(id -g vtpm)"
check "seccomp filters its system calls" test "$(status Seccomp)" = 2
check "no_new_privs is set" test "$(status NoNewPrivs)" = 1
check "its memory is locked" test "$(status VmLck | tr -dc 0-9)" -gt 0

# standard streams, state file, checkpoint, control socket, netlink socket
descriptors()
{
	local fd target
	for fd in /proc/"$pid"/fd/*; do
		target=$(readlink "$fd")
		case ${fd##*/}:$target in
		0:/dev/null | [12]:pipe:* | [0-9]*:"$file" | \
			[0-9]*:"$VTPM_RUN/checkpoint/s") ;;
		[0-9]*:socket:*) sockets=$((sockets + 1)) ;;
		*) echo "${fd##*/} -> $target" ;;
		esac
	done
}
sockets=0
descriptors > "$TAP_DIR/out"
[ ! -s "$TAP_DIR/out" ]
result $? "it has no descriptor that it does not need"
echo "$sockets sockets" > "$TAP_DIR/out"
[ $sockets = 2 ]
result $? "and two sockets: netlink and control"

as_vtpm=(setpriv --reuid=vtpm --regid=vtpm --clear-groups)
no_look()
{
	"${as_vtpm[@]}" true &&
		! "${as_vtpm[@]}" cat "/proc/$pid/maps" > "$W/seen" &&
		[ ! -s "$W/seen" ]
}
check "another process of its user cannot look into it" no_look
check "no secret is in its arguments or environment" sh -c \
	"! tr '\\0' '\\n' < /proc/$pid/cmdline | grep -qE '[0-9a-f]{32}' &&
	! tr '\\0' '\\n' < /proc/$pid/environ | grep -q ."

# --- core dumps --------------------------------------------------------------

# A pipe as core pattern, since that ignores RLIMIT_CORE.
cat > "$W/core.sh" <<CORE
#!/bin/sh
cat > $W/core.\$1
CORE
chmod 755 "$W" "$W/core.sh"
pattern=$(cat /proc/sys/kernel/core_pattern)
echo "|$W/core.sh %p" > /proc/sys/kernel/core_pattern
MARKER=$marker sleep 100 &
control=$!
sleep 0.2
kill -SEGV $control
wait $control 2>/dev/null
check "a process that is not protected leaves a core with the marker" \
	grep -aq "$marker" "$W/core.$control"
rm "$VTPM_RUN/checkpoint/s"	# with it, another engine would go on
kill -SEGV "$pid"
for _ in $(seq 50); do
	[ "$(vtpm_field s .state)" = failed ] && break
	sleep 0.1
done
echo "$pattern" > /proc/sys/kernel/core_pattern
ls "$W" > "$TAP_DIR/out"
[ "$(vtpm_field s .state)" = failed ]
result $? "the engine dies of SIGSEGV, and the vTPM is failed"
sleep 0.5
check "and leaves no core" test ! -e "$W/core.$pid"
rm -f "$W/core.$control"
cp "$file" "$W/cut"	# as a crash leaves it: slots differ
vtpmctl stop s > "$TAP_DIR/out" 2> "$TAP_DIR/err" &&
	vtpmctl start s >> "$TAP_DIR/out" 2>> "$TAP_DIR/err"
result $? "stop and start begin anew"
check "with the marker" marker_is_there
vtpmctl stop s > /dev/null 2>&1
cp "$file" "$W/whole"	# as an orderly stop leaves it: slots are mirrored

# --- one byte flipped --------------------------------------------------------

cat > "$W/flip.py" <<'PY'
import sys
src, dst, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = bytearray(open(src, "rb").read())
data[at] ^= 0x40
with open(dst, "r+b") as f:
    f.write(data)
PY

# Started: then with the marker. Refused: then by file and part, untouched.
flip() # COPY OFFSET MUST
{
	local before
	python3 "$W/flip.py" "$1" "$file" "$2" || return
	before=$(sha256sum < "$file")
	# The copy is of before the starts that came since.
	if vtpmctl start s --allow-rollback; then
		marker_is_there || { echo "wrong answer"; return 1; }
		vtpmctl stop s || return
		[ "$3" != refused ]
		return
	fi > /dev/null 2> "$TAP_DIR/why"
	cat "$TAP_DIR/why" >&2
	[ "$3" != mended ] && grep -q "s\.nvram" "$TAP_DIR/why" &&
		grep -qE "header|slot" "$TAP_DIR/why" &&
		[ "$before" = "$(sha256sum < "$file")" ]
}

for at in 0 9 20 130 600 4040 4095 4096 4116 4700 8190; do
	check "header byte $at flipped: mended from the other copy" \
		flip "$W/whole" $at mended
done
for at in 8192 8200 8300 8688 8700 10000 24576 24600 24700 26000; do
	check "slot byte $at flipped after a stop: mended" \
		flip "$W/whole" $at mended
done
for at in 8192 8210 8700 9100 24576 24590 25100 25500; do
	check "slot byte $at flipped after a crash: newest state or refused" \
		flip "$W/cut" $at either
done
head -c 12000 "$W/whole" > "$file"
expect 8 "s\.nvram" "a truncated file is refused by name" vtpmctl start s \
	--allow-rollback
cp "$W/whole" "$file"
check "the whole file again: started" vtpmctl start s --allow-rollback
check "with the marker" marker_is_there
vtpmctl stop s > /dev/null 2>&1

# --- keys --------------------------------------------------------------------

sum=$(sha256sum < "$file")
untouched() { [ "$sum" = "$(sha256sum < "$file")" ]; }

mv "$VTPM_STATE/keys/default" "$W/default" &&
	install -d -o vtpm-keys -g vtpm-keys -m 700 "$VTPM_STATE/keys/default"
expect 7 'needs key [0-9a-f-]* of provider default' \
	"without its key: which key of which provider" vtpmctl start s
check "the vTPM is locked" test "$(vtpm_field s .state)" = locked
check "and the file untouched" untouched
# Or it would start by itself when the key is back.
give_up()
{
	# One of its own tries may be under way.
	for _ in $(seq 50); do
		vtpmctl stop s && return
		sleep 0.2
	done
	return 1
}
check "a stop gives it up" give_up
rm -rf "$VTPM_STATE/keys/default"
mv "$W/default" "$VTPM_STATE/keys/default"

# Another vTPM's wrapped key, with a checksum that fits: the wrong key.
check "another vTPM" vtpmctl create other --no-start
cat > "$W/swap.py" <<'PY'
import hashlib, sys
mine, other = (bytearray(open(p, "rb").read()) for p in sys.argv[1:3])
for copy in (0, 4096):
    mine[copy + 60:copy + 64] = other[60:64]
    mine[copy + 512:copy + 2560] = other[512:2560]
    mine[copy + 4064:copy + 4096] = hashlib.sha256(mine[copy:copy + 4064]).digest()
open(sys.argv[1], "wb").write(mine)
PY
python3 "$W/swap.py" "$file" "$VTPM_STATE/other.nvram"
sum=$(sha256sum < "$file")
expect 7 'changed, or belongs to another vTPM' "with a wrong key: another error" \
	vtpmctl start s --allow-rollback
vtpmctl start s --allow-rollback --json > "$TAP_DIR/out" 2>&1
grep -q KeyWrong "$TAP_DIR/out"
result $? "and another code"
check "and the file untouched" untouched
cp "$W/whole" "$file"
check "with its own key: started" vtpmctl start s --allow-rollback
check "with the marker" marker_is_there
vtpmctl stop s > /dev/null
rm -rf "$W"
tap_end
