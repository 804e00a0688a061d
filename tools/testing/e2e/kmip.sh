# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by tests of vtpm-key-kmip: PyKMIP's servers and what they need in a
# temporary directory $T, which goes away at the end with them. Who has a $T
# calls kmip_end at the end. $1: directory of the programs.

program=$(realpath "${1:-build/release}")/vtpm-key-kmip
if ! command -v pykmip-server openssl >/dev/null; then
	echo "1..0 # SKIP python3-pykmip or openssl is not installed"
	exit 0
fi
pids=()
kmip_end()
{
	local p
	# The whole group: PyKMIP has a process of its own for policies, and
	# waits for it without end after SIGTERM.
	for p in "${pids[@]}"; do
		kill -KILL -- "-$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
}
if [ -z "${T:-}" ]; then
	T=$(mktemp -d /tmp/vtpm-kmip.XXXXXX)
	trap 'kmip_end; rm -rf "$T"' EXIT
fi
TAP_DIR=$T
# shellcheck source=tools/testing/tap.sh
. tools/testing/tap.sh
umask 077

ca() { # NAME
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/$1.key" \
		-out "$T/$1.pem" -days 2 -subj "/CN=$1" 2>>"$T/openssl"
}

cert() { # NAME USAGE [SAN [DATES...]]
	local name=$1 usage=$2 san=${3:-IP:127.0.0.1,DNS:localhost}
	shift $(($# < 3 ? $# : 3))
	openssl req -newkey rsa:2048 -nodes -keyout "$T/$name.key" \
		-out "$T/$name.csr" -subj "/CN=$name" 2>>"$T/openssl"
	printf 'extendedKeyUsage = %s\nsubjectAltName = %s\n' "$usage" "$san" \
		>"$T/ext"
	if [ $# = 0 ]; then set -- -days 2; fi
	openssl x509 -req -in "$T/$name.csr" -CA "$T/ca.pem" -CAkey "$T/ca.key" \
		-CAcreateserial -extfile "$T/ext" -out "$T/$name.pem" "$@" \
		2>>"$T/openssl"
}

free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

await() { # PORT
	for _ in $(seq 100); do
		(: <"/dev/tcp/$address/$1") 2>/dev/null && return
		sleep 0.1
	done
	echo "# nothing listens on port $1"
}

# Where the next server listens, as it names it.
address=127.0.0.1
kmip_server() { # PORT CERTIFICATE [OPTIONS of kmip-server.py]
	local port=$1 start=(pykmip-server)
	if [ $# -gt 2 ]; then
		start=(tools/testing/e2e/kmip-server.py "${@:3}")
	fi
	cat >"$T/server-$port.conf" <<-EOF
	[server]
	hostname=$address
	port=$port
	certificate_path=$T/$2.pem
	key_path=$T/$2.key
	ca_path=$T/ca.pem
	auth_suite=TLS1.2
	enable_tls_client_auth=True
	logging_level=INFO
	database_path=$T/kmip.db
	EOF
	setsid "${start[@]}" -f "$T/server-$port.conf" \
		-l "$T/server-$port.log" >"$T/server-$port.out" 2>&1 &
	pids+=($!)
	await "$port"
}

config() { # SERVERS [MEMBERS [CA [CERTIFICATE]]]
	local list
	# shellcheck disable=SC2086
	list=$(printf ',"%s"' $1)
	printf '{"servers": [%s], "ca": "%s", "certificate": "%s", "private-key": "%s"%s}' \
		"${list#,}" "$T/${3:-ca}.pem" "$T/${4:-client}.pem" \
		"$T/${4:-client}.key" "${2:-}"
}

ask() { # CONFIG [OPERATION]
	printf '{"version": 1, "operation": "%s", "provider": "p", "config": %s}' \
		"${2:-info}" "$1" | "$program" 3</dev/null 4>/dev/null
}

ca ca
ca other-ca
cert server serverAuth
cert client clientAuth
port=$(free_port)
kmip_server "$port" server
