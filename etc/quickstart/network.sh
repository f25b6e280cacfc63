# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Addresses and ports; sourced by quickstart. perl-base is part of every
# Debian, so a real bind(2) can be tried before anything is installed.

address_kind() { # ADDRESS: prints loopback, other or nothing when unusable
    perl -MSocket=:all -e '
        my ($error, @found) = getaddrinfo($ARGV[0], "", { flags => AI_NUMERICHOST });
        exit 1 if $error;
        my ($family, $address) = ($found[0]{family}, $found[0]{addr});
        my $text = (getnameinfo($address, NI_NUMERICHOST))[1];
        print $text =~ /^127\./ || $text eq "::1" ? "loopback" : "other", "\n";' -- "$1"
}

# Exit 0 when ADDRESS:PORT can be bound, else prints why: used, absent, other.
try_bind() { # ADDRESS PORT
    perl -MSocket=:all -MErrno -e '
        my ($error, @found) = getaddrinfo($ARGV[0], $ARGV[1],
            { flags => AI_NUMERICHOST, socktype => SOCK_STREAM });
        my $to = $found[0];
        socket(my $s, $to->{family}, SOCK_STREAM, 0) or die;
        setsockopt($s, SOL_SOCKET, SO_REUSEADDR, pack("i", 1));
        setsockopt($s, IPPROTO_IPV6, IPV6_V6ONLY, pack("i", 1)) if $to->{family} == AF_INET6;
        exit 0 if bind($s, $to->{addr}) && listen($s, 1);
        print $!{EADDRINUSE} ? "used" : $!{EADDRNOTAVAIL} ? "absent" : "other: $!", "\n";
        exit 1;' -- "$1" "$2"
}

# "NAME, process PID" of a listener on PORT, or a word that none is visible.
port_holder() { # PORT
    local hex inode link pid
    hex=$(printf ':%04X' "$1")
    for inode in $(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port="$hex\$" '$4 == "0A" && $2 ~ port { print $10 }'); do
        link=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" -print -quit 2>/dev/null)
        pid=${link#/proc/}
        pid=${pid%%/*}
        [ -n "$pid" ] || continue
        printf '%s, process %s\n' "$(process_name "$pid")" "$pid"
        return
    done
    printf 'a process that cannot be seen from here\n'
}

require_port() { # ADDRESS PORT
    local why
    why=$(try_bind "$1" "$2") && return
    case $why in
    used) die "port $2 is taken by $(port_holder "$2"): stop it or choose another with --port" ;;
    absent) die "this machine has no address $1 to listen on" ;;
    *) die "cannot listen on $1:$2 (${why#other: })" ;;
    esac
}

bracketed() { # ADDRESS as it stands in a URL
    case $1 in *:*) printf '[%s]' "$1" ;; *) printf '%s' "$1" ;; esac
}

# The name people type: of all addresses the machine's first stands for all.
public_host() { # ADDRESS
    local first
    case $1 in
    0.0.0.0 | ::)
        first=$(hostname -I 2>/dev/null | cut -d ' ' -f 1)
        bracketed "${first:-127.0.0.1}" ;;
    *) bracketed "$1" ;;
    esac
}
