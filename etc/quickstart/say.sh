# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Words to the person at the terminal; sourced by quickstart and check.

say() { printf '%s\n' "$*"; }
step() { printf '==> %s\n' "$*"; }
warn() { printf '%s: note: %s\n' "$PROGRAM" "$*" >&2; }

die() {
    printf '%s: %s\n' "$PROGRAM" "$*" >&2
    exit 1
}

# The end of a log, indented, on stderr: what a person needs under "failed".
show_end() { # FILE [LINES]
    [ -s "$1" ] || return 0
    tail -n "${2:-15}" -- "$1" | sed 's/^/    /' >&2
}

# Same process as when it was noted down? The start time tells, as a process
# id alone may by now be somebody else's. One that has ended is gone, although
# it keeps its place in /proc until its parent, the init of a container too,
# comes to ask for its exit status.
start_time() { # PID; prints field 22 of /proc/PID/stat, nothing if gone
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    stat=${stat##*) }
    case $stat in [ZX]*) return 1 ;; esac
    # shellcheck disable=SC2086
    set -- $stat
    printf '%s\n' "${20}"
}

process_name() { # PID
    { tr -d '\n' <"/proc/$1/comm"; } 2>/dev/null || printf 'a process'
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Where the checkout's owner is a person, what is built belongs to them: a
# build directory of root's could not be removed by its owner.
as_owner() {
    local uid gid
    uid=$(stat -c %u -- "$TOP") gid=$(stat -c %g -- "$TOP")
    if ! is_root || [ "$uid" -eq 0 ] ||
        ! as_user "$uid" "$gid" test -w "$TOP"; then
        "$@"
    else
        as_user "$uid" "$gid" "$@"
    fi
}

as_user() { # UID GID COMMAND...
    local uid=$1 gid=$2
    shift 2
    setpriv --reuid "$uid" --regid "$gid" --clear-groups -- "$@"
}
