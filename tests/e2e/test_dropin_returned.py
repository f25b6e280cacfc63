# SPDX-License-Identifier: MIT
"""A tree of docker-registry on which Berth has worked, given back: docker-registry serves all of it, lists it, and
collects its garbage without touching what is needed."""

import json
import subprocess

import pytest

from harness import content, rich
from harness.answers import everything
from harness.client import Client, with_query
from harness.content import OCI_INDEX, OCI_MANIFEST, descriptor, digest_of
from harness.peer import Peer
from harness.repository import Repository
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx")


@pytest.fixture
def returned(own_registry):
    """(registry, peer, tree): filled by docker-registry, worked on by Berth."""
    tree = Tree(own_registry.root)
    with Peer(own_registry.directory, {"root": own_registry.root}, user=own_registry.berth.owner) as peer:
        client = Client(peer.url)
        rich.fill(client)
        rich.add_forms_of_3(tree, client)
        work(own_registry.client, tree)
        yield own_registry, peer, tree


def work(client, tree):
    """What people do at a registry, through Berth."""
    first = Repository(client, rich.NAMES[0])
    for tag in ("tagged-oci", "moved"):
        first.push_image(tag)
    client.delete(first.manifest("tagged-list")).expect(202)
    for tag in ("tagged-docker", "tagged-artifact"):
        client.delete(first.manifest(first.resolve(tag).digest)).expect(202)
    client.delete(first.blob(first.push_blob(content.random_bytes(50)))).expect(202)
    image = first.push_image("signed-again")
    first.push_artifact(rich.SBOM, subject=descriptor(image, OCI_MANIFEST))
    add_sha512(first)
    rich.push_kinds(Repository(client, "new/by/berth"))
    Repository(client, "new/blobs").push_blobs(b"", content.random_bytes(100))
    emptied = Repository(client, "new/emptied")
    client.delete(emptied.manifest(digest_of(emptied.push_image("v1")))).expect(202)
    finish_an_upload(client, tree)
    rich.begin_uploads(Repository(client, "new/begun"))
    # Pushed to by Berth, it gets the directory without which 2.8 does not see it.
    Repository(client, "three/index").push_index("more")


def add_sha512(repository):
    repository.push_blob(content.random_bytes(100), "sha512")
    repository.push_image(algorithm="sha512")
    data = content.encode(content.index([]))
    repository.put_manifest(data, algorithm="sha512", query="?tag=sha512&tag=sha512-too")


def finish_an_upload(client, tree):
    """One of those docker-registry had begun."""
    uploads = sorted(tree.repository("begun/only", "_uploads").iterdir(), key=lambda p: (p / "data").stat().st_size)
    data = (uploads[-1] / "data").read_bytes()
    repository = Repository(client, "begun/only")
    location = repository.uploads + uploads[-1].name
    assert client.get(location).expect(204).header("Range") == f"0-{len(data) - 1}"
    more = content.random_bytes(1000)
    client.put(with_query(location, digest=digest_of(data + more)), more, type=content.OCTETS).expect(201)
    repository.check_blob(data + more)


def canonical(answers):
    """Without the one difference between the two: the digest an alias is served under."""
    return {what: (answer[0], what[2], answer[2])
            if what[0] == "blob" and what[2].startswith("sha512:") and answer != 404 else answer
            for what, answer in answers.items()}


def untagged(tree):
    """Repositories of manifests without any directory of tags: docker-registry calls their list unknown."""
    return [n for n in tree.repositories()
            if tree.repository(n, "_manifests").exists() and not tree.repository(n, "_manifests/tags").exists()]


def both_answers(registry, peer, tree):
    """What both say, which is the same."""
    ours, theirs = (canonical(everything(client, tree)) for client in (registry.client, Client(peer.url)))
    for name in untagged(tree):
        assert theirs.pop(("tags", name)) == "NAME_UNKNOWN" and ours.pop(("tags", name)) == []
    assert {what: (ours[what], theirs[what]) for what in theirs if ours[what] != theirs[what]} == {}
    assert ours["catalog"] == tree.repositories()
    return ours


def parts_of(answers, kept=lambda what: True):
    """{(repository, digest)} that the manifests among these answers refer to, subjects aside."""
    found = set()
    for what, answer in answers.items():
        if what[0] != "manifest" or answer == 404 or not kept(what):
            continue
        document = json.loads(answer[2])
        parts = [document.get("config"), *document.get("layers", []), *document.get("manifests", [])]
        found |= {(what[1], part["digest"]) for part in parts if part}
    return found


def listing(registry):
    """What berth check says, line by line."""
    berth = registry.berth
    done = subprocess.run([berth.programs / "berth", "check", "--distribution", "-c", berth.config],
                          capture_output=True, text=True, check=False)
    assert done.stderr == "" and done.returncode == (1 if done.stdout else 0), done
    return done.stdout.splitlines()


def put_back_what_was_collected(registry, peer):
    """The links are left, without what they name; a push by Berth brings it back for both."""
    data = b"taken by the collector"
    ours, theirs = (Repository(client, "new/blobs") for client in (registry.client, Client(peer.url)))
    ours.push_blob(data)
    assert peer.collect().returncode == 0
    for repository in (ours, theirs):
        repository.client.head(repository.blob(digest_of(data))).expect(404)
    ours.push_blob(data)
    for repository in (ours, theirs):
        repository.check_blob(data)


def test_docker_registry_serves_it_and_its_collector_keeps_it(returned):
    registry, peer, tree = returned
    before = both_answers(registry, peer, tree)
    assert [line for line in listing(registry) if " -m " not in line] == []
    done = peer.collect()
    assert done.returncode == 0, done.stderr
    after = both_answers(registry, peer, tree)
    needed = parts_of(before)
    lost = {what for what, answer in before.items() if after[what] != answer}
    assert lost, "the collector had nothing to collect"
    for kind, name, digest in lost:
        assert kind == "blob" and (name, digest) not in needed, (kind, name, digest)
        assert after[kind, name, digest] == 404
    assert len([part for part in needed if after.get(("blob", *part), 404) != 404]) > 30
    put_back_what_was_collected(registry, peer)


def test_its_collector_keeps_every_tag_also_with_m(returned):
    registry, peer, tree = returned
    # Such repositories docker-registry makes, and stops at; Berth's own are not among them.
    stops = [line.split()[0] for line in listing(registry) if " -m " in line]
    assert stops == untagged(tree) != []
    assert peer.collect("-m").returncode != 0
    for name in stops:
        Repository(registry.client, name).push_image()
    assert listing(registry) == []
    before = both_answers(registry, peer, tree)
    done = peer.collect("-m")
    assert done.returncode == 0, done.stderr
    after = both_answers(registry, peer, tree)
    tagged = {what for what in before if what[0] == "manifest" and ":" not in what[2]}
    assert len(tagged) > 20
    assert {what: after[what] for what in tagged} == {what: before[what] for what in tagged}
    # 2.8 takes the children of a tagged index for untagged (its issue 3178): images alone keep their parts.
    images = {what for what in tagged if before[what][0] not in (OCI_INDEX, content.DOCKER_LIST)}
    for name, digest in parts_of(before, images.__contains__):
        assert after["blob", name, digest] == before["blob", name, digest] != 404
    children = {("manifest", *part) for part in parts_of(before, (tagged - images).__contains__)}
    assert 404 in [after.get(child, 404) for child in children], "berth(1) says that -m of 2.8 takes away such images"
