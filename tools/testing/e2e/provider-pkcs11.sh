#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vtpm-key-pkcs11 against SoftHSM2: the contract, then what can be wrong with a
# token. TAP on standard output. Touches nothing but a temporary directory.
#
# usage: provider-pkcs11.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
program=$(realpath "${1:-build/release}/vtpm-key-pkcs11")
module=$(find /usr/lib -name libsofthsm2.so -print -quit)
if [ -z "$module" ] || ! command -v softhsm2-util >/dev/null; then
	echo "1..0 # SKIP softhsm2 is not installed"
	exit 0
fi
T=$(mktemp -d /tmp/vtpm-pkcs11.XXXXXX)
trap 'rm -rf "$T"' EXIT
TAP_DIR=$T
# shellcheck source=tools/testing/tap.sh
. tools/testing/tap.sh

export SOFTHSM2_CONF=$T/softhsm2.conf
mkdir "$T/tokens" "$T/provider"
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$T/tokens" \
	>"$SOFTHSM2_CONF"
pin=730519
umask 077
echo $pin >"$T/pin"
echo 111111 >"$T/wrong-pin"

token() { # LABEL
	softhsm2-util --init-token --free --label "$1" --so-pin 12345678 \
		--pin $pin >"$T/util" 2>&1 || cat "$T/util"
}

config() { # URI-ATTRIBUTES [PIN-FILE [MODULE]]
	printf '{"uri": "pkcs11:%s?module-path=%s", "pin-file": "%s"}' "$1" \
		"${3:-$module}" "${2:-$T/pin}"
}

ask() { # CONFIG [OPERATION]
	printf '{"version": 1, "operation": "%s", "provider": "p", "config": %s}' \
		"${2:-info}" "$1" | (cd "$T/provider" && exec "$program") 3</dev/null 4>/dev/null
}

token one
python3 tools/testing/e2e/provider-conformance.py \
	--config "$(config token=one)" "$program" >"$T/tap" 2>&1
status=$?
sed -E 's/^((not )?ok) [0-9]+ /\1 /' "$T/tap" >"$T/said"
adopt "$T/said"
[ $status -le 1 ] && grep -q '^1\.\.' "$T/tap"
result $? "the conformance test came to its end"

token other
expect 0 'KeyMissing\|has no key on the token' "another token has no key" \
	ask "$(config token=other)"
expect 0 '"ok":true' "a key can be made there" \
	ask "$(config token=other)" new-key
expect 0 '"usable":true' "and is the active one" ask "$(config token=other)"
expect 0 'no token fits' "a token that is away" ask "$(config token=three)"
expect 0 'tokens fit the URI; add serial' "a URI that fits two tokens" \
	ask "$(config 'manufacturer=SoftHSM%20project')"
expect 0 'refuses the PIN' "a wrong PIN" \
	ask "$(config token=one "$T/wrong-pin")"
expect 0 'has refused this PIN before' "is not tried a second time" \
	ask "$(config token=one "$T/wrong-pin")"
cp -p "$T/pin" "$T/mended-pin"
mv "$T/wrong-pin" "$T/wrong-pin.kept"
mv "$T/mended-pin" "$T/wrong-pin"
expect 0 '"ok":true' "until the file has changed" \
	ask "$(config token=one "$T/wrong-pin")"
mv "$T/wrong-pin.kept" "$T/wrong-pin"
expect 0 '"step":"token","ok":true.*"step":"PIN","ok":false,"message":"the token refuses the PIN' \
	"its check" ask "$(config token=one "$T/wrong-pin")" check
expect 0 '"step":"module","ok":true.*"step":"token","ok":false,"message":"no token fits' \
	"the check of a token that is away" ask "$(config token=three)" check
expect 0 'cannot read the PIN' "no PIN file" ask "$(config token=one "$T/none")"
: >"$T/empty"
expect 0 'cannot read the PIN' "an empty PIN file" \
	ask "$(config token=one "$T/empty")"
expect 0 'cannot use the PKCS#11 module' "a module that is not there" \
	ask "$(config token=one "$T/pin" "$T/none.so")"
expect 0 'has no \\"uri\\"' "no URI" ask '{}'
expect 0 'names no token' "a URI that is none" ask '{"uri": "http://token"}'
expect 0 'PIN in its' "a PIN in the URI is refused" \
	ask '{"uri": "pkcs11:token=one?pin-value=1234"}'
expect 0 'not a name' "a label that is none" ask \
	"$(config token=one | sed 's/}$/, "label": "a b"}/')"
# --- one session for many ------------------------------------------------------

many() { # VERB [OPTIONS]
	PKCS11_REAL=$module PKCS11_COUNT=$T/count timeout 300 \
		python3 tools/testing/e2e/provider-many.py "${@:2}" \
		--config "$(config token=many "$T/pin" "$T/count.so")" \
		"$program" "$T/many" "$1" "$T/items"
}
counted() { # WHAT
	grep -cx "$1" "$T/count"
}
token many
check "a module that counts" gcc -shared -fPIC -I/usr/include/p11-kit-1 \
	-o "$T/count.so" tools/testing/e2e/pkcs11-count.c
check "50 data keys are wrapped" many wrap --keys 3
: >"$T/count"
check "each of them unwraps" many each
echo "# one after the other: $(counted session) sessions, $(counted login) logins"
: >"$T/count"
check "and all of them at once" many open
echo "# unwrap-many: $(counted session) sessions, $(counted login) logins"
check "in one session" test "$(counted session)" = 1
check "with one login" test "$(counted login)" = 1
check "the PIN is in no output" sh -c "! grep -q $pin '$T/tap' '$T/out' '$T/err'"
tap_end
