#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Second stage in the guest, process 1: mounts, then the command, whose exit
# status goes out by file. Nothing here is on the host: its root is a lower
# layer that this guest cannot write.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root TERM=${TERM:-vt100} VTPM_IN_GUEST=1 LC_ALL=C.UTF-8
export VTPM_OUT=/run/vtpm-out

option()
{
	sed -n "s/.*\bvtpm\.$1=\([^ ]*\).*/\1/p" /proc/cmdline
}
top=$(option top)
out=$VTPM_OUT

mount -t tmpfs -o mode=755 tmpfs /run
# A tree below /tmp stays, as a mount of its own: what cleans /tmp, as systemd
# does, keeps to one file system, and would look at more files than virtiofsd
# may open.
mkdir -p /run/top
mount --bind "$top" /run/top
mount -t tmpfs tmpfs /tmp
case $top in
/tmp/*) mkdir -p "$top" && mount --bind /run/top "$top" ;;
esac
umount /run/top && rmdir /run/top
mkdir -p /dev/pts /dev/shm $out /run/lock
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t virtiofs out $out
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ip link set lo up
# The modules of this kernel, and the one under test.
mkdir -p "/lib/modules/$(uname -r)"
mount --bind "$(cat $out/kernel)/modules/$(uname -r)" "/lib/modules/$(uname -r)"
if [ -b /dev/vda ]; then
	mkfs.ext4 -q /dev/vda && mkdir -p /var/lib/vtpm &&
		mount /dev/vda /var/lib/vtpm
fi
hostname vtpm-guest

cd "$top" || exit
# shellcheck disable=SC1091
. $out/environment
# Under systemd as process 1, with nothing but what the command asks for.
if grep -qw vtpm.systemd /proc/cmdline; then
	cat > /run/vtpm-command <<-COMMAND
	cd "$top"
	. $out/environment
	bash $out/command > /dev/ttyS1 2>&1
	echo \$? > $out/status
	dmesg > $out/dmesg
	journalctl -b --no-pager > $out/journal
	sync
	busybox poweroff -f
	COMMAND
	mkdir -p /run/systemd/system
	cat > /run/systemd/system/vtpm-command.service <<-UNIT
	[Unit]
	DefaultDependencies=no
	After=systemd-journald.socket dbus.socket systemd-udevd.service
	Wants=systemd-journald.socket systemd-udevd.service
	[Service]
	Type=oneshot
	Environment=HOME=/root VTPM_IN_GUEST=1 VTPM_OUT=$out LC_ALL=C.UTF-8
	ExecStart=/bin/bash /run/vtpm-command
	TimeoutStartSec=infinity
	UNIT
	exec /lib/systemd/systemd --unit=vtpm-command.service
fi
setsid -w -c bash $out/command </dev/ttyS1 >/dev/ttyS1 2>&1
echo $? > $out/status
dmesg > $out/dmesg
sync
exec busybox poweroff -f
