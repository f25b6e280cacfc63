# SPDX-License-Identifier: MIT
"""`berth gc` beside a live web server: on what docker-registry wrote, while clients push, and on a disk that is full."""

import json
import os
import subprocess
import threading
import time

import pytest

from harness import rich
from harness.answers import everything
from harness.client import Client
from harness.content import digest_of, random_bytes
from harness.peer import Peer
from harness.registry import Registry
from harness.repository import Repository
from harness.storage import Storage
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx")

PARTLY, BUSY = 3, 4


def gc(registry, *words, status=0):
    """The summary, and what the command said besides."""
    command = [registry.berth.programs / "berth", "gc", "-c", registry.berth.config, "--json", *words]
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    summary = lines.pop() if lines else None
    assert summary is None or summary["restored"] == 0, summary
    return summary, lines, done.stderr


def make_old(registry):
    """Nobody has asked for anything for a week."""
    then = time.time() - 7 * 86400
    for directory, _, files in os.walk(registry.root):
        if "/_berth" not in directory:
            for file in files:
                os.utime(os.path.join(directory, file), (then, then))


def without(answers, what):
    return {key: answer for key, answer in answers.items() if key[0] != "blob" or key[2] not in what}


def test_what_docker_registry_wrote_is_collected_and_nothing_that_is_needed(own_registry):
    tree = Tree(own_registry.root)
    peer = Peer(own_registry.directory, {"root": own_registry.root}, user=own_registry.berth.owner)
    garbage = [random_bytes(5000) for _ in range(3)]
    with peer:
        rich.fill(Client(peer.url))
        repository = Repository(Client(peer.url), "team/app")
        image = repository.push_image("v1")
        repository.push_blobs(*garbage)
        # It may be about to answer for what would go.
        _, _, said = gc(own_registry, status=1)
        assert "was made by another program" in said and "repositories/" in said
    make_old(own_registry)
    gc(own_registry, status=1)   # it was here a moment ago, however old its files look
    before = everything(own_registry.client, tree)
    make_old(own_registry)

    _, would, _ = gc(own_registry, "--no-other-writer", "--dry-run")
    summary, items, _ = gc(own_registry, "--no-other-writer", "--verbose")
    assert items == would
    gone = {item["digest"] for item in items if item["item"] == "blob"}
    assert {digest_of(data) for data in garbage} <= gone
    assert summary["retired"] == len([i for i in items if i["item"] in ("blob", "layer")])
    assert summary["live"] == summary["blobs"] - len(gone)
    layers = {(item["repository"], item["digest"]) for item in items if item["item"] == "layer"}
    after = everything(own_registry.client, tree)
    assert after.keys() <= before.keys()
    lost = before.keys() - after.keys()
    assert all(key[0] == "blob" and (key[1], key[2]) in layers for key in lost), lost
    assert {key: before[key] for key in after} == after
    assert not any(tree.data(digest).exists() for digest in gone)

    summary, items, _ = gc(own_registry, "--no-other-writer", "--verbose")
    assert (summary["retired"], items) == (0, []) and summary["purged"] > 0
    # And its own collector finds nothing that we have left, nor misses what we took.
    done = peer.collect()
    assert done.returncode == 0, done.stderr
    assert "0 blobs and 0 manifests eligible for deletion" in done.stdout.splitlines()[-1]
    with peer:
        Repository(Client(peer.url), "team/app").check_manifest(image, "v1", json.loads(image)["mediaType"])


@pytest.mark.settings(grace="1")
def test_collections_come_and_go_while_clients_push(own_registry):
    """Half of them find layers that nobody refers to, as old as the grace."""
    client = own_registry.client
    shared = [random_bytes(2000) for _ in range(8)]
    Repository(client, "team/shared").push_blobs(*shared)
    stop, cycles = threading.Event(), []

    def collect():
        while not stop.is_set():
            cycles.append(gc(own_registry)[0])

    collector = threading.Thread(target=collect)
    collector.start()
    images = {}
    try:
        for i in range(60):
            repository = Repository(client, f"team/app{i % 3}")
            for data in (shared[i % 8], shared[(i + 3) % 8]):
                url = f"/v2/{repository.name}/blobs/uploads/?mount={digest_of(data)}&from=team/shared"
                if client.post(url).status == 202:
                    repository.push_blob(data)
            images[repository.name, f"v{i}"] = repository.push_image(f"v{i}")
    finally:
        stop.set()
        collector.join()
    assert len(cycles) > 3 and not any(c["unreadable"] for c in cycles)
    for (name, tag), image in images.items():
        repository = Repository(client, name)
        manifest = json.loads(image)
        assert repository.resolve(tag).expect(200).body == image
        for part in [manifest["config"], *manifest["layers"]]:
            assert digest_of(client.get(repository.blob(part["digest"])).expect(200).body) == part["digest"]
    time.sleep(3)   # the clients' leases, of a grace of one second, have to end
    gc(own_registry)
    summary, _, _ = gc(own_registry)
    kept = {part["digest"] for image in images.values()
            for part in [json.loads(image)["config"], *json.loads(image)["layers"]]}
    assert summary["live"] == summary["blobs"] == len(kept) + len(images)


DISKS = {"tmpfs": {}, "ext4": {"kind": "ext4", "size": "24m", "inodes": 2000}}


@pytest.mark.parametrize("disk", DISKS)
def test_a_full_disk_gets_room_again(kind, disk):
    """Though there is none for a note, nor for a name in the trash."""
    with Registry(kind, storage=Storage(**DISKS[disk])) as registry:
        repository = Repository(registry.client, "team/app")
        image = repository.push_image("v1")
        spare = random_bytes(1 << 20)
        repository.push_blob(spare)
        make_old(registry)
        registry.storage.fill_bytes()
        summary, _, _ = gc(registry, "--empty-trash")
        assert summary["bytes"] > len(spare)
        assert not Tree(registry.root).data(digest_of(spare)).exists()
        registry.storage.free()
        repository.push_image("v2")
        assert repository.resolve("v1").expect(200).body == image


def test_two_at_once_and_a_killed_one(own_registry):
    """The lock goes with the process, and the next one finds what it left."""
    repository = Repository(own_registry.client, "team/app")
    image = repository.push_image("v1")
    repository.push_blobs(*[random_bytes(100) for _ in range(200)])
    make_old(own_registry)
    command = [str(w) for w in (own_registry.berth.programs / "berth", "gc", "-c", own_registry.berth.config)]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    trash = own_registry.root / "docker/registry/v2/_berth/trash"
    while killed.poll() is None and not (trash.exists() and any(trash.rglob("*link"))):
        pass
    killed.kill()
    killed.wait()
    assert repository.resolve("v1").expect(200).body == image
    make_old(own_registry)
    gc(own_registry)
    summary, _, _ = gc(own_registry)
    assert summary["live"] == summary["blobs"] == 4
    assert repository.resolve("v1").expect(200).body == image
