#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of the engine or the manager somewhere in a rekey, ROUNDS times (20):
# the file always opens with exactly one of the old and the new key. TAP. Root
# only, without the kernel module; touches nothing but a temporary directory.
#
# usage: rekey-kill.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh
rounds=${ROUNDS:-20}

number() {
	"$ctl" show k --json 2>/dev/null | python3 -c '
import json, sys
print(json.load(sys.stdin)["vtpm"]["dataKey"])'
}

# An engine that was left has the file until it is stopped.
quiet() {
	for _ in $(seq 100); do
		[ -z "$(helpers)" ] && return
		sleep 0.05
	done
	return 1
}

# Sometimes a plain one, mostly a deep one; the victim dies after MS ms.
cut_short() { # VICTIM MS
	local client engine
	if [ $((RANDOM % 4)) = 0 ]; then
		"$ctl" rekey k >/dev/null 2>&1 &
	else
		"$ctl" rekey k --deep >/dev/null 2>&1 &
	fi
	client=$!
	sleep "$(printf '0.%03d' "$2")"
	if [ "$1" = manager ]; then
		kill_daemon
		start_daemon "$T/state"
	else
		for engine in $(helpers); do
			case $(readlink "/proc/$engine/exe") in
			*/vtpm-engine*) kill -9 "$engine" 2>/dev/null ;;
			esac
		done
	fi
	wait $client 2>/dev/null
	quiet
}

start_daemon "$T/state"
add_provider p && "$ctl" create k --no-start >/dev/null
result $? "a provider and a vTPM"

bad=0 changed=0 kept=0
was=$(number)
for round in $(seq "$rounds"); do
	victim=engine
	[ $((RANDOM % 2)) = 0 ] && victim=manager
	ms=$((RANDOM % 90))
	cut_short $victim $ms
	now=$(number)
	# The wraps are those of the key that the file is sealed with: it opens.
	if "$ctl" rekey k >"$T/out" 2>"$T/err" && [ "$now" ] &&
		[ $((now - was)) -ge 0 ] && [ $((now - was)) -le 1 ]; then
		if [ "$now" = "$was" ]; then kept=$((kept + 1)); else
			changed=$((changed + 1)); fi
	else
		echo "# round $round, $victim after $ms ms: $was -> $now"
		sed 's/^/# /' "$T/err"
		bad=$((bad + 1))
	fi
	was=$(number)
done
echo "# $rounds kills: $kept times the old key, $changed times the new one"
[ $bad = 0 ]
result $? "$rounds kills in a rekey: it opens with the old key or the new one"
[ $kept -gt 0 ] && [ $changed -gt 0 ]
result $? "and both have been seen"
check "no sanitizer has complained" \
	sh -c "! grep -Eq 'Sanitizer|runtime error' '$T/log'"
stop_daemon
result $? "the end is in order"
tap_end
