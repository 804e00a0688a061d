#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Run a script where the module can be loaded: on this machine if its kernel
# loads modules, else in a guest.
#
#   here-or-guest.sh SCRIPT [ARGUMENT ...]
#   here-or-guest.sh --shell
#
# VTPM_WHERE=here|guest decides; KERNEL=6.1|6.12|7.x|debug names the guest's kernel,
# VTPM_DISK the size of an ext4 disk for its state in MB (else in memory),
# VTPM_CPUS the number of its CPUs (2), VTPM_MEMORY its memory in MB,
# VTPM_CMDLINE more of its command line:
# "vtpm.systemd" runs systemd in it.
# What the script writes into the folder VTPM_OUT comes out of the guest;
# VTPM_PASS has names of more variables that it needs.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"

can_load_here()
{
	[ -d "/lib/modules/$(uname -r)/build" ] &&
		[ "$(cat /proc/sys/kernel/modules_disabled 2>/dev/null)" = 0 ] &&
		grep -q . /proc/modules 2>/dev/null &&
		[ "$(sed 's/.*\[\(.*\)\].*/\1/' \
			/sys/kernel/security/lockdown 2>/dev/null)" != integrity ]
}

where=${VTPM_WHERE:-}
if [ -z "$where" ]; then
	if can_load_here; then where=here; else where=guest; fi
fi
pass="VTPM_OUT ${VTPM_PASS:-}"
sudo=()
[ "$(id -u)" -eq 0 ] ||
	sudo=(sudo "--preserve-env=VTPM_KO,VTPM_ACCEL,${pass// /,}")

if [ "$where" = here ]; then
	echo "==> this kernel ($(uname -r)) can load modules: using it" >&2
	ko=$(tools/kbuild.sh "/lib/modules/$(uname -r)/build" \
		"build/kmod/$(uname -r)")
	if [ "$1" = --shell ]; then
		exec "${sudo[@]}" env VTPM_KO="$ko" bash --rcfile tools/testing/vm/shell.rc -i
	fi
	exec "${sudo[@]}" env VTPM_KO="$ko" "$@"
fi

kernel=${KERNEL:-6.1}
echo "==> this kernel ($(uname -r)) loads no modules of ours: using a guest with Debian's $kernel" >&2
ko=$("${sudo[@]}" tools/testing/vm/build-module.sh "$kernel")
VTPM_KO=${ko#"$top"/}
export VTPM_KO
options=(--kernel "$kernel" --timeout "${VTPM_TIMEOUT:-900}" --pass VTPM_KO)
[ -z "${VTPM_DISK:-}" ] || options+=(--disk "$VTPM_DISK")
[ -z "${VTPM_CPUS:-}" ] || options+=(--cpus "$VTPM_CPUS")
[ -z "${VTPM_MEMORY:-}" ] || options+=(--memory "$VTPM_MEMORY")
[ -z "${VTPM_OUT:-}" ] || options+=(--out "$VTPM_OUT")
for name in ${VTPM_PASS:-}; do
	options+=(--pass "$name")
done
exec "${sudo[@]}" tools/testing/vm/vm.sh "${options[@]}" "$@"
