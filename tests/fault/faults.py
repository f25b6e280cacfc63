#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Faults: the storage of a living registry goes wrong at its Nth call, for every N, while clients push to it.

    make faults FAULTS_ARGS="--pushers 16 --kinds die,fail-io --seed 7"

The pools run the programs of tests/fault (see open_driver.c there). For each kind of fault and for N = 1, 2, ... every pusher
runs an errand, trying again where a client would, and then another one until a call N was there to go wrong; the kind ends
at the first N that no errand reaches. After each round, with the fault gone, all that was acknowledged meanwhile is pulled
and hashed. After each kind everything is killed and started anew, all of it is pulled once more, and the tree on disk is
looked through. Exit code 1 when anything is lost or wrong.
"""

import argparse
import random
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from ledger import Ledger  # noqa: E402
from puller import Judge, verify  # noqa: E402
from pusher import Pusher  # noqa: E402
from stack import ROUTES, SERVERS, KeptBerth, Stack, build_dir  # noqa: E402
from tree import Tree  # noqa: E402
from wire import Wire  # noqa: E402

#: name: (what the plan says, tries of a request). A storage that stays dead leaves nothing to try again for.
KINDS = {
    "fail-io": ("fail io", 200), "fail-no-space": ("fail no-space", 200), "fail-after": ("fail-after io", 200),
    "short": ("short io", 200), "die": ("die", 200), "dead": ("dead io", 3),
}
#: Errands of one repository tree, before new ones are begun.
BATCH = 25
#: Rounds without a call N after which there is none: every pusher has run each of its errands.
ROUNDS = len(Pusher.ERRANDS)


class FaultyBerth(KeptBerth):
    """Runs the programs whose storage fails to order."""

    def __enter__(self):
        self.plan = self.directory / "fault" / "plan"
        self.plan.parent.mkdir()
        self.plan.parent.chmod(0o777)
        self.environment["BERTH_FAULT"] = str(self.plan)
        return super().__enter__()

    @staticmethod
    def find_programs():
        built = build_dir() / "tests/fault"
        return {route: built / route for route in ROUTES}

    def strike(self, number, what):
        """From now on the calls are counted, and this one goes wrong."""
        self.put_plan("")
        with open(f"{self.plan}.count", "r+b") as count:
            count.write(bytes(8))
        Path(f"{self.plan}.log").unlink(missing_ok=True)
        self.put_plan(f"{number} {what}\n")

    def put_plan(self, text):
        new = self.plan.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        new.rename(self.plan)

    def struck(self):
        """The calls that went wrong since, a line each."""
        log = Path(f"{self.plan}.log")
        return log.read_text().splitlines() if log.exists() else []


class Campaign:
    """All N of one kind."""

    def __init__(self, stack, kind, seed, options, crew):
        self.stack, self.kind, self.seed, self.options, self.crew = stack, kind, seed, options, crew
        self.what, tries = KINDS[kind]
        self.pushing = Wire(stack.url, tries=tries, pause=0.02)
        self.pulling = Wire(stack.url)
        self.ledger = Ledger()
        self.judge = Judge(self.pulling, self.ledger)
        self.struck = self.turns = self.told = 0
        self.judged = {}  # key: the version that was looked at
        self.rng = random.Random(f"{seed}/{kind}")

    def batch(self, number):
        """Pushers in repositories of their own, with an image each to begin with."""
        seed = f"{self.seed}/{self.kind}/{number}"
        pushers = [Pusher(i, seed, f"{self.kind}-{number}", self.pushing, self.ledger, self.options.largest,
                          lenient=True) for i in range(self.options.pushers)]
        list(self.crew.map(lambda p: p.guard(p.push_small, p.repositories[p.number % len(p.repositories)]), pushers))
        return pushers

    def run(self):
        """Returns whether all was well."""
        number = self.next_number(0)
        while self.reach(number) and not self.ledger.violations:
            number = self.next_number(number)
        return self.conclude(number)

    def next_number(self, number):
        return number + self.rng.randint(1, 2 * self.options.stride - 1)

    def reach(self, number):
        """Rounds until this call went wrong. Returns whether it did."""
        for _ in range(ROUNDS):
            if self.turns % BATCH == 0:
                self.pushers = self.batch(self.turns)
            self.turns += 1
            struck = self.round(number)
            self.look(number, struck)
            if struck:
                self.struck += 1
                return True
        return False

    def round(self, number):
        """An errand of each pusher. Returns what went wrong in it."""
        self.stack.berth.strike(number, self.what)
        list(self.crew.map(lambda p: p.guard(p.errand), self.pushers))
        struck = self.stack.berth.struck()
        self.stack.berth.put_plan("")
        return struck

    def look(self, number, struck):
        """Pulls what has changed since the last look."""
        keys = [k for k, v in self.ledger.versions.items() if self.judged.get(k) != v]
        list(self.crew.map(self.judge.judge_whole, keys))
        self.judged.update({k: self.ledger.versions[k] for k in keys})
        self.tell(f"at call {number} ({', '.join(struck)})", self.ledger.violations)

    def tell(self, when, violations):
        for text in violations[self.told:]:
            print(f"VIOLATION {when}: {text}", flush=True)
        self.told = len(violations)

    def conclude(self, number):
        self.stack.kill_everything()
        problems = Tree(self.stack.berth.root).problems()
        self.stack.start_everything()
        verify(self.pulling, self.ledger)
        self.tell("at the end", self.ledger.violations + problems)
        counts = self.ledger.counts
        print(f"{self.kind}: {self.struck} calls before call {number} struck, in {self.turns} rounds; "
              f"{counts['manifests']} manifests, {counts['given up']} requests given up, "
              f"{len(self.ledger.violations) + len(problems)} violations", flush=True)
        return not self.ledger.violations and not problems


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pushers", type=int, default=16)
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"comma list of {', '.join(KINDS)}")
    parser.add_argument("--server", choices=SERVERS, default="nginx")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--stride", type=int, default=1, help="on average only each such N")
    parser.add_argument("--largest", type=int, default=100_000, help="bytes of a blob at most")
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parse_arguments()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"faults, {options.pushers} pushers, {options.server}, seed {seed}", flush=True)
    with Stack(options.server, FaultyBerth) as stack, ThreadPoolExecutor(options.pushers) as crew:
        results = [Campaign(stack, kind, seed, options, crew).run() for kind in options.kinds.split(",")]
    print("nothing lost, nothing wrong" if all(results) else f"FAILED, seed {seed}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
