#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth prune over a tree as registry:2 has it, and what else keeps to the
# rules: berth configtest. Run by make check in the build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_RULES BERTH_GRACE 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2
rules=$work/rules

. "${srcdir:-.}/tests/cli/expect.sh"

fail() {
    echo "FAIL: $*" >&2
    cat "$work/said" >&2
    exit 1
}

# said LINE: the last command has said just this line, among others.
said() {
    grep -qxF -- "$1" "$work/said" || fail "no line \"$1\""
}

# image REPOSITORY TEXT AGE: stores an image and says its digest.
image() {
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"x/y","digest":"sha256:%064d","size":1},"layers":[],"annotations":{"text":"%s"}}' \
        0 "$2" >"$work/json"
    store "$1" "$3"
}

# index REPOSITORY CHILD AGE
index() {
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":1}]}' \
        "$2" >"$work/json"
    store "$1" "$3"
}

store() {
    hex=$(sha256sum "$work/json" | cut -c 1-64)
    data=$tree/blobs/sha256/$(printf %.2s "$hex")/$hex
    link=$tree/repositories/$1/_manifests/revisions/sha256/$hex
    mkdir -p "$data" "$link" "$tree/repositories/$1/_layers" \
        "$tree/repositories/$1/_manifests/tags"
    cp "$work/json" "$data/data"
    printf 'sha256:%s' "$hex" >"$link/link"
    touch -d "$2 ago" "$data/data" "$link/link"
    echo "sha256:$hex"
}

# tag REPOSITORY TAG DIGEST AGE
tag() {
    directory=$tree/repositories/$1/_manifests/tags/$2
    mkdir -p "$directory/current" "$directory/index/sha256/${3#*:}"
    printf %s "$3" >"$directory/current/link"
    printf %s "$3" >"$directory/index/sha256/${3#*:}/link"
    touch -d "$4 ago" "$directory/current/link"
}

tags() {
    ls "$tree/repositories/$1/_manifests/tags" | tr '\n' ' '
}

revisions() {
    find "$tree/repositories/$1/_manifests/revisions" -name link | wc -l
}

# --- before there is anything to do

expect 1 'berth: root = ' $berth prune
mkdir "$work/images"
expect 0 'holds no registry yet' $berth prune
mkdir -p "$tree"
expect 0 'no rules say what goes: nothing to do' $berth prune
printf '[*]\nprotect = v*\nquota = 1G\n' >"$rules"
export BERTH_RULES="$rules"
expect 0 'no rules say what goes: nothing to do' $berth prune
expect 1 'berth: nothing is deleted without rules' \
    env BERTH_RULES="$work/none" $berth prune
said "berth: $work/none: No such file or directory"

old=$(image ci/app old '60 days')
part=$(image ci/app part '60 days')
list=$(index ci/app "$part" '60 days')
new=$(image ci/app new '1 day')
tag ci/app b1 "$old" '50 days'
tag ci/app b2 "$list" '40 days'
tag ci/app b3 "$old" '3 days'
tag ci/app b4 "$new" '1 day'
tag ci/app v1 "$list" '60 days'
tag ci/app stable "$new" '60 days'
base=$(image base base '60 days')
tag base b1 "$base" '60 days'
image base spare '60 days' >/dev/null
cat >"$rules" <<'END'
[*]
protect = v*
untagged = 30d
[ci/*]
keep_last = 2
keep_newer = 36h
keep_matching = stable
END

# --- a dry run tells each decision and its reason

cp -a "$work/images" "$work/before"
expect 0 'to delete: tags: 2, manifests: 1; kept tags: 4' \
    $berth prune --dry-run
grep -qE '^  would delete tag b1, pushed [0-9T:Z-]{20}: matches no pattern, number 4 of those pushed last, of which 2 are kept, older than 36h \(\[ci/\*\], line 4\)$' \
    "$work/said" || fail 'b1'
grep -qE '^  keep tag b3, pushed .*: number 2 of the last 2 \(' "$work/said" ||
    fail 'b3'
grep -qE '^  keep tag v1, .*: protected by v\* \(\[\*\], line 1\)$' \
    "$work/said" || fail 'v1'
grep -qE '^  keep tag stable, .*: matches stable \(' "$work/said" ||
    fail 'stable'
grep -qE "^  keep manifest $part, used .*: a part of $list \\(" "$work/said" ||
    fail 'part'
grep -qE "^  keep manifest $list, used .*: tag v1 \\(" "$work/said" ||
    fail 'list'
grep -qE '^  would delete manifest sha256:.*: nothing names it, not used for 30d \(\[\*\], line 1\)$' \
    "$work/said" || fail 'spare'
diff -r "$work/before" "$work/images" >/dev/null || fail 'a dry run'

expect 0 '"tags_deleted":2' $berth prune --dry-run --json
/usr/bin/python3 - "$work/said" <<'END' || fail 'no JSON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
tags = {x["tag"]: x for x in lines if x.get("item") == "tag"}
assert tags["b1"]["decision"] == "delete", tags["b1"]
assert tags["b4"]["decision"] == "keep", tags["b4"]
assert tags["v1"]["section"] == "*" and tags["v1"]["line"] == 1, tags["v1"]
assert tags["b1"]["repository"] == "ci/app"
assert tags["b1"]["digest"].startswith("sha256:")
assert sum(x.get("item") == "manifest" for x in lines) == 6, lines
assert lines[-1] == {
    "dry_run": True, "repositories": 2, "tags_deleted": 2, "tags_kept": 4,
    "manifests_deleted": 1, "manifests_kept": 5, "interrupted": False,
}, lines[-1]
END

# --- who is asked for

expect 0 'to delete: tags: 0, manifests: 1; kept tags: 0' \
    $berth prune --dry-run base
expect 0 'to delete: tags: 2, manifests: 0; kept tags: 4' \
    $berth prune --dry-run 'c*/app' nothing
expect 1 'berth: no repository has such a name' $berth prune --dry-run nothing

# --- without consent nothing happens

expect 1 'berth: to delete 2 tags and 1 manifests that nothing names, say --yes' \
    $berth prune
diff -r "$work/before" "$work/images" >/dev/null || fail 'without consent'

# --- nor when the clock may have been set since the last collection

mkdir -p "$tree/_berth"
printf x >"$tree/_berth/collection"
expect 1 'berth: nothing is deleted by its age: ' $berth prune --yes
expect 0 'berth: nothing is deleted by its age: ' $berth prune --dry-run
said 'to delete: tags: 2, manifests: 1; kept tags: 4'
rm "$tree/_berth/collection"
diff -r "$work/before/docker/registry/v2/repositories" "$tree/repositories" \
    >/dev/null || fail 'with a clock that was set'

# --- nor what programs may rely on that were started with a larger grace

printf 'wall %s000000000\ngrace 5184000\n' "$(date +%s)" \
    >"$tree/_berth/collection"
expect 0 'to delete: tags: 2, manifests: 0; kept tags: 4' \
    $berth prune --dry-run
rm "$tree/_berth/collection"

# --- the deed

expect 0 'deleted: tags: 2, manifests: 1; kept tags: 4' $berth prune --yes
[ "$(tags ci/app)" = 'b3 b4 stable v1 ' ] || fail "left: $(tags ci/app)"
[ "$(tags base)" = 'b1 ' ] || fail 'a repository without keep_ rules'
[ "$(revisions ci/app)" = 4 ] || fail 'manifests of ci/app'
[ "$(revisions base)" = 1 ] || fail 'manifests of base'
expect 0 'deleted: tags: 0, manifests: 0; kept tags: 4' $berth prune --yes

# The manifest goes with its last tag, but no part of what is protected.
printf '[ci/*]\nprotect = v*\nkeep_newer = 36h\nuntagged = 30d\n' >"$rules"
expect 0 'deleted: tags: 2, manifests: 1; kept tags: 2' $berth prune --yes
[ "$(tags ci/app)" = 'b4 v1 ' ] || fail "left: $(tags ci/app)"
[ ! -e "$tree/repositories/ci/app/_manifests/revisions/sha256/${old#*:}" ] ||
    fail 'the manifest of b3'

# What cannot be read is left alone and told, and spares nothing else.
printf '{' >"$tree/blobs/sha256/$(printf %.2s "${new#*:}")/${new#*:}/data"
image base spare '60 days' >/dev/null
printf '[*]\nuntagged = 30d\n' >"$rules"
expect 3 'deleted: tags: 0, manifests: 1; kept tags: 0' $berth prune --yes
grep -qF "berth: ci/app: no untagged manifest goes, as $new cannot be read" \
    "$work/said" || fail 'silent about what cannot be read'

# --- words

for words in '--older-than 1d' '-c' 'UPPER' 'a/**' '--yes --'; do
    status=0
    # shellcheck disable=SC2086
    $berth prune $words >"$work/said" 2>&1 || status=$?
    [ "$status" = 2 ] || fail "prune $words: status $status"
    grep -qF 'usage: ' "$work/said" || fail "prune $words: no usage"
done

# --- configtest looks at the rules

printf 'root = %s/images\nrules = %s\n' "$work" "$rules" >"$work/conf"
unset BERTH_RULES
expect 0 "rules = $rules" $berth configtest -c "$work/conf"
printf '[*]\nkeep_lasst = 1\n' >"$rules"
expect 1 "berth: $rules:2: unknown key \"keep_lasst\"" \
    $berth configtest -c "$work/conf"
said 'berth: programs that start with these rules set no tag and delete nothing'

# The example is right.
sample=$(cd "${srcdir:-.}" && pwd)/etc/rules
expect 0 "rules = $sample" env BERTH_RULES="$sample" \
    $berth configtest -c "$work/conf"
