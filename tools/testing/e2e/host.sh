#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A vTPM does not become the host's own TPM by accident: not by its name, as a
# source of random numbers, or for IMA. TAP; runs as root where the module can
# be loaded. Documentation/threat-model.rst, "The host's own TPM".
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

had_tpm0=
[ ! -e /dev/tpm0 ] || had_tpm0=1
vtpm_set_up && vtpmctl create h > /dev/null || exit
node=$(vtpm_field h .device.tpmrm)
export TPM2TOOLS_TCTI="device:$node"

if [ -z "$had_tpm0" ]; then
	check "the first vTPM is not /dev/tpm0" test ! -e /dev/tpm0 -a \
		! -e /dev/tpmrm0
	check "but the next one" test "$node" = /dev/tpmrm1
else
	skip "the first vTPM is not /dev/tpm0" "this machine has one"
fi
# tpm2-tools look for the host's TPM where no other is named.
expect 1 '' "tpm2-tools without a TCTI do not find it" \
	env -u TPM2TOOLS_TCTI tpm2_getrandom --hex 8
check "with it they do" tpm2_getrandom --hex 8
check "systemd sees no TPM of this host in it" sh -c \
	"! command -v systemd-creds || ! systemd-creds has-tpm2 -q"

if grep -qw tpm_hwrng_read /proc/kallsyms; then
	check "it is no source of random numbers for the host" sh -c \
		"! grep -q tpm /sys/class/misc/hw_random/rng_available"
else
	skip "no source of random numbers" "HW_RANDOM_TPM is not in this kernel"
fi

# IMA looks for a TPM once, before any module; its PCR is 10.
mount -t securityfs securityfs /sys/kernel/security 2> /dev/null
ima=/sys/kernel/security/ima
count() { cat $ima/runtime_measurements_count; }
if [ -n "${VTPM_IN_GUEST:-}" ] && [ -w $ima/policy ]; then
	before=$(count)
	check "IMA is made to measure programs" sh -c \
		"echo 'measure func=BPRM_CHECK' > $ima/policy"
	cp /bin/true /tmp/never-seen && /tmp/never-seen
	check "it has measured one" test "$(count)" -gt "$before"
	check "and PCR 10 of the vTPM is what it was" sh -c \
		"tpm2_pcrread sha256:10 | grep -q ': 0x0\{64\}$'"
else
	skip "IMA" "its policy cannot be set here"
fi
vtpmctl stop h > /dev/null 2>&1 && vtpmctl delete h --yes
tap_end
