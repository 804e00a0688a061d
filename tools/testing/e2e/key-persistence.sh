#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A data key that is wrapped by the host's TPM, too: the vTPM opens with the
# first provider away, and no more once that wrap is forgotten. Without the
# kernel module, with swtpm as the host's TPM. TAP on standard output. Root only;
# touches nothing but a temporary directory.
#
# usage: key-persistence.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
if ! command -v swtpm >/dev/null; then
	echo "1..0 # SKIP swtpm is not installed"
	exit 0
fi
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh
host=
trap '[ -z "$host" ] || kill -KILL "$host"; cleanup' EXIT

# Its socket is the providers' user's, too.
tpm_on() {
	rm -f "$T/tpm/s" "$T/tpm/s.ctrl"
	swtpm socket --tpm2 --tpmstate dir="$T/tpm" \
		--server type=unixio,path="$T/tpm/s",mode=0666 \
		--ctrl type=unixio,path="$T/tpm/s.ctrl",mode=0666 \
		--flags not-need-init,startup-clear >"$T/swtpm" 2>&1 &
	host=$!
	for _ in $(seq 100); do
		[ -S "$T/tpm/s.ctrl" ] && return
		sleep 0.1
	done
	echo "# swtpm does not start: $(tail -1 "$T/swtpm")"
}
tpm_off() {
	{ kill -KILL "$host" && wait "$host"; } 2>/dev/null
	host=
}
wraps() {
	"$ctl" show "$1" --json | python3 -c 'import json, sys
print(*(w["provider"] for w in json.load(sys.stdin)["vtpm"]["wraps"]))'
}
away() { mv "$T/state/keys/kms" "$T/kms.away"; }
back() { mv "$T/kms.away" "$T/state/keys/kms"; }

mkdir -m 755 "$T/tpm"
tpm_on
start_daemon "$T/state"
add_provider kms && "$ctl" create a --no-start >/dev/null &&
	"$ctl" create b --no-start >/dev/null
result $? "a provider, and two vTPMs of it"
printf '{"tcti": "swtpm:path=%s", "pcrs": "sha256:7"}' "$T/tpm/s" \
	>"$T/tpm.json"
expect 0 'host (tpm2) is there' "the host's TPM as a provider" \
	"$ctl" provider add tpm2 host --config "$T/tpm.json"
expect 0 '^ok  *unseal' "passes its check" "$ctl" provider check host
expect 0 'kms or host' "attached to one of the vTPMs" \
	"$ctl" provider attach a host

away
expect 0 'opens' "the other provider is away: it opens" "$ctl" check a
expect 7 'provider kms' "the other vTPM does not" "$ctl" check b
tpm_off
expect 7 'does not answer' "nor does it with the TPM away, too" "$ctl" check a
expect 1 '^failed  TPM answers' "which the check tells" \
	"$ctl" provider check host
tpm_on
expect 0 'opens' "after a restart it opens again" "$ctl" check a

expect 4 'wraps of provider host: a; ' "a provider in use is not removed" \
	"$ctl" provider remove host --yes
back
expect 0 'b opens with a key of kms or host' "attached to the other one" \
	"$ctl" provider attach b host
expect 0 'c is stopped' "one of the TPM alone" \
	"$ctl" create c --provider host --no-start
expect 1 'stays in c: .*the only one' "forget: all but where it is the only one" \
	"$ctl" provider forget host
check "it is in neither of the others" test "$(wraps a) $(wraps b)" = "kms kms"
check "but in that one" test "$(wraps c)" = host
expect 0 '"done": \[\]' "once more there is none" \
	"$ctl" provider forget nobody --json
away
expect 7 'provider kms' "with the provider away it does not open" \
	"$ctl" check a
back
expect 0 'opens' "and with it, it does" "$ctl" check a
expect 5 'only root' "an operator may not" setpriv --reuid=65534 --regid=65534 \
	--groups="$(getent group vtpm-admin | cut -d: -f3)" \
	"$ctl" provider forget host
expect 0 '' "without users" "$ctl" delete c --yes
expect 0 'keys are still in' "it can be removed" "$ctl" provider remove host --yes
end_in_order
