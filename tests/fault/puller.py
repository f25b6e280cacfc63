# SPDX-License-Identifier: MIT
"""Pulls what was acknowledged and holds it against the ledger, during the pushes and after them."""

import hashlib
import json
import random
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from content import references
from ledger import Key
from wire import Broken, GaveUp


def hashes_to(data, digest):
    algorithm, expected = digest.split(":")
    return hashlib.new(algorithm, data).hexdigest() == expected


class Judge:
    """One look at one register. What changes meanwhile is not judged."""

    def __init__(self, wire, ledger):
        self.wire, self.ledger = wire, ledger

    def judge(self, key):
        seen = self.ledger.look(key)
        answer, _ = self.wire.insist("GET", f"/v2/{key.repository}/{'blobs' if key.kind == 'blob' else 'manifests'}/"
                                            f"{key.name}")
        problem = self.problem(key, seen, answer)
        if problem and self.ledger.unchanged(key, seen):
            self.ledger.violation(f"{key}, which may be {seen.values}: {problem}")
        self.ledger.count(f"{key.kind}s pulled")
        return answer

    def problem(self, key, seen, answer):
        if answer.status not in (200, 404):
            return f"{answer.status} {answer.body[:300]!r}"
        if answer.status == 404:
            return None if None in seen.values else "acknowledged and lost"
        digest = answer.headers["Docker-Content-Digest"] if key.kind == "tag" else key.name
        if not hashes_to(answer.body, digest):
            # Whatever may be there, these bytes may not.
            self.ledger.violation(f"{key}: wrong bytes, {len(answer.body)} of them")
        if digest not in seen.values:
            return f"is {digest}"
        if key.kind != "blob" and answer.headers["Content-Type"] != self.ledger.about[digest]["type"]:
            return f"Content-Type {answer.headers['Content-Type']}"
        return None

    def judge_whole(self, key):
        """The same, and of a manifest or tag all that it names. Never raises."""
        try:
            answer = self.judge(key)
            if key.kind != "blob":
                self.judge_closure(key, answer)
        except Exception:
            self.ledger.violation(f"{key} cannot be pulled: {traceback.format_exc()}")

    def judge_closure(self, key, answer):
        """Promise 1: all that an acknowledged manifest names can be pulled."""
        seen = self.ledger.look(key)
        if answer.status != 200 or len(seen.values) != 1:
            return
        for kind, digest in references(answer.body):
            part, _ = self.wire.insist("GET" if kind == "manifest" else "HEAD", f"/v2/{key.repository}/{kind}s/{digest}")
            if part.status != 200 and self.ledger.unchanged(key, seen):
                self.ledger.violation(f"{key} names {kind} {digest}: {part.status}")


class Puller(threading.Thread):
    """Looks at random registers until told to stop."""

    def __init__(self, number, seed, wire, ledger, stop):
        super().__init__(name=f"puller {number}", daemon=True)
        self.rng = random.Random(f"{seed}/puller {number}")
        self.wire, self.ledger, self.stop = wire, ledger, stop
        self.judge = Judge(wire, ledger)

    def run(self):
        while not self.stop.is_set():
            try:
                self.look()
            except (Broken, GaveUp):
                pass
            except Exception:
                self.ledger.violation(f"{self.name} ended: {traceback.format_exc()}")
                return

    def look(self):
        key = self.ledger.pick(self.rng)
        if key is None:
            time.sleep(0.05)
            return
        answer = self.judge.judge(key)
        if key.kind != "blob" and self.rng.random() < 0.3:
            self.judge.judge_closure(key, answer)


def verify(wire, ledger, threads=6):
    """Everything, once the pushes are over."""
    with ThreadPoolExecutor(threads) as crew:
        list(crew.map(Judge(wire, ledger).judge_whole, list(ledger.registers)))
    verify_lists(wire, ledger)
    verify_referrers(wire, ledger)


def pages(wire, path, member):
    """All of a list, page by page. None for 404."""
    found, last = [], ""
    while True:
        answer, _ = wire.insist("GET", f"{path}?n=500" + (f"&last={last}" if last else ""))
        if answer.status == 404:
            return None
        page = json.loads(answer.body)[member]
        found += page
        if len(page) < 500:
            return found
        last = page[-1]


def verify_lists(wire, ledger):
    """Tag lists and the catalog have what has to be there and nothing that cannot be."""
    catalog = pages(wire, "/v2/_catalog", "repositories")
    for repository in ledger.repositories():
        manifests = ledger.matching(repository, "manifest")
        if any(None not in ledger.look(k).values for k in manifests) and repository not in catalog:
            ledger.violation(f"the catalog lacks {repository}")
        listed = pages(wire, f"/v2/{repository}/tags/list", "tags") or []
        if listed != sorted(set(listed)):
            ledger.violation(f"tags of {repository} are not in order: {listed}")
        for tag in listed:
            if ledger.look(Key(repository, "tag", tag)).values == (None,):
                ledger.violation(f"{repository} lists {tag}, which was deleted or never pushed")
        for key in ledger.matching(repository, "tag"):
            if None not in ledger.look(key).values and key.name not in listed:
                ledger.violation(f"{repository} does not list {key.name}")
        ledger.count("lists read")


def verify_referrers(wire, ledger):
    subjects = {}
    for key in ledger.matching(kind="manifest"):
        subject = ledger.about.get(key.name, {}).get("subject")
        if subject and ledger.holds(key, key.name):
            subjects.setdefault((key.repository, subject), set()).add(key.name)
    for (repository, subject), expected in subjects.items():
        answer, _ = wire.insist("GET", f"/v2/{repository}/referrers/{subject}")
        listed = {d["digest"] for d in json.loads(answer.body)["manifests"]} if answer.status == 200 else set()
        if not expected <= listed:
            ledger.violation(f"referrers of {subject} in {repository} lack {sorted(expected - listed)}")
        ledger.count("referrers read")
