# SPDX-License-Identifier: MIT
"""A tree that belongs to another user's docker-registry: what Berth does with it before `berth adopt`, what after, and
that docker-registry goes on after `berth adopt --undo`."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import webserver
from harness.berth import ROUTES, Berth
from harness.client import Client
from harness.content import OCI_MANIFEST, digest_of, random_bytes
from harness.peer import Peer
from harness.process import tail, wait_for
from harness.repository import Repository

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
NAME = "e2e/adopted"
BERTH_USER = "www-data"
WARNING = "its lease cannot be renewed (see berth adopt)"
OLD = 10 * 24 * 3600   # seconds; far beyond what needs renewing


def state_of(tree):
    """{path: (owner, group, mode, time of a file)} of all there is."""
    found = {}
    for path in [tree, *tree.rglob("*")]:
        st = path.lstat()
        found[path] = (st.st_uid, st.st_gid, st.st_mode, None if path.is_dir() else st.st_mtime_ns)
    return found


def grow_old(tree):
    for path in tree.rglob("*"):
        os.utime(path, (time.time() - OLD,) * 2)


class Scene:
    """The tree, and either registry on it in turn."""

    def __init__(self, directory, owner):
        self.directory, self.owner = directory, owner
        self.data = directory / "data"
        self.tree = self.data / "docker/registry/v2"

    @contextlib.contextmanager
    def peer(self):
        old = os.umask(0o022)
        try:
            with Peer(self.directory, {"root": self.data}, user=None if self.owner == "root" else self.owner) as peer:
                yield Repository(Client(peer.url), NAME)
        finally:
            os.umask(old)

    @contextlib.contextmanager
    def berth(self):
        with contextlib.ExitStack() as stack:
            kept = self.data.rename(self.directory / "kept")
            berth = stack.enter_context(Berth(self.directory, owner=BERTH_USER, start=False))
            self.data.rmdir()
            kept.rename(self.data)
            for route in ROUTES:
                berth.start_pool(route)
            for route, pool in berth.pools.items():
                pool.wait_until_accepting(berth.socket(route))
            nginx = stack.enter_context(webserver.Nginx(berth.root, berth.sockets, directory=self.directory / "web"))
            yield berth, Repository(Client(nginx.url), NAME)

    def adopt(self, *words):
        done = subprocess.run([self.directory / "libexec/berth", "adopt", "-c", self.directory / "berth.conf", *words],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(params=["root", "nobody"])
def scene(request):
    # Short, because a unix socket's path has at most 108 bytes.
    directory = Path(tempfile.mkdtemp(prefix="berth-"))
    try:
        directory.chmod(0o711)
        scene = Scene(directory, request.param)
        scene.data.mkdir(mode=0o755)
        if scene.owner != "root":
            shutil.chown(scene.data, scene.owner, "www-data")
        yield scene
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def head_blob(repository, digest):
    return repository.client.head(repository.blob(digest))


def test_a_tree_of_somebody_else_is_served_adopted_and_given_back(scene):
    blob = random_bytes(2000)
    with scene.peer() as theirs:
        image = theirs.push_image("v1")
        theirs.push_blob(blob)
    grow_old(scene.tree)
    before = state_of(scene.tree)

    with scene.berth() as (berth, ours):
        check_before(berth, ours, image, blob)
        assert state_of(scene.tree) == before
        assert f"now belong to {BERTH_USER}:www-data" in scene.adopt("--user", BERTH_USER)
        head_blob(ours, digest_of(blob)).expect(200)
        ours.check_manifest(image, "v1", OCI_MANIFEST)
        second = ours.push_image("v2")
        ours.client.delete(ours.blob(digest_of(blob))).expect(202)

    scene.adopt("--undo")
    check_state(scene, before, gone=digest_of(blob))
    with scene.peer() as theirs:
        theirs.check_manifest(image, "v1", OCI_MANIFEST)
        theirs.check_manifest(second, "v2", OCI_MANIFEST)
        for part in [json.loads(second)["config"], *json.loads(second)["layers"]]:
            assert digest_of(theirs.client.get(theirs.blob(part["digest"])).expect(200).body) == part["digest"]
        theirs.push_image("v1")
        theirs.push_image("v2")
        theirs.push_image("v3")
        assert sorted(theirs.list_tags()) == ["v1", "v2", "v3"]


def check_before(berth, ours, image, blob):
    """Pulls work; a blob nobody could keep from a collector is not there; pushes are refused; and that is told once."""
    ours.check_manifest(image, "v1", OCI_MANIFEST)
    for part in [json.loads(image)["config"], *json.loads(image)["layers"]]:
        assert digest_of(ours.client.get(ours.blob(part["digest"])).expect(200).body) == part["digest"]
    for _ in range(40):
        head_blob(ours, digest_of(blob)).expect(404)
    log = berth.pools["blob"].log
    wait_for(lambda: WARNING in tail(log, 1 << 20), "the warning")
    told = tail(log, 1 << 20).count(WARNING)
    assert 1 <= told <= 4, f"{told} times by 4 processes"
    ours.client.post(ours.uploads).expect(503)


def check_state(scene, before, gone):
    """All that was there is as it was, but for the leases; what is new is as its directory."""
    after = state_of(scene.tree)
    hexadecimal = gone.partition(":")[2]
    for path, (uid, gid, mode, _) in before.items():
        if not (path.name == "link" and path.parent.name == hexadecimal):
            assert after[path][:3] == (uid, gid, mode), path
    for path in set(after) - set(before):
        uid, gid, mode, _ = after[path]
        above = after[path.parent]
        assert (uid, gid) == above[:2], path
        assert mode & 0o777 == above[2] & (0o777 if path.is_dir() else 0o666), path
    assert not (scene.tree / "_berth/adopted").exists()
