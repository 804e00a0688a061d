#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All tests, counted by their TAP lines. A suite that exits with an error, or
# prints no test at all, counts as a failure. What a suite printed is in
# build/check/SUITE.log. Two lanes run at a time, since guests mostly wait.
#
#   check.sh [SUITE ...]    all, or those whose names are given
#
# FUZZ_SECONDS (5) for each fuzz target. Suites that need the module run in
# place where this kernel loads modules, else in a guest; see here-or-guest.sh.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
export FUZZ_SECONDS=${FUZZ_SECONDS:-5}
. tools/testing/suite.sh
wanted=" $* "

echo "==> building"
make --no-print-directory helper man selftests bench-programs \
	build/torture/torture || exit
make --no-print-directory VARIANT=asan helper helper-tests || exit

# Suites on this machine, and some of the module.
host_suites()
{
	suite style tools/style.sh
	for t in build/asan/test/helper/*/test-* build/asan/test/helper/*/*/test-*; do
		[ ! -x "$t" ] ||
			suite "$(basename "$t")" env CMOCKA_MESSAGE_OUTPUT=TAP "$t"
	done
	suite nvram-vectors python3 tools/testing/vectors/check-nvram-vectors.py
	suite swtpm-vectors python3 tools/testing/vectors/check-swtpm-vectors.py
	suite provider-native tools/testing/e2e/provider-native.sh build/asan
	suite provider-pkcs11 tools/testing/e2e/provider-pkcs11.sh build/asan
	suite provider-kmip tools/testing/e2e/provider-kmip.sh build/asan
	suite provider-kmip-servers tools/testing/e2e/provider-kmip-servers.sh \
		build/asan
	suite provider-tpm2 tools/testing/e2e/provider-tpm2.sh build/asan
	suite key-persistence "${sudo[@]}" tools/testing/e2e/key-persistence.sh \
		build/asan
	suite api-asan "${sudo[@]}" tools/testing/e2e/api.sh build/asan
	suite backup "${sudo[@]}" tools/testing/e2e/backup.sh build/asan
	suite autostart-keys "${sudo[@]}" tools/testing/e2e/autostart-keys.sh \
		build/asan
	suite pool "${sudo[@]}" tools/testing/e2e/pool.sh build/asan
	suite standby "${sudo[@]}" tools/testing/e2e/standby.sh build/asan
	suite swtpm "${sudo[@]}" tools/testing/e2e/swtpm.sh build/asan
	suite identity-asan "${sudo[@]}" tools/testing/e2e/identity.sh build/asan
	suite provider-sandbox "${sudo[@]}" tools/testing/e2e/provider-sandbox.sh
	suite provider-sandbox-asan "${sudo[@]}" tools/testing/e2e/provider-sandbox.sh \
		build/asan
	suite provider-managed "${sudo[@]}" tools/testing/e2e/provider-managed.sh \
		build/asan
	suite rekey-kill "${sudo[@]}" tools/testing/e2e/rekey-kill.sh
	suite rekey-asan "${sudo[@]}" tools/testing/e2e/rekey.sh build/asan
	for t in tools/testing/fuzz/fuzz-*.c; do
		t=$(basename "$t" .c)
		suite "$t" one "$FUZZ_SECONDS s of $t" make --no-print-directory "$t"
	done
	suite dkms tools/testing/dkms-check.sh
	# So that both lanes take about as long; upstream-sources is long done.
	suite module-7.x on_kernel 7.x "${selftests[@]}"
	suite upstream-7.x on_kernel 7.x tools/testing/e2e/upstream.sh
	suite autostart place tools/testing/e2e/autostart.sh
	suite clone place tools/testing/e2e/clone.sh
	suite elsewhere tools/testing/e2e/elsewhere.sh
}

# The other suites of the module.
module_suites()
{
	suite module-6.1 place "${selftests[@]}"
	suite upstream-sources one "the kernel's tests are there" \
		tools/testing/e2e/upstream.sh --prepare
	suite upstream-6.1 place tools/testing/e2e/upstream.sh
	suite tools place tools/testing/e2e/tools.sh
	suite sealed place tools/testing/e2e/sealed.sh
	suite rekey-live place tools/testing/e2e/rekey-live.sh
	suite life place tools/testing/e2e/life.sh
	suite torture place tools/testing/e2e/torture.sh
	suite attest place tools/testing/e2e/attest.sh
	suite overload place tools/testing/e2e/overload.sh
	suite host place tools/testing/e2e/host.sh
	suite systemd env VTPM_WHERE=guest VTPM_CMDLINE=vtpm.systemd \
		tools/testing/here-or-guest.sh tools/testing/e2e/systemd.sh
	suite bad place tools/testing/e2e/bad.sh
	suite demo one "the demonstration runs to its end" place tools/demo.sh
}

lanes host_suites module_suites
suites_end
