# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by bench.sh and load.sh: swtpm on tpm_vtpm_proxy. $work and $VTPM_STATE
# are the caller's; swtpms has the pids, device the nodes by name.

swtpms=()
declare -A device

# On a busy machine its registration times out: it is tried again.
start_swtpm() # PATH [OPTION...]
{
	local path=$1 tries swtpm theirs state
	shift
	modprobe tpm_vtpm_proxy
	# On the same file system as our state.
	state=$VTPM_STATE/bench-$path
	for tries in $(seq 10); do
		rm -rf "$state"
		mkdir -p "$state"
		swtpm chardev --vtpm-proxy --tpm2 --tpmstate "dir=$state" \
			"$@" > "$work/swtpm" 2>&1 9>&- 7>&- &
		swtpm=$!
		for _ in $(seq 50); do
			theirs=$(sed -n 's,.*\(/dev/tpm[0-9]*\).*,\1,p' \
				"$work/swtpm" | head -1)
			[ -n "$theirs" ] && [ -c "$theirs" ] &&
				[ -d "/sys/class/tpm/${theirs#/dev/}" ] && break
			sleep 0.1
		done
		sleep 2		# for the registration to end
		if [ -n "$theirs" ] && [ -c "$theirs" ]; then
			device[$path]=$theirs
			swtpms+=("$swtpm")
			return
		fi
		echo "$path: not registered, try $tries" >&2
		kill "$swtpm" 2>/dev/null || :
		wait "$swtpm" || :
	done
	return 1
}

stop_swtpms()
{
	[ ${#swtpms[@]} -eq 0 ] || kill "${swtpms[@]}" || :
	rm -rf "${VTPM_STATE:-/nowhere}"/bench-swtpm*
}
