# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by check.sh and the like: suites of tests, counted by their lines of
# TAP. A suite that exits with an error, or prints no test at all, counts as a
# failure. What a suite printed is in build/check/SUITE.log.

# Those to run, " NAME NAME "; all if there is no name.
wanted="  "
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

# The last line, and the status of all.
suites_end()
{
	echo
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ]
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
# shellcheck disable=SC2034
selftests=(bash -c 'insmod "$VTPM_KO" && build/selftests/vtpm_test &&
	build/selftests/scale 100 && rmmod vtpm')

# In a guest, with a kernel that may have to be downloaded.
on_kernel() # KERNEL COMMAND...
{
	local kernel=$1
	shift
	if ! "${sudo[@]}" tools/testing/vm/build-module.sh "$kernel"; then
		"${sudo[@]}" tools/testing/vm/kernel.sh "$kernel" > /dev/null || {
			echo "ok 1 - kernel $kernel # SKIP it cannot be downloaded"
			return 0
		}
		return 1
	fi
	VTPM_WHERE=guest KERNEL=$kernel tools/testing/here-or-guest.sh "$@"
}

place() { tools/testing/here-or-guest.sh "$@"; }
