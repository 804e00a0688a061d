#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The units, as systemd runs them: the sandbox of vtpmd.service lets everything
# through that vtpmd and its helpers need, a restart resets no TPM, and the
# host's end is an orderly one. TAP; for a guest with systemd as process 1:
#
#   VTPM_CMDLINE=vtpm.systemd tools/testing/here-or-guest.sh \
#       tools/testing/e2e/systemd.sh
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
# systemd cleans /tmp when the first unit wants it.
TAP_DIR=$(mktemp -d /run/vtpm-tap.XXXXXX)
. tools/testing/tap.sh
. tools/testing/set-up.sh

if [ -z "${VTPM_IN_GUEST:-}" ] || [ "$(cat /proc/1/comm)" != systemd ]; then
	skip "units" "needs a guest with systemd, not this machine"
	tap_end
	exit
fi
vtpm_install && vtpm_load_module || exit
systemctl daemon-reload

state_is() { [ "$(vtpm_field w .state)" = "$1" ]; }
pcr() { tpm2_pcrread sha256:16 | sed -n 's/.*16 *: 0x//p'; }

check "systemd finds no fault in the units" systemd-analyze verify \
	vtpmd.service vtpm-shutdown.service
check "vtpmd.service starts" systemctl start vtpmd.service
check "it is active" systemctl is-active vtpmd.service
check "vtpm-shutdown.service starts" systemctl start vtpm-shutdown.service
check "a key provider" vtpmctl provider add native default
check "its backup" vtpmctl provider backup default "$VTPM_RUN/key.p12" \
	--password-file <(echo "correct horse battery")
check "a vTPM" vtpmctl create w
node=$(vtpm_field w .device.tpmrm)
export TPM2TOOLS_TCTI="device:$node"
check "it answers" tpm2_getrandom --hex 8
udevadm settle
check "udev has named it" test "$(readlink -f /dev/vtpm/w-rm)" = "$node"
check "PCR 16 is extended" tpm2_pcrextend \
	"16:sha256=$(printf '1%.0s' $(seq 64))"
ours=$(pcr)
engine=$(vtpm_field w .enginePid)

check "vtpmd.service restarts" systemctl restart vtpmd.service
check "with the same engine" test "$(vtpm_field w .enginePid)" = "$engine"
check "and the same PCR" test "$(pcr)" = "$ours"
check "vtpmd is killed" systemctl kill -s KILL --kill-who=main vtpmd.service
back()
{
	for _ in $(seq 100); do
		vtpmctl list && return
		sleep 0.1
	done
	return 1
}
check "and comes back by itself" back
check "with the same engine" test "$(vtpm_field w .enginePid)" = "$engine"
check "and the same PCR" test "$(pcr)" = "$ours"

check "vtpmd.service stops" systemctl stop vtpmd.service
check "the vTPM goes on" tpm2_getrandom --hex 8
check "vtpmd.service starts" systemctl start vtpmd.service
check "and has the vTPM" state_is running

kill -9 "$engine"
check "an engine's end does not end the service" \
	systemctl is-active vtpmd.service
check "another engine takes over" vtpm_wait_other_engine w "$engine" 100
check "with the same PCR" test "$(pcr)" = "$ours"
check "the host goes down: vtpm-shutdown.service stops" \
	systemctl stop vtpm-shutdown.service
check "no vTPM runs" state_is stopped
check "vtpmd.service stops" systemctl stop vtpmd.service
expect 1 '' "nothing has failed" systemctl is-failed vtpmd.service \
	vtpm-shutdown.service
rmmod vtpm
journalctl -u vtpmd --no-pager -o cat | tail -40 | sed 's/^/# /'
tap_end
