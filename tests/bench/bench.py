#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make bench: how fast Berth is, side by side with docker-registry and with files nginx sends by itself.

The figures of one row are taken in turns within one run, each ratio is the median of the ratios within a round, and
the CPU time of all server processes stands beside the wall clock. Nothing is asserted: the last lines tell which goals
were missed. Client and servers share the machine, so rates are lower than what the servers could do alone. TMPDIR
chooses the file system.

Wants nginx, docker-registry, curl and spawn-fcgi. BERTH_BUILD names the build tree.
"""

import argparse
import resource
import signal
import sys

from scene import Scene

import authorized
import collecting
import lists
import others
import pulls
import pushes
from measure import say, table

SECTIONS = {
    "memory": others.memory,
    "cgi": others.cgi,
    "shared-hosting": others.shared_hosting,
    "manifests": pulls.manifests,
    "blob": pulls.blob_small,
    "authorized": authorized.authorized,
    "large-blob": pulls.blob_large,
    "small-push": pushes.small,
    "large-push": pushes.large,
    "slow-uploads": others.slow_uploads,
    "tags": lists.tags,
    "catalog": lists.catalog,
    "collecting": collecting.collecting,
    "memory-after": others.memory,
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"comma list of {', '.join(SECTIONS)}", default=",".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=15, help="of quick measurements")
    parser.add_argument("--large-rounds", type=int, default=7, help="of large blobs and of slow uploads")
    parser.add_argument("--large", type=int, default=1024, metavar="MIB", help="size of the large blob")
    parser.add_argument("--blobs", type=int, default=1_000_000, help="of the registry that is collected")
    parser.add_argument("--milliseconds", type=int, default=500, help="of one round of small requests")
    options = parser.parse_args()
    options.only = options.only.split(",")
    unknown = set(options.only) - set(SECTIONS)
    if unknown:
        parser.error(f"no {', '.join(unknown)}")
    return options


def main():
    options = parse_arguments()
    # So that a bench that is ended ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    rows = []
    with Scene(options.large) as scene:
        print(others.machine(scene), flush=True)
        for name, section in SECTIONS.items():
            if name in options.only:
                new = section(scene, options)
                say(table(new))
                rows += new
    print(table(rows))
    missed = [row for row in rows if not row.met]
    print(f"\n{len(missed)} of {sum(bool(r.goal) for r in rows)} goals missed" + (":" if missed else ""))
    for row in missed:
        print(f"  {row.work}: {row.value:.3g}, goal {row.goal}")


if __name__ == "__main__":
    sys.exit(main())
