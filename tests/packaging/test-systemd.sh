#!/bin/bash
# SPDX-License-Identifier: MIT
#
# test-systemd.sh SUITE DEBS RELOADS [BASE]: boots a Debian SUITE with systemd
# and the packages in DEBS, and reloads them under pushes and pulls. Wants root,
# debootstrap, systemd-nspawn and the network; for BASE see test-deb.sh. One at
# a time: it counts processes by control groups, whose machine shows in nothing.
set -euo pipefail

[ $# -ge 3 ] || { echo "usage: $0 SUITE DEBS RELOADS [BASE]" >&2; exit 2; }
SUITE=$1 DEBS=$2 RELOADS=$3 HERE=$(cd -- "$(dirname -- "$0")" && pwd)
WORK=$(mktemp -d /var/tmp/berth-systemd.XXXXXX)
BASE=${4:-$WORK/base}
MACHINE=$WORK/machine
. "$HERE/machine.sh"

clear_up() {
    if [ -n "${nspawn:-}" ]; then
        kill -TERM "$nspawn" 2>/dev/null && wait "$nspawn" || true
    fi
    leave_machine "$MACHINE"
    rm -rf --one-file-system -- "$WORK"
}
trap clear_up EXIT
trap 'echo "test-systemd.sh: line $LINENO: $BASH_COMMAND" >&2' ERR

inside() { nsenter -t "$leader" -m -u -i -p -n -r -w -- "$@" </dev/null; }

master() { inside systemctl show -P MainPID berth@version.service; }

workers() { inside cat "/proc/$(master)/task/$(master)/children"; }

answer() { inside curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:5000/v2/; }

# A network of its own; its control groups are made here, whichever kind the
# host has.
boot() {
    systemd-nspawn -q -D "$MACHINE" --boot --register=no --keep-unit --machine="berth-$SUITE" \
        --link-journal=no --private-network </dev/null >"$WORK/console" 2>&1 &
    nspawn=$!
    for _ in $(seq 300); do
        leader=$(cat "/proc/$nspawn/task/$nspawn/children") leader=${leader%% *}
        [ -z "$leader" ] || ! inside systemctl is-active multi-user.target >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    tail -n 20 "$WORK/console" >&2
    return 1
}

make_base
make_machine "$MACHINE"
mkdir "$MACHINE/root/debs"
cp "$DEBS"/berth_*.deb "$DEBS"/berth-nginx_*.deb "$MACHINE/root/debs/"
within "$MACHINE" sh -ec 'apt-get -qy --no-install-recommends install nginx curl &&
    apt-get -qy --no-install-recommends install /root/debs/*.deb'
ln -s ../sites-available/berth "$MACHINE/etc/nginx/sites-enabled/"
rm "$MACHINE/usr/sbin/policy-rc.d"
leave_machine "$MACHINE"
boot
inside systemctl --version | head -n 1

echo "== the units"
inside sh -c 'systemd-analyze verify berth.target berth-gc.timer berth-gc.service berth@upload.service \
    berth@upload.socket 2>&1 || true' | sed "/Command 'man /d" | tee "$WORK/verify"
[ ! -s "$WORK/verify" ]
inside systemd-analyze security --no-pager berth@upload.service | tail -n 1
inside systemctl start berth-gc.service

echo "== reloads"
nsenter -t "$leader" -n python3 "$HERE/reload_machine.py" "$leader" 5000 "$RELOADS"
[ "$(inside stat -c '%U:%G %a' /var/lib/berth)" = 'berth:www-data 2750' ]
[ -z "$(inside find /var/lib/berth -type d ! -perm 2750)" ]

echo "== upgrade"
[ "$(answer)" = 200 ]
was="$(master)" old=$(workers)
inside sh -c 'dpkg -i /root/debs/berth_*.deb'
[ "$(master)" = "$was" ]
for worker in $old; do
    for _ in $(seq 100); do
        workers | grep -qw "$worker" || break
        sleep 0.1
    done
    ! workers | grep -w "$worker"
done
[ "$(answer)" = 200 ]

echo "== wrong settings"
inside sh -c 'echo "readonly = 7" >>/etc/berth/berth.conf'
! inside systemctl try-reload-or-restart 'berth@*.service'
[ "$(answer)" = 200 ]
inside sed -i '$d' /etc/berth/berth.conf
inside systemctl try-reload-or-restart 'berth@*.service'

echo "== restart and stop"
inside systemctl restart 'berth@*.service'
[ "$(answer)" = 200 ]
inside systemctl stop berth.target
until [ -z "$(inside ls /run/berth)" ]; do sleep 0.1; done
[ "$(answer)" = 502 ]
inside systemctl start berth.target
[ "$(answer)" = 200 ]
echo "== $SUITE: fine"
