#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth gc, as an administrator or a timer runs it. Run by make check in the
# build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_GRACE BERTH_UPLOAD_AGE 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2
here=$(dirname "$0")
. "$here/expect.sh"

fail() {
    echo "FAIL: $*" >&2
    cat "$work/said" >&2
    exit 1
}

# old PATH: it came long ago, by a program of ours.
old() {
    chmod 640 "$1"
    touch -d '3 days ago' "$1"
}

# blob REPOSITORY TEXT: an old blob the repository has; its digest in $digest.
blob() {
    digest=$(printf %s "$2" | sha256sum | cut -d' ' -f1)
    short=$(printf %.2s "$digest")
    mkdir -p "$tree/blobs/sha256/$short/$digest" \
        "$tree/repositories/$1/_layers/sha256/$digest"
    printf %s "$2" >"$tree/blobs/sha256/$short/$digest/data"
    printf %s "sha256:$digest" \
        >"$tree/repositories/$1/_layers/sha256/$digest/link"
    old "$tree/blobs/sha256/$short/$digest/data"
    old "$tree/repositories/$1/_layers/sha256/$digest/link"
}

# image REPOSITORY LAYER: an old manifest of an old layer.
image() {
    blob "$1" "$2"
    text='{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
    text=$text'"config":{"mediaType":"a/b","digest":"sha256:'$digest'","size":1},"layers":[]}'
    blob "$1" "$text"
    rm -r "$tree/repositories/$1/_layers/sha256/$digest"
    mkdir -p "$tree/repositories/$1/_manifests/revisions/sha256/$digest" \
        "$tree/repositories/$1/_manifests/tags"
    printf %s "sha256:$digest" \
        >"$tree/repositories/$1/_manifests/revisions/sha256/$digest/link"
    old "$tree/repositories/$1/_manifests/revisions/sha256/$digest/link"
}

data() {
    printf %s "$tree/blobs/sha256/$(printf %.2s "$1")/$1/data"
}

expect 1 "root = $work/images: No such file" $berth gc
mkdir "$work/images"
expect 0 "holds no registry yet" $berth gc
expect 2 "usage:" $berth gc --grace
expect 2 "usage:" $berth gc --grace soon
expect 2 "usage:" $berth gc --no-such-word

image team/app layer
kept=$digest
blob team/app spare
spare=$digest

echo '-- a dry run says why, and changes nothing' >&2
expect 0 "layer team/app sha256:$spare, bytes: 71: no manifest of the repository refers to it" \
    $berth gc --dry-run
expect 0 "blob sha256:$spare, bytes: 5: no repository has it" $berth gc --dry-run
expect 0 '{"item":"blob","digest":"sha256:'"$spare"'","bytes":5,"reason":"no repository has it"}' \
    $berth gc --dry-run --json
[ -e "$(data "$spare")" ] || fail "no dry run"

echo '-- the grace' >&2
expect 1 "--grace must not be shorter than the grace of the settings" \
    $berth gc --grace 1h
expect 0 "put into the trash: 0, bytes: 0" $berth gc --grace 7d
expect 0 "put into the trash: 2, bytes: 76" $berth gc
[ ! -e "$(data "$spare")" ] || fail "the blob is there"
[ -e "$(data "$kept")" ] || fail "a manifest has gone"
expect 0 "removed: files from the trash: 2, uploads: 0, files of killed programs: 0; bytes freed: 76" \
    $berth gc
expect 0 '"retired":0,' $berth gc --json
expect 0 '"restored":0,' $berth gc --json

echo '-- a full disk' >&2
blob team/app spare
expect 0 "removed: files from the trash: 2" $berth gc --empty-trash

echo '-- manifests without a tag' >&2
expect 0 "manifest team/app sha256:$kept, bytes: 0: no tag names it" \
    $berth gc --untagged 1d --dry-run
expect 1 "--yes" sh -c "$berth gc --untagged 1d </dev/null"
[ -e "$(data "$kept")" ] || fail "it did not ask"
mkdir -p "$tree/repositories/team/app/_manifests/tags/v1/current"
printf %s "sha256:$kept" \
    >"$tree/repositories/team/app/_manifests/tags/v1/current/link"
expect 0 "put into the trash: 0" $berth gc --untagged 1d --yes
rm -r "$tree/repositories/team/app/_manifests/tags/v1"
expect 0 "put into the trash: 0" $berth gc --untagged 4d --yes
expect 0 "put into the trash: 3" $berth gc --untagged 1d --yes
[ ! -e "$(data "$kept")" ] || fail "the manifest is there"

echo '-- one that is damaged' >&2
image hurt layer
printf x >"$(data "$digest")"
blob hurt spare
blob sound other
expect 3 "berth: repositories/hurt/_manifests/revisions/sha256/" $berth gc
[ -e "$(data "$spare")" ] || fail "a damaged repository was collected"
[ ! -e "$(data "$digest")" ] || fail "a sound one was not"
expect 3 '"unreadable":["repositories/hurt/' $berth gc --json
rm -r "$tree/repositories/hurt" "$tree/repositories/sound"

echo '-- another program on the tree' >&2
blob foreign layer
link=$tree/repositories/foreign/_layers/sha256/$digest/link
chmod 644 "$link"
expect 1 "berth: repositories/foreign/_layers/sha256/$digest/link was made by another program" \
    $berth gc
[ -e "$link" ] || fail "it was collected"
expect 0 "layer foreign" $berth gc --no-other-writer --verbose

echo '-- a directory that no repository can be' >&2
blob team/app again
mkdir "$tree/repositories/Odd"
expect 3 "berth: repositories/Odd: is no name of a repository" $berth gc
[ ! -e "$(data "$digest")" ] || fail "the rest was not collected"
rmdir "$tree/repositories/Odd"

echo '-- one at a time' >&2
if command -v python3 >/dev/null; then
    mkfifo "$work/go"
    python3 -c '
import fcntl, struct, sys
f = open(sys.argv[1], "r+")
fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
sys.stdin.read()' "$tree/_berth/collector" <"$work/go" >"$work/held" &
    holder=$!
    exec 9>"$work/go"
    until grep -q held "$work/held"; do kill -0 $holder; done
    expect 4 "a collection or a backup is going on" $berth gc
    exec 9>&-
    wait $holder
fi
expect 0 "put into the trash:" $berth gc

echo '-- a clock that was set' >&2
sed -i 's/^wall [0-9]\{5\}/wall 17000/' "$tree/_berth/collection"
blob team/app late
expect 3 "the clock has been set since the last collection: nothing is collected until" \
    $berth gc
expect 3 '"held_for":"the clock has been set of late"' $berth gc --json
[ -e "$(data "$digest")" ] || fail "it was collected"
rm "$tree/_berth/collection"

echo '-- a directory nobody may read' >&2
if [ "$(id -u)" != 0 ]; then
    image shut layer
    chmod 0 "$tree/repositories/shut/_manifests/revisions/sha256"
    expect 3 "no bytes were collected" $berth gc
    [ -e "$(data "$digest")" ] || fail "it was collected"
    chmod 755 "$tree/repositories/shut/_manifests/revisions/sha256"
    rm -r "$tree/repositories/shut"
fi
expect 0 "put into the trash:" $berth gc
