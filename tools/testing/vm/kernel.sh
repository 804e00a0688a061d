#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Unpack a Debian cloud kernel for the guest and print its folder, which has
# vmlinuz, release, initrd, modules/RELEASE and build (a link to headers, where
# this machine has them).
#
#   kernel.sh 6.1|6.12|7.x|debug
#
# "debug" is the one that debug-kernel.sh builds.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
cache=${VTPM_CACHE:-$top/build/cache}/kernels

# The newest cloud kernel of a suite whose version starts with $2.
newest()
{
	"$here/get-deb.sh" --list "$1" |
		grep -E "^linux-image-$2[0-9.+a-z~-]*-cloud-amd64\$" |
		sort -V | tail -1
}

[ "$1" != debug ] || exec "$here/debug-kernel.sh"
case $1 in
6.1)
	# Whatever this Debian 12 machine's own lists call the current one.
	suite=host
	package=$(apt-cache depends linux-image-cloud-amd64 |
		sed -n 's/.*Depends: \(linux-image-6\.1.*\)/\1/p' | head -1)
	;;
6.12)
	suite=bookworm-backports
	package=$(newest $suite '6\.12\.')
	;;
7.x)
	suite=trixie-backports
	package=$(newest $suite '7\.')
	;;
*)
	echo "kernel.sh: 6.1, 6.12, 7.x or debug" >&2
	exit 2
	;;
esac
[ -n "$package" ] || { echo "kernel.sh: no kernel $1 in $suite" >&2; exit 1; }

release=${package#linux-image-}
dir=$cache/$release
if [ ! -e "$dir/initrd" ]; then
	rm -rf "$dir"
	mkdir -p "$dir"
	# From 7.3 on the image package is empty and these two hold the rest.
	packages=$package
	for p in base binary modules; do
		if [ $suite != host ] && "$here/get-deb.sh" --list $suite |
			grep -x "linux-$p-$release" > /dev/null; then
			packages="$packages linux-$p-$release"
		fi
	done
	for p in $packages; do
		deb=$("$here/get-deb.sh" $suite "$p")
		dpkg-deb -x "$deb" "$dir/root"
	done
	echo "kernel.sh: unpacking $release" >&2
	mv "$(find "$dir/root" -name 'vmlinuz*' -type f | head -1)" "$dir/vmlinuz"
	# Newer packages have their modules under /usr/lib.
	mkdir -p "$dir/tree/lib"
	if [ -d "$dir/root/usr/lib/modules" ]; then
		mv "$dir/root/usr/lib/modules" "$dir/tree/lib/modules"
	else
		mv "$dir/root/lib/modules" "$dir/tree/lib/modules"
	fi
	rm -rf "$dir/root"
	ln -s tree/lib/modules "$dir/modules"
	depmod -b "$dir/tree" "$release"
	echo "$release" > "$dir/release"
	echo $suite > "$dir/suite"
	"$here/initrd.sh" "$dir"
fi
echo "$dir"
