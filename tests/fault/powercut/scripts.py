# SPDX-License-Identifier: MIT
"""What clients do while it is recorded: each script is a function of a World. What comes before begin() is durable."""

import random
import shutil
import sys
from collections import namedtuple
from pathlib import Path

from oracle import TREE, Oracle, blob_path
from record import Recorder

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "e2e"))
from harness import content  # noqa: E402
from harness.content import OCI_INDEX, OCI_MANIFEST, descriptor, digest_of  # noqa: E402

Image = namedtuple("Image", "config layers manifest")
Push = namedtuple("Push", "repository tag image")
Upload = namedtuple("Upload", "repository uuid data digest")


class World:
    """A registry that is recorded, and what its clients know: contents, pushes to repeat, uploads to go on with."""

    def __init__(self, programs, library, directory, seed):
        self.recorder = Recorder(programs, library, directory)
        self.random = random.Random(seed)
        self.contents, self.pushes, self.uploads, self.subjects = {}, [], [], {}
        self.damaged = set()
        self.initial = {}
        self.snapshot, self.inodes = {}, {}
        self.begin()

    def begin(self):
        oracle = self.oracle()
        self.initial = {thing: next(iter(oracle.allowed(writes, 1 << 40)))
                        for thing, writes in oracle.writes.items()}
        self.initial.update({("bytes", "", digest): False for digest in self.damaged})
        self.snapshot, self.inodes = scan(self.recorder.root)
        self.recorder.begin()

    def oracle(self):
        self.lines = self.recorder.lines() if self.recorder.path.exists() else []
        return Oracle(self.recorder.requests, self.initial, self.contents)

    # --- requests ---

    def start(self, method, url, *effects, stop=0, **more):
        started = self.recorder.start(method, url, stop=stop, **more)
        started[0].effects = effects
        return started

    def finish(self, started, status):
        request = self.recorder.finish(started)
        if request.answer.status != status:
            raise RuntimeError(f"{request}: {request.answer}, not {status}")
        return request.answer

    def ask(self, status, method, url, *effects, **more):
        return self.finish(self.start(method, url, *effects, **more), status)

    def between(self, status, method, url, *effects, then, stop=0, **more):
        """Does `then` while the request stands still before its call number `stop`, by default any."""
        started = self.start(method, url, *effects, stop=stop or self.random.randrange(1, 40), **more)
        then()
        return self.finish(started, status)

    # --- contents ---

    def bytes(self, size):
        return self.keep(self.random.randbytes(size))

    def keep(self, data, algorithm="sha256"):
        self.contents[digest_of(data, algorithm)] = data
        return data

    def image(self, *layers, **more):
        config = self.bytes(200)
        layers = layers or (self.bytes(5000), self.bytes(9000))
        manifest = self.keep(content.encode(content.image_manifest(config, layers, **more)))
        if "subject" in more:
            self.subjects[digest_of(manifest)] = more["subject"]["digest"]
        return Image(config, layers, manifest)

    # --- what clients do ---

    def blob_effect(self, repository, data, algorithm="sha256"):
        return ("blob", repository, digest_of(data, algorithm)), True

    def healing_effect(self, data):
        return [(("bytes", "", digest_of(data)), True)] if digest_of(data) in self.damaged else []

    def whole(self, repository, data, algorithm="sha256", **more):
        """POST with the bytes."""
        self.keep(data, algorithm)
        url = f"/v2/{repository}/blobs/uploads/?digest={digest_of(data, algorithm)}"
        return "POST", url, self.blob_effect(repository, data, algorithm), dict(body=data, **more)

    def post_whole(self, repository, data, algorithm="sha256"):
        method, url, effect, more = self.whole(repository, data, algorithm)
        self.ask(201, method, url, effect, **more)

    def post(self, repository, data, query=""):
        """Begins an upload of `data`; its location."""
        answer = self.ask(202, "POST", f"/v2/{repository}/blobs/uploads/{query}")
        self.uploads.append(Upload(repository, answer.headers["docker-upload-uuid"], data, digest_of(data)))
        return answer.headers["location"]

    def push_blob(self, repository, data, chunk=None):
        """POST, PATCHes if a chunk is given, PUT."""
        location = self.post(repository, data)
        rest = data
        while chunk and rest:
            self.ask(202, "PATCH", location, body=rest[:chunk])
            rest = rest[chunk:]
        self.ask(201, "PUT", f"{location}?digest={digest_of(data)}", self.blob_effect(repository, data),
                 *self.healing_effect(data), body=rest)

    def manifest_request(self, repository, reference, data, *tags, type=OCI_MANIFEST):
        digest = digest_of(data)
        by_digest = reference is None
        url = f"/v2/{repository}/manifests/{digest if by_digest else reference}"
        if tags:
            url += "?" + "&".join(f"tag={tag}" for tag in tags)
        effects = [(("manifest", repository, digest), True), *self.healing_effect(data)]
        effects += [(("tag", repository, tag), digest) for tag in (tags if by_digest else (reference,))]
        return ["PUT", url, *effects], dict(body=data, content_type=type)

    def put_manifest(self, repository, reference, data, *tags, type=OCI_MANIFEST):
        asked, more = self.manifest_request(repository, reference, data, *tags, type=type)
        self.ask(201, *asked, **more)

    def push(self, repository, tag, image):
        for data in (image.config, *image.layers):
            self.post_whole(repository, data)
        self.put_manifest(repository, tag, image.manifest)
        self.pushes.append(Push(repository, tag, image))

    def mount(self, repository, data, source):
        self.ask(201, "POST", f"/v2/{repository}/blobs/uploads/?mount={digest_of(data)}&from={source}",
                 self.blob_effect(repository, data))

    def delete_tag(self, repository, tag):
        self.ask(202, "DELETE", f"/v2/{repository}/manifests/{tag}", (("tag", repository, tag), None))

    def delete_manifest(self, repository, data, *tags):
        """`tags`: those that name it, and go with it."""
        self.ask(202, *self.manifest_deletion(repository, data, *tags))

    def manifest_deletion(self, repository, data, *tags):
        digest = digest_of(data)
        return ["DELETE", f"/v2/{repository}/manifests/{digest}", (("manifest", repository, digest), False),
                *((("tag", repository, tag), None) for tag in tags)]

    def delete_blob(self, repository, data):
        self.ask(202, "DELETE", f"/v2/{repository}/blobs/{digest_of(data)}",
                 (("blob", repository, digest_of(data)), False))

    def damage(self, data, damaged):
        """As another program, or a disk, may have left it. What it is may be anything until it is pushed again."""
        (self.recorder.root / blob_path(digest_of(data))).write_bytes(damaged)
        self.damaged.add(digest_of(data))


def scan(root):
    """({path: bytes, None for a directory}, {path: inode}) below `root`, itself under ''."""
    tree, inodes = {}, {"": root.stat().st_ino}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        tree[name] = None if path.is_dir() else path.read_bytes()
        inodes[name] = path.stat().st_ino
    return tree, inodes


# --- the scripts ---

def first_push(world):
    """An image into an empty directory: each way to upload, a new tag."""
    image = world.image(world.bytes(5000), world.bytes(9000), world.bytes(3))
    world.push_blob("app", image.config)
    world.push_blob("app", image.layers[0], chunk=2500)
    world.post_whole("app", image.layers[1])
    world.push_blob("app", image.layers[2])
    world.put_manifest("app", "v1", image.manifest)
    world.pushes.append(Push("app", "v1", image))


def tag_moves(world):
    """A second image with a layer of the first: the tag moves, back too; further tags by digest; the same put again."""
    first = world.image()
    world.push("team/app", "v1", first)
    world.begin()
    second = world.image(first.layers[0], world.bytes(400))
    world.push("team/app", "v1", second)
    world.put_manifest("team/app", None, second.manifest, "v2", "latest")
    world.put_manifest("team/app", "v1", first.manifest)
    world.put_manifest("team/app", "v1", first.manifest)
    world.put_manifest("team/app", "v1", second.manifest)


def deletions(world):
    """A tag, a manifest with its tags, a blob; and what was deleted is pushed again."""
    kept, gone = world.image(), world.image()
    extra = world.bytes(700)
    world.push("app", "kept", kept)
    world.push("app", "a", gone)
    world.put_manifest("app", "b", gone.manifest)
    world.post_whole("app", extra)
    world.begin()
    world.delete_tag("app", "a")
    world.delete_manifest("app", gone.manifest, "b")
    world.delete_blob("app", extra)
    world.delete_blob("app", gone.layers[0])
    world.post_whole("app", extra)
    world.push("app", "a", gone)
    world.delete_tag("app", "a")
    world.put_manifest("app", "a", gone.manifest)


def mounts(world):
    """Blobs mounted into repositories that are new, and their image there."""
    image = world.image()
    world.push("one", "v1", image)
    world.begin()
    for data in (image.config, *image.layers):
        world.mount("a/deep/er/two", data, "one")
    world.put_manifest("a/deep/er/two", "v1", image.manifest)
    world.pushes.append(Push("a/deep/er/two", "v1", image))
    world.delete_blob("one", image.layers[0])
    world.mount("one", image.layers[0], "a/deep/er/two")


def healing(world):
    """Damaged data in place, empty or as long as before: pushed again."""
    image = world.image()
    world.push("app", "v1", image)
    world.damage(image.layers[0], b"")
    world.damage(image.layers[1], bytes(len(image.layers[1])))
    world.damage(image.manifest, b"")
    world.begin()
    world.push_blob("app", image.layers[0])
    world.push_blob("app", image.layers[1], chunk=6000)
    world.put_manifest("app", "v1", image.manifest)


def chunks(world):
    """Uploads in pieces: one breaks off in the middle of a piece and goes on, one is cancelled, one is by sha512."""
    data, other = world.bytes(30000), world.bytes(6000)
    world.post_whole("app", world.bytes(10))
    world.begin()
    location = world.post("app", data)
    world.ask(202, "PATCH", location, body=data[:10000])
    # The client says more than it sends.
    world.ask(400, "PATCH", location, body=data[10000:13000], length=9000)
    world.ask(204, "GET", location)
    world.ask(202, "PATCH", location, body=data[10000:20000], content_range="10000-19999")
    cancelled = world.post("app", other)
    world.ask(202, "PATCH", cancelled, body=other)
    world.ask(204, "DELETE", cancelled)
    world.ask(400, "PUT", f"{location}?digest={digest_of(other)}", body=data[20000:])
    world.ask(201, "PUT", f"{location}?digest={digest_of(data)}", world.blob_effect("app", data), body=data[20000:])
    world.post_whole("app", world.bytes(2000), "sha512")
    resumed = world.post("app", other)
    world.ask(202, "PATCH", resumed, body=other[:4096])


def large(world):
    """A layer that takes the second thread."""
    world.post_whole("app", world.bytes(20))
    world.begin()
    world.push_blob("app", world.bytes(1300000), chunk=1200000)


def referrers(world):
    """An index over two images, an artifact that refers to it, and their ends."""
    one, two = world.image(), world.image()
    world.push("app", "one", one)
    world.push("app", "two", two)
    world.begin()
    listing = world.keep(content.encode(content.index([descriptor(x.manifest, OCI_MANIFEST) for x in (one, two)])))
    world.put_manifest("app", "both", listing, type=OCI_INDEX)
    signature = world.image(world.bytes(99), subject=descriptor(listing, OCI_INDEX), artifactType="application/x.sig")
    world.push("app", "signature", signature)
    world.delete_manifest("app", signature.manifest, "signature")
    world.push("app", "signature", signature)


def two_pushes(world):
    """Two clients push into a new repository at once: the same blob, the same image, the same new tag."""
    one = world.image()
    two = world.image(one.layers[0])
    world.post_whole("app", world.bytes(10))
    world.begin()
    method, url, effect, more = world.whole("new/app", one.layers[0])
    world.between(201, method, url, effect, **more, then=lambda: world.post_whole("new/app", one.layers[0]))
    method, url, effect, more = world.whole("new/app", one.layers[1])
    world.between(201, method, url, effect, **more, then=lambda: world.post_whole("new/app", one.config))
    world.post_whole("new/app", two.config)
    asked, more = world.manifest_request("new/app", "v1", one.manifest)
    world.between(201, *asked, **more, then=lambda: world.put_manifest("new/app", "v1", two.manifest))
    world.pushes += [Push("new/app", "v1", one), Push("new/app", "v2", two)]
    asked, more = world.manifest_request("new/app", "v2", two.manifest)
    world.between(201, *asked, **more, then=lambda: world.put_manifest("new/app", "v2", two.manifest))


def deleting_beside(world):
    """Deletions of a manifest while its tag moves away, and while it is pushed again."""
    one, two = world.image(), world.image()
    world.push("app", "v1", one)
    world.push("app", "v2", two)
    # So that it stands still before it has a lock, for which the other would wait.
    shutil.rmtree(world.recorder.root / TREE / "_berth/locks")
    world.begin()
    deletion = world.manifest_deletion("app", one.manifest)
    world.between(202, *deletion, then=lambda: world.put_manifest("app", "v1", two.manifest), stop=1)
    world.put_manifest("app", "v1", one.manifest)
    asked, more = world.manifest_request("app", "v3", one.manifest)
    world.between(201, *asked, **more, then=lambda: world.delete_tag("app", "v1"))


# Whoever finds a directory in place relies on whoever made it a moment ago, and has not synced it yet, or on a journal:
# "strict" has none, and would lose what was put there. To do without would cost everybody an fsync of each parent.
NEEDS_A_JOURNAL = {"two_pushes"}

SCRIPTS = {f.__name__: f for f in (first_push, tag_moves, deletions, mounts, healing, chunks, large, referrers,
                                   two_pushes, deleting_beside)}
