#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A provider's program that waits for its request: TAP on standard output. Root
# only; touches nothing but a temporary directory.
#
# usage: standby.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh

waiting() { # wait for one; it is $pid
	for _ in $(seq 100); do
		pid=$(standby) && return
		sleep 0.1
	done
	return 1
}
gone() { # PID: has it ended, and has vtpmd reaped it?
	for _ in $(seq 50); do
		[ -e "/proc/$1" ] || return 0
		sleep 0.1
	done
	return 1
}
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }

start_daemon "$T/state"
check "none before it is known that one will do" sh -c "sleep 1; ! pgrep -f \
	'^vtpm-key-native --ahead' -P $daemon"
add_provider one
"$ctl" create a --no-start --no-certificate >/dev/null
check "after an unwrap one waits" waiting
check "as the user of all providers" test "$(status Uid | cut -f1)" = \
	"$(id -u vtpm-keys)"
check "in their sandbox" test "$(status Seccomp)$(status NoNewPrivs)" = 21
check "without a key file" sh -c "! ls -l /proc/$pid/fd | grep '\.key'"
check "which is not locked, either" flock -n "$T/state/keys/one" true
expect 0 'a opens' "it serves" "$ctl" check a
check "and ends" gone "$pid"
first=$pid
check "another one waits" waiting
check "that is not the same" test "$pid" != "$first"

kill -9 "$pid"
expect 0 '' "one that was killed is not missed" "$ctl" check a
check "another one waits" waiting
kill -STOP "$pid"
first=$pid
cp "$T/bin/vtpm-key-native" "$T/new" && mv "$T/new" "$T/bin/vtpm-key-native"
began=$SECONDS
expect 0 '' "one of a program that was replaced is not used" "$ctl" check a
# It would be waited for, for a minute.
check "not even tried" test $((SECONDS - began)) -lt 30
check "and is ended" gone "$first"
check "another one waits" waiting

mv "$T/state/keys/one" "$T/state/keys/kept"
expect 7 'get its keys' "keys that have gone are missed" "$ctl" check a
mv "$T/state/keys/kept" "$T/state/keys/one"
"$ctl" check a >/dev/null
check "another one waits" waiting
key=$(find "$T/state/keys/one" -name '*.key')
mv "$key" "$T/key"
expect 7 'has no key' "it reads the keys that are there then" "$ctl" check a
mv "$T/key" "$key"
"$ctl" check a >/dev/null
check "another one waits" waiting
"$ctl" create b --no-start --no-certificate >/dev/null
check "another one waits" waiting
python3 - "$T/state" <<'PY'
import sys
path = sys.argv[1]
with open(f"{path}/b.nvram", "rb") as f:
    other = f.read()
with open(f"{path}/a.nvram", "rb") as f:
    own = f.read()
with open(f"{path}/c.nvram", "wb") as f:
    f.write(own[:len(own) // 2] + other[len(own) // 2:])
PY
check "a file that is spoilt is found out" sh -c "! '$ctl' check c"

waiting
"$ctl" delete a --yes >/dev/null
"$ctl" delete b --yes >/dev/null
"$ctl" delete c --yes >/dev/null
check "with its provider it goes" sh -c \
	"'$ctl' provider remove one --yes || '$ctl' provider forget one"
check "at once" gone "$pid"

add_provider two
"$ctl" create d --no-start --no-certificate >/dev/null
waiting
kill_daemon
check "it ends with vtpmd" gone "$pid"
start_daemon "$T/state"
expect 0 '' "the next vtpmd opens it all the same" "$ctl" check d
waiting
last=$pid
check "one waits at the end" test -n "$last"
stop_daemon
check "and ends in order with vtpmd" gone "$last"
start_daemon "$T/state"
end_in_order
