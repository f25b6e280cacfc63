# SPDX-License-Identifier: MIT
"""A tree with everything docker-registry leaves behind in years of use, made by itself where it can make it."""

import json

from . import content
from .client import with_query
from .content import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, encode
from .repository import Repository

#: Nested, one inside another, and with every separator of the grammar.
NAMES = ("app", "app/backend", "app/backend/db", "app-2", "a.b_c__d--e/x", "z" * 128)
SBOM = "application/vnd.example.sbom.v1"


def push_docker(repository, reference=None):
    """A Docker image, schema 2. Returns its bytes."""
    layer = content.layer_bytes(200)
    config = content.config_bytes([layer])
    repository.push_blobs(config, layer)
    data = encode({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
                   "config": descriptor(config, content.DOCKER_CONFIG),
                   "layers": [descriptor(layer, content.DOCKER_LAYER)]})
    repository.put_manifest(data, reference)
    return data


def push_untyped(repository, reference=None):
    """An OCI image and an index over it whose JSON has no mediaType, as early clients wrote them."""
    image = json.loads(repository.push_image())
    del image["mediaType"]
    repository.put_manifest(encode(image), reference, OCI_MANIFEST)
    index = content.index([descriptor(encode(image), OCI_MANIFEST)])
    del index["mediaType"]
    repository.put_manifest(encode(index), reference and reference + "-index", OCI_INDEX)


def push_kinds(repository):
    """A tag for every kind of manifest, and each kind without one too."""
    for reference in ("tagged", None):
        more = {"annotations": {"tag": str(reference)}}
        def named(kind, reference=reference):
            return reference and f"{reference}-{kind}"
        image = repository.push_image(named("oci"))
        docker = push_docker(repository, named("docker"))
        index, _ = repository.push_index(named("index"), **more)
        repository.put_manifest(content.index([descriptor(docker, DOCKER_MANIFEST, platform={
            "os": "linux", "architecture": "amd64"})], mediaType=DOCKER_LIST), named("list"))
        repository.put_manifest(content.index([descriptor(index, OCI_INDEX)], **more), named("nested"))
        repository.put_manifest(content.index([], **more), named("empty"))
        repository.push_artifact(SBOM, named("artifact"), subject=descriptor(image, OCI_MANIFEST))
        push_untyped(repository, named("untyped"))


def push_fallback(repository):
    """What cosign and oras make where there is no referrers list."""
    image = repository.push_image("signed")
    signature = repository.push_artifact(SBOM, subject=descriptor(image, OCI_MANIFEST))
    tag = digest_of(image).replace(":", "-")
    repository.put_manifest(content.index([descriptor(signature, OCI_MANIFEST, artifactType=SBOM)]), tag)
    repository.push_artifact(SBOM, tag + ".sig")


def push_alias(repository):
    """Uploaded as sha512; docker-registry stores it under its sha256, with two links. Returns the bytes."""
    data = content.random_bytes(300)
    location = repository.start_upload().location
    repository.client.put(with_query(location, digest=digest_of(data, "sha512")), data,
                          type=content.OCTETS).expect(201)
    return data


def move_tags(repository):
    for _ in range(3):
        repository.push_image("moved")
    old = repository.push_image("back")
    repository.push_image("back")
    repository.put_manifest(old, "back")


def delete_some(repository):
    """Deleted manifests leave their directories, deleted blobs too."""
    gone = repository.push_image("gone")
    repository.put_manifest(gone, "gone-too")
    untagged = repository.push_image()
    blob = content.random_bytes(100)
    repository.push_blob(blob)
    for path in (repository.manifest(digest_of(gone)), repository.manifest(digest_of(untagged)),
                 repository.blob(digest_of(blob))):
        repository.client.delete(path).expect(202)


def begin_uploads(repository):
    """One without a byte, one with two chunks, one with a chunk in the middle of a hash block."""
    repository.start_upload()
    for chunks in ((64 * 1024, 64 * 1024), (1001,)):
        location = repository.start_upload().location
        for size in chunks:
            location = repository.client.patch(location, content.random_bytes(size),
                                               type=content.OCTETS).expect(202).location


def fill(client):
    """Fill a docker-registry through its own interface."""
    for name in NAMES:
        Repository(client, name).push_image("v1")
    first = Repository(client, NAMES[0])
    push_kinds(first)
    move_tags(Repository(client, NAMES[1]))
    begin_uploads(first)
    push_fallback(first)
    push_alias(first)
    delete_some(first)
    emptied = Repository(client, "emptied")
    client.delete(emptied.manifest(digest_of(emptied.push_image("v1")))).expect(202)
    blobs = Repository(client, "blobs/only")
    blobs.push_blobs(b"", b"{}", content.random_bytes(70_000))
    untagged = Repository(client, "untagged")
    untagged.push_image()
    layer = content.random_bytes(500)
    first.push_blob(layer)
    client.post(f"/v2/mounted/blobs/uploads/?mount={digest_of(layer)}&from={first.name}").expect(201)
    begin_uploads(Repository(client, "begun/only"))


def add_forms_of_3(tree, client):
    """What release 3 leaves that 2.8 does not: it renames links into place, removes the directory of a tag, needs no
    _layers, and numbers its uploads by time."""
    image = Repository(client, "three").push_image("v1")
    link = tree.revision("three", digest_of(image))
    for path in (link, tree.tag("three", "v1"), tree.data(digest_of(image))):
        tree.write(path.with_name(f"{path.name}.0190c5a6-2d1b-7c3e-9f00-1234567890ab.tmp"), b"sha256:1234")
    Repository(client, "three").push_image("removed")
    tree.remove(tree.repository("three", "_manifests/tags/removed"))
    index = Repository(client, "three/index")
    index.put_manifest(content.index([]), "empty")
    assert not tree.repository("three/index", "_layers").exists(), "only _manifests was to be there"
    uuid = "0190c5a6-2d1b-7c3e-8f00-0123456789ab"
    tree.write(tree.upload("three", uuid, "data"), b"x" * 100)
    tree.write(tree.upload("three", uuid, "startedat"), "2026-11-26T10:00:00Z")
