#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Collecting: the collector at work, once a second and with a grace of seconds, while clients push, mount, delete, move tags
and pull, and while workers and collectors are killed and stopped.

    make collecting COLLECTING_ARGS="--seconds 120 --server apache --seed 7"

Goes on until so many seconds, operations and cycles of the collector are over and promises were kept, whichever is last. An
oracle that knows HTTP and registry:2's layout alone says whether every acknowledged image was there all the time, whether blobs were usable for the
grace, and in the end whether just the live set is left on disk (collecting_requests.py has the promises,
collecting_ledger.py how they are known, collecting_verdict.py the end). Exit code 1 when any promise was broken; then, or
with --keep, a directory stays with the journal, the logs of all, and a story of each violation.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import stack  # noqa: E402,F401  before the others: it knows where the web servers are
from collecting_clients import Deleter, Pusher, Retagger, Reuser, Scene, Verifier  # noqa: E402
from collecting_hurt import Collector, Hurter, Signals  # noqa: E402
from collecting_indexes import Indexer  # noqa: E402
from collecting_ledger import Ledger, now  # noqa: E402
from collecting_mixes import MIXES  # noqa: E402
from collecting_stack import SERVERS, CollectingStack  # noqa: E402
from collecting_verdict import Verdict  # noqa: E402
from wire import Wire  # noqa: E402

#: What counts as an operation of a client: acknowledged or refused, but not pulled.
OPERATIONS = ("blobs by PUT", "blobs by HEAD", "blobs by mount", "manifests pushed", "manifests refused for a missing part",
              "manifests deleted", "tags deleted", "blobs deleted")
#: How clients are promised that a blob is there.
WAYS = ("PUT", "HEAD", "mount")


def crew(scene):
    mix = scene.mix
    clients = [(Reuser if i < mix.reusers else Pusher)(scene, i) for i in range(mix.pushers)]
    clients += [Indexer(scene, mix.pushers + i) for i in range(mix.indexers)]
    clients += [Deleter(scene, f"deleter {i}") for i in range(mix.deleters)]
    clients += [Retagger(scene, f"retagger {i}") for i in range(mix.retaggers)]
    return clients + [Verifier(scene, f"verifier {i}") for i in range(mix.verifiers)]


class Campaign:
    def __init__(self, options, seed, directory):
        self.options, self.seed, self.directory = options, seed, directory
        self.ledger = Ledger(directory, options.grace)

    def run(self):
        """Returns the number of violations."""
        with CollectingStack(self.options.server, self.options.grace) as registry:
            try:
                self.torture(registry)
            finally:
                for log in registry.logs():
                    shutil.copy(log, self.directory / f"{Path(log).name}.txt")
        self.ledger.close()
        return len(self.ledger.violations)

    def torture(self, registry):
        mix = MIXES[self.options.mix]
        scene = Scene(Wire(registry.url), self.ledger, self.seed, mix)
        signals = Signals(self.ledger)
        collector = Collector(registry, self.ledger, signals, self.seed, mix)
        hurter = Hurter(registry, self.ledger, signals, self.seed, mix, self.options.interval)
        clients = crew(scene)
        for thread in (*clients, collector, hurter):
            thread.start()
        try:
            self.wait(collector, clients)
        finally:
            hurter.end()
            scene.stop.set()
            for thread in (*clients, collector):
                thread.join(120) if thread is not collector else collector.end()
        if not (self.options.first and self.ledger.violations):
            Verdict(registry, scene, collector, Verifier(scene, "verdict")).give()

    def wait(self, collector, clients):
        begin = told = now()
        while not self.is_over(now() - begin, collector.runs):
            time.sleep(0.2)
            if now() - told > 30:
                told = now()
                print(f"{now() - begin:.0f} s: {self.operations()} operations, {collector.runs} collections, "
                      f"{len(self.ledger.violations)} violations", flush=True)

    def is_over(self, seconds, runs):
        options = self.options
        return (options.first and self.ledger.violations) or (
            seconds >= options.seconds and self.operations() >= options.operations and runs >= options.cycles
            and all(self.ledger.counts[f"promises of {way} kept"] >= options.promises for way in WAYS))

    def operations(self):
        return sum(self.ledger.counts[name] for name in OPERATIONS)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--operations", type=int, default=0)
    parser.add_argument("--cycles", type=int, default=0, help="of the collector")
    parser.add_argument("--promises", type=int, default=0, help="kept of each way to one: " + ", ".join(WAYS))
    parser.add_argument("--grace", type=int, default=5, help="seconds")
    parser.add_argument("--server", choices=SERVERS, default="nginx")
    parser.add_argument("--mix", choices=MIXES, default="all", help="what clients do; others than all aim at a renewal")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between signals to workers, on average")
    parser.add_argument("--first", action="store_true", help="end with the first violation")
    parser.add_argument("--keep", type=Path, help="directory for journal and logs")
    options = parser.parse_args()
    if not (options.seconds or options.operations or options.cycles or options.promises):
        options.seconds = 120
    return options


def report(ledger, violations, seconds):
    for name, count in sorted(ledger.counts.items()):
        print(f"{count:9} {name}")
    for text in ledger.violations[:30]:
        print(f"VIOLATION {text[:600]}")
    print(f"{seconds:.0f} s, {violations} violations")


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parse_arguments()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    directory = options.keep or Path(tempfile.mkdtemp(prefix="berth-collecting-"))
    directory.mkdir(parents=True, exist_ok=True)
    print(f"{options.server}, grace {options.grace} s, seed {seed}", flush=True)
    begin = now()
    campaign = Campaign(options, seed, directory)
    violations = campaign.run()
    report(campaign.ledger, violations, now() - begin)
    print(f"{campaign.operations()} operations, {campaign.ledger.counts['SIGKILL to gc']} collectors killed")
    if violations:
        print(f"FAILED, seed {seed}; all about it is in {directory}")
    else:
        print("nothing lost, nothing wrong, nothing left over")
        if not options.keep:
            shutil.rmtree(directory)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
