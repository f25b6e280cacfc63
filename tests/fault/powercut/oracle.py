# SPDX-License-Identifier: MIT
"""What a client may expect after the cut, from what it asked for and what it was answered. Knows no file system.

A thing is something a client can look at: ("blob", repository, digest) and ("manifest", repository, digest) are there
or not, ("tag", repository, tag) names a digest or None, ("bytes", "", digest) says whether an object that was damaged
has been pushed again. A request sets some of them. After a cut a thing may be what any request made it that was begun
by then, unless a request begun after that one's answer made it something else and was answered: the last acknowledged
word counts, or one that was on its way.
"""

from collections import namedtuple

Write = namedtuple("Write", "value begin answered")
NEVER = 1 << 60
TREE = "docker/registry/v2"


class Oracle:
    """`initial`: things that were there before the first request. `contents`: {digest: bytes} of all that is pushed."""

    def __init__(self, requests, initial, contents):
        self.contents = contents
        self.writes = {}
        self.requests = requests
        for thing, value in initial.items():
            self.writes[thing] = [Write(value, -1, -1)]
        for request in requests:
            for thing, value in request.effects:
                if thing not in self.writes:
                    self.writes[thing] = [Write(None if thing[0] == "tag" else False, -1, -1)]
                self.writes[thing].append(Write(value, request.begin, request.answered))

    def expect(self, cut):
        """{thing: the values it may have} when the lines before `cut` were done."""
        return {thing: self.allowed(writes, cut) for thing, writes in self.writes.items()}

    @staticmethod
    def allowed(writes, cut):
        begun = [w for w in writes if w.begin < cut]
        done = [w for w in begun if w.answered < cut]

        def is_overruled(write):
            end = write.answered if write.answered < cut else NEVER
            return any(other.begin > end for other in done)
        return frozenset(w.value for w in begun if not is_overruled(w))

    def leases(self, cut, lines):
        """{path: the mtime it has at least}: of what was acknowledged, when no other request was on its way."""
        found = {}
        for request in self.requests:
            others = [r for r in self.requests if r is not request]
            if request.answered >= cut or any(r.begin < request.answered and request.begin < r.answered
                                              for r in others):
                continue
            times = [line.time for line in lines[request.begin:request.answered]
                     if line.kind in "CMWt" and line.process == request.process]
            for thing, value in request.effects:
                if value is True and thing[0] in ("blob", "manifest"):
                    found[link_path(*thing)] = min(times)
                    # A mount finds the blob there and young.
                    if "mount=" not in request.url:
                        found[blob_path(thing[2])] = min(times)
        return found


def blob_path(digest):
    algorithm, hexadecimal = digest.split(":")
    return f"{TREE}/blobs/{algorithm}/{hexadecimal[:2]}/{hexadecimal}/data"


def link_path(kind, repository, digest):
    part = "_layers" if kind == "blob" else "_manifests/revisions"
    return f"{TREE}/repositories/{repository}/{part}/{digest.replace(':', '/')}/link"
