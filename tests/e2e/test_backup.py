# SPDX-License-Identifier: MIT
"""berth backup and berth restore while clients push, delete and move tags, and while they are killed themselves."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import threading
import time

import pytest

from harness.berth import as_user
from harness.client import Client
from harness.content import OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, encode, index, random_bytes
from harness.links import find_dangling
from harness.peer import Peer
from harness.process import wait_for
from harness.repository import Repository
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx")
ROUNDS = 5
COLLECTOR_GRACE = "60"


class Load:
    """Clients that push, delete and move tags until they are told to stop. What they were told is kept: `keep` images are
    never touched again, and each has to be in every backup that begins later."""

    def __init__(self, registry, seed):
        self.registry, self.random = registry, random.Random(seed)
        self.stopped, self.failures = threading.Event(), []
        self.kept, self.lock, self.steps = [], threading.Lock(), 0
        self.threads = [threading.Thread(target=self.run, args=(step, i))
                        for i, step in enumerate((self.push, self.push, self.delete, self.move, self.move))]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def run(self, step, i):
        repository = Repository(self.registry.client_of(self.registry.user), f"load/r{i % 3}")
        other = Repository(repository.client, f"load/deep/er/r{i % 2}")
        while not self.stopped.is_set():
            try:
                step(self.random.choice([repository, other]))
                self.steps += 1
                self.stopped.wait(0.5)   # or a slow machine drowns in what there is to back up
            except Exception as problem:   # pylint: disable=broad-except
                self.failures.append(f"{step.__name__}: {problem!r}")
                return

    def push(self, repository):
        tag = f"keep-{os.urandom(4).hex()}"
        data = repository.push_image(tag)
        with self.lock:
            self.kept.append((repository.name, tag, digest_of(data)))
        repository.push_image(f"t{self.random.randrange(5)}")
        if self.random.random() < 0.3:
            repository.push_index(f"multi{self.random.randrange(3)}")
        if self.random.random() < 0.3:
            repository.push_artifact("application/vnd.example.sbom.v1", subject=descriptor(data, OCI_MANIFEST))

    def delete(self, repository):
        """Manifests and tags that another may be pushing at this moment."""
        tag = f"t{self.random.randrange(5)}"
        answer = repository.client.request("HEAD", repository.manifest(tag), headers=[("Accept", OCI_MANIFEST)])
        if answer.status == 200:
            repository.client.delete(repository.manifest(answer.digest))
        if self.random.random() < 0.5:
            repository.client.delete(repository.manifest(f"t{self.random.randrange(5)}"))

    def move(self, repository):
        """One tag, to and fro, whose manifests go as soon as it has left them: it is there at each moment."""
        data = repository.push_image("moving")
        time.sleep(0.01)
        repository.push_image("moving")
        repository.client.delete(repository.manifest(digest_of(data)))


@contextlib.contextmanager
def collecting(registry):
    """`berth gc` again and again, where this build has it."""
    stopped, runs = threading.Event(), []

    def run():
        while not stopped.is_set():
            done = command(registry, "gc")
            runs.append(done.returncode)
            if done.returncode == 2:   # no such command
                return
            stopped.wait(0.3)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield runs
    finally:
        stopped.set()
        thread.join()


def argv_of(registry, *words):
    return [str(w) for w in (registry.berth.programs / "berth", *words, "-c", registry.berth.config)]


def command(registry, *words):
    return subprocess.run(argv_of(registry, *words), capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **as_user(registry.berth.owner))


def succeed(registry, *words):
    done = command(registry, *words)
    assert done.returncode == 0, f"berth {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def own(registry, path):
    path.mkdir()
    if os.geteuid() == 0:
        shutil.chown(path, registry.berth.owner, "www-data")
    return path


def tags_of(root):
    tree = Tree(root)
    return {(name, tag): tree.tag(name, tag).read_text() for name in tree.repositories() for tag in tree.tags(name)}


def check_served(backup, directory, kept):
    """docker-registry serves what was kept from the backup, every byte of it."""
    with Peer(directory, {"root": backup}) as peer:
        for name, tag, digest in kept:
            repository = Repository(Client(peer.url), name)
            answer = repository.resolve(tag)
            assert answer.digest == digest and digest_of(answer.body) == digest
            for part in [answer.json()["config"], *answer.json()["layers"]]:
                got = repository.client.get(repository.blob(part["digest"])).expect(200)
                assert digest_of(got.body) == part["digest"]


def restore_elsewhere(registry, backup, name):
    """The backup in a fresh root; returns that."""
    root = own(registry, registry.directory / name)
    config = registry.directory / f"{name}.conf"
    config.write_text(f"root = {root}\n")
    done = subprocess.run([str(registry.berth.programs / "berth"), "restore", "-c", config, backup], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, check=False, **as_user(registry.berth.owner))
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.mark.settings(grace=COLLECTOR_GRACE)
def test_five_backups_under_load_have_no_dangling_link_and_restore(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    Repository(own_registry.client, "load/r0").push_image("first")
    with Load(own_registry, seed=6) as load, collecting(own_registry) as collections:
        for round_ in range(ROUNDS):
            wait_for(lambda: load.failures or load.steps > 10 * (round_ + 1), "steps of the load", 120)
            kept = list(load.kept)
            words = ["backup", "--json", backup]
            said = succeed(own_registry, *words)
            assert json.loads(said.splitlines()[-1])["problems"] == 0, said
            assert find_dangling(backup) == []
            tags = tags_of(backup)
            assert {(n, t): d for n, t, d in kept}.items() <= tags.items()
            assert json.loads((backup / "berth-backup").read_text())["complete"]
            assert find_dangling(restore_elsewhere(own_registry, backup, f"restored{round_}")) == []
            assert tags_of(own_registry.directory / f"restored{round_}") == tags
    assert not load.failures
    # Done, done with something left, or another one was at work; and at last it goes on.
    assert set(collections) <= {0, 3, 4} and 0 in collections, collections
    assert command(own_registry, "gc").returncode == 0
    check_served(backup, own_registry.directory, kept[-5:])


def test_a_backup_follows_deletions_and_copies_nothing_twice(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    repository, gone = (Repository(own_registry.client, n) for n in ("e2e/stays", "e2e/goes"))
    first, second = repository.push_image("v1"), repository.push_image("v2")
    gone.push_image("v1")
    repository.put_manifest(repository.push_image(algorithm="sha512"), algorithm="sha512", query="?tag=long")
    succeed(own_registry, "backup", backup)
    layer = Tree(backup).data(json.loads(first)["layers"][0]["digest"])
    before = layer.stat()
    repository.client.delete(repository.manifest(digest_of(second))).expect(202)
    gone.client.delete(gone.manifest("v1")).expect(202)
    summary = json.loads(succeed(own_registry, "backup", "--json", backup).splitlines()[-1])
    assert summary["blobs"] == summary["manifests"] == summary["tags"] == 0 and summary["removed"] >= 3
    assert layer.stat().st_ino == before.st_ino and layer.stat().st_mtime_ns == before.st_mtime_ns
    assert tags_of(backup) == tags_of(own_registry.root)
    assert find_dangling(backup) == []
    shutil.rmtree(own_registry.root / "docker/registry/v2/repositories/e2e/goes")
    succeed(own_registry, "backup", backup)
    assert Tree(backup).repositories() == ["e2e/stays"]


def test_a_backup_by_hard_links_shares_the_bytes_of_layers(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    repository = Repository(own_registry.client, "e2e/linked")
    image = json.loads(repository.push_image("v1"))
    succeed(own_registry, "backup", "--link", backup)
    digest = image["layers"][0]["digest"]
    assert os.path.samefile(Tree(backup).data(digest), Tree(own_registry.root).data(digest))
    assert find_dangling(backup) == []
    check_served(backup, own_registry.directory, [("e2e/linked", "v1", digest_of(encode(image)))])


def kill_soon(registry, *words, after):
    """The command, killed after so many seconds; whether it was still there."""
    with subprocess.Popen(argv_of(registry, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, **as_user(registry.berth.owner)) as process:
        try:
            process.wait(after)
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            return True


def fill(registry, images=12):
    for i in range(images):
        repository = Repository(registry.client, f"e2e/r{i % 3}")
        repository.push_image(f"v{i}")
        repository.push_blob(random_bytes(300_000))
    return tags_of(registry.root)


def test_a_killed_backup_goes_on_and_is_in_order_at_each_moment(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    tags = fill(own_registry)
    for i in range(20):
        kill_soon(own_registry, "backup", backup, after=0.005 + i * 0.004)
        if (backup / "docker").exists():
            assert find_dangling(backup) == []
    succeed(own_registry, "backup", backup)
    assert find_dangling(backup) == [] and tags_of(backup) == tags
    leftovers = [p for p in backup.rglob("_uploads/*")]
    assert not leftovers


def test_a_killed_restore_goes_on_and_is_in_order_at_each_moment(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    tags = fill(own_registry)
    succeed(own_registry, "backup", backup)
    for path in ("repositories", "blobs"):
        shutil.rmtree(own_registry.root / "docker/registry/v2" / path)
    for i in range(20):
        kill_soon(own_registry, "restore", backup, after=0.01 + i * 0.01)
        assert find_dangling(own_registry.root) == []
    succeed(own_registry, "restore", backup)
    assert find_dangling(own_registry.root) == [] and tags_of(own_registry.root) == tags
    name, tag = next(iter(tags))
    Repository(own_registry.client, name).resolve(tag)


def test_restore_asks_before_it_moves_a_tag(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    repository = Repository(own_registry.client, "e2e/conflict")
    old = digest_of(repository.push_image("v1"))
    repository.push_image("v2")
    succeed(own_registry, "backup", backup)
    new = digest_of(repository.push_image("v1"))
    repository.client.delete(repository.manifest("v2")).expect(202)
    done = command(own_registry, "restore", backup)
    assert done.returncode == 1 and f"e2e/conflict:v1 is {new}, in the backup {old}" in done.stderr, done.stderr
    assert repository.list_tags() == ["v1"]
    succeed(own_registry, "restore", "--keep", backup)
    assert repository.resolve("v1").digest == new and repository.list_tags() == ["v1", "v2"]
    succeed(own_registry, "restore", "--yes", backup, "e2e/conflict")
    assert repository.resolve("v1").digest == old


def test_restore_heals_what_was_damaged(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    repository = Repository(own_registry.client, "e2e/heal")
    image = json.loads(repository.push_image("v1"))
    succeed(own_registry, "backup", backup)
    tree = Tree(own_registry.root)
    short, wrong = (tree.data(layer["digest"]) for layer in image["layers"])
    short.write_bytes(b"")
    data = wrong.read_bytes()
    wrong.write_bytes(bytes(len(data)))
    summary = json.loads(succeed(own_registry, "backup", "--json", backup).splitlines()[-1]) \
        if command(own_registry, "backup", "--json", backup).returncode == 0 else None
    assert summary is None, "a blob without its bytes is a problem"
    assert find_dangling(backup) == [], "the good copy stays"
    succeed(own_registry, "restore", backup)
    assert digest_of(short.read_bytes()) == image["layers"][0]["digest"]
    succeed(own_registry, "restore", "--data", backup)
    assert wrong.read_bytes() == data
    assert find_dangling(own_registry.root) == []


def test_an_index_with_the_images_it_lists_comes_back(own_registry):
    backup = own(own_registry, own_registry.directory / "backup")
    repository = Repository(own_registry.client, "e2e/index")
    data, children = repository.push_index("multi")
    outer = encode(index([descriptor(data, OCI_INDEX)]))
    repository.put_manifest(outer, "outer")
    sbom = repository.push_artifact("application/vnd.example.sbom.v1", subject=descriptor(children[0], OCI_MANIFEST))
    succeed(own_registry, "backup", backup)
    root = restore_elsewhere(own_registry, backup, "again")
    assert tags_of(root) == tags_of(own_registry.root)
    assert set(Tree(root).revisions("e2e/index")) == {digest_of(d) for d in (data, outer, sbom, *children)}
