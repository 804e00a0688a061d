# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by test scripts: TAP on standard output. The output and errors of
# the command last run are in $TAP_DIR/out and $TAP_DIR/err.

tap_made=
if [ -z "${TAP_DIR:-}" ]; then
	TAP_DIR=$(mktemp -d /tmp/vtpm-tap.XXXXXX)
	tap_made=1
fi
tap_n=0 tap_failed=0

result() # STATUS TEXT
{
	tap_n=$((tap_n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_n - $2"
	else
		echo "not ok $tap_n - $2"
		sed 's/^/# /' "$TAP_DIR/out" "$TAP_DIR/err" 2>/dev/null | head -20
		tap_failed=$((tap_failed + 1))
	fi
}

skip() # TEXT WHY
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

# Run and keep what it says; $? is its exit status.
run()
{
	if [ "$(type -t "$1")" = function ]; then
		"$@" > "$TAP_DIR/out" 2> "$TAP_DIR/err" < /dev/null
	else
		timeout 120 "$@" > "$TAP_DIR/out" 2> "$TAP_DIR/err" < /dev/null
	fi
}

# expect STATUS PATTERN TEXT COMMAND...: both in its output or its errors.
expect()
{
	local want=$1 pattern=$2 text=$3 got
	shift 3
	run "$@"
	got=$?
	if [ $got != "$want" ]; then
		echo "# status $got, not $want"
		result 1 "$text"
	elif [ "$pattern" ] &&
		! grep -q -- "$pattern" "$TAP_DIR/out" "$TAP_DIR/err"; then
		echo "# no \"$pattern\""
		result 1 "$text"
	else
		result 0 "$text"
	fi
}

check() # TEXT COMMAND...
{
	local text=$1
	shift
	run "$@"
	result $? "$text"
}

# Take over the "ok TEXT" and "not ok TEXT" lines of another program's output.
adopt() # FILE
{
	local line
	while read -r line; do
		case $line in
		"ok "*) tap_n=$((tap_n + 1)); echo "ok $tap_n - ${line#ok }" ;;
		"not ok "*)
			tap_n=$((tap_n + 1)) tap_failed=$((tap_failed + 1))
			echo "not ok $tap_n - ${line#not ok }" ;;
		*) echo "# $line" ;;
		esac
	done < "$1"
}

# The plan, and the status of the whole.
tap_end()
{
	echo "1..$tap_n"
	[ -z "$tap_made" ] || rm -rf "$TAP_DIR"
	[ $tap_failed = 0 ]
}
