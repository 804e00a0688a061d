# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by bench.sh: record where a round trip spends its time, with the
# kernel's tracepoints; split.py makes a table of it.

tracing=/sys/kernel/tracing

split_set_up()
{
	local event
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	echo 0 > $tracing/tracing_on
	echo mono > $tracing/trace_clock
	echo 16384 > $tracing/buffer_size_kb
	echo 1 > $tracing/options/event-fork
	echo > $tracing/set_event
	for event in write read sendto recvfrom; do
		echo "syscalls:sys_enter_$event" "syscalls:sys_exit_$event"
	done | tr ' ' '\n' > $tracing/set_event
	printf '%s\n' sched:sched_switch vtpm:vtpm_deliver vtpm:vtpm_answer \
		vtpm:vtpm_done >> $tracing/set_event
}

# What comes out is for split.py: the pid of the helper, if it is known, and of
# the client, then the trace.
split_record() # FILE HELPER-PID|- COMMAND...
{
	local file=$1 helper=$2 client
	shift 2
	echo > $tracing/trace
	# Stopped, so that its pid is traced before it does anything.
	# shellcheck disable=SC2016 # expanded by that shell
	sh -c 'kill -STOP $$; exec "$@"' sh "$@" > /dev/null &
	client=$!
	while ! grep -q '^State:.*T' "/proc/$client/status"; do :; done
	{
		echo $client
		[ "$helper" = - ] || ls "/proc/$helper/task"
	} > $tracing/set_event_pid
	echo 1 > $tracing/tracing_on
	kill -CONT $client
	wait $client
	echo 0 > $tracing/tracing_on
	{ echo "# client $client"; cat $tracing/trace; } > "$file"
}

# How many system calls the threads of a process make while a command runs.
split_count_calls() # PID COMMAND...
{
	local pid=$1
	shift
	echo raw_syscalls:sys_enter > $tracing/set_event
	echo > $tracing/trace
	ls "/proc/$pid/task" > $tracing/set_event_pid
	echo 1 > $tracing/tracing_on
	"$@" > /dev/null
	echo 0 > $tracing/tracing_on
	grep -c sys_enter $tracing/trace
}

split_tear_down()
{
	echo > $tracing/set_event
	echo > $tracing/set_event_pid
	echo > $tracing/trace
	echo 1408 > $tracing/buffer_size_kb
}
