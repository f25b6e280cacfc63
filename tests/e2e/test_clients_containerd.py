# SPDX-License-Identifier: MIT
"""containerd's own client, ctr: each blob in one PUT, parallel pulls, strict about digests."""

import pytest

from harness.clientfixtures import EVERYWHERE
from harness.images import oci_layout, pack

pytestmark = pytest.mark.kinds(*EVERYWHERE)


def how(registry):
    """The options that say how the registry is reached and who asks.

    A private CA is named in hosts.toml, for containerd takes a loopback address to speak plain HTTP otherwise.
    """
    options = ["--plain-http"]
    if registry.ca:
        hosts = registry.directory / "hosts" / registry.netloc
        hosts.mkdir(parents=True, exist_ok=True)
        (hosts / "hosts.toml").write_text(f'server = "{registry.url}"\n[host."{registry.url}"]\n'
                                          f'capabilities = ["pull", "resolve", "push"]\nca = "{registry.ca}"\n')
        options = ["--hosts-dir", hosts.parent]
    return options + (["--user", ":".join(registry.user)] if registry.user else [])


@pytest.fixture
def imported(containerd, registry, repository, tmp_path):
    """A local image under the name it will be pushed to; returns (name, digest)."""
    def load(tag="v1", architectures=("amd64",)):
        name = f"{registry.netloc}/{repository.name}:{tag}"
        digest = oci_layout(tmp_path / tag, name, architectures)
        containerd.ctr("images", "import", "--no-unpack", "--all-platforms", "--digests",
                       pack(tmp_path / tag, tmp_path / f"{tag}.tar"))
        return name, digest
    yield load
    names = containerd.ctr("images", "ls", "-q").split()
    if names:
        containerd.ctr("images", "rm", "--sync", *names)


def forget(containerd):
    """Remove every image and what only it held, so that a pull has to fetch all."""
    names = containerd.ctr("images", "ls", "-q").split()
    containerd.ctr("images", "rm", "--sync", *names)
    assert containerd.ctr("content", "ls", "-q") == ""


def test_ctr_pushes_and_pulls_by_tag_and_by_digest(containerd, registry, repository, imported):
    name, digest = imported()
    containerd.ctr("images", "push", *how(registry), name)
    assert repository.resolve("v1", "HEAD").digest == digest
    for reference in (name, f"{name.rsplit(':', 1)[0]}@{digest}"):
        forget(containerd)
        containerd.ctr("images", "pull", "--snapshotter", "native", *how(registry), reference)
        assert digest in containerd.ctr("images", "ls", f"name=={reference}")


def test_ctr_pushes_and_pulls_all_platforms(containerd, registry, repository, imported):
    name, digest = imported("multi", ("amd64", "arm64"))
    containerd.ctr("images", "push", *how(registry), name)
    children = repository.resolve("multi").json()["manifests"]
    forget(containerd)
    containerd.ctr("images", "pull", "--snapshotter", "native", "--all-platforms", *how(registry), name)
    held = containerd.ctr("content", "ls", "-q").split()
    assert digest in held and all(child["digest"] in held for child in children)


def test_a_second_push_by_ctr_uploads_nothing(containerd, registry, repository, imported):
    name, _ = imported()
    containerd.ctr("images", "push", *how(registry), name)
    with registry.requests() as seen:
        containerd.ctr("images", "push", *how(registry), name)
    assert [s for s in seen if s.split()[0] in ("POST", "PUT", "PATCH")] == [], seen
