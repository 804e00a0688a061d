#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The manager and its command line from outside, as far as that goes without
# the kernel module: TAP on standard output. Root only; makes the users of
# packaging/sysusers.d if they are missing. Needs no network and touches
# nothing but a temporary directory.
#
# usage: api.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh

# No file of a vTPM, finished or not, and no process.
nothing_left() {
	[ -z "$(find "$T/state" -maxdepth 1 -type f)" ] &&
		[ -z "$(ls "$T/run/engine")" ] && [ -z "$(helpers)" ]
}

nobody=(setpriv --reuid=65534 --regid=65534)
as_nobody=("${nobody[@]}" --clear-groups)
as_admin=("${nobody[@]}" --groups="$(getent group vtpm-admin | cut -d: -f3)")

# --- no daemon ---------------------------------------------------------------

expect 6 'systemctl start vtpmd' "no daemon: the error says how to start it" \
	"$ctl" list
check "the verbs that are called most load no libcrypto" sh -c \
	"! readelf -d '$ctl' | grep -q 'NEEDED.*libcrypto'"
expect 0 'verify-backup' "the others are there, too" "$ctl" --help
mv "$T/bin/vtpmctl-full" "$T/full"
expect 1 'vtpmctl-full: No such file' "or it is said what is missing" \
	"$ctl" verify-backup x
mv "$T/full" "$T/bin/vtpmctl-full"
expect 1 'has to run as root' "vtpmd refuses to run for others" \
	"${as_nobody[@]}" "$T/bin/vtpmd" --state-dir "$T/x" --run-dir "$T/y"
expect 2 Usage "vtpmd refuses operands" "$T/bin/vtpmd" x

start_daemon
expect 1 'another vtpmd' "a second vtpmd on the same directory is refused" \
	"$T/bin/vtpmd" --state-dir "$T/state" --run-dir "$T/run"
expect 0 NAME "and the first one serves on" "$ctl" list

# --- providers ---------------------------------------------------------------

expect 3 'provider add native' "create without provider: the next step" \
	"$ctl" create a
expect 2 'vtpm-key-nothing' "a type without program is named" \
	"$ctl" provider add nothing p1
expect 0 '' "provider add" "$ctl" provider add native p1
expect 4 already "provider add of the same name" \
	"$ctl" provider add native p1
expect 0 '^p1 .*native' "provider list" "$ctl" provider list
expect 7 'provider backup' "create before the backup: the next step" \
	"$ctl" create a --no-start
check "and nothing is left" nothing_left

echo 'correct horse' >"$T/password"
echo 'wrong horse' >"$T/wrong"
backup=(provider backup p1 "$T/p1.p12" --password-file "$T/password")
expect 0 '' "provider backup" "$ctl" "${backup[@]}"
if [ "$(stat -fc %T "$T")" = tmpfs ]; then
	skip "an ephemeral vTPM is refused on a disk" "$T is on none"
else
	expect 8 'not on a tmpfs' "an ephemeral vTPM is refused on a disk" \
		"$ctl" create a --ephemeral --no-start
	check "and nothing is left" nothing_left
fi
check "the backup is for its owner only" \
	test "$(stat -c %a "$T/p1.p12")" = 600
check "and is PKCS#12" openssl pkcs12 -in "$T/p1.p12" -nokeys -noout \
	-passin file:"$T/password"
expect 4 force "a file that is there is not replaced" "$ctl" "${backup[@]}"
expect 0 '' "but with --force" "$ctl" "${backup[@]}" --force
expect 3 'no key provider' "backup of a provider that is not there" \
	"$ctl" provider backup p9 "$T/p9.p12" --password-file "$T/password"
check "makes no file" test ! -e "$T/p9.p12"
check "provider keys belong to the providers' user" \
	test "$(stat -c %U:%a "$T/state/keys/p1")" = vtpm-keys:700

# --- life --------------------------------------------------------------------

if [ -d /sys/module/vtpm ]; then
	skip "create without the module" "it is loaded"
else
	expect 6 'modprobe vtpm' "create without the module: the next step" \
		"$ctl" create a
	check "and nothing is left" nothing_left
fi

# Helpers that fail, at every step of a create.
broken() { # PROGRAM SCRIPT STATUS PATTERN TEXT
	mv "$T/bin/$1" "$T/kept"
	printf '#!/bin/sh\n%s\n' "$2" >"$T/bin/$1"
	chmod 755 "$T/bin/$1"
	expect "$3" "$4" "$5" "$ctl" create a --no-start
	mv "$T/kept" "$T/bin/$1"
	check "and nothing is left" nothing_left
}
broken vtpm-key-native 'echo not JSON' 1 'not a reply' \
	"create with a provider that talks nonsense"
broken vtpm-key-native 'echo out of order >&2; exit 3' 1 'out of order' \
	"create with a provider that fails"
broken vtpm-engine 'echo no more seeds >&2; exit 15' 1 'no more seeds' \
	"create with an engine that does not start"
broken vtpm-engine 'echo a: disk is full >&2; exit 14' 8 'disk is full' \
	"create with an engine without space"
broken vtpm-identity 'echo no primes >&2; exit 1' 1 'no primes' \
	"create with an identity program that fails"
# Not by kill(), which its sandbox refuses.
broken vtpm-identity 'exec /usr/bin/python3 -c "import os; os.abort()"' 1 \
	'status 134' "create with an identity program that is killed"

"$ctl" monitor --json >"$T/events" 2>&1 &
monitor=$!
sleep 0.3
expect 0 'a is stopped' "create --no-start" "$ctl" create a --no-start
expect 0 'mode 0660, autostart yes' "set" "$ctl" set a --mode 0660 --autostart \
	--notes 'first line'
expect 0 'first line' "show has the notes" "$ctl" show a
expect 2 'no user nobody-is-called-so' "set: an owner who is not there" \
	"$ctl" set a --owner nobody-is-called-so
expect 2 'Usage' "set nothing" "$ctl" set a
expect 2 '1024 bytes' "set: notes that are too long" \
	"$ctl" set a --notes "$(printf '%1025s' x)"
check "and it is as it was" sh -c "'$ctl' show a | grep -q '0660'"
uuid=$(sed -n 's/^uuid *//p' <("$ctl" show a))
expect 4 'there is a vTPM a already' "rename to a name that is taken" \
	"$ctl" rename a a
expect 2 '' "rename to no name" "$ctl" rename a 'a/b'
expect 0 'a is b now' "rename" "$ctl" rename a b
expect 0 "$uuid" "it is the same one" "$ctl" show b
expect 0 'first line' "with its settings" "$ctl" show b
expect 3 'no vTPM a' "and the old name is free" "$ctl" show a
check "there is no file of that name" \
	sh -c "! ls -A '$T/state' | grep -q '^\.\?a\.'"
check "its endorsement keys are still known" \
	sh -c "'$ctl' ek show b | grep -q rsa2048"
expect 0 '' "rename back" "$ctl" rename b a
expect 0 'autostart no' "set --no-autostart" "$ctl" set a --no-autostart \
	--notes '' --mode 0600
expect 4 'is stopped' "reset of one that is stopped" "$ctl" reset a
check "the file is root's alone" \
	test "$(stat -c %U:%a "$T/state/a.nvram")" = root:600
check "no engine is left running" test -z "$(helpers)"
expect 0 '^a .*stopped' "list" "$ctl" list
expect 0 '"keyId": "[0-9a-f]' "show --json" "$ctl" show a --json
expect 0 '"users": ..*"a"' "the provider knows its user" \
	bash -c "'$ctl' provider show p1 --json | tr -d '\n'"
expect 4 already "a second create of the same name" \
	"$ctl" create a --no-start
expect 3 'no vTPM b' "show of one that is not there" "$ctl" show b
expect 4 'is stopped' "stop of one that is stopped" "$ctl" stop a
for name in a/b $'a\tb' .. .a "$(printf 'a%.0s' $(seq 64))" ''; do
	expect 2 'not a name' "create ${name@Q}" "$ctl" create "$name" --no-start
done

expect 2 'no user' "create for a user who is not there" \
	"$ctl" create n --owner no-such-user --no-start
expect 2 'octal' "create with a mode that is none" \
	"$ctl" create n --mode 0777 --no-start
check "and nothing of them is left" test ! -e "$T/state/n.json" -a \
	! -e "$T/state/n.nvram"

cat >"$T/lock.py" <<'PY'
import fcntl, struct, subprocess, sys
f = open(sys.argv[1], "r+b")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
sys.exit(subprocess.run(sys.argv[2:], close_fds=True).returncode)
PY
expect 4 'in use' "a file that an engine has locked is not touched" \
	python3 "$T/lock.py" "$T/state/a.nvram" "$ctl" delete a --yes
expect 2 yes "delete without terminal and --yes is refused" "$ctl" delete a
expect 0 '^a ' "and a is still there" "$ctl" list

# --- rights ------------------------------------------------------------------

expect 0 '^a ' "everyone may list" "${as_nobody[@]}" "$ctl" list
expect 0 uuid "everyone may show" "${as_nobody[@]}" "$ctl" show a
expect 5 vtpm-admin "not everyone may create" \
	"${as_nobody[@]}" "$ctl" create n --no-start
expect 5 vtpm-admin "not everyone may delete" "${as_nobody[@]}" "$ctl" delete a --yes
expect 5 'only root' "not everyone may add providers" \
	"${as_nobody[@]}" "$ctl" provider add native n
expect 0 'o is stopped' "an operator may create" \
	"${as_admin[@]}" "$ctl" create o --no-start
expect 0 '' "an operator may delete" "${as_admin[@]}" "$ctl" delete o --yes
cp "$T/password" "$T/readable"
chmod 644 "$T/readable"
mkdir -m 1777 "$T/tmp"
expect 5 'only root' "an operator may not take the keys" \
	"${as_admin[@]}" "$ctl" provider backup p1 "$T/tmp/keys" \
	--password-file "$T/readable"
check "and gets no file" test ! -e "$T/tmp/keys"

# --- clients that mean no good -----------------------------------------------

timeout 300 python3 tools/testing/e2e/varlink.py "$VTPM_SOCKET" "$daemon" \
	helper/vtpmd/io.vtpm.varlink >"$T/said" 2>&1
status=$?
adopt "$T/said"
[ $status -le 1 ] && grep -q '^ok and memory' "$T/said"
result $? "varlink.py came to its end"

# --- check -------------------------------------------------------------------

expect 0 '^ok  *wrap and unwrap: ' "check of a provider" "$ctl" provider check p1
expect 0 '"passed": true' "check --json" "$ctl" provider check p1 --json
chmod 644 "$T/state/keys/p1"/*.key
expect 1 '^failed  rights: .*mode 0644' "a key file that others may read" \
	"$ctl" provider check p1
expect 1 '"passed": false' "also with --json" "$ctl" provider check p1 --json
chmod 600 "$T/state/keys/p1"/*.key
mv "$T/state/keys/p1" "$T/kept"
expect 1 '^failed  program: .*provider restore' "its directory is gone" \
	"$ctl" provider check p1
mv "$T/kept" "$T/state/keys/p1"
expect 3 'no key provider' "check of one that is not there" \
	"$ctl" provider check p9
expect 5 vtpm-admin "not everyone may check" \
	"${as_nobody[@]}" "$ctl" provider check p1
expect 0 '' "an operator may" "${as_admin[@]}" "$ctl" provider check p1

# A program of somebody else, without that operation. In no way secret.
cat >"$T/bin/vtpm-key-plain" <<'PY'
#!/usr/bin/python3
import base64, json, os, sys
r = json.load(sys.stdin)
reply = {"ok": True, "key-id": "k"}
if r["operation"] == "info":
    reply = {"ok": True, "keys": [], "usable": not os.path.exists("unusable"),
             "reason": "the moon is not full"}
elif r["operation"] == "wrap":
    reply["wrapped"] = base64.b64encode(os.read(3, 64)).decode()
elif r["operation"] == "unwrap":
    key = base64.b64decode(r["wrapped"])
    os.write(4, bytes(32) if os.path.exists("wrong") else key)
elif r["operation"] == "check" and os.path.exists("check"):
    reply = json.load(open("check"))
elif r["operation"] != "new-key":
    reply = {"ok": False, "error": {"code": "NotSupported", "message": "no"}}
print(json.dumps(reply))
PY
chmod 755 "$T/bin/vtpm-key-plain"
plain=$T/state/keys/plain
expect 0 '' "a provider without check" "$ctl" provider add plain plain
expect 0 '^ok  *unwrap: it is the same' "is checked by wrap and unwrap" \
	"$ctl" provider check plain
touch "$plain/wrong"
expect 1 '^failed  unwrap: .*opens as another key' "one that gives another key" \
	"$ctl" provider check plain
rm "$plain/wrong"
touch "$plain/unusable"
expect 1 '^failed  info: the moon' "one that cannot be used" \
	"$ctl" provider check plain
for bad in '{"ok": true}' '{"ok": true, "steps": []}' \
	'{"ok": true, "steps": [{"step": "x", "ok": 1, "message": "y"}]}' \
	"{\"ok\": true, \"steps\": [$(printf '1,%.0s' $(seq 70))1]}"; do
	echo "$bad" >"$plain/check"
	expect 1 '^failed  program: .*not usable' "no steps: ${bad:0:40}" \
		"$ctl" provider check plain
done
printf '{"ok": true, "steps": [{"step": "a\\nb\\u001b[31m", "ok": true, "message": "m"}]}' \
	>"$plain/check"
expect 0 '^ok  *b?\[31m: m$' "what a program says is one line of text" \
	"$ctl" provider check plain
rm -r "$plain"
expect 0 'was removed' "remove of one without a directory" \
	"$ctl" provider remove plain --yes

# --- default and remove ------------------------------------------------------

expect 0 '^p1$' "the first provider is the default" "$ctl" provider default
expect 0 '' "a second provider" "$ctl" provider add native p2
expect 0 '^p1$' "is not" "$ctl" provider default
expect 4 'wraps of provider p1: a; .*rekey --provider p1 --to' \
	"remove of one in use: by whom" "$ctl" provider remove p1 --yes
expect 2 'asks first' "remove without terminal and --yes is refused" \
	"$ctl" provider remove p2
expect 3 'no key provider' "remove of one that is not there" \
	"$ctl" provider remove p9 --yes
expect 2 'not a name' "and of one that cannot be" \
	"$ctl" provider remove ../p1 --yes
expect 0 'p2 is the default' "another default" "$ctl" provider default p2
expect 0 '^p2$' "is that" "$ctl" provider default
expect 4 'first make another that with: vtpmctl provider default p1' \
	"the default one of two is not removed" "$ctl" provider remove p2 --yes
expect 5 'only root' "an operator may not choose it" \
	"${as_admin[@]}" "$ctl" provider default p1
expect 5 'only root' "or remove one" \
	"${as_admin[@]}" "$ctl" provider remove p2 --yes
expect 0 '^p2$' "but everyone may see it" "${as_nobody[@]}" "$ctl" provider default
expect 3 'no key provider' "a default that is not there" \
	"$ctl" provider default p9
stop_daemon
start_daemon
expect 0 '^p2$' "the choice is kept" "$ctl" provider default
expect 0 '"default": false' "by one file alone" cat "$T/state/providers/p1.json"
expect 0 '' "the first again" "$ctl" provider default p1
expect 0 "keys are still in $T/state/keys/p2" "remove says where the keys are" \
	"$ctl" provider remove p2 --yes
check "where they are" test -n "$(ls "$T/state/keys/p2")"
check "it is not listed" sh -c "! '$ctl' provider list | grep ^p2"
check "nor is there a file of it" test ! -e "$T/state/providers/p2.json"
expect 0 '' "added under the name again" "$ctl" provider add native p2
check "it has the older key, too" test \
	"$("$ctl" provider show p2 | grep -c '^key ')" = 2
expect 0 '"keysLeft"' "remove --json" "$ctl" provider remove p2 --yes --json

# --- restore on another host -------------------------------------------------

cp "$T/state/a.nvram" "$T/a.copy"
expect 0 '' "delete" "$ctl" delete a --yes
check "leaves nothing" nothing_left
expect 4 'ca rekey.*ca remove' "the provider of the CA stays" \
	"$ctl" provider remove p1 --yes
expect 0 '' "until the CA goes" "$ctl" ca remove --yes
expect 0 '' "the last provider may go, default or not" \
	"$ctl" provider remove p1 --yes
expect 0 'no default provider' "and there is none" "$ctl" provider default
kill "$monitor"
wait "$monitor" 2>/dev/null
check "monitor saw it made" grep -q '"created"' "$T/events"
check "monitor saw it deleted" grep -q '"deleted"' "$T/events"
stop_daemon
result $? "SIGTERM ends vtpmd with status 0"
check "and removes the socket" test ! -e "$VTPM_SOCKET"

# What a manager that was killed leaves is removed, and only that.
mkdir "$T/state2"
cp "$T/a.copy" "$T/state2/.half.nvram.new"
cp "$T/a.copy" "$T/state2/.gone.nvram.old"
cp "$T/a.copy" "$T/state2/copy.nvram"
head -c 5000 /dev/urandom >"$T/state2/junk.nvram"
echo '{"autostart": maybe' >"$T/state2/copy.json"
start_daemon "$T/state2"
check "leftovers are removed at the start" \
	test -z "$(find "$T/state2" -name '.*.nvram.*')"
expect 0 '^copy .*stopped' "a copied file is a vTPM" "$ctl" list
expect 0 '^junk .*damaged' "a file of junk is a damaged one" "$ctl" list
restore=(provider restore native p1 "$T/p1.p12" --password-file)
expect 7 assword "restore with the wrong password" \
	"$ctl" "${restore[@]}" "$T/wrong"
expect 0 NAME "makes no provider" "$ctl" provider list
check "none at all" test ! -e "$T/state2/providers/p1.json" -a \
	! -e "$T/state2/keys/p1"
expect 0 '' "restore" "$ctl" "${restore[@]}" "$T/password"
expect 0 '"usable": true' "its keys can be used at once" \
	"$ctl" provider show p1 --json
expect 0 '"copy"' "and are those that the copied vTPM needs" \
	"$ctl" provider show p1 --json
expect 0 'b is stopped' "create with the restored key" \
	"$ctl" create b --no-start
expect 0 '' "a damaged vTPM can be deleted" "$ctl" delete junk --yes

# --- killed at work ----------------------------------------------------------

for delay in 0.02 0.05 0.1 0.2; do
	"$ctl" create k --no-start >/dev/null 2>&1 &
	client=$!
	sleep $delay
	kill_daemon
	wait $client
	start_daemon "$T/state2"
	for _ in $(seq 50); do
		[ -z "$(helpers)" ] && break
		sleep 0.1
	done
	state=$("$ctl" list | awk '$1 == "k" { print $2 }')
	{ "$ctl" list; find "$T/state2"; helpers; tail -5 "$T/log"; } \
		>"$T/out" 2>"$T/err"
	[ -z "$(helpers)$(find "$T/state2" -name '.*')" ] &&
		[[ $state = "" || $state = stopped ]]
	result $? "vtpmd killed $delay s into a create: all of it or nothing"
	"$ctl" delete k --yes >/dev/null 2>&1
done

# --- more providers than can be added ----------------------------------------

stop_daemon
mkdir -p "$T/state3/providers"
for i in $(seq 70); do
	echo '{"type": "native", "default": false}' \
		>"$T/state3/providers/many$i.json"
done
start_daemon "$T/state3"
expect 0 '^many70 ' "each of 70 providers is listed" "$ctl" provider list
check "and all of them" test "$(grep -c ^many "$T/out")" = 70
expect 2 'there are 70 key providers; that is the limit' \
	"but no more is added" "$ctl" provider add native p71

check "no password is in the log" sh -c "! grep -q horse '$T/log'"
end_in_order
