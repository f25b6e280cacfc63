# SPDX-License-Identifier: MIT
"""`berth token robot`: each web server takes the passwords it makes, at once, and those of others as before."""

import subprocess

import pytest

from harness.berth import build_dir, find_programs
from harness.client import Client

pytestmark = pytest.mark.kinds("nginx-htpasswd", "apache-htpasswd", "lighttpd-htpasswd")


@pytest.fixture
def robot(registry):
    def call(*words):
        argv = [find_programs(build_dir())["berth"], "token", "robot", *words, "--file", registry.front.directory / "htpasswd"]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout
    return call


@pytest.fixture
def status(registry):
    return lambda user, password: Client(registry.url, (user, password), registry.ca).get("/v2/").status


def test_a_robot_gets_in_beside_the_others(registry, robot, status):
    password = robot("add", "ci").removesuffix("\n")
    assert status("robot-ci", password) == 200 and status(*registry.user) == 200
    assert status("robot-ci", password[:-1]) == 401 and status("ci", password) == 401


# Passwords that were not used yet, as lighttpd remembers for a minute which one was right.
def test_a_password_that_was_replaced_or_revoked_is_refused(registry, robot, status):
    old, new = (robot("add", "--replace", "job").removesuffix("\n") for _ in range(2))
    assert status("robot-job", old) == 401 and status("robot-job", new) == 200
    gone = robot("add", "gone").removesuffix("\n")
    robot("revoke", "gone")
    assert status("robot-gone", gone) == 401 and status(*registry.user) == 200
