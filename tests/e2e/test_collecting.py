# SPDX-License-Identifier: MIT
"""The torture of the collector in small (`make collecting` is the whole campaign): nothing acknowledged is lost, and then
just the live set is left."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FAULT = Path(__file__).resolve().parents[1] / "fault"


def run(*arguments):
    """What it printed, as {name: number} and as text; the campaign has to succeed."""
    done = subprocess.run([sys.executable, FAULT / "collecting.py", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    return {name: int(count) for count, name in re.findall(r"^ *(\d+) (.+)$", done.stdout, re.M)}


@pytest.mark.parametrize("server", ["nginx", "apache", "apache-fcgid"])
def test_nothing_is_lost_and_nothing_left_over_under_a_collector_that_is_killed_and_stopped(server):
    figures = run("--server", server, "--seconds", 15, "--cycles", 8, "--grace", 2)
    # Or nothing was shown: of each way to a promise some were made and kept, and the collector had work.
    for name in ("promises of PUT kept", "promises of HEAD kept", "promises of mount kept", "files retired", "images pulled"):
        assert figures[name] > 0, name


@pytest.mark.slow
@pytest.mark.parametrize("server", ["nginx", "apache", "apache-fcgid"])
def test_nothing_is_lost_in_a_hundred_collections(server):
    run("--server", server, "--cycles", 100)
