#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutants: takes one promise-keeping step after the other out of the source (mutants.txt) and demands that the test which
is there for it fails.

    make mutants MUTANTS_ARGS="--only lease"

With --collecting, it is the campaign of collecting.py that has to fail, for those mutants that say how.
Builds in a copy of the tree. Exit code 1 when a mutant survives, or does not fit the source any more.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
FAILED = re.compile(r"\[FAIL\] (?:\x1b\[[0-9;]*m)*(\w+::\w+)")
SECONDS = 600
TORTURE_SECONDS = 90


class Mutant:
    def __init__(self, title):
        self.title, self.file, self.program, self.test, self.hunks = title, None, None, None, []
        self.mix = None  # of the collecting campaign that finds it

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
        elif line.startswith("by collecting "):
            mutants[-1].mix = line.split()[2]
        elif line.startswith("by "):
            mutants[-1].program, mutants[-1].test = (*line.split(), None)[1:3]
        elif line.startswith("-"):
            if not mutants[-1].hunks or mutants[-1].hunks[-1][1]:
                mutants[-1].hunks.append(([], []))
            mutants[-1].hunks[-1][0].append(line[1:])
        elif line.startswith("+"):
            mutants[-1].hunks[-1][1].append(line[1:])
        elif line and not line.startswith("#"):
            raise SystemExit(f"{path.name}:{number}: what is this?")
    for mutant in mutants:
        named = mutant.program == "powercut" or mutant.test
        if not (mutant.file and named and mutant.hunks and all(new for _, new in mutant.hunks)):
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
        # Paths relative to here, so that the cache knows a file again in the next directory.
        os.environ["CCACHE_BASEDIR"] = str(directory)
        compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
        self.run([self.source / "configure", f"CC={compiler}", "CFLAGS=-O0"], self.build)

    @staticmethod
    def run(argv, where):
        done = subprocess.run([str(a) for a in argv], cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]} failed:\n{done.stdout[-3000:]}")

    def failures(self, program, tests=None):
        """Tests of a program that fail, of these or of all; an empty list when all is well. Of all, the sweeps over all
        faults come last: they take long."""
        if program == "powercut":
            return self.cut_power()
        self.run(["make", "-s", f"-j{os.cpu_count()}", *(["tests/echo"] if program == "fcgi" else []),
                  f"tests/unit_{program}"], self.build)
        if tests:
            return self.run_tests(program, "--filter", f"@({'|'.join(sorted(tests))})")
        return self.run_tests(program, "--filter", "!(fault*)/*") or self.run_tests(program)

    def run_tests(self, program, *options):
        # Most tests wait for the disk or for each other, hence the number of jobs.
        try:
            done = subprocess.run([f"tests/unit_{program}", "--color=never", "-j8", *options], cwd=self.build,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  errors="replace", timeout=SECONDS,
                                  env={**os.environ, "srcdir": str(self.source), "TMPDIR": str(self.scratch)})
        except subprocess.TimeoutExpired:
            return ["(it hangs)"]
        if "Tested: 0 " in done.stdout:
            raise SystemExit(f"unit_{program} has no test {' '.join(options)}")
        found = sorted(set(FAILED.findall(done.stdout)))
        return found or (["(it crashed)"] if done.returncode != 0 else [])

    def cut_power(self):
        """The same of simulated power cuts: model and script in whose states a promise was broken. The first push is
        enough, where anything is kept that was not synced."""
        self.run(["make", "-s", f"-j{os.cpu_count()}", "all"], self.build)
        done = subprocess.run([sys.executable, self.source / "tests/fault/powercut/powercut.py", "--programs", "fcgi",
                               "--scripts", "first_push", "--models", "strict", "--states", "60", "--seed", "1",
                               "--keep", self.scratch / "states"], cwd=self.build, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS)
        found = re.findall(r"^(\w+ +\w+) +\d+ states, [1-9]", done.stdout, re.M)
        if done.returncode != 0 and not found:
            raise RuntimeError(f"powercut failed:\n{done.stdout[-3000:]}")
        return [" ".join(f.split()) for f in found]

    def torture(self, mix, seconds=TORTURE_SECONDS):
        """The same of the collecting campaign: what it calls the first violation, and after how long."""
        self.run(["make", "-s", f"-j{os.cpu_count()}", "all"], self.build)
        done = subprocess.run([sys.executable, self.source / "tests/fault/collecting.py", "--mix", mix, "--first",
                               "--seconds", str(seconds), "--seed", "1"], cwd=self.build, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "BERTH_BUILD": str(self.build)})
        found = re.findall(r"^VIOLATION (.{0,120})", done.stdout, re.M)[:1]
        took = re.findall(r"^(\d+ s), \d+ violations$", done.stdout, re.M)
        if not took or bool(found) != (done.returncode == 1):
            raise RuntimeError(f"collecting failed:\n{done.stdout[-3000:]}")
        return found + took if found else []

    @contextlib.contextmanager
    def changed(self, mutant):
        path = self.source / mutant.file
        before = path.read_text()
        path.write_text(mutant.apply(before))
        try:
            yield
        finally:
            path.write_text(before)

    def judge(self, mutant, options):
        """The tests that fail with this mutant: the one named, or of the whole program, or the campaign."""
        with self.changed(mutant):
            if options.collecting:
                return self.torture(mutant.mix)
            return self.failures(mutant.program, None if options.whole else [mutant.test])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="mutants with these words in their title or file; may be repeated")
    parser.add_argument("--list", action="store_true", help="only see whether all of them fit the source")
    parser.add_argument("--whole", action="store_true", help="run all tests of a program, and name those that fail")
    parser.add_argument("--collecting", action="store_true", help="run the collecting campaign instead of tests")
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


def check_without(tree, mutants, options):
    """A test that fails anyway tells nothing. That no power cut breaks the source as it is, is a test of tests/e2e."""
    if options.collecting:
        for mix in sorted({m.mix for m in mutants}):
            found = tree.torture(mix)
            if found:
                raise SystemExit(f"collecting {mix} fails without any mutant: {', '.join(found)}")
            print(f"clean     collecting {mix} without any mutant, {TORTURE_SECONDS} s", flush=True)
        return
    for program in sorted({m.program for m in mutants} - {"powercut"}):
        found = tree.failures(program, None if options.whole else {m.test for m in mutants if m.program == program})
        if found:
            raise SystemExit(f"{program} fails without any mutant: {', '.join(found)}")


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = parse_arguments()
    mutants = read_mutants(HERE / "mutants.txt")
    if options.only:
        mutants = [m for m in mutants if any(words in f"{m.title} {m.file}" for words in options.only)]
    if options.collecting:
        mutants = [m for m in mutants if m.mix]
    misfits = check_fit(mutants)
    if misfits or options.list:
        print("\n".join(misfits) or f"{len(mutants)} mutants fit")
        return 1 if misfits or not mutants else 0
    with tempfile.TemporaryDirectory(prefix="berth-mutants-", dir=place()) as directory:
        tree = Tree(Path(directory))
        check_without(tree, mutants, options)
        survived = 0
        for mutant in mutants:
            found = tree.judge(mutant, options)
            survived += not found
            by = f"collecting {mutant.mix}:" if options.collecting else mutant.program
            print(f"{'killed  ' if found else 'SURVIVED'}  {mutant.title}: {by} {', '.join(found) or mutant.test}", flush=True)
    print(f"{len(mutants) - survived} killed, {survived} survived")
    return 1 if survived or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
