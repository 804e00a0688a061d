#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Build the debug kernel from Debian's linux-source and print its folder, which
# is like those of kernel.sh, and has besides it the source, objects, cmdline and
# memory: what vm.sh gives to such a guest. Sources and objects are kept, so
# that a change of debug.config builds only what it touches.
#
#   debug-kernel.sh [6.1]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
version=${1:-6.1}
tar=/usr/src/linux-source-$version.tar.xz
config=$here/debug.config
dir=$(readlink -m "${VTPM_CACHE:-$top/build/cache}/kernels/debug-$version")
source=$dir/linux-source-$version
objects=$dir/objects

[ -e "$tar" ] || {
	echo "debug-kernel.sh: no $tar: install linux-source-$version" >&2
	exit 1
}
mkdir -p "$dir"
# Two builds in one folder would spoil it.
exec 9> "$dir/lock"
flock 9

source_id=$(stat -c '%s %Y' "$tar")
made_from=$(cat "$0" "$config" "$here/initrd.sh" <(echo "$source_id") |
	sha256sum | cut -d' ' -f1)
if [ -e "$dir/initrd" ] && [ "$(cat "$dir/made-from" 2>/dev/null)" = "$made_from" ]; then
	echo "$dir"
	exit
fi

if [ "$(cat "$dir/source-id" 2>/dev/null)" != "$source_id" ]; then
	echo "debug-kernel.sh: unpacking linux-source-$version" >&2
	rm -rf "$source" "$objects" "$dir/source-id"
	tar -xJf "$tar" -C "$dir"
	echo "$source_id" > "$dir/source-id"
fi

kernel_make()
{
	nice -n 5 make -s -C "$source" O="$objects" "$@" >> "$dir/log" 2>&1 || {
		tail -20 "$dir/log" >&2
		echo "debug-kernel.sh: make $* failed; see $dir/log" >&2
		return 1
	}
}

# The lines of debug.config that do not hold in the end: an option that has been
# renamed, or depends on one that is not set.
unmet()
{
	grep -E '^(# )?CONFIG_' "$config" | grep -vxFf "$objects/.config" || :
}

mkdir -p "$objects"
: > "$dir/log"
# Later lines win; tinyconfig has the opposite of some of ours.
kernel_make tinyconfig
cat "$config" >> "$objects/.config"
kernel_make olddefconfig
missing=$(unmet)
[ -z "$missing" ] || {
	echo "debug-kernel.sh: not so in the configuration:" >&2
	echo "$missing" >&2
	exit 1
}
echo "debug-kernel.sh: building (10 to 30 minutes the first time)" >&2
rm -f "$dir/initrd"
kernel_make -j"$(nproc)" bzImage modules
kernel_make INSTALL_MOD_PATH="$dir/tree" modules_install
release=$(cat "$objects/include/config/kernel.release")
cp "$objects/arch/x86/boot/bzImage" "$dir/vmlinuz"
echo "$release" > "$dir/release"
ln -sfn tree/lib/modules "$dir/modules"
ln -sfn objects "$dir/build"
# A warning ends the guest, and so do those that wait for ever.
echo "loglevel=6 panic_on_warn=1 hung_task_panic=1" > "$dir/cmdline"
echo 3072 > "$dir/memory"
"$here/initrd.sh" "$dir"
echo "$made_from" > "$dir/made-from"
echo "$dir"
