# SPDX-License-Identifier: MIT
"""One data directory, first written by docker-registry, then served by Berth, and the other way round."""

import json
import subprocess

import pytest

from harness import content
from harness.client import Client
from harness.content import OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, random_bytes
from harness.peer import Peer
from harness.repository import Repository

pytestmark = pytest.mark.kinds("nginx", "apache-proxy")
SBOM = "application/vnd.example.sbom.v1"


@pytest.fixture
def both(own_registry):
    """The same repository seen through Berth and through docker-registry, at once."""
    peer = Peer(own_registry.directory, {"root": own_registry.root}, user=own_registry.berth.owner)
    with peer:
        yield Repository(own_registry.client, "e2e/shared"), Repository(Client(peer.url), "e2e/shared")


@pytest.mark.parametrize("direction", ["to-berth", "from-berth"])
def test_what_one_wrote_the_other_serves(both, direction):
    reader, writer = both if direction == "to-berth" else reversed(both)
    image, blob = writer.push_image("v1"), random_bytes(1000)
    listing, _ = writer.push_index("multi")
    writer.push_blob(blob)
    reader.check_manifest(image, "v1", OCI_MANIFEST)
    reader.check_manifest(listing, "multi", OCI_INDEX)
    reader.check_blob(blob)
    assert sorted(reader.list_tags()) == ["multi", "v1"]


def test_both_push_the_same_blob_and_both_serve_it(both):
    data = random_bytes(2000)
    for writer in both:
        writer.push_blob(data)
        for reader in both:
            reader.check_blob(data)


def test_a_layer_one_has_the_other_mounts(both):
    ours, theirs = both
    data = random_bytes(500)
    theirs.push_blob(data)
    other = Repository(ours.client, "e2e/elsewhere")
    ours.client.post(other.uploads + f"?mount={digest_of(data)}&from={theirs.name}").expect(201)
    other.check_blob(data)


def push_by_the_old_way(repository, subject, count):
    """Artifacts as clients push them to a registry without referrers: listed by themselves under a fallback tag."""
    listed = []
    for i in range(count):
        data = repository.push_artifact(SBOM, subject=descriptor(subject, OCI_MANIFEST), annotations={"i": str(i)})
        listed.append(descriptor(data, OCI_MANIFEST, artifactType=SBOM, annotations={"i": str(i)}))
        repository.put_manifest(content.index(listed), digest_of(subject).replace(":", "-"))
    return listed


def by_digest(descriptors):
    return sorted(descriptors, key=lambda d: d["digest"])


def test_referrers_listed_under_a_fallback_tag_are_in_the_referrers_list(both):
    ours, theirs = both
    image = theirs.push_image("v1")
    listed = push_by_the_old_way(theirs, image, 3)
    assert by_digest(ours.list_referrers(digest_of(image))) == by_digest(listed)


def test_old_and_new_referrers_are_listed_together_and_once(both):
    ours, theirs = both
    image = theirs.push_image("v1")
    listed = push_by_the_old_way(theirs, image, 2)
    new = ours.push_artifact(SBOM, subject=descriptor(image, OCI_MANIFEST), annotations={"i": "new"})
    ours.client.put(ours.manifest(listed[0]["digest"]),
                    theirs.client.get(theirs.manifest(listed[0]["digest"]), headers=[("Accept", OCI_MANIFEST)]).body,
                    type=OCI_MANIFEST).expect(201)
    found = ours.list_referrers(digest_of(image))
    assert sorted(d["digest"] for d in found) == sorted([d["digest"] for d in listed] + [digest_of(new)])


def test_a_fallback_tag_cannot_list_what_does_not_refer_to_the_subject(both):
    ours, theirs = both
    image, stranger = theirs.push_image("v1"), theirs.push_image()
    fake = content.index([descriptor(stranger, OCI_MANIFEST, artifactType=SBOM)])
    theirs.put_manifest(fake, digest_of(image).replace(":", "-"))
    assert ours.list_referrers(digest_of(image)) == []


def test_what_is_deleted_through_berth_is_gone_for_the_other(both):
    ours, theirs = both
    keep, gone = ours.push_image("keep"), ours.push_image("gone")
    ours.client.delete(ours.manifest(digest_of(gone))).expect(202)
    ours.client.delete(ours.manifest("keep")).expect(202)
    theirs.check_manifest(keep, digest_of(keep), OCI_MANIFEST)
    answer = theirs.client.get(theirs.manifest("gone"), headers=[("Accept", OCI_MANIFEST)])
    assert answer.status == 404, str(answer)
    assert theirs.client.get(theirs.tags()).json()["tags"] in ([], None)


def test_the_other_registry_s_collector_keeps_all_that_berth_wrote(both, own_registry):
    ours, theirs = both
    image = ours.push_image("v1")
    listing, children = ours.push_index("multi")
    sbom = ours.push_artifact(SBOM, subject=descriptor(image, OCI_MANIFEST))
    collect(own_registry)
    for data in (image, sbom, *children):
        ours.check_manifest(data, digest_of(data), OCI_MANIFEST)
        for part in [json.loads(data)["config"], *json.loads(data)["layers"]]:
            got = ours.client.get(ours.blob(part["digest"])).expect(200)
            assert digest_of(got.body) == part["digest"]
    ours.check_manifest(listing, "multi", OCI_INDEX)


def collect(registry):
    config = registry.directory / "peer.yml"
    subprocess.run(["docker-registry", "garbage-collect", config], check=True, capture_output=True)
