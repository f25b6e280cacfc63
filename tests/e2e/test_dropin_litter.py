# SPDX-License-Identifier: MIT
"""What crashes leave in a tree, planted file by file: Berth answers 404 or the right bytes, never anything else, goes
on listing, and a push heals what was damaged, for docker-registry too.

One thing differs by design. nginx answers plain GETs of blobs by itself and looks for the link alone: it cannot read
it, nor see the length of the data. So there an empty link counts as long as the bytes are there, and data a crash
left empty are sent as what they are, no bytes at all; clients see that by the digest, HEAD says 404, and a push heals.
"""

import pytest

from harness import content
from harness.answers import ACCEPT, catalog
from harness.client import Client
from harness.content import OCI_MANIFEST, digest_of
from harness.peer import Peer
from harness.repository import Repository
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx", "apache-proxy")


class Image:
    """An image in a repository of its own, beside a healthy one, and the places where its parts are."""

    def __init__(self, client, tree, name):
        self.name, self.tree = name, tree
        self.layer, self.other = content.layer_bytes(300), content.random_bytes(100)
        self.config = content.config_bytes([self.layer])
        self.manifest = content.encode(content.image_manifest(self.config, [self.layer]))
        repository = Repository(client, name)
        self.healthy = repository.push_image("healthy")
        repository.push_blob(self.other)
        self.push(repository)

    def push(self, repository):
        """As clients do: what HEAD finds is not sent again."""
        for blob in (self.config, self.layer):
            if repository.client.head(repository.blob(digest_of(blob))).expect(200, 404).status == 404:
                repository.push_blob(blob)
        repository.put_manifest(self.manifest, "v1")

    def places(self):
        tree, name, layer, manifest = self.tree, self.name, digest_of(self.layer), digest_of(self.manifest)
        return {"layer link": tree.layer(name, layer), "layer data": tree.data(layer),
                "config data": tree.data(digest_of(self.config)),
                "revision link": tree.revision(name, manifest), "manifest data": tree.data(manifest),
                "tag": tree.tag(name, "v1"), "tag index": tree.tag_index(name, "v1", manifest)}

    def check_whole(self, repository):
        for blob in (self.config, self.layer):
            repository.check_blob(blob)
        for reference in ("v1", digest_of(self.manifest)):
            repository.check_manifest(self.manifest, reference, OCI_MANIFEST)


PLACES = ("layer link", "layer data", "config data", "revision link", "manifest data", "tag", "tag index")


def put_tmp_only(image, path):
    image.tree.write(path.with_name(path.name + ".0190c5a6-2d1b-7c3e-9f00-1234567890ab.tmp"), path.read_bytes()[:9])
    image.tree.remove(path)


def put_fifo(image, path):
    image.tree.remove(path)
    image.tree.make_fifo(path)


LINKS = ("layer link", "revision link", "tag")
#: name: (what it does to the path, the places it is for)
DAMAGES = {
    "empty": (lambda image, path: image.tree.write(path, b""), PLACES),
    "missing": (lambda image, path: image.tree.remove(path), PLACES),
    "directory missing": (lambda image, path: image.tree.remove(path.parent), ("layer data", "revision link", "tag")),
    "only a tmp beside": (put_tmp_only, PLACES),
    "a tmp beside": (lambda image, path: image.tree.write(path.with_name(path.name + ".tmp"), b"sha256:"),
                     ("layer data", "revision link", "tag")),
    "rubbish": (lambda image, path: image.tree.write(path, b"sha256:rubbish"), LINKS),
    "half a digest": (lambda image, path: image.tree.write(path, path.read_bytes()[:40]), ("layer link", "tag")),
    "a newline more": (lambda image, path: image.tree.write(path, path.read_bytes() + b"\n"), ("revision link",)),
    "zeros": (lambda image, path: image.tree.write(path, bytes(71)), LINKS),
    "a megabyte": (lambda image, path: image.tree.write(path, b"x" * 2**20), LINKS),
    "an unknown algorithm": (lambda image, path: image.tree.write(path, "blake3:" + "a" * 64), LINKS),
    "a digest nobody has": (lambda image, path: image.tree.write(path, content.absent_digest()), LINKS),
    "another blob's digest": (lambda image, path: image.tree.write(path, digest_of(image.other)),
                              ("layer link", "revision link")),
    "a FIFO": (put_fifo, PLACES),
}
CASES = [(damage, place) for damage, (_, places) in DAMAGES.items() for place in places]


@pytest.fixture
def sides(own_registry):
    tree = Tree(own_registry.root)
    with Peer(own_registry.directory, {"root": own_registry.root}, user=own_registry.berth.owner) as peer:
        yield own_registry.client, Client(peer.url), tree


def check_answer(answer, right, direct_and_empty=False):
    """200 with just these bytes, or a proper 404."""
    answer.expect(200, 404)
    if answer.status == 200 and answer.method == "GET" and not (direct_and_empty and answer.body == b""):
        assert answer.body == right, str(answer)
    if answer.status == 200 and answer.digest is not None:
        assert answer.digest == digest_of(right), str(answer)


def check_damaged(image, client, damage, place, direct):
    """Everything about a damaged image, and the healthy one beside it."""
    repository = Repository(client, image.name)
    for method in ("GET", "HEAD"):
        for reference in ("v1", digest_of(image.manifest)):
            check_answer(client.request(method, repository.manifest(reference), headers=ACCEPT), image.manifest)
        for blob in (image.config, image.layer):
            check_answer(client.request(method, repository.blob(digest_of(blob))), blob,
                         direct and damage == "empty" and place.endswith("data"))
    repository.check_manifest(image.healthy, "healthy", OCI_MANIFEST)
    assert "healthy" in repository.list_tags()
    assert repository.list_referrers(digest_of(image.healthy)) == []


def test_damage_is_not_found_and_a_push_heals_it(sides, kind):
    client, theirs, tree = sides
    images = {}
    for i, (damage, place) in enumerate(CASES):
        image = images[damage, place] = Image(theirs, tree, f"litter/{i}")
        DAMAGES[damage][0](image, image.places()[place])
    assert catalog(client) == [i.name for i in sorted(images.values(), key=lambda i: i.name)]
    wrong = {}
    for (damage, place), image in images.items():
        try:
            check_damaged(image, client, damage, place, kind == "nginx")
            image.push(Repository(client, image.name))
            for each in (client, theirs):
                image.check_whole(Repository(each, image.name))
            assert not {"v1", "healthy"} - set(Repository(theirs, image.name).list_tags())
        except (AssertionError, TimeoutError) as failure:
            wrong[damage, place] = failure
    assert wrong == {}, "\n".join(f"{case}: {failure}" for case, failure in wrong.items())
