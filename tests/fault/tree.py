#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Looks through a registry's tree on disk, by registry:2's layout alone, with nothing running.

    tree.py DATA_DIRECTORY

Every link names a digest whose bytes are there and hash to it; every tag names a manifest of its repository; all that a
manifest refers to, the repository has; nothing half-written stands anywhere but in _uploads and _berth/tmp.
"""

import hashlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from content import references  # noqa: E402

HEX = {"sha256": 64, "sha512": 128}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATE_BYTES = {"sha256": 108, "sha512": 204}


class Tree:
    """`collected`: what tags named once may be gone."""

    def __init__(self, root, collected=False):
        self.top, self.collected = Path(root, "docker/registry/v2"), collected
        self.found = []
        self.blobs = {}  # digest: file

    def problem(self, path, text):
        self.found.append(f"{path.relative_to(self.top)}: {text}")

    def problems(self):
        """A sentence each; none is what it should be."""
        self.found.clear()
        self.check_top()
        self.check_blobs()
        for repository in self.repositories(self.top / "repositories"):
            self.check_repository(repository)
        return self.found

    def check_top(self):
        for path in self.entries(self.top):
            if path.name not in ("blobs", "repositories", "_berth"):
                self.problem(path, "does not belong here")
        for path in self.entries(self.top / "_berth"):
            if path.name not in ("tmp", "locks", "trash", "collector", "collection"):
                self.problem(path, "does not belong here")

    @staticmethod
    def entries(directory):
        return sorted(directory.iterdir()) if directory.is_dir() else []

    def digests(self, directory, depth=1):
        """(digest, directory) of `directory`/<algorithm>[/<two digits>]/<hex>."""
        for algorithm in self.entries(directory):
            if algorithm.name not in HEX:
                self.problem(algorithm, "is no algorithm")
                continue
            level = [algorithm]
            for _ in range(depth - 1):
                level = [p for d in level for p in self.entries(d)]
            for path in (p for d in level for p in self.entries(d)):
                if not re.fullmatch(f"[0-9a-f]{{{HEX[algorithm.name]}}}", path.name):
                    self.problem(path, "is no digest")
                    continue
                yield f"{algorithm.name}:{path.name}", path

    def check_blobs(self):
        self.blobs.clear()
        for digest, directory in self.digests(self.top / "blobs", 2):
            for path in self.entries(directory):
                if path.name != "data":
                    self.problem(path, "does not belong here")
                elif file_digest(path, digest) != digest:
                    self.problem(path, "has other bytes than its name says")
                else:
                    self.blobs[digest] = path

    def repositories(self, directory):
        for path in self.entries(directory):
            if path.name.startswith("_"):
                if directory.name == "repositories":
                    self.problem(path, "does not belong here")
                continue
            if not path.is_dir():
                self.problem(path, "does not belong here")
                continue
            if any(p.name.startswith("_") for p in self.entries(path)):
                yield path
            yield from self.repositories(path)

    def links(self, directory):
        """{digest: digest} of links, which have to name bytes that are there."""
        named = {}
        for digest, path in self.digests(directory):
            for file in self.entries(path):
                if file.name != "link":
                    self.problem(file, "does not belong here")
                elif (target := self.read_link(file)) is not None:
                    named[digest] = target
        return named

    def read_link(self, path):
        text = path.read_text(errors="replace")
        if text not in self.blobs:
            self.problem(path, f"names {text!r}, which is not there")
            return None
        return text

    def check_repository(self, repository):
        for path in self.entries(repository):
            if path.name.startswith("_") and path.name not in ("_layers", "_manifests", "_uploads", "_berth"):
                self.problem(path, "does not belong here")
        layers = self.links(repository / "_layers")
        revisions = self.links(repository / "_manifests/revisions")
        for digest, target in revisions.items():
            for kind, part in references(self.blobs[target].read_bytes()):
                if part not in layers and (kind == "blob" or part not in revisions):
                    self.problem(repository, f"manifest {digest} refers to {part}, which it lacks")
        for path in self.entries(repository / "_manifests/tags"):
            self.check_tag(path, revisions)
        for path in self.entries(repository / "_uploads"):
            self.check_upload(path)

    def check_tag(self, tag, revisions):
        current = tag / "current/link"
        if not current.is_file():
            self.problem(tag, "names nothing")
            return
        digest = self.read_link(current)
        if digest is not None and digest not in revisions:
            self.problem(tag, f"names {digest}, which is no manifest of the repository")
        index = dict(self.digests(tag / "index")) if self.collected else self.links(tag / "index")
        if digest is not None and digest not in index:
            self.problem(tag, f"has no index entry for {digest}")

    def check_upload(self, upload):
        """One that began has all the bytes its saved states vouch for."""
        if not UUID.fullmatch(upload.name):
            self.problem(upload, "is no upload")
        if not (upload / "startedat").is_file() or not (upload / "data").is_file():
            return
        size = (upload / "data").stat().st_size
        for algorithm in self.entries(upload / "hashstates"):
            for state in self.entries(algorithm):
                if int(state.name) > size:
                    self.problem(state, f"vouches for more than the {size} bytes there are")
                if state.stat().st_size != STATE_BYTES[algorithm.name]:
                    self.problem(state, "is no hash state")


def file_digest(path, like):
    algorithm = like.split(":")[0]
    with open(path, "rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def main():
    problems = Tree(sys.argv[1]).problems()
    print("\n".join(problems) or "all is as it should be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
