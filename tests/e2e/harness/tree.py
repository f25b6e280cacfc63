# SPDX-License-Identifier: MIT
"""The tree on disk that registry:2 and Berth share: its paths, what is in it, and damage planted in it."""

import hashlib
import os
import shutil
from pathlib import Path

OURS = "_berth"


class Tree:
    """The files below <root>/docker/registry/v2. What is planted belongs to the owner of the root."""

    def __init__(self, root):
        self.v2 = Path(root, "docker/registry/v2")
        self.owner, self.group = os.stat(root).st_uid, os.stat(root).st_gid

    def repository(self, name, *parts):
        return self.v2.joinpath("repositories", name, *parts)

    def data(self, digest):
        algorithm, encoded = digest.split(":")
        return self.v2 / "blobs" / algorithm / encoded[:2] / encoded / "data"

    def layer(self, name, digest):
        return self.repository(name, "_layers", *digest.split(":"), "link")

    def revision(self, name, digest):
        return self.repository(name, "_manifests/revisions", *digest.split(":"), "link")

    def tag(self, name, tag):
        return self.repository(name, "_manifests/tags", tag, "current/link")

    def tag_index(self, name, tag, digest):
        return self.repository(name, "_manifests/tags", tag, "index", *digest.split(":"), "link")

    def upload(self, name, uuid, *parts):
        return self.repository(name, "_uploads", uuid, *parts)

    # --- what is there ---

    def repositories(self):
        """The names that have content, sorted as a tree is."""
        top = self.v2 / "repositories"
        found = {p.parent.relative_to(top).as_posix() for word in ("_layers", "_manifests") for p in top.rglob(word)}
        return sorted(found, key=lambda name: name.split("/"))

    def digests(self, name, *place):
        """The digests that have a directory below this place of a repository, whether a link is in it or not."""
        return sorted(f"{p.parent.name}:{p.name}" for p in self.repository(name, *place).glob("*/*") if p.is_dir())

    def layers(self, name):
        return self.digests(name, "_layers")

    def revisions(self, name):
        return self.digests(name, "_manifests/revisions")

    def tags(self, name):
        return sorted(p.name for p in self.repository(name, "_manifests/tags").glob("*"))

    def content(self):
        """{path: hash of the file, or None for a directory}, without what is Berth's own."""
        found = {}
        for directory, names, files in os.walk(self.v2):
            names[:] = [n for n in names if n != OURS]
            for path in (Path(directory, n) for n in names + files):
                regular = path.is_file() and not path.is_symlink()
                found[str(path.relative_to(self.v2))] = (
                    hashlib.sha256(path.read_bytes()).hexdigest() if regular else None)
        return found

    # --- what is planted ---

    def give(self, path):
        """Let the tree's owner have a path and the directories made for it."""
        for each in [path, *path.parents]:
            if each == self.v2.parents[1]:
                return
            os.chown(each, self.owner, self.group, follow_symlinks=False)

    def write(self, path, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.give(path)
        return path

    def make_directory(self, path):
        path.mkdir(parents=True)
        self.give(path)

    def make_fifo(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
        self.give(path)

    @staticmethod
    def remove(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
