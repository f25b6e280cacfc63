#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The campaign of tests/fault/reloads.py on a machine with systemd: systemctl reload berth.target, through its nginx.

    reload_machine.py LEADER PORT RELOADS

LEADER is the process id, out here, of the machine's systemd.
"""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fault"))

import reloads  # noqa: E402
from harness.process import wait_for  # noqa: E402


class SystemdBerth:
    """The pools of a machine whose systemd is process `leader` out here."""

    def __init__(self, leader):
        self.leader = leader

    def run(self, *argv):
        done = subprocess.run(["nsenter", "-t", self.leader, "-m", "-u", "-i", "-p", "-n", "-r", "-w", "--", *argv],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{argv}: {done.stdout}{done.stderr}")
        return done.stdout

    def workers(self):
        """{pool: its processes, as the machine numbers them, without the master}"""
        script = """for pool in %s; do
            echo $pool $(systemctl show -P MainPID berth@$pool.service) \
                $(find /sys/fs/cgroup -path "*/berth@$pool.service/cgroup.procs" -exec cat {} +)
        done""" % " ".join(reloads.ROUTES)
        lines = (line.split() for line in self.run("sh", "-c", script).splitlines())
        return {pool: set(pids) - {master} for pool, master, *pids in lines}

    def reload(self):
        before = self.workers()
        self.run("systemctl", "reload", "berth.target")

        def replaced():
            now = self.workers()
            return all(len(now[p] - before[p]) == int(reloads.WORKERS[p][1]) for p in before if before[p])
        wait_for(replaced, "new workers of all pools")

    def settle(self):
        """In the end no worker of before is left, nor a zombie."""
        wait_for(lambda: all(len(w) in (0, int(reloads.WORKERS[p][1])) for p, w in self.workers().items()),
                 "old workers to end", 60)


def main():
    leader, port, count = sys.argv[1:]
    berth = SystemdBerth(leader)
    stack = SimpleNamespace(berth=berth, web=SimpleNamespace(port=int(port)))
    options = SimpleNamespace(reloads=int(count), pause=0.1, seed=3)
    fine = reloads.run_clients(stack, options, "systemd")
    berth.settle()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
