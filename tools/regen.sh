#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Make the netlink policy and the uapi header from the YAML specification.
#
#   tools/regen.sh          write kmod/genl.[ch] and kmod/uapi/linux/vtpm.h
#   tools/regen.sh --check  compare instead, exit 1 where they differ
#
# The generator is that of Debian's linux-source-6.12: its output changes
# from version to version, so one version is pinned.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
work=$top/build/ynl
check=
[ "${1:-}" = --check ] && check=1

if [ ! -e "$work/tree/tools/net/ynl/ynl-gen-c.py" ]; then
	deb=$("$top/tools/testing/vm/get-deb.sh" bookworm-backports linux-source-6.12)
	mkdir -p "$work/tree"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO --wildcards './usr/src/linux-source-6.12.tar.xz' |
		tar -xJ -C "$work/tree" --strip-components=1 --wildcards \
			'*/tools/net/ynl/*' '*/Documentation/netlink/*'
	# The generator looks for the root of a kernel tree by this file.
	touch "$work/tree/MAINTAINERS"
fi

spec=Documentation/netlink/specs/vtpm.yaml
out=$work/out
mkdir -p "$out/uapi/linux"
cp "$top/$spec" "$work/tree/$spec"

gen()
{
	(cd "$work/tree" && timeout 60 python3 tools/net/ynl/ynl-gen-c.py \
		--spec "$spec" "$@") >/dev/null
}
gen --mode uapi --header -o "$out/uapi/linux/vtpm.h"
gen --mode kernel --header -o "$out/genl.h"
gen --mode kernel --source -o "$out/genl.c"

for f in uapi/linux/vtpm.h genl.h genl.c; do
	if [ -n "$check" ]; then
		diff -u "$top/kmod/$f" "$out/$f" || {
			echo "regen: kmod/$f differs from $spec; run tools/regen.sh" >&2
			exit 1
		}
	else
		cp "$out/$f" "$top/kmod/$f"
	fi
done
