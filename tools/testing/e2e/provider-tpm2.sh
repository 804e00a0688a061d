#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vtpm-key-tpm2 with swtpm as the host's TPM: the contract, then PCRs, another
# TPM, one that is away, and files that were changed. TAP on standard output.
# Touches nothing but a temporary directory.
#
# usage: provider-tpm2.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
program=$(realpath "${1:-build/release}")/vtpm-key-tpm2
if ! command -v swtpm tpm2_pcrextend >/dev/null; then
	echo "1..0 # SKIP swtpm or tpm2-tools is not installed"
	exit 0
fi
T=$(mktemp -d /tmp/vtpm-tpm2.XXXXXX)
pid=
trap '[ -z "$pid" ] || kill -KILL $pid; wait 2>/dev/null; rm -rf "$T"' EXIT
TAP_DIR=$T
# shellcheck source=tools/testing/tap.sh
. tools/testing/tap.sh
umask 077
vtpm=11111111-2222-4333-8444-555555555555
export TPM2TOOLS_TCTI=swtpm:path=$T/tpm

# A TPM with the state in a directory; its log has every command in full.
tpm_on() { # STATE
	mkdir -p "$T/$1"
	rm -f "$T/tpm" "$T/tpm.ctrl"
	swtpm socket --tpm2 --tpmstate dir="$T/$1" \
		--server type=unixio,path="$T/tpm" \
		--ctrl type=unixio,path="$T/tpm.ctrl" \
		--flags not-need-init,startup-clear \
		--log file="$T/bus",level=20 >"$T/swtpm" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		[ -S "$T/tpm.ctrl" ] && tpm2_getrandom 8 >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "# swtpm does not start: $(tail -1 "$T/swtpm")"
}

tpm_off() {
	{ kill -KILL "$pid" && wait "$pid"; } 2>/dev/null
	pid=
}

config() { # PCRS [MEMBERS]
	printf '{"tcti": "%s", "pcrs": "%s"%s}' "$TPM2TOOLS_TCTI" "$1" "${2:-}"
}

# In the directory of a provider; descriptor 3 is $T/in, 4 is $T/secret.
ask() { # DIRECTORY CONFIG [OPERATION [MEMBERS]]
	mkdir -p "$T/$1"
	(cd "$T/$1" && printf \
		'{"version": 1, "operation": "%s", "provider": "p", "config": %s%s}' \
		"${3:-info}" "$2" "${4:-}" |
		"$program" 3<"$T/in" 4>"$T/secret")
}

# Wrap $T/marker; the members for unwrapping it are in $T/NAME.
wrap() { # DIRECTORY CONFIG NAME
	cp "$T/marker" "$T/in"
	ask "$1" "$2" wrap ", \"context\": \"$vtpm\"" >"$T/reply"
	: >"$T/in"
	python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
json.dump({"key-id": r["key-id"], "context": sys.argv[2],
           "wrapped": r["wrapped"]}, sys.stdout)' "$T/reply" $vtpm |
		sed 's/^{/, /; s/}$//' >"$T/$3"
}

unwrap() { # DIRECTORY CONFIG NAME
	ask "$1" "$2" unwrap "$(cat "$T/$3")"
}

opens() { # DIRECTORY CONFIG NAME
	unwrap "$@" && cmp "$T/secret" "$T/marker"
}

refused() { # PATTERN TEXT COMMAND...: and nothing on descriptor 4
	expect 0 "$@"
	check "  without the key" test ! -s "$T/secret"
}

: >"$T/in"
head -c 32 /dev/urandom >"$T/marker"
tpm_on one

python3 tools/testing/e2e/provider-conformance.py \
	--config "$(config sha256:7)" "$program" >"$T/tap" 2>&1
status=$?
sed -E 's/^((not )?ok) [0-9]+ /\1 /' "$T/tap" >"$T/said"
adopt "$T/said"
[ $status -le 1 ] && grep -q '^1\.\.' "$T/tap"
result $? "the conformance test came to its end"

# --- one unseal of each key for many -------------------------------------------

many() { # VERB [OPTIONS]
	timeout 300 python3 tools/testing/e2e/provider-many.py "${@:2}" \
		--config "$(config sha256:7)" "$program" "$T/many" "$1" "$T/items"
}
commands() { # CODE: so many of it have gone over the bus since "mark"
	tail -c +"$mark" "$T/bus" | tr -dc '0-9A-Fa-f' |
		grep -oE "800[12]0000[0-9A-Fa-f]{4}0000$1" | wc -l
}
mark() { mark=$(($(stat -c %s "$T/bus") + 1)); }
check "50 data keys are wrapped, by 3 keys in turn" many wrap --keys 3
mark
check "each of them unwraps" many each
one=$(commands 015[eE])
echo "# one after the other: $one unseals, $(commands 0131) primaries"
check "with an unseal for each" test "$one" = 50
mark
check "and all of them at once" many open
one=$(commands 015[eE])
echo "# unwrap-many: $one unseals, $(commands 0131) primaries"
check "with one unseal of each key" test "$one" = 3

# --- policy -------------------------------------------------------------------

bound=$(config sha256:0,7,16)
expect 0 '"ok":true' "a key bound to PCRs" ask a "$bound" new-key
expect 0 '"usable":true' "can be used" ask a "$bound"
wrap a "$bound" wrap-a
check "it opens what it wrapped" opens a "$bound" wrap-a
digest=$(printf '%064d' 1)
tpm2_pcrextend 7:sha256="$digest"
refused 'ProviderFailed.*bound to the PCRs sha256:0,7,16 .* sha256:7 differ' \
	"a PCR that was extended" unwrap a "$bound" wrap-a
expect 0 'another provider that is attached.*backup.*rekey' \
	"and what to do" unwrap a "$bound" wrap-a
expect 0 '"usable":false.*sha256:7 differ' "info says so" ask a "$bound"
cp "$T/marker" "$T/in"
expect 0 'sha256:7 differ' "nor does it wrap" \
	ask a "$bound" wrap ", \"context\": \"$vtpm\""
: >"$T/in"
expect 0 '"step":"storage key","ok":true.*"step":"policy","ok":false,"message":"the key is bound to the PCRs sha256:0,7,16 .* differ' \
	"nor passes its check" ask a "$bound" check
check "which goes no further" sh -c "! grep -q unseal '$T/out'"
expect 0 '"ok":true' "a key of the PCRs as they are now" ask b "$bound" new-key
wrap b "$bound" wrap-b
check "opens" opens b "$bound" wrap-b

free=$(config '')
expect 0 '"ok":true' "a key bound to no PCR" ask free "$free" new-key
wrap free "$free" wrap-free
tpm_off
tpm_on one
check "the TPM restarted with the PCRs as before: it opens" \
	opens a "$bound" wrap-a
refused 'sha256:7 differ' "and the one of the other PCRs does not" \
	unwrap b "$bound" wrap-b
check "one bound to no PCR does" opens free "$free" wrap-free

# --- another TPM, none, and the bus -------------------------------------------

cp "$T/bus" "$T/heard"
tpm_off
refused 'ProviderFailed.*does not answer' "the TPM is away" \
	unwrap a "$bound" wrap-a
expect 0 '"step":"key files","ok":true.*"step":"TPM answers","ok":false' \
	"its check" ask a "$bound" check
expect 0 '"usable":false.*does not answer' "its keys are still known" \
	ask a "$bound"
tpm_on two
refused 'KeyMissing.*not the one that the key is sealed to' "another TPM" \
	unwrap a "$bound" wrap-a
tpm2_pcrallocate -Q sha1:all+sha256:all+sha384:none+sha512:none
tpm_off
tpm_on two
expect 0 'does not have the PCRs sha512:7' "a bank that is not active" \
	ask none "$(config sha512:7)" new-key
check "leaves no file" rmdir "$T/none"
tpm_off
tpm_on one
check "the TPM is back" opens a "$bound" wrap-a
# shellcheck disable=SC2317
passes() { ask "$@" check && ! grep -q '"ok":false' "$T/out"; }
check "its check passes" passes a "$bound"

# --- what is in the file, by tools of others ----------------------------------

cat >"$T/file.py" <<'END'
"""file.py split|flip FILE: a key file, as key-providers.rst has it"""
import hashlib
import struct
import sys

verb, name = sys.argv[1:]
data = open(name, "rb").read()
sizes = struct.unpack_from("<4H", data, 42)
public = 56 + sizes[0] + sizes[1]
private = public + sizes[2]
assert data[-32:] == hashlib.sha256(data[:-32]).digest()
assert len(data) == private + sizes[3] + 32 and data[:8] == b"VTPMTPM1"
if verb == "split":
    open(name + ".pub", "wb").write(data[public:private])
    open(name + ".priv", "wb").write(data[private:-32])
else:
    body = bytearray(data[:-32])
    body[-9] ^= 1
    open(name, "wb").write(body + hashlib.sha256(body).digest())
END

key_file() { echo "$T/$1"/*.key; }

unseal() { # with tpm2-tools, by the documented template and policy
	# The tool takes the struct as it is in memory.
	for _ in x y; do printf '\x20\0'; head -c 128 /dev/zero; done >"$T/unique"
	python3 "$T/file.py" split "$(key_file a)" &&
		tpm2_createprimary -Q -C o -G ecc256:aes128cfb -g sha256 -u "$T/unique" \
			-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt' \
			-c "$T/srk" &&
		tpm2_load -Q -C "$T/srk" -u "$(key_file a).pub" \
			-r "$(key_file a).priv" -c "$T/object" &&
		tpm2_flushcontext -t &&
		tpm2_startauthsession -Q --policy-session -S "$T/session" &&
		tpm2_policycommandcode -Q -S "$T/session" TPM2_CC_Unseal &&
		tpm2_policypcr -Q -S "$T/session" -l sha256:0,7,16 &&
		tpm2_unseal -c "$T/object" -p "session:$T/session" -o "$T/kek"
	status=$?
	tpm2_flushcontext "$T/session"
	tpm2_flushcontext -t
	return $status
}
check "tpm2-tools unseals the key by what is documented" unseal
[ "$(stat -c %s "$T/kek" 2>/dev/null)" = 32 ]
result $? "it has 32 bytes"
rm -f "$T/a/"*.pub "$T/a/"*.priv

hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
# In the log a command is lines of hexadecimal bytes.
tr -dc '0-9A-Fa-f' <"$T/heard" | tr 'A-F' 'a-f' >"$T/heard.hex"
grep -q 8002000000 "$T/heard.hex"
result $? "the log of the bus has commands"
! grep -q "$(hex "$T/kek")" "$T/heard.hex"
result $? "the key did not go over the bus in the clear"

# --- files --------------------------------------------------------------------

damaged() { # DIRECTORY COMMAND...: a copy of a with its file changed
	cp -r "$T/a" "$T/$1"
	"${@:2}" "$(key_file "$1")"
}
damaged cut truncate -s -1
damaged short truncate -s 40
damaged flipped sh -c 'printf "\377" | dd of="$0" bs=1 seek=30 conv=notrunc 2>&1'
damaged private python3 "$T/file.py" flip
for d in cut short flipped; do
	refused 'ProviderFailed.*is damaged; put it back' "a key file: $d" \
		unwrap $d "$bound" wrap-a
done
refused 'ProviderFailed.*sealed key .* was changed' \
	"a key file with the right sum of a wrong key" \
	unwrap private "$bound" wrap-a
refused 'KeyMissing.*there is no' "no key file" unwrap empty "$bound" wrap-a

# --- storage key, passwords, lockout ------------------------------------------

tpm_off
tpm_on three
wrap_new() { # DIRECTORY CONFIG NAME
	ask "$1" "$2" new-key && wrap "$1" "$2" "$3"
}
check "a key under the template's storage key" wrap_new t "$free" wrap-t
lockable='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt'
persist() { # ATTRIBUTES
	tpm2_createprimary -Q -C o -G ecc256:aes128cfb -a "$1" -c "$T/srk" &&
		tpm2_evictcontrol -Q -C o -c "$T/srk" 0x81000001
	status=$?
	tpm2_flushcontext -t
	return $status
}
check "a persistent storage key, with lockout" persist "$lockable"
check "the older key still opens" opens t "$free" wrap-t
check "a key under the persistent one" wrap_new s "$free" wrap-s
check "opens" opens s "$free" wrap-s
lock_out() { # by a wrong password for an object under the storage key
	tpm2_dictionarylockout -Q -s -n 1 -t 1000 -l 1000 &&
		echo x | tpm2_create -Q -C 0x81000001 -p right -i - \
			-u "$T/pub" -r "$T/priv" &&
		tpm2_load -Q -C 0x81000001 -u "$T/pub" -r "$T/priv" \
			-c "$T/object" &&
		tpm2_flushcontext -t &&
		! tpm2_unseal -c "$T/object" -p wrong &&
		tpm2_flushcontext -t &&
		tpm2_getcap properties-variable | grep -q 'inLockout: *1'
}
check "the TPM goes into lockout" lock_out
expect 0 '"step":"lockout","ok":false,"message":"[^"]*locked after' \
	"its check" ask s "$free" check
refused 'ProviderFailed.*locked after too many wrong passwords; wait' \
	"a TPM in lockout" unwrap s "$free" wrap-s
check "does not matter to the template's" opens t "$free" wrap-t
tpm2_dictionarylockout -Q -s -n 32 -t 1 -l 1
tpm2_dictionarylockout -Q -c
check "after the lockout it opens" opens s "$free" wrap-s
tpm2_evictcontrol -Q -C o -c 0x81000001
refused 'KeyMissing' "the persistent storage key was removed" \
	unwrap s "$free" wrap-s
persist 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign' \
	>"$T/out" 2>&1 ||
	tpm2_createprimary -Q -C o -G ecc256 -c "$T/srk" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'
tpm2_evictcontrol -Q -C o -c "$T/srk" 0x81000001 2>/dev/null
tpm2_flushcontext -t
expect 0 'is not a storage key of its own' "another key in its place" \
	ask new "$free" new-key
tpm2_evictcontrol -Q -C o -c 0x81000001

tpm2_changeauth -Q -c owner 's3cret-of-owner'
expect 0 'refuses the password' "the owner has a password" \
	ask o "$free" new-key
echo s3cret-of-owner >"$T/owner"
echo wrong >"$T/wrong"
with_auth=$(config '' ", \"owner-auth-file\": \"$T/owner\"")
check "it is in a file" wrap_new o "$with_auth" wrap-o
check "and opens" opens o "$with_auth" wrap-o
refused 'refuses the password' "a wrong one" unwrap o \
	"$(config '' ", \"owner-auth-file\": \"$T/wrong\"")" wrap-o
expect 0 "cannot read the owner's password" "no such file" ask o \
	"$(config '' ", \"owner-auth-file\": \"$T/none\"")" new-key

# --- configuration ------------------------------------------------------------

: >"$T/file"
for c in '{"tcti": "cmd:id"}' '{"tcti": "/tmp/libevil.so"}' \
	'{"tcti": "device"}' '{"tcti": ""}' '{"pcrs": "sha1:7"}' \
	'{"pcrs": "sha256:24"}' '{"pcrs": "sha256:"}' '{"pcrs": "sha256:7,"}' \
	'{"pcr": "sha256:7"}' '{"pcrs": 7}' '{"hierarchy": "platform"}' \
	'{"owner-auth-file": ""}' "{\"tcti\": \"device:$T/file\"}"; do
	expect 0 '"code":"InvalidArgument"' "refused: ${c//"$T"/DIR}" \
		ask none "$c" new-key
done
expect 0 'there is no TPM at /dev/none' "no device" \
	ask none '{"tcti": "device:/dev/none"}' new-key
# A device that sysfs does not know of as the child of another.
expect 0 'cannot tell whose TPM /dev/null is' "a device that is no TPM" \
	ask none '{"tcti": "device:/dev/null"}' new-key

# --- secrets ------------------------------------------------------------------

rm -f "$T/secret"
found=$(grep -rlaF -e "$(hex "$T/marker")" -e "$(base64 -w0 "$T/marker")" \
	"$T" --include='*' --exclude=heard.hex)
[ -z "$found" ]
result $? "the data key is in no file${found:+ but $found}"
found=$(python3 - "$T" <<'END'
import os
import sys

top = sys.argv[1]
marker = open(top + "/marker", "rb").read()
kek = open(top + "/kek", "rb").read()
for at, _, files in os.walk(top):
    for f in files:
        path = os.path.join(at, f)
        if f in ("marker", "in", "kek") or not os.path.isfile(path):
            continue
        data = open(path, "rb").read()
        if marker in data or kek in data:
            print(path)
print("end")
END
)
[ "$found" = end ]
result $? "nor are its bytes, or the provider's key's: $found"
tap_end
