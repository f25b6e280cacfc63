# SPDX-License-Identifier: MIT
"""berth check on a live tree: clients see the damage, a repair takes the wrong bytes away, and a push heals the rest.
A repair beside pushes, as harsh as it can be asked for, harms none of them.
"""

import json
import os
import subprocess
import threading
import time

import pytest

from harness.content import OCI_MANIFEST, digest_of, random_bytes
from harness.images import oci_layout
from harness.repository import Repository
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx")

TWO_DAYS = 2 * 86400


def check(registry, *words):
    """The exit status, and the objects it printed, by kind."""
    command = [registry.berth.programs / "berth", "check", "--json", "-c", registry.berth.config, *words]
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert said and said[-1]["kind"] == "summary", done.stdout + done.stderr
    kinds = {kind: [s for s in said if s["kind"] == kind] for kind in ("finding", "hurt", "summary")}
    return done.returncode, kinds


def damages(said):
    return sorted(f["damage"] for f in said["finding"] if f["harmful"])


def age(*paths):
    for path in paths:
        then = time.time() - TWO_DAYS
        os.utime(path, (then, then))


def flip(path):
    """One bit, behind the back of everybody."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    age(path)


def layers_of(tree, digest):
    manifest = json.loads(tree.data(digest).read_bytes())
    return [layer["digest"] for layer in manifest["layers"]]


def test_a_damaged_image_is_named_and_healed_by_a_push(registry, repository, containers, tmp_path):
    tree, name = Tree(registry.root), repository.name
    oci_layout(tmp_path / "in", architectures=("amd64", "arm64"))
    oci_layout(tmp_path / "healthy")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{name}:v1", "--all")
    containers.copy_in(f"oci:{tmp_path}/healthy:latest", f"{name}:healthy")
    assert check(registry, "--data", name)[0] == 0

    children = [child["digest"] for child in repository.resolve("v1").json()["manifests"]]
    rotten, unlinked = layers_of(tree, children[0])[0], layers_of(tree, children[1])[0]
    flip(tree.data(rotten))
    tree.remove(tree.layer(name, unlinked).parent)
    tree.write(tree.tag(name, "healthy"), b"")
    age(tree.tag(name, "healthy"))
    containers.skopeo("copy", "-q", *containers.tls("src-"), "--all", f"docker://{registry.netloc}/{name}:v1",
                      f"oci:{tmp_path}/broken:latest", fails=True)

    status, said = check(registry, "--data", name)
    assert (status, damages(said)) == (1, ["blob-corrupt", "layer-unlinked", "tag-broken"])
    assert (name, "v1") in {(h["repository"], h.get("tag")) for h in said["hurt"]}
    status, said = check(registry, "--data", "--repair", "--yes", name)
    assert (status, damages(said)) == (3, ["blob-corrupt", "layer-unlinked", "tag-broken"])
    assert {f["outcome"] for f in said["finding"]} == {"mended"}
    assert {h.get("tag") for h in said["hurt"]} == {"v1", None}

    repository.client.get(repository.blob(rotten)).expect(404)
    containers.copy_out(f"{name}:healthy", f"oci:{tmp_path}/sound:latest")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{name}:v1", "--all")
    containers.copy_out(f"{name}:v1", f"oci:{tmp_path}/out:latest", "--all")
    assert {p.name for p in (tmp_path / "out/blobs/sha256").iterdir()} == \
        {p.name for p in (tmp_path / "in/blobs/sha256").iterdir()}
    status, said = check(registry, "--data", name)
    assert (status, damages(said)) == (0, [])


def push_and_remember(client, name, pushed, stop, failures):
    """Images in one repository, which share a layer and a tag, until somebody says stop."""
    repository, shared = Repository(client, name), random_bytes(2000)
    try:
        while not stop.is_set() and len(pushed) < 60:
            blob = random_bytes(1000)
            repository.push_blobs(shared, blob)
            pushed.append((blob, repository.push_image(f"t{len(pushed)}")))
            repository.put_manifest(pushed[-1][1], "moving")
    except BaseException as failure:  # noqa: B902 - told by the test
        failures.append(failure)


def test_a_repair_beside_pushes_harms_none(own_registry):
    """With an age of 0, again and again, while bits flip in what nobody pushes."""
    client, tree = own_registry.client, Tree(own_registry.root)
    victim, pushed, failures, stop = Repository(client, "e2e/victim"), [], [], threading.Event()
    rotten = random_bytes(500)
    pusher = threading.Thread(target=push_and_remember, args=(client, "e2e/pushed", pushed, stop, failures))
    pusher.start()
    try:
        for _ in range(12):
            victim.push_blob(rotten)
            flip(tree.data(digest_of(rotten)))
            status, said = check(own_registry, "--data", "--rate", "0", "--repair", "--yes", "--older-than", "0s")
            assert "blob-corrupt" in damages(said), said
            assert not [f for f in said["finding"] if f.get("repository") == "e2e/pushed" and f["harmful"]], said
    finally:
        stop.set()
        pusher.join()
    assert failures == [] and len(pushed) > 1
    repository = Repository(client, "e2e/pushed")
    for i, (blob, manifest) in enumerate(pushed):
        repository.check_blob(blob)
        repository.check_manifest(manifest, f"t{i}", OCI_MANIFEST)
    assert check(own_registry, "--data", "--rate", "0", "e2e/pushed")[0] == 0
