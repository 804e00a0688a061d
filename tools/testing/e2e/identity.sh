#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The built-in CA, certificates of endorsement keys, and those of another CA,
# as far as that goes without the kernel module; tools.sh reads them back out
# of the TPM. OpenSSL's command line and ek-lint.py judge. TAP on standard
# output. Root only; touches nothing but a temporary directory.
#
# usage: identity.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh

nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
start_daemon "$T/state"

# --- the CA ------------------------------------------------------------------

expect 3 'vtpmctl ca init' "no CA: the next step" "$ctl" ca show
expect 3 'provider add native' "nor a provider for one" "$ctl" ca init
echo 'correct horse' >"$T/password"
"$ctl" provider add native p1 >/dev/null
expect 7 'provider backup' "nor one that may be used" "$ctl" ca init
check "none is made" test -z "$(ls "$T/state/ca")"
"$ctl" provider backup p1 "$T/p1.p12" --password-file "$T/password" >/dev/null
add_provider p2

# Eight at once, and there is no CA.
pids=()
for i in $(seq 8); do
	"$ctl" create "c$i" --no-start >"$T/c$i.out" 2>&1 &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do
	wait "$pid" || failed=$((failed + 1))
done
cat "$T"/c?.out >"$T/out"
result "$failed" "eight creates at once without a CA"
check "make one" test "$(grep -c 'there is a CA now' "$T/log")" = 1
for i in $(seq 8); do
	"$ctl" ek show "c$i" | sed -n 's/.*serial //p'
done | sort >"$T/serials"
# A random byte in front that is zero is not part of the number.
check "sixteen certificates, no serial number twice" \
	test "$(uniq "$T/serials" | grep -cE '^[0-9a-f]{26,32}$')" = 16

"$ctl" ca export --root "$T/root.pem"
"$ctl" ca export "$T/issuing.pem"
"$ctl" ca export --chain "$T/chain.pem"
openssl x509 -in "$T/issuing.pem" -outform DER -out "$T/issuing.der"
verifies() { # VTPM TYPE
	"$ctl" ek export "$1" --type "$2" "$T/ek.pem" &&
		openssl verify -x509_strict -CAfile "$T/root.pem" \
			-untrusted "$T/chain.pem" "$T/ek.pem"
}
conforms() { # VTPM TYPE [AIA CRL]
	local name=$1 type=$2
	shift 2
	"$ctl" ek export "$name" --type "$type" --der "$T/ek.der" &&
		"$ctl" ek export "$name" --type "$type" --public --der "$T/pub.der" &&
		python3 tools/testing/e2e/ek-lint.py "$type" "$T/ek.der" \
			"$T/pub.der" "$T/issuing.der" "$@"
}
certs=()
for i in $(seq 8); do
	for type in rsa2048 p256; do
		"$ctl" ek export "c$i" --type $type "$T/c$i-$type.pem"
		certs+=("$T/c$i-$type.pem")
	done
done
check "openssl verifies each of them with the exported chain" \
	openssl verify -x509_strict -CAfile "$T/root.pem" \
	-untrusted "$T/chain.pem" "${certs[@]}"
expect 0 '' "create with a third key" "$ctl" create e --no-start \
	--ek rsa2048,p256,p384
for type in rsa2048 p256 p384; do
	check "the certificate of $type verifies" verifies e $type
	check "and is what the profile says" conforms e $type
done
check "and of keys in another vTPM" conforms c8 rsa2048
expect 0 'PCR banks *sha1 sha256 sha384 sha512$' "all PCR banks" "$ctl" show e
expect 2 'PCR banks are sha1' "a PCR bank that there is not" \
	"$ctl" create f --no-start --pcr-banks sha256,md5
expect 2 'at least one' "and none" "$ctl" create f --no-start --pcr-banks ''
expect 0 '' "create with two of them" \
	"$ctl" create f --no-start --pcr-banks sha384,sha256 --ek p256
expect 0 'PCR banks *sha256 sha384$' "has these" "$ctl" show f
check "and a certificate" verifies f p256
expect 0 '' "clone --mode replace" "$ctl" clone f f2 --mode replace
expect 0 'PCR banks *sha256 sha384$' "as well" "$ctl" show f2
for i in f f2; do "$ctl" delete $i --yes; done >/dev/null
if "$ctl" show e | grep -q '^profile'; then
	expect 0 '' "a profile of libtpms" "$ctl" create f --no-start --profile null
	expect 0 'profile *null' "is shown" "$ctl" show f
	"$ctl" delete f --yes >/dev/null
	expect 2 'profile' "one that there is not" \
		"$ctl" create f --no-start --profile none-such
else
	expect 2 'has no profiles' "a libtpms without profiles says so" \
		"$ctl" create f --no-start --profile null
fi
expect 3 'no vTPM' "and leaves nothing" "$ctl" show f
expect 2 'p384' "a type that there is not" "$ctl" create f --no-start --ek rsa4096
expect 0 '' "only one" "$ctl" create f --no-start --ek p384
check "is only that" test "$("$ctl" ek show f | grep -c digest)" = 1

digest=$("$ctl" ek export e --type p256 --public --der | sha256sum | cut -c1-64)
expect 0 "$digest" "the digest is that of the public key" "$ctl" ek show e
expect 0 "$digest p256" "show has it" "$ctl" show e
first=$("$ctl" ek export e --type rsa2048 --public --der | sha256sum | cut -c1-64)
expect 0 "  ${first:0:16}$" "list has the beginning of the first" "$ctl" list
expect 0 "  $first$" "list --wide has all of it" "$ctl" list --wide
expect 0 "$digest" "list --json has it" "$ctl" list --json
expect 0 "^e *p256 .*$digest" "ek list has it" "$ctl" ek list
expect 0 '' "ek list --expiring" "$ctl" ek list --expiring 36500
check "names none that has no end" test "$(wc -l <"$T/out")" = 1
expect 4 'ca renew' "a second CA is refused" "$ctl" ca init

# A private key in PKCS#8 begins with what it is of, and an octet string, where
# a public key has a bit string. The length is looked for, too: the last bits of
# a text of base64 may be another byte's.
cat >"$T/find-key.py" <<'PY'
import base64, os, sys
kinds = map(bytes.fromhex, ("301006072a8648ce3d020106052b8104002204819e",
                            "300d06092a864886f70d0101010500048206"))
wanted = [b"PRIVATE KEY"]
for kind in kinds:
    wanted.append(kind)
    for i in range(3):  # in base64, whatever comes before and after
        text = base64.b64encode(bytes(i) + kind)
        wanted.append(text[4 if i else 0:(i + len(kind)) * 8 // 6])
for top in sys.argv[1:]:
    for where, _, files in os.walk(top):
        for path in [os.path.join(where, name) for name in files]:
            data = open(path, "rb").read() if os.path.isfile(path) else b""
            if any(w in data for w in wanted):
                print(path)
PY
mkdir "$T/control"
for i in EC:ec_paramgen_curve:P-384 RSA:rsa_keygen_bits:3072; do
	openssl genpkey -algorithm "${i%%:*}" -pkeyopt "${i#*:}" 2>/dev/null |
		openssl pkcs8 -topk8 -nocrypt -outform DER >"$T/control/${i%%:*}"
	base64 -w0 "$T/control/${i%%:*}" >"$T/control/${i%%:*}.base64"
done
check "private keys are found where they are" test \
	"$(python3 "$T/find-key.py" "$T/control" | wc -l)" = 4
# The log and what is written by programs as well.
check "and there is none in all that vtpmd has" \
	test -z "$(python3 "$T/find-key.py" "$T/state" "$T/run")"
check "nor in the log" sh -c "! grep -q 'PRIVATE KEY' '$T/log'"
check "the directory of the CA is root's alone" \
	test "$(stat -c %U:%a "$T/state/ca")" = root:700

# --- rights ------------------------------------------------------------------

expect 0 'issuing CA' "everyone may see the CA" "${nobody[@]}" "$ctl" ca show
expect 0 'BEGIN CERT' "and its certificates" "${nobody[@]}" "$ctl" ca export --root
expect 0 digest "and endorsement keys" "${nobody[@]}" "$ctl" ek show e
for verb in init renew rekey crl "revoke e --yes" "remove --yes"; do
	# shellcheck disable=SC2086
	expect 5 'only root' "but not ca ${verb%% *}" "${nobody[@]}" "$ctl" ca $verb
done

# --- renew, revoke, rekey ----------------------------------------------------

expect 0 'issuing CA 2' "renew" "$ctl" ca renew
"$ctl" ca export --chain "$T/chain.pem"
check "certificates of before verify" verifies e rsa2048
expect 0 '' "create after it" "$ctl" create g --no-start
check "verifies" verifies g p256
expect 0 'issuing CA 2' "and is by the new one" "$ctl" ek show g
expect 3 'ca crl' "no CRL yet: the next step" "$ctl" ca export --crl
expect 0 '' "crl" "$ctl" ca crl --days 7
expect 0 '^revoked [0-9a-f]' "revoke" "$ctl" ca revoke e --yes
expect 2 'asks first' "not without --yes" "$ctl" ca revoke c1
revoked() { # VTPM
	"$ctl" ek export "$1" --type p256 "$T/ek.pem" &&
		openssl verify -CAfile "$T/root.pem" -untrusted "$T/chain.pem" \
			-CRLfile "$T/state/ca/crl-1.pem" -crl_check "$T/ek.pem"
}
expect 2 'certificate revoked' "openssl sees that by the list" revoked e
expect 0 OK "and that others are good" revoked c1
expect 0 '"revoked": 3' "the CA knows how many" "$ctl" ca show --json
expect 0 'of provider p2' "rekey to another provider" "$ctl" ca rekey --to p2
expect 0 '' "create with it" "$ctl" create h --no-start
expect 0 '' "and back" "$ctl" ca rekey --to p1
for i in $(seq 8); do "$ctl" delete "c$i" --yes; done >/dev/null
for i in e f g h; do "$ctl" delete "$i" --yes; done >/dev/null
check "delete leaves no facts" test ! -e "$T/state/identity/g.json"

# --- a provider that is gone -------------------------------------------------

mv "$T/state/keys/p1" "$T/kept"
expect 7 'CA needs key .* of provider p1.*--no-certificate' \
	"create while the CA's key is away: the next step" \
	"$ctl" create x --provider p2 --no-start
check "nothing is left" test -z "$(find "$T/state" -name '*x*')$(helpers)"
expect 0 'is stopped' "--no-certificate needs no CA" \
	"$ctl" create x --provider p2 --no-start --no-certificate
expect 0 'no certificate' "and has none" "$ctl" show x
mv "$T/kept" "$T/state/keys/p1"
expect 4 'ca rekey' "the CA's provider cannot be removed" \
	"$ctl" provider remove p1 --yes

# --- another CA --------------------------------------------------------------

other=$T/other
mkdir "$other"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$other/ca.key" \
	-out "$other/ca.pem" -subj '/CN=Other CA' -days 30 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$other/evil.key" \
	-out "$other/evil.pem" -subj '/CN=Other CA' -days 30 2>/dev/null
for type in rsa2048 p256; do
	expect 0 "x-$type.cnf" "request for $type" \
		"$ctl" ek request x --type $type --out "$T/req"
done
expect 3 'no endorsement key of type p384' "request for one that is not there" \
	"$ctl" ek request x --type p384
sign() { # TYPE [OPTION...]: x's certificate, in $T/new.pem
	local type=$1
	shift
	openssl x509 -new -force_pubkey "$T/req/x-$type.pub.pem" -subj / \
		-days 20 -extfile "$T/req/x-$type.cnf" -extensions ek \
		-CA "$other/ca.pem" -CAkey "$other/ca.key" -sha256 \
		-out "$T/new.pem" "$@" 2>/dev/null
}
import() { # TYPE [OPTION...]
	local type=$1
	shift
	"$ctl" ek import x --type "$type" "$T/new.pem" --chain "$other/ca.pem" "$@"
}
refused() { # PATTERN TEXT TYPE
	expect 7 "$1" "refused: $2" import "$3"
}
sign rsa2048
result $? "openssl makes a certificate of it"
before=$(sha256sum <"$T/state/x.nvram")
expect 7 'no root certificate' "refused: without a chain" \
	"$ctl" ek import x --type rsa2048 "$T/new.pem"
expect 7 'does not verify' "refused: by another CA of that name" \
	"$ctl" ek import x --type rsa2048 "$T/new.pem" --chain "$other/evil.pem"
refused 'for another key' "for another key" p256
edit() { # SED-SCRIPT: another configuration
	sed "$1" "$T/req/x-rsa2048.cnf" >"$T/edited.cnf"
	sign rsa2048 -extfile "$T/edited.cnf"
}
edit 's/CA:FALSE/CA:TRUE/'
refused 'CA:FALSE' "one of a CA" rsa2048
edit '/basicConstraints/d'
refused 'CA:FALSE' "without basicConstraints" rsa2048
edit 's/keyEncipherment/digitalSignature/'
refused 'keyUsage' "another keyUsage" rsa2048
edit 's/critical, keyEncipherment/keyEncipherment/'
refused 'keyUsage' "a keyUsage that is not critical" rsa2048
edit 's/^extendedKeyUsage.*/extendedKeyUsage = serverAuth/'
refused 'EKCertificate' "another extendedKeyUsage" rsa2048
edit 's/id:49424D00/id:494E5443/'
refused 'manufacturer id:49424D00' "of another manufacturer" rsa2048
edit 's/critical, dirName/dirName/'
refused 'not critical' "an empty subject and no critical name" rsa2048
# OpenSSL 3.5 has options for the times, and takes no negative number of days.
sign rsa2048 -days -1 ||
	sign rsa2048 -not_before 20200101000000Z -not_after 20200102000000Z
refused 'expired' "one that has expired" rsa2048
echo garbage >"$T/new.pem"
refused 'PEM or DER' "no certificate" rsa2048
expect 0 'no certificate' "none of them was taken" "$ctl" show x
check "and the state is as it was" \
	test "$(sha256sum <"$T/state/x.nvram")" = "$before"

sign rsa2048
expect 0 'has the certificate' "import" import rsa2048
check "has changed the state" \
	test "$(sha256sum <"$T/state/x.nvram")" != "$before"
expect 0 'Other CA (imported)' "it is shown" "$ctl" ek show x
expect 0 '^x  *rsa2048' "and listed when it ends soon" \
	"$ctl" ek list --expiring 30
check "but not sooner" sh -c "! '$ctl' ek list --expiring 10 | grep -q '^x'"
"$ctl" ek export x --type rsa2048 "$T/back.pem"
check "and can be exported" cmp "$T/back.pem" "$T/new.pem"
sign p256
openssl x509 -in "$T/new.pem" -outform DER -out "$T/new.der"
mv "$T/new.der" "$T/new.pem"
expect 0 '' "import of DER" import p256
expect 0 '' "and once more" import p256
expect 0 '"state": "stopped"' "the vTPM is as before" "$ctl" show x --json
sign rsa2048
old=$("$ctl" ek show x | grep -m 1 serial)
before=$(sha256sum <"$T/state/x.nvram")
for delay in 0.03 0.06 0.1 0.2; do
	import rsa2048 >/dev/null 2>&1 &
	client=$!
	sleep $delay
	kill_daemon
	wait $client
	for _ in $(seq 50); do
		[ -z "$(helpers)" ] && break
		sleep 0.1
	done
	start_daemon "$T/state"
	# What is known of it is written last; then the state is the new one.
	[ -z "$(find "$T/state" -name '.x*')" ] && "$ctl" check x >"$T/out" &&
		{ [ "$(sha256sum <"$T/state/x.nvram")" = "$before" ] ||
			import rsa2048 >"$T/out"; }
	result $? "killed $delay s into an import: as before, or with it"
done
import rsa2048 >/dev/null
expect 0 'serial' "an import after that" "$ctl" ek show x
check "is the new one" test "$("$ctl" ek show x | grep -m 1 serial)" != "$old"
expect 3 'no certificate of the built-in CA' "it is not ours to revoke" \
	"$ctl" ca revoke x --yes
check "no process is left over" test -z "$(helpers)"

# --- one with everything -----------------------------------------------------

expect 0 '' "remove the CA" "$ctl" ca remove --yes
check "leaves nothing of it" test -z "$(ls "$T/state/ca")"
aia="http://pki.example/vtpm-{n}.crt" crl="http://pki.example/vtpm-{n}.crl"
expect 2 'no URL' "a URL that is none" "$ctl" ca init --aia-url nowhere
expect 2 'p384 or rsa3072' "an algorithm that is none" \
	"$ctl" ca init --algorithm rsa1024
expect 0 'Example root CA' "init with a name, URLs and RSA" "$ctl" ca init \
	--algorithm rsa3072 --name Example --aia-url "$aia" --crl-url "$crl"
"$ctl" ca export --root "$T/root.pem"
"$ctl" ca export "$T/issuing.pem"
"$ctl" ca export --chain "$T/chain.pem"
openssl x509 -in "$T/issuing.pem" -outform DER -out "$T/issuing.der"
expect 0 '' "create by it" "$ctl" create r --no-start
for type in rsa2048 p256; do
	check "the certificate of $type verifies" verifies r $type
	check "and has the URLs" conforms r $type "${aia/\{n\}/1}" "${crl/\{n\}/1}"
done
stop_daemon
start_daemon "$T/state"
expect 0 "1 *Example issuing CA\|Example issuing CA 1" "the CA is kept" "$ctl" ca show
expect 0 'serial' "and what is known of keys" "$ctl" ek show r
cp "$T/state/ca/ca.json" "$T/ca.json"
for bad in '{}' 'x' '{"version": 1, "uuid": "no"}'; do
	echo "$bad" >"$T/state/ca/ca.json"
	expect 8 'ca.json' "a damaged CA: ${bad}" "$ctl" create d --no-start
done
check "is not replaced" grep -q no "$T/state/ca/ca.json"
cp "$T/ca.json" "$T/state/ca/ca.json"

# --- killed at work ----------------------------------------------------------

for delay in 0.05 0.15 0.25 0.35; do
	"$ctl" create k --no-start >/dev/null 2>&1 &
	client=$!
	sleep $delay
	kill_daemon
	wait $client
	start_daemon "$T/state"
	for _ in $(seq 50); do
		[ -z "$(helpers)" ] && break
		sleep 0.1
	done
	state=$("$ctl" list | awk '$1 == "k" { print $2 }')
	{ "$ctl" list; find "$T/state"; helpers; } >"$T/out" 2>"$T/err"
	[ -z "$(helpers)$(find "$T/state" -name '.k*')" ] && {
		[ "$state" = "" ] || { [ "$state" = stopped ] && verifies k p256; }
	} >>"$T/out" 2>&1
	result $? "killed $delay s into a create: all of it, certified, or nothing"
	"$ctl" delete k --yes >/dev/null 2>&1
done
end_in_order
