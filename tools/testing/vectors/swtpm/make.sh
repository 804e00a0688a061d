#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# State files of new TPMs, by swtpm itself, into this directory, with
# vectors.json, which says how to open them and what is in them. Needs
# python3-cryptography. Nothing of ours takes part.
#
#   make.sh PREFIX SWTPM      PREFIX-plain.permall, PREFIX-aes128-hex.permall, ...
set -euo pipefail
cd "$(dirname "$0")"
prefix=$1 swtpm=$2
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

# Nobody's keys. An end of line belongs to a passphrase like all else.
printf '0x000102030405060708090a0b0c0d0e0f\n' >"$T/hex128"
printf '000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f' \
	>"$T/hex256"
printf '0123456789abcdef' >"$T/binary128"
printf '0123456789abcdefghijklmnopqrstuv' >"$T/binary256"
printf 'correct horse\n' >"$T/pbkdf2"
printf 'correct horse' >"$T/sha512"

make_state() { # NAME FORM KEY-FILE [KEY-OPTION [OPTION...]]
	local dir=$T/$1 out=$prefix-$1.permall
	mkdir "$dir"
	"$swtpm" socket --tpm2 --tpmstate dir="$dir" ${4:+--key "$4"} \
		--server type=unixio,path="$dir/s" \
		--ctrl type=unixio,path="$dir/c" \
		--flags startup-clear "${@:5}" >"$T/log" 2>&1 &
	for _ in $(seq 100); do
		[ -S "$dir/c" ] && [ -s "$dir/tpm2-00.permall" ] && break
		sleep 0.1
	done
	kill $!
	wait $! || :
	cp "$dir/tpm2-00.permall" "$out"
	chmod 644 "$out"
	python3 ../check-swtpm-vectors.py --add "$out" "$2" "$3"
}

make_state plain plain /dev/null
# Without a profile of its own it writes what older ones can read.
if "$swtpm" socket --help | grep -q -- --profile; then
	make_state profile plain /dev/null '' --profile name=default-v1
fi
for bits in 128 256; do
	for form in hex binary; do
		make_state aes$bits-$form $form "$T/$form$bits" \
			"file=$T/$form$bits,format=$form,mode=aes-$bits-cbc"
	done
	for form in pbkdf2 sha512; do
		make_state aes$bits-$form $form "$T/$form" \
			"pwdfile=$T/$form,kdf=$form,mode=aes-$bits-cbc"
	done
done
