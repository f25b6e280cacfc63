#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth quota, as an administrator runs it. Run by make check in the build
# directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_RULES 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2
. "${srcdir:-.}/tests/cli/expect.sh"

# blob BYTES: one of zeros; prints its digest in hexadecimal.
blob() {
    head -c "$1" /dev/zero >"$work/blob"
    hex=$(sha256sum "$work/blob" | cut -d' ' -f1)
    mkdir -p "$tree/blobs/sha256/$(printf %.2s "$hex")/$hex"
    cp "$work/blob" "$tree/blobs/sha256/$(printf %.2s "$hex")/$hex/data"
    echo "$hex"
}

# link REPOSITORY HEX
link() {
    mkdir -p "$tree/repositories/$1/_layers/sha256/$2"
    printf 'sha256:%s' "$2" >"$tree/repositories/$1/_layers/sha256/$2/link"
}

expect 1 "root = $work/images: No such file or directory" $berth quota
mkdir -p "$tree/blobs"
expect 0 'no section of the rules has a quota' $berth quota
expect 2 'usage: berth quota' $berth quota --what

cat >"$work/rules" <<END
[*]
protect = v*
[team/*]
quota = 1000
[team/free]
quota = none
[one]
quota = 0
END
export BERTH_RULES="$work/rules"
expect 0 'team/*: 0 of 1000 bytes, 0 %' $berth quota
expect 0 'one: 0 of 0 bytes, 100 %' $berth quota
large=$(blob 700)
small=$(blob 55)
link team/a "$large"
link team/b "$large"
link team/b "$small"
link team/free "$small"
mkdir -p "$tree/repositories/team/c/_uploads/01234567-89ab-4def-8123-456789abcdef"
head -c 11 /dev/zero \
    >"$tree/repositories/team/c/_uploads/01234567-89ab-4def-8123-456789abcdef/data"
expect 0 'team/*: 0 of 1000 bytes, 0 %' $berth quota
expect 0 'team/*: 766 of 1000 bytes, 76 %' $berth quota --recount
expect 0 'team/*: 766 of 1000 bytes, 76 %' $berth quota
expect 0 '{"section":"team/*","limit":1000,"used":766,"percent":76}' \
    $berth quota --json
[ "$(wc -l <"$work/said")" = 2 ] || exit 1

# What a crash or a hand has made of the count is found out again.
rm "$tree/repositories/team/b/_layers/sha256/$small/link"
for record in "$tree"/_berth/quota/*; do
    echo garbage >"$record"
done
expect 0 'team/*: 711 of 1000 bytes, 71 %' $berth quota
rm -r "$tree/_berth/quota"
expect 0 'team/*: 711 of 1000 bytes, 71 %' $berth quota

# A collection ends with a count of its own.
rm "$tree/repositories/team/a/_layers/sha256/$large/link" \
    "$tree/repositories/team/b/_layers/sha256/$large/link"
expect 0 'team/*: 711 of 1000 bytes, 71 %' $berth quota
expect 0 'to put into the trash' $berth gc --dry-run --no-other-writer
expect 0 'team/*: 711 of 1000 bytes, 71 %' $berth quota
expect 0 'put into the trash' $berth gc --no-other-writer
expect 0 'team/*: 11 of 1000 bytes, 1 %' $berth quota

echo 'nonsense' >>"$work/rules"
expect 1 "$work/rules:" $berth quota
