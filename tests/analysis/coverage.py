# SPDX-License-Identifier: MIT
"""coverage.py SOURCES BUILD LEAST: adds up what gcov knows of src/ and fcgi/, by file and in all.

A file is compiled into several programs; a line counts as run when any of them ran it. Exit code 1 below LEAST per cent.
"""

import collections
import json
import subprocess
import sys
from pathlib import Path

OURS = ("src", "fcgi")


def reports(build):
    """What gcov says of each object file that has run, and of those that never did."""
    notes = [str(path) for path in sorted(build.rglob("*.gcno"))]
    for start in range(0, len(notes), 50):
        done = subprocess.run(["gcov", "--json-format", "--stdout", *notes[start:start + 50]], cwd=build, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in done.stdout.splitlines():
            yield json.loads(line)


def lines_run(sources, build):
    """{file: {line: whether it was run}}"""
    files = collections.defaultdict(dict)
    for report in reports(build):
        for part in report["files"]:
            path = Path(report["current_working_directory"], part["file"]).resolve()
            if not path.is_relative_to(sources) or path.relative_to(sources).parts[0] not in OURS:
                continue
            known = files[str(path.relative_to(sources))]
            for line in part["lines"]:
                number = line["line_number"]
                known[number] = known.get(number, False) or line["count"] > 0
    return files


def show(name, lines):
    run = sum(lines)
    print(f"{name:42} {run:6} of {len(lines):6} {100 * run / len(lines):6.1f} %")


def main():
    sources, build, least = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), float(sys.argv[3])
    files = lines_run(sources, build)
    everything = [run for lines in files.values() for run in lines.values()]
    if not everything:
        sys.exit("coverage: gcov knows nothing of this build")
    for name in sorted(files):
        missing = [str(number) for number, run in sorted(files[name].items()) if not run]
        show(name, list(files[name].values()))
        if missing:
            print("    not run:", ", ".join(missing))
    show("TOTAL", everything)
    return 0 if 100 * sum(everything) / len(everything) >= least else 1


if __name__ == "__main__":
    sys.exit(main())
