#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vtpm-key-native: the contract, then what many data keys cost. TAP on standard
# output. Touches nothing but a temporary directory.
#
# usage: provider-native.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
program=$(realpath "${1:-build/release}/vtpm-key-native")
T=$(mktemp -d /tmp/vtpm-native.XXXXXX)
trap 'rm -rf "$T"' EXIT
TAP_DIR=$T
# shellcheck source=tools/testing/tap.sh
. tools/testing/tap.sh

python3 tools/testing/e2e/provider-conformance.py "$program" >"$T/tap" 2>&1
status=$?
sed -E 's/^((not )?ok) [0-9]+ /\1 /' "$T/tap" >"$T/said"
adopt "$T/said"
[ $status -le 1 ] && grep -q '^1\.\.' "$T/tap"
result $? "the conformance test came to its end"

# The program, traced; the sanitizer cannot look for leaks then.
cat >"$T/traced" <<END
#!/bin/sh
ASAN_OPTIONS=detect_leaks=0 exec strace -qq -A -o "$T/trace" \\
	-e trace=openat,flock "$program"
END
chmod +x "$T/traced"
many() { # PROGRAM VERB [OPTIONS]
	: >"$T/trace"
	timeout 300 python3 tools/testing/e2e/provider-many.py "${@:3}" \
		"$1" "$T/many" "$2" "$T/items"
	status=$?
	reads=$(grep -c 'openat(.*[.]key", O_RDONLY' "$T/trace")
	locks=$(grep -c 'flock(' "$T/trace")
	return $status
}
check "50 data keys are wrapped, by 3 keys in turn" \
	many "$program" wrap --keys 3
if command -v strace >/dev/null && strace -qq -o /dev/null true 2>/dev/null; then
	check "each of them unwraps" many "$T/traced" each
	echo "# one after the other: $reads keys read, $locks locks"
	check "and reads all keys" test "$reads" = 150
	check "all of them unwrap at once" many "$T/traced" open
	echo "# unwrap-many: $reads keys read, $locks locks"
	check "each key is read once" test "$reads" = 3
	check "the directory is locked once" test "$locks" = 1
else
	skip "what 50 data keys cost" "strace does not work here"
	check "all of them unwrap at once" many "$program" open
fi
tap_end
