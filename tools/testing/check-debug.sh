#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The module in guests with the debug kernel; see vm/run-debug.sh for the runs
# and what is checked after each, and suite.sh for how they are counted. In a
# soak each run has a guest of its own, since a report ends it.
#
#   check-debug.sh [SUITE ...]           all, or those whose names are given
#   check-debug.sh --soak [SUITE ...]    the long runs
#
# How long: FUZZ_MINUTES, STRESS_MINUTES, FAILSLAB_MINUTES, DEATHS. SEED repeats
# what a run did, as far as the scheduler does.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. tools/testing/suite.sh

runs=("selftests upstream" "deaths stress fuzz failslab")
fuzz=1 stress=0.5 failslab=0.5 deaths=50
if [ "${1:-}" = --soak ]; then
	shift
	runs=(selftests deaths failslab stress fuzz)
	fuzz=30 stress=10 failslab=10 deaths=1000
fi
wanted=" $* "

seconds() { awk -v m="$1" 'BEGIN { print int(m * 60) }'; }
FUZZ_SECONDS=$(seconds "${FUZZ_MINUTES:-$fuzz}")
STRESS_SECONDS=$(seconds "${STRESS_MINUTES:-$stress}")
FAILSLAB_SECONDS=$(seconds "${FAILSLAB_MINUTES:-$failslab}")
DEATHS=${DEATHS:-$deaths}
SEED=${SEED:-$(date +%s)}
export FUZZ_SECONDS STRESS_SECONDS FAILSLAB_SECONDS DEATHS SEED
export VTPM_PASS="FUZZ_SECONDS STRESS_SECONDS FAILSLAB_SECONDS DEATHS SEED"

# The guest, its scans for leaks and programs that are slow there take time.
timeout=$((1800 + FUZZ_SECONDS + STRESS_SECONDS + FAILSLAB_SECONDS + 2 * DEATHS))

# The console has what the kernel said before it ended the guest.
in_debug_guest() # NAME RUN...
{
	local out=$PWD/build/check/debug-$1.out status
	shift
	mkdir -p "$out"
	VTPM_OUT=$out VTPM_TIMEOUT=$timeout \
		on_kernel debug tools/testing/vm/run-debug.sh "$@"
	status=$?
	[ $status -ne 125 ] || {
		echo "not ok - the guest came to its end"
		tail -100 "$out/console" | sed 's/^/# /'
	}
	return $status
}

echo "==> building"
tools/testing/vm/kernel.sh debug > /dev/null || exit
make --no-print-directory helper man selftests || exit
tools/testing/e2e/upstream.sh --prepare || exit
suite kselftest tools/testing/kselftest-check.sh
for run in "${runs[@]}"; do
	name=${run%% *}
	# shellcheck disable=SC2086 # names of runs
	suite "debug-$name" in_debug_guest "$name" $run
done
echo "seed $SEED"
suites_end
