# SPDX-License-Identifier: MIT
"""Fixtures of the test_include_apache*.py: Apache before the stand-ins of include_fixtures.py."""

import shutil
from pathlib import Path

import pytest

from fcgi_echo import Echo
from webserver import Apache

ECHO = Path(__file__).with_name("fcgi_echo.py")
#: proxy.conf, fcgid.conf and cgi.conf.
WAYS = ("proxy", "fcgid", "cgi")


@pytest.fixture(scope="module")
def programs(place):
    """For Apache to start by itself."""
    (place / "programs").mkdir()
    for name in Echo.PROGRAMS:
        shutil.copy(ECHO, place / "programs" / name)
        (place / "programs" / name).chmod(0o755)
    return place / "programs"


@pytest.fixture(scope="module")
def start(echo, place, programs, tree):
    def start(way="proxy", **kwargs):
        return Apache(tree.root, kwargs.pop("sockets", place / "run dir"), way=way, programs=programs,
                      config="/etc/berth/test.conf", **kwargs)
    return start
