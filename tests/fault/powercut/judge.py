# SPDX-License-Identifier: MIT
"""Builds a state on disk, asks Berth's own programs about it, and says which promises they broke.

The promises are those of the design. What is looked for, in each state:

- a manifest or blob acknowledged is there with its bytes, by digest and by the tags acknowledged, and in the lists;
  what was deleted, and acknowledged so, stays away;
- whatever is answered with 200 has the bytes of its digest, acknowledged or not; no object in blobs/ has wrong bytes;
- the lease of what was pushed and acknowledged is no older than the push (one renewed by a HEAD or a mount may be: to
  renew is no fsync);
- the index of a tag has an entry for what it names;
- an upload either is unknown or goes on: the rest of its bytes is taken and the whole is right;
- all images can be pushed again and read, without any repair;
- nothing is answered with 5xx.
"""

import json
import os
import shutil
from pathlib import Path

from fastcgi import Worker
from model import hash_of
from oracle import TREE
from record import route_of
from scripts import OCI_MANIFEST

ROUTES = ("catalog", "tags", "referrers", "manifest", "blob", "upload")


class Judge:
    """Programs on a directory that holds one state after the other. Context manager."""

    def __init__(self, programs, directory):
        self.directory = Path(directory)
        self.root = self.directory / "root"
        self.tree = self.root / TREE
        self.log = self.directory / "log"
        self.tree.mkdir(parents=True)
        self.programs = {route: Path(programs) / route for route in ROUTES}
        self.workers, self.asked, self.begun_again = {}, 0, 0

    def __enter__(self):
        for route in ROUTES:
            self.workers[route] = Worker(self.programs[route], self.root, self.directory / f"{route}.sock", self.log)
        return self

    def __exit__(self, *_):
        for worker in self.workers.values():
            worker.stop()

    # --- the state ---

    def build(self, tree):
        """The workers hold the directory TREE open, so that one stays; a state without it is one with it empty."""
        for entry in os.scandir(self.tree):
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)
        directories = []
        for path in sorted(p for p in tree if p.startswith(TREE + "/")):
            data, mtime = tree[path]
            target = f"{self.root}/{path}"
            if data is None:
                os.mkdir(target)
                directories.append((target, mtime))
                continue
            fd = os.open(target, os.O_WRONLY | os.O_CREAT)
            os.write(fd, data)
            os.close(fd)
            os.utime(target, ns=(mtime, mtime))
        for target, mtime in reversed(directories):
            os.utime(target, ns=(mtime, mtime))

    # --- the verdict ---

    def judge(self, tree, expected, leases, world):
        """The violations, as sentences; none when all is well."""
        self.build(tree)
        self.found, self.world, self.expected = [], world, expected
        self.check_objects(tree)
        self.check_leases(tree, leases)
        self.check_index(tree)
        resolved = {thing: self.check_thing(thing, values) for thing, values in expected.items()
                    if thing[0] != "bytes"}
        self.check_lists(resolved)
        self.check_uploads(tree)
        for push in world.pushes:
            self.push_again(push)
        return self.found

    def say(self, *words):
        self.found.append(" ".join(str(w) for w in words))

    def ask(self, method, url, **more):
        answer = self.workers[route_of(url)].ask(method, url, **more)
        self.asked += 1
        if answer.status >= 500:
            self.say(method, url, "is answered with", answer.status, answer.body.decode("latin-1")[:200])
        return answer

    def is_right(self, digest, data):
        return data == self.world.contents[digest]

    def is_sound(self, digest):
        """False when it was damaged before, and nobody was told yet that it has been pushed again."""
        return self.expected.get(("bytes", "", digest), {True}) == {True}

    def is_settled(self, thing):
        """Whether all that the thing may be is sound."""
        return all(self.is_sound(name) for name in (thing[2], *self.expected[thing]))

    def check_objects(self, tree):
        for path, (data, _) in tree.items():
            parts = path.split("/")
            if parts[3:4] != ["blobs"] or parts[-1] != "data" or parts[4] != "sha256":
                continue
            if hash_of(data) != parts[-2] and self.is_sound(f"sha256:{parts[-2]}"):
                self.say(path, "has wrong bytes,", len(data), "of them")

    def check_index(self, tree):
        """registry:2 wants an entry in the tag's index for what the tag names."""
        for path, (data, _) in tree.items():
            tag, found, _ = path.partition("/current/link")
            if found and "/_manifests/tags/" in tag:
                entry = f"{tag}/index/{data.decode('latin-1').replace(':', '/')}/link"
                if tree.get(entry, (b"",))[0] != data:
                    self.say(path, "names", data, "and the index has", tree.get(entry))

    def check_leases(self, tree, leases):
        for path, least in leases.items():
            if path in tree and tree[path][1] < least:
                self.say("the lease of", path, "is from before it was pushed")

    def check_thing(self, thing, values):
        """What the thing is; asks for it in all ways."""
        kind, repository, name = thing
        url = f"/v2/{repository}/{'blobs' if kind == 'blob' else 'manifests'}/{name}"
        head, got = self.ask("HEAD", url), self.ask("GET", url)
        if head.status != got.status:
            self.say(url, "HEAD", head.status, "GET", got.status)
        digest = None
        if got.status == 404:
            value = None if kind == "tag" else False
        elif got.status != 200:
            self.say(url, "is answered with", got.status)
            return None
        else:
            digest = got.headers["docker-content-digest"]
            value = digest if kind == "tag" else True
            if kind != "tag" and digest != name:
                self.say(url, "says it is", digest)
            if not self.is_right(digest, got.body) and self.is_sound(digest):
                self.say(url, "has wrong bytes,", len(got.body), "of them")
        if value not in values and self.is_settled(thing):
            self.say(url, "is", value, "and may be", *values)
        return value

    def check_lists(self, resolved):
        catalog = self.ask("GET", "/v2/_catalog")
        names = json.loads(catalog.body)["repositories"] if catalog.status == 200 else []
        for repository in {thing[1] for thing in resolved}:
            here = {thing: self.expected[thing] for thing in resolved if thing[1] == repository}
            has_manifest = any(thing[0] == "manifest" and values == {True} for thing, values in here.items())
            if has_manifest and repository not in names:
                self.say("the catalog lacks", repository, names)
            listed = self.ask("GET", f"/v2/{repository}/tags/list")
            tags = set(json.loads(listed.body)["tags"] or ()) if listed.status == 200 else set()
            if listed.status != 200 and (listed.status != 404 or has_manifest):
                self.say("tags of", repository, "are answered with", listed.status)
            there = {thing[2] for thing in here if thing[0] == "tag" and resolved[thing] is not None}
            unsettled = {thing[2] for thing in here if not self.is_settled(thing)}
            if tags - unsettled != there - unsettled:
                self.say("the tags of", repository, "are listed as", tags, "and there are", there)
            self.check_referrers(repository, here, resolved)

    def check_referrers(self, repository, here, resolved):
        for digest, subject in self.world.subjects.items():
            thing = ("manifest", repository, digest)
            if thing not in here:
                continue
            answer = self.ask("GET", f"/v2/{repository}/referrers/{subject}")
            listed = [d["digest"] for d in json.loads(answer.body)["manifests"]] if answer.status == 200 else None
            if listed is None or (digest in listed) != resolved[thing]:
                self.say("referrers of", subject, "are answered with", answer.status, listed)

    def check_uploads(self, tree):
        for upload in self.world.uploads:
            url = f"/v2/{upload.repository}/blobs/uploads/{upload.uuid}"
            path = f"{TREE}/repositories/{upload.repository}/_uploads/{upload.uuid}/data"
            status = self.ask("GET", url)
            if status.status == 404:
                continue
            if status.status != 204:
                self.say("GET", url, "is answered with", status.status)
                continue
            last = int(status.headers["range"].partition("-")[2])
            offset = last + 1 if last else 0
            if offset > len(tree[path][0]):
                self.say(url, "offers", offset, "bytes of", len(tree[path][0]))
            put = self.ask("PUT", f"{url}?digest={upload.digest}", body=upload.data[offset:])
            if put.status == 400:
                self.begun_again += 1  # a clean error: what was saved of the hash was torn
                continue
            got = self.ask("GET", f"/v2/{upload.repository}/blobs/{upload.digest}")
            if put.status != 201 or got.status != 200 or not self.is_right(upload.digest, got.body):
                self.say("the rest of", url, "is answered with", put.status, "and then the blob with", got.status,
                         len(got.body))

    def push_again(self, push):
        repository, tag, image = push
        for data in (image.config, *image.layers):
            digest = self.digest(data)
            if not self.is_sound(digest) or self.ask("HEAD", f"/v2/{repository}/blobs/{digest}").status != 200:
                put = self.ask("POST", f"/v2/{repository}/blobs/uploads/?digest={digest}", body=data)
                if put.status != 201:
                    self.say("pushing", digest, "again is answered with", put.status, put.body.decode()[:200])
            self.expect_bytes(f"/v2/{repository}/blobs/{digest}", data)
        put = self.ask("PUT", f"/v2/{repository}/manifests/{tag}", body=image.manifest, content_type=OCI_MANIFEST)
        if put.status != 201:
            self.say("pushing", push.repository, tag, "again is answered with", put.status, put.body.decode()[:200])
        for reference in (tag, self.digest(image.manifest)):
            self.expect_bytes(f"/v2/{repository}/manifests/{reference}", image.manifest)

    def digest(self, data):
        return "sha256:" + hash_of(data)

    def expect_bytes(self, url, data):
        got = self.ask("GET", url)
        if got.status != 200 or got.body != data:
            self.say(url, "after another push:", got.status, len(got.body), "bytes, of", len(data))
