#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make the initial RAM disk of a kernel folder (see kernel.sh): a static
# busybox and the modules that reach the host's root over virtiofs.
set -euo pipefail

dir=$1
release=$(cat "$dir/release")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/{bin,proc,sys,dev,modules,lower,upper,root}
cp "$(command -v busybox)" "$work/bin/busybox"
n=10
for m in virtio_pci virtiofs overlay virtio_blk; do
	modprobe -d "$dir/tree" -S "$release" --show-depends "$m" |
		sed -n 's/^insmod \([^ ]*\).*/\1/p'
done | awk '!seen[$0]++' | while read -r ko; do
	base=$(basename "$ko")
	case $ko in
	*.xz) xz -dc "$ko" > "$work/modules/$n-${base%.xz}" ;;
	*.zst) zstd -qdc "$ko" > "$work/modules/$n-${base%.zst}" ;;
	*) cp "$ko" "$work/modules/$n-$base" ;;
	esac
	n=$((n + 1))
done
cat > "$work/init" <<'INIT'
#!/bin/busybox sh
# First stage: the host's root, read-only, under a writable layer in memory.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for m in /modules/*; do [ -e "$m" ] || continue; $b insmod "$m" || echo "init: $m: failed"; done
case $($b cat /proc/cmdline) in *vtpm.probe*) $b poweroff -f ;; esac
$b mount -t virtiofs -o ro root /lower || { echo "init: no root"; $b poweroff -f; }
$b mount -t tmpfs -o size=75% tmpfs /upper
$b mkdir /upper/upper /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/upper,workdir=/upper/work overlay /root
$b mount --move /proc /root/proc
$b mount --move /sys /root/sys
$b mount --move /dev /root/dev
for w in $($b cat /root/proc/cmdline); do
	case $w in vtpm.top=*) top=${w#vtpm.top=} ;; esac
done
exec $b switch_root /root /bin/bash "$top/tools/testing/vm/guest-init.sh"
INIT
chmod +x "$work/init"
(cd "$work" && find . | cpio -o -H newc --quiet | gzip -1) > "$dir/initrd.new"
mv "$dir/initrd.new" "$dir/initrd"
