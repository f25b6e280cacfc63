# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Makes images in a tree, as registry:2 has them; sourced by tests of berth.
# Wants directories $work and $tree. Each says the digest of what it made.

# blob REPOSITORY FILE: stores the file as a layer or config.
blob() {
    hex=$(sha256sum "$2" | cut -c 1-64)
    mkdir -p "$tree/blobs/sha256/$(printf %.2s "$hex")/$hex" \
        "$tree/repositories/$1/_layers/sha256/$hex" \
        "$tree/repositories/$1/_manifests/tags"
    cp "$2" "$tree/blobs/sha256/$(printf %.2s "$hex")/$hex/data"
    printf 'sha256:%s' "$hex" >"$tree/repositories/$1/_layers/sha256/$hex/link"
    echo "sha256:$hex"
}

# manifest REPOSITORY FILE: stores the file as a manifest.
manifest() {
    blob "$1" "$2" >"$work/digest"
    digest=$(cat "$work/digest")
    hex=${digest#*:}
    mkdir -p "$tree/repositories/$1/_manifests/revisions/sha256"
    mv "$tree/repositories/$1/_layers/sha256/$hex" \
        "$tree/repositories/$1/_manifests/revisions/sha256/$hex"
    echo "$digest"
}

# image REPOSITORY ARCHITECTURE LAYER-TEXT [ANNOTATION]
image() {
    printf '{"os":"linux","architecture":"%s","created":"2026-01-02T03:04:05Z","history":[{"created":"2026-01-01T00:00:00Z","created_by":"ADD \\u001b[31mfile"}]}' \
        "$2" >"$work/config"
    printf %s "$3" >"$work/layer"
    config=$(blob "$1" "$work/config")
    layer=$(blob "$1" "$work/layer")
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%d}],"annotations":{"note":"%s"}}' \
        "$config" "$(wc -c <"$work/config")" "$layer" \
        "$(wc -c <"$work/layer")" "${4:-}" >"$work/manifest"
    manifest "$1" "$work/manifest"
}

# name_tag REPOSITORY TAG DIGEST
name_tag() {
    directory=$tree/repositories/$1/_manifests/tags/$2
    mkdir -p "$directory/current" "$directory/index/sha256/${3#*:}"
    printf %s "$3" >"$directory/current/link"
    printf %s "$3" >"$directory/index/sha256/${3#*:}/link"
    echo "$3"
}

# age REPOSITORY: all its links are from two days ago.
age() {
    find "$tree/repositories/$1" -name link -exec touch -d '2 days ago' {} +
}
