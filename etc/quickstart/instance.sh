# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The running instance of this checkout: what is known of it, whether it
# lives, how it ends. Sourced by quickstart; wants say.sh and RUN.
#
# $RUN/state     key=value lines: the options it was started with
# $RUN/sessions  one line "NAME PID START BOOT" for each program started. Each
#                leads a session of its own, so its children are known by the
#                session number even after the leader was killed, and the start
#                time and boot tell them from a stranger with the same number.

BOOT=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown)

state() { # KEY
    sed -n "s/^$1=//p" "$RUN/state" 2>/dev/null
}

# A session leader in the background: NAME COMMAND...; its output to a log.
start_session() {
    local name=$1 pid start
    shift
    # An asynchronous command of a script ignores Ctrl-C unless told not to.
    setsid env --default-signal=INT,QUIT "$@" </dev/null >>"$LOG/$name.log" 2>&1 7>&- &
    pid=$!
    start=$(start_time "$pid") || return 1
    printf '%s %s %s %s\n' "$name" "$pid" "$start" "$BOOT" >>"$RUN/sessions"
}

# The recorded sessions that can still be ours: "NAME SID START" each.
live_sessions() {
    local name pid start boot now
    [ -r "$RUN/sessions" ] || return 0
    while read -r name pid start boot; do
        [ "$boot" = "$BOOT" ] || continue
        now=$(start_time "$pid") || now=$start # the leader may be gone
        [ "$now" != "$start" ] || printf '%s %s %s\n' "$name" "$pid" "$start"
    done <"$RUN/sessions"
}

# Process ids of all members of those sessions. A member is never older than
# its leader; a number is not used again while a member lives.
members() { # [NAME]
    local wanted=${1:-} sessions
    sessions=$(live_sessions)
    [ -n "$sessions" ] || return 0
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v list="$sessions" -v wanted="$wanted" '
        BEGIN {
            n = split(list, line, "\n")
            for (i = 1; i <= n; i++) {
                split(line[i], f, " ")
                if (wanted == "" || wanted == f[1]) start[f[2]] = f[3]
            }
        }
        { pid = $1; sub(/.*\) /, "")
          if ($1 != "Z" && ($4 in start) && $20 >= start[$4]) print pid }'
}

# Programs of this checkout whose record was lost, with /run emptied by hand:
# known by the configuration they were given.
strays() {
    local dir exe
    while IFS=$'\t' read -r dir exe; do
        case ${exe% (deleted)} in
        */nginx | */apache2 | "$TOP"/build/fcgi/*) ;;
        *) continue ;;
        esac
        tr '\0' '\n' <"$dir/cmdline" 2>/dev/null | grep -qF "$RUN/" &&
            printf '%s\n' "${dir#/proc/}"
    done < <(find /proc/[0-9]*/exe -maxdepth 0 -printf '%h\t%l\n' 2>/dev/null)
}

is_running() { [ -n "$(members)" ]; }

signal_all() { # SIGNAL PID...
    local signal=$1
    shift
    [ $# -eq 0 ] || kill -s "$signal" "$@" 2>/dev/null || true
}

# Leaders are asked to end, and end their children themselves; the children
# of one that was killed are asked directly.
ask_to_end() { # NAME of one session, or nothing for all
    local name pid start pids
    while read -r name pid start; do
        [ "$name" = "${1:-$name}" ] || continue
        pids=("$pid")
        [ -n "$(start_time "$pid")" ] || mapfile -t pids < <(members "$name")
        signal_all TERM "${pids[@]}"
    done < <(live_sessions)
}

wait_gone() { # SECONDS [NAME]
    local tenths=$(($1 * 10))
    while [ -n "$(members "${2:-}")" ]; do
        [ "$tenths" -gt 0 ] || return 1
        [ $((tenths % 10)) -ne 5 ] || ask_to_end "${2:-}" # orphans since
        sleep 0.1
        tenths=$((tenths - 1))
    done
}

# The web server first, so that no request meets a missing pool; whoever is
# left after ten seconds is killed.
stop_instance() {
    local pids
    ask_to_end web
    wait_gone 3 web
    ask_to_end
    if ! wait_gone 10; then
        mapfile -t pids < <(members)
        signal_all KILL "${pids[@]}"
        wait_gone 5
    fi
    mapfile -t pids < <(strays)
    signal_all TERM "${pids[@]}"
    clean_run
}

clean_run() {
    [ -d "$RUN" ] || return 0
    find "$RUN" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf -- {} +
}
