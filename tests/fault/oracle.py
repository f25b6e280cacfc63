#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The oracle: pushes to a registry from a seed, remembers what was acknowledged, and says later whether it is all there.

    oracle.py push   --url http://127.0.0.1:5000 --journal FILE [--seed N] [--pushers 16] [--rounds N]
    oracle.py verify --url http://127.0.0.1:5000 --journal FILE

It speaks HTTP and nothing else, shares no code with the registry, and tries again, as clients do, when a server dies under it.
`push` goes on until SIGTERM, or for so many rounds of each pusher, while pullers hash what was acknowledged; `verify`, after
the registry was started anew, pulls and hashes everything. A violation is an acknowledged thing that is not there, wrong
bytes in a whole answer, a deleted thing that came back, a tag that names neither the last acknowledged manifest nor one
attempted since. Both end with counts, and with exit code 1 when there was any violation.
"""

import argparse
import json
import random
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ledger import Ledger  # noqa: E402
from puller import Puller, verify  # noqa: E402
from pusher import Pusher  # noqa: E402
from wire import Wire  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phase", choices=("push", "verify"))
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", help="certificate to trust")
    parser.add_argument("--user", help="name:password")
    parser.add_argument("--journal", required=True)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--pushers", type=int, default=16)
    parser.add_argument("--pullers", type=int, default=2)
    parser.add_argument("--rounds", type=int, help="of each pusher; without it, until SIGTERM")
    parser.add_argument("--largest", type=int, default=5 << 20, help="bytes of a blob at most")
    parser.add_argument("--tries", type=int, default=200, help="before a request is given up")
    parser.add_argument("--prefix", default="oracle", help="of repository names")
    return parser.parse_args()


def push(options, ledger):
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    wire = Wire(options.url, options.ca, options.user, options.tries)
    stop, stop_pulling = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pushers = [threading.Thread(target=Pusher(i, seed, options.prefix, wire, ledger, options.largest).run,
                                args=(stop, options.rounds), daemon=True) for i in range(options.pushers)]
    pullers = [Puller(i, seed, wire, ledger, stop_pulling) for i in range(options.pullers)]
    for thread in (*pushers, *pullers):
        thread.start()
    for thread in pushers:
        while thread.is_alive():
            thread.join(0.2)  # so that signals come through
    stop_pulling.set()
    for thread in pullers:
        thread.join()
    for text in ledger.complaints:
        ledger.violation(text)


def main():
    options = parse_arguments()
    if options.phase == "push":
        ledger = Ledger(options.journal)
        push(options, ledger)
        found = ledger.violations
    else:
        ledger = Ledger.read(options.journal)
        before = len(ledger.violations)
        verify(Wire(options.url, options.ca, options.user, options.tries), ledger)
        found = ledger.violations[before:]
    ledger.close()
    for text in found:
        print(f"VIOLATION {text}")
    print(json.dumps({"phase": options.phase, **dict(sorted(ledger.counts.items())), "violations": len(found)}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
