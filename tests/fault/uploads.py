# SPDX-License-Identifier: MIT
"""How a blob gets into a repository: every way a client has, going on where it was when the server died."""

import re
import time

from ledger import Key
from wire import Broken, GaveUp

OCTETS = "application/octet-stream"
RESTARTS = 50


class Slowly(list):
    """Pieces of a body with a short pause before each, as a network makes them."""

    def __iter__(self):
        for piece in super().__iter__():
            time.sleep(0.002)
            yield piece


class Restart(Exception):
    """The upload is gone: a new one has to begin."""


class Uploader:
    """One blob after another. `lenient`: an upload may vanish after an error, as it does when an fsync failed."""

    def __init__(self, wire, ledger, rng, lenient=False):
        self.wire, self.ledger, self.rng, self.lenient = wire, ledger, rng, lenient

    def violation(self, text, answer=None):
        self.ledger.violation(text + (f" (got {answer.status} {answer.body[:300]!r})" if answer else ""))

    # Each returns once the registry has acknowledged the blob.

    def push(self, repository, blob):
        """Get it there as some client would: ask first, mount, upload, or upload what is there already."""
        key = Key(repository, "blob", blob.digest)
        if self.rng.random() < 0.4 and self.ask(key, blob):
            return
        source = self.source_of(key) if self.rng.random() < 0.3 else None
        if source:
            self.mount(key, blob, source)
        else:
            self.upload(key, blob)

    def ask(self, key, blob):
        """HEAD. True when it is there, which is a promise from now on."""
        seen = self.ledger.look(key)
        answer, _ = self.wire.insist("HEAD", f"/v2/{key.repository}/blobs/{key.name}")
        if answer.status == 200:
            if int(answer.headers["Content-Length"]) != blob.size:
                self.violation(f"HEAD of {key} tells {answer.headers['Content-Length']} of {blob.size} bytes")
            if self.ledger.unchanged(key, seen) and seen.values == (None,) and not self.is_shared(key):
                self.violation(f"{key} is there though it was never pushed, or was deleted")
            self.confirm(key, "head")
            return True
        if answer.status != 404:
            self.violation(f"HEAD of {key}", answer)
        elif seen.values == (key.name,):
            self.violation(f"HEAD: acknowledged and lost: {key}")
        return False

    @staticmethod
    def is_shared(key):
        return key.repository.endswith("/shared")

    def confirm(self, key, how):
        self.ledger.settle(key, key.name)
        self.ledger.count(f"blob by {how}")

    def source_of(self, key):
        """A repository that is sure to have it for good."""
        for other in self.ledger.matching(kind="blob"):
            if other.name == key.name and other.repository != key.repository and self.ledger.holds(other, key.name):
                return other
        return None

    def mount(self, key, blob, source):
        seen = self.ledger.look(source)
        answer, _ = self.wire.insist(
            "POST", f"/v2/{key.repository}/blobs/uploads/?mount={key.name}&from={source.repository}",
            before=lambda: self.ledger.attempt(key, key.name))
        if answer.status == 201:
            return self.confirm(key, "mount")
        if answer.status != 202:
            return self.violation(f"mount of {key}", answer)
        if self.ledger.unchanged(source, seen):
            self.violation(f"mount: acknowledged and lost: {source}", answer)
        return self.upload(key, blob)

    def upload(self, key, blob):
        way = self.rng.choice((self.post_whole, self.put_whole, self.send_chunks, self.send_chunks, self.send_stream))
        for _ in range(RESTARTS):
            try:
                way(key, blob)
                return self.confirm(key, way.__name__)
            except Restart:
                self.ledger.count("uploads begun again")
        raise GaveUp(f"no upload of {key} came to its end")

    def post_whole(self, key, blob):
        answer, _ = self.wire.insist("POST", f"/v2/{key.repository}/blobs/uploads/?digest={key.name}", blob.data(),
                                     before=lambda: self.ledger.attempt(key, key.name), Content_Type=OCTETS)
        self.check_created(key, answer)

    def put_whole(self, key, blob):
        self.finish(key, self.begin(key), blob.data(), 0, blob)

    def send_chunks(self, key, blob):
        """PATCHes with a Content-Range; what remains, or nothing, goes with the PUT."""
        data, at, location = blob.data(), 0, self.begin(key)
        for _ in range(self.rng.randint(1, 3)):
            step = self.rng.randint(0, len(data) - at)
            if step >= 2:
                at = self.send_chunk(key, location, data[at:at + step], at)
        self.finish(key, location, data[at:], at, blob)

    def send_chunk(self, key, location, chunk, at):
        body, known = self.cut(chunk), f"{at}-{at + len(chunk) - 1}"
        for tries in range(self.wire.tries):
            answer = self.try_once("PATCH", location, body, Content_Range=known, Content_Type=OCTETS)
            # 416 when the try before was carried out after all, while we asked.
            if answer is None or (answer.status == 416 and tries):
                now = self.find_offset(key, location, {at, at + len(chunk)})
                if now == at + len(chunk):
                    return now
                continue
            if answer.status != 202:
                self.violation(f"chunk at {at} of {key}", answer)
                raise Restart
            return self.read_range(key, answer, {at + len(chunk)})
        raise GaveUp(f"PATCH of {key}")

    def send_stream(self, key, blob):
        """What docker does: all of it in one PATCH of unknown length, then an empty PUT."""
        data, location = blob.data(), self.begin(key)
        at = self.send_open(key, location, data)
        self.finish(key, location, data[at:], at, blob)

    def send_open(self, key, location, data):
        body = self.cut(data, chunked=True)
        for _ in range(self.wire.tries):
            answer = self.try_once("PATCH", location, body, Content_Type=OCTETS)
            if answer is None:
                if self.find_offset(key, location, {0, len(data)}) == len(data):
                    return len(data)
                continue
            if answer.status != 202:
                self.violation(f"stream of {key}", answer)
                raise Restart
            return self.read_range(key, answer, {len(data)})
        raise GaveUp(f"PATCH of {key}")

    def cut(self, data, chunked=False):
        if not chunked and self.rng.random() < 0.6:
            return data
        piece = max(1, len(data) // self.rng.randint(1, 12))
        return Slowly(data[i:i + piece] for i in range(0, len(data), piece))

    def try_once(self, method, path, body=None, **headers):
        """The answer, or None when there was none worth the name."""
        try:
            answer = self.wire.request(method, path, body, **headers)
        except Broken:
            answer = None
        if answer is not None and answer.status < 500:
            return answer
        time.sleep(self.wire.pause)
        return None

    def begin(self, key):
        answer, _ = self.wire.insist("POST", f"/v2/{key.repository}/blobs/uploads/")
        if answer.status != 202:
            self.violation(f"POST for {key}", answer)
            raise Restart
        return answer.headers["Location"]

    def read_range(self, key, answer, possible):
        last = int(re.fullmatch(r"0-(\d+)", answer.headers["Range"])[1])
        size = last + 1 if last else 0
        if size not in possible:
            self.violation(f"upload of {key} has {size} bytes, can only have {sorted(possible)}", answer)
            raise Restart
        return size

    def find_offset(self, key, location, possible):
        """Where an upload stands whose last request came to nothing: it has to be there, with all acknowledged."""
        answer, _ = self.wire.insist("GET", location)
        if answer.status == 204:
            self.ledger.count("uploads resumed")
            return self.read_range(key, answer, possible)
        if not (self.lenient and answer.status == 404):
            self.violation(f"an upload of {key} is lost", answer)
        raise Restart

    def finish(self, key, location, rest, at, blob):
        """The PUT. When its answer is lost, the upload may be over, and the blob there or not."""
        target = f"{location}{'&' if '?' in location else '?'}digest={key.name}"
        headers = {"Content_Type": OCTETS}
        if rest and at and self.rng.random() < 0.5:
            headers["Content_Range"] = f"{at}-{at + len(rest) - 1}"
        for tries in range(self.wire.tries):
            self.ledger.attempt(key, key.name)
            answer = self.try_once("PUT", target, rest, **headers)
            # 404 when the try before was carried out after all.
            if answer is not None and not (answer.status == 404 and tries):
                return self.check_created(key, answer)
            state, _ = self.wire.insist("GET", location)
            if state.status == 204:
                self.read_range(key, state, {at})
                continue
            if state.status != 404:
                self.violation(f"upload of {key} after a lost PUT", state)
            if not self.ask(key, blob):
                raise Restart
            return None
        raise GaveUp(f"PUT of {key}")

    def check_created(self, key, answer):
        if answer.status != 201:
            self.violation(f"upload of {key}", answer)
            raise Restart
        if answer.headers["Docker-Content-Digest"] != key.name:
            self.violation(f"upload of {key} was acknowledged as {answer.headers['Docker-Content-Digest']}")

    def cancel(self, repository, data):
        """Begin, send something, think again."""
        location = self.begin(Key(repository, "blob", "none"))
        self.try_once("PATCH", location, data, Content_Type=OCTETS)
        answer, failed = self.wire.insist("DELETE", location)
        if answer.status != 204 and not (answer.status == 404 and (failed or self.lenient)):
            self.violation("cancelled upload", answer)
        answer, _ = self.wire.insist("GET", location)
        if answer.status != 404:
            self.violation("a cancelled upload is still there", answer)
        self.ledger.count("uploads cancelled")
