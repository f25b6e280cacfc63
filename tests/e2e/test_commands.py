# SPDX-License-Identifier: MIT
"""What skopeo pushes through the web server, an administrator lists, inspects, names anew and deletes on the server."""

import hashlib
import json
import subprocess
import threading

import pytest

from harness.images import oci_layout
from harness.repository import Repository

pytestmark = pytest.mark.kinds("nginx")


def berth(registry, *words, status=0):
    command = [registry.berth.programs / "berth", words[0], "-c", registry.berth.config, *words[1:]]
    done = subprocess.run([str(w) for w in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == status, (command, done)
    return done.stdout


def berth_json(registry, *words, status=0):
    lines = berth(registry, words[0], "--json", *words[1:], status=status).splitlines()
    return [json.loads(line) for line in lines]


def push(containers, repository, tmp_path, tag="v1"):
    """An index of two platforms; returns its digest and its bytes."""
    digest = oci_layout(tmp_path / tag, architectures=("amd64", "arm64"))
    containers.copy_in(f"oci:{tmp_path}/{tag}:latest", f"{repository.name}:{tag}", "--all")
    return digest, (tmp_path / tag / "blobs/sha256" / digest.split(":")[1]).read_bytes()


def test_what_is_pushed_is_listed_and_inspected(containers, registry, repository, tmp_path):
    digest, index = push(containers, repository, tmp_path)
    assert repository.name in berth(registry, "list").split()
    (tag,) = berth_json(registry, "list", repository.name)
    assert (tag["tag"], tag["digest"]) == ("v1", digest)
    assert tag["platforms"] == ["linux/amd64", "linux/arm64"]
    blobs = {p.name: p.stat().st_size for p in (tmp_path / "v1/blobs/sha256").iterdir()}
    assert tag["bytes"] == sum(blobs.values())
    (seen,) = berth_json(registry, "inspect", f"{repository.name}:v1")
    assert [m["platform"] for m in seen["manifests"]] == ["linux/amd64", "linux/arm64"]
    assert seen["tags"] == ["v1"] and seen["bytes"] == tag["bytes"]
    raw = subprocess.run([registry.berth.programs / "berth", "inspect", "-c", registry.berth.config, "--raw",
                          f"{repository.name}@{digest}"], check=True, capture_output=True).stdout
    assert raw == index and "sha256:" + hashlib.sha256(raw).hexdigest() == digest


def test_usage_is_what_the_client_sent(containers, registry, repository, other_repository, tmp_path):
    push(containers, repository, tmp_path)
    containers.copy_in(f"oci:{tmp_path}/v1:latest", f"{other_repository.name}:v1", "--all")
    blobs = {p.name: p.stat().st_size for p in (tmp_path / "v1/blobs/sha256").iterdir()}
    rows = {row["repository"]: row for row in berth_json(registry, "usage") if "repository" in row}
    for name in (repository.name, other_repository.name):
        row = rows[name]
        assert (row["bytes"], row["blobs"]) == (sum(blobs.values()), len(blobs))
        assert row["ownBytes"] == 0
    berth(registry, "rm", "--yes", "--now", other_repository.name)
    rows = {row["repository"]: row for row in berth_json(registry, "usage") if "repository" in row}
    assert other_repository.name not in rows and rows[repository.name]["ownBytes"] == sum(blobs.values())


def test_a_tag_that_is_given_is_pulled_and_one_that_is_taken_is_not(containers, registry, repository, tmp_path):
    client = repository.client
    digest, _ = push(containers, repository, tmp_path)
    berth(registry, "tag", f"{repository.name}:v1", "stable")
    containers.copy_out(f"{repository.name}:stable", f"oci:{tmp_path}/out:latest", "--all")
    assert repository.resolve("stable").digest == digest
    berth(registry, "rm", "--yes", f"{repository.name}:v1")
    client.head(repository.manifest("v1")).expect(404)
    berth(registry, "rm", "--yes", f"{repository.name}@{digest}")
    client.head(repository.manifest("stable")).expect(404)


def test_a_repository_that_is_removed_is_gone_and_can_be_pushed_again(containers, registry, repository, tmp_path):
    digest, _ = push(containers, repository, tmp_path)
    below = Repository(registry.client, repository.name + "/below")
    below.push_blob(b"of another")
    (kept,) = berth_json(registry, "rm", "--yes", repository.name, status=3)
    assert kept["manifests"] == 3 and kept["keptBlobs"] > 0 and not kept["gone"]
    registry.client.head(repository.manifest(digest)).expect(404)
    (gone,) = berth_json(registry, "rm", "--yes", "--now", repository.name)
    assert gone["gone"] and repository.name not in berth(registry, "list").split()
    below.check_blob(b"of another")
    push(containers, repository, tmp_path, "v2")
    containers.copy_out(f"{repository.name}:v2", f"oci:{tmp_path}/out:latest", "--all")


def what_is_whole(repository, data):
    """The image that was acknowledged has all it refers to."""
    document = json.loads(data)
    for part in (document["config"], *document["layers"]):
        repository.client.head(repository.blob(part["digest"])).expect(200)


def test_pushes_go_on_while_the_repository_is_removed(registry, repository):
    """None of them fails, what is there is whole, and what is pushed after the last removal stays."""
    repository.push_image("first")
    pushing, failures, removals = threading.Event(), [], []
    pushing.set()

    def push_all(number):
        mine = Repository(registry.client, repository.name)
        try:
            for turn in range(25):
                mine.push_image(f"t{number}-{turn}")
        except Exception as error:  # noqa: BLE001: told below
            failures.append(error)

    def remove_all():
        while pushing.is_set():
            removals.extend(berth_json(registry, "rm", "--yes", repository.name, status=3))

    pushers = [threading.Thread(target=push_all, args=(n,)) for n in range(4)]
    remover = threading.Thread(target=remove_all)
    for thread in (*pushers, remover):
        thread.start()
    for thread in pushers:
        thread.join()
    pushing.clear()
    remover.join()
    assert failures == [] and removals
    assert sum(r["tags"] for r in removals) > 1, "nothing was removed meanwhile"
    last = repository.push_image("last")
    tags = repository.list_tags()
    assert "last" in tags
    for tag in tags:
        what_is_whole(repository, repository.resolve(tag).body)
    what_is_whole(repository, last)
    top = registry.path("repositories", repository.name)
    assert (top / "_layers").is_dir() and (top / "_manifests/tags").is_dir()
