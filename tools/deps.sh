#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Install the Debian packages that are missing, and say which.
#
#   tools/deps.sh build     what building needs
#   tools/deps.sh test      that, and what the demo, tests and benchmarks need
set -euo pipefail

build="gcc make libc6-dev libtpms-dev libtss2-dev libmnl-dev libsystemd-dev
	libjansson-dev libseccomp-dev libssl-dev libp11-kit-dev kmod python3-docutils"
# The guest: QEMU with virtiofsd, a static busybox, kernels and their headers.
guest="qemu-system-x86 qemu-system-common busybox-static cpio xz-utils zstd
	debootstrap linux-headers-cloud-amd64 e2fsprogs iproute2 systemd udev
	bison flex bc libelf-dev"
tests="libcmocka-dev tpm2-tools swtpm swtpm-tools softhsm2 python3-pykmip openssl python3
	python3-yaml
	python3-jsonschema linux-source-6.1 sparse shellcheck codespell
	clang clang-format clang-tidy cppcheck dkms strace gdb acl"

case ${1:-} in
build) want=$build ;;
test) want="$build $guest $tests" ;;
*) sed -n '3,7s/^# //p' "$0" >&2; exit 2 ;;
esac

missing=
for p in $want; do
	dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null |
		grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get > /dev/null; then
	echo "deps: this is not Debian; install the likes of:$missing" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
	command -v sudo > /dev/null || {
		echo "deps: run this as root, or install sudo; missing:$missing" >&2
		exit 1
	}
fi
echo "deps: installing$missing" >&2
$sudo apt-get -qq -o Acquire::Retries=3 update >&2 || :
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 \
	install -y --no-install-recommends $missing > /tmp/vtpm-deps.$$ 2>&1 || {
	tail -20 /tmp/vtpm-deps.$$ >&2
	exit 1
}
rm -f /tmp/vtpm-deps.$$
