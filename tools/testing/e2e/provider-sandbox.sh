#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a key provider gets at when the manager runs it: as a provider of ours
# and as somebody else's, hostile-provider.py tries what it must not. The same
# is tried without the manager, as the same user, to see that it would work.
# TAP on standard output. Root only; touches nothing but a temporary directory.
#
# usage: provider-sandbox.sh [DIRECTORY-OF-PROGRAMS]

set -u
cd "$(dirname "$0")/../../.." || exit 1
# shellcheck source=tools/testing/e2e/manager.sh
. tools/testing/e2e/manager.sh

if [ ! -x /usr/bin/python3 ]; then
	echo "1..0 # SKIP /usr/bin/python3 is not installed"
	exit 0
fi
abi=$(/usr/bin/python3 -c 'import ctypes
print(max(0, ctypes.CDLL(None).syscall(444, 0, 0, 1)))')
as_keys=(setpriv --reuid=vtpm-keys --regid=vtpm-keys --clear-groups)

cp tools/testing/e2e/hostile-provider.py "$T/hostile"
chmod 755 "$T/hostile"
mkdir -m 777 "$T/elsewhere"
echo x >"$T/elsewhere/file"
echo x >"$T/named"
echo x >"$T/named.beside"
chmod 644 "$T/elsewhere/file" "$T/named" "$T/named.beside"
"${as_keys[@]}" sleep 600 &
victim=$!

start_daemon "$T/state"
# Whoever it is, it has a directory and a neighbour of the same user.
"$ctl" provider add native neighbour >/dev/null
other=$(find "$T/state/keys/neighbour" -name '*.key')
# The manager's files are root's; these are to show what the view adds.
echo x >"$T/state/open"
echo x >"$T/run/open"
chmod 644 "$T/state/open" "$T/run/open"

aims() { # DIRECTORY
	cat >"$1/aims" <<-EOF
	state $T/state/open
	run $T/run/open
	other $other
	elsewhere $T/elsewhere
	named $T/named
	victim $victim
	EOF
	chown -R vtpm-keys: "$1"
}

outcome() { # NAME [DIRECTORY]
	sed -n "s/^$1 //p" "${2:-$dir}/result"
}

# Without the manager: everything that is to be refused has to work, or its
# refusal would show nothing.
mkdir -m 700 "$T/free"
aims "$T/free"
(cd "$T/free" && "${as_keys[@]}" env -i "$T/hostile") >"$T/out" 2>"$T/err" \
	3</dev/null 4</dev/null
result $? "the attempts are made without the manager"

refused() { # TEXT NAME...
	local text=$1 name
	shift
	for name; do
		if [ "$(outcome "$name" "$T/free")" != "done" ]; then
			skip "$text: $name" "it does not work without a sandbox \
either: $(outcome "$name" "$T/free")"
			continue
		fi
		case $(outcome "$name") in
		EACCES | EPERM | EAFNOSUPPORT | ESOCKTNOSUPPORT | EPROTONOSUPPORT | \
			ENOSYS | ENOENT | "[Errno"*) result 0 "$text: no $name" ;;
		*) echo "# $(outcome "$name")" >"$T/out"
			result 1 "$text: no $name" ;;
		esac
	done
}

works() { # TEXT NAME...
	local text=$1 name
	shift
	for name; do
		outcome "$name" >"$T/out"
		check "$text: $name works" test "$(outcome "$name")" = "done"
	done
}

# Files and signals are Landlock's to refuse.
viewed() { # VERSION TEXT NAME...
	local need=$1 text=$2 name
	shift 2
	if [ "$abi" -ge "$need" ]; then
		refused "$text" "$@"
		return
	fi
	for name; do
		skip "$text: no $name" "this kernel's Landlock is $abi, not $need"
	done
}

same_for_all() { # TYPE
	check "$1: the user is vtpm-keys" \
		test "$(outcome status-Uid)" = "$(id -u vtpm-keys)"
	check "$1: no capability" test "$(outcome status-CapEff)" = 0000000000000000
	check "$1: none to be had" test "$(outcome status-CapBnd)" = 0000000000000000
	check "$1: no new privileges" test "$(outcome status-NoNewPrivs)" = 1
	check "$1: a system call filter" test "$(outcome status-Seccomp)" = 2
	check "$1: no group" test "$(outcome status-Groups)" = none
	check "$1: no descriptor but those of the contract" \
		test "$(outcome descriptors)" = 0,1,2,3,4
	check "$1: no environment" test "$(outcome environment)" = none
	works "$1" own-directory named-file
	viewed 1 "$1" state run other-provider other-provider-write \
		other-provider-list environ
	refused "$1" unshare keyring io_uring netlink vsock
	# Where the manager has a sanitizer, its filter leaves ptrace alone.
	viewed 1 "$1" ptrace
}

hostile() { # TYPE
	local program=$T/bin/vtpm-key-$1
	dir=$T/state/keys/h-$1
	rm -f "$program"
	cp "$T/hostile" "$program"
	mkdir -m 700 "$dir"
	aims "$dir"
	printf '{"file": "%s", "number": 7}' "$T/named" >"$T/config"
	# It makes no key, so the add fails; its attempts are made by then.
	"$ctl" provider add "$1" "h-$1" --config "$T/config" >"$T/out" 2>"$T/err"
	check "$1: the attempts are made" test -s "$dir/result"
	same_for_all "$1"
}

# As of ptrace(): with a sanitizer in vtpmd, its filter leaves fork alone.
forks() { # TYPE
	if grep -qa __asan_init "$T/bin/vtpmd"; then
		skip "$1: no fork" "the search for leaks needs it"
	else
		refused "$1" fork
	fi
}

hostile native
refused native inet inet6-udp unix listen signal
forks native
viewed 1 native elsewhere-read elsewhere-write named-file-beside

hostile kmip
works kmip inet inet6-udp resolve
refused kmip unix listen signal
forks kmip
viewed 1 kmip elsewhere-read elsewhere-write named-file-beside

for type in pkcs11 others; do
	hostile $type
	works $type fork inet inet6-udp unix elsewhere-read elsewhere-write
	viewed 6 $type signal
done

kill "$victim"
end_in_order
