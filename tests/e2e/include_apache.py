# SPDX-License-Identifier: MIT
"""Fixtures of the test_include_apache*.py: Apache before stand-ins for the programs, and a tree with one blob."""

import shutil
import tempfile
from pathlib import Path

import pytest

from fcgi_echo import Echo
from include_cases import Tree
from webserver import Apache

ECHO = Path(__file__).with_name("fcgi_echo.py")
#: proxy.conf, fcgid.conf and cgi.conf.
WAYS = ("proxy", "fcgid", "cgi")
BLOB = bytes(range(256)) * 40
NAME = "team/app.x__y-z"


@pytest.fixture(scope="module")
def place():
    directory = Path(tempfile.mkdtemp(prefix="berth-"))
    directory.chmod(0o755)
    for name in ("run dir", "programs"):
        (directory / name).mkdir()
    for name in Echo.PROGRAMS:
        shutil.copy(ECHO, directory / "programs" / name)
        (directory / "programs" / name).chmod(0o755)
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


@pytest.fixture(scope="module")
def start(echo, place, tree):
    def start(way="proxy", **kwargs):
        return Apache(tree.root, kwargs.pop("sockets", place / "run dir"), way=way, programs=place / "programs",
                      config="/etc/berth/test.conf", **kwargs)
    return start
