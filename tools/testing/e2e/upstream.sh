#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own tests of TPM devices (tools/testing/selftests/tpm2: smoke,
# async, space), as Debian's linux-source-6.1 has them, on a vTPM. TAP.
#
#   upstream.sh --prepare   unpack them into build/upstream (slow in a guest)
#   upstream.sh             run them where the module can be loaded, as root
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
tests=build/upstream/tpm2

if [ "${1:-}" = --prepare ]; then
	[ -e $tests/.complete ] && exit
	mkdir -p $tests &&
		tar -xJf /usr/src/linux-source-6.1.tar.xz -C $tests \
			--strip-components=5 --wildcards \
			'*/tools/testing/selftests/tpm2/*' &&
		touch $tests/.complete
	exit
fi
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

# They open /dev/tpm0, so that is what it has to be.
VTPM_MODULE_OPTIONS=leave_tpm0=0
vtpm_set_up && vtpmctl create upstream > /dev/null || exit
if [ "$(vtpm_field upstream .device.tpm)" != /dev/tpm0 ]; then
	skip "the kernel's tpm2 selftests" "this machine has a /dev/tpm0 of its own"
	tap_end
	exit
fi

# A line of python's unittest to a line of TAP.
verdicts()
{
	sed -nE 's/^(test_[a-z_0-9]+) \(tpm2_tests\.([A-Za-z]+).*\.\.\. (.*)/\3 \2 \1/p' |
		while read -r verdict class name; do
			case $verdict in
			ok) echo "ok $class: $name" ;;
			*) echo "not ok $class: $name: $verdict" ;;
			esac
		done
}

for script in test_smoke.sh test_space.sh; do
	(cd $tests && timeout 300 sh ./$script) > "$TAP_DIR/$script" 2>&1
	status=$?
	verdicts < "$TAP_DIR/$script" > "$TAP_DIR/verdicts"
	adopt "$TAP_DIR/verdicts"
	cp "$TAP_DIR/$script" "$TAP_DIR/out"
	result $status "$script exits with 0"
	# The script's status is that of its last class only.
	[ "$(grep -c '^OK$' "$TAP_DIR/$script")" = \
		"$(grep -c 'unittest' $tests/$script)" ]
	result $? "$script: every class of tests says OK"
done
tap_end
