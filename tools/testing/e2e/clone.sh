#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clones: what each mode keeps and what is new, compared through the TPM; that a
# copy does not run beside its original; and a clone that is killed at each step.
# TAP; runs as root where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

W=$(mktemp -d)
nv=0x1500001 srk=0x81000001 ak=0x81010002
on() # NAME
{
	TPM2TOOLS_TCTI=device:$(vtpm_field "$1" .device.tpmrm)
	export TPM2TOOLS_TCTI
}

# With passwords of owner, endorsement and lockout, as a guest may set them.
populate()
{
	tpm2_createprimary -Q -C o -c "$W/srk.ctx" &&
		tpm2_evictcontrol -Q -C o -c "$W/srk.ctx" $srk &&
		echo -n 'the secret' | tpm2_create -Q -C $srk -i - \
			-u "$W/sealed.pub" -r "$W/sealed.priv" &&
		tpm2_nvdefine -Q $nv -C o -s 4 -a 'ownerread|ownerwrite' &&
		printf data | tpm2_nvwrite -Q $nv -C o -i - &&
		tpm2_createak -Q -C 0x81010001 -c "$W/ak.ctx" -G ecc -g sha256 \
			-s ecdsa &&
		tpm2_evictcontrol -Q -C o -c "$W/ak.ctx" $ak &&
		tpm2_changeauth -Q -c o owner &&
		tpm2_changeauth -Q -c e endorsement &&
		tpm2_changeauth -Q -c l lockout
}

name_of() { tpm2_readpublic -Q -c "$1" -n "$W/name" && xxd -p -c99 "$W/name"; }
unsealed()
{
	tpm2_load -Q -C $srk -u "$W/sealed.pub" -r "$W/sealed.priv" \
		-c "$W/sealed.ctx" && tpm2_unseal -c "$W/sealed.ctx"
}
nv_data() { tpm2_nvread $nv -C o -P owner -s 4; }
# The key that is made of the seed, whatever is kept; and that which is kept. RSA
# keys take a software emulation some seconds each, so there are few.
ek() # TYPE [PASSWORD]
{
	tpm2_createek -Q -c "$W/ek.ctx" -G "$1" -u "$W/ek.pem" -f pem \
		${2:+-w owner -P "$2"} && tpm2_flushcontext -t &&
		openssl pkey -pubin -in "$W/ek.pem" -outform DER | sha256sum |
		cut -c1-64
}
kept() # HANDLE
{
	tpm2_readpublic -Q -c "$1" -o "$W/kept.pem" -f pem &&
		openssl pkey -pubin -in "$W/kept.pem" -outform DER | sha256sum |
		cut -c1-64
}
certificate() { tpm2_nvread "$1" | sha256sum; }
digest() # NAME TYPE
{
	vtpmctl ek export "$1" --type "$2" --public --der | sha256sum | cut -c1-64
}
is() # EXPECTED COMMAND...
{
	local want=$1 got
	shift
	got=$("$@") || return
	[ "$got" = "$want" ] || { echo "$got, not $want"; return 1; }
}
is_not() # OTHER COMMAND...
{
	local other=$1 got
	shift
	got=$("$@") && [ -n "$got" ] && [ "$got" != "$other" ]
}
fails() { ! "$@"; }
verifies() # NAME TYPE
{
	vtpmctl ek export "$1" --type "$2" "$W/ek.crt" --force 2> "$W/force" ||
		{ rm -f "$W/ek.crt"; vtpmctl ek export "$1" --type "$2" "$W/ek.crt"; }
	openssl verify -CAfile "$W/root.pem" -untrusted "$W/chain.pem" "$W/ek.crt"
}
# What a verifier finds in the TPM is of the key that is in it.
certified() # NAME [ecc]
{
	local i
	for i in ${2:-rsa2048:0x01c00002} p256:0x01c0000a; do
		[ "$i" != ecc ] || continue
		tpm2_nvread "${i#*:}" > "$W/nv.der" &&
			openssl x509 -inform DER -in "$W/nv.der" -noout -pubkey |
			openssl pkey -pubin -outform DER | sha256sum | cut -c1-64 \
			> "$W/nv.digest" &&
			[ "$(cat "$W/nv.digest")" = "$(digest "$1" "${i%:*}")" ] ||
			return
		verifies "$1" "${i%:*}" || return
	done
}

vtpm_set_up && vtpmctl create s > /dev/null || exit
vtpmctl set s --notes 'the golden one' --mode 0640 > /dev/null
vtpmctl ca export --root "$W/root.pem"
vtpmctl ca export --chain "$W/chain.pem"
on s
check "a vTPM with keys, data and passwords" populate
s_srk=$(name_of $srk) s_ek=$(digest s rsa2048) s_ecc=$(digest s p256)
s_cert=$(certificate 0x01c00002) s_uuid=$(vtpm_field s .uuid)
check "its key is that of its seed" is "$s_ecc" ek ecc endorsement

expect 2 'copy.*replace.*reidentify' "without a mode it says what each is" \
	vtpmctl clone s c
expect 2 'copy.*replace' "a mode that is none" vtpmctl clone s c --mode move
expect 3 'no vTPM' "of none" vtpmctl clone nobody c --mode copy
expect 4 'already' "a name that is taken" vtpmctl clone s s --mode copy
expect 3 'no key provider' "a provider that is none" \
	vtpmctl clone s c --mode copy --provider nobody

# --- copy --------------------------------------------------------------------

expect 0 "identity of $s_uuid" "copy of one that runs" \
	vtpmctl clone s c --mode copy
check "its UUID is another" is_not "$s_uuid" vtpm_field c .uuid
expect 0 "identity  *of $s_uuid" "show says whose identity it has" \
	vtpmctl show c
expect 0 'cloned from *s ' "and what it was made of" vtpmctl show c
expect 0 'the golden one' "notes are taken over" vtpmctl show c
check "and the mode" is 0640 vtpm_field c .mode
check "no record is equal" python3 - "$VTPM_STATE" <<'PY'
import sys
s, c = (open(f"{sys.argv[1]}/{n}.nvram", "rb").read() for n in "sc")
blocks = {s[i:i + 64] for i in range(8192, len(s), 64)}
blocks = {b for b in blocks if len(set(b)) > 16}
assert blocks and not any(c[i:i + 64] in blocks for i in range(0, len(c), 64))
PY
expect 4 'identity of s.*--allow-duplicate' "it does not run beside it" \
	vtpmctl start c
expect 0 '' "but if that is meant" vtpmctl start c --allow-duplicate
on c
check "SRK: the same" is "$s_srk" name_of $srk
check "RSA key: the same" is "$s_ek" kept 0x81010001
check "ECC key: the same" is "$s_ecc" ek ecc endorsement
check "certificate: the same" is "$s_cert" certificate 0x01c00002
check "attestation key: there" name_of $ak
check "NV: the same" is data nv_data
check "sealed data: opens" is 'the secret' unsealed
vtpmctl stop s > /dev/null
expect 4 'identity of c' "nor does the original beside it" vtpmctl start s
expect 0 '' "a copy of the copy" vtpmctl clone c cc --mode copy
expect 0 "identity  *of $s_uuid" "has the first one's identity" vtpmctl show cc
vtpmctl stop c > /dev/null
expect 0 '' "either runs alone" vtpmctl start s
vtpmctl backup c "$W/c.nvram" > /dev/null && vtpmctl delete c --yes &&
	vtpmctl restore "$W/c.nvram" --name back > /dev/null
expect 4 'identity of s' "a backup of it knows as well" vtpmctl start back
vtpmctl rekey cc --deep > /dev/null
expect 4 'identity of s' "and one with another data key" vtpmctl start cc
vtpmctl delete cc --yes
vtpmctl delete back --yes

# --- what is put in the place of a file is looked at -------------------------

vtpmctl clone s f --mode replace > /dev/null
f_ek=$(digest f p256)
cp "$VTPM_STATE/s.nvram" "$VTPM_STATE/f.nvram"
expect 4 'copy of that of s' "the file of s in the place of another one" \
	vtpmctl start f
check "whose keys are not taken for its own" \
	fails sh -c "vtpmctl ek show f | grep $f_ek"
head -c 8192 /dev/zero | dd of="$VTPM_STATE/f.nvram" conv=notrunc 2> "$W/dd"
expect 8 '' "one without a header" vtpmctl start f
cp "$VTPM_STATE/s.nvram" "$VTPM_STATE/f.nvram"
expect 4 'copy of that of s' "and the file of s again" vtpmctl start f
vtpmctl delete f --yes
cp "$VTPM_STATE/s.nvram" "$W/old.nvram"
vtpmctl clone s g --mode copy > /dev/null
cp "$VTPM_STATE/g.nvram" "$W/g.nvram"
vtpmctl rekey g --deep > /dev/null
vtpmctl stop s > /dev/null && vtpmctl start g > /dev/null &&
	vtpmctl stop g > /dev/null && vtpmctl start s > /dev/null
cp "$W/g.nvram" "$VTPM_STATE/g.nvram"
expect 4 'older' "no clone of an older file" vtpmctl clone g h --mode copy
vtpmctl delete g --yes
on s
operator() { setpriv --reuid=65534 --regid="$(getent group vtpm-admin | cut -d: -f3)" \
	--clear-groups "$@"; }
vtpmctl provider add native other > /dev/null
vtpmctl provider backup other "$W/other.p12" --password-file <(echo 'correct horse') \
	> /dev/null
expect 5 'only root' "an operator has no copy sealed by another provider" \
	operator vtpmctl clone s h --mode copy --provider other
expect 0 '' "but may clone" operator vtpmctl clone s h --mode copy
vtpmctl delete h --yes

# --- replace -----------------------------------------------------------------

expect 0 'r is made of s' "replace" vtpmctl clone s r --mode replace
expect 0 '' "runs beside it" vtpmctl start r
on r
check "RSA key: another" is_not "$s_ek" kept 0x81010001
check "ECC key: another" is_not "$s_ecc" ek ecc
check "certificates: of these keys" certified r
check "no SRK is kept" fails name_of $srk
check "no NV data" fails tpm2_nvread $nv -C o
tpm2_createprimary -Q -C o -c "$W/srk.ctx" &&
	tpm2_evictcontrol -Q -C o -c "$W/srk.ctx" $srk
check "SRK: another" is_not "$s_srk" name_of $srk
check "sealed data: does not open" fails unsealed
check "it is no copy" fails vtpm_field r .origin
vtpmctl stop r > /dev/null

# --- reidentify --------------------------------------------------------------

expect 0 'i is made of s' "reidentify" vtpmctl clone s i --mode reidentify
expect 0 '' "runs beside it" vtpmctl start i
on i
check "RSA key: another" is_not "$s_ek" digest i rsa2048
check "and that of its seed, without a password" \
	is "$(digest i rsa2048)" ek rsa ''
check "ECC key: another" is_not "$s_ecc" digest i p256
check "certificates: of these keys" certified i
check "attestation key: gone" fails name_of $ak
check "SRK: the same" is "$s_srk" name_of $srk
check "NV: the same, and the owner's password" is data nv_data
check "sealed data: opens" is 'the secret' unsealed
check "it is no copy" fails vtpm_field i .origin
vtpmctl stop i > /dev/null
vtpmctl delete i --yes
vtpmctl create e --ek p256 > /dev/null
on e
tpm2_createprimary -Q -C o -c "$W/srk.ctx" &&
	tpm2_evictcontrol -Q -C o -c "$W/srk.ctx" $srk && e_srk=$(name_of $srk)
e_ecc=$(digest e p256)
expect 0 '' "of one without passwords" \
	sh -c 'vtpmctl clone e ei --mode reidentify && vtpmctl start ei'
on ei
check "its key is another" is_not "$e_ecc" kept 0x8101000a
check "and kept at its handle" is "$(digest ei p256)" kept 0x8101000a
check "certificate: of this key" certified ei ecc
vtpmctl stop ei > /dev/null
vtpmctl delete ei --yes
expect 0 '' "without certificates" \
	vtpmctl clone e n --mode reidentify --no-certificate
expect 0 'no certificate' "has none" vtpmctl show n
vtpmctl start n > /dev/null
on n
check "nor in NV" fails tpm2_nvread 0x01c0000a
vtpmctl stop n > /dev/null
vtpmctl delete n --yes

# --- killed at each step -----------------------------------------------------

reidentified() # NAME
{
	vtpmctl check "$1" && vtpmctl start "$1" && on "$1" &&
		certified "$1" ecc && is "$e_srk" name_of $srk &&
		is_not "$e_ecc" kept 0x8101000a && vtpmctl stop "$1"
}
no_engine() # NAME
{
	for _ in $(seq 100); do
		pgrep -f -- "vtpm-engine --name $1 " > "$W/engines" || return 0
		sleep 0.1
	done
	return 1
}
# A line for each step as it begins, which vtpmctl shows on a terminal only.
cat > "$W/call.py" <<'PY'
import json
import socket
import sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(json.dumps({"method": "io.vtpm.Clone", "more": True, "parameters": {
    "name": "e", "to": "k", "mode": "reidentify"}}).encode() + b"\0")
buf = b""
while data := s.recv(65536):
    buf += data
    while b"\0" in buf:
        reply, buf = buf.split(b"\0", 1)
        reply = json.loads(reply)
        if not reply.get("continues"):
            sys.exit("error" in reply)
        print(reply["parameters"]["progress"], flush=True)
sys.exit(1)
PY
call() { python3 "$W/call.py" "$VTPM_SOCKET"; }
# After so many lines, and a moment.
kill_at() # WHAT LINES SECONDS
{
	local client pid state
	: > "$W/progress"
	call > "$W/progress" 2>&1 &
	client=$!
	for _ in $(seq 500); do
		[ "$(wc -l < "$W/progress")" -ge "$2" ] && break
		kill -0 $client 2> /dev/null || break
		sleep 0.01
	done
	sleep "$3"
	if [ "$1" = manager ]; then
		kill -9 "$VTPMD"
		wait "$VTPMD" 2> /dev/null
	else
		for pid in $(pgrep -f -- "vtpm-engine --name k "); do
			kill -9 "$pid"
		done
	fi
	wait $client
	[ "$1" = engine ] || vtpm_start_daemon || return
	no_engine k || return
	state=$(vtpmctl list | awk '$1 == "k" { print $2 }')
	echo "# killed $1 after $2 lines: ${state:-nothing}" >> "$W/kills"
	[ -z "$(find "$VTPM_STATE" "$VTPM_RUN/engine" -name '.k*')" ] || return
	if [ -n "$state" ]; then
		[ "$state" = stopped ] && reidentified k && vtpmctl delete k --yes
	else
		[ -z "$(find "$VTPM_STATE" -name 'k.nvram')" ]
	fi
}
lines=0
call > "$W/progress" && reidentified k > /dev/null &&
	lines=$(wc -l < "$W/progress") && vtpmctl delete k --yes
check "a clone says how far it is" test "$lines" -ge 5
for n in $(seq 1 "$lines"); do
	pause=0.0$((n % 2 * 3))
	check "manager killed $pause s into step $n of a reidentify: old or new" \
		kill_at manager "$n" $pause
	# Before that there is none.
	[ "$n" -lt 4 ] || check "engine killed in step $n" kill_at engine "$n" 0.02
done
cat "$W/kills"
vtpm_wait_state e running 100 > /dev/null
on e
check "the original is as it was" is "$e_ecc" kept 0x8101000a
tap_end
