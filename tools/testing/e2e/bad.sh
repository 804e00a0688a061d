#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input to a device node and a state folder that is full: a clear error,
# and nothing lost. What is bad input to vtpmctl and vtpmd is in api.sh, to the
# netlink family in selftests/vtpm. TAP; runs as root where the module can be
# loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh

W=$(mktemp -d)
trap vtpm_tear_down EXIT

vtpm_install && vtpm_load_module || exit
# Small, so that it can be filled; what is full is said the same way anywhere.
mkdir -p "$VTPM_STATE"
mount -t tmpfs -o size=300k,mode=711 tmpfs "$VTPM_STATE" || exit
VTPM_MOUNTED=$VTPM_STATE
vtpm_start_daemon && vtpm_make_provider && vtpmctl create b > /dev/null || exit
node=$(vtpm_field b .device.tpmrm)
export TPM2TOOLS_TCTI="device:$node"

# --- commands ----------------------------------------------------------------

cat > "$W/commands.py" <<'PY'
import errno, os, sys

def command(size, code=0x17b, tag=0x8001, body=b"\0\x08", length=None):
    data = tag.to_bytes(2, "big") + size.to_bytes(4, "big") + code.to_bytes(4, "big") + body
    return data if length is None else (data + bytes(length))[:length]

def check(what, good, got=""):
    print(f"{'ok' if good else 'not ok'} {path}: {what}")
    if not good:
        print("got", got)

def answer(data):
    """The response code, or a negative errno."""
    fd = os.open(path, os.O_RDWR)
    try:
        os.write(fd, data)
        got = os.read(fd, 4096)
        if len(got) != int.from_bytes(got[2:6], "big"):
            return 0  # a size that is not its own
        return int.from_bytes(got[6:10], "big")
    except OSError as e:
        return -e.errno
    finally:
        os.close(fd)

for path in sys.argv[1:]:
    # What the kernel refuses comes with an errno, the rest from the TPM.
    cases = [
        ("a command of one byte", b"\x80", errno.EINVAL),
        ("a truncated header", command(12)[:9], errno.EINVAL),
        ("more announced than sent", command(4000), errno.EINVAL),
        ("more than 4096 bytes", command(5000, length=5000), errno.E2BIG),
        ("a header alone", command(10, body=b""), None),
        ("a size below the header's", command(4), None),
        ("exactly 4096 bytes", command(4096, length=4096), None),
        ("an unknown command", command(12, code=0x1ff0), None),
        ("a wrong tag", command(12, tag=0x1234), None),
        ("sessions that are not there", command(12, tag=0x8002), None),
    ]
    for what, data, expected in cases:
        got = answer(data)
        check(what, got == -expected if expected else got > 0, got)
        check("and it serves on", answer(command(12)) == 0, answer(command(12)))
PY
timeout 120 python3 "$W/commands.py" "$(vtpm_field b .device.tpm)" "$node" \
	> "$W/said" 2>&1
status=$?
adopt "$W/said"
check "commands.py came to its end" test $status = 0
check "the engine is the same as before" test "$(vtpm_field b .state)" = running

# --- a full disk -------------------------------------------------------------

fill() { cat /dev/zero > "$VTPM_STATE/fill" 2> /dev/null; sync; }

fill
expect 8 'space' "create on a full disk: says so" vtpmctl create c
expect 3 '' "and leaves no vTPM" vtpmctl show c
check "and no file" sh -c "! ls '$VTPM_STATE'/c.* '$VTPM_STATE'/.c.*"
check "commands that change nothing are answered" tpm2_getrandom --hex 8

# Until the state has outgrown its slot and cannot be written.
define() # INDEX
{
	tpm2_nvdefine -Q "$1" -C o -s 2048 -a "ownerread|ownerwrite" &&
		head -c 2048 /dev/zero | tr '\0' "${1: -1}" |
		tpm2_nvwrite -Q "$1" -C o -i -
}
is_there() # INDEX
{
	[ "$(tpm2_nvread "$1" -C o -s 2048)" = \
		"$(head -c 2048 /dev/zero | tr '\0' "${1: -1}")" ]
}
writer()
{
	for i in $(seq 1 9); do
		define 0x150000"$i" > "$W/writer" 2>&1 || return
		echo "$i" > "$W/done"
	done
}
writer &
writer=$!
waits()
{
	for _ in $(seq 150); do
		grep -q 'commands wait until the file can be written' \
			"$VTPM_LOG" && return
		kill -0 $writer || return
		sleep 0.2
	done
	return 1
}
check "the log says that commands wait for space" waits
before=$(cat "$W/done" 2> /dev/null)
sleep 3
check "a client waits" kill -0 $writer
check "and gets no answer before there is space" \
	test "$(cat "$W/done" 2> /dev/null)" = "$before"
rm "$VTPM_STATE/fill"
wait $writer
result $? "with space again they all are done"
cp "$W/writer" "$TAP_DIR/err" 2> /dev/null
for i in 1 5 9; do
	check "index $i has what was written" is_there 0x150000$i
done
vtpmctl stop b > "$TAP_DIR/out" 2>&1 && vtpmctl start b > "$TAP_DIR/out" 2>&1
result $? "stop and start"
for i in 1 5 9; do
	check "index $i has what was written" is_there 0x150000$i
done

# A stop while the file cannot be written: nothing that was answered is lost.
define 0x1500010 > /dev/null 2>&1
fill
expect 0 '' "stop on a full disk" vtpmctl stop b
rm "$VTPM_STATE/fill"
check "start" vtpmctl start b
check "index 10 has what was written" is_there 0x1500010
vtpmctl stop b > /dev/null 2>&1
rm -rf "$W"
tap_end
