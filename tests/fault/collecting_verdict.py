# SPDX-License-Identifier: MIT
"""The end of the collecting campaign: once the clients rest, what is on disk has to be what the acknowledged images need, to
the file."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

from collecting_ledger import now
from tree import Tree

#: Collections after which nothing may be left: one retires, the next looks again and deletes.
COLLECTIONS = 2


class Verdict:
    def __init__(self, stack, scene, collector, verifier):
        self.stack, self.ledger, self.collector, self.verifier = stack, scene.ledger, collector, verifier
        self.requests = verifier.requests

    def find_out(self):
        """What is not known, because a request had no answer or met a DELETE, is asked for, or deleted."""
        for image in list(self.ledger.images.values()):
            if not self.ledger.is_sure(image):
                found = self.requests.get_manifest(image.repository, image.digest).status == 200
                self.ledger.settle(image.key, image.digest if found else None)
                self.ledger.count("manifests nobody was sure of")
        while broken := [i for i in self.ledger.images.values() if not self.is_whole(i)]:
            for image in broken:
                self.requests.delete_manifest(image)
                self.ledger.count("images deleted that a DELETE had broken")

    def is_whole(self, image):
        """False for one whose parts were deleted by clients, or parts of its parts: an index goes before what it names."""
        torn = [d for d in (b.digest for b in image.blobs) if self.ledger.was_deleted(image.repository, d, image.put or 0)]
        return (all(self.requests.get_blob(image.repository, d)[1] for d in torn)
                and all(self.ledger.is_sure(c) and self.is_whole(c) for c in image.children))

    def collect(self):
        """After the grace of all that was promised, and the age of all uploads."""
        grace, age = self.ledger.grace, float(self.stack.settings["upload_age"].rstrip("s"))
        time.sleep(max(1.25 * grace, age) + 1)
        for _ in range(COLLECTIONS):
            self.collect_once()
        self.collect_once("--empty-trash")

    def collect_once(self, *words):
        code, said = self.collector.collect(*words)
        if code != 0:
            self.ledger.violation(f"berth gc {' '.join(words)} ended with {code} though nobody was there", said=said[-2000:])

    def pull_all(self):
        with ThreadPoolExecutor(4) as crew:
            list(crew.map(self.verifier.verify_image, list(self.ledger.images.values())))

    def compare(self):
        """The tree with what has to be there."""
        for problem in Tree(self.stack.berth.root, collected=True).problems():
            self.ledger.violation(f"on disk: {problem}")
        blobs, links, revisions = self.expected()
        top = self.stack.berth.root / "docker/registry/v2"
        found = {"blobs": set(digests(top / "blobs", "*/*/*/data", 2)), "links": set(), "revisions": set()}
        for layers in top.glob("repositories/**/_layers"):
            name = str(layers.parent.relative_to(top / "repositories"))
            found["links"] |= {(name, d) for d in digests(layers, "*/*/link", 2)}
            found["revisions"] |= {(name, d) for d in digests(layers.parent / "_manifests/revisions", "*/*/link", 2)}
        for what, wanted in (("blobs", blobs), ("links", links), ("revisions", revisions)):
            self.differ(what, wanted, found[what])
        self.ledger.count("blobs left on disk", len(found["blobs"]))
        for litter in (*top.glob("_berth/trash/*"), *top.glob("repositories/**/_uploads/*")):
            self.ledger.violation(f"on disk: {litter.relative_to(top)} is left", litter.name)

    def differ(self, what, wanted, found):
        for one in sorted(wanted - found):
            self.ledger.violation(f"on disk: {what} lack {one}", one if isinstance(one, str) else one[1])
        for one in sorted(found - wanted):
            self.ledger.violation(f"on disk: {what} have {one}, which nothing needs", one if isinstance(one, str) else one[1])

    def expected(self):
        images = list(self.ledger.images.values())
        blobs = {d for i in images for d in (i.digest, *(b.digest for b in i.blobs))}
        return (blobs, {(i.repository, b.digest) for i in images for b in i.blobs},
                {(i.repository, i.digest) for i in images})

    def give(self):
        begin = now()
        self.find_out()
        self.collect()
        self.pull_all()
        self.compare()
        self.ledger.note("oracle", "verdict", seconds=round(now() - begin, 1))


def digests(directory, pattern, depth):
    """Of files whose path has an algorithm first and the digest's text in a directory's name before the file's."""
    for path in directory.glob(pattern):
        parts = path.relative_to(directory).parts
        if re.fullmatch("[0-9a-f]+", parts[-depth]):
            yield f"{parts[0]}:{parts[-depth]}"
