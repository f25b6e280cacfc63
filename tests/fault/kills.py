#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kills: SIGKILL to random processes of a registry while sixteen clients push to it, and then every promise is looked at.

    make kills KILLS_ARGS="--kills 300 --server nginx --seed 7"

Victims are workers of each program, their masters, workers and master of the web server; who restarts masters is this
program, as an init system would. At the end everything is killed at once and started anew; the oracle (oracle.py) pulls and
hashes all that was acknowledged, and the tree on disk is looked through (tree.py). Exit code 1 when anything is lost or wrong.
"""

import argparse
import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from stack import SERVERS, Stack, children, is_busy  # noqa: E402
from tree import Tree  # noqa: E402

#: What is killed, and how often.
VICTIMS = (("upload worker", 44), ("manifest worker", 26), ("blob worker", 6), ("tags worker", 2), ("upload master", 5),
           ("manifest master", 4), ("blob master", 2), ("web worker", 8), ("web master", 3))


def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Killer:
    def __init__(self, stack, seed):
        self.stack, self.rng = stack, random.Random(f"{seed}/killer")
        self.counts = collections.Counter()

    def strike(self):
        """One SIGKILL. A busy worker is three times as likely as an idle one."""
        (victim,) = self.rng.choices([v for v, _ in VICTIMS], [w for _, w in VICTIMS])
        who, role = victim.split()
        if role == "worker":
            parent = self.stack.web.pid if who == "web" else self.stack.berth.pools[who].pid
            done = self.strike_worker(children(parent), count_busy=who != "web")
        elif who == "web":
            self.stack.kill_web()
            self.stack.start_web()
            done = True
        else:
            kill(self.stack.berth.pools[who].pid)
            self.stack.berth.pools[who].child.wait()
            # Either its workers end by themselves, or an init system has no patience with them.
            self.stack.berth.restart_dead(grace=self.rng.random() < 0.5)
            done = True
        if done:
            self.counts[victim] += 1
            self.counts["kills"] += 1

    def strike_worker(self, workers, count_busy):
        if not workers:
            return False
        busy = [count_busy and is_busy(pid) for pid in workers]
        (chosen,) = self.rng.choices(range(len(workers)), [3 if b else 1 for b in busy])
        if busy[chosen]:
            self.counts["of them in a request"] += 1
        kill(workers[chosen])
        return True


class Oracle:
    """The oracle as a process of its own."""

    def __init__(self, stack, journal, *arguments):
        self.stack, self.journal, self.arguments = stack, journal, arguments

    def command(self, phase, *arguments):
        return [sys.executable, str(HERE / "oracle.py"), phase, "--url", self.stack.url, "--journal", str(self.journal),
                *map(str, arguments)]

    def start(self, seed):
        self.child = subprocess.Popen(self.command("push", "--seed", seed, *self.arguments), stdin=subprocess.DEVNULL)
        return self.child

    def stop(self):
        """Let the pushers end what they are at. Returns whether all was well."""
        if self.child.poll() is None:
            self.child.terminate()
        return self.child.wait(300) == 0

    def verify(self):
        return subprocess.run(self.command("verify"), stdin=subprocess.DEVNULL, timeout=1800).returncode == 0


def judge(stack, oracle):
    """Everything killed and started anew: the oracle's verdict and the tree's."""
    stack.kill_everything()
    problems = Tree(stack.berth.root).problems()
    for problem in problems[:50]:
        print(f"TREE {problem}")
    stack.start_everything()
    served = oracle.verify()
    return served and not problems


def campaign(options, seed):
    with Stack(options.server) as stack:
        oracle = Oracle(stack, stack.directory / "journal", "--largest", options.largest)
        killer = Killer(stack, seed)
        child = oracle.start(seed)
        try:
            while killer.counts["kills"] < options.kills and child.poll() is None:
                time.sleep(killer.rng.uniform(0, 2 * options.interval))
                killer.strike()
        finally:
            calm = oracle.stop()
        print("killed:", ", ".join(f"{n} {what}" for what, n in sorted(killer.counts.items())), flush=True)
        sound = judge(stack, oracle)
        if killer.counts["kills"] < options.kills:
            print("the oracle ended before the last kill")
            return False
        return calm and sound


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--server", choices=SERVERS, default="nginx")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--interval", type=float, default=0.25, help="seconds between kills, on average")
    parser.add_argument("--largest", type=int, default=2 << 20, help="bytes of a blob at most")
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parse_arguments()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"{options.kills} kills, {options.server}, seed {seed}", flush=True)
    fine = campaign(options, seed)
    print("nothing lost, nothing wrong" if fine else f"FAILED, seed {seed}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
