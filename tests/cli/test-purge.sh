#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth purge, as an administrator or cron runs it. Run by make check in the
# build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_UPLOAD_AGE 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2
one=01234567-89ab-4def-8123-456789abcdef
two=fedcba98-7654-4210-8fed-cba987654321

fail() {
    echo "FAIL: $*" >&2
    cat "$work/said" >&2
    exit 1
}

# expect STATUS TEXT COMMAND...: how a command ends and a whole line it says.
expect() {
    wanted=$1 text=$2
    shift 2
    status=0
    "$@" >"$work/said" 2>&1 || status=$?
    [ "$status" = "$wanted" ] || fail "$*: status $status, wanted $wanted"
    grep -qxF -- "$text" "$work/said" || fail "$*: no line \"$text\""
}

# upload REPOSITORY UUID BYTES AGE: one that began and rested so long ago.
upload() {
    directory=$tree/repositories/$1/_uploads/$2
    mkdir -p "$directory/hashstates/sha256"
    date -u -d "$4 ago" +%Y-%m-%dT%H:%M:%SZ | tr -d '\n' \
        >"$directory/startedat"
    head -c "$3" /dev/zero >"$directory/data"
    touch -d "$4 ago" "$directory/startedat" "$directory/data"
}

expect 1 "berth: root = $work/images: No such file or directory" $berth purge
mkdir "$work/images"
expect 0 "$work/images holds no registry yet" $berth purge
[ -z "$(ls "$work/images")" ] || fail "made something in an empty root"

mkdir -p "$tree/repositories/full/_manifests/tags/v1/current" "$tree/blobs"
printf 'sha256:1' >"$tree/repositories/full/_manifests/tags/v1/current/link"
nothing='removed: uploads: 0, bytes: 0; files of killed programs: 0, bytes: 0'
expect 0 "$nothing" $berth purge

upload full $one 10 '8 days'
upload only/uploads $one 200 '8 days'
upload only/uploads $two 3000 '6 days'
expect 0 'full: uploads: 1, bytes: 10' $berth purge --dry-run
expect 0 'to remove: uploads: 2, bytes: 210; files of killed programs: 0, bytes: 0' \
    $berth purge --dry-run
[ -d "$tree/repositories/full/_uploads/$one" ] || fail "no dry run"
expect 0 'upload_age = 0: nothing grows old' \
    env BERTH_UPLOAD_AGE=0 $berth purge
[ -d "$tree/repositories/full/_uploads/$one" ] || fail "0 is not never"
printf 'upload_age = 30d\n' >"$work/conf"
expect 0 "$nothing" $berth purge -c "$work/conf"
expect 0 'removed: uploads: 2, bytes: 210; files of killed programs: 0, bytes: 0' \
    $berth purge
[ ! -e "$tree/repositories/full/_uploads/$one" ] || fail "it is still there"
[ -d "$tree/repositories/only/uploads/_uploads/$two" ] || fail "too young"
expect 0 'only/uploads: uploads: 1, bytes: 3000' \
    $berth purge --older-than 5d -c "$work/conf"
[ -z "$(ls -A "$tree/repositories/only/uploads/_uploads")" ] || fail "left"
expect 0 "$nothing" $berth purge --older-than 1s

# What a killed process had only begun counts from the directory's time.
mkdir "$tree/repositories/full/_uploads/$one" \
    "$tree/repositories/full/_uploads/$two"
touch -d '8 days ago' "$tree/repositories/full/_uploads/$two"
touch -d '50 minutes ago' "$tree/repositories/full/_uploads/$one"
expect 0 'removed: uploads: 1, bytes: 0; files of killed programs: 0, bytes: 0' \
    $berth purge
[ -d "$tree/repositories/full/_uploads/$one" ] || fail "it is being made"

# Temporary files: ours always, those of registry:2 when asked for, and none
# that may be in use.
mkdir -p "$tree/_berth/tmp"
printf 12345 >"$tree/_berth/tmp/0123456789abcdef"
printf 12345 >"$tree/_berth/tmp/fedcba9876543210"
touch -d '8 days ago' "$tree/_berth/tmp/0123456789abcdef"
touch -d '50 minutes ago' "$tree/_berth/tmp/fedcba9876543210"
link=$tree/repositories/full/_manifests/tags/v1/current/link
printf 123 >"$link.$one.tmp"
printf 123 >"$link.$two.tmp"
touch -d '8 days ago' "$link.$one.tmp"
expect 0 'to remove: uploads: 0, bytes: 0; files of killed programs: 2, bytes: 8' \
    $berth purge --dry-run --deep
expect 0 'removed: uploads: 0, bytes: 0; files of killed programs: 1, bytes: 5' \
    $berth purge
[ -e "$link.$one.tmp" ] || fail "deep without --deep"
expect 0 'removed: uploads: 0, bytes: 0; files of killed programs: 1, bytes: 3' \
    $berth purge --deep
expect 0 'removed: uploads: 1, bytes: 0; files of killed programs: 0, bytes: 0' \
    $berth purge --deep --older-than 30m
[ -e "$tree/_berth/tmp/fedcba9876543210" ] || fail "it was in use"
[ -e "$link.$two.tmp" ] || fail "it was in use, too"
[ "$(cat "$link")" = sha256:1 ] || fail "the tag"

for words in '--older-than' '--older-than 0' '--older-than -1' '-c' 'full' \
    '--older-than 1w' '--older-than 99999d' '--dry'; do
    status=0
    # shellcheck disable=SC2086
    $berth purge $words >"$work/said" 2>&1 || status=$?
    [ "$status" = 2 ] || fail "purge $words: status $status"
    grep -qF 'usage: ' "$work/said" || fail "purge $words: no usage"
done
expect 1 'berth: BERTH_UPLOAD_AGE: upload_age must be a number of seconds such as 24h' \
    env BERTH_UPLOAD_AGE=week $berth purge

# Root works as the owner of the tree, whom it must not lock out; and what the
# owner cannot remove is told and spares nothing else.
[ "$(id -u)" = 0 ] || exit 0
chmod 755 "$work" "$work/images"
rm -r "$tree/_berth"
upload full $one 10 '8 days'
upload only $one 10 '8 days'
chown -R nobody "$work/images"
chown root "$tree/repositories/full/_uploads"
chmod 755 "$tree/repositories/full/_uploads"
expect 1 'removed: uploads: 1, bytes: 10; files of killed programs: 0, bytes: 0' \
    $berth purge
grep -qF "berth: " "$work/said" || fail "silent about what stayed"
[ -d "$tree/repositories/full/_uploads/$one" ] || fail "as root"
[ "$(stat -c %U "$tree/_berth/tmp")" = nobody ] || fail "a directory of root's"
