#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vtpm-key-kmip and servers that differ: in versions, in operations, in what
# they remember of a destroyed key, in who may have a key, in their address.
# TAP on standard output. Touches nothing but a temporary directory and ports
# of 127.0.0.1 and ::1.
#
# usage: provider-kmip-servers.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/kmip.sh
. tools/testing/e2e/kmip.sh

vtpm=11111111-2222-4333-8444-555555555555
data_key=0123456789abcdef0123456789abcdef

request() { # CONFIG OPERATION [MEMBERS]; descriptor 4 goes to $T/secret
	printf '{"version": 1, "operation": "%s", "provider": "p", "config": %s%s}' \
		"$2" "$1" "${3:-}" |
		"$program" 3< <(printf %s "$data_key") 4>"$T/secret"
}

field() { # NAME: of the reply last had
	sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$TAP_DIR/out"
}

named() { # the members for the data key last wrapped
	printf ', "context": "%s", "key-id": "%s", "wrapped": "%s"' $vtpm \
		"$id" "$wrapped"
}

wrap() { # CONFIG TEXT
	expect 0 '"ok":true' "$2: wrap" request "$1" wrap \
		", \"context\": \"$vtpm\""
	id=$(field key-id)
	wrapped=$(field wrapped)
}

unwrap() { # CONFIG TEXT
	expect 0 '"ok":true' "$2: unwrap" request "$1" unwrap "$(named)"
	check "$2: it is the data key" test "$(cat "$T/secret")" = "$data_key"
}

# The form in the wrapped key's head: by whom was it wrapped?
by() { # here|server TEXT
	local form=00
	if [ "$1" = server ]; then form=01; fi
	check "$2: wrapped by ${1/here/us}" test "$form" = \
		"$(base64 -d <<<"$wrapped" | od -An -tx1 -j6 -N1 | tr -d ' ')"
}

# A server of its own kind; $at is where it is.
serve() { # [OPTIONS of kmip-server.py]
	local p
	p=$(free_port)
	kmip_server "$p" server "$@"
	at=127.0.0.1:$p
}

leave() { # the server last started
	kill -KILL -- "-${pids[-1]}"
	wait "${pids[-1]}" 2>/dev/null
	unset 'pids[-1]'
}

members() { printf ', "label": "%s"%s' "$1" "${2:-}"; }

# --- versions ----------------------------------------------------------------

for v in 1.2 1.3 1.4 2.0; do
	serve --versions $v
	c=$(config "$at" "$(members "v${v/./}")")
	expect 0 '"ok":true' "a server of $v only: new-key" request "$c" new-key
	wrap "$c" "of $v"
	case $v in
	1.2 | 1.3) by here "of $v" ;;
	*) by server "of $v" ;;
	esac
	unwrap "$c" "of $v"
	other=1.2
	if [ $v = 1.2 ]; then other=2.0; fi
	expect 0 'ProviderFailed' "of $v: refused in $other" request \
		"$(config "$at" ", \"version\": \"$other\"")" info
	leave
done
serve --versions 1.1,1.0
expect 0 'no version of KMIP from 1.2' "a server of 1.1 at most" \
	request "$(config "$at")" info
leave
serve --versions 1.3,1.2,1.1,1.0 --log-versions "$T/versions"
c=$(config "$at" "$(members up13)")
expect 0 '"ok":true' "a server of 1.3 at most" request "$c" new-key
check "the highest that both have is taken" \
	test "$(tail -1 "$T/versions")" = 1.3
leave

# --- what a server does not do -----------------------------------------------

m=$(members operations)
for lacks in "--without Encrypt" "--without Decrypt" "--claim Encrypt"; do
	# shellcheck disable=SC2086
	serve $lacks
	c=$(config "$at" "$m")
	expect 0 '"ok":true' "$lacks: new-key" request "$c" new-key
	wrap "$c" "$lacks"
	by here "$lacks"
	unwrap "$c" "$lacks"
	expect 0 'NotSupported.*mode' "$lacks: not with mode encrypt" request \
		"$(config "$at" "$m, \"mode\": \"encrypt\"")" wrap \
		", \"context\": \"$vtpm\""
	leave
done
serve --without Query
c=$(config "$at" "$m")
wrap "$c" "--without Query"
by server "--without Query"
unwrap "$c" "--without Query"
leave
serve --without DiscoverVersions
expect 0 'NotSupported.*version' "--without DiscoverVersions: the way out" \
	request "$(config "$at" "$m")" info
expect 0 '"ok":true' "--without DiscoverVersions: with a version" \
	request "$(config "$at" "$m, \"version\": \"1.4\"")" info
leave
serve --without Activate
c=$(config "$at" "$(members inactive)")
expect 0 'NotSupported' "--without Activate: no new key" request "$c" new-key
expect 0 '"keys":\[\]' "--without Activate: and nothing is left of it" \
	request "$c" info
leave

# --- keys that are gone ------------------------------------------------------

destroyed() { # CODE TEXT: of the server at $at
	c=$(config "$at" "$(members "$1")")
	expect 0 '"ok":true' "$2: new-key" request "$c" new-key
	wrap "$c" "$2"
	unwrap "$c" "$2"
	expect 0 '"ok":true' "$2: destroy it" request "$c" destroy-key \
		", \"key-id\": \"$id\""
	expect 0 "\"$1\".*destroyed.*crypto-shredded.*another wrap" \
		"$2: unwrap says what that means" request "$c" unwrap "$(named)"
	check "$2: and gives nothing" test ! -s "$T/secret"
	expect 0 "\"$1\".*destroyed" "$2: nor does it wrap" request "$c" wrap \
		", \"context\": \"$vtpm\", \"key-id\": \"$id\""
	expect 0 "\"$1\"" "$2: destroy it again" request "$c" destroy-key \
		", \"key-id\": \"$id\""
	expect 0 '"keys":\[\]' "$2: it is not in the list" request "$c" info
}
serve --keep-destroyed
destroyed KeyDestroyed "a server that remembers"
leave
serve --versions 1.4
destroyed KeyMissing "a server that forgets"
leave

# --- somebody else's key -----------------------------------------------------

cert client2 clientAuth
serve --versions 2.0
mine=$(config "$at" "$(members shared)")
theirs=$(config "$at" "$(members shared)" ca client2)
expect 0 '"ok":true' "of another identity: new-key" request "$mine" new-key
wrap "$mine" "of another identity"
for m in unwrap destroy-key; do
	expect 0 'ProviderFailed.*another identity.*give this one the right' \
		"of another identity: $m is denied" request "$theirs" $m "$(named)"
	check "of another identity: nothing comes of it" test ! -s "$T/secret"
done
expect 0 '"keys":\[\].*"usable":false' "of another identity: not in the list" \
	request "$theirs" info
unwrap "$mine" "still there"
leave

# --- IPv6 --------------------------------------------------------------------

if [ -e /proc/net/if_inet6 ] && grep -q '^0*1 .* lo$' /proc/net/if_inet6; then
	cert server6 serverAuth IP:::1,DNS:kmip.test
	address=::1
	p=$(free_port)
	kmip_server "$p" server6 --ipv6
	c=$(config "[::1]:$p" "$(members six)")
	expect 0 '"ok":true' "an IPv6 address" request "$c" new-key
	wrap "$c" "IPv6"
	unwrap "$c" "IPv6"
	hosts() { # CONFIG: with a name of our own
		printf '::1 kmip.test\n' >"$T/hosts"
		chmod 644 "$T/hosts"
		unshare -m sh -c 'mount --bind "$1" /etc/hosts && exec "$2" 3<&0' \
			- "$T/hosts" "$program" 4>/dev/null < <(printf \
			'{"version": 1, "operation": "info", "provider": "p", "config": %s}' \
			"$1")
	}
	if unshare -m true 2>/dev/null; then
		expect 0 '"ok":true' "a name that has an IPv6 address only" \
			hosts "$(config "kmip.test:$p")"
	else
		skip "a name that has an IPv6 address only" "not root"
	fi
	q=$(free_port)
	kmip_server "$q" server --ipv6
	expect 0 "\[::1\]:$q: .*certificate is refused" \
		"a certificate without that IPv6 address" \
		request "$(config "[::1]:$q")" info
	address=127.0.0.1
	for bad in "::1:$p" "[::1]" "[::1:$p" "[]:$p" "[::1]:0" "[::1]:65536"; do
		expect 0 'not HOST:PORT' "no address: $bad" \
			request "$(config "$bad")" info
	done
	expect 0 "\[::2\]:$p: cannot connect\|\[::2\]:$p: no a" \
		"an IPv6 address that is not there" request \
		"$(config "[::2]:$p" ', "timeout-seconds": 1')" info
else
	skip "IPv6" "this machine has no ::1"
fi
tap_end
