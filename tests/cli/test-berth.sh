#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The berth command, as an administrator types it. Run by make check in the
# build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_ROOT BERTH_LOG 2>/dev/null || true

. "${srcdir:-.}/tests/cli/expect.sh"

mkdir "$work/images"
printf '# settings\nroot = %s/images\nlog = errors\n' "$work" >"$work/good"
printf 'root = %s/images\n\ndelete = nein\n' "$work" >"$work/bad"
printf 'root = %s/nothing\n' "$work" >"$work/absent"
printf 'root = %s/good\n' "$work" >"$work/file"

expect 0 'berth ' $berth --version
expect 0 'usage: berth ' $berth --help
expect 0 'configtest            print the settings' $berth --help
expect 0 'usage: berth configtest [-c FILE]' $berth configtest --help
expect 0 '       berth check --web URL ' $berth check --help
expect 0 'usage: berth token key ' $berth token robot --help
expect 2 'usage: ' $berth
expect 2 'usage: ' $berth something
expect 2 'usage: berth COMMAND' $berth check-
expect 2 'usage: berth COMMAND' $berth ''
expect 2 'usage: ' $berth configtest -c
expect 2 'usage: ' $berth configtest extra

expect 0 'log = errors' $berth configtest -c "$work/good"
expect 0 'delete = yes' $berth configtest -c "$work/good"
expect 0 'it holds no registry yet' $berth configtest -c "$work/good"
expect 0 "root = $work/images" env BERTH_CONFIG="$work/good" $berth configtest
expect 0 'log = all' env BERTH_LOG=all $berth configtest -c "$work/good"
expect 1 "$work/bad:3: delete must be yes or no" \
    $berth configtest -c "$work/bad"
expect 1 'BERTH_LOG: log must be one of: all, errors' \
    env BERTH_LOG=some $berth configtest -c "$work/good"
expect 1 "$work/none: No such file" $berth configtest -c "$work/none"
expect 1 "root = $work/nothing: No such file" $berth configtest -c "$work/absent"
expect 1 "root = $work/good is no directory" $berth configtest -c "$work/file"

mkdir -p "$work/images/docker/registry/v2"
chmod 2777 "$work/images/docker/registry/v2"
expect 0 'v2 has mode 2777; it can be written by root' \
    $berth configtest -c "$work/good"
expect 0 'and EVERYBODY' $berth configtest -c "$work/good"
chmod 2750 "$work/images/docker/registry/v2" "$work/images"
$berth configtest -c "$work/good" >"$work/said"
if grep -q 'is closed' "$work/said"; then exit 1; fi
chmod 2710 "$work/images/docker/registry/v2"
expect 0 'v2 is closed to group' $berth configtest -c "$work/good"
chmod 2750 "$work/images/docker/registry/v2"
chmod 2700 "$work/images"
expect 0 'images is closed to group' $berth configtest -c "$work/good"
chmod 2755 "$work/images"

# An empty tree has nothing at which another collector stops, and stays empty.
expect 2 'usage: ' $berth check UPPER
expect 2 'usage: ' $berth check --distribution -c
expect 2 'usage: ' $berth check --shared extra
[ -z "$($berth check --distribution -c "$work/good")" ]
expect 1 "root = $work/nothing: No such file" \
    $berth check --distribution -c "$work/absent"
[ -z "$(ls -A "$work/images/docker/registry/v2")" ]

# A manifest of a type it does not know.
hex=$(printf 'x%.0s' 1 2 | sha256sum | cut -c1-64)
repository=$work/images/docker/registry/v2/repositories/team/app
mkdir -p "$repository/_layers" "$repository/_manifests/tags" \
    "$repository/_manifests/revisions/sha256/$hex" \
    "$work/images/docker/registry/v2/blobs/sha256/$(echo "$hex" | cut -c1-2)/$hex"
printf 'sha256:%s' "$hex" >"$repository/_manifests/revisions/sha256/$hex/link"
printf '{"schemaVersion":2,"mediaType":"x/y"}' \
    >"$work/images/docker/registry/v2/blobs/sha256/$(echo "$hex" | cut -c1-2)/$hex/data"
expect 1 "team/app sha256:$hex: the collector of 2.8 and 3 stops: mediaType" \
    $berth check --distribution -c "$work/good"

# A text that is JSON to Go alone, and a layer whose bytes lie elsewhere.
store_manifest() { # DIGITS TEXT
    mkdir -p "$repository/_manifests/revisions/sha256/$1"
    printf 'sha256:%s' "$1" >"$repository/_manifests/revisions/sha256/$1/link"
    mkdir -p "$blobs/$(echo "$1" | cut -c1-2)/$1"
    printf %s "$2" >"$blobs/$(echo "$1" | cut -c1-2)/$1/data"
}
blobs=$work/images/docker/registry/v2/blobs/sha256
rm -r "$repository/_manifests/revisions/sha256/$hex"
store_manifest "$hex" '{"schemaVersion":2,"schemaVersion":2}'
expect 1 "team/app sha256:$hex: the collector of 2.8 and 3 may stop: " \
    $berth check --distribution -c "$work/good"
layer=$(printf 'y%.0s' 1 2 | sha512sum | cut -c1-128)
mkdir -p "$repository/_layers/sha512/$layer"
printf 'sha256:%s' "$hex" >"$repository/_layers/sha512/$layer/link"
store_manifest "$hex" '{"schemaVersion":2,
    "mediaType":"application/vnd.oci.image.manifest.v1+json",
    "config":{"mediaType":"a/b","size":1,"digest":"sha256:'"$hex"'"},
    "layers":[{"mediaType":"a/b","size":1,"digest":"sha512:'"$layer"'"}]}'
expect 1 "the collector of 2.8 and 3 deletes what is needed: it refers to \
sha512:$layer, whose bytes are stored under another digest" \
    $berth check --distribution -c "$work/good"
[ "$(wc -l <"$work/said")" = 1 ]

# One repository that cannot be read hides nothing of the next.
mkdir -p "$repository/../abc/_layers/sha256/$hex"
ln -s link "$repository/../abc/_layers/sha256/$hex/link"
expect 1 "team/app sha256:$hex: the collector of 2.8 and 3 deletes" \
    $berth check --distribution -c "$work/good"
grep -qF 'berth: team/abc: ' "$work/said"
rm -r "$repository"
expect 1 'berth: team/abc: ' $berth check --distribution -c "$work/good"

# What it prints can be read again and means the same.
$berth configtest -c "$work/good" >"$work/printed"
$berth configtest -c "$work/printed" | cmp - "$work/printed"

# The sample holds every key at its default.
sed -n 's/^#\([a-z_]* = .*\)/\1/p' "${srcdir:-.}/etc/berth.conf" |
    sed "s|^root = .*|root = $work/images|" >"$work/sample"
BERTH_ROOT="$work/images" $berth configtest -c /dev/null | grep -v '^#' \
    >"$work/defaults"
$berth configtest -c "$work/sample" | grep -v '^#' | cmp - "$work/defaults"
[ "$(wc -l <"$work/sample")" = "$(wc -l <"$work/defaults")" ]
