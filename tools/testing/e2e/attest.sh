#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A remote party learns which machine it talks to and what runs there: chain of
# the endorsement key, credential activation of an attestation key, a quote with
# a nonce, replay of the event log. Documentation/attestation.rst is the recipe.
# The folder "machine" is all the machine has, "verifier" all the verifier has;
# what goes from one to the other is copied. TAP; runs as root where the module
# can be loaded.
set -uo pipefail
cd "$(dirname "$0")/../../.." || exit
. tools/testing/tap.sh
. tools/testing/set-up.sh
trap vtpm_tear_down EXIT

vtpm_set_up && vtpmctl create m > /dev/null && vtpmctl create other > /dev/null ||
	exit
log=$PWD/tools/testing/e2e/attest-log.py issuer=$PWD/tools/testing/e2e/issuer.sh
W=$(mktemp -d)
mkdir "$W/machine" "$W/verifier"
on() # NAME: of a vTPM
{
	TPM2TOOLS_TCTI=device:$(vtpm_field "$1" .device.tpmrm)
	export TPM2TOOLS_TCTI
}
send() { cp "$W/machine/$1" "$W/verifier"; }
answer() { cp "$W/verifier/$1" "$W/machine"; }
pcrs=sha256:0,4,7,8

# --- once: the verifier gets the root certificate, and nothing else ----------

vtpmctl ca export --root "$W/verifier/root.pem" > /dev/null
check "the verifier has the root certificate alone" \
	test "$(ls "$W/verifier")" = root.pem

# --- the machine shows its key -----------------------------------------------

on m
cd "$W/machine" || exit
measure()
{
	local pcr digest
	"$log" make log > extends || return
	while read -r pcr digest; do
		tpm2_pcrextend "$pcr:sha256=$digest" || return
	done < extends
}
show_key()
{
	tpm2_getekcertificate -o ek.crt -o ecc.crt &&
		tpm2_nvread 0x01c00100 -o chain.der &&
		tpm2_createak -Q -C 0x81010001 -c ak.ctx -G ecc -g sha256 \
			-s ecdsa -u ak.pub -n ak.name -f tss
}
check "firmware and boot loader are measured" measure
check "certificate, chain and an attestation key" show_key
send ek.crt && send chain.der && send ak.pub && send log

# --- the verifier: is that a TPM of our CA? ----------------------------------

cd "$W/verifier" || exit
check_certificate() # CERTIFICATE
{
	openssl x509 -inform DER -in chain.der -out issuing.pem &&
		openssl x509 -inform DER -in "$1" -out ek.pem &&
		openssl verify -x509_strict -CAfile root.pem \
			-untrusted issuing.pem ek.pem &&
		openssl x509 -in ek.pem -noout -text > ek.text &&
		grep -q '2\.23\.133\.8\.1' ek.text
}
check "the certificate comes from the CA, and is one of an EK" \
	check_certificate ek.crt
openssl x509 -in ek.pem -noout -pubkey > ek.pub.pem
other_ca()
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout x.key -out ca.pem \
		-subj /CN=another -days 1 2> /dev/null
	! openssl verify -CAfile ca.pem -untrusted issuing.pem ek.pem
}
check "with another root it does not verify" other_ca
rm -f x.key ca.pem

# Restricted, signing, made in a TPM and bound to it; and its name, computed here.
check_ak()
{
	tpm2_print -t TPM2B_PUBLIC ak.pub > ak.text &&
		grep -q 'fixedtpm|fixedparent|sensitivedataorigin' ak.text &&
		grep -q 'restricted|sign' ak.text && ! grep -q decrypt ak.text &&
		python3 -c '
import hashlib
public = open("ak.pub", "rb").read()[2:]
print("000b" + hashlib.sha256(public).hexdigest())' > name
}
check "the attestation key is of the right kind" check_ak

# --- is that key in the TPM with the certificate? ----------------------------

challenge()
{
	head -c 32 /dev/urandom > secret
	tpm2_makecredential -Q -T none -G rsa -u ek.pub.pem -s secret \
		-n "$(cat name)" -o credential
}
check "a credential for both keys" challenge
answer credential
activate() # NAME
{
	on "$1"
	cd "$W/machine" || return
	rm -f secret
	tpm2_startauthsession --policy-session -S s.ctx &&
		tpm2_policysecret -Q -S s.ctx -c e &&
		tpm2_activatecredential -Q -c ak.ctx -C 0x81010001 \
			-i credential -o secret -P session:s.ctx
	local rc=$?
	tpm2_flushcontext s.ctx 2> /dev/null
	return $rc
}
check "the TPM opens it" activate m
check "and says what is in it" cmp "$W/machine/secret" "$W/verifier/secret"
another_tpm()
{
	on other
	cd "$W/machine" || return
	mv ak.ctx kept.ctx
	tpm2_createak -Q -C 0x81010001 -c ak.ctx -G ecc -g sha256 -s ecdsa \
		-u other.pub -n other.name || return
	! activate other
	local rc=$?
	mv kept.ctx ak.ctx
	return $rc
}
check "another TPM of the same CA cannot" another_tpm

# --- what runs there ----------------------------------------------------------

quote() # NONCE
{
	on m
	cd "$W/machine" || return
	tpm2_quote -Q -c ak.ctx -l $pcrs -q "$1" -g sha256 -m quote.msg \
		-s quote.sig -o quote.pcrs
	send quote.msg && send quote.sig && send quote.pcrs
}
fresh() { nonce=$(head -c 20 /dev/urandom | xxd -p -c 40); }
check_quote() # LOG
{
	cd "$W/verifier" || return
	tpm2_print -t TPM2B_PUBLIC -f pem ak.pub > ak.pem || return
	tpm2_checkquote -u ak.pem -m quote.msg -s quote.sig -f quote.pcrs \
		-g sha256 -q "$nonce" -F values > quoted || return
	# The values that are signed are those that the log leads to.
	sed -n 's/^ *\([0-9]*\) *: 0x/\1 /p' quoted | tr A-F a-f > values.quoted
	"$log" replay "$1" > values.log && [ -s values.log ] &&
		diff values.quoted values.log
}
fresh
check "a quote" quote "$nonce"
check "is signed by that key, fresh, and of what the log says" check_quote log
# What the profile's own tool makes of it.
read_log()
{
	tpm2_eventlog "$W/verifier/log" > yaml &&
		grep -q "$(sed -n 's/^8 //p' "$W/verifier/values.log")" yaml
}
check "tpm2_eventlog reads the log as well" read_log
old=$nonce
fresh
expect 1 '' "with another nonce it is not taken" check_quote log
nonce=$old
cd "$W/verifier" || exit
sed 's/kernel 6.1.0/kernel 6.1.9/' log > changed
expect 1 '' "nor a log that was changed" check_quote changed
head -c -10 log > short
expect 1 '' "nor one that was cut" check_quote short
on m
tpm2_pcrextend "8:sha256=$(printf '2%.0s' $(seq 64))"
fresh
check "another quote, after something else has run" quote "$nonce"
expect 1 '' "is not of what the log says" check_quote log

# --- a certificate of another CA, for who has the key -------------------------

mkdir "$W/issuer" "$W/answer"
ask()
{
	vtpmctl create third --no-certificate &&
		vtpmctl ek request third --type rsa2048 --out "$W/issuer" &&
		on third && cd "$W/machine" &&
		tpm2_createak -Q -C 0x81010001 -c ak.ctx -G ecc -g sha256 \
			-s ecdsa -u third.pub -n third.name &&
		"$issuer" init "$W/issuer/ca" &&
		"$issuer" issue "$W/issuer/ca" "$W/issuer/third" rsa2048 \
			"$(xxd -p -c 99 third.name)" "$W/answer" &&
		cp "$W/answer/credential" .
}
check "another CA answers a request with a challenge" ask
take()
{
	activate third || return
	xxd -p secret > secret.hex
	openssl enc -d -aes-256-cbc -pbkdf2 -pass file:secret.hex \
		-in "$W/answer/certificate.enc" -out third.pem || return
	vtpmctl stop third &&
		vtpmctl ek import third --type rsa2048 third.pem \
			--chain "$W/answer/ca.pem" &&
		vtpmctl start third
}
check "the TPM that has both keys gets the certificate" take
in_nv()
{
	on third && tpm2_nvread 0x01c00002 |
		openssl x509 -inform DER -noout -issuer | grep 'Reference issuer'
}
check "and has it in NV" in_nv
another_opens()
{
	on other
	cd "$W/machine" || return
	tpm2_createak -Q -C 0x81010001 -c ak.ctx -G ecc -g sha256 -s ecdsa \
		-u o.pub -n o.name || return
	! activate other
}
check "another TPM does not" another_opens

cd /
rm -rf "$W"
tap_end
