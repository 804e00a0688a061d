#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run a command as root in a guest that has a kernel of its own and this
# machine's root as a copy-on-write root.
#
#   vm.sh [options] COMMAND [ARGUMENT ...]
#   vm.sh [options] --shell
#
#   --kernel 6.1|6.12|7.x|debug   Debian kernel (6.1), or see debug-kernel.sh
#   --kernel-dir DIR        a folder as kernel.sh makes it
#   --cpus N  --memory MB   size of the guest (2, 2048 or what the kernel needs)
#   --disk MB               ext4 disk on /var/lib/vtpm (none: memory)
#   --timeout SECONDS       (600)
#   --out DIR               where console, dmesg and status go
#   --pass NAME             pass an environment variable on; repeatable
#
# Exit status: the command's; 124 out of time, 125 the guest did not come up.
# VTPM_ACCEL=kvm|tcg overrides the probe.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
kernel=6.1 kdir='' cpus=2 memory='' disk='' timeout=600 out='' shell='' pass=()
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift 2 ;;
	--kernel-dir) kdir=$2; shift 2 ;;
	--cpus) cpus=$2; shift 2 ;;
	--memory) memory=$2; shift 2 ;;
	--disk) disk=$2; shift 2 ;;
	--timeout) timeout=$2; shift 2 ;;
	--out) out=$2; shift 2 ;;
	--pass) pass+=("$2"); shift 2 ;;
	--shell) shell=1; shift ;;
	--help) sed -n 's/^# \{0,1\}//p' "$0" | sed 1d; exit ;;
	*) break ;;
	esac
done
[ -n "$shell" ] || [ $# -gt 0 ] || { echo "vm.sh: no command" >&2; exit 2; }
[ -n "$kdir" ] || kdir=$("$here/kernel.sh" "$kernel")
[ -n "$memory" ] || memory=$(cat "$kdir/memory" 2>/dev/null || echo 2048)
cmdline=$(cat "$kdir/cmdline" 2>/dev/null || :)

run=$(mktemp -d "${TMPDIR:-/tmp}/vtpm-vm.XXXXXX")
fsd=() qemu=''
cleanup()
{
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null || :
	[ ${#fsd[@]} -eq 0 ] || kill "${fsd[@]}" 2>/dev/null || :
	wait 2>/dev/null || :
	rm -rf "$run"
}
trap cleanup EXIT
[ -n "$out" ] || out=$run/out
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -f "$out"/{status,dmesg,console}

# The device node alone says nothing: some hosts cannot run a guest with it.
probe_kvm()
{
	timeout -k 1 20 qemu-system-x86_64 -M q35 -accel kvm -m 256 \
		-nodefaults -display none -no-reboot -kernel "$kdir/vmlinuz" \
		-initrd "$kdir/initrd" \
		-append "console=ttyS0 panic=-1 quiet vtpm.probe" \
		-serial null </dev/null >/dev/null 2>&1
}
accel=${VTPM_ACCEL:-}
if [ -z "$accel" ]; then
	mark=$top/build/vm/accel-$(cat /proc/sys/kernel/random/boot_id)
	mkdir -p "$top/build/vm"
	if [ ! -e "$mark" ]; then
		accel=tcg
		if [ -w /dev/kvm ] && probe_kvm; then accel=kvm; fi
		echo $accel > "$mark"
	fi
	accel=$(cat "$mark")
fi
case $accel in
kvm) accel=(-accel kvm -cpu host) ;;
# Without cmpxchg16b, which QEMU 7.2 emulates wrongly: with it two of three
# boots of 6.12 ended in a panic of the slab allocator or somewhere else.
*) accel=(-accel "tcg,thread=multi" -cpu "max,-cx16") ;;
esac

share()	# TAG FOLDER [OPTIONS]
{
	/usr/lib/qemu/virtiofsd --socket-path="$run/$1.sock" \
		-o "source=$2,sandbox=chroot,no_posix_lock,$3" \
		>"$run/$1.log" 2>&1 &
	fsd+=($!)
	for _ in $(seq 100); do [ -S "$run/$1.sock" ] && return; sleep 0.05; done
	cat "$run/$1.log" >&2
	return 1
}
share root / cache=always || exit 125
share out "$out" cache=none || exit 125

echo "$kdir" > "$out/kernel"
{
	for v in CI "${pass[@]}"; do
		[ -z "${!v+x}" ] || printf 'export %s=%q\n' "$v" "${!v}"
	done
} > "$out/environment"
if [ -n "$shell" ]; then
	echo 'exec bash --rcfile tools/testing/vm/shell.rc -i' > "$out/command"
else
	printf '%q ' "$@" > "$out/command"
fi

args=(-M q35 "${accel[@]}" -smp "$cpus" -m "$memory" -nodefaults
	-display none -no-reboot
	-object "memory-backend-memfd,id=mem,size=${memory}M,share=on"
	-numa "node,memdev=mem"
	-chardev "socket,id=root,path=$run/root.sock"
	-device "vhost-user-fs-pci,chardev=root,tag=root"
	-chardev "socket,id=out,path=$run/out.sock"
	-device "vhost-user-fs-pci,chardev=out,tag=out"
	-kernel "$kdir/vmlinuz" -initrd "$kdir/initrd"
	-append "console=ttyS0 panic=-1 oops=panic quiet vtpm.top=$top $cmdline ${VTPM_CMDLINE:-}"
	-serial "file:$out/console")
if [ -n "$disk" ]; then
	truncate -s "${disk}M" "$run/disk"
	args+=(-drive "file=$run/disk,format=raw,if=virtio,cache=writeback")
fi
if [ -n "$shell" ]; then
	qemu-system-x86_64 "${args[@]}" -chardev stdio,id=tty,signal=off \
		-serial chardev:tty
else
	timeout -k 5 "$timeout" \
		qemu-system-x86_64 "${args[@]}" -chardev "file,id=tty,path=$out/output" \
		-serial chardev:tty </dev/null 2>"$run/qemu.log" &
	qemu=$!
	: > "$out/output"
	tail -f -s 0.2 -n +1 --pid=$qemu "$out/output" | tr -d '\r' &
	tail=$!
	rc=0
	wait $qemu || rc=$?
	qemu=
	[ $rc -ne 124 ] || echo late > "$run/late"
	wait $tail 2>/dev/null || :
fi
if [ -e "$out/status" ]; then
	exit "$(cat "$out/status")"
elif [ -e "$run/late" ]; then
	echo "vm.sh: no end after $timeout seconds" >&2
	exit 124
fi
cat "$run/qemu.log" >&2 2>/dev/null || :
tail -30 "$out/console" >&2
echo "vm.sh: the guest ended without a verdict" >&2
exit 125
