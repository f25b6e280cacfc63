#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth list, usage, inspect, tag and rm over a tree as registry:2 has it. Run
# by make check in the build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_RULES BERTH_GRACE BERTH_DELETE 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2

. "${srcdir:-.}/tests/cli/expect.sh"
. "${srcdir:-.}/tests/cli/images.sh"

fail() {
    echo "FAIL: $*" >&2
    cat "$work/said" >&2
    exit 1
}

# prints WANTED COMMAND...: all that a command says on standard output.
prints() {
    wanted=$1
    shift
    "$@" >"$work/said" || fail "$* failed"
    [ "$(cat "$work/said")" = "$wanted" ] || fail "$*: wanted $wanted"
}

mkdir "$work/images"
for command in list usage; do
    expect 0 'holds no registry yet' $berth $command
done
expect 1 'holds no registry yet' $berth inspect app
expect 1 'holds no registry yet' $berth rm --yes app
for words in 'list -l -1' 'list --all' 'usage --depth 0' 'usage --depth x' \
    inspect 'inspect --raw --json a' 'inspect --raw a b' tag 'tag a' rm \
    'rm --yes' 'list -c' 'rm --force a'; do
    # shellcheck disable=SC2086
    expect 2 "usage: berth ${words%% *}" $berth $words
done

amd=$(image team/app amd64 'the layer of amd64' 'bad \u001b[2J news')
arm=$(image team/app arm64 'the layer of arm64')
other=$(image team/app.other amd64 'the layer of amd64')
image zoo amd64 'something else' >"$work/zoo"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%d,"platform":{"os":"linux","architecture":"amd64"}},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%d,"platform":{"os":"linux","architecture":"arm64"}}]}' \
    "$amd" 500 "$arm" 500 >"$work/index.json"
index=$(manifest team/app "$work/index.json")
for tag in v1 latest; do
    name_tag team/app "$tag" "$index" >"$work/tagged"
done
name_tag team/app amd "$amd" >"$work/tagged"
touch -d 2026-03-04T05:06:07Z "$tree/repositories/team/app/_manifests/tags/v1/current/link"

# --- list ---
prints 'team/app
team/app.other
zoo' $berth list
prints 'zoo' $berth list 'z*'
prints 'team/app
team/app.other' $berth list 't*'
prints 'amd
latest
v1' $berth list -1 team/app
prints 'REPOSITORY      TAGS  MANIFESTS
team/app           3          3
team/app.other     0          1
zoo                0          1' $berth list -l
expect 1 'team: no such repository' $berth list team
expect 1 'is no repository name' $berth list Team
prints '' $berth list 'x*'
$berth list team/app >"$work/said"
grep -q "^v1  *$(echo "$index" | cut -c 1-19)  *[0-9.]* KiB  2026-03-04 05:06:07Z  linux/amd64,linux/arm64\$" \
    "$work/said" || fail 'list team/app: no line of v1'
$berth list -l team/app | grep -qF "$index" || fail 'list -l: no digest'
python3 - "$index" <<EOF || fail 'list --json'
import json, subprocess, sys
lines = subprocess.run(["$berth", "list", "--json", "team/app"],
                       capture_output=True, check=True, text=True).stdout
tags = {each["tag"]: each for each in map(json.loads, lines.splitlines())}
assert list(tags) == ["amd", "latest", "v1"], tags
assert tags["v1"]["digest"] == sys.argv[1]
assert tags["v1"]["set"] == "2026-03-04T05:06:07Z"
assert tags["v1"]["platforms"] == ["linux/amd64", "linux/arm64"]
assert tags["amd"]["platforms"] == ["linux/amd64"]
assert tags["v1"]["bytes"] > 1000
EOF
expect 0 '{"repository":"team/app","tags":3,"manifests":3}' \
    $berth list -l --json 'team/app'\*
# What cannot be read is told, and the rest is listed.
name_tag zoo broken sha256:$(printf %064d 1) >"$work/tagged"
expect 1 'broken' $berth list zoo
rm -r "$tree/repositories/zoo/_manifests/tags/broken"

# --- inspect ---
expect 0 "$index" $berth inspect team/app:v1
expect 0 'tags:       latest, v1' $berth inspect team/app
expect 0 'linux/arm64' $berth inspect team/app
expect 0 'note = bad \x1b[2J news' $berth inspect "team/app@$amd"
expect 0 'ADD \x1b[31mfile' $berth inspect team/app:amd
expect 0 'created:    2026-01-02T03:04:05Z' $berth inspect team/app:amd
expect 1 'which tag? It has no latest' $berth inspect zoo
expect 1 'no tag v2' $berth inspect team/app:v2
expect 1 'no manifest sha256:' $berth inspect zoo@"$amd"
expect 1 'team/none: no such repository' $berth inspect team/none
expect 1 'leave out the host' $berth inspect host:5000/team/app
if $berth inspect team/app:amd | grep -q "$(printf '\033')"; then
    fail 'inspect prints an escape'
fi
$berth inspect --raw "team/app@$index" | cmp - "$work/index.json" ||
    fail 'inspect --raw'
python3 - "$amd" <<EOF || fail 'inspect --json'
import json, subprocess, sys
def inspect(word):
    return json.loads(subprocess.run(["$berth", "inspect", "--json", word],
                      capture_output=True, check=True, text=True).stdout)
index, amd = inspect("team/app"), inspect("team/app:amd")
assert index["manifests"][0]["digest"] == amd["digest"] == sys.argv[1]
assert index["manifests"][1]["platform"] == "linux/arm64"
assert index["tags"] == ["latest", "v1"] and amd["tags"] == ["amd"]
assert amd["config"]["size"] > 0 and len(amd["layers"]) == 1
assert amd["annotations"] == {"note": "bad \x1b[2J news"}
assert amd["history"][0]["createdBy"] == "ADD \x1b[31mfile"
assert amd["referrers"] == []
EOF
# A signature of it is found, and a layer that is gone is told.
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"x/signature","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":2},"layers":[],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":1}}' \
    "$(blob team/app "$work/config")" "$amd" >"$work/signature"
signature=$(manifest team/app "$work/signature")
expect 0 "$signature  x/signature" $berth inspect team/app:amd
expect 0 'subject:' $berth inspect "team/app@$signature"
printf 'the layer of arm64' >"$work/layer"
lost=$(sha256sum "$work/layer" | cut -c 1-64)
mv "$tree/blobs/sha256/$(printf %.2s "$lost")/$lost" "$work/lost"
expect 1 '(MISSING)' $berth inspect "team/app@$arm"
expect 1 '"missing":true' $berth inspect --json "team/app@$arm"
mv "$work/lost" "$tree/blobs/sha256/$(printf %.2s "$lost")/$lost"

# --- usage ---
size_of() {
    cat "$tree"/blobs/sha256/*/*/data | wc -c
}
printf 'nobody needs it' >"$work/alone"
blob zoo "$work/alone" >"$work/tagged"
mkdir -p "$tree/repositories/zoo/_uploads/11111111-1111-4111-8111-111111111111"
printf 12345 >"$tree/repositories/zoo/_uploads/11111111-1111-4111-8111-111111111111/data"
python3 - "$(size_of)" <<EOF || fail 'usage --json'
import json, subprocess, sys
lines = subprocess.run(["$berth", "usage", "--json"],
                       capture_output=True, check=True, text=True).stdout
lines = [json.loads(line) for line in lines.splitlines()]
rows = {each["repository"]: each for each in lines if "repository" in each}
spaces = {each["namespace"]: each for each in lines if "namespace" in each}
total = lines[-1]["total"]
assert list(rows) == ["team/app", "team/app.other", "zoo"]
assert list(spaces) == ["team", "zoo"] and spaces["team"]["repositories"] == 2
assert total["bytes"] == int(sys.argv[1]), (total, sys.argv[1])
assert total["unreferencedBytes"] == len("nobody needs it"), total
assert (total["uploads"], total["uploadBytes"]) == (1, 5)
for row in rows.values():
    assert row["bytes"] == row["ownBytes"] + row["sharedBytes"]
assert rows["team/app.other"]["sharedBytes"] > 0
assert spaces["team"]["bytes"] == sum(
    rows[name]["ownBytes"] for name in ("team/app", "team/app.other")
) + rows["team/app.other"]["sharedBytes"]
EOF
expect 0 'no manifest refers to:' $berth usage
expect 0 'team/app.other' $berth usage --depth 2 'team/*'
$berth usage 'team/*' >"$work/said"
if grep -q zoo "$work/said"; then fail 'usage: zoo, too'; fi

# --- tag ---
expect 0 "team/app:stable $index" $berth tag team/app:v1 stable copy
expect 0 'tags:       copy, latest, stable, v1' $berth inspect team/app
expect 0 "team/app:stable $amd" $berth tag "team/app@$amd" stable
expect 1 'is no tag' $berth tag team/app:v1 good bad+tag
expect 1 'no tag good' $berth inspect team/app:good
expect 1 'no tag none' $berth tag team/app:none x

# --- rm ---
expect 1 'to delete tag team/app:copy, say --yes' $berth rm team/app:copy </dev/null
expect 0 "$index" $berth inspect team/app:copy
expect 0 'removed team/app:copy' $berth rm --yes team/app:copy
expect 1 'no tag copy' $berth rm --yes team/app:copy
# One word that names nothing: nothing is done.
expect 1 'no tag none' $berth rm --yes team/app:stable team/app:none
expect 0 "$amd" $berth inspect team/app:stable
expect 1 'the tag, or the manifest' $berth rm --yes "team/app:stable@$amd"
expect 1 'tag amd, tag stable' $berth rm "team/app@$amd" </dev/null
expect 0 'removed team/app@' $berth rm --yes "team/app@$amd"
expect 1 'no tag stable' $berth inspect team/app:stable
# It is the administrator's, whatever clients may do.
expect 0 '{"repository":"team/app","tag":"latest"}' \
    env BERTH_DELETE=no BERTH_READONLY=yes $berth rm --json --yes team/app:latest
expect 1 'the whole repository team/app (tags: 1, manifests: 3)' \
    $berth rm team/app </dev/null
# Blobs that were pushed just now may be a promise.
expect 3 'The blobs are young' $berth rm --yes team/app
expect 0 'team/app' $berth list 'team/app'\*
[ -d "$tree/repositories/team/app/_manifests/tags" ]
age team/app
expect 0 'team/app: removed tags: 0, manifests: 0, blobs: ' \
    $berth rm --yes team/app
expect 0 '"gone":true' $berth rm --json --now --yes zoo
prints 'team/app.other' $berth list
[ ! -e "$tree/repositories/team/app" ] && [ ! -e "$tree/repositories/team/app/_berth" ]
# What it shared is still there.
expect 0 "$other" $berth inspect "team/app.other@$other"
expect 1 'team/app: no such repository' $berth rm --yes team/app

# A full device is told, too.
if [ -e /dev/full ]; then
    status=0
    $berth list >/dev/full 2>"$work/said" || status=$?
    [ $status = 1 ] && grep -q 'standard output' "$work/said" ||
        fail 'list >/dev/full'
fi
echo 'list, usage, inspect, tag, rm: passed'
