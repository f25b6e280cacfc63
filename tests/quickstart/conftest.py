# SPDX-License-Identifier: MIT
"""A copy of the checkout in an awkward place, built once."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from quickstart_checkout import TOP, Checkout, free_port, source_files


@pytest.fixture(scope="session")
def built():
    """One copy, built once: its path has spaces, and is far longer than the
    108 bytes a unix socket may have. Reachable by every user."""
    if os.geteuid() != 0:
        pytest.skip("quickstart needs root")
    base = pathlib.Path(tempfile.mkdtemp(prefix="berth-quickstart-test.", dir="/var/tmp"))
    base.chmod(0o755)
    top = base / ("a rather long name " * 5).strip() / "with $ 'signs'" / "berth"
    for name in source_files():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / name, top / name)
    checkout = Checkout(top)
    subprocess.run("git init -q . && git add -A", shell=True, cwd=top, check=True)
    try:
        checkout.up()
        yield checkout
    finally:
        checkout.run("stop")
        shutil.rmtree(base)


@pytest.fixture
def checkout(built):
    """Nothing runs before the test, nothing after it."""
    built.run("stop")
    built.port = free_port()
    yield built
    built.run("stop")
