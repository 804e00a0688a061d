#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# All tests, counted by their TAP lines. A suite that exits with an error, or
# prints no test at all, counts as a failure.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

passed=0 failed=0 skipped=0
suite()	# NAME COMMAND...
{
	local name=$1 log rc p f s
	shift
	log=build/check/$name.log
	mkdir -p build/check
	echo "==> $name"
	"$@" > "$log" 2>&1
	rc=$?
	s=$(grep -cE '^ok .*# SKIP' "$log")
	p=$(($(grep -cE '^ok ' "$log") - s))
	f=$(grep -cE '^not ok ' "$log")
	if [ $rc -ne 0 ] && [ "$f" -eq 0 ] || [ $((p + s + f)) -eq 0 ]; then
		f=$((f + 1))
	fi
	[ "$f" -eq 0 ] || { grep -E -A3 '^not ok ' "$log"; tail -15 "$log"; }
	echo "    $p passed, $f failed, $s skipped"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

make --no-print-directory helper man selftests || exit 1
make --no-print-directory VARIANT=asan helper-tests || exit 1
for t in build/asan/test/helper/*/test-* build/asan/test/helper/*/*/test-*; do
	[ -x "$t" ] && suite "$(basename "$t")" env CMOCKA_MESSAGE_OUTPUT=TAP "$t"
done
export VTPM_KO
VTPM_KO=$(tools/testing/vm/build-module.sh 6.1) || exit 1
suite module-6.1 tools/testing/vm/vm.sh --timeout 300 --pass VTPM_KO \
	bash -c 'insmod "$VTPM_KO" && build/selftests/vtpm_test && rmmod vtpm'
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
