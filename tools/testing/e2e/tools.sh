#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tpm2-tools on /dev/tpmN and on /dev/tpmrmN, and every answer checked against
# what it has to be. TAP; runs as root where the module can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

vtpm_set_up && vtpmctl create tools > /dev/null || exit
W=$(mktemp -d)
cd "$W" || exit
zeroes=$(printf '0%.0s' $(seq 64))

# Run a tool. /dev/tpmN has no resource manager: what a tool has loaded, and
# kept in a file for the next one, is flushed by hand.
t()
{
	local rc
	"$@"
	rc=$?
	[ "$rm" = 1 ] || tpm2_flushcontext -t > /dev/null 2>&1
	return $rc
}

# The SHA-256 of zero bytes extended by $1, both in hexadecimal.
extended()
{
	printf '%s%s' "$1" "$2" | xxd -r -p | sha256sum | cut -c1-64
}

pcr()
{
	tpm2_pcrread "sha256:$1" | sed -n "s/.*$1 *: 0x//p" | tr A-F a-f
}

random()
{
	local a b
	a=$(tpm2_getrandom --hex 32) && b=$(tpm2_getrandom --hex 32) &&
		[ ${#a} = 64 ] && [ "$a" != "$b" ] && [ "$a" != "$zeroes" ]
}

make_parent()
{
	t tpm2_createprimary -Q -C o -g sha256 -G "$1" -c parent.ctx
}

sign() # ALGORITHM SCHEME
{
	make_parent ecc || return
	t tpm2_create -Q -C parent.ctx -G "$1" -u k.pub -r k.priv &&
		t tpm2_load -Q -C parent.ctx -u k.pub -r k.priv -c k.ctx || return
	echo "what was signed" > msg
	t tpm2_sign -Q -c k.ctx -g sha256 -s "$2" -f plain -o sig msg &&
		t tpm2_readpublic -Q -c k.ctx -f pem -o k.pem || return
	# By OpenSSL, which knows nothing of us.
	openssl dgst -sha256 -verify k.pem -signature sig msg || return
	echo "what was not" > other
	! openssl dgst -sha256 -verify k.pem -signature sig other
}

verify_in_tpm()
{
	make_parent ecc || return
	t tpm2_load -Q -C parent.ctx -u k.pub -r k.priv -c k.ctx &&
		t tpm2_sign -Q -c k.ctx -g sha256 -o sig.tss msg &&
		t tpm2_verifysignature -Q -c k.ctx -g sha256 -m msg -s sig.tss &&
		! t tpm2_verifysignature -Q -c k.ctx -g sha256 -m other -s sig.tss
}

seal()
{
	make_parent ecc || return
	printf 'a sealed secret' > secret
	tpm2_startauthsession -Q -S s.ctx &&
		tpm2_policypcr -Q -S s.ctx -l sha256:16 -L pcr.policy &&
		tpm2_flushcontext s.ctx &&
		t tpm2_create -Q -C parent.ctx -u s.pub -r s.priv -i secret \
			-L pcr.policy &&
		t tpm2_load -Q -C parent.ctx -u s.pub -r s.priv -c s.key
}

unseal()
{
	make_parent ecc || return
	t tpm2_load -Q -C parent.ctx -u s.pub -r s.priv -c s.key &&
		[ "$(t tpm2_unseal -c s.key -p pcr:sha256:16)" = "a sealed secret" ]
}

no_unseal()
{
	make_parent ecc
	t tpm2_load -Q -C parent.ctx -u s.pub -r s.priv -c s.key || return
	! t tpm2_unseal -c s.key -p pcr:sha256:16 > stolen && [ ! -s stolen ]
}

extend()
{
	local before
	before=$(pcr 16)
	tpm2_pcrextend "16:sha256=$(printf '1%.0s' $(seq 64))" || return
	[ "$(pcr 16)" = "$(extended "$before" "$(printf '1%.0s' $(seq 64))")" ]
}

reset_pcr()
{
	tpm2_pcrreset 16 && [ "$(pcr 16)" = "$zeroes" ]
}

nv()
{
	tpm2_nvdefine -Q "$1" -C o -s 16 -a "ownerread|ownerwrite" || return
	printf 'sixteen bytes ok' > data
	tpm2_nvwrite -Q "$1" -C o -i data &&
		[ "$(tpm2_nvread "$1" -C o -s 16)" = "sixteen bytes ok" ]
}

nv_counter()
{
	local a b
	tpm2_nvdefine -Q "$1" -C o -s 8 -a "nt=counter|ownerread|ownerwrite" &&
		tpm2_nvincrement -Q "$1" -C o || return
	a=$(tpm2_nvread "$1" -C o -s 8 | xxd -p)
	tpm2_nvincrement -Q "$1" -C o || return
	b=$(tpm2_nvread "$1" -C o -s 8 | xxd -p)
	[ $((16#$a + 1)) = $((16#$b)) ]
}

nv_undefine()
{
	tpm2_nvundefine -Q "$1" -C o && tpm2_nvundefine -Q "$2" -C o &&
		! tpm2_nvread "$1" -C o -s 16
}

quote()
{
	t tpm2_createek -Q -c ek.ctx -G rsa -u ek.pub || return
	t tpm2_createak -Q -C ek.ctx -c ak.ctx -u ak.pem -f pem -n ak.name ||
		return
	t tpm2_quote -Q -c ak.ctx -l sha256:0,16 -q c0ffee -m q.msg -s q.sig \
		-o q.pcrs || return
	tpm2_checkquote -Q -u ak.pem -m q.msg -s q.sig -f q.pcrs -q c0ffee &&
		! tpm2_checkquote -Q -u ak.pem -m q.msg -s q.sig -f q.pcrs \
			-q badbad
}

# What a verifier does first: a secret only this EK and this AK give back.
credential()
{
	printf 'credential of 32 bytes in length' > cred
	tpm2_makecredential -Q -T none -u ek.pub -s cred \
		-n "$(xxd -p ak.name | tr -d '\n')" -o cred.blob || return
	tpm2_startauthsession -Q --policy-session -S s.ctx &&
		tpm2_policysecret -Q -S s.ctx -c e &&
		t tpm2_activatecredential -Q -c ak.ctx -C ek.ctx -i cred.blob \
			-o cred.out -P "session:s.ctx" || return
	tpm2_flushcontext s.ctx
	cmp cred cred.out
}

persistent()
{
	make_parent rsa || return
	t tpm2_evictcontrol -Q -C o -c parent.ctx "$1" &&
		tpm2_getcap handles-persistent | grep -qi "$1" || return
	t tpm2_create -Q -C "$1" -G ecc -u p.pub -r p.priv &&
		t tpm2_evictcontrol -Q -C o -c "$1" &&
		! tpm2_getcap handles-persistent | grep -qi "$1"
}

# The endorsement keys of the create are those that their templates give.
ek() # ALGORITHM HANDLE
{
	t tpm2_createek -Q -c made.ctx -G "$1" -u made.pub || return
	t tpm2_readpublic -Q -c "$2" -o kept.pub -f tss || return
	t tpm2_readpublic -Q -c made.ctx -o made.pub -f tss || return
	cmp made.pub kept.pub
}

ek_attributes()
{
	t tpm2_readpublic -c "$1" | grep -A1 '^attributes' | tee seen &&
		grep -q 'fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|restricted|decrypt$' seen
}

# The certificates that the TPM has are those that the host knows, and of the
# keys that the templates give.
certificates()
{
	rm -f rsa.crt ecc.crt
	tpm2_getekcertificate -o rsa.crt -o ecc.crt &&
		vtpmctl ek export tools --type rsa2048 --der rsa.known &&
		vtpmctl ek export tools --type p256 --der ecc.known &&
		cmp rsa.crt rsa.known && cmp ecc.crt ecc.known
}

certified() # ALGORITHM CERTIFICATE
{
	t tpm2_createek -Q -c made.ctx -G "$1" -u made.pem -f pem || return
	openssl x509 -inform DER -in "$2" -noout -pubkey > certified.pem &&
		openssl pkey -pubin -in made.pem -outform DER -out made.der &&
		openssl pkey -pubin -in certified.pem -outform DER |
		cmp made.der
}

# Two certificates, one after the other.
chain()
{
	vtpmctl ca export --chain chain.known || return
	openssl x509 -in chain.known -outform DER -out chain.der || return
	sed '1,/END/d' chain.known | openssl x509 -outform DER >> chain.der &&
		tpm2_nvread 0x01c00100 -o chain.nv && cmp chain.der chain.nv
}

nv_attributes() # INDEX...
{
	for index; do
		tpm2_nvreadpublic "$index" | tee seen
		grep -q 'value: 0x62072001' seen || return
		! tpm2_nvundefine "$index" -C o || return
	done
}

# Whatever passwords the owner of the TPM has set, another CA's certificate can
# be written while it is off.
import()
{
	local h out
	for h in o e l; do tpm2_changeauth -c $h secret || return; done
	vtpmctl stop tools && vtpmctl ek request tools --type rsa2048 || return
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem \
		-subj "/CN=Other CA" 2> /dev/null
	openssl x509 -new -force_pubkey tools-rsa2048.pub.pem -subj / -days 9 \
		-extfile tools-rsa2048.cnf -extensions ek -CA ca.pem \
		-CAkey ca.key -out new.pem || return
	vtpmctl ek import tools --type rsa2048 new.pem --chain ca.pem &&
		vtpmctl start tools || return
	TPM2TOOLS_TCTI=device:$(vtpm_field tools .device.tpmrm)
	openssl x509 -in new.pem -outform DER -out new.der
	tpm2_nvread 0x01c00002 -o back.der && cmp new.der back.der || return
	# The chain of both is there, and the passwords are.
	openssl x509 -in ca.pem -outform DER -out ca.der
	tpm2_nvread 0x01c00100 -o chain.nv && out=$(cat chain.der ca.der | wc -c)
	[ "$out" = "$(wc -c < chain.nv)" ] || return
	! tpm2_changeauth -c o other || return
	for h in o e l; do tpm2_changeauth -c $h -p secret "" || return; done
}

# Of three tries none may succeed; the fourth is not even looked at.
lock()
{
	tpm2_nvdefine -Q 0x1500099 -C o -s 4 -p right -a 'authread|authwrite' &&
		printf data | tpm2_nvwrite -Q 0x1500099 -C 0x1500099 -P right -i - ||
		return
	for _ in 1 2 3; do
		! tpm2_nvread 0x1500099 -C 0x1500099 -P wrong || return
	done
	! tpm2_nvread 0x1500099 -C 0x1500099 -P right 2> err &&
		grep -qi 'lockout' err
}

third_key()
{
	local name
	vtpmctl create third --ek p384 || return
	TPM2TOOLS_TCTI=device:$(vtpm_field third .device.tpmrm)
	vtpmctl ek export third --type p384 --der p384.known &&
		tpm2_nvread 0x01c00016 -o p384.nv && cmp p384.known p384.nv || return
	name=$(tpm2_readpublic -c 0x81010016 | sed -n 's/^name: //p')
	vtpmctl ek show third --json | grep -q "\"name\": \"$name\"" &&
		[ "${#name}" = 100 ]
}

for rm in 0 1; do
	if [ $rm = 1 ]; then kind=tpmrm; else kind=tpm; fi
	node=$(vtpm_field tools .device.$kind)
	export TPM2TOOLS_TCTI=device:$node
	i=$((rm * 16))
	check "$node: random numbers" random
	check "$node: ECC key: create, load, sign; OpenSSL verifies" sign ecc ecdsa
	check "$node: RSA key: the same" sign rsa rsassa
	check "$node: the TPM verifies, and refuses what is wrong" verify_in_tpm
	check "$node: PCR reset" reset_pcr
	check "$node: PCR extend and read" extend
	check "$node: seal under a PCR policy" seal
	check "$node: unseal" unseal
	check "$node: PCR extend again" extend
	check "$node: no unseal after the PCR has changed" no_unseal
	check "$node: NV define, write, read" nv "0x15000$((i + 10))"
	check "$node: NV counter" nv_counter "0x15000$((i + 11))"
	check "$node: NV undefine" nv_undefine "0x15000$((i + 10))" \
		"0x15000$((i + 11))"
	check "$node: quote and checkquote" quote
	check "$node: credential activation" credential
	check "$node: persistent key" persistent "0x810000$((i + 10))"
	check "$node: the RSA EK is that of its template" ek rsa 0x81010001
	check "$node: the ECC EK is that of its template" ek ecc 0x8101000a
	check "$node: attributes of the RSA EK" ek_attributes 0x81010001
	check "$node: attributes of the ECC EK" ek_attributes 0x8101000a
	check "$node: tpm2_getekcertificate finds both certificates" certificates
	check "$node: of the RSA key that the template gives" certified rsa rsa.crt
	check "$node: of the ECC key that the template gives" certified ecc ecc.crt
	check "$node: the chain is in NV" chain
	check "$node: its owner can remove none of them" nv_attributes \
		0x01c00002 0x01c0000a 0x01c00100
done
check "another CA's certificate, with the TPM's passwords set" import
check "a P-384 EK and its certificate" third_key
check "wrong passwords lock the TPM" lock
expect 0 'lockout *locked; 3 of 3 failed tries' "show says so" vtpmctl show third
check "its JSON, too" test "$(vtpm_field third .lockout.locked)" = True
check "the lockout is cleared" tpm2_dictionarylockout -c
expect 0 'lockout *no; 0 of 3 failed tries, one less after 1000 s' \
	"show says so" vtpmctl show third
cd /
rm -rf "$W"
tap_end
