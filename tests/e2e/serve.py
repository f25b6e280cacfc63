#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Start a registry as the tests do, tell its address, and keep it until Ctrl-C: serve.py KIND [KEY=VALUE ...]

For trying a client by hand, and for test suites of others. Kinds are those of --kinds.
"""

import signal
import sys

from harness.registry import KINDS, Registry


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in KINDS:
        sys.exit(f"usage: serve.py {'|'.join(KINDS)} [KEY=VALUE ...]")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Registry(sys.argv[1], **dict(pair.split("=", 1) for pair in sys.argv[2:])) as registry:
        print(registry.url, f"tree {registry.root}", f"user {registry.user}", f"ca {registry.ca}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            registry.print_logs()


if __name__ == "__main__":
    main()
