#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vTPMs that are made before they are asked for, without the kernel module: TAP on
# standard output. Root only; touches nothing but a temporary directory.
#
# usage: pool.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh

blanks() { find "$T/state" -maxdepth 1 -name '.pool-*.nvram' -printf '%f\n' | sort; }
full() { # N: wait until there are so many, and all is quiet
	for _ in $(seq 300); do
		[ "$(blanks | wc -l)" = "$1" ] && [ -z "$(helpers)" ] &&
			[ -z "$(find "$T/state" -name '*.new')" ] && return
		sleep 0.1
	done
	blanks
	return 1
}
from_pool() { # NAME: create it; is one of those of before not there any more?
	local before
	before=$(blanks)
	"$ctl" create "$1" --no-start || return
	[ "$(comm -23 <(echo "$before") <(blanks) | wc -l)" = 1 ]
}
not_from_pool() { # NAME [OPTION...]
	local before
	before=$(blanks)
	"$ctl" create "$@" --no-start && [ "$(blanks)" = "$before" ]
}
verifies() { # NAME
	"$ctl" ek export "$1" --type p256 --der >"$T/ek.der" &&
		openssl x509 -inform DER -in "$T/ek.der" -out "$T/ek.pem" &&
		"$ctl" ca export --root "$T/root.pem" &&
		"$ctl" ca export --chain "$T/chain.pem" &&
		openssl verify -CAfile "$T/root.pem" -untrusted "$T/chain.pem" \
			"$T/ek.pem"
}

expect 2 '' "a pool too large" "$T/bin/vtpmd" --pool 65
start_daemon "$T/state" --pool 3
check "without a provider there is none" test -z "$(blanks)"
add_provider one
sleep 1.5
check "nor without a CA, which is made as somebody wants it" \
	test -z "$(blanks)$(ls "$T/state/ca")"
"$ctl" create first --no-start >/dev/null
check "the pool is filled" full 3
check "nobody sees it" test "$("$ctl" list | wc -l)" = 2
expect 0 'users *first$\|first' "nor is it a user" "$ctl" provider show one
check "of the provider" sh -c "! grep -q pool '$T/out'"
check "a file of it is root's alone" test \
	"$(stat -c %U:%a "$T/state/$(blanks | head -1)")" = root:600

check "create takes one" from_pool a
check "which is whole" "$ctl" check a
check "and certified" verifies a
expect 0 'uuid' "its settings are those asked for" "$ctl" show a
check "another one takes its place" full 3
check "with owner and notes" sh -c \
	"'$ctl' create b --no-start --owner 12:13 --mode 0640"
expect 0 '12:13 0640' "they are as asked for" "$ctl" show b
"$ctl" backup a "$T/a.nvram" >/dev/null
"$ctl" delete a --yes >/dev/null
expect 0 'a is restored' "the backup knows its name" "$ctl" restore "$T/a.nvram"
keys() { for i in first a b; do
	"$ctl" ek export $i --type p256 --public --der | sha256sum
	"$ctl" show $i --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["vtpm"]["uuid"])'
done; }
check "keys and UUIDs are of one each" test "$(keys | sort -u | wc -l)" = 6
for i in $(seq 6); do
	"$ctl" create "m$i" --no-start >"$T/m$i" 2>&1 &
	pids[i]=$!
done
failed=0
for i in $(seq 6); do wait "${pids[i]}" || failed=1; done
result $failed "six at once"
for i in $(seq 6); do
	"$ctl" ek export "m$i" --type rsa2048 --public --der | sha256sum
done | sort -u >"$T/keys"
check "have keys of their own" test "$(wc -l <"$T/keys")" = 6
for i in $(seq 6); do "$ctl" delete "m$i" --yes; done >/dev/null

check "the pool is full again" full 3
check "other keys are not from the pool" not_from_pool o1 --ek p256,p384
check "nor is one without certificates" not_from_pool o2 --no-certificate
check "nor one with other PCR banks" not_from_pool o3 --pcr-banks sha256
add_provider two
full 3
check "nor one of another provider" not_from_pool o5 --provider two

# --- what it was made with has changed ---------------------------------------

changed() { # COMMAND...: are all of them others afterwards?
	local before
	full 3 || return
	before=$(blanks)
	"$@" && full 3 && [ -z "$(comm -12 <(echo "$before") <(blanks))" ]
}
new_key() { # A native one is used after a backup.
	"$ctl" provider new-key one && "$ctl" provider backup one "$T/one.p12" \
		--force --password-file "$T/password"
}
check "a new key makes new ones" changed new_key
check "as does the CA" changed "$ctl" ca renew
check "create takes one of these" from_pool c
expect 0 'issuing CA 2' "by the new issuing CA" "$ctl" ek show c
check "which verifies" verifies c
check "another default provider" changed "$ctl" provider default two
check "create takes one of these" from_pool d
expect 0 'of provider two' "of that provider" "$ctl" show d
full 3
rm "$T/state/$(blanks | head -1)" "$T/state/$(blanks | tail -1)"
for i in 1 2 3; do
	expect 0 '' "create although a file was removed" "$ctl" create "g$i" --no-start
	check "is whole" "$ctl" check "g$i"
done

full 3
for i in 1 2 3; do
	expect 2 'no user' "a create that is refused" \
		"$ctl" create "u$i" --no-start --owner no-such-user
done
check "leaves nothing of the pool" full 3
expect 7 '' "a key that is gone makes none" sh -c \
	"mv '$T/state/keys/two' '$T/kept'; '$ctl' create gone --no-start; r=\$?
	mv '$T/kept' '$T/state/keys/two'; exit \$r"
expect 3 'no vTPM' "and none is there" "$ctl" show gone
sleep 1

# --- the end and a kill ------------------------------------------------------

full 3
before=$(blanks)
stop_daemon
start_daemon "$T/state" --pool 3
full 3
check "another vtpmd has others" \
	test -z "$(comm -12 <(echo "$before") <(blanks))"
for delay in 0.02 0.08 0.15 0.25; do
	new_key >/dev/null
	sleep $delay
	kill_daemon
	start_daemon "$T/state"
	for _ in $(seq 100); do [ -z "$(helpers)" ] && break; sleep 0.1; done
	find "$T/state" "$T/run" -name '*.pool*' >"$T/out"
	check "killed $delay s into the making of one: nothing is left" \
		test ! -s "$T/out"
	stop_daemon
	start_daemon "$T/state" --pool 3
done
mv "$T/state/keys/two" "$T/kept"
"$ctl" ca renew >/dev/null 2>&1
sleep 1
before=$(grep -c 'pool-' "$T/log")
"$ctl" list >/dev/null
sleep 1
check "a provider that is away is not asked again and again" \
	test "$(grep -c 'pool-' "$T/log")" -le $((before + 2))
mv "$T/kept" "$T/state/keys/two"
end_in_order
