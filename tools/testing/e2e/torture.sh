#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Exactly once, with all that there is: clients on several devices, engines and
# the manager killed with SIGKILL at random instants. TAP; runs as root where the
# module can be loaded.
#
#   torture.sh          KILLS=100 DEVICES=3 SEED=time in the environment
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

vtpm_set_up || exit
devices=()
for i in $(seq "${DEVICES:-3}"); do
	check "t$i is created" vtpmctl create "t$i"
	[ $tap_failed = 0 ] || { tap_end; exit; }
	devices+=("$(vtpm_field "t$i" .device.tpm)")
done
vtpm_stop_daemon
VTPMD=
build/torture/torture -k "${KILLS:-100}" ${SEED:+-s "$SEED"} "${devices[@]}" -- \
	vtpmd --state-dir "$VTPM_STATE" --run-dir "$VTPM_RUN" 2>> "$VTPM_LOG" \
	> "$TAP_DIR/torture"
adopt <(sed -E 's/^((not )?ok) [0-9]+ - /\1 /; s/^# //' "$TAP_DIR/torture")
check "it came to its end" grep -q '^1\.\.3' "$TAP_DIR/torture"
check "vtpmd starts" vtpm_start_daemon
for i in $(seq "${DEVICES:-3}"); do
	check "t$i runs" vtpm_wait_state "t$i" running 100
	check "t$i has kept its device" test \
		"$(vtpm_field "t$i" .device.tpm)" = "${devices[i - 1]}"
done
grep -c -e '-> resuming' "$VTPM_LOG" | sed 's/^/# times resumed: /'
tap_end
