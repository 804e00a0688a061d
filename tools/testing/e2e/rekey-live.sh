#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Keys that change under a vTPM that runs, and one that is away when it starts:
# PCRs and NV go on, the device answers, and a locked vTPM opens by itself.
# TAP; runs as root where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

vtpm_set_up && vtpmctl create r > /dev/null || exit
W=$(mktemp -d)
nv=0x1500001

tcti()
{
	node=$(vtpm_field r .device.tpmrm) || return
	export TPM2TOOLS_TCTI="device:$node"
}
pcr() { tpm2_pcrread sha256:16 | sed -n 's/.*16 *: 0x//p'; }
data_is() { tcti && [ "$(tpm2_nvread $nv -C o -s 4)" = "$1" ]; }
write() { printf '%s' "$1" | tpm2_nvwrite -Q $nv -C o -i -; }
state_is() { vtpm_wait_state r "$1" 200; }
away() { mv "$VTPM_STATE/keys/default" "$W/default"; }
back() { mv "$W/default" "$VTPM_STATE/keys/default"; }

tcti
tpm2_nvdefine -Q $nv -C o -s 4 -a "ownerread|ownerwrite" && write one &&
	tpm2_pcrextend "16:sha256=$(printf '1%.0s' $(seq 64))"
result $? "a vTPM with NV data and a PCR"
before=$(pcr)
pid=$(vtpm_field r .enginePid)

# Someone who asks it on and on, and notes each time it does not answer.
(while [ ! -e "$W/end" ]; do
	tpm2_getrandom --hex 8 >> "$W/answers" 2>> "$W/errors" ||
		echo x >> "$W/failures"
	echo >> "$W/answers"
done) &
client=$!
expect 0 'number 1' "rekey while it runs" vtpmctl rekey r
for n in 2 3 4; do
	expect 0 "number $n" "deep rekey while it runs" vtpmctl rekey r --deep
	check "and a write after it" write "dat$n"
done
touch "$W/end"
wait $client
check "the device answered all the time" test ! -e "$W/failures" -a \
	"$(wc -l < "$W/answers")" -gt 5
check "PCRs are as before" test "$(pcr)" = "$before"
check "in the same engine" test "$(vtpm_field r .enginePid)" = "$pid"

away
check "without its provider it goes on" write away
expect 7 'rekey --deep' "a shallow rekey says what would do instead" \
	vtpmctl rekey r
vtpmctl stop r > /dev/null
expect 7 'needs key' "but does not start" vtpmctl start r
check "it is locked" state_is locked
check "and has no device" test -z "$(ls /sys/devices/virtual/vtpm 2> /dev/null)"
back
check "it runs by itself when the key is back" state_is running
check "with the data" data_is away

# What a crash of the engine right after a deep rekey leaves opens, too.
expect 0 'number 5' "deep rekey" vtpmctl rekey r --deep
rm "$VTPM_RUN/checkpoint/r"
kill -9 "$(vtpm_field r .enginePid)"
check "the engine is killed, with nothing to go on from" state_is failed
vtpmctl stop r > /dev/null
expect 0 'is running' "stop, start" vtpmctl start r
check "the data is there" data_is away
rm -rf "$W"
tap_end
