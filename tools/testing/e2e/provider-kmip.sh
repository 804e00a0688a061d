#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vtpm-key-kmip against PyKMIP's server: the contract, then what can be wrong
# with a server. TAP on standard output. Touches nothing but a temporary
# directory and ports of 127.0.0.1.
#
# usage: provider-kmip.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/kmip.sh
. tools/testing/e2e/kmip.sh

conformance() { # NAME MEMBERS
	python3 tools/testing/e2e/provider-conformance.py \
		--config "$(config "127.0.0.1:$port" "$2, \"label\": \"$1\"")" \
		"$program" >"$T/tap" 2>&1
	local status=$?
	sed -E "s/^((not )?ok) [0-9]+ /\1 $1: /" "$T/tap" >"$T/said"
	adopt "$T/said"
	[ $status -le 1 ] && grep -q '^1\.\.' "$T/tap"
	result $? "$1: the conformance test came to its end"
}

conformance get-1.2 ', "mode": "get", "version": "1.2"'
conformance encrypt-1.4 ', "mode": "encrypt", "version": "1.4"'
conformance auto-2.0 ''

# What 50 data keys cost, by the server's log.
many() { # VERB MEMBERS [OPTIONS]
	timeout 300 python3 tools/testing/e2e/provider-many.py "${@:3}" \
		--config "$(config "$servers" "$2, \"label\": \"many\"")" \
		"$program" "$T/many" "$1" "$T/items"
}
logged() { # TEXT: so often since "mark"
	tail -c +"$mark" "$T/server-$port.log" | grep -c -- "$1\$"
}
mark() { mark=$(($(stat -c %s "$T/server-$port.log") + 1)); }
costs() { # NAME
	connections=$(tail -c +"$mark" "$T/server-$port.log" |
		grep -c 'Starting session')
	gets=$(logged 'operation: Get') finds=$(logged 'operation: GetAttributes')
	decrypts=$(logged 'operation: Decrypt')
	echo "# $1: $connections connections, $gets Get, $finds GetAttributes, $decrypts Decrypt"
}
servers=127.0.0.1:$port
for m in get encrypt; do
	o=", \"mode\": \"$m\", \"version\": \"1.4\""
	check "$m: 50 data keys are wrapped, by 3 keys in turn" \
		many wrap "$o" --keys 3
	mark
	check "$m: each of them unwraps" many each "$o"
	costs "$m, one after the other"
	mark
	check "$m: and all of them at once" many open "$o"
	costs "$m, unwrap-many"
	check "$m: by one connection" test "$connections" = 1
	check "$m: each key is looked for once" test "$finds" = 3
	if [ $m = get ]; then
		check "$m: and fetched once" test "$gets" = 3
	else
		check "$m: none is fetched" test "$gets" = 0
	fi
done
servers="127.0.0.1:$(free_port) $servers"
check "$m: all at once with the first server down" many open "$o"

expect 0 'KeyMissing\|no active key' "another label has no key" \
	ask "$(config "127.0.0.1:$port" ', "label": "none"')"
expect 0 'ProviderFailed.*certificate is refused' "the server's CA is another" \
	ask "$(config "127.0.0.1:$port" '' other-ca)"
dead=$(free_port)
expect 0 'ProviderFailed.*cannot connect' "a server that is down" \
	ask "$(config "127.0.0.1:$dead")"
expect 0 "127.0.0.1:$dead: TCP\",\"ok\":false,\"message\":\"Connection refused.*127.0.0.1:$port: protocol version\",\"ok\":true,\"message\":\"KMIP " \
	"the check of one that is down and one that is not" \
	ask "$(config "127.0.0.1:$dead 127.0.0.1:$port" ', "label": "auto-2.0"')" check
expect 0 'server.s certificate","ok":true,"message":"expires in 1 days; renew it"' \
	"it tells when certificates expire" \
	ask "$(config "127.0.0.1:$port" ', "label": "auto-2.0"')" check
expect 0 'wrap and unwrap","ok":true' "and comes to the end" \
	ask "$(config "127.0.0.1:$port" ', "label": "auto-2.0"')" check
expect 0 'TCP","ok":true.*TLS","ok":false,"message":"[^"]*certificate is refused' \
	"the check with another CA" \
	ask "$(config "127.0.0.1:$port" '' other-ca)" check
expect 0 'no-such-name.invalid:1: DNS","ok":false' "the check of a name that is none" \
	ask "$(config no-such-name.invalid:1)" check
expect 0 '"ok":true' "failover to the second server" \
	ask "$(config "127.0.0.1:$dead 127.0.0.1:$port")"
expect 0 'is not known' "an unknown member" \
	ask "$(config "127.0.0.1:$port" ', "server": 1')"
expect 0 'divided by' "a timeout past the manager's" \
	ask "$(config "a:1 b:1" ', "timeout-seconds": 26')"
expect 0 'not HOST:PORT' "a server without a port" ask "$(config localhost)"
expect 0 'cannot use.*certificate' "no certificate" \
	ask "$(config "127.0.0.1:$port" '' ca none)"
cert elsewhere serverAuth DNS:elsewhere
port2=$(free_port)
kmip_server "$port2" elsewhere
expect 0 'certificate is refused' "a certificate of another name" \
	ask "$(config "127.0.0.1:$port2")"
cert expired serverAuth IP:127.0.0.1 -days -1
port3=$(free_port)
kmip_server "$port3" expired
expect 0 'certificate has expired' "an expired certificate" \
	ask "$(config "127.0.0.1:$port3")"

# A TLS server that answers what it is told, whatever it is asked.
cat >"$T/liar.py" <<-'EOF'
import socket, ssl, sys, time
mode, port, cert, key, ca = sys.argv[1:]
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(cert, key)
c.load_verify_locations(ca)
c.verify_mode = ssl.CERT_REQUIRED
head = bytes.fromhex("42007b01")
answers = {"garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n", "drop": b"",
           "truncated": head + (64).to_bytes(4, "big") + bytes(8),
           "huge": head + b"\xff\xff\xff\xf8" + bytes(64),
           "lengths": head + (16).to_bytes(4, "big") + head + b"\0\0\0\xf8" + bytes(8)}
s = socket.create_server(("127.0.0.1", int(port)))
while True:
    try:
        t = c.wrap_socket(s.accept()[0], server_side=True)
        t.recv(65536)
        if mode == "slow":
            time.sleep(6)
        t.sendall(answers.get(mode, b""))
        t.unwrap().close()
    except OSError:
        pass
EOF
liar() { # MODE PATTERN TEXT
	local p
	p=$(free_port)
	setsid python3 "$T/liar.py" "$1" "$p" "$T/server.pem" "$T/server.key" \
		"$T/ca.pem" &
	pids+=($!)
	await "$p"
	expect 0 "ProviderFailed.*$2" "$3" \
		ask "$(config "127.0.0.1:$p" ', "timeout-seconds": 2')"
	expect 0 '"ok":true' "$3, then a good server" ask \
		"$(config "127.0.0.1:$p 127.0.0.1:$port" ', "timeout-seconds": 2')"
}
liar garbage 'not what KMIP says' "an answer that is no TTLV"
liar lengths 'not what KMIP says' "an item longer than what it is in"
liar huge 'not what KMIP says' "an answer of 4 GiB"
liar truncated 'connection failed' "an answer cut short"
liar drop 'connection failed' "a connection that is dropped"
liar slow 'no answer in time' "a server that is slow"
tap_end
