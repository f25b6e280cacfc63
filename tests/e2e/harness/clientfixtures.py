# SPDX-License-Identifier: MIT
"""Fixtures that start clients: one daemon for the whole session, one storage per test."""

import shutil
import tempfile

import pytest

from .clients import Containerd, Containers, Docker

#: Clients meet every way the registry is served.
EVERYWHERE = ("nginx", "nginx-tls", "nginx-htpasswd", "apache-proxy", "apache-fcgid",
              *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("lighttpd", "lighttpd-htpasswd")))


def temporary():
    # Short names: the daemons put sockets there.
    return tempfile.mkdtemp(prefix="berth-c-")


@pytest.fixture
def containers(stranger):
    """podman, buildah and skopeo, logged in where the registry wants that."""
    if stranger.registry.user:
        stranger.login(stranger.registry.user)
    return stranger


@pytest.fixture
def stranger(registry):
    """podman, buildah and skopeo that nobody has told a password."""
    directory = temporary()
    tools = Containers(directory, registry)
    try:
        yield tools
    finally:
        try:
            tools.stop()
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def docker_daemon():
    directory = temporary()
    daemon = Docker(directory)
    yield daemon
    daemon.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def docker(docker_daemon, registry):
    """A docker that is logged in, with no images of the test left behind."""
    if registry.user:
        docker_daemon.login(registry.netloc, registry.user)
    yield docker_daemon
    images = docker_daemon.docker("images", "-aq").split()
    if images:
        docker_daemon.docker("rmi", "-f", *set(images))


@pytest.fixture(scope="session")
def containerd():
    directory = temporary()
    daemon = Containerd(directory)
    yield daemon
    daemon.stop()
    shutil.rmtree(directory, ignore_errors=True)
