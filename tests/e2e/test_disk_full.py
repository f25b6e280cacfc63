# SPDX-License-Identifier: MIT
"""A disk that is full, out of inodes, mounted read-only or closed to the programs: pushes get a 5xx in the OCI form and leave
nothing behind, pulls and deletions go on, and once there is room again the same push works.

The data directory is a small file system of its own. What the web server itself keeps on disk lies elsewhere: where it
buffers bodies, a full disk is its own affair.
"""

import contextlib
import os
import shutil

import pytest

from harness.client import with_query
from harness.content import (OCI_MANIFEST, OCTETS, absent_digest, config_bytes, digest_of, encode, image_manifest, layer_bytes,
                             random_bytes)
from harness.registry import Registry
from harness.repository import Repository
from harness.storage import BLOCK, Storage

pytestmark = pytest.mark.kinds("nginx", "apache-proxy")



DISKS = {"tmpfs": {}, "ext4": {"kind": "ext4", "size": "24m", "inodes": 2000}}


@pytest.fixture
def scene(kind, disk, request):
    """A registry on a small file system of this kind."""
    with Registry(kind, storage=Storage(**DISKS[disk])) as registry:
        yield Scene(registry)
        if request.node.failed:
            registry.print_logs()


def refused(answer, status=507):
    """A 5xx in the OCI form that names no path."""
    answer.expect_error(status, "UNAVAILABLE")
    assert b"/" not in answer.body, str(answer)
    return answer


class Scene:
    """A registry with content, as clients see it and as it lies on disk."""

    def __init__(self, registry):
        self.registry, self.client = registry, registry.client
        self.repository = Repository(registry.client, "team/app")
        self.layer = layer_bytes(60_000)
        self.config = config_bytes([self.layer])
        self.repository.push_blobs(self.config, self.layer)
        self.image = encode(image_manifest(self.config, [self.layer]))
        self.repository.put_manifest(self.image, "v1")
        self.other = self.repository.push_image("v2")
        self.artifact = self.repository.push_artifact("application/x-sbom", subject={
            "mediaType": OCI_MANIFEST, "digest": digest_of(self.image), "size": len(self.image)})

        self.known = {digest_of(m).encode() for m in (self.image, self.other, self.artifact)}

    def check_pulls(self):
        r = self.repository
        r.check_manifest(self.image, "v1", OCI_MANIFEST)
        r.check_manifest(self.image, digest_of(self.image), OCI_MANIFEST)
        r.check_manifest(self.other, "v2", OCI_MANIFEST)
        r.check_blob(self.layer)
        r.check_blob(self.config)
        part = self.client.get(r.blob(digest_of(self.layer)), headers=[("Range", "bytes=5-8")]).expect(206)
        assert part.body == self.layer[5:9]
        assert [d["digest"] for d in r.list_referrers(digest_of(self.image))] == [digest_of(self.artifact)]

    def check_lists(self):
        assert self.client.get("/v2/_catalog").expect(200).json()["repositories"] == ["team/app"]
        assert self.repository.list_tags() == ["v1", "v2"]

    def tree(self):
        """Every file that counts with its bytes. What does not, because clients are told of nothing less by it: a whole blob
        that no link names, a whole manifest that no tag names, what a tag once named, and what we know of others."""
        found = {}
        for top, directories, files in os.walk(self.registry.path()):
            here = os.path.relpath(top, self.registry.path())
            if here == "_berth/locks":
                files.clear()
            directories[:] = [d for d in directories if d != "_uploads"]
            for name in files:
                found[f"{here}/{name}"] = open(os.path.join(top, name), "rb").read()
        tags = {data for name, data in found.items() if name.endswith("/current/link")} | self.known
        found = {name: data for name, data in found.items()
                 if "/index/" not in name and "/_berth/" not in name and ("/revisions/" not in name or data in tags)}
        named = {data for name, data in found.items() if name.endswith("/link")}
        return {name: data for name, data in found.items()
                if not (name.startswith("blobs/") and is_whole(name, data) and digest_of(data).encode() not in named)}

    def forget(self):
        """Back to what it was: tags and lists after a push that succeeded."""
        self.registry.storage.free()
        self.repository.put_manifest(self.image, "v1")
        self.client.delete(self.repository.manifest("v3")).expect(202, 404)
        shutil.rmtree(self.registry.path("repositories/new"), ignore_errors=True)

    def uploads(self):
        return sorted(p.name for p in self.registry.path().glob("repositories/**/_uploads/*"))


def is_whole(name, data):
    return name.split("/")[-2] == digest_of(data).split(":")[1]


def age_leases(registry):
    """Everything was last asked for a year ago, so that asking has to renew."""
    for top, _, files in os.walk(registry.path()):
        for name in files:
            os.utime(os.path.join(top, name), (1_700_000_000, 1_700_000_000))
    shutil.rmtree(registry.path("_berth/locks"), ignore_errors=True)


def fresh_image():
    layer = layer_bytes(300)
    config = config_bytes([layer])
    return [layer, config], encode(image_manifest(config, [layer]))


def begin_sessions(scene):
    """Uploads as they are when the disk fills: an empty one, one that has begun, one that has all its bytes."""
    r, data = scene.repository, random_bytes(3 * BLOCK)
    empty = r.start_upload().location
    begun = scene.client.patch(r.start_upload().location, data[:BLOCK], type=OCTETS).expect(202).location
    whole = scene.client.patch(r.start_upload().location, data, type=OCTETS).expect(202).location
    return data, empty, begun, whole


def try_to_push(scene, sessions, status=507):
    """Everything that needs room, once; all of it is refused."""
    r, c = scene.repository, scene.client
    data, empty, begun, whole = sessions
    blob = random_bytes(5 * BLOCK)
    changed = encode(image_manifest(scene.config, [scene.layer], annotations={"a": "b" * BLOCK}))
    refused(c.post(r.uploads), status)
    refused(c.post(r.uploads + f"?digest={digest_of(blob)}", blob, type=OCTETS), status)
    refused(c.post(Repository(c, "new/one").uploads + f"?mount={digest_of(scene.layer)}&from=team/app"), status)
    refused(c.patch(empty, blob, type=OCTETS), status)
    refused(c.patch(begun, data[BLOCK:], type=OCTETS), status)
    refused(c.patch(begun, iter([data[BLOCK:2 * BLOCK], data[2 * BLOCK:]]), type=OCTETS), status)
    refused(c.put(with_query(begun, digest=digest_of(data)), data[BLOCK:], type=OCTETS), status)
    refused(c.put(r.manifest("v3"), changed, type=OCI_MANIFEST), status)
    refused(c.put(r.manifest("v1"), changed, type=OCI_MANIFEST), status)
    refused(c.put(r.manifest("v2"), scene.image, type=OCI_MANIFEST), status)
    refused(c.put(r.manifest(digest_of(changed)) + "?tag=v4&tag=v5", changed, type=OCI_MANIFEST), status)


def go_on(scene, sessions):
    """With room again, every session goes on where it was, and a push works."""
    r, c = scene.repository, scene.client
    data, empty, begun, whole = sessions
    digest = digest_of(data)
    assert c.get(empty).expect(204).header("Range") == "0-0"
    assert c.get(begun).expect(204).header("Range") == f"0-{BLOCK - 1}"
    c.put(with_query(whole, digest=digest)).expect(201)
    r.check_blob(data)
    c.delete(r.blob(digest)).expect(202)
    c.patch(begun, data[BLOCK:], type=OCTETS, headers=[("Content-Range", f"{BLOCK}-{len(data) - 1}")]).expect(202)
    c.put(with_query(begun, digest=digest)).expect(201)
    r.check_blob(data)
    c.put(with_query(empty, digest=digest_of(data[1:])), data[1:], type=OCTETS).expect(201)
    r.check_manifest(r.push_image("v3"), "v3", OCI_MANIFEST)
    r.put_manifest(scene.image, "v4")
    c.post(Repository(c, "new/one").uploads + f"?mount={digest_of(scene.layer)}&from=team/app").expect(201)
    assert scene.uploads() == []


def delete_everything(scene):
    """How space returns."""
    r, c = scene.repository, scene.client
    upload = scene.uploads()
    c.delete(r.manifest("v2")).expect(202)
    c.get(r.manifest("v2")).expect_error(404, "MANIFEST_UNKNOWN")
    assert r.list_tags() == ["v1"]
    c.delete(r.manifest(digest_of(scene.image))).expect(202)
    assert r.list_tags() == []
    c.delete(r.blob(digest_of(scene.layer))).expect(202)
    c.head(r.blob(digest_of(scene.layer))).expect(404)
    for uuid in upload:
        c.delete(r.uploads + uuid).expect(204)
    assert scene.uploads() == []


def try_to_delete(scene, sessions, status):
    r, c = scene.repository, scene.client
    refused(c.delete(r.manifest("v2")), status)
    refused(c.delete(r.manifest(digest_of(scene.image))), status)
    refused(c.delete(r.blob(digest_of(scene.layer))), status)
    refused(c.delete(sessions[2]), status)


@pytest.mark.parametrize("lack", ("bytes", "inodes"))
@pytest.mark.parametrize("disk", ("tmpfs", "ext4"))
class TestFull:
    @pytest.fixture
    def fill(self, scene, lack):
        return getattr(scene.registry.storage, f"fill_{lack}")

    def test_pushes_are_refused_and_work_again_when_there_is_room(self, scene, fill):
        sessions = begin_sessions(scene)
        before, uploads = scene.tree(), scene.uploads()
        fill()
        try_to_push(scene, sessions)
        assert scene.tree() == before and scene.uploads() == uploads
        scene.check_lists()
        scene.check_pulls()
        scene.registry.storage.free()
        go_on(scene, sessions)
        scene.check_pulls()

    def test_pulls_renew_their_leases_all_the_same(self, scene, fill):
        fill()
        age_leases(scene.registry)
        fill()
        scene.check_pulls()
        scene.check_lists()
        for data in (scene.layer, scene.config):
            hex = digest_of(data).split(":")[1]
            assert os.stat(scene.registry.path(f"blobs/sha256/{hex[:2]}/{hex}/data")).st_mtime > 1_700_000_000

    def test_deletions_give_room(self, scene, fill):
        """Also where nothing was ever deleted, so that what deletion uses has to be made first."""
        begin_sessions(scene)
        shutil.rmtree(scene.registry.path("_berth"))
        fill()
        delete_everything(scene)
        scene.registry.storage.free()
        scene.repository.check_manifest(scene.repository.push_image("v3"), "v3", OCI_MANIFEST)



    @pytest.mark.kinds("nginx")
    def test_every_shortage_is_all_or_nothing(self, scene, fill):
        """With so little room that each step of an operation in turn is the one that fails."""
        for push in (mount, post_whole, put_tag, move_tag, put_referrer):
            act = push(scene)
            before, uploads = scene.tree(), scene.uploads()
            for room in range(200):
                fill(room)
                answer = act()
                if answer.status < 300:
                    break
                refused(answer)
                assert scene.tree() == before and scene.uploads() == uploads, f"{push.__name__} with room for {room}"
                scene.check_lists()
                assert scene.repository.list_referrers(digest_of(scene.other)) == []
            assert room > 0, f"{push.__name__} needs no room"
            answer.expect(201)
            scene.forget()
        scene.registry.storage.free()
        scene.check_pulls()


@pytest.mark.parametrize("disk", tuple(DISKS))
def test_a_blob_that_does_not_fit_gives_its_room_back(scene):
    """While it arrives, however it comes; the upload is where it was, and others find room at once."""
    r, c = scene.repository, scene.client
    data = random_bytes(40 << 20)
    begun = c.patch(r.start_upload().location, data[:BLOCK], type=OCTETS).expect(202).location
    tree = scene.tree()
    for body in (data[BLOCK:], iter(data[i:i + (1 << 20)] for i in range(BLOCK, len(data), 1 << 20))):
        refused(c.patch(begun, body, type=OCTETS))
        assert c.get(begun).expect(204).header("Range") == f"0-{BLOCK - 1}"
        small = random_bytes(3 << 20)
        r.push_blob(small)
        r.check_blob(small)
        c.delete(r.blob(digest_of(small))).expect(202)
    refused(c.put(with_query(begun, digest=digest_of(data)), data[BLOCK:], type=OCTETS))
    refused(c.post(r.uploads + f"?digest={digest_of(data)}", data, type=OCTETS))
    assert scene.uploads() == [begun.rsplit("/", 1)[1]]
    assert {name for name in scene.tree() if name not in tree} == set()
    c.put(with_query(begun, digest=digest_of(data[:BLOCK]))).expect(201)
    scene.check_pulls()


@pytest.mark.parametrize("disk", ("ext4",))
def test_read_only_storage_serves_pulls_and_refuses_the_rest(scene):
    """As the kernel leaves it after an error of the disk."""
    sessions = begin_sessions(scene)
    age_leases(scene.registry)
    before, uploads = scene.tree(), scene.uploads()
    scene.registry.storage.remount("ro")
    try_to_push(scene, sessions, 503)
    try_to_delete(scene, sessions, 503)
    assert scene.tree() == before and scene.uploads() == uploads
    scene.check_lists()
    scene.check_pulls()
    scene.registry.storage.remount("rw")
    go_on(scene, sessions)


@pytest.mark.parametrize("disk", ("tmpfs",))
class TestLostPermission:
    def test_pulls_go_on_when_all_of_it_is_somebody_else_s(self, scene):
        """As after a restore by root, whose files others can read."""
        sessions = begin_sessions(scene)
        before, uploads = scene.tree(), scene.uploads()
        with modes(scene.registry.path(), directories=0o755, files=0o644, owner=0):
            try_to_push(scene, sessions, 503)
            try_to_delete(scene, sessions, 503)
            scene.check_lists()
            scene.check_pulls()
        assert scene.tree() == before and scene.uploads() == uploads
        go_on(scene, sessions)

    def test_what_cannot_be_read_is_not_taken_for_absent(self, scene):
        """A client that is told 404 pushes over it, or deletes its own."""
        r, c = scene.repository, scene.client
        neighbour = Repository(c, "team/other")
        image = neighbour.push_image("v1")
        hex = digest_of(scene.layer).split(":")[1]
        with modes(scene.registry.path("repositories/team/app"), directories=0):
            for path in (r.manifest("v1"), r.manifest(digest_of(scene.image)), r.tags(), r.blob(digest_of(scene.layer)),
                         r.referrers(digest_of(scene.image))):
                refused(c.get(path), 503)
                c.head(path).expect(503)
            refused(c.post(r.uploads), 503)
            neighbour.check_manifest(image, "v1", OCI_MANIFEST)
            neighbour.check_manifest(neighbour.push_image("v2"), "v2", OCI_MANIFEST)
        with modes(scene.registry.path(f"blobs/sha256/{hex[:2]}/{hex}"), directories=0):
            # nginx answers by itself, and 403 is what it says of files closed to it.
            c.get(r.blob(digest_of(scene.layer))).expect(503, 403)
            c.head(r.blob(digest_of(scene.layer))).expect(503)
        scene.check_pulls()

    def test_a_closed_directory_of_our_own_stops_pushes_alone(self, scene):
        sessions = begin_sessions(scene)
        with modes(scene.registry.path("_berth"), directories=0):
            refused(scene.client.post(scene.repository.uploads), 503)
            refused(scene.client.put(scene.repository.manifest("v3"), scene.image, type=OCI_MANIFEST), 503)
            scene.check_lists()
            scene.check_pulls()
            assert len(scene.uploads()) == 3
            scene.client.delete(scene.repository.manifest("v2")).expect(202)
        scene.repository.put_manifest(scene.other, "v2")
        go_on(scene, sessions)


@contextlib.contextmanager
def modes(top, directories, files=None, owner=None):
    """All below, and it, with these modes and this owner for a while."""
    paths = [top, *top.rglob("*")]
    saved = [(path, path.stat()) for path in paths]
    for path in reversed(paths):
        if owner is not None:
            os.chown(path, owner, -1)
        if path.is_dir() or files is not None:
            path.chmod(directories if path.is_dir() else files)
    try:
        yield
    finally:
        for path, st in saved:
            os.chown(path, st.st_uid, st.st_gid)
            path.chmod(st.st_mode & 0o7777)


def mount(scene):
    repository = Repository(scene.client, "new/mounted")
    return lambda: scene.client.post(repository.uploads + f"?mount={digest_of(scene.layer)}&from=team/app")


def post_whole(scene):
    repository, data = Repository(scene.client, "new/posted"), random_bytes(3 * BLOCK)
    return lambda: scene.client.post(repository.uploads + f"?digest={digest_of(data)}", data, type=OCTETS)


def put_tag(scene):
    data = encode(image_manifest(scene.config, [scene.layer], annotations={"a": "b" * BLOCK}))
    return lambda: scene.client.put(scene.repository.manifest("v3"), data, type=OCI_MANIFEST)


def move_tag(scene):
    return lambda: scene.client.put(scene.repository.manifest("v1"), scene.other, type=OCI_MANIFEST)


def put_referrer(scene):
    subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(scene.other), "size": len(scene.other)}
    data = encode(image_manifest(scene.config, [], subject=subject, artifactType="application/x-other"))
    return lambda: scene.client.put(scene.repository.manifest(digest_of(data)), data, type=OCI_MANIFEST)
