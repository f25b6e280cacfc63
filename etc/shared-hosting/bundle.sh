#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Makes the tarball for shared hosts: bundle.sh DIRECTORY TARBALL VARIABLE=VALUE...
# The programs are built without shared libraries in DIRECTORY, below the
# build this is called from; the variables are for its configure.
set -eu
umask 022

directory=$1 tarball=$2
shift 2
top=$(cd -- "$(dirname -- "$0")/../.." && pwd)
here=$top/etc/shared-hosting
programs='fcgi/version fcgi/catalog fcgi/tags fcgi/referrers fcgi/manifest
	fcgi/blob fcgi/upload fcgi/token src/berth'
# Parts of all of them are in the programs.
libraries='libc6-dev libcjose-dev libcrypt-dev libfcgi-dev libjansson-dev
	libjson-c-dev libssl-dev libyaml-dev libzstd-dev zlib1g-dev'

# What the make around us was told is not meant for the one below it.
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p "$directory"
if ! [ -f "$directory/Makefile" ]; then
	(cd "$directory" && "$top/configure" -q --enable-static-programs "$@")
fi
# One directory, one make: the archives first, then what is linked from them.
# shellcheck disable=SC2086
make -s -j "$(nproc)" -C "$directory" programs

bundle=$directory/bundle/berth
rm -rf "$directory/bundle"
mkdir -p "$bundle/bin" "$bundle/share/licences"
for program in $programs; do
	strip -o "$bundle/bin/${program#*/}" "$directory/$program"
	chmod 755 "$bundle/bin/${program#*/}"
done
install -m 755 "$here/setup" "$bundle/setup"
install -m 644 "$here/INSTRUCTIONS" "$bundle/INSTRUCTIONS"
install -m 644 "$top/etc/berth.conf" "$bundle/share/berth.conf"
install -m 644 "$top/COPYING" "$bundle/share/licences/berth"
for library in $libraries; do
	! [ -f "/usr/share/doc/$library/copyright" ] ||
		install -m 644 "/usr/share/doc/$library/copyright" "$bundle/share/licences/$library"
done
# Apache's errors are worded as they are elsewhere; a host may lack mod_headers.
{
	cat "$here/htaccess"
	grep -v '^#\|^Header ' "$top/apache/errors.conf"
	echo '<IfModule mod_headers.c>'
	sed -n 's/^Header /    &/p' "$top/apache/errors.conf"
	echo '</IfModule>'
} >"$bundle/share/htaccess"
# In case somebody unpacks it in a document root.
echo 'Require all denied' >"$bundle/.htaccess"

tar -c -C "$directory/bundle" --sort=name --owner=0 --group=0 --numeric-owner \
	--mtime="@${SOURCE_DATE_EPOCH:-$(stat -c %Y "$top/configure.ac")}" berth |
	gzip -9n >"$tarball.new"
mv -f "$tarball.new" "$tarball"
