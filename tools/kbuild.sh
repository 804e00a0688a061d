#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Build vtpm.ko for one kernel in a folder of its own and print its path:
# several kernels can be built side by side and the source tree stays clean.
#
#   tools/kbuild.sh KERNEL-BUILD-FOLDER OUTPUT-FOLDER [make arguments]
set -euo pipefail

kdir=$1 out=$2
shift 2
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$out"
# Copied by content, so that what has not changed is not built again.
(cd "$top" && find Kbuild VERSION kmod -type f) | while read -r f; do
	cmp -s "$top/$f" "$out/$f" || install -D -m 644 "$top/$f" "$out/$f"
done
make -s -C "$kdir" M="$(cd "$out" && pwd)" "$@" modules >&2
echo "$out/vtpm.ko"
