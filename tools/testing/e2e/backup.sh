#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Backups and what is refused of them, without the kernel module: TAP on standard
# output. Root only; touches nothing but a temporary directory.
#
# usage: backup.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh

generation() { "$ctl" show "$1" --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["vtpm"]["generation"])'; }
newer() { "$ctl" rekey "$1" --deep >/dev/null; }
file() { sha256sum <"$T/state/a.nvram"; }

start_daemon "$T/state"
add_provider one && "$ctl" create a --no-start --no-certificate >/dev/null
result $? "a provider and a vTPM"

expect 0 'a is backed up: generation' "backup" "$ctl" backup a "$T/a1.nvram"
check "it is the file" cmp -s "$T/a1.nvram" "$T/state/a.nvram"
check "nobody else can read it" test "$(stat -c %a "$T/a1.nvram")" = 600
expect 4 'say --force' "a file that is there is not replaced" \
	"$ctl" backup a "$T/a1.nvram"
expect 0 '' "but with --force" "$ctl" backup a "$T/a1.nvram" --force
mkfifo "$T/fifo"
call_backup() { # FILE: what no client of ours would do
	python3 tools/testing/e2e/varlink-fd.py "$VTPM_SOCKET" io.vtpm.Backup \
		'{"name": "a"}' "$1"
}
expect 0 'InvalidArgument.*regular file' "a backup into a pipe is refused" \
	call_backup "$T/fifo"
head -c 100000 /dev/zero >"$T/long"
expect 0 '"generation"' "a file that has something in it already" \
	call_backup "$T/long"
check "has the backup and nothing else" cmp -s "$T/long" "$T/state/a.nvram"
expect 3 'no vTPM' "backup of none" "$ctl" backup nobody "$T/none.nvram"
check "leaves no file" sh -c "! ls '$T' | grep -q none.nvram"
expect 0 'a is authentic and whole' "verify-backup" \
	"$ctl" verify-backup "$T/a1.nvram"
expect 0 '"uuid"' "with --json" "$ctl" verify-backup "$T/a1.nvram" --json
expect 8 'damaged' "verify-backup of junk" "$ctl" verify-backup "$ctl"
expect 2 'regular file' "and of a device" "$ctl" verify-backup /dev/zero
python3 - "$T/a1.nvram" "$T/changed.nvram" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
for at in (8192 + 300, 8192 + 16384 + 300):
    data[at] ^= 1
open(sys.argv[2], "wb").write(data)
PY
expect 8 '' "a backup that was changed" "$ctl" verify-backup "$T/changed.nvram"
expect 8 '' "is not restored either" "$ctl" restore "$T/changed.nvram" --name c
expect 3 'no vTPM c' "and leaves nothing" "$ctl" show c

# --- rollback ----------------------------------------------------------------

first=$(generation a)
newer a
check "the state is a newer one" test "$(generation a)" -gt "$first"
"$ctl" backup a "$T/a2.nvram" >/dev/null
before=$(file)
expect 4 'older.*--allow-rollback' "an older backup is refused" \
	"$ctl" restore "$T/a1.nvram"
check "and the file is as it was" test "$(file)" = "$before"
expect 0 'is restored' "the newest is not older" "$ctl" restore "$T/a2.nvram"
expect 0 'is restored' "--allow-rollback" \
	"$ctl" restore "$T/a1.nvram" --allow-rollback
check "is the older one" test "$(generation a)" = "$first"
check "and is in the log" grep -q 'goes back from generation' "$T/log"
"$ctl" restore "$T/a2.nvram" >/dev/null
"$ctl" create b --no-start --no-certificate >/dev/null
expect 4 'another one' "nor does a backup replace another vTPM" \
	"$ctl" restore "$T/a1.nvram" --name b
expect 0 'old is restored' "under another name it can be there" \
	"$ctl" restore "$T/a1.nvram" --name old
"$ctl" delete old --yes >/dev/null
# What the file had when it stopped here is known, without a device as well.
python3 - "$T/state/a.json" <<'PY'
import json, sys
with open(sys.argv[1]) as f:
    settings = json.load(f)
settings["generation"] = 1000000
with open(sys.argv[1], "w") as f:
    json.dump(settings, f)
PY
stop_daemon
start_daemon "$T/state"
expect 4 'older.*1000000' "start of an older file is refused" "$ctl" start a
"$ctl" start a --allow-rollback >"$T/out" 2>&1
check "but for --allow-rollback" sh -c "! grep -q older '$T/out'"
"$ctl" stop a >/dev/null 2>&1
"$ctl" start a >"$T/out" 2>&1
check "which is asked for once" sh -c "! grep -q older '$T/out'"
"$ctl" stop a >/dev/null 2>&1

# --- a lost host -------------------------------------------------------------

"$ctl" backup a "$T/a3.nvram" >/dev/null
expect 0 '' "delete" "$ctl" delete a --yes
expect 0 'a is restored' "restore of what is gone" "$ctl" restore "$T/a3.nvram"
expect 0 'authentic' "it opens" "$ctl" check a
"$ctl" provider backup one "$T/key.p12" --password-file "$T/password" --force \
	>/dev/null
stop_daemon
start_daemon "$T/state2"
expect 0 'not verified.*locked' "another host without the key takes it" \
	"$ctl" restore "$T/a3.nvram"
expect 7 'key' "where it is locked, not broken" "$ctl" start a
expect 0 '' "its provider" "$ctl" provider restore native one "$T/key.p12" \
	--password-file "$T/password"
# It is started as soon as its key is there; what comes next is the device's.
for _ in $(seq 100); do
	"$ctl" stop a 2>&1 | grep -q 'another operation' || break
	sleep 0.1
done
expect 0 'authentic' "opens it" "$ctl" check a
expect 0 'is authentic' "and verifies backups" "$ctl" verify-backup "$T/a3.nvram"
expect 5 'may do that' "who may not operate makes no backup" \
	setpriv --reuid nobody --regid nogroup --clear-groups \
	"$ctl" backup a /tmp/vtpm-backup-nobody
check "no file is left of it" test ! -e /tmp/vtpm-backup-nobody

end_in_order
