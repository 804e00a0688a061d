#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A small CA that gives a certificate of an endorsement key only to the TPM that has
# it: identity.rst, "Another CA". It gets what "vtpmctl ek request" has written and
# the Name of another key of that TPM, and answers with a certificate that is
# encrypted, and a credential that has the key.
#
#   issuer.sh init DIR
#   issuer.sh issue DIR REQUEST TYPE NAME-OF-KEY OUT-DIR
#
# REQUEST is the path of the request's files up to "-TYPE": req/web1 for
# req/web1-rsa2048.pub.pem. In OUT-DIR: certificate.enc, credential, ca.pem.
set -euo pipefail

init() # DIR
{
	mkdir -p "$1"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1/ca.key" \
		-out "$1/ca.pem" -subj '/CN=Reference issuer' -days 30 2> /dev/null
}

issue() # DIR REQUEST TYPE NAME OUT
{
	local dir=$1 request=$2-$3 name=$4 out=$5 work
	work=$(mktemp -d)
	# What follows is to be opened by the TPM that has both keys, and no other.
	head -c 16 /dev/urandom > "$work/key"
	xxd -p "$work/key" > "$work/key.hex"
	openssl x509 -new -force_pubkey "$request.pub.pem" -subj / -days 30 \
		-extfile "$request.cnf" -extensions ek -CA "$dir/ca.pem" \
		-CAkey "$dir/ca.key" -sha256 -out "$work/ek.pem" 2> /dev/null
	openssl enc -aes-256-cbc -pbkdf2 -pass "file:$work/key.hex" \
		-in "$work/ek.pem" -out "$out/certificate.enc"
	tpm2_makecredential -Q -T none -G rsa -u "$request.pub.pem" \
		-s "$work/key" -n "$name" -o "$out/credential"
	cp "$dir/ca.pem" "$out/ca.pem"
	rm -rf "$work"
}

case ${1:-} in
init) init "$2" ;;
issue) issue "${@:2}" ;;
*) sed -n '3,14s/^# \?//p' "$0" >&2; exit 2 ;;
esac
