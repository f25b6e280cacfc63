#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth check, as an administrator or cron runs it. Run by make check in the
# build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_SPARSE 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2

. "${srcdir:-.}/tests/cli/expect.sh"

fail() {
    echo "FAIL: $*" >&2
    cat "$work/said" >&2
    exit 1
}

# said TEXT...: the last command said each of them.
said() {
    for text in "$@"; do
        grep -qF -- "$text" "$work/said" || fail "no \"$text\""
    done
}

hex_of() {
    sha256sum "$1" | cut -c1-64
}

# blob REPOSITORY FILE: pushes it.
blob() {
    hex=$(hex_of "$2")
    directory=$tree/blobs/sha256/$(echo "$hex" | cut -c1-2)/$hex
    link=$tree/repositories/$1/_layers/sha256/$hex
    mkdir -p "$directory" "$link"
    cp "$2" "$directory/data"
    printf 'sha256:%s' "$hex" >"$link/link"
}

descriptor() {
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%d}' \
        "$1" "$(hex_of "$2")" "$(wc -c <"$2")"
}

# image REPOSITORY TAG TEXT: one with a layer of this text.
image() {
    oci=application/vnd.oci.image
    printf '{}' >"$work/config"
    printf '%s' "$3" >"$work/layer"
    blob "$1" "$work/config"
    blob "$1" "$work/layer"
    layer=$hex
    {
        printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json",' $oci
        printf '"config":%s,' "$(descriptor $oci.config.v1+json "$work/config")"
        printf '"layers":[%s]}' \
            "$(descriptor $oci.layer.v1.tar "$work/layer")"
    } >"$work/manifest"
    blob "$1" "$work/manifest"
    rm -r "$link"
    manifests=$tree/repositories/$1/_manifests
    for place in revisions tags/$2/index; do
        mkdir -p "$manifests/$place/sha256/$hex"
        printf 'sha256:%s' "$hex" >"$manifests/$place/sha256/$hex/link"
    done
    mkdir -p "$manifests/tags/$2/current"
    printf 'sha256:%s' "$hex" >"$manifests/tags/$2/current/link"
}

# age: nothing was written within the last two days.
age() {
    find "$tree" -exec touch -h -d '2 days ago' {} +
}

data_of() {
    echo "$tree/blobs/sha256/$(echo "$1" | cut -c1-2)/$1/data"
}

expect 1 "berth: root = $work/images: No such file or directory" $berth check
mkdir "$work/images"
expect 0 "$work/images holds no registry yet" $berth check
[ -z "$(ls "$work/images")" ] || fail "made something in an empty root"

mkdir -p "$tree/blobs" "$tree/repositories"
expect 0 'damages: 0; images hurt: 0; notices: 0' $berth check
image team/app v1 'the layer of v1'
v1=$hex v1_layer=$layer
image other v1 'the layer of another'
age
expect 0 'damages: 0; images hurt: 0; notices: 0' $berth check --data
said 'read: blobs: 5, bytes: '
[ ! -e "$tree/_berth" ] || fail "something was written"

# A link that is lost, and mended; nobody is asked where nobody can answer.
rm -r "$tree/repositories/team/app/_layers/sha256/$v1_layer"
expect 1 "team/app@sha256:$v1_layer: layer-unlinked: a manifest needs" \
    $berth check
said '[--repair sees to it]' 'damages: 1; images hurt: 0; notices: 0'
expect 1 'say --yes' $berth check --repair </dev/null
[ ! -e "$tree/repositories/team/app/_layers/sha256/$v1_layer" ] ||
    fail "without consent"
expect 0 '[seen to]' $berth check --repair --yes
said 'damages: 1, seen to: 1; images hurt: 0; notices: 0'
[ "$(cat "$tree/repositories/team/app/_layers/sha256/$v1_layer/link")" = \
    "sha256:$v1_layer" ] || fail "the link"
expect 0 'damages: 0; images hurt: 0; notices: 0' $berth check

# A bit, which only --data sees; the bytes go aside and the image is named.
data=$(data_of "$v1_layer")
printf 'The layer of v1' >"$data"
age
expect 0 'damages: 0' $berth check
expect 1 "sha256:$v1_layer: blob-corrupt: its bytes" $berth check --data
said "hurt: team/app:v1@sha256:$v1 lacks sha256:$v1_layer"
expect 1 '"kind":"hurt","repository":"team/app","tag":"v1"' \
    $berth check --data --json --rate 0
said '"damage":"blob-corrupt","harmful":true,"outcome":"mendable"' \
    '"kind":"summary","damages":1,"mended":0'
expect 0 'damages: 0' $berth check --data other
expect 1 'blob-corrupt' $berth check --data team/app other
expect 3 'push the images that are hurt again' \
    $berth check --data --repair --yes
[ ! -e "$data" ] || fail "wrong bytes are still served"
[ "$(cat "$tree/_berth/quarantine/sha256/$v1_layer")" = 'The layer of v1' ] ||
    fail "the bytes are lost"
expect 1 'blob-missing' $berth check
said 'nobody has pushed it again'
image team/app v1 'the layer of v1'
expect 0 'it was pushed again: this may be deleted' $berth check --data

# What is young is left, unless somebody says that nobody writes.
: >"$tree/repositories/other/_manifests/tags/v1/current/link"
expect 3 'too young' $berth check --repair --yes
[ ! -s "$tree/repositories/other/_manifests/tags/v1/current/link" ] ||
    fail "it was young"
expect 0 '[seen to]' $berth check --repair --yes --older-than 0s

# What the file system alone shows.
ln -s nowhere "$tree/repositories/other/_layers/lost"
mkfifo "$tree/blobs/pipe"
expect 1 'special: it is neither a file nor a directory' $berth check
said 'blobs/pipe' 'other/_layers/lost'
rm "$tree/repositories/other/_layers/lost" "$tree/blobs/pipe"

for words in '--rate 5M' '--data --rate much' '--older-than' 'UPPER' \
    '--older-than 1w' '--repare' '--shared --wait' '--shared --data' \
    '--shared --wait 0'; do
    status=0
    # shellcheck disable=SC2086
    $berth check $words >"$work/said" 2>&1 || status=$?
    [ "$status" = 2 ] || fail "check $words: status $status"
    grep -qF 'usage: ' "$work/said" || fail "check $words: no usage"
done
expect 1 'berth: nobody: ' $berth check nobody

# --- two hosts, as far as two processes can stand for them ---

# shared STATUS STATUS [ENV...]: two meet, and end like that in any order.
shared() {
    wanted="$1 $2"
    shift 2
    one=0 two=0
    "$@" $berth check --shared >"$work/one" 2>&1 &
    other=$!
    "$@" $berth check --shared >"$work/two" 2>&1 || two=$?
    wait $other || one=$?
    cat "$work/one" "$work/two" >"$work/said"
    [ "$one $two" = "$wanted" ] || fail "shared: $one $two, wanted $wanted"
}

shared 0 0 env
said 'ok: a lock of one is refused to the other' 'failed: 0' \
    'ok: a lock goes with the process that has it' \
    'ok: what one writes the other sees' 'ok: the clocks are' \
    'ok: a rename spares what the other has put there'
[ -z "$(ls "$tree/_berth/shared")" ] || fail "left something to others"

# Locks that are granted to everybody, as a mount with "nolock" does.
cat >"$work/nolock.c" <<'C'
int fcntl(int fd, int command, ...);
int fcntl64(int fd, int command, ...);
int fcntl(int fd, int command, ...) { (void)fd; (void)command; return 0; }
int fcntl64(int fd, int command, ...) { (void)fd; (void)command; return 0; }
C
# shellcheck disable=SC2086
${CC:-cc} -shared -fPIC -o "$work/nolock.so" "$work/nolock.c"
shared 1 1 env LD_PRELOAD="$work/nolock.so" \
    ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
said 'FAILED: a lock of one is not refused to the other'

# Two trees are none that is shared.
mkdir -p "$work/else/docker/registry/v2"
BERTH_ROOT=$work/else $berth check --shared --wait 2s >"$work/one" 2>&1 &
other=$!
expect 1 'nobody else came' $berth check --shared --wait 2s
status=0
wait $other || status=$?
[ "$status" = 1 ] || fail "met somebody in another tree"

# All manifests of a repository lost: nothing refers to them, so it is told
# once no push can be what the blobs are there for.
image lost v1 'a layer without a manifest'
rm -r "$tree/repositories/lost/_manifests"
expect 0 'notices: 0' $berth check lost
find "$tree/repositories/lost" -name link -exec touch -d '3 days ago' {} +
expect 0 'no-manifest: the repository has old blobs' $berth check lost
rm -r "$tree/repositories/lost"

# Root works as the owner of the tree, and tells what is not his.
[ "$(id -u)" = 0 ] || exit 0
chmod 755 "$work" "$work/images"
chown -R nobody "$work/images"
data=$(data_of "$v1_layer")
chown root "$data"
chmod 644 "$data"
expect 1 'not-ours: its owner or mode forbids the programs to use it' \
    $berth check
said "blobs/sha256/" 'berth adopt gives it to the programs'
chown nobody "$data"
expect 0 'damages: 0' $berth check
