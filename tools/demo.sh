#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The demonstration: a vTPM from nothing to a quote that verifies, and what is
# on the disk. Ends with status 0 only if every step did what it says.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck disable=SC1091
. tools/testing/set-up.sh

step() { echo; echo "\$ $*"; "$@"; }

trap vtpm_tear_down EXIT
say "installing, loading vtpm.ko, starting vtpmd"
vtpm_install
vtpm_load_module
vtpm_start_daemon
work=$(mktemp -d)
cd "$work"
echo "correct horse battery" > password

say "a key provider; its key is refused until it is backed up"
step vtpmctl provider add native default
step vtpmctl provider backup default key.p12 --password-file password

say "a virtual TPM"
step vtpmctl create web1
dev=$(vtpm_field web1 .device.tpmrm)
step vtpmctl list
export TPM2TOOLS_TCTI="device:$dev"

say "tpm2-tools on $dev"
step tpm2_getrandom --hex 16
echo
step tpm2_getcap handles-persistent
step tpm2_nvdefine -Q 0x1500001 -s 32 -a "ownerread|ownerwrite"
printf 'VTPM-DEMO-MARKER-VTPM-DEMO-MARK\n' > marker
step tpm2_nvwrite 0x1500001 -C o -i marker
step tpm2_pcrextend 16:sha256=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
step tpm2_createek -Q -c ek.ctx -G rsa -u ek.pub
step tpm2_createak -Q -C ek.ctx -c ak.ctx -u ak.pub -f pem -n ak.name
step tpm2_quote -Q -c ak.ctx -l sha256:16 -q c0ffee -m quote.msg -s quote.sig -o quote.pcrs
step tpm2_checkquote -Q -u ak.pub -m quote.msg -s quote.sig -f quote.pcrs -q c0ffee
echo "the quote verifies"

say "the state on disk is sealed"
ls -l "$VTPM_STATE"/*.nvram
if grep -raq VTPM-DEMO-MARKER "$VTPM_STATE" "$VTPM_RUN"; then
	echo "the marker is in a file in the clear" >&2
	exit 1
fi
echo "the marker is in no file under $VTPM_STATE or $VTPM_RUN"

say "stop and start: NV data and keys are there, PCRs begin anew"
step vtpmctl stop web1
step vtpmctl start web1
step tpm2_nvread 0x1500001 -C o -s 32
step tpm2_getcap handles-persistent

step vtpmctl stop web1
step vtpmctl delete web1 --yes
vtpm_stop_daemon
vtpm_unload_module
rm -rf "$work"
say "done: the device, the daemon and the module are gone"
