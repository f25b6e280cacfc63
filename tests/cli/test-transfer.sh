#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth import, export, backup and restore, as an administrator runs them. Run
# by make check in the build directory.
set -eu

berth=$PWD/src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2
# shellcheck source=/dev/null
. "${srcdir:-.}/tests/cli/expect.sh"
cd "$work"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

sha() { sha256sum "$1" | cut -c 1-64; }

# blob DIRECTORY FILE: puts the file into a layout; its hex.
blob() {
    hex=$(sha "$2")
    cp "$2" "$1/blobs/sha256/$hex"
    echo "$hex"
}

# layout DIRECTORY NAME TEXT: an image whose one layer is a tar of this text.
layout() {
    mkdir -p "$1/blobs/sha256" "$1.d"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    printf '%s' "$3" >"$1.d/file"
    tar -c -f "$1.layer" -C "$1.d" file
    layer=$(blob "$1" "$1.layer")
    printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$layer" >"$1.config"
    config=$(blob "$1" "$1.config")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
        "$config" "$(stat -c %s "$1.config")" "$layer" "$(stat -c %s "$1.layer")" >"$1.manifest"
    image=$(blob "$1" "$1.manifest")
    named=
    [ -z "$2" ] || named=",\"annotations\":{\"org.opencontainers.image.ref.name\":\"$2\"}"
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s%s}]}' \
        "$image" "$(stat -c %s "$1.manifest")" \
        "$named" >"$1/index.json"
}

expect 1 'No such file or directory' "$berth" import nowhere team/app
mkdir images
layout one v1 'the first'

# --- layouts ---
expect 1 'nothing says which repository' "$berth" import one
expect 0 "team/app:v1 sha256:$image" "$berth" import one team/app
expect 0 'already there: 2' "$berth" import one team/app
expect 0 "team/app:v2 sha256:$image" "$berth" import one team/app:v2
expect 0 '"tag":"v1"' "$berth" import --json one other
cmp one.manifest "$tree/blobs/sha256/$(echo "$image" | cut -c 1-2)/$image/data"
rm -r one.d
layout two '' 'the second'
expect 0 "team/two:latest sha256:$image" "$berth" import two team/two
layout named team/named:v7 'the third'
expect 0 "team/named:v7 sha256:$image" "$berth" import named

expect 0 'images: 2' "$berth" export team/app out
grep -q '"org.opencontainers.image.ref.name":"v1"' out/index.json
cmp one.manifest "out/blobs/sha256/$(sha one.manifest)"
expect 0 'images: 1' "$berth" export team/two out
grep -q '"org.opencontainers.image.ref.name":"v2"' out/index.json || fail "gone"
grep -q '"org.opencontainers.image.ref.name":"team/two:latest"' out/index.json
expect 1 'there is no team/app:none' "$berth" export team/app:none out
expect 1 'there is no none' "$berth" export none out
mkdir full && : >full/file
expect 1 'it has other things in it' "$berth" export team/app full

# What is damaged is named, and leaves nothing that looks whole.
damaged=$tree/blobs/sha256/$(sha two.layer | cut -c 1-2)/$(sha two.layer)/data
cp "$damaged" kept
tr a-z A-Z <kept >"$damaged"
expect 1 "sha256:$(sha two.layer) is damaged" "$berth" export team/two bad
[ ! -e bad/index.json ] || fail "it looks whole"
cp kept "$damaged"

# A layout that is not what it says.
times=0
for damage in 'printf x >>bad/blobs/sha256/'"$(sha two.layer)" \
    'printf x >>bad/blobs/sha256/'"$(sha two.manifest)" \
    'rm bad/blobs/sha256/'"$(sha two.config)" \
    'echo "{}" >bad/index.json' 'echo "{}" >bad/oci-layout' \
    'rm bad/blobs/sha256/'"$(sha two.manifest)"; do
    rm -rf bad
    cp -r two bad
    eval "$damage"
    times=$((times + 1))
    expect 1 'berth: ' "$berth" import bad "evil$times"
    [ ! -e "$tree/repositories/evil$times/_manifests/tags/latest" ] ||
        fail "$damage"
done

# --- archives; a berth without them says so ---
if "$berth" export team/app none.tar 2>&1 | grep -q 'built without tar'; then
    echo "without archives"
    exit 0
fi
expect 0 'images: 2' "$berth" export team/app app.tar
expect 0 'images: 2' "$berth" import app.tar from/tar
"$berth" export team/app - >piped.tar
cmp app.tar piped.tar
gzip -k app.tar
expect 0 'from/gz:v1' "$berth" import app.tar.gz from/gz
expect 0 'from/pipe:v2' sh -c "cat app.tar.gz | '$berth' import - from/pipe"
expect 1 "sha256:$(sha two.layer) is damaged" sh -c \
    "printf A | dd of='$damaged' conv=notrunc 2>/dev/null; '$berth' export team/two two.tar"
[ ! -e two.tar ] || fail "half an archive"
[ -z "$(ls -A | grep '^\.two' || true)" ] || fail "litter"
cp kept "$damaged"

# Every order of the members, cut off anywhere, twice the same, and names that
# lead elsewhere.
(cd one && tar -c -f ../last.tar blobs index.json oci-layout)
expect 0 'from/last:v1' "$berth" import last.tar from/last
(cd one && tar -c -f ../first.tar oci-layout index.json blobs)
expect 0 'from/first:v1' "$berth" import first.tar from/first
size=$(stat -c %s first.tar)
at=0
while [ $at -lt "$((size - 10240))" ]; do
    head -c $at first.tar >cut.tar
    expect 1 'berth: ' "$berth" import cut.tar from/cut
    at=$((at + 700))
done
[ ! -e "$tree/repositories/from/cut/_manifests/tags/v1" ] || fail "cut off"
cp first.tar twice.tar
tar -r -f twice.tar -C one index.json
expect 1 'index.json is in it twice' "$berth" import twice.tar from/twice
cp first.tar up.tar
tar -r -P -f up.tar --transform 's,^,../../up/,' -C one index.json
expect 0 'from/up:v1' "$berth" import up.tar from/up
[ ! -e ../../up ] || fail "it led out"
mkdir links && ln -s /etc/passwd links/index.json && cp one/oci-layout links
tar -c -f links.tar -C links oci-layout index.json
expect 1 'there is no index.json in it' "$berth" import links.tar from/links
truncate -s 1G links/hole
tar -c -S -f sparse.tar -C links oci-layout hole
expect 1 'has holes' "$berth" import sparse.tar from/sparse
head -c 20000 /dev/urandom >noise
expect 1 'berth: noise: ' "$berth" import noise from/noise

# --- docker save ---
mkdir -p docker/id docker/same
cp one.layer docker/id/layer.tar
ln -s ../id/layer.tar docker/same/layer.tar
printf '{"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
    "$(sha one.layer)" "$(sha one.layer)" >docker/config
config=$(sha docker/config)
mv docker/config "docker/$config.json"
printf '[{"Config":"%s.json","RepoTags":["docker.io/library/old:1"],"Layers":["id/layer.tar","same/layer.tar"]}]' \
    "$config" >docker/manifest.json
tar -c -f docker.tar -C docker .
expect 0 'library/old:1 sha256:' "$berth" import docker.tar
[ -e "$tree/repositories/library/old/_layers/sha256/$config/link" ] || fail "config"
[ -e "$tree/repositories/library/old/_layers/sha256/$(sha one.layer)/link" ] || fail "layer"
expect 0 'team/new:2 sha256:' "$berth" import docker.tar team/new:2
printf x >>docker/id/layer.tar
tar -c -f docker.tar -C docker .
expect 1 'the bytes received are sha256:' "$berth" import docker.tar team/bad
mv "docker/$config.json" docker/config
printf '[{"Config":"../../../../../../../etc/passwd","RepoTags":["x:1"],"Layers":[]}]' \
    >docker/manifest.json
tar -c -f docker.tar -C docker .
expect 1 'there is no ' "$berth" import docker.tar

# Names of others do no harm to a terminal.
mkdir -p odd && cp -r one/* odd/
printf '{"manifests":[{"digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"\\u001b[31mred"}}]}' \
    "$(sha one.manifest)" "$(stat -c %s one.manifest)" >odd/index.json
expect 1 'x1b[31mred' "$berth" import odd
grep -q "$(printf '\033')" said && fail "it colours"

# One short list asks for more than there is memory for.
seq -f '"r%g/app:1",' 15000 | tr -d '\n' >tags
yes '"same/layer.tar"' | head -n 100 | paste -s -d , >layers
yes "\"sha256:$(sha one.layer)\"" | head -n 100 | paste -s -d , >ids
printf '{"rootfs":{"diff_ids":[%s]}}' "$(cat ids)" >docker/many.json
printf '[{"Config":"many.json","RepoTags":[%s"r/app:1"],"Layers":[%s]}]' \
    "$(cat tags)" "$(cat layers)" >docker/manifest.json
tar -c -f docker.tar -C docker .
expect 1 'there are more than 500000 blobs' "$berth" import docker.tar

# --- quotas, protected tags, the floor: as for pushes ---
cat >rules <<END
[small/*]
quota = 100
[team/*]
protect = v1
END
expect 1 'quota' env BERTH_RULES="$work/rules" "$berth" import one small/app
[ ! -e "$tree/repositories/small/app/_manifests/tags/v1" ] || fail "a tag"
expect 1 'protected' env BERTH_RULES="$work/rules" "$berth" import two team/app:v1
expect 0 "team/app:v1 sha256:$(sha one.manifest)" \
    env BERTH_RULES="$work/rules" "$berth" import one team/app:v1
expect 1 'berth: ' env BERTH_FREE_FLOOR=1000T "$berth" import named small/floor
[ ! -e "$tree/repositories/small/floor/_manifests/tags/v7" ] || fail "below the floor"

# --- another registry's tree ---
mkdir theirs
cp -r images/docker theirs/
expect 1 "there is no docker/registry/v2" "$berth" import --tree links
expect 1 'is the registry itself' "$berth" import --tree images
mkdir empty
expect 0 'imported: repositories: ' env BERTH_ROOT="$work/empty" "$berth" import --tree theirs
diff -r theirs/docker/registry/v2/blobs empty/docker/registry/v2/blobs
mkdir linked
expect 0 'repositories: 1, tags: 2' env BERTH_ROOT="$work/linked" \
    "$berth" import --tree theirs --link team/app
[ "theirs/docker/registry/v2/blobs/sha256/$(sha one.layer | cut -c 1-2)/$(sha one.layer)/data" -ef \
    "linked/docker/registry/v2/blobs/sha256/$(sha one.layer | cut -c 1-2)/$(sha one.layer)/data" ] || fail "no link"

# --- backup and restore ---
expect 0 'backed up: repositories: ' "$berth" backup copy
expect 0 'tags: 0, manifests: 0, blobs: 0, bytes: 0' "$berth" backup copy
grep -q '"complete":true' copy/berth-backup
expect 1 'is the registry itself' "$berth" backup images
mkdir again
expect 0 'restored: repositories: ' env BERTH_ROOT="$work/again" "$berth" restore copy
diff -r images/docker/registry/v2/blobs again/docker/registry/v2/blobs
expect 0 'tags: 0, manifests: 0, blobs: 0, bytes: 0' env BERTH_ROOT="$work/again" "$berth" restore --data copy
sed -i 's/true/false/; s/"ended".*"problems"/"problems"/' copy/berth-backup
expect 1 'say --yes' "$berth" restore copy
rm copy/berth-backup
expect 0 'restored' "$berth" restore --keep copy
# A tag that was moved since is moved back on demand only; a protected one not
# at all; what is over the quota is left out, and told.
expect 0 'team/app:v2 sha256:' "$berth" import two team/app:v2
expect 1 'say --yes' "$berth" restore copy
expect 0 'tags: 0' "$berth" restore --keep copy
printf '[team/app]\nprotect = v2\n' >rules
expect 3 'protected' env BERTH_RULES="$work/rules" "$berth" restore --yes copy
expect 0 'tags: 1' "$berth" restore --yes copy
mkdir over
printf '[team/*]\nquota = 100\n' >rules
expect 3 'quota' env BERTH_RULES="$work/rules" BERTH_ROOT="$work/over" "$berth" restore --yes copy
find over -path '*team*/tags/*' -name link >left
[ ! -s left ] || fail "tags of what has no room: $(cat left)"
mkdir -p none/docker/registry/v2
expect 1 'say --yes' env BERTH_ROOT="$work/none" "$berth" backup copy
expect 0 'removed: ' env BERTH_ROOT="$work/none" "$berth" backup --yes copy

for words in import 'import a b c' 'import --link a' export 'export x' backup \
    'backup a b' restore 'restore --keep --yes a' 'restore a UPPER' \
    'import x team/app@sha256:0'; do
    status=0
    # shellcheck disable=SC2086
    "$berth" $words >"$work/said" 2>&1 || status=$?
    [ "$status" = 2 ] || [ "$words" = 'import x team/app@sha256:0' ] ||
        fail "$words: status $status"
done
