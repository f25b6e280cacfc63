# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Sourced by the tests of the packages: machines made by debootstrap. The caller
# has set SUITE, WORK and BASE.

export DEBIAN_FRONTEND=noninteractive LC_ALL=C

make_base() {
    [ ! -d "$BASE" ] || return 0
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus "$SUITE" "$BASE.part" ${MIRROR:+"$MIRROR"} \
        >"$WORK/debootstrap.log" || { tail "$WORK/debootstrap.log" >&2; return 1; }
    mv -- "$BASE.part" "$BASE"
}

# Packages are installed in it; services are not started.
make_machine() { # DIRECTORY
    cp -a -- "$BASE" "$1"
    cp /etc/resolv.conf "$1/etc/"
    mount -t proc proc "$1/proc"
    mount --bind /dev "$1/dev"
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
    # What is lost with the power is made anew.
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
    within "$1" apt-get -q update
}

leave_machine() { # DIRECTORY
    for mount in dev proc; do
        ! mountpoint -q "$1/$mount" || umount "$1/$mount"
    done
}

within() { # DIRECTORY COMMAND...
    local dir=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root \
        chroot "$dir" "$@" </dev/null
}
