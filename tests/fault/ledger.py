# SPDX-License-Identifier: MIT
"""What a registry has acknowledged: the memory of the oracle.

Every blob and manifest of a repository and every tag is a register. Its possible values are what was acknowledged last and
what was attempted since without an answer; None is "not there". A register with one possible value is a promise.

Everything is a line in the journal, so that another process can judge, after the registry has been started anew.
"""

import collections
import json
import random
import threading

Key = collections.namedtuple("Key", "repository kind name")  # kind: blob, manifest or tag
Seen = collections.namedtuple("Seen", "version values")

ABSENT = Seen(0, (None,))


class Ledger:
    """Thread-safe. Opened without `journal` it only remembers."""

    def __init__(self, journal=None):
        self.lock = threading.RLock()
        self.registers = {}
        self.versions = collections.Counter()
        self.about = {}  # digest: what else is known of it
        self.counts = collections.Counter()
        self.violations = []
        self.complaints = []  # what may happen, but is good to know
        self.keys = []
        self.journal = open(journal, "a") if journal else None

    @classmethod
    def read(cls, journal):
        """What an earlier process wrote."""
        ledger = cls()
        with open(journal) as lines:
            for line in lines:
                ledger.apply(json.loads(line))
        return ledger

    def apply(self, event):
        what, *rest = event
        if what == "about":
            digest, facts = rest
            self.about[digest] = facts
        elif what == "violation":
            self.violations.append(rest[0])
        else:
            *parts, value = rest
            key = Key(*parts)
            before = self.registers.get(key, (None,))
            if key not in self.registers:
                self.keys.append(key)
            self.registers[key] = {"attempt": lambda: before + ((value,) if value not in before else ()),
                                   "settle": lambda: (value,),
                                   "exclude": lambda: tuple(v for v in before if v != value)}[what]()
            self.versions[key] += 1

    def note(self, *event):
        with self.lock:
            self.apply(event)
            if self.journal:
                self.journal.write(json.dumps(event) + "\n")

    def attempt(self, key, value):
        """A request is about to be sent that would give the register this value."""
        self.note("attempt", *key, value)

    def settle(self, key, value):
        """The registry has said so."""
        self.note("settle", *key, value)

    def exclude(self, key, value):
        """The registry has said that it is anything but this."""
        self.note("exclude", *key, value)

    def describe(self, digest, **facts):
        if digest not in self.about:
            self.note("about", digest, facts)

    def violation(self, text):
        self.note("violation", text)

    def count(self, what, by=1):
        with self.lock:
            self.counts[what] += by

    def look(self, key):
        with self.lock:
            return Seen(self.versions[key], self.registers.get(key, (None,)))

    def unchanged(self, key, seen):
        """Whether nobody has begun or ended anything with it since."""
        with self.lock:
            return self.versions[key] == seen.version

    def pick(self, rng=random):
        """Some key, or None."""
        with self.lock:
            return rng.choice(self.keys) if self.keys else None

    def holds(self, key, value):
        """Whether it is promised that the register has this value."""
        return self.look(key).values == (value,)

    def matching(self, repository=None, kind=None):
        with self.lock:
            return [k for k in self.keys if repository in (None, k.repository) and kind in (None, k.kind)]

    def repositories(self):
        with self.lock:
            return sorted({k.repository for k in self.keys})

    def close(self):
        if self.journal:
            self.journal.close()
