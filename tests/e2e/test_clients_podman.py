# SPDX-License-Identifier: MIT
"""podman and buildah: pull, push and whole multi-platform builds."""

import json

import pytest

from harness.clientfixtures import EVERYWHERE
from harness.content import OCI_INDEX
from harness.images import oci_layout

pytestmark = pytest.mark.kinds(*EVERYWHERE)


def build(containers, tmp_path, name, architecture="amd64", text="hello"):
    """An image from scratch with one file, by buildah."""
    (tmp_path / "file").write_text(f"{text} {architecture} {name}")
    work = containers.buildah("from", "--arch", architecture, "scratch")
    containers.buildah("copy", work, tmp_path / "file", "/file")
    containers.buildah("config", "--cmd", "/file", "--arch", architecture, work)
    image = containers.buildah("commit", "-q", work, name)
    containers.buildah("rm", work)
    return image


def blob_traffic(seen):
    return [s for s in seen if s.split()[0] in ("PATCH", "PUT") and "/blobs/uploads/" in s]


def test_podman_pushes_and_pulls_by_tag_and_by_digest(containers, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}"
    image = build(containers, tmp_path, f"{name}:v1")
    containers.podman("push", "--digestfile", tmp_path / "digest", f"{name}:v1")
    digest = (tmp_path / "digest").read_text().strip()
    assert repository.resolve("v1", "HEAD").digest == digest
    for reference in (f"{name}:v1", f"{name}@{digest}"):
        containers.podman("rmi", "-f", image)
        assert containers.podman("pull", "-q", reference) == image


def test_a_second_podman_push_uploads_nothing(containers, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}"
    build(containers, tmp_path, f"{name}:v1")
    containers.podman("push", f"{name}:v1")
    with registry.requests() as seen:
        containers.podman("push", f"{name}:v1", f"{name}:v2")
    assert blob_traffic(seen) == []


def test_buildah_pushes_a_manifest_list_with_all_its_images(containers, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}"
    containers.buildah("manifest", "create", "list")
    for architecture in ("amd64", "arm64"):
        image = build(containers, tmp_path, f"localhost/part:{architecture}", architecture)
        containers.buildah("manifest", "add", "--arch", architecture, "list", image)
    containers.buildah("manifest", "push", "--all", *containers.tls(), "--format", "oci", "list",
                       f"docker://{name}:multi")
    answer = repository.resolve("multi")
    assert answer.header("Content-Type") == OCI_INDEX
    children = answer.json()["manifests"]
    assert sorted(c["platform"]["architecture"] for c in children) == ["amd64", "arm64"]
    for child in children:
        repository.resolve(child["digest"])
    containers.buildah("pull", "-q", *containers.tls(), "--arch", "arm64", f"{name}:multi")
    inspected = json.loads(containers.podman("image", "inspect", f"{name}:multi"))
    assert inspected[0]["Architecture"] == "arm64"


def test_buildah_builds_upon_an_image_it_pulls(containers, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}"
    oci_layout(tmp_path / "in")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:base")
    (tmp_path / "Containerfile").write_text(f"FROM {name}:base\nCOPY Containerfile /\nLABEL built=yes\n")
    containers.buildah("bud", "-q", *containers.tls(), "--pull", "-t", f"{name}:child", "-f",
                       tmp_path / "Containerfile", tmp_path)
    containers.buildah("push", "-q", *containers.tls(), f"{name}:child")
    base, child = (repository.resolve(t).json() for t in ("base", "child"))
    assert len(child["layers"]) == len(base["layers"]) + 1
    assert repository.list_tags() == ["base", "child"]
