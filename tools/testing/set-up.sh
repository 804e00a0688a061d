#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Sourced as root where the module can be loaded: installs this tree (in a
# guest nothing of it reaches the host), loads the module, starts vtpmd, and
# makes the key provider "default". VTPM_KO is the module.

say() { echo "==> $*"; }

vtpm_start_daemon()
{
	vtpmd >> /tmp/vtpmd.log 2>&1 &
	VTPMD=$!
	for _ in $(seq 100); do
		[ -S /run/vtpm/io.vtpm ] && vtpmctl list > /dev/null 2>&1 &&
			return
		kill -0 $VTPMD 2>/dev/null || break
		sleep 0.1
	done
	echo "vtpmd did not start:" >&2
	tail -5 /tmp/vtpmd.log >&2
	return 1
}

vtpm_stop_daemon()
{
	kill -TERM "$VTPMD"
	wait "$VTPMD"
}

vtpm_set_up()
{
	make -s install prefix=/usr > /dev/null || return
	systemd-sysusers vtpm.conf || return
	systemd-tmpfiles --create vtpm.conf || return
	[ -d /sys/module/vtpm ] || insmod "$VTPM_KO" || return
	vtpm_start_daemon || return
	if ! vtpmctl provider show default > /dev/null 2>&1; then
		vtpmctl provider add native default > /dev/null || return
		echo "correct horse battery" > /tmp/vtpm-password
		vtpmctl provider backup default /root/vtpm-key.p12 \
			--force --password-file /tmp/vtpm-password > /dev/null ||
			return
	fi
}
