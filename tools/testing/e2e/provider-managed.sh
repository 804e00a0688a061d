#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The providers kmip and pkcs11 as vtpmd runs them, in their sandboxes, against
# PyKMIP's server and SoftHSM2. TAP on standard output. Root only; has its own
# mount name space, as a provider gets no environment that could name SoftHSM's
# settings. Touches nothing but a temporary directory and ports of 127.0.0.1.
#
# usage: provider-managed.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
if [ "${VTPM_MOUNTS:-}" != mine ]; then
	if ! unshare -m true 2>/dev/null; then
		echo "1..0 # SKIP no mount name space can be made"
		exit 0
	fi
	VTPM_MOUNTS=mine exec unshare -m "$0" "$@"
fi
module=$(find /usr/lib -name libsofthsm2.so -print -quit)
if [ -z "$module" ] || [ ! -e /etc/softhsm/softhsm2.conf ]; then
	echo "1..0 # SKIP softhsm2 is not installed"
	exit 0
fi
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh
# shellcheck source=tools/testing/e2e/kmip.sh
. tools/testing/e2e/kmip.sh
trap 'kmip_end; cleanup' EXIT

start_daemon "$T/state"

# --- kmip --------------------------------------------------------------------

# Files that the configuration names, in a directory that may be passed.
mkdir -m 755 "$T/certs"
for name in ca.pem client.pem client.key; do
	install -o vtpm-keys -m 400 "$T/$name" "$T/certs"
done
cat >"$T/kmip.json" <<EOF
{"servers": ["localhost:$port"], "ca": "$T/certs/ca.pem",
 "certificate": "$T/certs/client.pem", "private-key": "$T/certs/client.key"}
EOF
expect 0 '' "kmip: provider add, by the name of a host" \
	"$ctl" provider add kmip server --config "$T/kmip.json"
expect 0 '"usable": true' "kmip: it is usable" \
	"$ctl" provider show server --json
expect 0 'a is stopped' "kmip: create" \
	"$ctl" create a --no-start --provider server

# --- pkcs11 ------------------------------------------------------------------

mkdir -m 700 "$T/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$T/tokens" \
	>"$T/softhsm2.conf"
# Its own directory is not for everybody.
mkdir -m 755 "$T/softhsm"
install -m 644 "$T/softhsm2.conf" "$T/softhsm"
mount --bind "$T/softhsm" /etc/softhsm
softhsm2-util --init-token --free --label one --so-pin 12345678 --pin 730519 \
	>"$T/util" 2>&1 || sed 's/^/# /' "$T/util"
echo 730519 >"$T/certs/pin"
chown -R vtpm-keys: "$T/tokens" "$T/certs/pin"
printf '{"uri": "pkcs11:token=one?module-path=%s", "pin-file": "%s"}' \
	"$module" "$T/certs/pin" >"$T/pkcs11.json"
# vtpmd has to be in the name space with the settings.
stop_daemon
start_daemon "$T/state"
expect 0 '' "pkcs11: provider add" \
	"$ctl" provider add pkcs11 hsm --config "$T/pkcs11.json"
expect 0 'b is stopped' "pkcs11: create" \
	"$ctl" create b --no-start --provider hsm

# --- both --------------------------------------------------------------------

expect 0 'wrapped by hsm' "kmip unwraps, pkcs11 wraps" "$ctl" rekey a --to hsm
expect 0 'wrapped by server' "pkcs11 unwraps, kmip wraps" \
	"$ctl" rekey b --to server
expect 0 'number 2' "deep, by the server" "$ctl" rekey b --deep
kmip_end
pids=()
expect 1 'needs key .* of provider server.*cannot connect' \
	"the server is away" "$ctl" rekey b
expect 0 'wrapped by hsm' "and is not asked for what it does not wrap" \
	"$ctl" rekey a
end_in_order
