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
	"$@" > "$log" 2>&1
	rc=$?
	# CMocka writes "not ok" of one that was skipped.
	s=$(grep -cE '^(not )?ok .*# SKIP|^1\.\.0 # SKIP' "$log")
	p=$(grep -E '^ok ' "$log" | grep -vc '# SKIP')
	f=$(grep -E '^not ok ' "$log" | grep -vc '# SKIP')
	if { [ $rc -ne 0 ] && [ "$f" -eq 0 ]; } || [ $((p + s + f)) -eq 0 ]; then
		f=$((f + 1))
	fi
	# In one piece: another lane prints as well.
	suite_report "$name" "$log" "$rc" "$p" "$f" "$s" $((SECONDS - start)) |
		dd bs=64K iflag=fullblock status=none
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

suite_report() # NAME LOG STATUS PASSED FAILED SKIPPED SECONDS
{
	printf '==> %-24s %s passed, %s failed, %s skipped in %s s\n' "$1" "$4" \
		"$5" "$6" "$7"
	grep -E '^(not )?ok .*# SKIP|^1\.\.0 # SKIP' "$2" | sed 's/^/    /'
	[ "$5" -eq 0 ] || {
		grep -E -A3 '^not ok ' "$2"
		echo "    exit status $3; the end of $2:"
		tail -15 "$2"
	}
}

# A process of its own runs it.
lane() # FUNCTION
{
	passed=0 failed=0 skipped=0
	"$1"
	echo $passed $failed $skipped > "build/check/$1.counts"
}

# Functions that run suites, one in another's time; a lane that ends without
# its counts counts as a failure.
lanes() # FUNCTION...
{
	local lane p f s
	mkdir -p build/check
	for lane; do
		rm -f "build/check/$lane.counts"
		lane "$lane" < /dev/null &
	done
	wait
	for lane; do
		read -r p f s < "build/check/$lane.counts" || {
			echo "the suites of $lane did not come to their end"
			p=0 f=1 s=0
		}
		passed=$((passed + p)) failed=$((failed + f))
		skipped=$((skipped + s))
	done
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
