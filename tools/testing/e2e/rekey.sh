#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Wraps and data keys of a vTPM from outside, without the kernel module: TAP on
# standard output. Root only; touches nothing but a temporary directory.
#
# usage: rekey.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh

field() { # NAME EXPRESSION-IN-PYTHON-ON-v
	"$ctl" show "$1" --json | python3 -c "
import json, sys
v = json.load(sys.stdin)['vtpm']
print($2)"
}
wraps() { field "$1" "' '.join(w['provider'] for w in v['wraps'])"; }
slots() { tail -c +8193 "$T/state/$1.nvram" | sha256sum; }
no_engine() { [ -z "$(helpers)" ] && [ -z "$(ls "$T/run/engine")" ]; }
take_away() { mv "$T/state/keys/$1" "$T/$1.away"; }
bring_back() { mv "$T/$1.away" "$T/state/keys/$1"; }

start_daemon "$T/state"
add_provider one && add_provider two && "$ctl" create a --no-start >/dev/null
result $? "two providers, and a vTPM of the first"
slots_before=$(slots a)
file() { sha256sum <"$T/state/a.nvram"; }

# --- attach and detach -------------------------------------------------------

check "it has one wrap" test "$(wraps a)" = one
expect 4 'attach another first' "the only wrap cannot be detached" \
	"$ctl" provider detach a one
expect 4 already "nor can a provider be attached twice" \
	"$ctl" provider attach a one
expect 3 'no key provider' "nor one that is not there" \
	"$ctl" provider attach a nobody
expect 3 'has no wrap of provider two' "nor one detached that is not attached" \
	"$ctl" provider detach a two
expect 0 'one or two' "attach" "$ctl" provider attach a two
check "both are shown" test "$(wraps a)" = "one two"
expect 0 '"a"' "the second one knows its user" \
	"$ctl" provider show two --json
check "not a byte of the slots has changed" test "$(slots a)" = "$slots_before"
check "no engine is left" no_engine

# Any one of them is enough.
take_away one
expect 0 'by one and two' "the second opens it when the first is away" \
	"$ctl" rekey a --provider two
expect 0 'with a key of two' "the first is detached though it is away" \
	"$ctl" provider detach a one
bring_back one
expect 0 'two or one' "and attached again" "$ctl" provider attach a one

# --- shallow -----------------------------------------------------------------

old=$(field a "v['wraps'][1]['keyId']")
cp "$T/state/a.nvram" "$T/kept.nvram"
key_one() { "$ctl" provider restore native one "$T/one.p12" \
	--password-file "$T/password"; }
expect 0 'wrapped by two and one' "shallow rekey" "$ctl" rekey a
check "the key is the same" test "$(field a "v['wraps'][1]['keyId']")" = "$old"
check "not a byte of the slots has changed" test "$(slots a)" = "$slots_before"
check "but the wraps have" sh -c \
	"! cmp -s '$T/kept.nvram' '$T/state/a.nvram'"
take_away one
before=$(file)
expect 7 'provider one' "a provider that is away is named" "$ctl" rekey a
check "and nothing was written" test "$(file)" = "$before"
bring_back one
expect 0 'wrapped by one' "--to: one in place of both" "$ctl" rekey a --to one
check "it alone is there" test "$(wraps a)" = one
expect 0 'wrapped by two' "--provider --to: that one's place" \
	"$ctl" rekey a --provider one --to two
expect 3 'has no wrap' "--provider that has none" \
	"$ctl" rekey a --provider one --to two

# --- deep --------------------------------------------------------------------

expect 0 'data key number 2, wrapped by two' "deep rekey" "$ctl" rekey a --deep
check "the state is sealed anew" test "$(slots a)" != "$slots_before"
take_away two
before=$(file)
expect 7 'needs key' "a stopped one needs its key" "$ctl" rekey a --deep --to one
check "and nothing was written" test "$(file)" = "$before"
bring_back two
expect 0 'number 3' "deep, to another provider" "$ctl" rekey a --deep --to one
expect 0 'number 3' "it still opens" "$ctl" rekey a
size=$(stat -c %s "$T/state/a.nvram")
for _ in 1 2 3 4; do "$ctl" rekey a --deep >/dev/null || break; done
check "four more" test "$(field a "v['dataKey']")" = 7
check "the file does not grow by it" \
	test "$(stat -c %s "$T/state/a.nvram")" = "$size"

# --- several -----------------------------------------------------------------

for n in b c d; do "$ctl" create $n --no-start --provider two >/dev/null; done
expect 0 '3 vTPMs rekeyed' "all of one provider" \
	"$ctl" rekey --provider two --to one
check "are the other's now" test "$(wraps b)$(wraps c)$(wraps d)" = oneoneone
take_away one
expect 1 'd was not rekeyed' "those that cannot be are named" \
	"$ctl" rekey --all --deep
bring_back one
expect 0 '"failed": \[\]' "all, deep, as JSON" "$ctl" rekey --all --deep --json
check "each has a new key" test "$(field b "v['dataKey']")" = 2
for bad in "" "a --all" "--all --provider one" "a b"; do
	# shellcheck disable=SC2086
	expect 2 Usage "rekey $bad: usage" "$ctl" rekey $bad
done
expect 3 'no vTPM x' "rekey of one that is not there" "$ctl" rekey x
expect 3 'no key provider' "rekey to one that is not there" \
	"$ctl" rekey --all --to nobody
as_admin=(setpriv --reuid=65534 --regid=65534
	--groups="$(getent group vtpm-admin | cut -d: -f3)")
expect 5 'only root' "an operator may not rekey" "${as_admin[@]}" "$ctl" rekey a
expect 5 'only root' "nor attach" "${as_admin[@]}" "$ctl" provider attach a two

# --- locked ------------------------------------------------------------------

"$ctl" rekey a --to one >/dev/null
state() { field "$1" "v['state']"; }
key=$(field a "v['keyId']")
take_away one
before=$(file)
expect 7 "needs key $key of provider one" "a start without the key" \
	"$ctl" start a
check "leaves it locked" test "$(state a)" = locked
check "with what it needs as the reason" sh -c \
	"'$ctl' show a | grep -q '$key of provider one'"
expect 7 'needs key' "unlock tries at once" "$ctl" unlock a
expect 0 '1 locked' "unlock --all does, too" "$ctl" unlock --all
check "nothing was written" test "$(file)" = "$before"
expect 4 'is not locked' "unlock of one that is not locked" "$ctl" unlock b
"$ctl" monitor >"$T/retries" &
monitor=$!
sleep 3
check "retries that fail are no events" test ! -s "$T/retries"
bring_back one
# What comes next is the device's, and without the module there is none.
for _ in $(seq 100); do
	[ "$(state a)" = locked ] || break
	sleep 0.1
done
kill $monitor
check "it opens by itself when the key is back" test "$(state a)" != locked
"$ctl" stop a >/dev/null 2>&1
take_away one
"$ctl" start a >/dev/null 2>&1
expect 0 'a is stopped' "a locked one can be told to stop trying" "$ctl" stop a
bring_back one
sleep 3
check "and does" test "$(state a)" = stopped

# The provider answers, and says that this key is no more.
mv "$T/bin/vtpm-key-native" "$T/kept"
cat >"$T/bin/vtpm-key-native" <<'SH'
#!/bin/sh
echo '{"ok": false, "error": {"code": "KeyDestroyed", "message": "destroyed on 2026-01-02"}}'
SH
chmod 755 "$T/bin/vtpm-key-native"
expect 7 'never be opened again.*destroyed on 2026' \
	"a key that was destroyed: what it means" "$ctl" start a
mv "$T/kept" "$T/bin/vtpm-key-native"
"$ctl" stop a >/dev/null 2>&1

# --- keys of a provider --------------------------------------------------------

old=$(field a "v['keyId']")
expect 4 "$old: .*a.*new-key one" "a key that is used is not destroyed" \
	"$ctl" provider destroy-key one "$old" --yes
expect 4 'wrap by key' "in whatever case its id is written" \
	"$ctl" provider destroy-key one "$(echo "$old" | tr a-f A-F)" --yes
expect 7 'has no key' "nor one that is not there" \
	"$ctl" provider destroy-key one "${old%?}x" --yes
expect 0 'not usable: .*not backed up' "a new key has to be backed up" \
	"$ctl" provider new-key one
expect 7 'not backed up' "and wraps nothing before" "$ctl" rekey a --to one
"$ctl" provider backup one "$T/one-2.p12" --password-file "$T/password" --force
expect 0 '' "and then does" "$ctl" rekey --provider one
new=$(field a "v['keyId']")
check "it is another one" test "$new" != "$old"
cp "$T/state/a.nvram" "$T/a-new.nvram"
expect 2 'yes' "who is not asked has to say yes" \
	"$ctl" provider destroy-key one "$old"
expect 5 'only root' "an administrator destroys no key" \
	"${as_admin[@]}" "$ctl" provider destroy-key one "$old" --yes
expect 5 'only root' "nor makes one" "${as_admin[@]}" "$ctl" provider new-key one
expect 4 'ca rekey' "the CA's key is wrapped by it as well" \
	"$ctl" provider destroy-key one "$old" --yes
expect 0 '' "another provider takes that over" "$ctl" ca rekey --to two
expect 0 'was destroyed' "the one of before is destroyed" \
	"$ctl" provider destroy-key one "$old" --yes
check "no file has it" sh -c "! ls '$T/state/keys/one' | grep -q '$old.key'"
expect 7 'was destroyed' "and is no more, twice" \
	"$ctl" provider destroy-key one "$old" --yes
expect 0 'authentic' "what the new one wraps still opens" "$ctl" check a
expect 0 'a has lost a wrap' "--shred destroys what a vTPM holds" \
	"$ctl" provider destroy-key one "$new" --yes --shred
expect 7 'never be opened again' "which says so when it is started" \
	"$ctl" start a
"$ctl" stop a >/dev/null 2>&1
expect 0 '' "the backup brings the key back" "$ctl" provider restore native one \
	"$T/one-2.p12" --password-file "$T/password"
expect 0 'authentic' "and with it the vTPM" "$ctl" check a

# --- check and repair --------------------------------------------------------

flip() { # OFFSET
	python3 - "$T/state/a.nvram" "$1" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ 0x40]))
PY
}
"$ctl" rekey a --deep >/dev/null
slot=$("$ctl" check "$T/state/a.nvram" --json | python3 -c '
import json, sys
print(sum(s["broken"] for s in json.load(sys.stdin)["slots"]))')
check "no sector is broken" test "$slot" = 0
before=$(file)
expect 0 'looks whole' "check FILE, without a key" "$ctl" check "$T/state/a.nvram"
expect 0 'are authentic' "check NAME, with it" "$ctl" check a
check "neither writes" test "$(file)" = "$before"
expect 3 'No such file' "check of no file" "$ctl" check "$T/none.nvram"
expect 8 'damaged' "check of junk" "$ctl" check "$T/bin/vtpmctl"
flip 100
before=$(file)
expect 8 'header A  damaged' "a wrong byte is found" \
	"$ctl" check "$T/state/a.nvram"
expect 0 'are authentic' "and the file opens nevertheless" "$ctl" check a
check "and is as it was" test "$(file)" = "$before"
expect 0 'is whole' "repair" "$ctl" repair a
expect 0 'looks whole' "has mended it" "$ctl" check "$T/state/a.nvram"
cp "$T/state/a.nvram" "$T/whole"
flip 100
flip 4200
before=$(file)
expect 8 'both header copies' "what is lost is refused by name" \
	"$ctl" repair a
check "and nothing is written" test "$(file)" = "$before"
cp "$T/whole" "$T/state/a.nvram"
expect 2 'name of a vTPM' "repair of a file" "$ctl" repair "$T/whole.nvram"
"$ctl" show a >/dev/null

# --- helpers that fail -------------------------------------------------------

"$ctl" rekey a --to one >/dev/null
broken() { # PROGRAM SCRIPT STATUS PATTERN TEXT
	mv "$T/bin/$1" "$T/kept"
	printf '#!/bin/sh\n%s\n' "$2" >"$T/bin/$1"
	chmod 755 "$T/bin/$1"
	before=$(file)
	expect "$3" "$4" "$5" "$ctl" rekey a --deep
	mv "$T/kept" "$T/bin/$1"
	check "and the file is as it was" test "$(file)" = "$before"
	check "and no engine is left" no_engine
}
broken vtpm-key-native 'echo not JSON' 1 'not a reply' \
	"a provider that talks nonsense"
broken vtpm-engine 'echo a: no memory >&2; exit 15' 1 'no memory' \
	"an engine that does not start"
# A provider whose wrap is another's must not become the only way in.
cat >"$T/liar" <<'SH'
#!/bin/sh
request=$(cat)
case $request in
*'"wrap"'*) echo '{"ok": true, "key-id": "k", "wrapped": "AAAA"}' ;;
*'"unwrap"'*) head -c 32 /dev/zero >&4; echo '{"ok": true}' ;;
*) echo '{"ok": true, "keys": [], "usable": true, "key-id": "k"}' ;;
esac
SH
install -m 755 "$T/liar" "$T/bin/vtpm-key-liar"
"$ctl" provider add liar l >/dev/null 2>&1
before=$(file)
expect 1 'opens as another key' "a provider that wraps something else is found" \
	"$ctl" provider attach a l
check "and not attached" test "$(file)" = "$before"

end_in_order
