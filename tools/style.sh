#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Style and static analysis of the whole tree. Prints TAP: what a check finds
# follows its "not ok". Writes nothing outside build/.
#
#   tools/style.sh            all checks
#   tools/style.sh NAME ...   these; a name is what follows the number
set -euo pipefail
cd "$(dirname "$0")/.."

checks=(clang-format checkpatch sparse cppcheck clang-tidy gcc-analyzer
	hardening shellcheck python codespell licence size generated man
	documents)
work=$PWD/build/style
linux_tar=/usr/src/linux-source-6.1.tar.xz
mkdir -p "$work"

# A check is a function that runs in a shell of its own. It fails by its
# status or by what it prints; skip leaves it.
skip() { echo "$*"; exit 77; }
need() { command -v "$1" > /dev/null || skip "$1 is not installed"; }

files() # REGULAR-EXPRESSION: files of the tree whose path it matches
{
	find . \( -path ./build -o -path ./.git -o -name __pycache__ \) -prune \
		-o -type f -printf '%P\n' | grep -E "$1" | LC_ALL=C sort
}

# What of the input are findings; there may be none.
findings() { grep -E "$@" | sed "s|$PWD/||g" | LC_ALL=C sort -u || :; }

# --- the module ---------------------------------------------------------------

checkpatch() # TYPES-TO-IGNORE, files on standard input
{
	# It leaves a file in the folder it runs in.
	sed "s|^|$PWD/|" | (cd "$work/checkpatch" &&
		xargs perl checkpatch.pl --no-tree --strict --terse --show-types \
			--no-summary --ignore "$1" -f) | findings .
}

check_checkpatch()
{
	local dir=$work/checkpatch
	[ -e "$linux_tar" ] || skip "no $linux_tar"
	if [ ! -e "$dir/complete" ]; then
		mkdir -p "$dir"
		tar -xJf "$linux_tar" -C "$dir" --strip-components=2 --wildcards \
			'*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
			'*/scripts/const_structs.checkpatch'
		touch "$dir/complete"
	fi
	# It does not know which of our functions take a text for people, and
	# such a text stays on one line.
	files '^kmod/.*\.[ch]$' | grep -v /trace.h | checkpatch LONG_LINE_STRING
	# To it TRACE_EVENT() is a call like any other.
	files '^kmod/trace.h$' |
		checkpatch OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
	# What fails ends its test, as with the macros of kselftest_harness.h.
	files '^tools/testing/selftests/vtpm/.*\.[ch]$' |
		checkpatch MACRO_WITH_FLOW_CONTROL
}

check_sparse()
{
	local kdir
	need sparse
	kdir=$(find /lib/modules -maxdepth 2 -path '*/6.1.*-cloud-*/build' |
		sort -V | tail -1)
	[ "$kdir" ] || skip "no headers of Debian's 6.1 cloud kernel"
	# All of it again, for what the compiler warned of last time.
	rm -rf "$work/sparse"
	tools/kbuild.sh "$kdir" "$work/sparse" C=2 2> "$work/sparse.log" \
		> /dev/null || tail "$work/sparse.log"
	sed -n "s|^$work/sparse/||p" "$work/sparse.log"
}

# --- the programs -------------------------------------------------------------

# The include path of the programs, and what the analyzers must be told.
flags="-std=gnu11 -D_GNU_SOURCE -Ihelper -Ikmod/uapi -Ibuild/release/gen
	-I/usr/include/p11-kit-1 -include tools/analyzers.h"
export flags

generated() { make -s build/release/gen/io.vtpm.varlink.h; }

check_clang-format()
{
	need clang-format
	files '^(helper|tools)/.*\.[ch]$' |
		xargs clang-format --dry-run -Werror 2>&1
}

check_cppcheck()
{
	need cppcheck
	generated
	# memleak: it does not know __attribute__((cleanup)), gcc-analyzer does.
	cppcheck --quiet -j2 --enable=warning,performance,portability \
		--error-exitcode=1 --inline-suppr --suppress=memleak \
		--template=gcc -DCPPCHECK -D_GNU_SOURCE -Ihelper -Ikmod/uapi \
		-Ibuild/release/gen --include=tools/analyzers.h \
		helper tools/testing 2>&1
}

check_clang-tidy()
{
	need clang-tidy
	generated
	# One file a run, or version 14 warns of each va_list but the first.
	# "Potential leak": it does not know __attribute__((cleanup)) either.
	files '^helper/.*\.c$' | xargs -P2 -n1 sh -c \
		'clang-tidy --quiet "$1" -- $flags 2>&1' - \
		> "$work/clang-tidy.log" || echo "clang-tidy failed"
	findings '(warning|error): ' < "$work/clang-tidy.log" |
		findings -v 'Potential leak of memory'
}

check_gcc-analyzer()
{
	need gcc
	generated
	# Only what clang-tidy does not see for the cleanup attribute. A leak
	# of "<unknown>" is a loop of which gcc lost track.
	files '^helper/.*\.c$' | xargs -P2 -n1 sh -c \
		'gcc $flags -DGCC_ANALYZER -fanalyzer -S -o /dev/null "$1"' - \
		> "$work/gcc-analyzer.log" 2>&1 || echo "gcc failed"
	findings 'warning: .*(leak|double-|after-free)' \
		< "$work/gcc-analyzer.log" | findings -v 'leak of .<unknown>'
}

check_hardening()
{
	local p symbols
	need readelf
	make -s helper > /dev/null
	for p in build/release/*; do
		if [ ! -f "$p" ] || [ ! -x "$p" ]; then continue; fi
		readelf -hldW "$p" > "$work/elf"
		symbols=$(readelf -W --dyn-syms "$p")
		grep -q 'Type: *DYN' "$work/elf" || echo "$p: not PIE"
		grep -q GNU_RELRO "$work/elf" || echo "$p: no RELRO"
		grep -q 'FLAGS.* BIND_NOW' "$work/elf" || echo "$p: lazy binding"
		grep -q 'GNU_STACK.* RW ' "$work/elf" ||
			echo "$p: the stack is executable"
		grep -q __stack_chk_fail <<< "$symbols" ||
			echo "$p: no stack protector"
		grep -q '__[a-z]*_chk@' <<< "$symbols" || echo "$p: not fortified"
	done
}

# --- everything else ----------------------------------------------------------

check_shellcheck()
{
	need shellcheck
	# SC2016: what is in single quotes is for another shell, awk or sed.
	# SC2317: it does not see what a trap or a check calls by its name.
	{
		files '\.(sh|rc)$|^packaging/bash-completion/'
		files . | xargs grep -lE '^#!.*\<(ba)?sh\>' | grep -v '\.sh$' || :
	} | xargs shellcheck -x -e SC2016,SC2317 -f gcc
}

check_python()
{
	need python3
	files '\.py$' | PYTHONPYCACHEPREFIX=$work xargs python3 -m py_compile 2>&1
}

check_codespell()
{
	need codespell
	files . | grep -vE '/corpus/|\.(nvram|permall)$' | xargs codespell
}

check_licence()
{
	# But what takes no comments, or is no work of ours.
	files . | grep -vE '(^|/)(README.md|VERSION|COPYING|\.gitignore)$' |
		grep -vE '\.(json|nvram|permall|txt)$|/corpus/|/vtpm/(config|settings)$' |
		while read -r f; do
			head -3 "$f" | grep -q 'SPDX-License-Identifier: ' ||
				echo "$f: no SPDX line at its head"
		done
}

check_size()
{
	files '\.(c|h|sh|py|mk)$' | xargs awk '
		FNR > 600 && FNR == 601 { print FILENAME ": more than 600 lines" }
		!/\.[ch]$/ && FILENAME !~ /\.[ch]$/ { next }
		/^{/ { start = FNR }
		/^}/ && start && FNR - start > 101 {
			print FILENAME ":" start ": function of " \
				FNR - start - 1 " lines, 100 are enough"
		}
		/^}/ { start = 0 }'
}

check_generated()
{
	need python3
	[ -e build/ynl/tree/tools/net/ynl/ynl-gen-c.py ] ||
		tools/testing/vm/get-deb.sh bookworm-backports \
			linux-source-6.12 > /dev/null ||
		skip "cannot get linux-source-6.12, which has the generator"
	tools/regen.sh --check 2>&1
}

check_man()
{
	local f
	need rst2man
	for f in Documentation/man/*.rst; do
		rst2man --halt=warning "$f" /dev/null 2>&1
	done
}

check_documents()
{
	local f
	need rst2html
	files '\.rst$' | while read -r f; do
		rst2html --halt=5 --exit-status=2 --no-raw "$f" /dev/null 2>&1
	done
}

# ------------------------------------------------------------------------------

[ $# -eq 0 ] || checks=("$@")
n=0 failed=0
echo "1..${#checks[@]}"
for name in "${checks[@]}"; do
	n=$((n + 1))
	# Not in a condition: bash takes set -e for off in there.
	set +e
	(set -e; "check_$name") > "$work/$name.out" 2> "$work/$name.err"
	status=$?
	set -e
	if [ $status -eq 77 ]; then
		echo "ok $n - $name # SKIP $(tail -1 "$work/$name.out")"
	elif [ $status -eq 0 ] && [ ! -s "$work/$name.out" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		cat "$work/$name.out" "$work/$name.err" | head -100 | sed 's/^/# /'
		failed=1
	fi
done
exit $failed
