# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# How the tests of berth look at a command; sourced by them. Wants a directory
# $work; what the command said is in $work/said.

# expect STATUS TEXT COMMAND...: how a command ends and what it says.
expect() {
    wanted=$1 text=$2
    shift 2
    status=0
    "$@" >"$work/said" 2>&1 || status=$?
    if [ "$status" != "$wanted" ] || ! grep -qF -- "$text" "$work/said"; then
        echo "FAIL: $*: status $status, wanted $wanted and \"$text\"" >&2
        cat "$work/said" >&2
        exit 1
    fi
}
