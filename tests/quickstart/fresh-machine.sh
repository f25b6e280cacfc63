#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fresh-machine.sh: what ./quickstart promises about a machine's packages and
# services, tried for real. It installs and removes packages and takes port
# 80, so run it only as root on a machine that is thrown away afterwards (a
# container, a debootstrap tree with /proc and a network):
#     BERTH_THROWAWAY=yes tests/quickstart/fresh-machine.sh
# Prints one line per promise in TAP; exit code 0 when all hold.
set -u
cd -P -- "$(dirname -- "$0")/../.." || exit 1
[ "${BERTH_THROWAWAY:-}" = yes ] || { echo "1..0 # SKIP only on a machine that is thrown away"; exit 77; }

count=0 failures=0
ok() { # WHAT COMMAND...
    local what=$1
    shift
    count=$((count + 1))
    if "$@"; then echo "ok $count - $what"
    else
        echo "not ok $count - $what"
        failures=$((failures + 1))
    fi
}
not() { ! "$@"; }
says() { grep -qF -- "$1" /tmp/said; }
quickstart() { ./quickstart "$@" >/tmp/said 2>&1; }
no_policy() { [ -z "$(ls /usr/sbin/policy-rc.d* 2>/dev/null)" ]; }
running() { # NAME of a program
    local comm
    for comm in /proc/[0-9]*/comm; do
        [ "$(cat "$comm" 2>/dev/null)" = "$1" ] && return 0
    done
    return 1
}
get() { # PORT PATH, without curl, which may not be there yet
    { exec 9<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&9
    cat <&9
    exec 9>&-
}
installed() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q ^ii; }
any_port() { awk '$4 == "0A"' /proc/net/tcp /proc/net/tcp6 | grep -q .; }

nothing_yet() {
    ok "no network is one sentence" no_network
    ok "a locked apt is named with its holder" locked_apt
    ok "Ctrl-C while packages are fetched or installed ends it" interrupted_install
}

no_network() {
    local hidden=0
    printf 'Acquire::http::Proxy "http://127.0.0.1:9";\n' >/etc/apt/apt.conf.d/99nothing
    quickstart && hidden=1
    rm -f /etc/apt/apt.conf.d/99nothing
    [ "$hidden" = 0 ] && says "the Debian mirror cannot be reached" && no_policy
}

# perl-base is on every Debian; flock(1) takes another kind of lock than apt.
locked_apt() {
    local pid
    perl -MFcntl=:DEFAULT,:flock -e 'open(my $f, "+>>", "/var/lib/dpkg/lock-frontend");
        my $l = pack("s s l! l! i", F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLK, $l) or die; sleep 60' &
    pid=$!
    sleep 0.5
    BERTH_APT_WAIT=1 quickstart
    kill "$pid"
    wait "$pid" 2>/dev/null
    says "apt is locked by perl (process $pid)"
}

# At several moments: before, within the download, within dpkg.
interrupted_install() {
    local delay pid
    for delay in 1 4 8 12; do
        env --default-signal=INT setsid ./quickstart >/tmp/said 2>&1 &
        pid=$!
        sleep "$delay"
        kill -INT -- "-$pid" 2>/dev/null || break # already through
        wait "$pid"
        no_policy || return 1
        not running nginx && not running make && not running apt-get || return 1
    done
    wait "$pid"
    quickstart stop
    dpkg --audit | not grep -q .
}

with_apache_on_80() {
    local pid page
    DEBIAN_FRONTEND=noninteractive apt-get -y -qq install --no-install-recommends apache2 >/dev/null 2>&1
    apachectl start 2>/dev/null
    for _ in $(seq 50); do page=$(get 80 /) && break; sleep 0.1; done
    ok "an Apache serves on :80" grep -q '^HTTP/1.1 200' <<<"$page"
    pid=$(cat /run/apache2/apache2.pid)
    ls /etc/apache2/*-enabled >/tmp/enabled
    printf '#!/bin/sh\nexit 104\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    ok "quickstart next to an Apache on :80" quickstart
    ok "Apache keeps its process" test "$(cat /run/apache2/apache2.pid)" = "$pid" -a -d "/proc/$pid"
    ok "Apache keeps its pages" test "$(get 80 / | sed '/^Date:/d')" = "$(sed '/^Date:/d' <<<"$page")"
    ok "the registry answers" grep -q '^HTTP/1.1 200' <<<"$(get 5000 /v2/)"
    ok "the machine's own policy-rc.d is back" grep -q 'exit 104' /usr/sbin/policy-rc.d
    ok "--server apache starts a second Apache" quickstart --server apache
    ok "the first keeps its process" test -d "/proc/$pid"
    ok "the demo works" quickstart demo
    ok "stop" quickstart stop
    ok "Apache still serves after stop" test "$(get 80 / | sed '/^Date:/d')" = "$(sed '/^Date:/d' <<<"$page")"
    ok "Apache's enabled modules and sites are as they were" diff <(ls /etc/apache2/*-enabled) /tmp/enabled
    apachectl stop 2>/dev/null
    for _ in $(seq 50); do running apache2 || break; sleep 0.1; done
    rm -f /usr/sbin/policy-rc.d
}

fresh_start() {
    ok "quickstart on the machine as it is" quickstart
    ok "no service was started by its package" not get 80 /
    ok "no web server is started at boot" not grep -q . \
        <(find /etc/systemd/system /etc/rc[2-5].d -name '*nginx*' ! -name 'K*' 2>/dev/null)
    ok "no policy-rc.d is left" no_policy
    ok "the demo works" quickstart demo
    SECONDS=0
    ok "a second run" quickstart
    ok "finds it running" says "already running"
    ok "in less than five seconds" test "$SECONDS" -lt 5
    ok "stop" quickstart stop
    ok "no listener is left" not any_port
    ok "no nginx is left" not running nginx
}

nothing_yet
fresh_start
with_apache_on_80
[ ! -d .git ] || ! command -v git >/dev/null ||
    ok "git status is clean" test -z "$(git status --porcelain)"
echo "1..$count"
exit $((failures > 0))
