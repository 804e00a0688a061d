#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The data keys of vTPMs that vtpmd starts by itself come from one run of their
# provider's program, whatever it answers no key goes to another vTPM, and all of
# them start. With a kernel that fake-kernel.c plays: engines are real, and open
# their files. TAP on standard output. Root only; touches nothing but a temporary
# directory.
#
# usage: autostart-keys.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh
many=50 few=8

gcc -shared -fPIC -O1 -Ikmod/uapi -o "$T/fake.so" \
	tools/testing/e2e/fake-kernel.c -lmnl || exit
cp tools/testing/e2e/counting-provider.py "$T/bin/vtpm-key-count"
chmod 755 "$T/bin/vtpm-key-count"

start_with() { # STATE-DIR [OPTION...]: with the fake kernel
	LD_PRELOAD=$T/fake.so ASAN_OPTIONS=verify_asan_link_order=0 \
		start_daemon "$@"
}
calls() { # STATE-DIR OPERATION [PROVIDER]: how many
	grep -c "^$2 " "$1/keys/${3:-one}/calls" || :
}
states() { # STATE [PATTERN]: how many are in it
	"$ctl" list | grep -c -- "^${2:-}.* $1 " || :
}
started() { # N: wait until vtpmd says that they are
	for _ in $(seq 1200); do
		grep -q "the start of $1 vTPMs took" "$T/log" && return
		sleep 0.1
	done
	return 1
}
set_mode() { # STATE-DIR MODE [PROVIDER]
	echo "$2" >"$1/keys/${3:-one}/mode"
	: >"$1/keys/${3:-one}/calls"
	chmod 666 "$1/keys/${3:-one}/"{mode,calls}
	: >"$T/log"
}
over() { # stop all that runs, and vtpmd
	"$ctl" stop --all >"$T/stopped" 2>&1
	stop_daemon
}

# --- the vTPMs -----------------------------------------------------------------

start_daemon "$T/state"
"$ctl" provider add count one >/dev/null
create() {
	"$ctl" create "$1" --no-start --autostart --no-certificate --ek p256 \
		>/dev/null 2>&1
}
export -f create
export ctl
seq "$many" | xargs -P 4 -I N bash -c 'create vN'
check "$many vTPMs are there" test "$("$ctl" list | grep -c ' stopped ')" = $many
stop_daemon
mkdir "$T/small"
cp -a "$T/state/." "$T/small"
for i in $(seq $((few + 1)) $many); do
	rm -f "$T/small/v$i".* "$T/small/identity/v$i".*
done

# --- one run for all -------------------------------------------------------------

set_mode "$T/state" ok
start_with "$T/state"
check "all $many are started" started $many
check "and run" test "$(states running)" = $many
check "by one run of unwrap-many" test "$(calls "$T/state" unwrap-many)" = 1
check "for all of them" grep -qx "unwrap-many $many" "$T/state/keys/one/calls"
check "and none of unwrap" test "$(calls "$T/state" unwrap)" = 0
check "a line in the log says so" grep -Eq \
	"provider one: $many of $many data keys in [0-9]+ ms" "$T/log"
grep -Eo '(provider one: .* ms|the start of .*)' "$T/log" | sed 's/^/# /'
over
set_mode "$T/state" unsupported
start_with "$T/state"
check "a provider without it: all are started" started $many
check "and run" test "$(states running)" = $many
check "each by its own unwrap" test "$(calls "$T/state" unwrap)" = $many
grep -Eo 'the start of .*' "$T/log" | sed 's/^/# one by one: /'
over

# --- answers that are not right ---------------------------------------------------

wrong() { # MODE UNWRAPS TEXT
	set_mode "$T/small" "$1"
	start_with "$T/small"
	check "$3: all are started" started $few
	check "$3: all run" test "$(states running)" = $few
	check "$3: asked once for all" \
		test "$(calls "$T/small" unwrap-many)" = 1
	check "$3: $2 asked alone" test "$(calls "$T/small" unwrap)" = "$2"
	over
}
wrong ok 0 "as it should be"
wrong fail $few "an error for all"
wrong few $few "a result too few"
wrong more $few "a result too many"
wrong short $few "a key too few"
wrong surplus $few "a key too many"
wrong byte $few "a byte too many"
wrong lengths $few "a length that is none"
wrong odd $few "a result that is none"
wrong bad-item 1 "one that does not open"
wrong swap $few "keys of others"
check "which the log tells" grep -q 'gave a wrong key for it among many' "$T/log"

# --- waiting ---------------------------------------------------------------------

set_mode "$T/small" slow
start_with "$T/small"
expect 0 'v1 .* starting' "one that waits is starting" "$ctl" list
expect 0 'waiting for its turn' "and why" "$ctl" show v1
expect 0 'v1 is stopped' "stop takes it out of the queue" "$ctl" stop v1
expect 0 'v2 is running' "start does not wait for the queue" "$ctl" start v2
check "all are started" started $few
check "but the one that was taken out" test "$(states running)" = $((few - 1))
check "that one is stopped" test "$(states stopped v1)" = 1
check "and all but one came from one run" test "$(calls "$T/small" unwrap)" = 1
over

# A key that is destroyed while a run has those that it wrapped.
set_mode "$T/small" slow
start_with "$T/small"
sleep 1
check "a run is under way" test "$(calls "$T/small" unwrap-many)" = 1
check "the key is destroyed" "$ctl" provider destroy-key one the-key --shred --yes
for _ in $(seq 200); do
	[ "$(states starting)" = 0 ] && break
	sleep 0.1
done
check "none of those that waited runs" test "$(states running)" = 0
expect 0 'destroyed on purpose' "it is said why" "$ctl" show v1
rm "$T/small/keys/one/destroyed"
over

# A provider that is away, and comes back.
locked() { # until all have failed in the start and in two retries
	for _ in $(seq 300); do
		[ "$(calls "$T/small" unwrap)" -ge $((few * 3)) ] && break
		sleep 0.1
	done
	sleep 0.7
	check "$1: all are locked" test "$(states locked)" = $few
	set_mode "$T/small" ok
}
all_run() {
	for _ in $(seq 100); do
		[ "$(states running)" = $few ] && return
		sleep 0.1
	done
	"$ctl" list
	return 1
}
set_mode "$T/small" away
start_with "$T/small"
locked "a provider that was away"
"$ctl" unlock v1 >/dev/null
check "one is unlocked: all run" all_run
check "one is unlocked: it by itself" test "$(calls "$T/small" unwrap)" = 1
check "one is unlocked: the others by one run" \
	grep -qx "unwrap-many $((few - 1))" "$T/small/keys/one/calls"
over
set_mode "$T/small" away
start_with "$T/small"
locked "a provider that was away again"
"$ctl" unlock --all >/dev/null
check "all are unlocked: all run" all_run
check "all are unlocked: none by itself" test "$(calls "$T/small" unwrap)" = 0
check "all are unlocked: by one run" \
	grep -qx "unwrap-many $few" "$T/small/keys/one/calls"
over

at_once() { # how many were starting at the same time, by the log
	awk '/-> starting/ { if (++n > most) most = n }
		/: starting ->/ { n-- }
		END { print most + 0 }' "$T/log"
}
for n in 1 3; do
	set_mode "$T/small" ok
	start_with "$T/small" --max-starts $n
	check "--max-starts $n: all are started" started $few
	check "--max-starts $n: all run" test "$(states running)" = $few
	check "--max-starts $n: so many at once" test "$(at_once)" = $n
	over
done
for n in 0 65 x -1 ''; do
	expect 2 'max-starts takes a number from 1 to 64' "--max-starts '$n'" \
		"$T/bin/vtpmd" --max-starts "$n"
done

# A provider that hangs, and another one.
set_mode "$T/small" ok
start_daemon "$T/small"
"$ctl" provider add count two >/dev/null
for i in 5 6 7 8; do
	"$ctl" rekey "v$i" --to two >/dev/null
done
stop_daemon
of_two() { # TEXT: are those of provider two started?
	for _ in $(seq 200); do
		[ "$(states running 'v[5-8]')" = 4 ] && break
		sleep 0.1
	done
	check "$1: those of another provider run" \
		test "$(states running 'v[5-8]')" = 4
	check "$1: they came from one run" \
		test "$(calls "$T/small" unwrap-many two)" = 1
	check "$1: its own do not" test "$(states starting 'v[1-4]')" = 4
	for i in 1 2 3 4; do
		"$ctl" stop "v$i" >/dev/null 2>&1
	done
	# shellcheck disable=SC2046
	kill -KILL $(hanging) 2>/dev/null
}
hanging() { # pids of programs of provider one
	local p
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/cwd" 2>/dev/null)" = "$T/small/keys/one" ] &&
			echo "${p#/proc/}"
	done
}
set_mode "$T/small" hang one
set_mode "$T/small" ok two
start_with "$T/small" --max-starts 2
of_two "a provider hangs"
check "a provider hangs: its own can be taken out" \
	test "$(states stopped 'v[1-4]')" = 4
over
# Each by itself hangs, when the other provider is not ready yet.
set_mode "$T/small" fail-hang one
set_mode "$T/small" slow two
start_with "$T/small" --max-starts 2
of_two "a provider hangs for each"
over

# --- engines that hang, of a vtpmd that was killed ---------------------------------

set_mode "$T/small" ok
start_with "$T/small"
check "engines for the next vtpmd" started $few
kill_daemon
: >"$T/log"
mapfile -t pids < <(helpers)
check "they go on" test "${#pids[@]}" = $few
kill -STOP "${pids[@]:0:5}"
began=$SECONDS
LD_PRELOAD=$T/fake.so ASAN_OPTIONS=verify_asan_link_order=0 "$T/bin/vtpmd" \
	--state-dir "$T/small" --run-dir "$T/run" --verbose 2>>"$T/log" &
daemon=$!
for _ in $(seq 600); do
	grep -q "the start of $few vTPMs took" "$T/log" && break
	sleep 0.1
done
took=$((SECONDS - began))
echo "# with five engines that hang: $took s"
check "five engines that hang do not keep vtpmd long" test "$took" -le 25
check "they are gone" sh -c "! kill -0 ${pids[0]} 2>/dev/null"
check "the log says of which" test \
	"$(grep -c 'cannot be taken over: Connection timed out' "$T/log")" = 5
check "all vTPMs run again" test "$(states running)" = $few
"$ctl" stop --all >/dev/null 2>&1
end_in_order
