#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In the guest with the debug kernel: run tests of the module, and after each
# of them look for what the kernel has to say. TAP.
#
#   run-debug.sh RUN ...   selftests, stress, deaths, fuzz, failslab, upstream
#
# VTPM_KO is the module. How long: STRESS_SECONDS (20), DEATHS (50),
# FUZZ_SECONDS (30), FAILSLAB_SECONDS (20). SEED for all of them (the time).
#
# After a run rmmod has to succeed and the log has to have no report; in the end
# kmemleak has to find nothing in two scans. Lockdep and kmemleak have to be
# still at work: both switch themselves off when they run out of means.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh

tests=build/selftests
debug=/sys/kernel/debug
seed=${SEED:-$(date +%s)}
reports='KASAN|KFENCE|BUG:|WARNING:|lockdep|UBSAN|ODEBUG|INFO: task .* blocked'
reports+='|possible .*(locking|deadlock)|suspicious RCU|inconsistent lock state'
reports+='|memory leak|refcount_t|list_(add|del) corruption|Oops|general protection'
reports+='|rcu.*(stall|detected)|scheduling while atomic|sleeping function'
reports+='|nobody cared|DEBUG_LOCKS_WARN_ON|Voluntary context switch'

say() { echo "# $*"; }

# A mark in the log, and what has come after it. In a long run the TPM core says
# more than the kernel keeps, so the log is followed.
dmesg --follow > "$TAP_DIR/log" &
follower=$!
trap 'kill $follower' EXIT
mark() { echo "vtpm-run-debug: $1" > /dev/kmsg; }
log_since() { sed -n "/vtpm-run-debug: $1\$/,\$p" "$TAP_DIR/log" | sed 1d; }

check_log() # RUN
{
	mark "end of $1"
	# Or the log that is read is not all of it.
	for _ in $(seq 50); do
		grep -q "vtpm-run-debug: end of $1\$" "$TAP_DIR/log" && break
		sleep 0.2
	done
	grep -q "vtpm-run-debug: end of $1\$" "$TAP_DIR/log"
	result $? "$1: the log is complete"
	log_since "$1" | grep -E "$reports" > "$TAP_DIR/out"
	: > "$TAP_DIR/err"
	[ ! -s "$TAP_DIR/out" ]
	result $? "$1: the kernel reports nothing"
	[ ! -s "$TAP_DIR/out" ] || log_since "$1" | head -200 | sed 's/^/# /'
}

check_still_watching() # RUN
{
	grep -q '^ *debug_locks: *1$' /proc/lockdep_stats
	result $? "$1: lockdep is still at work"
}

# A scan takes a minute here, so there is one pair for all runs: what they have
# lost stays lost.
check_leaks()
{
	local start=$SECONDS
	: > "$TAP_DIR/err"
	echo scan > $debug/kmemleak 2> "$TAP_DIR/err" && sleep 10 &&
		echo scan > $debug/kmemleak 2>> "$TAP_DIR/err"
	result $? "kmemleak is still at work"
	cat $debug/kmemleak > "$TAP_DIR/out"
	[ ! -s "$TAP_DIR/out" ]
	result $? "kmemleak finds nothing"
	sed 's/^/# /' "$TAP_DIR/out" | head -100
	say "kmemleak: $((SECONDS - start)) s"
}

unload() # RUN
{
	[ -d /sys/module/vtpm ] || { result 1 "$1: the module is there"; return; }
	rmmod vtpm > "$TAP_DIR/out" 2> "$TAP_DIR/err"
	result $? "$1: rmmod"
}

# The lines of TAP of a program, and its status.
program() # COMMAND...
{
	"$@" > "$TAP_DIR/program" 2>&1
	local status=$?
	adopt <(sed -E 's/^((not )?ok) [0-9]+ (- )?/\1 /; s/^# //' "$TAP_DIR/program")
	[ $status -eq 0 ] || grep -q '^not ok' "$TAP_DIR/program" ||
		result $status "$(basename "$1") exits with 0"
}

around() # RUN COMMAND...
{
	local run=$1 start=$SECONDS
	shift
	mark "$run"
	[ -d /sys/module/vtpm ] || insmod "$VTPM_KO" || {
		result 1 "$run: insmod"
		return
	}
	"$@"
	unload "$run"
	check_log "$run"
	check_still_watching "$run"
	say "$run: $((SECONDS - start)) s"
}

run_selftests() { program $tests/vtpm_test; }
run_deaths() { program $tests/deaths -s "$seed" -n "${DEATHS:-50}"; }
run_stress()
{
	program $tests/stress -s "$seed" -t "${STRESS_SECONDS:-20}" -m "$VTPM_KO"
}
run_fuzz()
{
	program $tests/fuzz-netlink -s "$seed" -t "${FUZZ_SECONDS:-30}"
}
run_upstream()
{
	# It loads and removes the module itself.
	rmmod vtpm
	program tools/testing/e2e/upstream.sh
	insmod "$VTPM_KO"
}

# The module registers chips and destroys instances in workers of the kernel:
# they are let fail as well, again and again, since new ones come.
let_workers_fail() # 0|1
{
	local p
	for p in $(pgrep '^kworker/u'); do
		echo "$1" > "/proc/$p/make-it-fail" 2> /dev/null
	done
}
run_failslab()
{
	local f=$debug/failslab
	echo Y > $f/task-filter	# first of all, or we fail ourselves
	echo 1 > $f/interval
	echo -1 > $f/times
	echo 0 > $f/space
	echo 0 > $f/verbose
	echo N > $f/ignore-gfp-wait
	echo N > $f/cache-filter
	echo 1 > $f/probability
	while sleep 0.5; do let_workers_fail 1; done &
	local pid=$!
	program $tests/stress -f -s "$seed" -t "${FAILSLAB_SECONDS:-20}"
	kill $pid
	wait $pid 2> /dev/null
	let_workers_fail 0
	echo 0 > $f/probability
}

echo "TAP version 13"
say "$(uname -r), seed $seed"
echo clear > $debug/kmemleak
for name in "$@"; do
	around "$name" "run_$name"
done
check_leaks
tap_end
