# SPDX-License-Identifier: MIT
"""The collector of the campaign, once a second, and what kills and stops it and the programs."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import threading
import traceback

from collecting_ledger import now
from stack import as_user, is_busy

#: What `berth gc` may end with.
ENDS = {0: "done", 3: "that left something", 4: "left to another"}


class Signals:
    """The log of what was killed and stopped, in words that a violation is explained with."""

    def __init__(self, ledger):
        self.ledger, self.lock = ledger, threading.Lock()
        self.log = open(ledger.directory / "signals.log", "a")

    def tell(self, whom, pid, number, seconds=0):
        with self.lock:
            self.log.write(json.dumps({"t": self.ledger.since(now()), "signal": signal.Signals(number).name, "whom": whom,
                                       "pid": pid, "seconds": round(seconds, 2)}) + "\n")
            self.log.flush()
        if number != signal.SIGCONT:
            self.ledger.count(f"{signal.Signals(number).name} to {whom}")


def some_stop(rng, mix, grace):
    """Seconds."""
    return rng.random() * rng.choice(mix.stops) * grace


class Collector(threading.Thread):
    """`berth gc` again and again, `period` seconds from one beginning to the next. What it says is in gc.log, each line with
    the second it was said. Until `end` some runs are killed or stopped on their way."""

    def __init__(self, stack, ledger, signals, seed, mix, period=1):
        super().__init__(name="collector", daemon=True)
        self.stack, self.ledger, self.signals, self.period, self.mix = stack, ledger, signals, period, mix
        self.killed, self.stopped = mix.killed, mix.stopped
        self.rng = random.Random(f"{seed}/collector")
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.took = 0.05  # seconds of a run, about
        self.runs = 0
        self.log = open(ledger.directory / "gc.log", "a")

    def run(self):
        try:
            self.go_on()
        except Exception:
            self.ledger.violation(f"the collector's thread failed: {traceback.format_exc()}")

    def go_on(self):
        while not self.stop.is_set():
            begin = now()
            words = self.rng.choices(([], ["--dry-run"], ["--empty-trash"]), (90, 5, 5))[0]
            other = threading.Thread(target=self.collect) if self.rng.random() < 0.05 else None
            if other:
                other.start()
            self.collect(*words)
            if other:
                other.join()
            self.stop.wait(max(0, self.period - (now() - begin)))

    def end(self):
        self.stop.set()
        self.join()
        self.killed = self.stopped = 0

    def collect(self, *words):
        """One run. Returns (exit code, what it said)."""
        begin, said = now(), []
        argv = [self.stack.berth.programs / "berth", "gc", "-c", self.stack.berth.config, "--json", "--verbose",
                *self.mix.gc, *words]
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, **as_user(self.stack.berth.owner))
        hurt = self.begin_hurt(child)
        for line in child.stdout:
            said.append(line)
            self.write(child.pid, line)
        code = child.wait()
        number, held = hurt() if hurt else (None, 0)
        self.write(child.pid, json.dumps({"run": list(words), "began": self.ledger.since(begin), "ended": code}))
        if code == 0:
            self.took = 0.8 * self.took + 0.2 * max(0, now() - begin - held)
        self.judge(code, number == signal.SIGKILL, "".join(said))
        return code, "".join(said)

    def write(self, pid, line):
        with self.lock:
            self.log.write(f"{self.ledger.since(now())} [{pid}] {line.rstrip()}\n")
            self.log.flush()

    # --- what is done to a run ---

    def begin_hurt(self, child):
        """None, or what to call when the run has ended: that returns the signal it got, or None, and for how long it slept."""
        luck = self.rng.random()
        if luck >= self.killed + self.stopped:
            return None
        number = signal.SIGKILL if luck < self.killed else signal.SIGSTOP
        delay, seconds, sent = self.rng.uniform(0, self.took), some_stop(self.rng, self.mix, self.ledger.grace), []
        thread = threading.Thread(target=self.hurt, args=(child, number, delay, seconds, sent))
        thread.start()

        def end():
            thread.join()
            return sent[0] if sent else (None, 0)
        return end

    def hurt(self, child, number, delay, seconds, sent):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(delay)
            return
        child.send_signal(number)
        sent.append((number, seconds if number == signal.SIGSTOP else 0))
        self.signals.tell("gc", child.pid, number, seconds)
        if number == signal.SIGSTOP:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(seconds)
            child.send_signal(signal.SIGCONT)
            self.signals.tell("gc", child.pid, signal.SIGCONT)

    # --- what becomes of it ---

    def judge(self, code, was_killed, said):
        self.runs += 1
        if code in ENDS:
            self.ledger.count(f"collections {ENDS[code]}")
        elif was_killed and code == -signal.SIGKILL:
            self.ledger.count("collections killed")
        else:
            self.ledger.violation(f"berth gc ended with {code}", said=said[-2000:])
        figures = summary(said)
        if not figures.get("dry_run"):
            for name in ("retired", "restored"):
                self.ledger.count(f"files {name}", figures.get(name, 0))
        for text in figures.get("unreadable", ()):
            self.judge_complaint(text)

    def judge_complaint(self, text):
        """Nothing in the tree is damaged, and who keeps to the protocol needs nothing from the trash. But a push may be held
        up for longer than leases last; then it is refused, and leaves a manifest that nobody was promised. And a client
        may delete the link of a blob that another pushes a manifest for: an older link in the trash looks needed then."""
        path = re.match(r"(?:repositories/(.+)/_(?:layers|manifests/revisions)|blobs)/(\w+)/(?:../)?(\w+)/(?:link|data): was in "
                        r"the trash", text)
        digest = path and f"{path[2]}:{path[3]}"
        if path and self.ledger.was_held_up(path[1], digest):
            self.ledger.count("files restored for a push that was held up")
        elif path and path[1] and self.ledger.was_deleted(path[1], digest, 0):
            self.ledger.count("links restored that clients had deleted")
        else:
            self.ledger.violation(f"the collector complains: {text}", *re.findall("[0-9a-f]{64}", text))


def summary(said):
    """The object at the end of what a run said, or nothing of one that came to no end."""
    for line in reversed(said.splitlines()):
        with contextlib.suppress(ValueError):
            last = json.loads(line)
            return last if "retired" in last else {}
    return {}


class Hurter(threading.Thread):
    """SIGKILL and SIGSTOP to workers. Whoever was stopped goes on after a while."""

    def __init__(self, stack, ledger, signals, seed, mix, interval):
        super().__init__(name="hurter", daemon=True)
        self.stack, self.ledger, self.signals, self.mix, self.interval = stack, ledger, signals, mix, interval
        self.rng = random.Random(f"{seed}/hurter")
        self.stop = threading.Event()
        self.stopped = []  # (when to go on, program, pid)

    def run(self):
        due = now()
        while not self.stop.wait(0.02):
            self.wake(now())
            if now() >= due:
                self.strike(self.rng.choice(self.mix.hurt), self.rng.choice((signal.SIGKILL, signal.SIGSTOP)))
                due = now() + self.rng.uniform(0, 2 * self.interval)
        self.wake(float("inf"))

    def end(self):
        self.stop.set()
        self.join()

    def strike(self, program, number):
        stopped = [pid for _, p, pid in self.stopped if p == program]
        workers = [pid for pid in self.stack.workers(program) if pid not in stopped]
        # Most of them go on, or there would be nothing to see.
        if not workers or (number == signal.SIGSTOP and len(stopped) > 1):
            return
        busy = [pid for pid in workers if is_busy(pid)]
        pid = self.rng.choice(busy if busy and self.rng.random() < 0.7 else workers)
        seconds = some_stop(self.rng, self.mix, self.ledger.grace) if number == signal.SIGSTOP else 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            self.signals.tell(program, pid, number, seconds)
            if number == signal.SIGSTOP:
                self.stopped.append((now() + seconds, program, pid))

    def wake(self, moment):
        for one in [s for s in self.stopped if s[0] <= moment]:
            self.stopped.remove(one)
            with contextlib.suppress(ProcessLookupError):
                os.kill(one[2], signal.SIGCONT)
            self.signals.tell(one[1], one[2], signal.SIGCONT)
