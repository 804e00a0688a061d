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
tap_end
