# SPDX-License-Identifier: MIT
"""docker, with a real dockerd and its classic image store."""

import pytest

from harness.clientfixtures import EVERYWHERE
from harness.images import docker_archive, random_layers

pytestmark = pytest.mark.kinds(*EVERYWHERE, "htaccess-htpasswd")


def load(docker, tmp_path, name, layers=None):
    archive = tmp_path / "image.tar"
    image = docker_archive(archive, [name], layers)
    docker.docker("load", "-q", "-i", archive)
    return image


def uploads(seen):
    """The requests that carried blob bytes, or finished doing so."""
    return [line for line in seen if line.split()[0] in ("PATCH", "PUT") and "/blobs/uploads/" in line]


def image_id(docker, name):
    return docker.docker("image", "inspect", "-f", "{{.Id}}", name)


def test_docker_pushes_and_pulls_by_tag_and_by_digest(docker, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}"
    image = load(docker, tmp_path, f"{name}:v1")
    docker.docker("push", f"{name}:v1")
    digest = docker.repo_digest(f"{name}:v1")
    assert repository.resolve("v1", "HEAD").digest == digest
    for reference in (f"{name}:v1", f"{name}@{digest}"):
        docker.docker("rmi", "-f", image)
        docker.docker("pull", reference)
        assert image_id(docker, reference) == image


def test_a_second_push_uploads_nothing(docker, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}"
    load(docker, tmp_path, f"{name}:v1")
    docker.docker("push", f"{name}:v1")
    docker.docker("tag", f"{name}:v1", f"{name}:v2")
    with registry.requests() as seen:
        docker.docker("push", f"{name}:v1")
        docker.docker("push", f"{name}:v2")
    assert uploads(seen) == []
    assert repository.list_tags() == ["v1", "v2"]


def test_a_push_to_another_repository_mounts_the_layers(docker, registry, repository, other_repository, tmp_path):
    name, other = (f"{registry.netloc}/{r.name}" for r in (repository, other_repository))
    load(docker, tmp_path, f"{name}:v1", random_layers(3))
    docker.docker("push", f"{name}:v1")
    docker.docker("tag", f"{name}:v1", f"{other}:v1")
    with registry.requests() as seen:
        said = docker.docker("push", f"{other}:v1")
    assert said.count("Mounted from") == 3, said
    assert len([s for s in seen if s.startswith("POST") and "mount=" in s]) >= 3
    # The configuration is not a layer: docker sends it, and that alone.
    assert len([u for u in uploads(seen) if u.startswith("PUT")]) <= 1, seen
    docker.docker("rmi", f"{name}:v1", f"{other}:v1")
    docker.docker("pull", f"{other}:v1")


def test_a_pull_of_what_is_not_there_says_so(docker, registry, repository):
    said = docker.docker("pull", f"{registry.netloc}/{repository.name}:none", fails=True)
    assert "not found" in said or "manifest unknown" in said, said


def test_ten_layers_at_once(docker, registry, repository, tmp_path):
    name = f"{registry.netloc}/{repository.name}:many"
    image = load(docker, tmp_path, name, random_layers(10, 200_000))
    docker.docker("push", name)
    docker.docker("rmi", "-f", image)
    docker.docker("pull", name)
    assert image_id(docker, name) == image
