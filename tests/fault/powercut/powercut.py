#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Power cuts, simulated: scripts of requests are recorded, the trees that a cut may leave are built and judged.

Ends with 1 when a promise was broken in a state; some such states are kept.
"""

import argparse
import contextlib
import os
import random
import sys
import tempfile
import time

from campaign import SHOWN, Campaign, judge_without_each, place, why_not_needed
from model import MODELS
from scripts import SCRIPTS


def print_without_each(campaign, options):
    missed = 0
    for sync in judge_without_each(campaign, options.without, options.states, options.jobs):
        print(f"{sync.line:4} {sync.request.method} {sync.path}")
        if sync.violation:
            _, line, _, found = sync.violation
            print(f"       {sync.model}, cut before line {line}: {found[0][:150]}", flush=True)
        else:
            missed += why_not_needed(sync) is None
            print(f"       not needed: {why_not_needed(sync) or 'WHY?'}", flush=True)
    return 1 if missed else 0


def judge(campaign, options, table):
    print(f"seed {campaign.seed}")
    for name, world in campaign.worlds.items():
        print(f"{name}: {len(world.recorder.requests)} requests, {len(world.lines)} operations, "
              f"{sum(x.kind == 'F' for x in world.lines)} of them fsyncs", flush=True)
    for result in campaign.run(options.models.split(","), -(-options.states // options.rounds), options.jobs):
        table.setdefault((result.model, result.name), []).append(result)
        for _, line, _, found in result.violations[:SHOWN]:
            print(f"{result.name}, {result.model}, cut before line {line}: {'; '.join(found)[:300]}", flush=True)


def print_table(table):
    total = broken = 0
    for (model, name), results in table.items():
        count, violations = sum(r.count for r in results), sum(len(r.violations) for r in results)
        total, broken = total + count, broken + violations
        print(f"{model:9} {name:16} {count:6} states, {violations} with violations, "
              f"{sum(r.begun_again for r in results)} uploads to begin again")
    return total, broken


@contextlib.contextmanager
def recorded(options, seed, names):
    with tempfile.TemporaryDirectory(dir=place(), prefix="berth-powercut-") as directory:
        yield Campaign(options.programs, directory, seed, names, options.keep)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True, help="the directory of the programs of the routes")
    parser.add_argument("--states", type=int, default=20000, help="so many that differ (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--rounds", type=int, default=1,
                        help="record so many times, by the seeds that follow; clients meet at other moments")
    parser.add_argument("--scripts", default=",".join(SCRIPTS), help="%(default)s")
    parser.add_argument("--models", default=",".join(MODELS), help="%(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--keep", default="powercut-violations", help="where states with violations go (%(default)s)")
    parser.add_argument("--without", metavar="SCRIPT", help="leave out each fsync of a script instead, one at a time")
    options = parser.parse_args()
    if options.without:
        with recorded(options, options.seed, [options.without]) as campaign:
            return print_without_each(campaign, options)
    start, table = time.monotonic(), {}
    for seed in range(options.seed, options.seed + options.rounds):
        with recorded(options, seed, options.scripts.split(",")) as campaign:
            judge(campaign, options, table)
    total, broken = print_table(table)
    print(f"{total} states in {time.monotonic() - start:.0f} s, seed {options.seed}: {broken} with violations")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
