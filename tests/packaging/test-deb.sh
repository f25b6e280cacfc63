#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test-deb.sh SUITE TARBALL [BASE [DEBS]]: builds the packages of a release tarball on
# a Debian SUITE of its own, and lives through their life on another: install,
# push and pull, upgrade during a push, remove, purge. Wants root, debootstrap
# and the network; MIRROR is where Debian comes from. BASE, a directory for what
# debootstrap makes, saves that the next time; DEBS gets the packages.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: $0 SUITE TARBALL [BASE [DEBS]]" >&2; exit 2; }
SUITE=$1 TARBALL=$(realpath -- "$2") HERE=$(cd -- "$(dirname -- "$0")" && pwd)
WORK=$(mktemp -d /var/tmp/berth-deb.XXXXXX)
BASE=${3:-$WORK/base}
. "$HERE/machine.sh"

# Nothing is removed while something of the host is mounted in it.
clear_up() {
    leave_machine "$WORK/build"
    leave_machine "$WORK/machine"
    rm -rf --one-file-system -- "$WORK"
}
trap clear_up EXIT

build() { # REVISION
    within "$WORK/build" sh -ec "
        rm -rf /build/tree && mkdir -p /build/tree && cd /build
        tar xf release.tar.gz -C tree --strip-components=1
        version=\$(sed -n 's/^AC_INIT(\[berth\], \[\([^]]*\)\].*/\1/p' tree/configure.ac)
        cp release.tar.gz berth_\$version.orig.tar.gz
        tree/etc/debian/prepare tree \$version $1
        cd tree && dpkg-buildpackage --no-sign --build=binary
        lintian --allow-root --fail-on error,warning,info -I ../berth_\$version-$1_*.changes"
    mkdir -p "$WORK/$1"
    cp "$WORK"/build/build/berth*-"$1"_*.deb "$WORK/$1/"
}

make_base

echo "== $SUITE: build"
make_machine "$WORK/build"
mkdir "$WORK/build/build"
cp "$TARBALL" "$WORK/build/build/release.tar.gz"
within "$WORK/build" apt-get -qy --no-install-recommends install lintian build-essential
within "$WORK/build" sh -ec 'cd /build && mkdir -p source/debian && cd source &&
    tar xOf ../release.tar.gz --wildcards "*/etc/debian/control" >debian/control &&
    printf "berth (0-0) unstable; urgency=low\n\n  * .\n\n -- A <a@example.org>  Thu, 01 Jan 2026 00:00:00 +0000\n" >debian/changelog &&
    apt-get -qy --no-install-recommends build-dep ./'
build 0berth1
build 0berth2
[ $# -lt 4 ] || cp "$WORK"/0berth1/*.deb "$4/"

echo "== $SUITE: life"
make_machine "$WORK/machine"
# All that the packages depend on, so that nothing but them comes and goes.
within "$WORK/machine" apt-get -qy --no-install-recommends install nginx apache2 curl openssl spawn-fcgi
mkdir "$WORK/machine/root/debs"
cp "$WORK"/0berth[12]/berth*.deb "$WORK/machine/root/debs/"
rm "$WORK"/machine/root/debs/*dbgsym*
within "$WORK/machine" sh -ec 'cd /root/debs; apt-get -qy --no-install-recommends install ./*0berth1*.deb; apt-get -qy purge "berth*"'
cp "$HERE/life.sh" "$WORK/machine/root/"
umount "$WORK/machine/proc"
# Processes and ports of its own: they end with the first of them.
unshare --mount --pid --net --fork --kill-child sh -ec "
    ip link set lo up
    mount -t proc proc '$WORK/machine/proc'
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root \
        chroot '$WORK/machine' bash /root/life.sh" </dev/null
echo "== $SUITE: fine"
