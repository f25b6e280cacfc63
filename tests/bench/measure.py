# SPDX-License-Identifier: MIT
"""Taking times and CPU seconds, side by side, and what the figures are held against."""

import dataclasses
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def family(*pids):
    """These processes and all their descendants, the living ones."""
    found, ahead = [], list(pids)
    while ahead:
        pid = ahead.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                ahead += map(int, children.read_text().split())
            except OSError:
                pass   # a thread that has just ended
    return found


def cpu_seconds(*pids):
    """CPU time of these processes and all their descendants, also of those that have ended and were waited for."""
    ticks = 0
    for pid in family(*pids):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))   # utime, stime, cutime, cstime
    return ticks / TICK


def pss_kib(*pids):
    """{pid: proportional set size in KiB} of these processes and all their descendants."""
    sizes = {}
    for pid in family(*pids):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        sizes[pid] = int(re.search(r"^Pss: +(\d+)", text, re.M)[1])
    return sizes


def run(*argv, **kwargs):
    """Run a command and return what it prints; a failure shows what it complained of."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def run_json(*argv, **kwargs):
    return json.loads(run(*argv, **kwargs))


class Watch:
    """Wall clock and the CPU time of server processes over a with block, as `wall` and `cpu`, in seconds."""

    def __init__(self, pids):
        self.pids = pids

    def __enter__(self):
        self.cpu_before, self.before = cpu_seconds(*self.pids), time.monotonic()
        return self

    def __exit__(self, *_):
        self.wall = time.monotonic() - self.before
        self.cpu = cpu_seconds(*self.pids) - self.cpu_before


def fsync_ms(directory, count=20):
    """The median cost of making a small file durable."""
    times, path = [], directory / "fsync"
    for _ in range(count):
        with open(path, "wb") as out:
            out.write(bytes(4 * KIB))
            before = time.monotonic()
            out.flush()
            os.fsync(out.fileno())
            times.append((time.monotonic() - before) * 1000)
        path.unlink()
    return statistics.median(times)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Samples:
    """Figures of several ways to do the same work, each taken once in every round."""

    def __init__(self):
        self.rounds = []

    def median(self, way, figure):
        return statistics.median(r[way][figure] for r in self.rounds)

    def ratio(self, way, other, figure):
        """The median of the ratios within each round: what troubles the machine for a while troubles both."""
        ratios = [r[way][figure] / r[other][figure] for r in self.rounds if r[other][figure] > 0]
        return statistics.median(ratios) if ratios else float("nan")


def interleave(title, rounds, ways):
    """Do each of `ways` ({name: function that returns {figure: number}}) once a round, in an order that rotates."""
    samples, names = Samples(), list(ways)
    for number in range(rounds):
        say(f"{title}: round {number + 1} of {rounds}")
        order = names[number % len(names):] + names[:number % len(names)]
        samples.rounds.append({name: ways[name]() for name in order})
    return samples


@dataclasses.dataclass
class Row:
    """One line of the table: a value, held against a goal that begins with <= or >=, or against none."""

    work: str
    figure: str     # ours, with its unit
    beside: str     # what it is compared with, or nothing
    value: float    # what the goal is about: a ratio, or the figure itself
    goal: str

    @property
    def met(self):
        if not self.goal:
            return True
        sense, bound = self.goal.split()[:2]
        return self.value <= float(bound) if sense == "<=" else self.value >= float(bound)

    def cells(self):
        verdict = "" if not self.goal else "met" if self.met else "MISSED"
        return self.work, self.figure, self.beside, f"{self.value:.3g}", self.goal, verdict


def table(rows):
    cells = [("work", "berth", "beside", "value", "goal", ""), *(r.cells() for r in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in cells)
