#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A vtpmd that starts starts the vTPMs that are made for it, a bounded number at
# a time, and no others; one that cannot be started does not keep the rest. TAP;
# runs as root where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

count() { vtpmctl list | grep -c " $1 " || :; }

vtpm_set_up || exit
for i in 1 2 3 4 5 6; do
	vtpmctl create "a$i" --no-start --autostart > /dev/null 2>&1 || exit
done
vtpmctl create b --no-start > /dev/null 2>&1 || exit
check "none of them runs" test "$(count running)" = 0
vtpm_stop_daemon
# The state of one is no state.
printf x | dd of="$VTPM_STATE/a3.nvram" bs=1 seek=100 conv=notrunc 2> /dev/null
printf x | dd of="$VTPM_STATE/a3.nvram" bs=1 seek=4196 conv=notrunc 2> /dev/null

: > "$VTPM_LOG"
vtpm_start_daemon || exit
most=0
for _ in $(seq 600); do
	# Those that wait for their turn say so.
	now=$(vtpmctl list --json | python3 -c 'import json, sys
print(sum(v["state"] == "starting" and "waiting" not in v.get("reason", "")
          for v in json.load(sys.stdin)["vtpms"]))')
	[ "$now" -le "$most" ] || most=$now
	grep -q 'the start of [0-9]* vTPMs took' "$VTPM_LOG" && break
	sleep 0.05
done
# Two for each CPU, and four at least.
bound=$(($(nproc) * 2 > 4 ? $(nproc) * 2 : 4))
echo "# at most $most were starting"
check "no more than $bound start at once" test "$most" -le "$bound"
check "they do start at the same time" test "$most" -gt 1
check "vtpmd says how long it took" \
	grep -q 'the start of [56] vTPMs took [0-9]* ms' "$VTPM_LOG"
check "the five that can run do" test "$(count running)" = 5
for i in 1 2 4 5 6; do
	check "a$i has a device" test -c "$(vtpm_field "a$i" .device.tpm)"
done
check "what is damaged does not" test "$(vtpm_field a3 .state)" != running
check "nor what is not to be started" test "$(vtpm_field b .state)" = stopped
for i in 1 2 4 5 6; do
	vtpmctl set "a$i" --no-autostart > /dev/null
	vtpmctl stop "a$i" > /dev/null 2>&1
done
vtpm_stop_daemon
vtpm_start_daemon || exit
sleep 2
check "without the setting none is started" test "$(count running)" = 0
tap_end
