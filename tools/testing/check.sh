#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# All tests, counted by their TAP lines. A suite that exits with an error, or
# prints no test at all, counts as a failure. What a suite printed is in
# build/check/SUITE.log.
#
#   check.sh [SUITE ...]    all, or those whose names are given
#
# FUZZ_SECONDS (5) for each fuzz target. Suites that need the module run in
# place where this kernel loads modules, else in a guest; see here-or-guest.sh.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
export FUZZ_SECONDS=${FUZZ_SECONDS:-5}
wanted=" $* "

passed=0 failed=0 skipped=0
suite()	# NAME COMMAND...
{
	local name=$1 log rc p f s start=$SECONDS
	shift
	[ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return
	log=build/check/$name.log
	mkdir -p build/check
	printf '==> %-24s ' "$name"
	"$@" > "$log" 2>&1
	rc=$?
	s=$(grep -cE '^ok .*# SKIP|^1\.\.0 # SKIP' "$log")
	p=$(grep -E '^ok ' "$log" | grep -vc '# SKIP')
	f=$(grep -cE '^not ok ' "$log")
	if { [ $rc -ne 0 ] && [ "$f" -eq 0 ]; } || [ $((p + s + f)) -eq 0 ]; then
		f=$((f + 1))
	fi
	echo "$p passed, $f failed, $s skipped in $((SECONDS - start)) s"
	grep -E '^ok .*# SKIP|^1\.\.0 # SKIP' "$log" | sed 's/^/    /'
	[ "$f" -eq 0 ] || {
		grep -E -A3 '^not ok ' "$log"
		echo "    exit status $rc; the end of $log:"
		tail -15 "$log"
	}
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)

# One test of one command.
one() # TEXT COMMAND...
{
	local text=$1
	shift
	if "$@"; then echo "ok 1 - $text"; else echo "not ok 1 - $text"; fi
}

# The module's selftests alone, on one kernel: they need nothing else.
# shellcheck disable=SC2016 # expanded where the module is
selftests=(bash -c 'insmod "$VTPM_KO" && build/selftests/vtpm_test && build/selftests/scale 100 &&
	rmmod vtpm')

# What needs the newest kernel, for which headers have to be downloaded.
on_newest() # COMMAND...
{
	if ! "${sudo[@]}" tools/testing/vm/build-module.sh 7.x; then
		grep -q '' < <("${sudo[@]}" tools/testing/vm/kernel.sh 7.x) || {
			echo "ok 1 - newest kernel # SKIP it cannot be downloaded"
			return
		}
		return 1
	fi
	VTPM_WHERE=guest KERNEL=7.x tools/testing/here-or-guest.sh "$@"
}

place() { tools/testing/here-or-guest.sh "$@"; }

echo "==> building"
make --no-print-directory helper man selftests || exit
make --no-print-directory VARIANT=asan helper helper-tests || exit

suite style tools/style.sh
for t in build/asan/test/helper/*/test-* build/asan/test/helper/*/*/test-*; do
	[ -x "$t" ] && suite "$(basename "$t")" \
		env CMOCKA_MESSAGE_OUTPUT=TAP "$t"
done
suite nvram-vectors python3 tools/testing/vectors/check-nvram-vectors.py
suite provider-native python3 tools/testing/e2e/provider-conformance.py \
	build/asan/vtpm-key-native
suite api "${sudo[@]}" tools/testing/e2e/api.sh
suite api-asan "${sudo[@]}" tools/testing/e2e/api.sh build/asan
for t in tools/testing/fuzz/fuzz-*.c; do
	t=$(basename "$t" .c)
	suite "$t" one "$FUZZ_SECONDS s of $t" make --no-print-directory "$t"
done
suite dkms tools/testing/dkms-check.sh

suite module-6.1 place "${selftests[@]}"
suite module-7.x on_newest "${selftests[@]}"
tools/testing/e2e/upstream.sh --prepare || exit
suite upstream-6.1 place tools/testing/e2e/upstream.sh
suite upstream-7.x on_newest tools/testing/e2e/upstream.sh
suite tools place tools/testing/e2e/tools.sh
suite sealed place tools/testing/e2e/sealed.sh
suite life place tools/testing/e2e/life.sh
suite host place tools/testing/e2e/host.sh
suite systemd env VTPM_WHERE=guest VTPM_CMDLINE=vtpm.systemd \
	tools/testing/here-or-guest.sh tools/testing/e2e/systemd.sh
suite bad place tools/testing/e2e/bad.sh
suite demo one "the demonstration runs to its end" place tools/demo.sh

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
