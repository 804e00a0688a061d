#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Time TPM commands on every path to a TPM, in one run, so that the figures can
# be compared; their table goes to standard output, all of them to
# build/bench.json. On software emulation only the ratios mean anything.
#
#   bench.sh            ROUNDS=5 COUNT=300 VTPM_CPUS=1 in the environment
#
# One CPU by default: with two, every wake-up also measures how fast this
# machine gives a guest's second CPU the time to run, which on a machine that
# does anything else is a time slice of it.
#
# With --run it is in the place where the module can be loaded.
set -euo pipefail
cd "$(dirname "$0")/../../.."

if [ "${1:-}" != --run ]; then
	export VTPM_OUT=$PWD/build/bench/run ROUNDS COUNT
	rm -rf "$VTPM_OUT"
	mkdir -p "$VTPM_OUT"
	VTPM_CPUS=${VTPM_CPUS:-1} VTPM_DISK=256 VTPM_PASS="ROUNDS COUNT" \
		tools/testing/here-or-guest.sh tools/testing/bench/bench.sh --run
	python3 tools/testing/bench/report.py "$VTPM_OUT/bench.jsonl" \
		build/bench.json
	exec python3 tools/testing/bench/split.py \
		ping-pong="$VTPM_OUT/trace.netlink-pingpong" \
		echo="$VTPM_OUT/trace.echo" vtpm="$VTPM_OUT/trace.vtpm"
fi

. tools/testing/set-up.sh
. tools/testing/bench/split.sh
. tools/testing/bench/swtpm.sh
rounds=${ROUNDS:-5} count=${COUNT:-300} work=$(mktemp -d)
out=$VTPM_OUT/bench.jsonl
tear_down()
{
	local rc=$?
	stop_echo
	stop_plain
	stop_swtpms
	rm -rf "$work"
	vtpm_tear_down || rc=1
	exit $rc
}
trap tear_down EXIT

# The least that a helper can do, for what the module itself costs.
start_echo()
{
	mkfifo "$work/echo.in"
	build/bench/bench-echo < "$work/echo.in" > "$work/echo" &
	echo_pid=$!
	exec 9> "$work/echo.in"
	until [ -s "$work/echo" ]; do
		kill -0 $echo_pid
		sleep 0.1
	done
	read -r echo_device echo_helper < "$work/echo"
}

# The engine without a checkpoint, and without a manager.
start_plain()
{
	mkfifo "$work/plain.in"
	build/bench/bench-plain "$VTPM_STATE" < "$work/plain.in" 9>&- \
		> "$work/plain" &
	plain_pid=$!
	exec 7> "$work/plain.in"
	until [ -s "$work/plain" ]; do
		kill -0 $plain_pid
		sleep 0.1
	done
	device[vtpm-no-checkpoint]=$(cat "$work/plain")
}

stop_plain()
{
	[ -n "${plain_pid:-}" ] || return 0
	exec 7>&-
	wait "$plain_pid"
	plain_pid=
}

# A socket instead of a device.
start_swtpm_socket()
{
	mkdir -p "$VTPM_STATE/bench-swtpm-socket"
	device[swtpm-socket]=$work/swtpm-socket
	swtpm socket --tpm2 --tpmstate "dir=$VTPM_STATE/bench-swtpm-socket" \
		--server "type=unixio,path=$work/swtpm-socket" \
		--ctrl "type=unixio,path=$work/swtpm-ctrl" \
		--flags not-need-init,startup-clear 9>&- 7>&- &
	swtpms+=($!)
	until [ -S "$work/swtpm-socket" ]; do sleep 0.1; done
}

stop_echo()
{
	[ -n "${echo_pid:-}" ] || return 0
	exec 9>&-
	wait "$echo_pid"
	echo_pid=
}

# Where the operand of bench-tpm for a path is.
operand() # PATH
{
	case $1 in
	vtpm | vtpm-no-spin) echo "$ours" ;;
	echo) echo "$echo_device" ;;
	swtpm-* | vtpm-no-checkpoint) echo "${device[$1]}" ;;
	*) echo "$1" ;;
	esac
}

vtpm_set_up
vtpmctl create bench 2> /dev/null
start_echo
start_plain
ours=$(vtpm_field bench .device.tpm)
say "swtpm on tpm_vtpm_proxy"
start_swtpm swtpm-vtpm-proxy
start_swtpm_socket
openssl rand -hex 16 > "$work/swtpm.key"
start_swtpm swtpm-key --key "file=$work/swtpm.key,format=hex,mode=aes-cbc"
# Since 0.8 or so; without it nothing that swtpm answers need be on disk.
if swtpm chardev --help 2>&1 | grep -q fsync; then
	start_swtpm swtpm-fsync \
		--tpmstate "dir=$VTPM_STATE/bench-swtpm-fsync,fsync"
fi
say "$(nproc) CPUs, Linux $(uname -r), load before: $(cut -d' ' -f1-3 /proc/loadavg)"
say "ours $ours, swtpm's ${device[*]} ($(swtpm --version | head -1))"
: > "$out"
paths="in-process netlink-pingpong netlink-pingpong-libtpms echo vtpm
	${!device[*]}"
# What a client gains that waits a moment awake.
[ "$(nproc)" = 1 ] || paths="$paths vtpm-no-spin"
spin=/sys/module/vtpm/parameters/spin_us
usual_spin=$(cat $spin)
for round in $(seq "$rounds"); do
	say "round $round of $rounds"
	for path in $paths; do
		only=
		case $path in
		echo) only=random ;;
		swtpm-key | swtpm-fsync) only=nv ;;
		esac
		[ "$path" != vtpm-no-spin ] || echo 0 > $spin
		# shellcheck disable=SC2086 # one word or none
		build/bench/bench-tpm "$(operand "$path")" "$path" "$round" \
			"$count" $only
		[ "$path" != vtpm-no-spin ] || echo "$usual_spin" > $spin
	done >> "$out"
done
say "durable writes, in this guest"
build/bench/bench-engine "$VTPM_STATE" | tee "$VTPM_OUT/durable"
say "a round trip in stages"
# The wake-up of a client that is awake cannot be seen.
echo 0 > $spin
split_set_up
for path in netlink-pingpong echo vtpm; do
	case $path in
	vtpm) helper=$(pgrep -P "$VTPMD" -x vtpm-engine) ;;
	echo) helper=$echo_helper ;;
	*) helper=- ;;
	esac
	split_record "$VTPM_OUT/trace.$path" "$helper" build/bench/bench-tpm \
		"$(operand $path)" "$path" 1 "$count" random
done
say "system calls of the engine, a command"
for operation in random nv; do
	calls=$(split_count_calls "$(pgrep -P "$VTPMD" -x vtpm-engine)" \
		build/bench/bench-tpm "$ours" vtpm 1 100 "$operation")
	# 110 commands, and for "nv" the definition.
	echo "$operation: $(awk "BEGIN { printf \"%.2f\", $calls / 110 }")"
done | tee "$VTPM_OUT/calls"
split_tear_down
echo "$usual_spin" > $spin
stop_echo
stop_plain
say "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
vtpmctl stop bench 2> /dev/null
vtpmctl delete bench --yes
