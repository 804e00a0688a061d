#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens to a vTPM when daemons, module and engine are stopped, started,
# reloaded and killed: NV data and keys stay, and PCRs never go to zero unless
# someone asked for it. TAP; runs as root where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

W=$(mktemp -d)
zeroes=$(printf '0%.0s' $(seq 64))
nv=0x1500001
key=0x81000001

tcti()
{
	node=$(vtpm_field l .device.tpmrm) || return
	export TPM2TOOLS_TCTI="device:$node"
}

# One PCR in hexadecimal, or an error.
pcr()
{
	tpm2_pcrread sha256:16 > "$W/pcr" 2>> "$W/err" &&
		sed -n 's/.*16 *: 0x//p' "$W/pcr" | tr A-F a-f | grep .
}

extend()
{
	tpm2_pcrextend "16:sha256=$(printf '1%.0s' $(seq 64))"
}

same_node()
{
	[ "$(tpm2_nvread $nv -C o -s 4)" = data ] &&
		tpm2_readpublic -Q -c $key -o "$W/key" -f pem &&
		cmp "$W/key" "$W/key.pem"
}

# After a start the device may have another number.
data_is_there() { tcti && same_node; }

state_is() { vtpm_wait_state l "$1" 100; }

kill_daemon()
{
	kill -9 "$VTPMD"
	wait "$VTPMD" 2> /dev/null
}

start_monitor()
{
	vtpmctl monitor --json > "$W/events" 2>&1 &
	monitor=$!
	sleep 0.2
}

# It has ended already if vtpmd has.
stop_monitor()
{
	kill "$monitor" 2> /dev/null
	wait "$monitor" 2> /dev/null
}

clock_is_safe() { tpm2_readclock | grep -q 'safe: yes'; }
pcr_is() { [ "$(pcr)" = "$1" ]; }

vtpm_set_up || exit
start_monitor
check "create" vtpmctl create l --autostart
tcti
tpm2_nvdefine -Q $nv -C o -s 4 -a "ownerread|ownerwrite" &&
	printf data | tpm2_nvwrite -Q $nv -C o -i - &&
	tpm2_createprimary -Q -C o -c "$W/p.ctx" &&
	tpm2_evictcontrol -Q -C o -c "$W/p.ctx" $key &&
	tpm2_readpublic -Q -c $key -o "$W/key.pem" -f pem
result $? "NV data and a persistent key"
check "PCR 16 is extended" extend
ours=$(pcr)

# --- the manager -------------------------------------------------------------

pid=$(vtpm_field l .enginePid)
kill_daemon
check "vtpmd is killed: the vTPM answers" same_node
check "with the same PCR" pcr_is "$ours"
expect 6 'systemctl start vtpmd' "vtpmctl says what to do" vtpmctl list
check "a new vtpmd starts" vtpm_start_daemon
check "it has taken the vTPM over" state_is running
check "with the same engine" test "$(vtpm_field l .enginePid)" = "$pid"
check "and the same PCR" pcr_is "$ours"

# --- stop and start ----------------------------------------------------------

check "stop" vtpmctl stop l
check "the device is gone" test ! -e "$node"
check "start" vtpmctl start l
check "data and key are there" data_is_there
check "the stop was an orderly TPM2_Shutdown" clock_is_safe
check "PCRs have begun anew, as was asked for" pcr_is "$zeroes"
check "PCR 16 is extended" extend

stop_monitor
ours=$(pcr)
pid=$(vtpm_field l .enginePid)
vtpm_stop_daemon
result $? "SIGTERM ends vtpmd in order"
check "the vTPM goes on" same_node
check "a new vtpmd starts" vtpm_start_daemon
check "it has taken the vTPM over" state_is running
check "with the same engine" test "$(vtpm_field l .enginePid)" = "$pid"
check "and the same PCR" pcr_is "$ours"
check "another vTPM" vtpmctl create l2
check "stop --all" vtpmctl stop --all
check "both are stopped" test "$(vtpmctl list | grep -c stopped)" = 2
check "delete" vtpmctl delete l2 --yes
vtpm_stop_daemon
result $? "SIGTERM ends vtpmd in order"
expect 1 '' "the engine has ended" test -d "/proc/$pid"
check "no device is left" test ! -e "$node"
if [ -n "${VTPM_LOADED:-}" ]; then
	check "the module is unloaded" vtpm_unload_module
	expect 1 '' "it is gone" test -d /sys/module/vtpm
	vtpm_start_daemon
	check "its start by itself ends" state_is stopped
	expect 6 'modprobe vtpm' "without it: what to do" vtpmctl start l
	expect 6 'modprobe vtpm' "create without it: the same" \
		vtpmctl create m
	expect 3 '' "and nothing of that is left" vtpmctl show m
	vtpm_stop_daemon
	check "the module is loaded again" vtpm_load_module
else
	skip "reload of the module" "it was loaded before this test"
fi
check "vtpmd starts" vtpm_start_daemon
check "and by itself the vTPM with --autostart" state_is running
check "data and key are there" data_is_there
check "PCR 16 is extended" extend

# --- the engine --------------------------------------------------------------

# A client that goes on while the engine dies: a line for each answer.
client()
{
	local got
	while [ -e "$W/go" ]; do
		if got=$(pcr); then echo "$got"; else echo error; fi
	done > "$W/answers"
}

has_another_engine() { vtpm_wait_other_engine l "$1" 100; }

start_monitor
for round in 1 2 3; do
	check "PCR 16 is extended" extend
	ours=$(pcr)
	touch "$W/go"
	client &
	client=$!
	sleep "0.$((round * 2))"
	pid=$(vtpm_field l .enginePid)
	kill -9 "$pid"
	check "round $round: the engine is killed: another one takes over" \
		has_another_engine "$pid"
	sleep 0.3
	rm "$W/go"
	wait $client
	check "the device stays" same_node
	check "the PCR is what it was" pcr_is "$ours"
	grep -vx "$ours" "$W/answers" > "$TAP_DIR/out"
	[ -s "$W/answers" ] && [ ! -s "$TAP_DIR/out" ]
	result $? "the client has only waited: $(wc -l < "$W/answers") right answers"
	check "data and key are there" data_is_there
done
stop_monitor
check "monitor has told it" grep -q '"resuming"' "$W/events"
pid=$(vtpm_field l .enginePid)
check "upgrade: another engine takes over" vtpmctl upgrade l
check "it is another one" has_another_engine "$pid"
check "the PCR is what it was" pcr_is "$ours"

# vtpmd away when the engine dies: the next one goes on as well.
pid=$(vtpm_field l .enginePid)
kill_daemon
kill -9 "$pid"
pcr > "$W/answers" &
client=$!
check "vtpmd starts after both were killed" vtpm_start_daemon
check "the vTPM runs, with another engine" has_another_engine "$pid"
wait $client
check "a client that was there before has only waited" \
	grep -qx "$ours" "$W/answers"
check "the PCR is what it was" pcr_is "$ours"

# Where there is nothing to go on from, nobody gets zeroes that he did not ask for.
lose() # HOW
{
	pid=$(vtpm_field l .enginePid)
	kill -STOP "$VTPMD"
	"$@"
	kill -9 "$pid"
	kill -CONT "$VTPMD"
}
damage()
{
	printf garbage | dd of="$VTPM_RUN/checkpoint/l" bs=1 seek=13000 \
		conv=notrunc status=none
	printf garbage | dd of="$VTPM_RUN/checkpoint/l" bs=1 seek=29000 \
		conv=notrunc status=none
}
forget() { rm "$VTPM_RUN/checkpoint/l"; }
for how in forget damage; do
	start_monitor
	lose $how
	check "$how: without its checkpoint it is failed" state_is failed
	check "the device stays" test -c "$node"
	expect 1 '0x.*101\|failure' "a command gets TPM_RC_FAILURE" \
		tpm2_getrandom 8
	expect 4 'vtpmctl stop' "start says what comes first" vtpmctl start l
	check "show says why" sh -c "vtpmctl show l | grep -q 'running state is lost'"
	stop_monitor
	check "monitor has told it" grep -q '"failed"' "$W/events"
	start_monitor
	check "reset" vtpmctl reset l
	stop_monitor
	check "monitor has told that too" grep -q '"event": *"reset"' "$W/events"
	check "the device stays" same_node
	check "PCRs have begun anew, as was asked for" pcr_is "$zeroes"
	check "data and key are there" data_is_there
	check "PCR 16 is extended" extend
done

# A backup of one that is written to all the time.
while [ ! -e "$W/enough" ]; do
	head -c 32 /dev/urandom | tpm2_nvwrite -Q 0x1500002 -C o -i - 2> /dev/null
done &
client=$!
tpm2_nvdefine -Q 0x1500002 -C o -s 32
for round in 1 2 3; do
	check "backup $round while it runs" vtpmctl backup l "$W/l.nvram" --force
	check "backup $round is whole" vtpmctl verify-backup "$W/l.nvram"
done
touch "$W/enough"
wait $client
tpm2_nvundefine -Q 0x1500002 -C o
expect 4 'is running' "a backup is not restored over one that runs" \
	vtpmctl restore "$W/l.nvram"

pid=$(vtpm_field l .enginePid)
check "reset of one that runs" vtpmctl reset l
check "it has another engine" has_another_engine "$pid"
check "the device stays" same_node
check "PCRs have begun anew, as was asked for" pcr_is "$zeroes"
check "data and key are there" data_is_there
check "PCR 16 is extended" extend
ours=$(pcr)
check "upgrade after a reset goes on from there" vtpmctl upgrade l
check "the PCR is what it was" pcr_is "$ours"

# An engine that crashes again and again does not do so for ever.
crash()
{
	for _ in $(seq 100); do
		pid=$(pgrep -P "$VTPMD" -x vtpm-engine | head -1)
		[ -z "$pid" ] || kill -SEGV "$pid"
		[ "$(vtpm_field l .state)" = failed ] && return
		sleep 0.2
	done
	return 1
}
check "an engine that has crashed three times is not started again" crash
check "nor later" state_is failed
check "stop" vtpmctl stop l
check "start" vtpmctl start l
expect 4 'vtpmctl stop' "one that runs cannot be renamed" \
	vtpmctl rename l other
expect 0 'owner 0:0, mode 0640' "but be set" vtpmctl set l --mode 640
check "the device is as before" test "$(stat -c %a "$node")" = 600
check "stop" vtpmctl stop l
check "start" vtpmctl start l
check "and then as was set" test "$(stat -c %a "$(vtpm_field l .device.tpm)")" = 640
check "set it back" vtpmctl set l --mode 600
check "stop" vtpmctl stop l
check "start" vtpmctl start l

# --- names in /dev -----------------------------------------------------------

if [ -n "${VTPM_IN_GUEST:-}" ] && [ -x /lib/systemd/systemd-udevd ]; then
	/lib/systemd/systemd-udevd --daemon
	udevadm trigger --settle --subsystem-match=tpm --subsystem-match=tpmrm
	check "udev has made /dev/vtpm/l" test "$(readlink -f /dev/vtpm/l)" = \
		"$(vtpm_field l .device.tpm)"
	check "and /dev/vtpm/l-rm" test "$(readlink -f /dev/vtpm/l-rm)" = "$node"
	check "both are root's alone" test \
		"$(stat -Lc %U:%G:%a /dev/vtpm/l /dev/vtpm/l-rm | sort -u)" = \
		root:root:600
	check "another one, for someone else" vtpmctl create l3 \
		--owner nobody:games --mode 0640
	other=$(vtpm_field l3 .device.tpm)
	udevadm settle
	check "has the owner and mode that were asked for" test \
		"$(stat -Lc %U:%G:%a /dev/vtpm/l3 /dev/vtpm/l3-rm | sort -u)" = \
		nobody:games:640
	check "who can use it" setpriv --reuid=nobody --clear-groups \
		tpm2_getrandom -T "device:$other" --hex 8
	expect 1 '' "and nobody else" setpriv --reuid=daemon --clear-groups \
		tpm2_getrandom -T "device:$other" --hex 8
	vtpmctl stop l3 > /dev/null 2>&1 && vtpmctl start l3 > /dev/null 2>&1
	udevadm settle
	check "also after a stop and start" test \
		"$(stat -Lc %U:%G:%a /dev/vtpm/l3 /dev/vtpm/l3-rm | sort -u)" = \
		nobody:games:640
	vtpmctl stop l3 > /dev/null 2>&1 && vtpmctl delete l3 --yes
	check "stop" vtpmctl stop l
	udevadm settle
	check "they go with the device" test ! -e /dev/vtpm/l -a \
		! -e /dev/vtpm/l-rm
else
	skip "names in /dev/vtpm" "no udevd of our own to try it with"
	vtpmctl stop l > /dev/null 2>&1
fi

# --- in memory ---------------------------------------------------------------

check "an ephemeral vTPM" vtpmctl create e --ephemeral
node=$(vtpm_field e .device.tpmrm)
e() { TPM2TOOLS_TCTI=device:$node "$@"; }
e tpm2_nvdefine -Q 0x1500002 -C o -s 4 -a "ownerread|ownerwrite" &&
	printf data | e tpm2_nvwrite -Q 0x1500002 -C o -i -
result $? "has NV data"
check "in a file that is in memory" test \
	"$(stat -fc %T "$(vtpm_field e .file)")" = tmpfs
expect 1 '' "and none on the disk" sh -c "ls -A '$VTPM_STATE' | grep -q '^\.*e\.'"
pid=$(vtpm_field e .enginePid)
kill -9 "$pid"
check "its engine is killed: another takes over" \
	vtpm_wait_other_engine e "$pid" 100
check "stop" vtpmctl stop e
check "a new vtpmd" sh -c "kill -TERM $VTPMD"
wait "$VTPMD"
check "finds it" vtpm_start_daemon
check "start" vtpmctl start e
node=$(vtpm_field e .device.tpmrm)
check "the data is there" test "$(e tpm2_nvread 0x1500002 -C o -s 4)" = data
expect 4 'already' "its name is taken" vtpmctl create e
check "stop" vtpmctl stop e
check "delete" vtpmctl delete e --yes
check "nothing is left of it" test -z \
	"$(find "$VTPM_RUN/ephemeral" -type f)"
# The new vtpmd has started it, as was asked for.
vtpm_wait_state l running 200 && vtpmctl stop l

# --- the end -----------------------------------------------------------------

check "delete" vtpmctl delete l --yes
check "no file is left" sh -c "! ls '$VTPM_STATE'/l.*"
check "restore from the backup" vtpmctl restore "$W/l.nvram"
check "start" vtpmctl start l
node=$(vtpm_field l .device.tpmrm)
check "data and key are there" data_is_there
check "stop" vtpmctl stop l
check "delete" vtpmctl delete l --yes
rm -rf "$W"
tap_end
