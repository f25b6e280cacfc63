# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The commands status, stop and demo; sourced by quickstart.

show_status() {
    if ! is_running; then
        say "not running"
        exit 3
    fi
    say "listens on   $URL ($SERVER, runs as $(state runs_as))"
    say "data         $DATA"
    say "asks for     $([ -n "$(state user)" ] && printf 'a password (%s)' "$(state user)" || printf 'no password')"
    say "processes    $(members | wc -l), logs in $LOG"
    if ! all_alive || ! { USER_NAME=$(state user); answers; }; then
        say "state        damaged: ./quickstart mends it"
        exit 1
    fi
    say "state        answers"
}

show_stop() {
    if is_running || [ -n "$(strays)" ]; then
        stop_instance
        say "stopped; the data stays where it is"
    else
        clean_run
        say "nothing was running"
    fi
}

show_demo() {
    is_running || die "nothing is running; type ./quickstart first"
    check_user
    USER_NAME=$(state user)
    [ -z "$USER_NAME" ] || [ -n "$USERPW" ] ||
        die "this registry asks for a password: ./quickstart demo --user $USER_NAME:PASSWORD"
    WORK=$(mktemp -d) || die "no room for temporary files"
    CACERT=${TLS_ON:+$TLS/ca.crt}
    demo
    rm -rf -- "$WORK"
}
