# SPDX-License-Identifier: MIT
"""`make mutants` runs what this only looks at: each mutant still fits the source."""

import subprocess
import sys
from pathlib import Path

FAULT = Path(__file__).resolve().parents[1] / "fault"


def test_every_mutant_fits_the_source():
    done = subprocess.run([sys.executable, FAULT / "mutants.py", "--list"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
