# SPDX-License-Identifier: MIT
"""Uploads that one registry begins and the other goes on with. docker-registry keeps a signed state in the address of
an upload, which the tests can make; Berth needs nothing but what is on disk."""

import pytest

from harness import content
from harness.client import Client, with_query
from harness.content import OCTETS, digest_of, random_bytes
from harness.peer import Peer, upload_state
from harness.repository import Repository
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx")
NAME = "e2e/uploads"


class Side:
    """One registry's way to go on with an upload, whoever began it."""

    def __init__(self, client, tree, is_peer):
        self.repository, self.client, self.tree, self.is_peer = Repository(client, NAME), client, tree, is_peer

    def location(self, uuid, size):
        path = self.repository.uploads + uuid
        if not self.is_peer:
            return path
        started = self.tree.upload(NAME, uuid, "startedat").read_text()
        return with_query(path, _state=upload_state(NAME, uuid, size, started)).replace("-state=", "_state=", 1)

    def begin(self, query=""):
        return self.repository.start_upload(query).header("Docker-Upload-UUID")

    def send(self, uuid, size, data):
        answer = self.client.patch(self.location(uuid, size), data, type=OCTETS).expect(202)
        assert answer.header("Range") == f"0-{size + len(data) - 1}", str(answer)

    def finish(self, uuid, size, digest, data=b""):
        return self.client.put(with_query(self.location(uuid, size), digest=digest), data, type=OCTETS)


@pytest.fixture
def sides(own_registry):
    """{"berth": ..., "peer": ...} on one tree."""
    tree = Tree(own_registry.root)
    with Peer(own_registry.directory, {"root": own_registry.root}, user=own_registry.berth.owner) as peer:
        yield {"berth": Side(own_registry.client, tree, False), "peer": Side(Client(peer.url), tree, True)}


# Whole blocks of the hash, parts of them, nothing at all.
CHUNKS = (64, 100_000, 1, 63, 0, 70_001)


@pytest.mark.parametrize("turns", ["berth peer", "peer berth", "peer berth berth", "berth peer peer"])
def test_the_two_take_turns_with_one_upload(sides, turns):
    order = turns.split()
    uuid = sides[order[0]].begin()
    sent = b""
    for i, size in enumerate(CHUNKS):
        chunk = random_bytes(size)
        if chunk:   # docker-registry would take no chunk for no change, and so do we; clients send none
            sides[order[i % len(order)]].send(uuid, len(sent), chunk)
        sent += chunk
    last, rest = sides[order[len(CHUNKS) % len(order)]], random_bytes(10)
    last.finish(uuid, len(sent), digest_of(sent + rest), rest).expect(201)
    for side in sides.values():
        side.repository.check_blob(sent + rest)
    assert not last.tree.upload(NAME, uuid).exists()


def test_an_upload_announced_as_sha512_can_end_at_docker_registry(sides):
    berth, peer = sides["berth"], sides["peer"]
    uuid, data = berth.begin("?digest-algorithm=sha512"), random_bytes(5000)
    berth.send(uuid, 0, data)
    peer.finish(uuid, len(data), digest_of(data)).expect(201)
    berth.repository.check_blob(data)


def test_an_upload_of_docker_registry_can_end_at_berth_as_sha512(sides):
    berth, peer = sides["berth"], sides["peer"]
    uuid, data = peer.begin(), random_bytes(5000)
    peer.send(uuid, 0, data)
    berth.finish(uuid, len(data), digest_of(data, "sha512")).expect(201)
    for side in (berth, peer):
        side.repository.check_blob(data, "sha512")


def test_an_upload_numbered_by_time_as_release_3_does_goes_on(sides):
    """Release 3.1 has uuids of version 7; hash states are a matter of speed, which it may have left out."""
    berth, tree, data, more = sides["berth"], sides["berth"].tree, random_bytes(5000), random_bytes(70)
    uuid = "0190c5a6-2d1b-7c3e-8f00-0123456789ab"
    tree.write(tree.upload(NAME, uuid, "data"), data)
    tree.write(tree.upload(NAME, uuid, "startedat"), "2026-11-26T10:00:00Z")
    berth.send(uuid, len(data), more)
    berth.finish(uuid, len(data + more), digest_of(data + more)).expect(201)
    for side in sides.values():
        side.repository.check_blob(data + more)


def test_an_upload_begun_by_the_other_can_be_cancelled(sides):
    berth, peer = sides["berth"], sides["peer"]
    uuid = peer.begin()
    peer.send(uuid, 0, b"x")
    location = with_query(peer.location(uuid, 1), digest=digest_of(b"x"))
    berth.client.delete(berth.location(uuid, 1)).expect(204)
    peer.client.put(location).expect(404)
    assert not berth.tree.upload(NAME, uuid).exists()
    uuid = berth.begin()
    peer.client.delete(peer.location(uuid, 0)).expect(204)
    berth.client.get(berth.location(uuid, 0)).expect_error(404, "BLOB_UPLOAD_UNKNOWN")


# What a crash leaves of an upload, and what it then is: None, or the bytes that count of the 100 that were sent.
REMAINS = {
    "nothing is wrong": (lambda tree, uuid: None, 100),
    "no startedat": (lambda tree, uuid: tree.remove(tree.upload(NAME, uuid, "startedat")), None),
    "an empty startedat": (lambda tree, uuid: tree.write(tree.upload(NAME, uuid, "startedat"), ""), 100),
    "startedat is a directory": (lambda tree, uuid: make_directory(tree, uuid, "startedat"), None),
    "no data": (lambda tree, uuid: tree.remove(tree.upload(NAME, uuid, "data")), None),
    "data is a directory": (lambda tree, uuid: make_directory(tree, uuid, "data"), None),
    "data is a FIFO": (lambda tree, uuid: make_fifo(tree, uuid, "data"), None),
    "empty data": (lambda tree, uuid: tree.write(tree.upload(NAME, uuid, "data"), ""), 0),
    "data of a request that died": (lambda tree, uuid: append(tree, uuid, b"y" * 50), 100),
    "no hash states": (lambda tree, uuid: tree.remove(tree.upload(NAME, uuid, "hashstates")), 100),
    "an empty hash state": (lambda tree, uuid: write_state(tree, uuid, 100, b""), 100),
    "a hash state of rubbish": (lambda tree, uuid: write_state(tree, uuid, 100, b"x" * 108), 100),
    "a hash state that is too long": (lambda tree, uuid: write_state(tree, uuid, 100, b"x" * 5000), 100),
    "a hash state beyond the data": (lambda tree, uuid: write_state(tree, uuid, 2**40, b"x" * 108), 100),
    "a hash state with no number": (lambda tree, uuid: write_state(tree, uuid, "x", b"x"), 100),
    "a hash state's tmp": (lambda tree, uuid: write_state(tree, uuid, "100.123.tmp", b""), 100),
    # The one before it is there, and what stands behind that came from a request that died.
    "the last hash state is lost": (lambda tree, uuid: tree.remove(tree.upload(NAME, uuid, "hashstates/sha256/100")), 0),
    "a directory for a hash state": (lambda tree, uuid: state_directory(tree, uuid), 0),
}


def make_directory(tree, uuid, name):
    tree.remove(tree.upload(NAME, uuid, name))
    tree.make_directory(tree.upload(NAME, uuid, name))


def make_fifo(tree, uuid, name):
    tree.remove(tree.upload(NAME, uuid, name))
    tree.make_fifo(tree.upload(NAME, uuid, name))


def append(tree, uuid, data):
    path = tree.upload(NAME, uuid, "data")
    tree.write(path, path.read_bytes() + data)


def write_state(tree, uuid, offset, state):
    tree.write(tree.upload(NAME, uuid, "hashstates/sha256", str(offset)), state)


def state_directory(tree, uuid):
    tree.remove(tree.upload(NAME, uuid, "hashstates/sha256/100"))
    tree.make_directory(tree.upload(NAME, uuid, "hashstates/sha256/100"))


@pytest.mark.parametrize("writer", ["berth", "peer"])
def test_what_a_crash_leaves_of_an_upload_goes_on_or_is_unknown(sides, writer):
    """Either all that was acknowledged is there, or the upload is unknown and the client begins again."""
    berth, tree = sides["berth"], sides["berth"].tree
    wrong = {}
    for what, (damage, left) in REMAINS.items():
        data = random_bytes(100)
        uuid = sides[writer].begin()
        sides[writer].send(uuid, 0, data)
        damage(tree, uuid)
        try:
            check_remains(berth, uuid, data, left)
        except AssertionError as failure:
            wrong[what] = str(failure)
    assert wrong == {}, "\n".join(f"{what}: {failure}" for what, failure in wrong.items())


def check_remains(berth, uuid, data, left):
    location, more = berth.location(uuid, 0), random_bytes(10)
    status = berth.client.get(location)
    if left is None:
        status.expect_error(404, "BLOB_UPLOAD_UNKNOWN")
        berth.client.patch(location, more, type=OCTETS).expect_error(404, "BLOB_UPLOAD_UNKNOWN")
        berth.client.delete(location).expect(404)
        return
    # No byte at all cannot be said: the range of nothing is that of one.
    assert status.expect(204).header("Range") == f"0-{max(left, 1) - 1}", str(status)
    whole = data[:left] + more
    answer = berth.client.patch(location, more, type=OCTETS).expect(202)
    assert answer.header("Range") == f"0-{len(whole) - 1}", str(answer)
    berth.finish(uuid, len(whole), digest_of(whole)).expect(201)
    berth.repository.check_blob(whole)
