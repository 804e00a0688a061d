#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Do the selftests build in a kernel tree, with what a patch for the kernel
# would bring along: the folder, the header and the specification? TAP.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. tools/testing/tap.sh

# The tree of the debug kernel, by links: what is added stays out of it.
folder=$(tools/testing/vm/kernel.sh debug) || exit
tree=$PWD/build/kselftest
tests=tools/testing/selftests
rm -rf "$tree"
mkdir -p build
cp -al "$folder"/linux-source-* "$tree" 2> /dev/null ||
	{ rm -rf "$tree"; cp -r "$folder"/linux-source-* "$tree"; } || exit
mkdir -p "$tree/Documentation/netlink/specs"
cp -r $tests/vtpm "$tree/$tests/"
cp kmod/uapi/linux/vtpm.h "$tree/include/uapi/linux/"
cp Documentation/netlink/specs/vtpm.yaml "$tree/Documentation/netlink/specs/"

in_tree() { make -s -C "$tree" "$@"; }
check "make headers" in_tree headers
check "make TARGETS=vtpm" in_tree -C $tests TARGETS=vtpm
! grep -i warning "$TAP_DIR/out" "$TAP_DIR/err" > /dev/null
result $? "no warnings"
for program in vtpm_test stress deaths fuzz-netlink; do
	check "$program is there" test -x "$tree/$tests/vtpm/$program"
done
rm -rf "$tree"
tap_end
