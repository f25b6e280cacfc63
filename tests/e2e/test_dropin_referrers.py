# SPDX-License-Identifier: MIT
"""Our index of referrers, while docker-registry pushes and deletes what it is about: beside us, between two requests,
or while Berth does not run. It is right at once, as tags and manifests are."""

import os
import shutil

import pytest

from harness import content
from harness.client import Client
from harness.content import OCI_MANIFEST, absent_digest, descriptor, digest_of
from harness.peer import Peer
from harness.repository import Repository
from harness.tree import OURS, Tree

pytestmark = pytest.mark.kinds("nginx")
SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"


@pytest.fixture
def both(own_registry):
    tree = Tree(own_registry.root)
    with Peer(own_registry.directory, {"root": own_registry.root}, user=own_registry.berth.owner) as peer:
        yield Repository(own_registry.client, "e2e/index"), Repository(Client(peer.url), "e2e/index"), tree


def listed(repository, subject):
    return [d["digest"] for d in repository.list_referrers(digest_of(subject))]


def refer(repository, subject, kind=SBOM, reference=None):
    return digest_of(repository.push_artifact(kind, reference, subject=descriptor(subject, OCI_MANIFEST)))


def test_each_push_and_deletion_of_the_other_shows_in_the_next_answer(both):
    ours, theirs, _ = both
    image, there = theirs.push_image("v1"), []
    assert listed(ours, image) == []
    for turn in range(12):
        writer = (theirs, theirs, ours)[turn % 3]
        there.append(refer(writer, image))
        assert listed(ours, image) == sorted(there), f"after push {turn}"
        if turn % 4 == 3:
            gone = there.pop(turn % len(there))
            (theirs, ours)[turn % 2].client.delete(theirs.manifest(gone)).expect(202)
            assert listed(ours, image) == sorted(there), f"after deletion {turn}"


def test_a_referrer_deleted_and_pushed_again_by_the_other_is_listed(both):
    ours, theirs, _ = both
    image = ours.push_image("v1")
    artifact = ours.push_artifact(SBOM, subject=descriptor(image, OCI_MANIFEST))
    assert listed(ours, image) == [digest_of(artifact)]
    for _ in range(3):
        theirs.client.delete(theirs.manifest(digest_of(artifact))).expect(202)
        assert listed(ours, image) == []
        theirs.put_manifest(artifact)
        assert listed(ours, image) == [digest_of(artifact)]


@pytest.mark.parametrize("collected", [False, True])
def test_a_referrer_deleted_before_our_first_look_is_listed_when_it_is_back(both, collected):
    """Deletion leaves the directory, so that its coming back does not change the directory above."""
    ours, theirs, tree = both
    image = theirs.push_image("v1")
    artifact = theirs.push_artifact(SBOM, subject=descriptor(image, OCI_MANIFEST))
    theirs.client.delete(theirs.manifest(digest_of(artifact))).expect(202)
    if collected:
        tree.data(digest_of(artifact)).unlink()
    # Long ago, so that the index relies on what it has seen.
    os.utime(tree.repository("e2e/index", "_manifests/revisions/sha256"), (10**9, 10**9))
    for revision in tree.revisions("e2e/index"):
        os.utime(tree.revision("e2e/index", revision).parent, (10**9, 10**9))
    assert listed(ours, image) == [] == listed(ours, image)
    theirs.put_manifest(artifact)
    assert listed(ours, image) == [digest_of(artifact)] == listed(ours, image)


def test_a_subject_may_come_after_its_referrer_and_go_before_it(both):
    ours, theirs, _ = both
    config, layer = content.config_bytes(), content.layer_bytes(10)
    image = content.encode(content.image_manifest(config, [layer]))
    early = refer(theirs, image)
    assert listed(ours, image) == [early]
    theirs.push_blobs(config, layer)
    theirs.put_manifest(image, "v1")
    assert listed(ours, image) == [early]
    theirs.client.delete(theirs.manifest(digest_of(image))).expect(202)
    assert listed(ours, image) == [early]
    assert ours.list_referrers(absent_digest()) == []


def test_what_the_other_did_while_berth_was_off_is_seen(both, own_registry):
    ours, theirs, _ = both
    image = ours.push_image("v1")
    first, second = refer(ours, image), refer(ours, image)
    assert listed(ours, image) == sorted((first, second))
    for pool in own_registry.berth.pools.values():
        pool.stop()
    theirs.client.delete(theirs.manifest(first)).expect(202)
    third = refer(theirs, image, SIGNATURE, "tagged")
    theirs.put_manifest(theirs.client.get(theirs.manifest("v1"), headers=[("Accept", OCI_MANIFEST)]).body, "moved")
    theirs.push_image("v1")
    for route in list(own_registry.berth.pools):
        own_registry.berth.socket(route).unlink(missing_ok=True)
        own_registry.berth.start_pool(route)
        own_registry.berth.pools[route].wait_until_accepting(own_registry.berth.socket(route))
    assert listed(ours, image) == sorted((second, third))
    filtered = ours.list_referrers(digest_of(image), f"?artifactType={SIGNATURE}")
    assert [d["digest"] for d in filtered] == [third]
    assert sorted(ours.list_tags()) == ["moved", "tagged", "v1"]
    assert ours.resolve("moved").digest == digest_of(image) != ours.resolve("v1").digest


# name: what happens to our index behind our back
SPOILED = {
    "it is gone": lambda tree, index: shutil.rmtree(index),
    "its mark is from the future": lambda tree, index: tree.write(index / "scanned", f"sha256 {2**62}\nsha512 0\n"),
    "its mark is rubbish": lambda tree, index: tree.write(index / "scanned", b"\0\xff" * 1000),
    "its entries are empty": lambda tree, index: [tree.write(p, b"") for p in index.rglob("sha256-*")],
    "its entries are gone": lambda tree, index: [p.unlink() for p in index.rglob("sha256-*")],
}


@pytest.mark.parametrize("how", SPOILED)
def test_an_index_that_was_spoiled_does_no_harm_and_can_be_rebuilt(both, how):
    ours, theirs, tree = both
    image = ours.push_image("v1")
    there = sorted([refer(ours, image), refer(theirs, image)])
    assert listed(ours, image) == there
    index = tree.repository("e2e/index", OURS, "referrers")
    SPOILED[how](tree, index)
    found = listed(ours, image)
    assert set(found) <= set(there)
    shutil.rmtree(index, ignore_errors=True)
    assert listed(ours, image) == there
    assert sorted(listed(ours, image) + [refer(theirs, image)]) == listed(ours, image)
