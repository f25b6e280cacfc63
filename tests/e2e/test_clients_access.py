# SPDX-License-Identifier: MIT
"""Passwords and certificates, as clients meet them."""

import os
import shutil
from pathlib import Path

import pytest

from harness.client import Client
from harness.clientfixtures import temporary
from harness.clients import Docker, run
from harness.connectproxy import ConnectProxy
from harness.images import docker_archive, oci_layout

protected = pytest.mark.kinds("nginx-htpasswd")
encrypted = pytest.mark.kinds("nginx-tls")


@protected
@pytest.mark.parametrize("user", [None, ("alice", "wrong"), ("mallory", "s3cret"), ("", "")],
                         ids=["nobody", "wrong-password", "unknown", "empty"])
def test_without_the_password_every_route_is_401_in_the_oci_form(registry, repository, user):
    data = repository.push_image("v1")
    blob = repository.push_blob(b"{}")
    stranger = Client(registry.url, user, registry.ca)
    for method, path in (("GET", "/v2/"), ("GET", "/v2"), ("GET", "/v2/_catalog"), ("GET", repository.tags()),
                         ("GET", repository.manifest("v1")), ("GET", repository.blob(blob)),
                         ("HEAD", repository.blob(blob)), ("POST", repository.uploads),
                         ("PUT", repository.manifest("v2")), ("DELETE", repository.manifest("v1")),
                         ("GET", repository.referrers(blob)), ("GET", "/v2/no/such/thing"),
                         ("GET", repository.blob("sha256:" + "0" * 64))):
        body = data if method == "PUT" else None
        answer = stranger.request(method, path, body).expect_error(401, "UNAUTHORIZED")
        assert answer.header("WWW-Authenticate").startswith("Basic realm="), str(answer)
    assert repository.list_tags() == ["v1"]


@protected
def test_docker_logs_in_and_out(docker_daemon, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}:v1"
    docker_archive(tmp_path / "image.tar", [name])
    docker_daemon.docker("load", "-q", "-i", tmp_path / "image.tar")
    # What docker says would be about its second try: from a loopback address it also takes plain HTTP.
    docker_daemon.docker("push", name, fails=True)
    docker_daemon.docker("login", "-u", registry.user[0], "-p", "wrong", registry.netloc, fails=True)
    repository.client.get(repository.manifest("v1")).expect(404)
    docker_daemon.login(registry.netloc, registry.user)
    docker_daemon.docker("push", name)
    docker_daemon.docker("logout", registry.netloc)
    docker_daemon.docker("rmi", "-f", name)
    docker_daemon.docker("pull", name, fails=True)


@protected
def test_podman_logs_in_and_out(stranger, registry, repository, tmp_path):
    oci_layout(tmp_path / "in")
    target = f"docker://{registry.netloc}/{repository.name}:v1"
    copy = ("copy", "-q", *stranger.tls("dest-"), f"oci:{tmp_path}/in:latest", target)
    said = stranger.skopeo(*copy, fails=True)
    assert "authentication required" in said or "unauthorized" in said.lower(), said
    said = run("podman", *stranger.storage, "login", *stranger.tls(), "-u", registry.user[0], "-p", "wrong",
               registry.netloc, env=stranger.environment, fails=True)
    assert "invalid username/password" in said or "unauthorized" in said.lower(), said
    stranger.login(registry.user)
    stranger.skopeo(*copy)
    stranger.podman("logout", registry.netloc)
    stranger.skopeo(*copy, fails=True)


@encrypted
def test_without_the_ca_the_certificate_is_refused(containers, registry, repository, tmp_path):
    oci_layout(tmp_path / "in")
    target = f"docker://{registry.netloc}/{repository.name}:v1"
    said = containers.skopeo("copy", "-q", f"oci:{tmp_path}/in:latest", target, fails=True)
    assert "x509" in said, said
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:v1")
    said = run("curl", "-sS", registry.url + "/v2/", fails=True)
    assert "certificate" in said, said


@encrypted
def test_docker_trusts_the_ca_in_certs_d_and_nothing_else(registry, repository, tmp_path):
    """dockerd does not check certificates of 127.0.0.1, so it meets the registry under a name, through a proxy."""
    directory = Path(temporary())
    certificates = directory / "etc-docker/certs.d/registry.test"
    certificates.mkdir(parents=True)
    # /etc/docker is ours in a mount namespace of dockerd's own.
    os.makedirs("/etc/docker", exist_ok=True)
    mounts = f'mount --bind "{directory}/etc-docker" /etc/docker'
    name = f"registry.test/{repository.name}:v1"
    docker_archive(tmp_path / "image.tar", [name])
    with ConnectProxy({"registry.test:443": registry.client.port}) as proxy:
        daemon = Docker(directory, {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": ""}, mounts)
        try:
            daemon.docker("load", "-q", "-i", tmp_path / "image.tar")
            assert "x509" in daemon.docker("push", name, fails=True)
            shutil.copy(registry.ca, certificates / "ca.crt")
            daemon.docker("push", name)
            daemon.docker("rmi", "-f", name)
            daemon.docker("pull", name)
        finally:
            daemon.stop()
            shutil.rmtree(directory, ignore_errors=True)
    assert repository.list_tags() == ["v1"]


@encrypted
def test_the_server_sends_its_chain_and_speaks_no_old_tls(registry):
    host = f"{registry.client.host}:{registry.client.port}"
    shown = run("openssl", "s_client", "-connect", host, "-CAfile", registry.ca, "-showcerts")
    assert shown.count("BEGIN CERTIFICATE") >= 2 and "Verify return code: 0" in shown, shown
    for old in ("-tls1", "-tls1_1"):
        run("openssl", "s_client", "-connect", host, old, fails=True)
