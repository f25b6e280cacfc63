# SPDX-License-Identifier: MIT
"""The clients of the collecting campaign: who pushes, deletes, moves tags and pulls.

What a pusher waits for between the blobs of an image and its manifest is measured in graces. So that nobody idles, each has
several images under way: generators that yield the seconds to wait.
"""

import heapq
import itertools
import random
import threading
import time
import traceback

import content
from collecting_ledger import Image
from collecting_requests import Requests
from wire import GaveUp

REPOSITORIES = 10
TAGS = 8            # in each of them
UNDER_WAY = 6       # images of a pusher
TRIES = 6           # of a manifest that lacks something


class Scene:
    """What all clients share."""

    def __init__(self, wire, ledger, seed, mix):
        self.wire, self.ledger, self.seed, self.mix = wire, ledger, seed, mix
        self.stop = threading.Event()
        self.pool = [content.Blob(f"{seed}/pool/{i}", "sha256", 200_000) for i in range(mix.pool)]
        self.by_digest = {b.digest: b for b in self.pool}
        self.repositories = [f"c/r{i}" + ("/deep" if i % 3 == 0 else "") for i in range(REPOSITORIES)]


class Client(threading.Thread):
    """Goes on until the scene ends. What goes wrong in here is a violation."""

    PACE = 0.02  # seconds between two steps

    def __init__(self, scene, name):
        super().__init__(name=name, daemon=True)
        self.scene, self.ledger, self.mix = scene, scene.ledger, scene.mix
        self.rng = random.Random(f"{scene.seed}/{name}")
        self.requests = Requests(name, scene.wire, scene.ledger)

    def run(self):
        while not self.scene.stop.is_set():
            try:
                self.round()
            except GaveUp as problem:
                self.ledger.violation(f"{self.name} has no answer for long: {problem}")
            except Exception:
                self.ledger.violation(f"{self.name} failed: {traceback.format_exc()}")
            self.scene.stop.wait(self.PACE)

    def some_tag(self):
        return f"t{self.rng.randrange(TAGS)}"

    def verify_image(self, image):
        """Promise 1. What changes while we look is not judged."""
        seen = self.ledger.look(image.key)
        reply = self.requests.get_manifest(image.repository, image.digest)
        if seen[1] != image.digest:
            return
        if reply.status != 200 and self.ledger.look(image.key) == seen:
            self.ledger.violation(f"I1: {image.repository} has {image.digest} no more", image.digest, **reply.told())
        for blob in image.blobs:
            self.verify_blob(image, seen, blob.digest)
        for child in image.children:
            if self.ledger.is_sure(child) and self.ledger.look(image.key) == seen:
                self.verify_image(child)
        self.ledger.count("images pulled")

    def verify_blob(self, image, seen, digest):
        reply, is_there = self.requests.get_blob(image.repository, digest)
        if not is_there and self.ledger.look(image.key) == seen and not self.ledger.is_excused(image, digest):
            self.ledger.violation(f"I1: {image.repository} lacks {digest}, part of {image.digest}", digest, image.digest,
                                  **reply.told())


class Pusher(Client):
    def __init__(self, scene, number):
        super().__init__(scene, f"pusher {number}")
        self.number, self.made = number, itertools.count()
        self.under_way = []  # heap of (when it goes on, number, generator)

    def round(self):
        if len(self.under_way) < UNDER_WAY:
            heapq.heappush(self.under_way, (time.monotonic(), next(self.made), self.push_something()))
        due, number, image = self.under_way[0]
        self.scene.stop.wait(max(0, min(due - time.monotonic(), 0.2)))
        if due > time.monotonic() or self.scene.stop.is_set():
            return
        heapq.heappop(self.under_way)
        pause = next(image, None)
        if pause is not None:
            heapq.heappush(self.under_way, (time.monotonic() + pause, number, image))

    def fresh(self):
        return content.Blob(f"{self.scene.seed}/{self.number}/{next(self.made)}", "sha256", 3000)

    def mark(self):
        return f"{self.scene.seed}/{self.number}/{next(self.made)}"

    def push_something(self):
        way = self.rng.random()
        if way < self.mix.indexes:
            return self.push_index()
        return self.push_image(way < self.mix.indexes + self.mix.signatures)

    def some_repository(self):
        return self.rng.choice(self.scene.repositories)

    def push_image(self, signs=False):
        repository = self.some_repository()
        subject = self.ledger.pick_image(self.rng, repository) if signs else None
        layers, config = [], self.fresh()
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            layer = yield from self.some_layer(repository)
            if layer not in layers:
                layers.append(layer)
        yield from self.requests.upload(repository, config)
        if self.rng.random() < self.mix.dropped:
            return
        least, most, _ = self.rng.choices(self.mix.waits, [w for *_, w in self.mix.waits])[0]
        yield self.rng.uniform(least, most) * self.ledger.grace
        manifest = content.image(config, layers, self.mark(), subject.manifest.descriptor() if subject else None)
        yield from self.put(Image(repository, manifest, [*layers, config]))

    def some_layer(self, repository):
        """Upload one of the pool."""
        blob = self.rng.choice(self.scene.pool)
        yield from self.upload(repository, blob)
        return blob

    def upload(self, repository, blob):
        pause = self.rng.uniform(*self.mix.slow_for) * self.ledger.grace if self.rng.random() < self.mix.slow else None
        yield from self.requests.upload(repository, blob, pause)

    def put(self, image):
        """As a client does that is told what is missing."""
        blobs = {b.digest: b for b in image.blobs}
        for _ in range(TRIES):
            tags = [self.some_tag()] if self.rng.random() < 0.6 else []
            by_tag, begin = tags and self.rng.random() < 0.7, time.monotonic()
            answer = self.requests.put(image, tags[0] if by_tag else image.digest, tags)
            if answer is True and time.monotonic() - begin > self.ledger.grace:
                self.verify_image(image)  # a collector may have come in between
            if answer not in blobs:
                return
            yield from self.requests.upload(image.repository, blobs[answer])

    def push_index(self):
        repository = self.some_repository()
        children = {i.digest: i for i in (self.ledger.pick_image(self.rng, repository) for _ in range(3)) if i}
        if not children:
            return
        yield 0
        manifest = content.index([c.manifest for c in children.values()], self.mark())
        yield from self.put(Image(repository, manifest, (), children.values()))


class Reuser(Pusher):
    """Uploads as little as possible: asks for layers that are there or mounts them, those first that nothing names."""

    def some_repository(self):
        loose = self.ledger.pick_loose(self.rng, self.scene.by_digest, self.mix.ages)
        return loose[0] if loose and self.rng.random() < self.mix.at_home else super().some_repository()

    def some_layer(self, repository):
        way, = self.rng.choices(("head", "mount", "any"), (self.mix.head, self.mix.mount, self.mix.any))
        if way == "any":
            digest = self.rng.choice(self.scene.pool).digest
            is_there = self.requests.head(repository, digest)
        else:
            source, digest = (self.ledger.pick_loose(self.rng, self.scene.by_digest, self.mix.ages,
                                                        repository if way == "head" else None, self.mix.lone)
                              or (repository, self.rng.choice(self.scene.pool).digest))
            is_there = (self.requests.head(repository, digest) if source == repository
                        else self.requests.mount(repository, digest, source))
        blob = self.scene.by_digest[digest]
        if not is_there:
            yield from self.upload(repository, blob)
        return blob


class Deleter(Client):
    """Keeps the number of images in bounds, so that the collector has work."""

    PACE = 0.1

    def round(self):
        way = self.rng.random()
        if way < 0.1:
            tag = self.ledger.pick_tag(self.rng)
            if tag:
                self.requests.delete_tag(tag[0])
        elif way < 0.1 + self.mix.rude:
            self.delete_blob()
        else:
            for _ in range(min(5, self.ledger.population() - self.mix.images)):
                image = self.ledger.pick_unsure(self.rng) if self.rng.random() < 0.1 else self.ledger.pick_image(self.rng)
                if image:
                    self.requests.delete_manifest(image)

    def delete_blob(self):
        """One that no manifest of the repository names; whoever is about to push one has to upload it again."""
        loose = self.ledger.pick_loose(self.rng, self.scene.by_digest, self.mix.ages)
        if loose:
            self.requests.delete_blob(*loose)


class Retagger(Client):
    PACE = 0.1

    def round(self):
        image = self.ledger.pick_image(self.rng)
        if image:
            if self.rng.random() < 0.3:
                self.requests.get_manifest(image.repository, image.digest)
            tag = self.some_tag()
            self.requests.put(image, tag, [tag])


class Verifier(Client):
    """Pulls what has to be there, and hashes every byte."""

    PACE = 0.01

    def round(self):
        way = self.rng.random()
        if way < 0.2:
            self.verify_lease()
        elif way < 0.4:
            self.verify_tag()
        else:
            image = self.ledger.pick_image(self.rng)
            if image:
                self.verify_image(image)

    def verify_lease(self):
        """Promise 2 of what no manifest holds."""
        lease = self.ledger.pick_lease(self.rng)
        if lease:
            repository, digest, claim = lease
            reply, is_there = self.requests.get_blob(repository, digest)
            if not is_there:
                self.requests.deny("GET", repository, digest, claim, reply)
            self.ledger.count("blobs pulled that no manifest named")

    def verify_tag(self):
        picked = self.ledger.pick_tag(self.rng)
        if not picked:
            return
        key, digest = picked
        seen = self.ledger.look(key)
        reply = self.requests.get_manifest(key.repository, key.name)
        found = reply.headers["Docker-Content-Digest"] if reply.status == 200 else None
        if found != digest and seen[1] == digest and self.ledger.look(key) == seen:
            self.ledger.violation(f"I1: tag {key.repository}:{key.name} is {found}, not {digest}", digest, key.name,
                                  **reply.told())
