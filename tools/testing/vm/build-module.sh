#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Build vtpm.ko for a kernel that kernel.sh knows and print its path.
#
#   build-module.sh 6.1|6.12|7.x|debug [make arguments]
#
# 6.1 and 6.12 have headers that install on Debian 12. The headers of 7.x are
# made for a newer C library and compiler: those are taken from a chroot of
# Debian 13, which is kept in the cache.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
cache=${VTPM_CACHE:-$top/build/cache}
kernel=$1
shift
folder=$("$here/kernel.sh" "$kernel")
release=$(cat "$folder/release")
out=$top/build/kmod/$release

# A chroot with its own headers, made once: $1 suite of the base.
chroot_folder()
{
	local root=$cache/chroot-$1
	if [ ! -e "$root/.complete" ]; then
		echo "build-module: making a chroot of Debian $1 (once)" >&2
		rm -rf "$root"
		mkdir -p "$root"
		debootstrap --variant=minbase --include=make,gcc,ca-certificates \
			"$1" "$root" "${VTPM_MIRROR:-http://deb.debian.org/debian}" \
			> "$cache/chroot-$1.log" 2>&1 || {
			tail -5 "$cache/chroot-$1.log" >&2
			return 1
		}
		echo "deb ${VTPM_MIRROR:-http://deb.debian.org/debian} $1-backports main" \
			> "$root/etc/apt/sources.list.d/backports.list"
		chroot "$root" apt-get -qq update >&2
		touch "$root/.complete"
	fi
	if [ ! -d "$root/lib/modules/$release/build" ]; then
		echo "build-module: headers of $release" >&2
		chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -qq \
			install -y --no-install-recommends \
			"linux-headers-$release" >> "$cache/chroot-$1.log" 2>&1
	fi
	echo "$root"
}

case $kernel in
6.1)
	[ -d "/lib/modules/$release/build" ] ||
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
			"linux-headers-$release" >&2
	exec "$top/tools/kbuild.sh" "/lib/modules/$release/build" "$out" "$@"
	;;
debug) exec "$top/tools/kbuild.sh" "$folder/build" "$out" "$@" ;;
6.12) root=$(chroot_folder bookworm) ;;
7.x) root=$(chroot_folder trixie) ;;
esac
# The tree is copied in and the result out: nothing is mounted, so that an
# interrupted build leaves nothing behind.
rm -rf "$root/build"
mkdir -p "$root/build/src/tools"
cp -r "$top/Kbuild" "$top/VERSION" "$top/kmod" "$root/build/src"
cp "$top/tools/kbuild.sh" "$root/build/src/tools"
# objtool reads /proc; in a mount namespace of its own it needs no clean-up.
unshare --mount sh -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' sh \
	"$root" /build/src/tools/kbuild.sh "/lib/modules/$release/build" \
	/build/out "$@" >&2
mkdir -p "$out"
cp "$root/build/out/vtpm.ko" "$out/vtpm.ko"
echo "$out/vtpm.ko"
