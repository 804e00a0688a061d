#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Four times as many busy processes as CPUs: every registration succeeds and no
# command times out. TAP; runs as root where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
burners=()
tear_down()
{
	kill "${burners[@]}" 2> /dev/null
	vtpm_tear_down
}
trap tear_down EXIT

vtpm_set_up || exit
for _ in $(seq $((4 * $(nproc)))); do
	(while :; do :; done) &
	burners+=($!)
done
nodes=()
for i in 1 2 3 4 5; do
	check "create and registration of device $i" vtpmctl create "o$i"
	nodes+=("$(vtpm_field "o$i" .device.tpm)")
done
clients=()
for node in "${nodes[@]}"; do
	build/bench/bench-tpm "$node" "$node" 1 100 random \
		> "$TAP_DIR/client.${node#/dev/}" 2>&1 &
	clients+=($!)
done
for i in 0 1 2 3 4; do
	wait "${clients[i]}"
	result $? "110 commands on ${nodes[i]}, all five at once"
done
sed 's/^/# /' "$TAP_DIR"/client.*
check "the kernel has told of no error" sh -c \
	"! dmesg | grep -E 'tpm tpm[0-9]+: .*(error|imed out)'"
for i in 1 2 3 4 5; do
	check "the device is removed" vtpmctl stop "o$i"
done
kill "${burners[@]}"
wait "${burners[@]}" 2> /dev/null
burners=()

# --- more events than the socket holds ----------------------------------------

destroy() { python3 tools/testing/e2e/destroy-instance.py "$1"; }
why() { vtpmctl show o1 --json | grep -q 'someone else removed the device'; }
check "start" vtpmctl start o1
check "someone else removes the device" destroy o1
check "vtpmd has seen it" vtpm_wait_state o1 failed 50
check "and says so" why
check "stop" vtpmctl stop o1
check "start" vtpmctl start o1
check "start another" vtpmctl start o2
kill -STOP "$VTPMD"
check "vtpmd is stopped: 300 instances come and go" build/selftests/scale 300
check "and with them one of ours" destroy o1
kill -CONT "$VTPMD"
check "it has seen that all the same" vtpm_wait_state o1 failed 100
check "and says so" why
check "by a list of what there is" grep -q 'events of the module were lost' \
	"$VTPM_LOG"
check "the other one runs" test "$(vtpm_field o2 .state)" = running
check "stop" vtpmctl stop o1
check "start" vtpmctl start o1
check "stop" vtpmctl stop --all
tap_end
