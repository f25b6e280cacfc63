# SPDX-License-Identifier: MIT
"""Records the scripts and has the states judged that a power cut may leave."""

import multiprocessing
import os
import random
import shutil
import tempfile
from collections import namedtuple
from pathlib import Path

from judge import Judge
from model import MODELS, Cut, History
from oracle import TREE
from record import build_preload
from scripts import NEEDS_A_JOURNAL, SCRIPTS, World, scan

SHOWN = 5


def place():
    """Memory rather than a disk: it is written to all the time."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def perform(name, programs, library, directory, seed):
    """Runs a script; the world with the record. Fails when the record does not make the tree that is there."""
    directory = Path(directory) / name
    directory.mkdir()
    world = World(programs, library, directory, seed)
    world.name = name
    SCRIPTS[name](world)
    world.facts = world.oracle()
    world.history = History(world.lines, world.snapshot, world.inodes)
    real, replayed = scan(world.recorder.root)[0], world.history.final_tree()
    if real != replayed:
        raise RuntimeError(f"{name}: the record does not tell of {sorted(set(real.items()) ^ set(replayed.items()))}")
    return world


def states(world, history, model, seed, samples=6, lines=None):
    """(cut, what is chosen, tree) without end to the repetitions; the cruellest of each cut first."""
    dice = random.Random(f"{seed} {model}")
    cuts = [Cut(history, model, line, dice) for line in (lines or range(len(world.lines) + 1))]
    first, rest = [], []
    for cut in cuts:
        for i, (moment, chosen) in enumerate(cut.states(samples)):
            (first if i == 0 else rest).append((cut, moment, chosen))
    dice.shuffle(first)
    dice.shuffle(rest)
    for cut, moment, chosen in first + rest:
        yield cut.line, (moment, chosen), cut.tree(moment, chosen)


def judge_states(judge, world, history, model, wanted, seed, done=0, keep=None, lines=None, enough=None):
    """Judges `wanted` states that differ, behind the first `done`; (how many, the violations).

    Stops at `enough` states with violations.
    """
    seen, violations = set(), []
    for line, chosen, tree in states(world, history, model, seed, lines=lines):
        expected = world.facts.expect(line)
        key = hash((frozenset(tree.items()), frozenset(expected.items())))
        if key in seen:
            continue
        if len(seen) == done + wanted:
            break
        seen.add(key)
        if len(seen) <= done:
            continue
        found = judge.judge(tree, expected, world.facts.leases(line, world.lines), world)
        if found:
            violations.append((model, line, chosen, found))
            if keep and len(violations) <= SHOWN:
                keep_state(keep, world, model, len(violations), line, chosen, tree, found)
            if len(violations) == enough:
                break
    return len(seen) - done, violations


def keep_state(keep, world, model, number, line, chosen, tree, found):
    directory = Path(keep) / f"{world.name}-{model}-{number}"
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "root").mkdir(parents=True)
    for path, (data, mtime) in sorted(tree.items()):
        target = directory / "root" / path
        target.mkdir() if data is None else target.write_bytes(data)
        os.utime(target, ns=(mtime, mtime))
    before = "\n".join(f"{'>' if i == line else ' '} {i} {x}" for i, x in enumerate(world.lines))
    (directory / "about").write_text("\n".join([f"{world.name}, {model}, cut before line {line}: {chosen}", *found,
                                                before, ""]))


# --- the campaign ---

Result = namedtuple("Result", "name model count violations begun_again")


class Campaign:
    """The recorded scripts, and a judge for each process that takes part."""

    def __init__(self, programs, directory, seed, names, keep=None):
        self.programs, self.directory, self.seed, self.keep = programs, Path(directory), seed, keep
        library = build_preload(directory)
        self.worlds = {name: perform(name, programs, library, directory, seed) for name in names}

    def judge(self):
        return Judge(self.programs, tempfile.mkdtemp(dir=self.directory, prefix="judge-"))

    def run_one(self, task):
        """Judges the `wanted` states behind those `done` before, which come in the same order each time."""
        name, model, wanted, done = task
        world = self.worlds[name]
        with self.judge() as judge:
            count, violations = judge_states(judge, world, world.history, model, wanted, self.seed, done=done,
                                             keep=self.keep)
            return Result(name, model, count, violations, judge.begun_again)

    def run(self, models, wanted, jobs):
        """Yields a Result for each script and model, some more for those that have more states than others.

        There are `wanted` states in all, fewer when there are no more.
        """
        done = {(name, model): 0 for model in models for name in self.worlds
                if model != "strict" or name not in NEEDS_A_JOURNAL}
        while done and wanted > 0:
            each = -(-wanted // len(done))
            for result in self.spread(self.run_one, [(*task, each, n) for task, n in done.items()], jobs):
                yield result
                wanted -= result.count
                done[result.name, result.model] += result.count
                if result.count < each:
                    del done[result.name, result.model]

    def judge_without(self, task):
        """Judges a script as if the fsync at `line` had not been made; the model and the violation it led to, or None.

        First the moments when something has been acknowledged since.
        """
        name, line, budget = task
        world = self.worlds[name]
        later = [r.answered + 1 for r in world.facts.requests if r.answered > line]
        without = History(world.lines, world.snapshot, world.inodes, without={line})
        with self.judge() as judge:
            for lines in (later[:1], later, range(line, len(world.lines) + 1)):
                for model in MODELS:
                    _, violations = judge_states(judge, world, without, model, budget, self.seed, lines=lines,
                                                 enough=1)
                    if violations:
                        return line, model, violations[0]
        return line, None, None

    def spread(self, work, tasks, jobs):
        """By so many processes; a single one is this, and none is forked, as who has threads should not be."""
        if jobs == 1:
            yield from map(work, tasks)
            return
        global at_work
        at_work = work
        with multiprocessing.get_context("fork").Pool(jobs) as pool:
            yield from pool.imap(call_work, tasks, chunksize=1)


def call_work(task):
    return at_work(task)


# --- without an fsync ---

Sync = namedtuple("Sync", "line path request model violation covered")


def judge_without_each(campaign, name, budget, jobs):
    """A Sync for each fsync of a script: what it led to not to make it, or why it may be left out.

    `covered` says so of one whose directory is synced again before the answer that counts on it.
    """
    world = campaign.worlds[name]
    syncs = [i for i, line in enumerate(world.lines) if line.kind == "F"]
    results = campaign.spread(campaign.judge_without, [(name, i, budget) for i in syncs], jobs)
    for line, model, violation in results:
        inode = world.lines[line].inode
        request = next(r for r in world.facts.requests if r.process == world.lines[line].process)
        covered = any(x.kind == "F" and x.inode == inode for x in world.lines[line + 1:])
        yield Sync(line, world.history.describe(inode, line), request, model, violation, covered)


def why_not_needed(sync):
    """Why nothing was broken without it; None when there is no good reason."""
    if sync.path.startswith(f"{TREE}/_berth"):
        return "holds locks and temporary files only"
    return "synced again before something in it is acknowledged" if sync.covered else None


# --- in another order ---

def deeds(world, request):
    """[(first line, line behind the last, path)] of what a request put into place, in its order.

    Each begins behind the one before and ends with the fsync that follows its rename.
    """
    found, begin, target = [], request.begin, None
    for i in range(request.begin, request.answered):
        line = world.lines[i]
        if line.kind == "R" and "/_berth/" not in (path := world.history.describe(line.inode, i + 1)):
            target = path
        if line.kind == "F" and target:
            found.append((begin, i + 1, target))
            begin, target = i + 1, None
    return found


def swapped(world, first, second):
    """The record as if deed `second` had been done before deed `first`."""
    lines = world.lines
    return lines[:first[0]] + lines[second[0]:second[1]] + lines[first[1]:second[0]] + lines[first[0]:first[1]] + \
        lines[second[1]:]
