# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced as root by tests of the manager without the kernel module: vtpmd and
# its helpers in a temporary directory $T, which goes away at the end, with
# every process that was started from there. $1: directory of the programs.

bin=${1:-build/release}
daemon=

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP not root"
	exit 0
fi
systemd-sysusers "$PWD/packaging/sysusers.d/vtpm.conf" 2>/dev/null
if ! getent passwd vtpm-ca >/dev/null; then
	echo "1..0 # SKIP the users of packaging/sysusers.d are missing"
	exit 0
fi

# Helpers run as users that may not get into the build directory.
T=$(mktemp -d /tmp/vtpm-api.XXXXXX)
chmod 755 "$T"
mkdir "$T/bin"
cp "$bin"/vtpmd "$bin"/vtpmctl "$bin"/vtpmctl-full "$bin"/vtpm-engine "$bin"/vtpm-identity \
	"$bin"/vtpm-ca "$bin"/vtpm-key-* "$T/bin" || exit 1
export VTPM_SOCKET=$T/run/io.vtpm
ctl=$T/bin/vtpmctl

standby() { # the pid of a provider's program that waits for its request
	pgrep -f "^vtpm-key-native --ahead" -P "${daemon:-$PPID}"
}

helpers() { # pids of what runs from our directory, but vtpmd, zygote, standby
	local exe
	for exe in /proc/[0-9]*/exe; do
		case $(readlink "$exe" 2>/dev/null) in
		"$T"/bin/vtpm-*)
			[ "$(cat "${exe%exe}comm" 2>/dev/null)" = vtpm-zygote ] ||
				grep -qz -- --ahead "${exe%exe}cmdline" 2>/dev/null ||
				echo "$exe" | cut -d/ -f3
			;;
		esac
	done
}

cleanup() {
	local pid
	for pid in $daemon $(helpers); do
		kill -9 "$pid" 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT

# shellcheck disable=SC2034 # for tap.sh
TAP_DIR=$T
# shellcheck source=tools/testing/tap.sh
. tools/testing/tap.sh

start_daemon() { # [STATE-DIR [OPTION...]]
	"$T/bin/vtpmd" --state-dir "${1:-$T/state}" --run-dir "$T/run" \
		--verbose "${@:2}" 2>>"$T/log" &
	daemon=$!
	for _ in $(seq 100); do
		[ -S "$VTPM_SOCKET" ] && "$ctl" list >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "Bail out! vtpmd does not start: $(tail -1 "$T/log")"
	exit 1
}

stop_daemon() {
	local pid=$daemon
	kill "$pid"
	daemon=
	wait "$pid"
}

# The last tests of a script.
end_in_order() {
	check "no sanitizer has complained" \
		sh -c "! grep -Eq 'Sanitizer|runtime error' '$T/log'"
	stop_daemon
	result $? "the end is in order"
	check "no process is left" test -z "$(helpers)"
	tap_end
}

kill_daemon() {
	local pid=$daemon
	kill -9 "$pid"
	daemon=
	wait "$pid" 2>/dev/null
}

# The native provider NAME, backed up, so that it may be used.
add_provider() { # NAME
	echo 'correct horse' >"$T/password"
	"$ctl" provider add native "$1" >/dev/null &&
		"$ctl" provider backup "$1" "$T/$1.p12" --force \
			--password-file "$T/password" >/dev/null
}
