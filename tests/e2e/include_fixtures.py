# SPDX-License-Identifier: MIT
"""Fixtures of the test_include_*.py: stand-ins for the programs on their sockets, and a tree with one blob."""

import shutil
import tempfile
from pathlib import Path

import pytest

from fcgi_echo import Echo
from include_cases import Tree

BLOB = bytes(range(256)) * 40
NAME = "team/app.x__y-z"


@pytest.fixture(scope="module")
def place():
    directory = Path(tempfile.mkdtemp(prefix="berth-"))
    directory.chmod(0o755)
    (directory / "run dir").mkdir()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def tree(place):
    return Tree(place / "data with space")


@pytest.fixture(scope="module")
def digest(tree):
    return tree.add(NAME, BLOB)


@pytest.fixture(scope="module")
def echo(place):
    with Echo(place / "run dir") as echo:
        yield echo
