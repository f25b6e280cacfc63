#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Plans for the programs over a storage that fails to order: each kind does
# what open_driver.c says. As plain CGI; run by make check in the build
# directory.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_ROOT BERTH_LOG 2>/dev/null || true
unset FCGI_WEB_SERVER_ADDRS 2>/dev/null || true
printf 'root = %s/images\nlog = errors\nupload_age = 0\n' "$work" >"$work/conf"
export BERTH_CONFIG="$work/conf"

fail() {
    echo "FAIL: $*" >&2
    cat "$work/said" >&2
    exit 1
}

# post: begins an upload; how the program ends is in $status.
post() {
    status=0
    REQUEST_METHOD=POST REQUEST_URI=/v2/a/blobs/uploads/ CONTENT_LENGTH=0 \
        BERTH_FAULT="$work/plan" ./tests/fault/upload \
        >"$work/said" 2>&1 </dev/null || status=$?
}

# plan LINE: from now on, counting from 1.
plan() {
    dd if=/dev/zero of="$work/plan.count" bs=8 count=1 conv=notrunc 2>/dev/null
    rm -f "$work/plan.log"
    echo "$1" >"$work/plan.new"
    mv "$work/plan.new" "$work/plan"
}

# expect LINE STATUS TEXT STRUCK: the plan, the end of the program, what it
# says, and the calls that were struck.
expect() {
    plan "$1"
    post
    [ "$status" = "$2" ] || fail "$1: status $status"
    grep -qF -- "$3" "$work/said" || fail "$1: says no '$3'"
    struck=$(cut -d' ' -f1,2 "$work/plan.log" 2>/dev/null | tr '\n' ' ') || :
    [ "$struck" = "$4" ] || fail "$1: struck '$struck', not '$4'"
}

count() {
    od -An -t u8 "$work/plan.count" | tr -d ' '
}

uploads() {
    find "$work/images" -name startedat | wc -l
}

post
grep -q '^Status: 202' "$work/said" || fail 'no plan: refused'
[ "$(count)" = 4 ] || fail "no plan: $(count) calls, not 4"
post
[ "$(count)" = 8 ] || fail "processes are not counted together: $(count)"

expect '1 fail' 0 'Status: 500' '1 open_upload '
expect '1 fail no-space' 0 'Status: 507' '1 open_upload '
expect '3 fail read-only' 0 'Status: 503' '3 put '
expect '3 fail busy' 0 'Status: 503' '3 put '
expect '5 fail' 0 'Status: 202' ''
expect '2 short no-space' 0 'Status: 507' '2 suspend '
expect '1 dead' 0 'Status: 500' '1 open_upload 2 remove '
before=$(uploads)
# Taken back again by the program.
expect '4 fail-after' 0 'Status: 500' '4 put '
[ "$(uploads)" = "$before" ] || fail 'an upload was left'
[ "$(count)" = 5 ] || fail "not counted from 1 again: $(count)"
expect '4 delay 1' 0 'Status: 202' '4 put '
expect '4 die' 137 '' '4 put '
[ "$(uploads)" = "$((before + 1))" ] || fail 'died too late'

for line in 'x' '0 fail' '1' '1 fall' '1 fail eio' '1 delay' '1 delay x'; do
    expect "$line" 3 'is no plan' ''
done
plan ''
post
grep -q '^Status: 202' "$work/said" || fail 'an empty plan: refused'

# The kernel sends a signal as well to who writes past a limit of his own.
status=0
head -c 100000 /dev/zero | (
    ulimit -f 100
    REQUEST_METHOD=POST CONTENT_LENGTH=100000 \
        REQUEST_URI="/v2/a/blobs/uploads/?digest=sha256:$(printf %064d 0)" \
        exec ./fcgi/upload
) >"$work/said" 2>&1 || status=$?
[ "$status" = 0 ] || fail "past the limit for a file: status $status"
grep -q '^Status: 507' "$work/said" || fail 'past the limit for a file: no 507'
