# SPDX-License-Identifier: MIT
"""Every kind of content through its whole life: push, list, HEAD, pull, referrers, delete.

One case for each kind of content the official conformance suite makes; the other files look at single routes.
"""

import dataclasses
import json

import pytest

from harness import content
from harness.content import (OCI_CONFIG, OCI_EMPTY, OCI_FOREIGN, OCI_LAYER, OCI_MANIFEST, absent_digest, descriptor,
                             digest_of, encode, random_bytes)

THING, OTHER = "application/vnd.example.thing.v1", "application/vnd.example.other.v1"
PLATFORMS = [{"os": "linux", "architecture": a} for a in ("amd64", "arm64")]


@dataclasses.dataclass
class Manifest:
    data: bytes
    media_type: str
    algorithm: str = "sha256"
    tags: tuple = ()

    @property
    def digest(self):
        return digest_of(self.data, self.algorithm)

    def described(self, **more):
        return descriptor(self.data, self.media_type, self.algorithm, **more)


class Content:
    """Blobs and manifests of one case, in the order they are pushed."""

    def __init__(self, algorithm="sha256", by_parameter=False):
        self.algorithm, self.by_parameter = algorithm, by_parameter
        self.blobs, self.manifests = [], []

    def blob(self, data, media_type, /, **more):
        self.blobs.append(data)
        return descriptor(data, media_type, self.algorithm, **more)

    def manifest(self, document, *tags):
        made = Manifest(encode(document), document["mediaType"], self.algorithm, tags)
        self.manifests.append(made)
        return made

    def image(self, *tags, layers=2, layer_type=OCI_LAYER, config=None, **more):
        config = config or self.blob(content.config_bytes(), OCI_CONFIG)
        parts = [self.blob(random_bytes(200), layer_type) for _ in range(layers)]
        return self.manifest({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": parts, **more},
                             *tags)

    def artifact(self, *tags, kind=THING, payload=None, **more):
        payload = random_bytes(50) if payload is None else payload
        config = self.blob(b"{}", OCI_EMPTY)
        layers = [self.blob(payload, kind if payload != b"{}" else OCI_EMPTY)]
        return self.manifest({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": kind, "config": config,
                              "layers": layers, **more}, *tags)

    def index(self, *tags, children=None, **more):
        if children is None:
            children = [self.image().described(platform=p) for p in PLATFORMS]
        return self.manifest(content.index(children, **more), *tags)


def image():
    made = Content()
    made.image("image")
    return made


def image_with_plain_layers():
    made = Content()
    made.image("plain", layer_type="application/vnd.oci.image.layer.v1.tar")
    return made


def image_with_a_large_manifest():
    made = Content()
    made.image("large", annotations={f"large-{i}": "A" * 10_000 for i in range(390)})
    return made


def index():
    made = Content()
    made.index("index")
    return made


def nested_index():
    made = Content()
    made.index("nested", children=[made.index().described() for _ in range(2)])
    return made


def empty_index():
    made = Content()
    made.index("empty", children=[])
    return made


def artifact():
    made = Content()
    made.artifact("artifact")
    return made


def index_of_artifacts():
    made = Content()
    children = [made.artifact().described(platform=p) for p in PLATFORMS]
    made.index("artifacts", children=children, artifactType=THING)
    return made


def artifact_without_payload():
    made = Content()
    made.artifact("bare", payload=b"{}")
    return made


def artifacts_with_subject():
    made = Content()
    subject = made.image("image").described()
    made.image(subject=subject)
    made.artifact("first", subject=subject, annotations={"org.example": "hello", "unique": random_bytes(8).hex()})
    made.artifact("second", kind=OTHER, subject=subject, annotations={"org.example": "hello"})
    return made


def indexes_with_subject():
    made = Content()
    subject = made.index("index").described()
    made.index("typed", subject=subject, artifactType=THING, annotations={"org.example": "hello"})
    made.index("untyped", subject=subject)
    return made


def artifact_with_a_missing_subject():
    made = Content()
    made.artifact("orphan", subject={"mediaType": OCI_MANIFEST, "digest": absent_digest(), "size": 123},
                  annotations={"org.example": "hello"})
    return made


def descriptors_with_data():
    made = Content()
    made.image("data", layers=0, config=made.blob(b'{"a":1}', OCI_CONFIG, data="eyJhIjoxfQ=="))
    return made


def non_distributable_layers():
    made = Content()
    layers = [{"mediaType": t, "digest": absent_digest(), "size": 12345, "urls": ["https://store.example.com/x"]}
              for t in (OCI_FOREIGN, OCI_FOREIGN.removesuffix("+gzip"))]
    layers.append(made.blob(random_bytes(100), OCI_LAYER))
    config = made.blob(content.config_bytes(), OCI_CONFIG)
    made.manifest({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}, "foreign")
    return made


def unknown_fields():
    made = Content()
    config = made.blob(encode({"architecture": "amd64", "os": "linux", "org.example.extra": 1}), OCI_CONFIG)
    child = made.image(config=config, **{"org.example.extra": [1, {"deep": None}]})
    made.index("extra", children=[child.described(platform=PLATFORMS[0])], **{"org.example.extra": "yes"})
    return made


def image_without_layers():
    made = Content()
    made.image("bare", layers=0)
    return made


def everything_by_sha512():
    made = Content("sha512")
    made.index()
    return made


def tags_as_parameters(algorithm="sha256"):
    made = Content(algorithm, by_parameter=True)
    made.index("tag-a", "tag-b")
    for i, each in enumerate(made.manifests):
        each.tags += (f"part-{i}",)
    return made


def tags_as_parameters_by_sha512():
    return tags_as_parameters("sha512")


CASES = [image, image_with_plain_layers, image_with_a_large_manifest, index, nested_index, empty_index, artifact,
         index_of_artifacts, artifact_without_payload, artifacts_with_subject, indexes_with_subject,
         artifact_with_a_missing_subject, descriptors_with_data, non_distributable_layers, unknown_fields,
         image_without_layers, everything_by_sha512, tags_as_parameters, tags_as_parameters_by_sha512]


def check_pushed(answer, manifest, repository):
    """What the answer to a manifest's push owes the client."""
    assert answer.digest == manifest.digest and answer.location.startswith(repository.base), str(answer)
    subject = json.loads(manifest.data).get("subject")
    assert answer.header("OCI-Subject") == (subject and subject["digest"]), str(answer)


def push(repository, made):
    for blob in made.blobs:
        repository.push_blob(blob, made.algorithm)
    for manifest in made.manifests:
        if made.by_parameter:
            query = "?" + "&".join(f"tag={t}" for t in manifest.tags)
            answer = repository.put_manifest(manifest.data, algorithm=made.algorithm, query=query)
            said = [t.strip() for h in answer.headers.get_all("OCI-Tag") or [] for t in h.split(",")]
            assert sorted(said) == sorted(manifest.tags), str(answer)
            check_pushed(answer, manifest, repository)
            continue
        for reference in manifest.tags or (None,):
            answer = repository.put_manifest(manifest.data, reference, algorithm=made.algorithm)
            check_pushed(answer, manifest, repository)


def check_pull(repository, made):
    assert repository.list_tags() == sorted(t for m in made.manifests for t in m.tags)
    for manifest in made.manifests:
        for reference in (manifest.digest, *manifest.tags):
            repository.check_manifest(manifest.data, reference, manifest.media_type, made.algorithm)
    for blob in made.blobs:
        repository.check_blob(blob, made.algorithm)


def expected_referrers(made):
    """{subject digest: [descriptors]} by the spec's rules."""
    found = {}
    for manifest in made.manifests:
        document = json.loads(manifest.data)
        if "subject" not in document:
            continue
        entry = manifest.described()
        kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
        entry.update({"artifactType": kind} if kind else {})
        entry.update({"annotations": document["annotations"]} if "annotations" in document else {})
        found.setdefault(document["subject"]["digest"], []).append(entry)
    return found


def by_digest(descriptors):
    return sorted(descriptors, key=lambda d: d["digest"])


def check_referrers(repository, made):
    for subject, expected in expected_referrers(made).items():
        assert by_digest(repository.list_referrers(subject)) == by_digest(expected)
        for kind in {d.get("artifactType") for d in expected} - {None}:
            of_kind = [d for d in expected if d.get("artifactType") == kind]
            assert by_digest(repository.list_referrers(subject, f"?artifactType={kind.replace('+', '%2B')}")) == \
                by_digest(of_kind)


def delete_all(repository, made):
    """Tags, then manifests from the top down, then blobs; each is gone at the next request."""
    client = repository.client
    for path in [repository.manifest(t) for m in made.manifests for t in m.tags] + \
            [repository.manifest(m.digest) for m in reversed(made.manifests)] + \
            [repository.blob(d) for d in {digest_of(b, made.algorithm) for b in made.blobs}]:
        client.delete(path).expect(202)
        client.head(path).expect(404)
    assert repository.list_tags() == []
    for subject in expected_referrers(made):
        assert repository.list_referrers(subject) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_content_of_this_kind_lives_and_dies_as_the_spec_says(repository, case):
    made = case()
    push(repository, made)
    check_pull(repository, made)
    check_referrers(repository, made)
    delete_all(repository, made)


def test_an_image_whose_bytes_do_not_match_its_digest_never_lives(repository):
    made = image()
    for blob in made.blobs:
        repository.push_blob(blob)
    [manifest] = made.manifests
    answer = repository.client.put(repository.manifest(manifest.digest), manifest.data + b"  ", type=OCI_MANIFEST)
    answer.expect_error(400, "DIGEST_INVALID")
    repository.client.get(repository.manifest(manifest.digest)).expect_error(404, "MANIFEST_UNKNOWN")
