# SPDX-License-Identifier: MIT
"""The requests of the collecting campaign: each is sent until there is an answer, and the answer is held against what the
ledger knows.

What is demanded of an answer, by number of the promise:
    I1  an image that is sure to be there is there, whole;
    I2  a blob that was acknowledged is usable for the grace period, counted from the beginning of the request that was
        answered, and judged by the moment an answer came that denies it: whoever was late himself has no claim;
    I3  no wrong byte, ever.
"""

import json

from ledger import Key
from collecting_ledger import now
from puller import hashes_to
from wire import Broken, GaveUp

OCTETS = "application/octet-stream"
UPLOADS = 50


class Reply:
    """An answer with its times: `first` and `begin` are those of the first try and of the one that was answered."""

    def __init__(self, answer, begins, failures):
        self.status, self.headers, self.body = answer
        self.first, self.begin, self.end, self.failures = begins[0], begins[-1], now(), failures

    def told(self):
        return {"status": self.status, "body": self.body[:400].decode(errors="replace"), "headers": dict(self.headers)}


class Requests:
    """Those of one client, called `who`."""

    def __init__(self, who, wire, ledger):
        self.who, self.wire, self.ledger = who, wire, ledger

    def ask(self, what, repository, name, method, path, body=None, begins=None, **headers):
        begins = [] if begins is None else begins
        answer, failures = self.wire.insist(method, path, body, before=lambda: begins.append(now()), **headers)
        reply = Reply(answer, begins, failures)
        self.tell(what, repository, name, reply)
        return reply

    def tell(self, what, repository, name, reply):
        since = self.ledger.since
        self.ledger.note(self.who, what, repository=repository, name=name, status=reply.status, first=since(reply.first),
                         begin=since(reply.begin), end=since(reply.end), failures=reply.failures)

    def unexpected(self, what, repository, name, reply):
        self.ledger.violation(f"{what} of {repository} {name}: {reply.status}", name, **reply.told())

    def deny(self, what, repository, digest, claim, reply):
        """The registry says that it does not have a blob."""
        if self.ledger.is_broken(repository, digest, claim, reply.end):
            self.ledger.violation(
                f"I2: {what}: {repository} has {digest} no more, which {claim.how} acknowledged; the request for that began at "
                f"{self.ledger.since(claim.begin)}, this answer came {reply.end - claim.begin:.2f} s later", digest,
                **reply.told())

    # --- blobs ---

    def head(self, repository, digest):
        """Whether the registry says it is there, which is a promise from then on."""
        claim = self.ledger.claim(repository, digest)
        reply = self.ask("head", repository, digest, "HEAD", f"/v2/{repository}/blobs/{digest}")
        if reply.status == 200:
            self.ledger.lease(repository, digest, "HEAD", reply.begin)
            self.ledger.count("blobs by HEAD")
            return True
        if reply.status != 404:
            self.unexpected("HEAD", repository, digest, reply)
        self.deny("HEAD", repository, digest, claim, reply)
        return False

    def mount(self, repository, digest, source):
        """The same of a mount. One that comes to nothing begins an upload, which is left to expire."""
        claim = self.ledger.claim(source, digest)
        reply = self.ask("mount", repository, digest, "POST",
                         f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}")
        if reply.status == 201:
            self.ledger.lease(repository, digest, "mount", reply.begin)
            self.ledger.count("blobs by mount")
            return True
        if reply.status != 202:
            self.unexpected(f"mount from {source}", repository, digest, reply)
        self.deny(f"mount into {repository}", source, digest, claim, reply)
        return False

    def upload(self, repository, blob, pause=None):
        """A generator: what it yields are seconds to wait between the bytes and the end of the upload."""
        for _ in range(UPLOADS):
            begun = self.ask("begin", repository, blob.digest, "POST", f"/v2/{repository}/blobs/uploads/")
            if begun.status != 202:
                return self.unexpected("POST", repository, blob.digest, begun)
            place, data = begun.headers["Location"], blob.data()
            if pause is not None:
                if self.once("patch", repository, blob.digest, "PATCH", place, data, 202) is None:
                    continue
                yield pause
                data = b""
            reply = self.once("put blob", repository, blob.digest, "PUT", f"{place}?digest={blob.digest}", data, 201)
            if reply:
                self.ledger.lease(repository, blob.digest, "PUT after a pause" if pause is not None else "PUT", reply.begin)
                return self.ledger.count("blobs by PUT")
        raise GaveUp(f"upload of {blob.digest} to {repository}")

    def once(self, what, repository, name, method, path, data, expected):
        """One try. None when the upload has to begin again: no answer, or it has expired meanwhile."""
        begin = now()
        try:
            answer = self.wire.request(method, path, data, Content_Type=OCTETS)
        except Broken as problem:
            self.ledger.note(self.who, what, repository=repository, name=name, begin=self.ledger.since(begin),
                             broken=str(problem))
            return None
        reply = Reply(answer, [begin], 0)
        self.tell(what, repository, name, reply)
        if reply.status == expected:
            return reply
        if reply.status < 500 and reply.status != 404:
            self.unexpected(method, repository, name, reply)
        return None

    def get_blob(self, repository, digest):
        """(reply, whether it is there). Its bytes are looked at here."""
        reply = self.ask("get", repository, digest, "GET", f"/v2/{repository}/blobs/{digest}")
        if reply.status == 200 and not hashes_to(reply.body, digest):
            self.ledger.violation(f"I3: {repository} {digest}: wrong bytes, {len(reply.body)} of them", digest,
                                  headers=dict(reply.headers), head=reply.body[:200].hex())
        if reply.status not in (200, 404):
            self.unexpected("GET", repository, digest, reply)
        self.ledger.count("blobs pulled")
        return reply, reply.status == 200

    def delete_blob(self, repository, digest):
        with self.ledger.deleting_blob(repository, digest) as may:
            if may:
                reply = self.ask("delete blob", repository, digest, "DELETE", f"/v2/{repository}/blobs/{digest}")
                if reply.status not in (202, 404):
                    self.unexpected("DELETE", repository, digest, reply)
                self.ledger.count("blobs deleted")

    # --- manifests ---

    def put(self, image, reference, tags=()):
        """Push a manifest by a tag or by digest with `?tag=` for each. True when it was acknowledged; a digest when the
        registry lacks it; False without a reason worth to try again."""
        repository = image.repository
        query = "".join(f"{'&' if i else '?'}tag={t}" for i, t in enumerate(tags)) if reference not in tags else ""
        claims = {b.digest: self.claim_for(image, b.digest) for b in image.blobs}
        children = [(c, self.ledger.look(c.key)) for c in image.children]
        known = self.ledger.look(image.key)
        with self.ledger.putting(image, tags) as outcome:
            reply = self.ask("put", repository, image.digest, "PUT", f"/v2/{repository}/manifests/{reference}{query}",
                             image.manifest.data, outcome.begins, Content_Type=image.manifest.media_type)
            if reply.status == 201:
                outcome.answer = "created"
        if reply.status == 201:
            return self.was_created(image, claims, reply, tags)
        missing = missing_part(reply)
        if missing is None:
            self.unexpected("PUT", repository, image.digest, reply)
            return False
        self.judge_refusal(image, claims, children, missing, reply)
        if known[1] == image.digest and not outcome.overlapped and not self.ledger.is_excused(image, missing):
            self.ledger.violation(f"I1: PUT of {image.digest} in {repository}, where it is, is refused for {missing}", missing,
                                  image.digest, **reply.told())
        return missing

    def claim_for(self, image, digest):
        """Why a blob has to be there when an image is pushed: (what was promised of it, an image that has it)."""
        claim = self.ledger.claim(image.repository, digest)
        with self.ledger.lock:
            for user in self.ledger.users.get((image.repository, digest), ()):
                other = self.ledger.images.get(Key(image.repository, "manifest", user))
                if other and self.ledger.is_sure(other) and not self.ledger.is_excused(other, digest):
                    return claim, (other, self.ledger.look(other.key))
        return claim, None

    def was_created(self, image, claims, reply, tags):
        self.ledger.count("manifests pushed")
        self.ledger.count("tags set", len(tags))
        for claim, other in claims.values():
            if claim and reply.end < claim.deadline:
                self.ledger.count(f"promises of {claim.how} kept")
                if other is None:
                    self.ledger.count("of them for what no manifest named")
            elif claim is None and other is None:
                self.ledger.count("blobs used after their grace")
        if reply.headers["Docker-Content-Digest"] != image.digest:
            self.unexpected("PUT", image.repository, image.digest, reply)
        return True

    def judge_refusal(self, image, claims, children, missing, reply):
        """MANIFEST_BLOB_UNKNOWN, while the blob was promised, or part of an image that is there."""
        self.ledger.count("manifests refused for a missing part")
        text = f"PUT of {image.digest} in {image.repository} is refused for {missing}"
        if missing in claims:
            claim, other = claims[missing]
            self.deny(text, image.repository, missing, claim, reply)
            if other and self.still(*other) and not self.ledger.is_excused(other[0], missing):
                self.ledger.violation(f"I1: {text}, which {other[0].digest} has as well", missing, image.digest,
                                      other[0].digest, **reply.told())
        for child, seen in children:
            if child.digest == missing and self.still(child, seen):
                self.ledger.violation(f"I1: {text}, a manifest that is there", missing, image.digest, **reply.told())

    def still(self, image, seen):
        """Whether an image that was sure to be there has not been touched since."""
        return seen[1] == image.digest and self.ledger.look(image.key) == seen

    def get_manifest(self, repository, reference):
        reply = self.ask("get", repository, reference, "GET", f"/v2/{repository}/manifests/{reference}")
        self.ledger.count("manifests pulled")
        if reply.status not in (200, 404):
            self.unexpected("GET", repository, reference, reply)
        if reply.status == 200 and not hashes_to(reply.body, reply.headers["Docker-Content-Digest"]):
            self.ledger.violation(f"I3: {repository} {reference}: wrong bytes, {len(reply.body)} of them", reference,
                                  headers=dict(reply.headers))
        return reply

    def delete_manifest(self, image):
        """True when it is gone; False when it may not be deleted now."""
        with self.ledger.deleting_manifest(image) as outcome:
            if outcome is None:
                return False
            reply = self.ask("delete", image.repository, image.digest, "DELETE",
                             f"/v2/{image.repository}/manifests/{image.digest}")
            if reply.status in (202, 404):
                outcome.answer = "deleted"
        if reply.status == 404 and not reply.failures and not outcome.overlapped:
            self.ledger.violation(f"I1: DELETE: {image.repository} has {image.digest} no more", image.digest, **reply.told())
        elif reply.status not in (202, 404):
            self.unexpected("DELETE", image.repository, image.digest, reply)
        self.ledger.count("manifests deleted")
        return True

    def delete_tag(self, key):
        with self.ledger.deleting_tag(key) as outcome:
            reply = self.ask("delete tag", key.repository, key.name, "DELETE", f"/v2/{key.repository}/manifests/{key.name}")
            if reply.status in (202, 404):
                outcome.answer = "deleted"
        if reply.status not in (202, 404):
            self.unexpected("DELETE", key.repository, key.name, reply)
        self.ledger.count("tags deleted")


def missing_part(reply):
    """The digest that the registry lacks, of an answer that says so, or None."""
    try:
        error = json.loads(reply.body)["errors"][0]
    except (ValueError, KeyError, IndexError):
        return None
    return error["detail"] if error["code"] == "MANIFEST_BLOB_UNKNOWN" else None
