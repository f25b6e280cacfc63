# SPDX-License-Identifier: MIT
"""Lists of so many names that an index of them is kept: always what the tree holds, whoever wrote to it last."""

import random
import shutil
import subprocess
import time

import pytest

from harness.client import Client
from harness.content import digest_of
from harness.paging import walk
from harness.peer import Peer
from harness.registry import Registry
from harness.repository import Repository

pytestmark = pytest.mark.kinds("nginx")

#: A few more than an index is kept from.
MANY = 10_020
NAME = "e2e/large"


class Lists:
    """A registry whose tree is written to by hand, too, as registry:2 does it."""

    def __init__(self, registry):
        self.registry, self.repository = registry, Repository(registry.client, NAME)
        self.tree = registry.root / "docker/registry/v2"
        self.repositories = self.tree / "repositories"
        self.tags = self.repositories / NAME / "_manifests/tags"

    def give_to_owner(self):
        subprocess.run(["chown", "-R", f"{self.registry.berth.owner}:www-data", self.tree], check=True)

    def complete_tags(self):
        return sorted(tag.name for tag in self.tags.iterdir() if (tag / "current/link").exists())

    def link_by_hand(self, tag, digest):
        (self.tags / tag / "current").mkdir(parents=True)
        (self.tags / tag / "current/link").write_text(digest)

    def tag_page(self, last, n):
        return self.repository.client.get(self.repository.tags(f"?n={n}&last={last}")).expect(200).json()["tags"]

    def catalog_page(self, last, n):
        return self.registry.client.get(f"/v2/_catalog?n={n}&last={last}").expect(200).json()["repositories"]


def wait_for(ask, index):
    """Ask for pages until an index has been made: not before the clock can show the next change of the directory."""
    deadline = time.monotonic() + 30
    while not index.exists():
        ask()
        assert time.monotonic() < deadline, f"no {index}"
        time.sleep(0.05)
    ask()


@pytest.fixture(scope="module")
def lists(kind):
    with Registry(kind) as registry:
        yield Lists(registry)


@pytest.fixture(scope="module")
def tagged(lists):
    """A repository with MANY tags."""
    lists.digest = digest_of(lists.repository.push_image("v0"))
    for number in range(MANY):
        lists.link_by_hand(f"build-{number:05}", lists.digest)
    lists.give_to_owner()
    lists.index = lists.repositories / NAME / "_berth/tags"
    return lists


def check_tags(lists):
    names = lists.complete_tags()
    for last in ["", "build-", "build-0500", "build-05001x", "v0", "z", *random.sample(names, 5)]:
        for n in (1, 100):
            assert lists.tag_page(last, n) == [name for name in names if name > last][:n], (last, n)


def test_pages_of_many_tags_are_those_of_the_tree(tagged):
    check_tags(tagged)
    wait_for(lambda: tagged.tag_page("", 1), tagged.index)
    check_tags(tagged)
    pages = walk(tagged.repository.client, tagged.repository.tags("?n=997"), lambda page: page["tags"], 997)
    assert [tag for page in pages for tag in page] == tagged.complete_tags()
    assert tagged.repository.list_tags() == tagged.complete_tags()


def test_a_tag_that_comes_or_goes_by_any_program_is_seen_at_once(tagged):
    lists = tagged
    data = lists.repository.client.get(lists.repository.manifest("v0")).expect(200).body
    peer = Peer(lists.registry.directory, {"root": lists.registry.root}, user=lists.registry.berth.owner)
    with peer:
        theirs = Repository(Client(peer.url), NAME)

        def by_hand():
            lists.link_by_hand("build-05000c", lists.digest)

        def delete_by_hand():
            shutil.rmtree(lists.tags / "build-05000c")

        changes = [(lambda: lists.repository.put_manifest(data, "build-05000a"), "build-05000a", True),
                   (lambda: theirs.put_manifest(data, "build-05000b"), "build-05000b", True),
                   (by_hand, "build-05000c", True), (delete_by_hand, "build-05000c", False),
                   (lambda: lists.repository.client.delete(lists.repository.manifest("build-05000a")).expect(202),
                    "build-05000a", False)]
        for change, tag, comes in changes:
            lists.index.unlink(missing_ok=True)
            wait_for(lambda: lists.tag_page("", 1), lists.index)
            change()
            page = lists.tag_page("build-05000", 3)
            assert (tag in page) == comes, page
            check_tags(lists)


def test_a_tag_whose_link_comes_later_is_seen_then(tagged):
    (tagged.tags / "build-06000x/current").mkdir(parents=True)
    tagged.index.unlink(missing_ok=True)
    wait_for(lambda: tagged.tag_page("", 1), tagged.index)
    assert tagged.tag_page("build-06000", 1) == ["build-06001"]
    (tagged.tags / "build-06000x/current/link").write_text(tagged.digest)
    assert tagged.tag_page("build-06000", 1) == ["build-06000x"]


def test_a_damaged_index_does_no_harm_and_is_made_again(tagged):
    tagged.index.unlink(missing_ok=True)
    wait_for(lambda: tagged.tag_page("", 1), tagged.index)
    good = tagged.index.read_bytes()
    for bad in (b"", good[:-1], good[:5 * 4096], bytes(len(good)), good.replace(b"build-05", b"build-99")):
        tagged.index.write_bytes(bad)
        check_tags(tagged)
        assert tagged.repository.list_tags() == tagged.complete_tags()
        tagged.tag_page("", 1)
        assert tagged.index.read_bytes() == good


def test_many_repositories_are_listed_as_the_tree_has_them(lists):
    lists.repository.push_blob(b"x")
    names = [f"team/app-{number:05}" for number in range(MANY)] + ["team/app-00003/sub", "team/app-00003-x", "zoo"]
    for name in names:
        (lists.repositories / name / "_layers").mkdir(parents=True)
    lists.give_to_owner()
    index = lists.tree / "_berth/catalog/team/_children"
    names.append(NAME)
    names.sort(key=lambda name: name.split("/"))

    def check():
        for last in ["", "team/app-00003", "team/app-00003/sub", *random.sample(names, 20)]:
            behind = [name for name in names if name.split("/") > last.split("/")] if last else names
            assert lists.catalog_page(last, 10) == behind[:10], last

    check()
    wait_for(lambda: lists.catalog_page("", 1), index)
    check()
    (lists.repositories / "team/app-05000a/_layers").mkdir(parents=True)
    names = sorted([*names, "team/app-05000a"], key=lambda name: name.split("/"))
    assert lists.catalog_page("team/app-05000", 1) == ["team/app-05000a"]
    (lists.repositories / "team/app-05001/deep/_layers").mkdir(parents=True)
    assert lists.catalog_page("team/app-05001", 1) == ["team/app-05001/deep"]
    Repository(lists.registry.client, "team/app-05002x").push_blob(b"x")
    assert lists.catalog_page("team/app-05002", 1) == ["team/app-05002x"]
    shutil.rmtree(lists.repositories / "team/app-05001")
    assert lists.catalog_page("team/app-05000a", 1) == ["team/app-05002"]
