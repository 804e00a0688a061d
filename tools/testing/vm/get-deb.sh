#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Download one package of any Debian suite without touching this machine's
# package lists, and print the path of the .deb.
#
#   get-deb.sh SUITE PACKAGE
#   get-deb.sh --list SUITE      the names of its packages
#
# The suite "host" stands for what this machine's own package lists offer.
set -euo pipefail

list=
[ "$1" = --list ] && { list=1; shift; }
suite=$1 package=${2:-}
top=$(cd "$(dirname "$0")/../../.." && pwd)
dir=${VTPM_CACHE:-$top/build/cache}/debs/$suite
mkdir -p "$dir"/{lists/partial,archives/partial}

opts=(-o APT::Sandbox::User=root -o Acquire::Retries=3)
if [ "$suite" != host ]; then
	mirror=${VTPM_MIRROR:-http://deb.debian.org/debian}
	echo "deb $mirror $suite main" > "$dir/sources.list"
	opts+=(-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir"
		-o "Dir::Etc::sourcelist=$dir/sources.list"
		-o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferencesparts=/dev/null)
	if [ -z "$(find "$dir/lists" -maxdepth 1 -name '*Packages*')" ]; then
		echo "get-deb: reading the package list of $suite" >&2
		apt-get -qq "${opts[@]}" update >&2
	fi
fi
if [ -n "$list" ]; then
	apt-cache "${opts[@]}" pkgnames
	exit
fi

have()
{
	find "$dir" -maxdepth 1 -name "${package}_*.deb" | sort -V | tail -1
}
if [ -z "$(have)" ]; then
	echo "get-deb: downloading $package from $suite" >&2
	(cd "$dir" && apt-get -qq "${opts[@]}" download "$package" >&2)
fi
have | grep . || { echo "get-deb: no $package in $suite" >&2; exit 1; }
