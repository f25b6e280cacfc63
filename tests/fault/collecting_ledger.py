# SPDX-License-Identifier: MIT
"""What a registry may hold while many clients write to the same names at once: the memory of the collecting campaign.

A register (ledger.Key) has the values it may have now; one value alone is a promise. Requests have an interval, from the
first try to the last answer. A request that was acknowledged leaves its own value and those of the requests it overlaps;
one without an answer was carried out or not. A blob that no manifest names has a lease instead: from the beginning of the
request that was answered, for the grace period, unless somebody deletes it.

All times are time.monotonic() of this process. Everything is a line in the journal, to explain a violation afterwards.
"""

import collections
import contextlib
import itertools
import json
import threading
import time

from ledger import Key

now = time.monotonic

#: The kernel writes mtimes by a clock that ticks, the slowest each 10 ms.
TICK = 0.02
#: Violations that are told with all that is known of them.
STORIES = 25
LINES = 60  # of each, from each log


class Request:
    """What is under way at one register. `end` is None until then."""

    def __init__(self, value):
        self.value, self.begin, self.end = value, now(), None

    def may_follow(self, moment):
        """Whether it may have been carried out after this moment."""
        return self.end is None or self.end >= moment


class Register:
    VERSIONS = itertools.count()

    def __init__(self):
        self.possible, self.requests, self.version = {None}, [], next(self.VERSIONS)

    def become(self, values):
        if self.possible != set(values):
            self.possible, self.version = set(values), next(self.VERSIONS)

    @property
    def is_busy(self):
        return any(r.end is None for r in self.requests)

    def begin(self, request):
        self.requests.append(request)
        self.become(self.possible | {request.value})

    def end(self, request, values):
        """`values`: those it may have now; None when there was no answer, which excludes nothing."""
        request.end = now()
        if values is not None:
            self.become(values)
        begins = [r.begin for r in self.requests if r.end is None]
        self.requests = [r for r in self.requests if r.end is None or (begins and r.end >= min(begins))]

    def overlapping(self, request):
        return {r.value for r in self.requests if r is not request and r.may_follow(request.begin)}


class Outcome:
    """How a request ended. `begins`: of each try; `overlapped`: a DELETE of the same manifest was under way meanwhile."""

    def __init__(self):
        self.answer, self.overlapped, self.begins = None, False, []


class Claim:
    """That a blob has to be usable in a repository for requests answered before `deadline`, and why."""

    def __init__(self, how, begin, deadline):
        self.how, self.begin, self.deadline = how, begin, deadline


class Image:
    """A manifest of a repository and what it needs there."""

    def __init__(self, repository, manifest, blobs=(), children=()):
        self.repository, self.manifest = repository, manifest
        self.blobs, self.children = list(blobs), list(children)  # content.Blob; Image
        self.put = None  # when the first request began that was answered with 201
        self.key = Key(repository, "manifest", manifest.digest)

    @property
    def digest(self):
        return self.manifest.digest

    @property
    def parts(self):
        return {b.digest for b in self.blobs} | {c.digest for c in self.children}


class Ledger:
    """Thread-safe. `grace` in seconds."""

    def __init__(self, directory, grace):
        self.lock = threading.RLock()
        self.grace, self.directory, self.begun = grace, directory, now()
        self.registers = collections.defaultdict(Register)
        self.images = {}                                # Key: Image, of all that may be there
        self.users = collections.defaultdict(set)       # (repository, digest): digests of manifests there that name it
        self.references = collections.Counter()         # digest: manifests that name it, in all repositories
        self.deletions = collections.defaultdict(list)  # (repository, digest): requests
        self.leases = collections.defaultdict(dict)     # digest of a blob: {repository: Claim}
        self.recent = collections.deque()               # (begin, repository, digest) of leases
        self.tags = collections.defaultdict(set)        # repository: keys of tags that were ever set
        self.pushes = []                                # (image, begins of tries) of those that go on
        self.held_up = collections.deque(maxlen=200)    # (repository, digests) of those that took too long
        self.counts = collections.Counter()
        self.violations = []
        self.journal = open(directory / "journal", "a")

    def close(self):
        self.journal.close()

    # --- what was seen ---

    def note(self, who, what, **facts):
        line = json.dumps({"t": round(now() - self.begun, 4), "who": who, "what": what, **facts})
        with self.lock:
            self.journal.write(line + "\n")

    def since(self, moment):
        """Seconds from the beginning of the campaign, as the journal has them."""
        return round(moment - self.begun, 4)

    def count(self, what, by=1):
        with self.lock:
            self.counts[what] += by

    def violation(self, text, *about, **facts):
        """`about`: digests and names whose lines in the journal and in the collector's log belong to it."""
        with self.lock:
            self.note("oracle", "violation", text=text, **facts)
            self.journal.flush()
            story = self.story(about) if len(self.violations) < STORIES else ["(not told any more)"]
            self.violations.append(text)
        with open(self.directory / "violations", "a") as out:
            out.write(f"VIOLATION at {self.since(now())}: {text}\n{json.dumps(facts)}\n" +
                      "".join(f"    {line}\n" for line in story) + "\n")

    def story(self, about):
        """The last lines that have one of the words, of the journal and of what the collector said; and the last signals."""
        words = [w.split(":")[-1] for w in about]
        told = []
        if not words:
            return told
        for name, wanted in (("journal", words), ("gc.log", words), ("signals.log", ["signal"])):
            path = self.directory / name
            kept = collections.deque(maxlen=LINES)
            with contextlib.suppress(FileNotFoundError), open(path, errors="replace") as lines:
                kept.extend(line.rstrip() for line in lines if any(w in line for w in wanted))
            told += [f"[{name}] {line}" for line in kept]
        return told

    # --- manifests and tags ---

    def look(self, key):
        """(version, the value it is sure to have, or a set of several). The same version means that it had it all the time: what
        is under way counts among the values from its beginning."""
        with self.lock:
            register = self.registers[key]
            values = register.possible
            return register.version, next(iter(values)) if len(values) == 1 else frozenset(values)

    def is_sure(self, image):
        return self.look(image.key)[1] == image.digest

    @contextlib.contextmanager
    def putting(self, image, tags):
        """Around a PUT. The block sets `outcome.answer` to "created" and hands `outcome.begins` on. Without that answer nobody
        knows: a push is refused also when something was taken away after it had written the manifest."""
        keys = [image.key, *(Key(image.repository, "tag", t) for t in tags)]
        requests = {}
        with self.lock:
            self.images.setdefault(image.key, image)
            self.adopt(image)
            self.tags[image.repository].update(keys[1:])
            for key in keys:
                requests[key] = Request(image.digest)
                self.registers[key].begin(requests[key])
        outcome = Outcome()
        self.pushes.append((image, outcome.begins))
        try:
            yield outcome
        finally:
            with self.lock:
                self.end_put(image, requests, outcome)

    def end_put(self, image, requests, outcome):
        outcome.overlapped = None in self.registers[image.key].overlapping(requests[image.key])
        for key, request in requests.items():
            register = self.registers[key]
            values = None
            if outcome.answer == "created":
                values = {image.digest} | register.overlapping(request) | ({None} if outcome.overlapped else set())
            register.end(request, values)
        if outcome.answer == "created":
            image.put = max(image.put or 0, requests[image.key].begin)
        self.note_held_up(image, outcome.begins)
        self.forget_if_gone(image)

    def note_held_up(self, image, begins):
        """A push with a try that took longer than the grace: a collector may have taken what it had looked at."""
        self.pushes = [p for p in self.pushes if p[1] is not begins]
        if any(end - begin > self.grace for begin, end in zip(begins, [*begins[1:], now()])):
            self.held_up.append((image.repository, {image.digest, *image.parts}))
            self.count("pushes held up for longer than the grace")

    def was_held_up(self, repository, digest):
        """Whether such a push named it, in this repository or any (None), or one that goes on does."""
        with self.lock:
            late = [(i.repository, {i.digest, *i.parts}) for i, begins in self.pushes
                    if begins and now() - begins[-1] > self.grace]
            return any(repository in (None, r) and digest in digests for r, digests in [*self.held_up, *late])

    def adopt(self, image):
        for part in image.parts:
            users = self.users[image.repository, part]
            if image.digest not in users:
                users.add(image.digest)
                self.references[part] += 1

    def forget_if_gone(self, image):
        register = self.registers[image.key]
        if register.is_busy or register.possible != {None}:
            return
        self.images.pop(image.key, None)
        del self.registers[image.key]
        image.put = None
        for part in image.parts:
            users = self.users[image.repository, part]
            if image.digest in users:
                users.remove(image.digest)
                self.references[part] -= 1

    @contextlib.contextmanager
    def deleting_manifest(self, image):
        """The same of a DELETE by digest, "deleted"; yields None when something needs the manifest. Tags that name it go as
        well."""
        with self.lock:
            if self.users[image.repository, image.digest]:
                yield None
                return
            outcome, request = Outcome(), Request(None)
            outcome.overlapped = not self.is_sure(image)
            self.registers[image.key].begin(request)
            self.deletions[image.repository, image.digest].append(request)
            tags = {k: Request(None) for k in self.tags[image.repository] if image.digest in self.registers[k].possible}
            for key, one in tags.items():
                self.registers[key].begin(one)
        try:
            yield outcome
        finally:
            with self.lock:
                self.end_delete(image, request, tags, outcome)

    def end_delete(self, image, request, tags, outcome):
        deleted = outcome.answer == "deleted"
        for key, one in tags.items():
            register = self.registers[key]
            gone = deleted and image.digest not in register.overlapping(one)
            register.end(one, register.possible - {image.digest} if gone else None)
        register = self.registers[image.key]
        outcome.overlapped |= None in register.overlapping(request)
        register.end(request, {None} | register.overlapping(request) if deleted else None)
        self.forget_if_gone(image)

    @contextlib.contextmanager
    def deleting_tag(self, key):
        with self.lock:
            request = Request(None)
            self.registers[key].begin(request)
        outcome = Outcome()
        try:
            yield outcome
        finally:
            with self.lock:
                register = self.registers[key]
                register.end(request, {None} | register.overlapping(request) if outcome.answer == "deleted" else None)

    def keep(self, image, begin):
        """One that nobody else pushes or deletes: it was acknowledged by a request that began then."""
        with self.lock:
            self.images[image.key] = image
            self.adopt(image)
            image.put = begin
            self.settle(image.key, image.digest)

    def settle(self, key, value):
        """What was found when nobody writes any more."""
        with self.lock:
            self.registers[key].become({value})
            if key in self.images:
                self.forget_if_gone(self.images[key])

    # --- blobs ---

    def lease(self, repository, digest, how, begin):
        """A request that began then was answered: the blob is there."""
        with self.lock:
            before = self.leases[digest].get(repository)
            if before is None or before.begin < begin:
                self.leases[digest][repository] = Claim(how, begin, begin + self.grace - TICK)
                self.recent.append((begin, repository, digest))
            self.forget_leases()

    def forget_leases(self):
        """Those that ran out long ago."""
        while self.recent and self.recent[0][0] < now() - 4 * self.grace:
            begin, repository, digest = self.recent.popleft()
            held = self.leases.get(digest, {})
            if repository in held and held[repository].begin <= begin:
                del held[repository]
            if not held:
                self.leases.pop(digest, None)

    def claim(self, repository, digest):
        """The promise that stands now, or None."""
        with self.lock:
            claim = self.leases.get(digest, {}).get(repository)
            return claim if claim and claim.deadline > now() else None

    def is_broken(self, repository, digest, claim, answered):
        """Whether an answer of that moment that the blob is not there breaks a claim from before the request."""
        with self.lock:
            return claim is not None and answered < claim.deadline and not self.was_deleted(repository, digest, claim.begin,
                                                                                             answered)

    def was_deleted(self, repository, digest, since, until=None):
        """Whether a DELETE may have been carried out in between."""
        with self.lock:
            return any(d.may_follow(since) and (until is None or d.begin <= until)
                       for d in self.deletions.get((repository, digest), ()))

    @contextlib.contextmanager
    def deleting_blob(self, repository, digest):
        """Around a DELETE; yields False when a manifest of the repository names the blob."""
        with self.lock:
            if self.users[repository, digest]:
                yield False
                return
            request = Request(None)
            self.deletions[repository, digest].append(request)
        try:
            yield True
        finally:
            with self.lock:
                request.end = now()

    def is_excused(self, image, digest):
        """Whether a DELETE that overlapped the push, or came later, may have taken this part of an image."""
        return image.put is None or self.was_deleted(image.repository, digest, image.put)

    # --- choices ---

    def pick_image(self, rng, repository=None):
        """One that is sure to be there, or None."""
        with self.lock:
            for _ in range(8):
                key = rng.choice(list(self.images)) if self.images else None
                if key and repository in (None, key.repository) and self.is_sure(self.images[key]):
                    return self.images[key]
        return None

    def pick_unsure(self, rng):
        """One that may be there or not, or None."""
        with self.lock:
            unsure = [i for i in self.images.values() if not self.is_sure(i)]
            return rng.choice(unsure) if unsure else None

    def pick_tag(self, rng):
        """A tag and the digest it is sure to name, or None."""
        with self.lock:
            keys = [k for tags in self.tags.values() for k in tags]
            for _ in range(8):
                key = rng.choice(keys) if keys else None
                if key and isinstance(self.look(key)[1], str):
                    return key, self.look(key)[1]
        return None

    def pick_loose(self, rng, among, ages, repository=None, lone=False):
        """(repository, digest) of a blob that no manifest names, and that was acknowledged in this repository, or any, between
        so many graces ago (`lone`: and lately in no other); or None."""
        with self.lock:
            for _ in range(12):
                begin, found, digest = rng.choice(self.recent) if self.recent else (0, None, None)
                latest = self.leases.get(digest, {}).get(found)
                is_latest = latest and latest.begin == begin and ages[0] <= (now() - begin) / self.grace <= ages[1]
                if lone and len(self.leases.get(digest, ())) > 1:
                    continue
                if is_latest and digest in among and not self.references[digest] and repository in (None, found):
                    return found, digest
        return None

    def pick_lease(self, rng):
        """(repository, digest, claim) of a blob that no manifest names but that has to be there, or None."""
        with self.lock:
            for _ in range(8):
                _, repository, digest = rng.choice(self.recent) if self.recent else (None, None, None)
                claim = self.claim(repository, digest)
                if claim and not self.references[digest]:
                    return repository, digest, claim
        return None

    def population(self):
        with self.lock:
            return len(self.images)
