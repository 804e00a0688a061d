#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What "make install" installs, in a staging folder: that DKMS builds the
# module from it, and that "make uninstall" takes all of it away. Prints TAP.
# DKMS has folders and keys of its own here; the machine's are not touched.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(cat VERSION)
work=$PWD/build/dkms
dest=$work/dest
log=$work/log
rm -rf "$work"
mkdir -p "$dest" "$work/tree"

n=0 failed=0
result() # STATUS TEXT; the log tells why it failed
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		tail -20 "$log" | sed 's/^/# /'
		failed=1
	fi
}

check() # TEXT COMMAND ...
{
	local text=$1 status=0
	shift
	# Functions stop at what fails only where bash sees no condition.
	set +e
	(set -ex; "$@") > "$log" 2>&1
	status=$?
	set -e
	result $status "$text"
}

staged() { make -s "$@" DESTDIR="$dest" prefix=/usr; }
listing()
{
	(cd "$dest" && find . -printf '%y %m %p %l\n' | LC_ALL=C sort &&
		find . -type f -exec md5sum {} + | LC_ALL=C sort)
}

# A signing key of the machine's would be made where there is none.
export mok_signing_key=$work/mok.key mok_certificate=$work/mok.pub
dkms_here()
{
	dkms --dkmstree "$work/tree" --sourcetree "$dest/usr/src" "$@"
}
machine() { find /var/lib/dkms -printf '%p %T@ %s\n' 2>&1 | LC_ALL=C sort; }

# --- install ------------------------------------------------------------------

# Of someone else, in folders that are shared.
foreign=(usr/bin/other usr/lib/udev/rules.d/61-other.rules
	usr/share/man/man1/other.1 usr/src/other-1.0/dkms.conf)
for f in "${foreign[@]}"; do
	install -D -m 644 VERSION "$dest/$f"
done
(cd "$dest" && find . -type f | LC_ALL=C sort) > "$work/before"

check "make install into a staging folder" staged install
listing > "$work/first"

twice()
{
	staged install
	listing > "$work/second"
	diff -u "$work/first" "$work/second"
}
check "make install once more changes nothing" twice

# Each program and file that a unit, a rule or a manual page stands for.
complete()
{
	local f
	for f in usr/bin/vtpmctl usr/sbin/vtpmd usr/libexec/vtpm/vtpm-engine \
		usr/libexec/vtpm/vtpm-identity usr/libexec/vtpm/vtpm-ca usr/libexec/vtpm/vtpm-key-native; do
		[ -x "$dest/$f" ]
		"$dest/$f" --version | grep -F "$version"
	done
	f=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' \
		"$dest/usr/lib/systemd/system/vtpmd.service")
	[ -x "$dest$f" ]
	for f in Documentation/man/*.rst; do
		f=$(basename "$f" .rst)
		[ -s "$dest/usr/share/man/man${f##*.}/$f" ]
	done
	[ -z "$(find "$dest" -perm /o+w ! -type l)" ]
}
check "all of it is there, programs run and say their version" complete

# --- DKMS ---------------------------------------------------------------------

kdir=$(find /lib/modules -maxdepth 2 -path '*/6.1.*-cloud-*/build' |
	sort -V | tail -1)
ko=
if ! command -v dkms > /dev/null; then
	n=$((n + 1))
	echo "ok $n - dkms # SKIP dkms is not installed"
elif [ -z "$kdir" ]; then
	n=$((n + 1))
	echo "ok $n - dkms # SKIP no headers of Debian's 6.1 cloud kernel"
else
	release=$(basename "$(dirname "$kdir")")
	machine > "$work/machine"
	check "dkms add" dkms_here add "vtpm/$version"

	build()
	{
		dkms_here build "vtpm/$version" -k "$release" |
			tee "$work/build.log"
		if grep -iE 'bad exit|warning|error' "$work/build.log"; then
			return 1
		fi
		find "$work/tree/vtpm/$version/$release" -name 'vtpm.ko*' |
			grep .
	}
	check "dkms build for $release" build
	ko=$(find "$work/tree" -name 'vtpm.ko*' | head -1)

	says()
	{
		[ "$(modinfo -F version "$ko")" = "$version" ]
		[ "$(modinfo -F license "$ko")" = GPL ]
		modinfo -F vermagic "$ko" | grep "^$release "
		dkms_here status | tee /dev/stderr |
			grep "^vtpm/$version, $release, .*: built$"
	}
	check "modinfo and dkms status name version $version" says

	# Kernels that must be passed over: 77 is what dkms says for that.
	passed_over()
	{
		local status=0
		mkdir -p "$work/no-tpm"
		echo CONFIG_MODULES=y > "$work/no-tpm/.config"
		dkms_here build "vtpm/$version" -k 6.1.0-no-tpm \
			--kernelsourcedir "$work/no-tpm" || status=$?
		[ "$status" -eq 77 ]
		status=0
		dkms_here build "vtpm/$version" -k 5.10.0-old \
			--kernelsourcedir "$kdir" || status=$?
		[ "$status" -eq 77 ]
	}
	check "dkms passes over kernels without TPM, and before 6.1" passed_over

	gone()
	{
		dkms_here remove "vtpm/$version" --all
		[ ! -e "$work/tree/vtpm/$version" ]
	}
	check "dkms remove leaves nothing" gone

	untouched() { machine | diff -u "$work/machine" -; }
	check "the machine's own /var/lib/dkms is as it was" untouched
fi

# --- uninstall ----------------------------------------------------------------

uninstalled()
{
	staged uninstall
	(cd "$dest" && find . -type f -o -type l | LC_ALL=C sort) |
		diff -u "$work/before" -
	# No folder of ours either, though others may be empty now.
	[ -z "$(find "$dest" -type d -name '*vtpm*')" ]
}
check "make uninstall takes all of it away and nothing else" uninstalled

echo "1..$n"
exit $failed
