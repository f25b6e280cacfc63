# SPDX-License-Identifier: MIT
"""What a tree promises by its links, and whether it keeps it."""

import hashlib
import json

from .tree import Tree


def find_dangling(root, below=""):
    """Links without bytes, tags without manifests and manifests without parts, in the repositories whose names begin like
    this; each in words. Bytes that are not what their name says are found as well."""
    tree, found = Tree(root), []
    checked = {}

    def is_there(digest):
        if digest not in checked:
            data = tree.data(digest)
            checked[digest] = data.is_file() and \
                hashlib.new(digest.split(":")[0], data.read_bytes()).hexdigest() == digest.split(":")[1]
        return checked[digest]

    for name in (name for name in tree.repositories() if name.startswith(below)):
        layers = {d for d in tree.layers(name) if tree.layer(name, d).exists()}
        revisions = {d for d in tree.revisions(name) if tree.revision(name, d).exists()}
        for digest in sorted(layers | revisions):
            if not is_there(digest):
                found.append(f"{name}: link to {digest}, whose bytes are missing or wrong")
        for tag in tree.tags(name):
            current = tree.tag(name, tag)
            digest = current.read_text() if current.exists() else "nothing"
            if digest not in revisions:
                found.append(f"{name}:{tag} names {digest}, which is no manifest there")
        for digest in sorted(revisions):
            if is_there(digest):
                document = json.loads(tree.data(digest).read_bytes())
                parts = [p["digest"] for p in document.get("layers", [])]
                parts += [document["config"]["digest"]] if "config" in document else []
                found += [f"{name}@{digest} lacks {p}" for p in parts if p not in layers]
                found += [f"{name}@{digest} lacks {p['digest']}" for p in document.get("manifests", [])
                          if p["digest"] not in revisions | layers]
    return found
