# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced as root where the module can be loaded; VTPM_KO is the module.
#
# In a guest, nothing of which reaches the host, this tree is installed, and
# the state is where it is on a real machine. In place, programs, state and
# sockets are in a folder of their own that goes away at the end: neither the
# machine's installed vtpm nor its vTPMs are touched.

say() { echo "==> $*"; }

vtpm_set_paths()
{
	if [ -n "${VTPM_IN_GUEST:-}" ]; then
		VTPM_STATE=/var/lib/vtpm VTPM_RUN=/run/vtpm
		VTPM_BIN=/usr/libexec/vtpm VTPM_LOG=/tmp/vtpmd.log
	else
		VTPM_HOME=$(mktemp -d /tmp/vtpm-home.XXXXXX) || return
		chmod 755 "$VTPM_HOME"	# helpers run as their own users
		VTPM_STATE=$VTPM_HOME/state VTPM_RUN=$VTPM_HOME/run
		VTPM_BIN=$VTPM_HOME/bin VTPM_LOG=$VTPM_HOME/log
		PATH=$VTPM_BIN:$PATH
	fi
	export VTPM_SOCKET=$VTPM_RUN/io.vtpm PATH
}

vtpm_install()
{
	vtpm_set_paths || return
	if [ -n "${VTPM_IN_GUEST:-}" ]; then
		make -s install prefix=/usr > /dev/null || return
		systemd-sysusers vtpm.conf || return
		systemd-tmpfiles --create vtpm.conf
	else
		systemd-sysusers "$PWD/packaging/sysusers.d/vtpm.conf" || return
		mkdir "$VTPM_BIN" &&
			find build/release -maxdepth 1 -type f -perm -u+x \
				-name 'vtpm*' -exec cp {} "$VTPM_BIN" \;
	fi
}

# A module that was loaded before is left as it is.
vtpm_load_module()
{
	[ -d /sys/module/vtpm ] && return
	# shellcheck disable=SC2153 # the caller sets it
	# shellcheck disable=SC2086 # one or more options
	insmod "$VTPM_KO" ${VTPM_MODULE_OPTIONS:-} && VTPM_LOADED=1
}

vtpm_unload_module()
{
	[ -z "${VTPM_LOADED:-}" ] || rmmod vtpm && VTPM_LOADED=
}

vtpm_start_daemon()
{
	vtpmd --state-dir "$VTPM_STATE" --run-dir "$VTPM_RUN" \
		>> "$VTPM_LOG" 2>&1 &
	VTPMD=$!
	for _ in $(seq 100); do
		[ -S "$VTPM_SOCKET" ] && vtpmctl list > /dev/null 2>&1 &&
			return
		kill -0 $VTPMD 2>/dev/null || break
		sleep 0.1
	done
	echo "vtpmd did not start:" >&2
	tail -5 "$VTPM_LOG" >&2
	return 1
}

vtpm_stop_daemon()
{
	kill -TERM "$VTPMD"
	wait "$VTPMD"
}

# The key provider "default", backed up, so that it may be used.
vtpm_make_provider()
{
	vtpmctl provider show default > /dev/null 2>&1 && return
	vtpmctl provider add native default > /dev/null &&
		vtpmctl provider backup default "$VTPM_RUN/key.p12" --force \
			--password-file <(echo "correct horse battery") > /dev/null
}

vtpm_set_up()
{
	vtpm_install && vtpm_load_module && vtpm_start_daemon &&
		vtpm_make_provider
}

# For a trap on EXIT: stops what vtpm_set_up() has started.
vtpm_tear_down()
{
	local rc=$?
	if [ -n "${VTPMD:-}" ] && kill -0 "$VTPMD" 2>/dev/null; then
		vtpmctl stop --all
		vtpm_stop_daemon
	fi
	vtpm_unload_module
	[ -z "${VTPM_MOUNTED:-}" ] || umount "$VTPM_MOUNTED"
	[ -z "${VTPM_HOME:-}" ] || rm -rf "$VTPM_HOME"
	return $rc
}

# Wait until a vTPM is in a state; else it is shown.
vtpm_wait_state() # NAME STATE TENTHS-OF-A-SECOND
{
	for _ in $(seq "$3"); do
		[ "$(vtpm_field "$1" .state)" = "$2" ] && return
		sleep 0.1
	done
	vtpmctl show "$1"
	return 1
}

# Wait until a vTPM runs with another engine than that; else it is shown.
vtpm_wait_other_engine() # NAME PID TENTHS-OF-A-SECOND
{
	for _ in $(seq "$3"); do
		[ "$(vtpm_field "$1" .state)" = running ] &&
			[ "$(vtpm_field "$1" .enginePid)" != "$2" ] && return
		sleep 0.1
	done
	vtpmctl show "$1"
	return 1
}

# vtpm_field NAME .dotted.path: out of vtpmctl show --json
vtpm_field()
{
	vtpmctl show "$1" --json | python3 -c '
import json, sys
v = json.load(sys.stdin)["vtpm"]
for key in sys.argv[1].strip(".").split("."):
    v = v[key]
print(v)' "$2"
}
