#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# From nothing to a TPM device that answers, with an RSA and an ECC endorsement key and
# a certificate of each: "vtpmctl create", the same from the pool, and swtpm_setup
# followed by swtpm on tpm_vtpm_proxy. Medians, in one run.
#
#   create.sh           ROUNDS=10; in a guest if this kernel loads no modules
#   create.sh --here    without the device, on this machine: finding primes takes
#                       a software emulation so long that little else shows there
set -euo pipefail
cd "$(dirname "$0")/../../.."

rounds=${ROUNDS:-10}
case ${1:-} in
"")	VTPM_PASS=ROUNDS exec tools/testing/here-or-guest.sh "$0" --run ;;
--here)	start=(--no-start) device=() ;;
--run)	start=() device=(device) ;;
*)	echo "usage: create.sh [--here]" >&2; exit 2 ;;
esac

work=$(mktemp -d /tmp/vtpm-bench.XXXXXX)
chmod 755 "$work"
swtpms=()
now() { date +%s%N; }
ms() { awk -v n="$1" 'BEGIN { printf "%.2f\n", n / 1e6 }'; }
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

start_vtpmd() # POOL
{
	vtpmd --state-dir "$VTPM_STATE" --run-dir "$VTPM_RUN" --pool "$1" \
		>> "$VTPM_LOG" 2>&1 &
	VTPMD=$!
	until vtpmctl list > /dev/null 2>&1; do sleep 0.1; done
}
stop_vtpmd() { kill "$VTPMD"; wait "$VTPMD" || :; }
blanks() { find "$VTPM_STATE" -maxdepth 1 -name '.pool-*.nvram' | wc -l; }

create() # PREFIX: milliseconds of each
{
	local i begin
	for i in $(seq "$rounds"); do
		begin=$(now)
		vtpmctl create "$1$i" "${start[@]}" > /dev/null
		ms $(($(now) - begin))
	done
}

. tools/testing/set-up.sh
tear_down()
{
	[ ${#swtpms[@]} -eq 0 ] || kill "${swtpms[@]}" || :
	[ ${#device[@]} -eq 0 ] || vtpmctl stop --all > /dev/null 2>&1 || :
	[ -z "${VTPMD:-}" ] || stop_vtpmd
	vtpm_unload_module
	rm -rf "$work" "${VTPM_HOME:-$work}"
}
trap tear_down EXIT
vtpm_install
[ ${#device[@]} -eq 0 ] || vtpm_load_module
start_vtpmd 0
vtpm_make_provider
vtpmctl ca init > /dev/null
create new > "$work/new"
[ ${#device[@]} -eq 0 ] || vtpmctl stop --all > /dev/null 2>&1
stop_vtpmd
start_vtpmd "$rounds"
until [ "$(blanks)" = "$rounds" ]; do sleep 0.5; done
create pool > "$work/pool"

# As an unprivileged libvirt does it: a CA of its own, both keys, both certificates.
cat > "$work/setup.conf" <<E2
create_certs_tool = /usr/bin/swtpm_localca
create_certs_tool_config = $work/localca.conf
create_certs_tool_options = $work/localca.options
E2
cat > "$work/localca.conf" <<E2
statedir = $work/ca
signingkey = $work/ca/signkey.pem
issuercert = $work/ca/issuercert.pem
certserial = $work/ca/certserial
E2
cat > "$work/localca.options" <<E2
--platform-manufacturer x
--platform-version 1
--platform-model x
E2
mkdir "$work/ca"
swtpm_once() # NUMBER
{
	local dir=$work/swtpm/$1 out=$work/swtpm.$1 node
	mkdir -p "$dir"
	swtpm_setup --tpm2 --tpmstate "$dir" --config "$work/setup.conf" \
		--create-ek-cert --overwrite > "$work/setup.log" 2>&1
	if [ ${#device[@]} -eq 0 ]; then
		swtpm socket --tpm2 --tpmstate "dir=$dir" --daemon \
			--ctrl "type=unixio,path=$dir/ctrl" \
			--server "type=unixio,path=$dir/server" \
			--pid "file=$dir/pid" --flags startup-clear
		swtpms+=("$(cat "$dir/pid")")
		return
	fi
	swtpm chardev --vtpm-proxy --tpm2 --tpmstate "dir=$dir" > "$out" 2>&1 &
	swtpms+=($!)
	for _ in $(seq 5000); do
		node=$(sed -n 's,.*\(/dev/tpm[0-9]*\).*,\1,p' "$out" | head -1)
		[ -n "$node" ] && [ -c "$node" ] &&
			[ -e "/sys/class/tpm/${node#/dev/}/tpm_version_major" ] &&
			return
		sleep 0.002
	done
	return 1
}
[ ${#device[@]} -eq 0 ] || modprobe tpm_vtpm_proxy
swtpm_once 0		# its CA is made with the first
for i in $(seq "$rounds"); do
	begin=$(now)
	swtpm_once "$i"
	ms $(($(now) - begin))
done > "$work/swtpm.times"

new=$(median < "$work/new") pool=$(median < "$work/pool")
swtpm=$(median < "$work/swtpm.times")
echo "with two keys and two certificates, ms, median of $rounds${device[0]:+, to the device}:"
awk -v n="$new" -v p="$pool" -v s="$swtpm" 'BEGIN {
	printf "%-28s %8.1f  %.2f of swtpm\n", "vtpmctl create", n, n / s
	printf "%-28s %8.1f  %.2f of swtpm\n", "the same from the pool", p, p / s
	printf "%-28s %8.1f\n", "swtpm_setup and swtpm", s }'
