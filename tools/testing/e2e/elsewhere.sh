#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A vTPM is restored on another machine, which is empty, with its backup and the
# exported key of its provider: in two guests, since one would have the rest as
# well. TAP.
#
# With --make and --restore it is in one of the guests.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
out=$PWD/build/check/elsewhere
moved=$out/moved

# The second guest sees this tree as it is now; TAP of both, counted through.
both()
{
	rm -rf "$out"
	mkdir -p "$out"
	VTPM_WHERE=guest VTPM_OUT=$out tools/testing/here-or-guest.sh \
		tools/testing/e2e/elsewhere.sh --make || return
	# The sealed object is what a user of the TPM has kept.
	[ "$(cd "$moved" && echo *)" = "key.p12 sealed.priv sealed.pub vm.nvram" ] || {
		echo "not ok - backup and key alone go to the other machine"
		return 1
	}
	VTPM_WHERE=guest tools/testing/here-or-guest.sh \
		tools/testing/e2e/elsewhere.sh --restore
}
case ${1:-} in
--make|--restore) ;;
*) both; exit ;;
esac

. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT
W=$(mktemp -d)
echo 'correct horse battery' > "$W/password"
on()
{
	TPM2TOOLS_TCTI=device:$(vtpm_field vm .device.tpmrm)
	export TPM2TOOLS_TCTI
}

# shellcheck disable=SC2153 # the guest's folder that is seen from outside
seal()
{
	on && tpm2_createprimary -Q -C o -c "$W/srk.ctx" &&
		tpm2_evictcontrol -Q -C o -c "$W/srk.ctx" 0x81000001 &&
		echo -n 'the secret' | tpm2_create -Q -C 0x81000001 -i - \
			-u "$VTPM_OUT/moved/sealed.pub" -r "$VTPM_OUT/moved/sealed.priv"
}

if [ "$1" = --make ]; then
	vtpm_install && vtpm_load_module && vtpm_start_daemon || exit
	mkdir "$VTPM_OUT/moved"
	vtpmctl provider add native site > /dev/null
	expect 0 '' "the provider's key is exported" vtpmctl provider backup site \
		"$VTPM_OUT/moved/key.p12" --password-file "$W/password"
	check "a vTPM" vtpmctl create vm --ek p256
	check "with a secret" seal
	expect 0 'is backed up' "is backed up while it runs" \
		vtpmctl backup vm "$VTPM_OUT/moved/vm.nvram"
	tap_end
	exit
fi

vtpm_install && vtpm_load_module && vtpm_start_daemon || exit
check "the other machine has no vTPM" \
	test -z "$(find "$VTPM_STATE" -name '*.nvram' -o -name '*.key')"
expect 0 'locked' "the backup is restored" vtpmctl restore "$moved/vm.nvram"
expect 3 'not known yet' "its endorsement keys are not known" vtpmctl ek show vm
expect 7 'site' "without the key it is locked" vtpmctl start vm
expect 7 'password' "a wrong password does not open the export" \
	vtpmctl provider restore native site "$moved/key.p12" \
	--password-file /etc/hostname
expect 0 '' "the key is taken in" vtpmctl provider restore native site \
	"$moved/key.p12" --password-file "$W/password"
check "it starts by itself" vtpm_wait_state vm running 300
expect 0 'EK digest *[0-9a-f]\{64\} p256$' "its endorsement key is known now" \
	vtpmctl show vm
expect 0 'nvIndex\|certificate' "with the certificate" vtpmctl ek show vm
unseal()
{
	on && tpm2_load -Q -C 0x81000001 -u "$moved/sealed.pub" \
		-r "$moved/sealed.priv" -c "$W/sealed.ctx" &&
		[ "$(tpm2_unseal -c "$W/sealed.ctx")" = 'the secret' ]
}
check "and opens what was sealed on the first machine" unseal
tap_end
