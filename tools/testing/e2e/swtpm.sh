#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A TPM that swtpm has made and used becomes a vTPM, is used, and goes back:
# what is in it is the same all along. Without the kernel module: commands go to
# the engine itself. Then what is refused. TAP on standard output. Root only;
# touches nothing but a temporary directory.
#
# usage: swtpm.sh [DIRECTORY-OF-PROGRAMS]
#
# SWTPM: another swtpm than the one in PATH.

set -u
cd "$(dirname "$0")/../../.." || exit 1
swtpm=${SWTPM:-swtpm}
for i in "$swtpm" swtpm_setup swtpm_localca tpm2_nvincrement; do
	if ! command -v "$i" >/dev/null; then
		echo "1..0 # SKIP $i is not installed"
		exit 0
	fi
done
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh
vectors=tools/testing/vectors/swtpm
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
tpm=
watcher=
trap '[ -z "$tpm$watcher" ] || kill -9 $tpm $watcher; cleanup' EXIT

# --- the two that run a TPM ---------------------------------------------------

swtpm_on() { # DIR [SWTPM-KEY]
	rm -f "$T/s" "$T/s.ctrl"
	# shellcheck disable=SC2086
	"$swtpm" socket --tpm2 --tpmstate dir="$1" ${2:+--key $2} \
		--server type=unixio,path="$T/s" \
		--ctrl type=unixio,path="$T/s.ctrl" \
		--flags not-need-init,startup-clear >"$T/swtpm.log" 2>&1 &
	tpm=$!
	export TPM2TOOLS_TCTI=swtpm:path=$T/s
	for _ in $(seq 100); do
		[ -S "$T/s.ctrl" ] && tpm2_getrandom 1 >/dev/null 2>&1 && return
		kill -0 $tpm 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

engine_on() { # NAME
	rm -f "$T/engine" "$T/engine.out"
	python3 tools/testing/e2e/engine.py run "$T/bin" "$T/state" "$1" \
		"$T/engine" >"$T/engine.out" 2>&1 &
	tpm=$!
	export TPM2TOOLS_TCTI="cmd:python3 tools/testing/e2e/engine.py tcti $T/engine"
	for _ in $(seq 200); do
		grep -qs '^ready' "$T/engine.out" && return
		kill -0 $tpm 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

off() {
	local pid=$tpm
	tpm=
	[ "$pid" ] || return 1
	# Or the next start counts it as a failed try at what was used.
	tpm2_shutdown -c >/dev/null 2>&1
	kill "$pid" && wait "$pid"
}

# --- what is in a TPM -----------------------------------------------------------

marker=marker-$(head -c 12 /dev/urandom | base64 | tr -d +/=)

# Storage key, two sealed objects, one of them to a PCR, counter, passwords; and
# where a certificate could be something that nobody is to try passwords on.
fill() {
	tpm2_createprimary -Q -C o -c "$T/srk.ctx" &&
		tpm2_evictcontrol -Q -C o -c "$T/srk.ctx" 0x81000001 &&
		tpm2_flushcontext -t &&
		tpm2_startauthsession -S "$T/session" &&
		tpm2_policypcr -Q -S "$T/session" -l sha256:7 -L "$T/policy" &&
		tpm2_flushcontext "$T/session" &&
		echo "$marker" | tpm2_create -Q -C 0x81000001 -i - -p open \
			-u "$T/seal.pub" -r "$T/seal.priv" &&
		echo "$marker" | tpm2_create -Q -C 0x81000001 -i - -L "$T/policy" \
			-u "$T/pcr.pub" -r "$T/pcr.priv" &&
		tpm2_flushcontext -t &&
		tpm2_nvdefine -Q 0x1500001 -C o \
			-a "nt=counter|ownerread|ownerwrite|authread|authwrite" &&
		tpm2_nvincrement -Q 0x1500001 -C o &&
		tpm2_nvdefine -Q 0x1c0000a -C o -s 8 -p nobodys-business \
			-a "ownerread|ownerwrite|authread|authwrite" &&
		echo 1234567 | tpm2_nvwrite -Q 0x1c0000a -C o -i - &&
		tpm2_changeauth -Q -c owner owner-password &&
		tpm2_changeauth -Q -c endorsement endorsement-password &&
		tpm2_changeauth -Q -c lockout lockout-password
}

unseal() { # NAME AUTH
	tpm2_load -Q -C 0x81000001 -u "$T/$1.pub" -r "$T/$1.priv" \
		-c "$T/$1.ctx" &&
		tpm2_unseal -c "$T/$1.ctx" -p "$2" >"$T/unsealed"
	tpm2_flushcontext -t
	[ "$(cat "$T/unsealed")" = "$marker" ]
}

counter() { tpm2_nvread 0x1500001 -C 0x1500001 | xxd -p; }

# Public keys by Name and all, certificates, passwords that are set.
identity() {
	local i
	for i in 0x81000001 0x81010001 0x81010016; do
		echo "key $i"
		tpm2_readpublic -c $i
	done
	for i in 0x1c00002 0x1c00016 0x1c08000; do
		echo "nv $i $(tpm2_nvread $i -C $i | sha256sum)"
	done
	tpm2_getcap handles-persistent
	tpm2_getcap handles-nv-index
	tpm2_getcap properties-variable | grep -E 'AuthSet|LOCKOUT_COUNTER'
}

same() { # TEXT
	identity >"$T/identity.now" 2>&1
	check "$1: keys, certificates, NV and passwords are the same" \
		diff "$T/identity" "$T/identity.now"
	check "$1: what was sealed unseals" unseal seal open
	check "$1: what was sealed to a PCR unseals" unseal pcr pcr:sha256:7
}

# --- keys -----------------------------------------------------------------------

printf '%s' 00112233445566778899aabbccddeeff >"$T/hex128"
printf 'raw %s 32bytes' "$marker" | head -c 32 >"$T/raw256"
printf '%s\n' "phrase of $marker" >"$T/phrase"
printf 'another' >"$T/other"
cat >"$T/localca.conf" <<EOF
statedir = $T/localca
signingkey = $T/localca/key.pem
issuercert = $T/localca/cert.pem
certserial = $T/localca/serial
EOF
cat >"$T/setup.conf" <<EOF
create_certs_tool = $(command -v swtpm_localca)
create_certs_tool_config = $T/localca.conf
create_certs_tool_options = /etc/swtpm-localca.options
active_pcr_banks = sha256
EOF
mkdir "$T/localca"

set_up() { # DIR [OPTION...]: with endorsement keys and certificates
	mkdir "$1"
	swtpm_setup --tpm2 --tpmstate "$@" --create-ek-cert \
		--create-platform-cert --lock-nvram --config "$T/setup.conf" \
		--logfile "$T/setup.log" >/dev/null 2>&1
}

# Arguments and environment of our programs, until the end.
python3 - "$T/arguments" "$T/bin/" <<'PY' &
import glob, os, sys
seen = set()
with open(sys.argv[1], "w", encoding="utf-8") as out:
    while True:
        for path in glob.glob("/proc/[0-9]*/"):
            try:
                if not os.readlink(path + "exe").startswith(sys.argv[2]):
                    continue
                with open(path + "cmdline", "rb") as f:
                    line = f.read()
                with open(path + "environ", "rb") as f:
                    line += f.read()
            except OSError:
                continue
            if line not in seen:
                seen.add(line)
                out.write(repr(line) + "\n")
                out.flush()
PY
watcher=$!

start_daemon "$T/state"
add_provider one

# --- there and back, once for each key ------------------------------------------

n=0
there_and_back() { # WHAT SETUP-OPTIONS SWTPM-KEY IMPORT-OPTIONS EXPORT-OPTIONS SWTPM-KEY
	local what=$1 name from to before
	n=$((n + 1)) name=v$n from=$T/from$n to=$T/to$n
	# shellcheck disable=SC2086
	set_up "$from" $2 && swtpm_on "$from" "$3" && fill
	result $? "$what: swtpm has a TPM with something in it"
	identity >"$T/identity" 2>&1
	check "$what: with two certificates and the platform's" \
		test "$(grep -c '^nv .* [^e]' "$T/identity")" = 3
	before=$(counter)
	off
	sum=$(sha256sum <"$from/tpm2-00.permall")
	# shellcheck disable=SC2086
	expect 0 "$name is imported, and stopped" "$what: import" \
		"$ctl" import --swtpm "$from" $name --no-start $4
	check "$what: swtpm's file is as it was" \
		test "$(sha256sum <"$from/tpm2-00.permall")" = "$sum"
	engine_on $name
	result $? "$what: the vTPM runs"
	same "$what: vTPM"
	check "$what: the counter goes on" test "$(counter)" = "$before"
	check "$what: it counts" \
		tpm2_nvincrement -Q 0x1500001 -C o -P owner-password
	after=$(counter)
	check "$what: by one" test $((0x$after)) = $((0x$before + 1))
	check "$what: the engine ends in order" off
	mkdir "$to"
	# shellcheck disable=SC2086
	expect 0 "is exported to $to" "$what: export" \
		"$ctl" export --swtpm "$to" $name $5
	check "$what: for root's eyes only" \
		test "$(stat -c %a "$to/tpm2-00.permall")" = 600
	swtpm_on "$to" "$6"
	result $? "$what: swtpm runs with it"
	same "$what: swtpm"
	check "$what: the counter has counted" test "$(counter)" = "$after"
	off
}

there_and_back plain "" "" "" "--plain" ""
cp "$T/to1/tpm2-00.permall" "$T/plain-state"
there_and_back "AES-128, hexadecimal" \
	"--keyfile $T/hex128" "file=$T/hex128" "--key-file $T/hex128" \
	"--key-file $T/raw256 --key-format binary" \
	"file=$T/raw256,format=binary,mode=aes-256-cbc"
there_and_back "AES-256, passphrase" \
	"--pwdfile $T/phrase --cipher aes-256-cbc" \
	"pwdfile=$T/phrase,mode=aes-256-cbc" "--passphrase-file $T/phrase" \
	"--passphrase-file $T/phrase --kdf sha512 --cipher aes-128-cbc" \
	"pwdfile=$T/phrase,kdf=sha512,mode=aes-128-cbc"
to2=$T/to2 to3=$T/to3

expect 0 'w2 is imported' "what was exported can be imported again" \
	"$ctl" import --swtpm "$T/to2" w2 --no-start \
	--key-file "$T/raw256" --key-format binary --cipher aes-256-cbc
expect 0 'w3 is imported' "by SHA-512 of a passphrase as well" \
	"$ctl" import --swtpm "$T/to3" w3 --no-start \
	--passphrase-file "$T/phrase" --kdf sha512
expect 0 'rsa2048.*0x81010001' "its endorsement keys are known" "$ctl" ek show v1
expect 0 'at 0x01c00002, serial' "with their certificates" "$ctl" ek show v1
expect 0 'swtpm-localca (imported)' "and who has made them" "$ctl" ek show v1
"$ctl" ek export v1 --type p384 --der "$T/ek.der"
swtpm_on "$T/to1" && tpm2_nvread 0x1c00016 -C 0x1c00016 >"$T/nv.der"
off
check "the certificate that can be exported is that of the NV" \
	cmp "$T/ek.der" "$T/nv.der"
expect 0 '"uuid"' "the vTPM is one like any other" "$ctl" show v1 --json
check "with a UUID of its own" test "$("$ctl" list --json | grep -c '"uuid"')" = \
	"$("$ctl" list --json | grep '"uuid"' | sort -u | wc -l)"
expect 0 authentic "its file opens" "$ctl" check v2
"$ctl" backup v2 "$T/v2.nvram" >/dev/null
expect 0 authentic "and so does a backup of it" "$ctl" verify-backup "$T/v2.nvram"
check "the log says that it was exported, and by whom" \
	grep -q 'v2 was exported for swtpm by uid 0, encrypted' "$T/log"
check "and that of a plain one" \
	grep -q 'v1 was exported for swtpm by uid 0, not encrypted' "$T/log"

# A new TPM without endorsement keys.
mkdir "$T/bare"
swtpm_on "$T/bare" "file=$T/raw256,format=binary,mode=aes-256-cbc" && off
expect 0 'bare is imported' "a TPM without endorsement keys" \
	"$ctl" import --swtpm "$T/bare" bare --no-start --key-file "$T/raw256" \
	--key-format binary --owner root:tss --mode 0660 --autostart \
	--provider one
check "has none" test -z "$("$ctl" ek show bare)"
expect 0 '0660' "and the settings that were asked for" "$ctl" show bare

# --- what is refused, and leaves nothing ------------------------------------------

before=$("$ctl" list | sort; find "$T/state" -type f | sort)
refused() { # STATUS PATTERN TEXT DIR [OPTION...]
	local status=$1 pattern=$2 text=$3 dir=$4
	shift 4
	expect "$status" "$pattern" "refused: $text" \
		"$ctl" import --swtpm "$dir" x --no-start "$@"
}
state_of() { # FILE: in $T/d
	rm -rf "$T/d"
	mkdir "$T/d"
	cp "$1" "$T/d/tpm2-00.permall"
}
flip() { # OFFSET: of the file in $T/d
	python3 - "$T/d/tpm2-00.permall" "$1" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ 1]))
PY
}

swtpm_on "$T/to1"
refused 4 'swtpm runs on' "swtpm runs on it" "$T/to1"
mkdir "$T/busy"
swtpm_on_busy=$tpm
expect 4 'swtpm runs on' "nor is anything exported to where it runs" \
	"$ctl" export --swtpm "$T/to1" v1 --plain
check "swtpm still runs" kill -0 $swtpm_on_busy
off
refused 7 'key of 128 bits.*--key-file' "encrypted, and no key" "$T/from2"
refused 7 'does not fit' "another passphrase" "$T/from3" \
	--passphrase-file "$T/other"
refused 7 'does not fit' "another KDF" "$T/from3" \
	--passphrase-file "$T/phrase" --kdf sha512
printf '%s' "phrase of $marker" >"$T/chomped"
refused 7 'end of line' "a passphrase without its end of line" "$T/from3" \
	--passphrase-file "$T/chomped"
refused 7 '256 bits, and 128 are needed' "a key of another length" "$T/from2" \
	--key-file "$T/raw256" --key-format binary
refused 7 '128 bits, and 256 are needed' "another cipher than was said" "$T/from2" \
	--key-file "$T/hex128" --cipher aes-256-cbc
refused 7 '32 or 64 digits' "a key file of the other format" "$T/to2" \
	--key-file "$T/raw256"
refused 7 'not encrypted' "a plain state where a key was given" "$T/to1" \
	--key-file "$T/hex128"
refused 2 'not both' "a key and a passphrase" "$T/from2" \
	--key-file "$T/hex128" --passphrase-file "$T/phrase"
refused 2 'hex or binary' "a format that is none" "$T/from2" \
	--key-file "$T/hex128" --key-format base64
refused 8 'No such file' "a key file that is not there" "$T/from2" \
	--key-file "$T/nothing"
state_of "$T/from2/tpm2-00.permall"
flip 1000
refused 7 'was changed' "one byte of it changed" "$T/d" --key-file "$T/hex128"
truncate -s -1 "$T/d/tpm2-00.permall"
refused 8 'cut short' "the last byte missing" "$T/d" --key-file "$T/hex128"
state_of "$T/plain-state"
flip 18
refused 8 'TPM 2.0' "a plain one that is no TPM 2.0" "$T/d"
state_of "$T/plain-state"
flip 24
refused 8 'libtpms refuses the state' "a plain one that libtpms does not take" "$T/d"
state_of "$ctl"
refused 8 'no state of swtpm\|larger than' "a file of something else" "$T/d"
: >"$T/d/tpm2-00.permall"
refused 8 'no state of swtpm' "an empty file" "$T/d"
rm "$T/d/tpm2-00.permall"
refused 3 'no tpm2-00.permall' "a directory without one" "$T/d"
refused 3 'No such file' "no directory" "$T/nowhere"
refused 2 'not a directory' "a file in place of a directory" "$T/plain-state"
: >"$T/d/tpm-00.permall"
refused 1 'TPM 1.2' "a TPM 1.2" "$T/d"
mkfifo "$T/d/tpm2-00.permall"
refused 2 'regular file' "a pipe in its place" "$T/d"
state_of "$T/plain-state"
: >"$T/d/tpm2-00.volatilestate"
refused 4 'suspended' "one that was suspended" "$T/d"
if [ "$("$ctl" show v1 --json | grep -c '"libraryVersion": "0\.[0-9]\.')" = 1 ]; then
	state_of $vectors/0.10.2-profile.permall
	refused 8 'written with libtpms 0.10' "one of a newer libtpms" "$T/d"
else
	skip "refused: one of a newer libtpms" "this one is as new"
fi
state_of $vectors/0.10.2-plain.permall
expect 0 'y is imported' "one of swtpm 0.10 without a profile is not" \
	"$ctl" import --swtpm "$T/d" y --no-start
"$ctl" delete y --yes >/dev/null
refused 2 'name' "a name that is none" "$T/d" --provider ../x
expect 4 'already' "refused: a name that is taken" \
	"$ctl" import --swtpm "$T/to1" v1 --no-start
chown -R 65534 "$T/d"
expect 5 'may do that' "refused: whoever may not create either" \
	"${nobody[@]}" "$ctl" import --swtpm "$T/d" x --no-start
if [ ! -e /sys/module/vtpm ]; then
	expect 6 'modprobe vtpm' "refused: a start without the module" \
		"$ctl" import --swtpm "$T/to1" x
else
	skip "refused: a start without the module" "it is loaded"
fi
mv "$T/state/keys/one" "$T/kept"
refused 7 'provider one' "without the key provider's key" "$T/to1"
mv "$T/kept" "$T/state/keys/one"
check "nothing is left of any of them" \
	test "$("$ctl" list | sort; find "$T/state" -type f | sort)" = "$before"
check "no process, either" test -z "$(helpers)"

# --- export ---------------------------------------------------------------------

mkdir "$T/e"
expect 2 'say --plain' "export wants a key, or --plain" \
	"$ctl" export --swtpm "$T/e" v1
expect 2 'say --plain' "and not both" \
	"$ctl" export --swtpm "$T/e" v1 --plain --key-file "$T/hex128"
expect 3 'no vTPM' "export of none" "$ctl" export --swtpm "$T/e" none --plain
expect 5 'only root may handle keys' "export by somebody else" \
	"${nobody[@]}" sh -c "mkdir /tmp/vtpm-nobody.$$ && \
	'$ctl' export --swtpm /tmp/vtpm-nobody.$$ v1 --plain"
check "leaves no state" test -z "$(find /tmp/vtpm-nobody.$$ -name 'tpm2*')"
rm -rf /tmp/vtpm-nobody.$$
expect 4 'has a TPM already' "nor is a state replaced" \
	"$ctl" export --swtpm "$T/to1" v1 --plain
: >"$T/e/tpm2-00.volatilestate"
expect 4 'has a TPM already' "or put beside somebody's running state" \
	"$ctl" export --swtpm "$T/e" v1 --plain
rm "$T/e/tpm2-00.volatilestate"
head -c 10 /dev/zero >"$T/ten"
expect 0 'AlreadyExists.*not empty' "not by another client, either" \
	python3 tools/testing/e2e/varlink-fd.py "$VTPM_SOCKET" \
	io.vtpm.ExportSwtpm '{"name": "v1", "plain": true}' "$T/ten"
: >"$T/empty"
expect 0 'InvalidArgument' "nor a plain one without saying so" \
	python3 tools/testing/e2e/varlink-fd.py "$VTPM_SOCKET" \
	io.vtpm.ExportSwtpm '{"name": "v1"}' "$T/empty"
expect 3 'No such file' "to where nothing is" \
	"$ctl" export --swtpm "$T/nowhere" v1 --plain
check "nothing was written by any of them" \
	test -z "$(find "$T/e" -name 'tpm2*')$(find "$T/empty" -size +0)"
expect 0 '"vtpm"' "export with --json" \
	"$ctl" export --swtpm "$T/e" v1 --key-file "$T/hex128" --json
check "leaves the vTPM as it was" "$ctl" check v1
check "the zygote has been of use all the time" \
	sh -c "! grep -q 'zygote does not work' '$T/log'"

# --- secrets --------------------------------------------------------------------

found() { python3 tools/testing/e2e/find-state.py "$T/plain-state" "$marker" "$@"; }
check "a plain state is found where it is" test -n "$(found "$T/plain-state")"
check "and the marker" test -n "$(found "$T/phrase")"
check "neither is in what vtpmd has, in its log or in what swtpm encrypts" \
	test -z "$(found "$T/state" "$T/run" "$T/log" "$to2" "$to3")"
check "arguments were seen" grep -q 'from-fd' "$T/arguments"
check "neither is in an argument or an environment" \
	test -z "$(found "$T/arguments")"
engine_on v1
pid=$(sed -n 's/^ready //p' "$T/engine.out")
check "the engine dumps no core" \
	sh -c "grep -q 'Max core file size *0 *0' /proc/$pid/limits"
off
kill $watcher
watcher=
end_in_order
