# SPDX-License-Identifier: MIT
"""Who pushes the parts of an index without tags, asks for them by digest, and names them in an index at last: while a
collector removes manifests without a tag, only leases hold them until then.

Each works on manifests that are his alone, so that the ledger may be told what is promised and what is no more.
"""

import content
from collecting_clients import Pusher
from collecting_ledger import Claim, Image
from collecting_requests import missing_part


class Indexer(Pusher):
    def push_something(self):
        return self.push_index()

    def push_index(self):
        """A generator, see Pusher."""
        repository = self.some_repository()
        children = []
        for _ in range(self.rng.randint(1, 2)):
            children.append((yield from self.push_child(repository)))
        claims = {}
        yield self.rng.uniform(*self.mix.asked_after) * self.ledger.grace
        for child, pushed in children:
            claims[child.digest] = self.ask_for(child, pushed)
            if not claims[child.digest]:
                return
        yield self.rng.uniform(*self.mix.named_after) * self.ledger.grace
        index = content.index([c.manifest for c, _ in children], self.mark())
        image = Image(repository, index, (), [c for c, _ in children])
        if self.name_them(image, claims):
            yield 2 * self.ledger.grace  # through some collections, under the eyes of verifiers
            self.give_up(image)

    def push_child(self, repository):
        """(image, the promise that it is there)"""
        blobs = [self.fresh(), self.fresh()]
        for blob in blobs:
            yield from self.requests.upload(repository, blob)
        image = Image(repository, content.image(blobs[0], blobs[1:], self.mark()), blobs)
        reply = self.send(image)
        if reply.status != 201:
            self.requests.unexpected("PUT", repository, image.digest, reply)
        return image, self.promise("PUT", reply)

    def promise(self, how, reply):
        return Claim(how, reply.begin, reply.begin + self.ledger.grace)

    def send(self, image, tag=None):
        return self.requests.ask("put", image.repository, image.digest, "PUT",
                                 f"/v2/{image.repository}/manifests/{tag or image.digest}", image.manifest.data,
                                 Content_Type=image.manifest.media_type)

    def ask_for(self, child, pushed):
        """What HEAD promises, or None when it has gone after its grace."""
        reply = self.requests.ask("head", child.repository, child.digest, "HEAD",
                                  f"/v2/{child.repository}/manifests/{child.digest}")
        if reply.status == 200:
            return self.promise("HEAD of the manifest", reply)
        self.requests.deny("HEAD", child.repository, child.digest, pushed, reply)
        return None

    def name_them(self, image, claims):
        """Push the index. What is promised from then on, the ledger knows, and verifiers see to it."""
        reply = self.send(image, f"i{self.number}-{image.digest[-8:]}")
        if reply.status == 201:
            for claim in claims.values():
                if reply.end < claim.deadline:
                    self.ledger.count(f"promises of {claim.how} kept")
            for one in (*image.children, image):
                self.ledger.keep(one, reply.begin)
            self.ledger.count("manifests pushed")
            return True
        missing = missing_part(reply)
        if missing not in claims:
            self.requests.unexpected("PUT", image.repository, image.digest, reply)
        else:
            self.requests.deny(f"PUT of {image.digest}", image.repository, missing, claims[missing], reply)
            self.ledger.count("manifests refused for a missing part")
        self.delete(image)  # an earlier try may have come through
        return False

    def give_up(self, image):
        """Its parts have no name any more then."""
        for one in (image, *image.children):
            self.ledger.settle(one.key, None)
        self.delete(image)
        self.ledger.count("manifests deleted")

    def delete(self, image):
        self.requests.ask("delete", image.repository, image.digest, "DELETE",
                          f"/v2/{image.repository}/manifests/{image.digest}")
