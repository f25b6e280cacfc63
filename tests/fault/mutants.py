#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutants: takes one promise-keeping step after the other out of the source (mutants.txt) and demands that a test fails.

    make mutants MUTANTS_ARGS="--only lease"

Builds in a copy of the tree. Exit code 1 when a mutant survives, or does not fit the source any more.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
FAILED = re.compile(r"\[FAIL\] (?:\x1b\[[0-9;]*m)*(\w+::\w+)")
SECONDS = 600


class Mutant:
    def __init__(self, title):
        self.title, self.file, self.tests, self.hunks = title, None, [], []

    def apply(self, text):
        """The changed source. ValueError unless every piece is there just once."""
        for old, new in self.hunks:
            old, new = ("".join(line + "\n" for line in lines) for lines in (old, new))
            found = ("\n" + text).count("\n" + old)
            if found != 1:
                raise ValueError(f"{self.file} has {found} times\n{old}")
            text = ("\n" + text).replace("\n" + old, "\n" + new)[1:]
        return text


def read_mutants(path):
    mutants = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("= "):
            mutants.append(Mutant(line[2:]))
        elif line.startswith("file "):
            mutants[-1].file = line[5:]
        elif line.startswith("tests "):
            mutants[-1].tests = line[6:].split()
        elif line.startswith("-"):
            if not mutants[-1].hunks or mutants[-1].hunks[-1][1]:
                mutants[-1].hunks.append(([], []))
            mutants[-1].hunks[-1][0].append(line[1:])
        elif line.startswith("+"):
            mutants[-1].hunks[-1][1].append(line[1:])
        elif line and not line.startswith("#"):
            raise SystemExit(f"{path.name}:{number}: what is this?")
    for mutant in mutants:
        if not (mutant.file and mutant.tests and mutant.hunks and all(new for _, new in mutant.hunks)):
            raise SystemExit(f"{path.name}: '{mutant.title}' is not complete")
    return mutants


class Tree:
    """A copy of the source with a build in it."""

    def __init__(self, directory):
        self.source, self.build, self.scratch = (directory / name for name in ("source", "build", "scratch"))
        self.scratch.mkdir()
        shutil.copytree(SOURCE, self.source, symlinks=True,
                        ignore=shutil.ignore_patterns("build", ".git", "autom4te.cache", "__pycache__"))
        if not (self.source / "configure").exists():
            self.run(["autoreconf", "-i"], self.source)
        self.build.mkdir()
        compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
        self.run([self.source / "configure", f"CC={compiler}", "CFLAGS=-O0"], self.build)

    @staticmethod
    def run(argv, where):
        done = subprocess.run([str(a) for a in argv], cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]} failed:\n{done.stdout[-3000:]}")

    def failures(self, program):
        """Tests of a program that fail; an empty list when all is well. The sweeps over all faults take long: they come
        last."""
        if program == "powercut":
            return self.cut_power()
        self.run(["make", "-s", f"-j{os.cpu_count()}", *(["tests/echo"] if program == "fcgi" else []),
                  f"tests/unit_{program}"], self.build)
        return self.run_tests(program, "--filter", "!(fault*)/*") or self.run_tests(program, "--fail-fast")

    def run_tests(self, program, *options):
        try:
            done = subprocess.run([f"tests/unit_{program}", "--color=never", *options], cwd=self.build,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  errors="replace", timeout=SECONDS,
                                  env={**os.environ, "srcdir": str(self.source), "TMPDIR": str(self.scratch)})
        except subprocess.TimeoutExpired:
            return ["(it hangs)"]
        found = sorted(set(FAILED.findall(done.stdout)))
        return found or (["(it crashed)"] if done.returncode != 0 else [])

    def cut_power(self):
        """The same of simulated power cuts: the scripts in whose states a promise was broken."""
        self.run(["make", "-s", f"-j{os.cpu_count()}", "all"], self.build)
        done = subprocess.run([sys.executable, self.source / "tests/fault/powercut/powercut.py", "--programs", "fcgi",
                               "--states", "4000", "--seed", "1", "--keep", self.scratch / "states"], cwd=self.build,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
        found = re.findall(r"^(\w+ +\w+) +\d+ states, [1-9]", done.stdout, re.M)
        return [" ".join(f.split()) for f in found] or (["(powercut failed)"] if done.returncode else [])

    def judge(self, mutant):
        """(verdict, what tells it): verdict is killed or survived."""
        path = self.source / mutant.file
        before = path.read_text()
        path.write_text(mutant.apply(before))
        try:
            for program in mutant.tests:
                found = self.failures(program)
                if found:
                    return "killed", f"{found[0]}" + (f" and {len(found) - 1} more" if len(found) > 1 else "")
            return "survived", "no test of " + ", ".join(mutant.tests) + " fails"
        finally:
            path.write_text(before)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="mutants with these words in their title or file")
    parser.add_argument("--list", action="store_true", help="only see whether all of them fit the source")
    return parser.parse_args()


def place():
    """Memory where there is some: the tests write and sync a lot."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def check_fit(mutants):
    """Those that do not fit the source, one sentence each."""
    found = []
    for mutant in mutants:
        try:
            mutant.apply((SOURCE / mutant.file).read_text())
        except (OSError, ValueError) as problem:
            found.append(f"'{mutant.title}' does not fit: {problem}")
    return found


def main():
    options = parse_arguments()
    mutants = read_mutants(HERE / "mutants.txt")
    if options.only:
        mutants = [m for m in mutants if options.only in f"{m.title} {m.file}"]
    misfits = check_fit(mutants)
    if misfits or options.list:
        print("\n".join(misfits) or f"{len(mutants)} mutants fit")
        return 1 if misfits or not mutants else 0
    counts = {"killed": 0, "survived": 0}
    with tempfile.TemporaryDirectory(prefix="berth-mutants-", dir=place()) as directory:
        tree = Tree(Path(directory))
        for program in sorted({t for m in mutants for t in m.tests}):
            found = tree.failures(program)
            if found:
                raise SystemExit(f"unit_{program} fails without any mutant: {', '.join(found)}")
        for mutant in mutants:
            verdict, why = tree.judge(mutant)
            counts[verdict] += 1
            print(f"{verdict:9} {mutant.title}: {why}", flush=True)
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    return 1 if counts["survived"] or not counts["killed"] else 0


if __name__ == "__main__":
    sys.exit(main())
