# SPDX-License-Identifier: MIT
"""A tree that docker-registry wrote, served by Berth as it is: every answer compared with docker-registry's own."""

import pytest

from harness import rich
from harness.answers import everything
from harness.client import Client
from harness.peer import Peer
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx", "apache-proxy")


@pytest.fixture
def adopted(own_registry):
    """(Berth's answers, docker-registry's answers, the tree before, the tree) about one tree full of everything."""
    tree = Tree(own_registry.root)
    with Peer(own_registry.directory, {"root": own_registry.root}, user=own_registry.berth.owner) as peer:
        client = Client(peer.url)
        rich.fill(client)
        rich.add_forms_of_3(tree, client)
        before = tree.content()
        theirs = everything(client, tree)
    assert tree.content() == before, "docker-registry changed the tree while it was asked"
    return everything(own_registry.client, tree), theirs, before, tree


def different(ours, theirs):
    return {what: (ours[what], theirs[what]) for what in theirs if ours[what] != theirs[what]}


def test_every_answer_is_that_of_docker_registry(adopted):
    ours, theirs, before, tree = adopted
    assert ours.keys() == theirs.keys() and len(ours) > 100
    # docker-registry 2.8 does not list what has no _layers, though it serves it; 3 does, and so do we.
    assert ours.pop("catalog") == tree.repositories()
    assert theirs.pop("catalog") == [n for n in tree.repositories() if tree.repository(n, "_layers").is_dir()]
    # Without a directory of tags a repository is unknown to it, also if it is full of manifests or blobs.
    for name in tree.repositories():
        if not tree.repository(name, "_manifests/tags").exists():
            assert theirs["tags", name] == "NAME_UNKNOWN"
            known = tree.repository(name, "_manifests").exists()
            assert ours["tags", name] == ([] if known else "NAME_UNKNOWN")
            del theirs["tags", name]
    # A sha512 alias it serves under the digest it stored; we under the one that was asked for.
    for what, answer in theirs.items():
        if what[0] == "blob" and what[2].startswith("sha512:"):
            assert answer[1].startswith("sha256:"), what
            theirs[what] = answer[0], what[2], answer[2]
    assert different(ours, theirs) == {}
    assert tree.content() == before, "Berth changed the tree by serving it"
