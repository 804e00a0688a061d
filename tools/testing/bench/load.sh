#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Throughput of one and of two devices with two CPUs, ours and swtpm's, a round
# trip there, and what a client of one device sees while the other is flooded;
# lines of JSON, to build/bench/load.jsonl.
#
#   load.sh             LOAD_SECONDS=5 ROUNDS=3 in the environment
#
# With --run it is in the place where the module can be loaded.
set -euo pipefail
cd "$(dirname "$0")/../../.."

if [ "${1:-}" != --run ]; then
	export VTPM_OUT=$PWD/build/bench/load LOAD_SECONDS ROUNDS
	rm -rf "$VTPM_OUT"
	mkdir -p "$VTPM_OUT"
	VTPM_CPUS=2 VTPM_DISK=256 VTPM_PASS="LOAD_SECONDS ROUNDS" \
		tools/testing/here-or-guest.sh tools/testing/bench/load.sh --run
	cp "$VTPM_OUT/load.jsonl" build/bench/load.jsonl
	exit
fi

. tools/testing/set-up.sh
. tools/testing/bench/swtpm.sh
seconds=${LOAD_SECONDS:-5} work=$(mktemp -d)
tear_down()
{
	local rc=$?
	stop_swtpms
	rm -rf "$work"
	vtpm_tear_down || rc=1
	exit $rc
}
trap tear_down EXIT

vtpm_set_up
vtpmctl create one 2> /dev/null
vtpmctl create two 2> /dev/null
start_swtpm swtpm-one
start_swtpm swtpm-two
ours=("$(vtpm_field one .device.tpm)" "$(vtpm_field two .device.tpm)")
theirs=("${device[swtpm-one]}" "${device[swtpm-two]}")
say "ours ${ours[*]}, swtpm's ${theirs[*]}; load: $(cut -d' ' -f1-3 /proc/loadavg)"

load() { build/bench/bench-load "$1" "$seconds" "${@:2}"; }
latency() # DEVICE PATH ROUND
{
	build/bench/bench-tpm "$1" "$2" "$3" 1000 random
}
flooded() # NODE DEVICE PATH ROUND
{
	local flood
	build/bench/bench-load flood 600 random "$1" "$1" "$1" "$1" &
	flood=$!
	sleep 1
	latency "${@:2}"
	kill "$flood"
	wait "$flood" 2> /dev/null || :
}

for round in $(seq "${ROUNDS:-3}"); do
	say "round $round" >&2
	for operation in random extend; do
		load vtpm $operation "${ours[0]}"
		load vtpm $operation "${ours[@]}"
		load swtpm-vtpm-proxy $operation "${theirs[0]}"
		load swtpm-vtpm-proxy $operation "${theirs[@]}"
	done
	latency "${ours[1]}" vtpm-alone "$round"
	# A client that waits awake for a moment (spin_us), and has a CPU for it.
	for path in in-process vtpm swtpm-vtpm-proxy; do
		case $path in
		vtpm) operand=${ours[0]} ;;
		swtpm-*) operand=${theirs[0]} ;;
		*) operand=$path ;;
		esac
		build/bench/bench-tpm "$operand" "$path-awake" "$round" 1000 short
	done
	# Four clients, by the node that takes several.
	flooded "${ours[0]/tpm/tpmrm}" "${ours[1]}" vtpm-beside-flood "$round"
	latency "${theirs[1]}" swtpm-alone "$round"
	flooded "${theirs[0]/tpm/tpmrm}" "${theirs[1]}" swtpm-beside-flood \
		"$round"
done > "$VTPM_OUT/load.jsonl"
cat "$VTPM_OUT/load.jsonl"
for name in one two; do
	vtpmctl stop $name 2> /dev/null
	vtpmctl delete $name --yes
done
