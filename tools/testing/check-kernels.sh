#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The module's selftests and the kernel's own tests of TPM devices, in guests
# with Debian's 6.1, 6.12 and newest 7.x; see suite.sh for how they are counted.
#
#   check-kernels.sh [SUITE ...]    all, or those whose names are given
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
. tools/testing/suite.sh
wanted=" $* "

echo "==> building"
make --no-print-directory helper man selftests || exit
tools/testing/e2e/upstream.sh --prepare || exit
for kernel in 6.1 6.12 7.x; do
	suite module-$kernel on_kernel $kernel "${selftests[@]}"
	suite upstream-$kernel on_kernel $kernel tools/testing/e2e/upstream.sh
done
suites_end
