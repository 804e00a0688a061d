#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many vTPMs on one host of 2 GiB: memory of each, with all that is ours counted,
# and the time of a start; against swtpm, one a TPM, in the same run. TAP, and the
# figures as comments. On software emulation only the ratios mean anything.
#
#   scale.sh            COUNTS="1 10 100 1000" SWTPMS="1 10 100", or none
#
# With --run it is in the place where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit

if [ "${1:-}" != --run ]; then
	export COUNTS SWTPMS=${SWTPMS-1 10 100}
	VTPM_TIMEOUT=${VTPM_TIMEOUT:-3600} VTPM_MEMORY=2048 VTPM_DISK=256 \
		VTPM_PASS="COUNTS SWTPMS" \
		exec tools/testing/here-or-guest.sh \
		tools/testing/bench/scale.sh --run
fi

. tools/testing/tap.sh
. tools/testing/set-up.sh
work=$(mktemp -d) swtpms=() swtpm_counts=${SWTPMS-1 10 100} have=0
tear_down()
{
	[ ${#swtpms[@]} -eq 0 ] || kill "${swtpms[@]}" 2> /dev/null || :
	# A guest ends with all that is in it.
	[ -n "${VTPM_IN_GUEST:-}" ] || stop_all
	rm -rf "$work"
	vtpm_tear_down
}
trap tear_down EXIT

now() { date +%s%N; }
ms() { echo $((($(now) - $1) / 1000000)); }
available() { sed -n 's/MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo; }
# What nobody can have back, of all: processes' own memory and tmpfs, tables of
# pages, kernel stacks, slab, percpu. Neither caches nor free lists are in it,
# which MemAvailable goes up and down with.
owned()
{
	awk '/^(AnonPages|Shmem):/ { own += $2 }
		/^PageTables:/ { tables = $2 }
		/^KernelStack:/ { stacks = $2 }
		/^(SUnreclaim|Percpu):/ { slab += $2 }
		END { print own, tables, stacks, slab }' /proc/meminfo
}
# What of that is more than before, for each.
owned_more() # COUNT BEFORE...
{
	# shellcheck disable=SC2046 # numbers
	set -- "$@" $(owned)
	echo "private + kernel $(((${6} + ${7} + ${8} + ${9} - $2 - $3 - $4 - $5) / $1)) KiB each: own $(((${6} - $2) / $1)), page tables $(((${7} - $3) / $1)), kernel stacks $(((${8} - $4) / $1)), slab and percpu $(((${9} - $5) / $1))"
}

# A provider that hands out the data key of make-states, as fast as one can.
make_provider()
{
	local dir=$VTPM_BIN
	cat > "$dir/vtpm-key-bench" <<'PROVIDER'
#!/bin/sh
key() { printf kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk >&4; }
request=$(cat)
case $request in
*'"unwrap-many"'*)
	results=
	for _ in $(printf %s "$request" | grep -o '"wrapped"'); do
		key
		results="$results,{\"ok\":true,\"length\":32}"
	done
	echo "{\"ok\":true,\"results\":[${results#,}]}" ;;
*)
	[ ! -e /proc/self/fd/4 ] || key
	echo '{"ok":true,"usable":true,"keys":[]}' ;;
esac
PROVIDER
	chmod 755 "$dir/vtpm-key-bench"
	install -d -o vtpm-keys -g vtpm-keys -m 700 "$VTPM_STATE/keys/bench"
	echo '{"type":"bench","default":false}' \
		> "$VTPM_STATE/providers/bench.json"
}

# Engines outlive the vtpmd that has started them.
stop_all()
{
	[ "$have" = 0 ] || { vtpm_start_daemon && vtpmctl stop --all \
		> /dev/null 2>&1 && vtpm_stop_daemon; }
	have=0
}

running() { vtpmctl list | grep -c ' running ' || :; }

# All with a file, by the start of a vtpmd; those before run already.
start_up_to() # COUNT
{
	local count=$1 made start
	made=$(find "$VTPM_STATE" -maxdepth 1 -name 'n*.nvram' | wc -l)
	[ "$made" -ge "$count" ] ||
		build/bench/make-states "$VTPM_STATE" $((made + 1)) "$count"
	for i in $(seq $((have + 1)) "$count"); do
		echo '{"autostart":true}' > "$VTPM_STATE/n$i.json"
	done
	start=$(now)
	vtpm_start_daemon
	until [ "$(running)" -ge "$count" ]; do
		[ $(($(now) - start)) -lt 1800000000000 ] || return
		sleep $((1 + count / 200))
	done
	echo "# $count: $(($(ms "$start") / (count - have))) ms for each of $((count - have)) starts of one vtpmd"
	have=$count
}

ticks() { awk '/^cpu / { print $2 + $3 + $4, $5 }' /proc/stat; }

# Self-tests run when nothing else does: until the CPUs are idle.
wait_idle()
{
	local busy0 idle0 busy1 idle1
	for _ in $(seq 300); do
		read -r busy0 idle0 < <(ticks)
		sleep 3
		read -r busy1 idle1 < <(ticks)
		[ $(((busy1 - busy0) * 9)) -gt $((idle1 - idle0)) ] || return 0
	done
	echo "# the CPUs are never idle"
}

# A command on each device.
cat > "$work/answers.py" <<'PY'
import glob
import os
import sys
nodes = glob.glob("/dev/tpm[0-9]*")
for node in nodes:
    fd = os.open(node, os.O_RDWR)
    os.write(fd, bytes.fromhex("80010000000c0000017b0010"))
    if os.read(fd, 4096)[6:10] != bytes(4):
        sys.exit(f"{node} has failed")
    os.close(fd)
sys.exit(len(nodes) != int(sys.argv[1]))
PY
answers() { python3 "$work/answers.py" "$1"; }

vtpm_install && vtpm_load_module && vtpm_start_daemon || exit
make_provider
vtpm_stop_daemon

# A device that was not there before, registered; without a process of its own,
# which would take as long as what is waited for.
mkfifo "$work/nothing"
exec 8<> "$work/nothing"
wait_new_device() # KNOWN...
{
	local node
	for _ in $(seq 4000); do
		for node in /sys/class/tpm/tpm[0-9]*; do
			[ -e "$node/tpm_version_major" ] || continue
			[[ " $* " == *" $node "* ]] || return 0
		done
		read -r -t 0.005 -u 8
	done
	return 1
}

start_swtpm() # NUMBER
{
	local dir=$VTPM_STATE/swtpm/$1 known
	mkdir -p "$dir"
	known=(/sys/class/tpm/tpm[0-9]*)
	swtpm chardev --vtpm-proxy --tpm2 --tpmstate "dir=$dir" \
		> "$work/swtpm.$1" 2>&1 &
	swtpms+=($!)
	wait_new_device "${known[@]}"
}

median() { sort -n "$work/$1" | sed -n "$(((ATTACHES + 1) / 2))p"; }

start_ours()
{
	local known=(/sys/class/tpm/tpm[0-9]*)
	vtpmctl start attach > /dev/null 2>&1 &
	wait_new_device "${known[@]}"
}

# Of one or the other, in tenths of a ms and without a process for the clock.
time_start() # FILE COMMAND...
{
	local file=$1 start=${EPOCHREALTIME/./}
	shift
	"$@" || echo "# no device was registered"
	echo $(((${EPOCHREALTIME/./} - start) / 100)) >> "$file"
}

# An existing state to a device that can be used, of one or the other in turn,
# of a host that does nothing else: as much time for vtpmd to get ready again.
attach()
{
	local i
	# Once for a state to be there, which is not timed.
	for i in $(seq 0 "$ATTACHES"); do
		time_start "$work/ours.$((i > 0))" start_ours
		wait $!
		vtpmctl stop attach > /dev/null 2>&1
		sleep 2
		time_start "$work/told.$((i > 0))" vtpmctl start attach \
			> /dev/null 2>&1
		vtpmctl stop attach > /dev/null 2>&1
		sleep 2
		time_start "$work/theirs.$((i > 0))" start_swtpm 0
		kill "${swtpms[@]}" && wait "${swtpms[@]}"
		swtpms=()
		sleep 2
	done
	echo "# attach, ms/10, vtpm: $(tr '\n' ' ' < "$work/ours.1")"
	echo "# attach, ms/10, vtpm, until vtpmctl ends: $(tr '\n' ' ' < "$work/told.1")"
	echo "# attach, ms/10, swtpm: $(tr '\n' ' ' < "$work/theirs.1")"
	awk "BEGIN { ours = $(median ours.1); told = $(median told.1); \
		theirs = $(median theirs.1); printf \"# attach: %.0f ms, %.0f \" \
		\"until vtpmctl ends, against %.0f ms of swtpm, 1/%.1f and \" \
		\"1/%.1f\n\", ours / 10, told / 10, theirs / 10, \
		theirs / ours, theirs / told }"
}

# Where one spends its time.
trace_attach()
{
	local tracing=/sys/kernel/tracing
	mountpoint -q $tracing || mount -t tracefs tracefs $tracing
	echo 0 > $tracing/tracing_on
	echo mono > $tracing/trace_clock
	echo > $tracing/trace
	printf '%s\n' sched:sched_process_{exec,fork,exit} vtpm:vtpm_state \
		> $tracing/set_event
	echo 1 > $tracing/tracing_on
	for _ in $(seq "$ATTACHES"); do
		vtpmctl start attach > /dev/null 2>&1
		vtpmctl stop attach > /dev/null 2>&1
		sleep 2
	done
	echo 0 > $tracing/tracing_on
	python3 tools/testing/bench/attach.py $tracing/trace | sed 's/^/# /'
	[ "${PIPESTATUS[0]}" = 0 ]
	result $? "an attach can be traced"
	echo > $tracing/set_event
	echo > $tracing/trace
}

modprobe tpm_vtpm_proxy
ATTACHES=7
check "vtpmd starts" vtpm_start_daemon
check "with a key provider" vtpm_make_provider
check "and a vTPM" vtpmctl create attach --no-start --no-certificate \
	--provider default
attach
trace_attach
vtpmctl delete attach --yes > /dev/null
vtpm_stop_daemon

read -ra before < <(owned)
free=$(available)
for count in ${COUNTS:-1 10 100 1000}; do
	start_up_to "$count" || :
	check "$count vTPMs run" test "$(running)" = "$count"
	check "and answer" answers "$count"
	wait_idle
	echo "# vtpm: $count: $(python3 tools/testing/bench/memory.py "$count" \
		vtpm-engine vtpmd vtpm-zygote)"
	echo "# vtpm: $count: $(owned_more "$count" "${before[@]}")"
	echo "# vtpm: $count: MemAvailable less by $(((free - $(available)) / count)) KiB each; $(($(available) / 1024)) MiB left; vtpmd has $(find "/proc/$VTPMD/fd" | wc -l) descriptors"
	vtpm_stop_daemon
done

# Ours would have libraries in common with it, and each less of a share.
[ -z "$swtpm_counts" ] || stop_all
read -ra before < <(owned)
free=$(available) started=0
for count in $swtpm_counts; do
	while [ $started -lt "$count" ]; do
		started=$((started + 1))
		start_swtpm $started || echo "# swtpm $started was not registered"
	done
	wait_idle
	echo "# swtpm: $count: $(python3 tools/testing/bench/memory.py "$count" swtpm)"
	echo "# swtpm: $count: $(owned_more "$count" "${before[@]}")"
	echo "# swtpm: $count: MemAvailable less by $(((free - $(available)) / count)) KiB each"
done
tap_end
