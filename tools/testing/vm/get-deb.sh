#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Download one package of any Debian suite without touching this machine's
# package lists, and print the path of the .deb.
#
#   get-deb.sh SUITE PACKAGE
set -euo pipefail

suite=$1 package=$2
top=$(cd "$(dirname "$0")/../../.." && pwd)
cache=${VTPM_CACHE:-$top/build/cache}/debs
dir=$cache/$suite
mkdir -p "$dir"/{lists/partial,archives/partial}

found=$(find "$dir" -maxdepth 1 -name "${package}_*.deb" | sort -V | tail -1)
if [ -z "$found" ]; then
	mirror=${VTPM_MIRROR:-http://deb.debian.org/debian}
	echo "deb $mirror $suite main" > "$dir/sources.list"
	opts=(-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir"
		-o "Dir::Etc::sourcelist=$dir/sources.list"
		-o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferencesparts=/dev/null
		-o APT::Sandbox::User=root -o Acquire::Retries=3)
	if [ -z "$(find "$dir/lists" -maxdepth 1 -name '*Packages*')" ]; then
		echo "get-deb: reading the package list of $suite" >&2
		apt-get -qq "${opts[@]}" update >&2
	fi
	echo "get-deb: downloading $package from $suite" >&2
	(cd "$dir" && apt-get -qq "${opts[@]}" download "$package" >&2)
	found=$(find "$dir" -maxdepth 1 -name "${package}_*.deb" | sort -V | tail -1)
fi
[ -n "$found" ] || { echo "get-deb: no $package in $suite" >&2; exit 1; }
echo "$found"
