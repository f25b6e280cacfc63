# SPDX-License-Identifier: MIT
"""One pusher: builds images, indexes and signatures out of random blobs, moves tags, deletes, all of it after a seed."""

import random
import traceback

import content
from ledger import Key
from uploads import Uploader
from wire import GaveUp

POOL = 60     # blobs that everybody pushes
TAGS = 6      # of each pusher in each repository
KEPT = 30     # manifests a pusher remembers to use again


class Pusher:
    """Alone in its repositories, but for one that all share; there its tags and manifests are its own."""

    ERRANDS = ("push_small", "push_index", "push_small", "move_tag", "push_small", "delete_tag",
               "push_again", "push_small", "delete_manifest", "delete_blob", "push_signature", "cancel")

    def __init__(self, number, seed, prefix, wire, ledger, largest, lenient=False):
        self.number, self.seed = number, seed
        self.rng = random.Random(f"{seed}/pusher {number}")
        self.wire, self.ledger, self.largest = wire, ledger, largest
        self.uploader = Uploader(wire, ledger, self.rng, lenient)
        own = f"{prefix}/p{number}"
        self.own = [own, f"{own}/deep/er"]
        self.repositories = [*self.own, f"{prefix}/shared"]
        self.manifests = {r: [] for r in self.repositories}
        self.parts = set()  # digests of what indexes name, also of such whose push was given up
        self.made = self.errands = 0

    def run(self, stop, rounds=None):
        """Round after round until told to stop; never raises."""
        done = 0
        while not stop.is_set() and (rounds is None or done < rounds):
            done += 1
            self.guard(self.round)

    def guard(self, action, *arguments):
        """What goes wrong in here is a violation, except that a registry gives no answer for long. Returns success."""
        try:
            action(*arguments)
            return True
        except GaveUp as problem:
            self.ledger.count("given up")
            self.ledger.complaints.append(f"pusher {self.number} gave up: {problem}")
        except Exception:
            self.ledger.violation(f"pusher {self.number} failed: {traceback.format_exc()}")
        return False

    def round(self):
        repository = self.rng.choices(self.repositories, (5, 2, 3))[0]
        action, = self.rng.choices(
            (self.push_image, self.push_index, self.push_signature, self.move_tag, self.push_again, self.push_loose,
             self.delete_tag, self.delete_manifest, self.delete_blob, self.cancel),
            (40, 8, 6, 12, 6, 8, 6, 6, 4, 4))
        action(repository)

    # --- content ---

    def fresh(self, algorithm="sha256"):
        self.made += 1
        return content.Blob(f"{self.seed}/{self.number}/{self.made}", algorithm, self.largest)

    def some_blob(self):
        if self.rng.random() < 0.45:
            return content.Blob(f"{self.seed}/pool/{self.rng.randrange(POOL)}", "sha256", self.largest)
        return self.fresh("sha512" if self.rng.random() < 0.05 else "sha256")

    def mark(self):
        self.made += 1
        return f"{self.seed}/{self.number}/{self.made}"

    def some_tags(self, least, most):
        names = [f"p{self.number}-{i}" for i in range(TAGS)]
        return self.rng.sample(names, self.rng.randint(least, most))

    def some_manifest(self, repository, which=lambda m: True):
        """One that the repository is sure to have, or None."""
        known = [m for m in self.manifests[repository]
                 if which(m) and self.ledger.holds(Key(repository, "manifest", m.digest), m.digest)]
        return self.rng.choice(known) if known else None

    def errand(self):
        """The next small thing of a fixed row, in which everything has its turn; every pusher begins elsewhere."""
        self.errands += 1
        errand = self.ERRANDS[(self.errands + self.number) % len(self.ERRANDS)]
        getattr(self, errand)(self.repositories[self.number % len(self.repositories)])

    def push_small(self, repository):
        blob, config = self.some_blob(), self.fresh()
        for one in (blob, config):
            self.uploader.push(repository, one)
        self.put_somehow(repository, content.image(config, [blob], self.mark()))

    # --- pushes ---

    def push_image(self, repository, subject=None):
        layers = [self.some_blob() for _ in range(self.rng.choices((0, 1, 2, 4), (1, 4, 4, 2))[0])]
        config = self.fresh()
        for blob in (*layers, config):
            self.uploader.push(repository, blob)
        self.put_somehow(repository, content.image(config, layers, self.mark(), subject))

    def push_index(self, repository):
        children = [m for m in (self.some_manifest(repository) for _ in range(3)) if m]
        self.put_somehow(repository, content.index(children, self.mark()))

    def push_signature(self, repository):
        subject = self.some_manifest(repository)
        self.push_image(repository, subject.descriptor() if subject else None)

    def move_tag(self, repository):
        """Back to something older."""
        manifest = self.some_manifest(repository)
        if manifest:
            tag, = self.some_tags(1, 1)
            self.put(repository, manifest, tag, [tag])

    def push_again(self, repository):
        manifest = self.some_manifest(repository)
        if manifest:
            self.put(repository, manifest, manifest.digest, [])

    def push_loose(self, repository):
        """A blob that no manifest names."""
        self.uploader.push(repository, self.some_blob())

    def put_somehow(self, repository, manifest):
        way = self.rng.random()
        if way < 0.6:
            tag, = self.some_tags(1, 1)
            self.put(repository, manifest, tag, [tag])
        else:
            self.put(repository, manifest, manifest.digest, [] if way < 0.8 else self.some_tags(1, 3))

    def put(self, repository, manifest, reference, tags):
        """PUT by a tag, or by digest with `?tag=` for each."""
        self.ledger.describe(manifest.digest, type=manifest.media_type, size=manifest.size, subject=manifest.subject)
        self.parts.update(manifest.children)
        keys = [Key(repository, "manifest", manifest.digest), *(Key(repository, "tag", t) for t in tags)]
        query = "".join(f"{'&' if i else '?'}tag={t}" for i, t in enumerate(tags)) if reference not in tags else ""

        def before():
            for key in keys:
                self.ledger.attempt(key, manifest.digest)
        answer, _ = self.wire.insist("PUT", f"/v2/{repository}/manifests/{reference}{query}", manifest.data,
                                     before=before, Content_Type=manifest.media_type)
        if answer.status != 201:
            return self.ledger.violation(f"PUT of {manifest.digest} as {repository}:{reference}{query}, all of whose "
                                         f"parts were acknowledged: {answer.status} {answer.body[:300]!r}")
        if answer.headers["Docker-Content-Digest"] != manifest.digest:
            self.ledger.violation(f"{manifest.digest} was acknowledged as {answer.headers['Docker-Content-Digest']}")
        for key in keys:
            self.ledger.settle(key, manifest.digest)
        self.ledger.count("manifests")
        self.ledger.count("tags", len(tags))
        self.remember(repository, manifest)

    def remember(self, repository, manifest):
        known = self.manifests[repository]
        if manifest not in known:
            known.append(manifest)
            del known[:-KEPT]

    # --- deletions ---

    def delete(self, key, path, before):
        """DELETE until there is an answer. True when it is gone now."""
        answer, failed = self.wire.insist("DELETE", path, before=before)
        if answer.status == 404 and not failed:
            self.ledger.violation(f"DELETE: acknowledged and lost: {key}")
        elif answer.status not in (202, 404):
            return self.ledger.violation(f"DELETE of {key}: {answer.status} {answer.body[:300]!r}")
        self.ledger.settle(key, None)
        self.ledger.count(f"{key.kind}s deleted")
        return True

    def delete_tag(self, repository):
        tag, = self.some_tags(1, 1)
        key = Key(repository, "tag", tag)
        values = self.ledger.look(key).values
        if len(values) == 1 and values != (None,):
            self.delete(key, f"/v2/{repository}/manifests/{tag}", lambda: self.ledger.attempt(key, None))

    def delete_manifest(self, repository):
        """Not one that is part of an index: that would be missing something then."""
        manifest = self.some_manifest(repository, lambda m: m.digest not in self.parts)
        if not manifest:
            return
        key = Key(repository, "manifest", manifest.digest)
        tags = [Key(repository, "tag", f"p{self.number}-{i}") for i in range(TAGS)]
        named = [t for t in tags if manifest.digest in self.ledger.look(t).values]

        def before():
            for one in (*named, key):
                self.ledger.attempt(one, None)
        if self.delete(key, f"/v2/{repository}/manifests/{manifest.digest}", before):
            for tag in named:
                self.ledger.exclude(tag, manifest.digest)
            self.manifests[repository].remove(manifest)

    def delete_blob(self, repository):
        """One of our own that no manifest names."""
        if repository not in self.own:
            return
        blob = self.fresh()
        while blob.size < 16:  # few bytes may be those of another
            blob = self.fresh()
        self.uploader.push(repository, blob)
        key = Key(repository, "blob", blob.digest)
        self.delete(key, f"/v2/{repository}/blobs/{blob.digest}", lambda: self.ledger.attempt(key, None))
        if self.rng.random() < 0.5:
            self.uploader.push(repository, blob)

    def cancel(self, repository):
        self.uploader.cancel(repository, self.fresh().data())
