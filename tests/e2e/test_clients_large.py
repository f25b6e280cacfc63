# SPDX-License-Identifier: MIT
"""Images of sizes that break 31 and 32 bit counters, time limits and temporary files."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.clientfixtures import EVERYWHERE
from harness.images import large_layout

MIB, GIB = 1024 ** 2, 1024 ** 3

#: The ways that gigabytes are to go, each with the three clients.
LARGE = ("nginx", "apache-proxy", "apache-fcgid", "apache-cgi", "lighttpd", "htaccess-htpasswd")


@pytest.fixture
def space():
    """A directory on a disk with room, not in /tmp, which may be memory."""
    directory = Path(tempfile.mkdtemp(prefix="berth-large-", dir="/var/tmp"))
    yield directory
    shutil.rmtree(directory)


def stored(registry, digest):
    """The digest of a blob's bytes on the registry's disk."""
    algorithm, hexadecimal = digest.split(":")
    with open(registry.path("blobs", algorithm, hexadecimal[:2], hexadecimal, "data"), "rb") as f:
        return f"{algorithm}:{hashlib.file_digest(f, algorithm).hexdigest()}"


def push_and_pull(containers, registry, repository, space, sizes):
    digest = large_layout(space / "in", "latest", sizes)
    containers.copy_in(f"oci:{space}/in:latest", f"{repository.name}:large")
    answer = repository.resolve("large")
    assert answer.digest == digest
    for layer in answer.json()["layers"]:
        assert stored(registry, layer["digest"]) == layer["digest"]
        head = repository.client.head(repository.blob(layer["digest"])).expect(200)
        assert head.length == layer["size"]
    shutil.rmtree(space / "in")
    containers.copy_out(f"{repository.name}:large", f"oci:{space}/out:latest")
    for file in (space / "out/blobs/sha256").iterdir():
        with open(file, "rb") as f:
            assert hashlib.file_digest(f, "sha256").hexdigest() == file.name


@pytest.mark.kinds(*EVERYWHERE)
def test_an_image_just_under_200_megabytes_goes_through_every_server(containers, registry, repository, space):
    push_and_pull(containers, registry, repository, space, [120 * MIB, 70 * MIB])


@pytest.mark.slow
@pytest.mark.kinds(*LARGE, "nginx-tls", "nginx-buffered")
def test_an_image_with_layers_of_several_gigabytes(containers, registry, repository, space):
    push_and_pull(containers, registry, repository, space, [4 * GIB + 300 * MIB, 2 * GIB + 100 * MIB])


@pytest.fixture
def archive(space):
    """A file system of over two gigabytes that cannot be compressed, as a tar archive."""
    with subprocess.Popen(["head", "-c", str(2 * GIB + 100 * MIB), "/dev/urandom"], stdout=subprocess.PIPE) as noise, \
            open(space / "large", "wb") as out:
        shutil.copyfileobj(noise.stdout, out, MIB)
    subprocess.run(["tar", "-C", space, "--remove-files", "-cf", space / "large.tar", "large"], check=True)
    return space / "large.tar"


def import_push_and_pull(client, archive, name):
    """By docker or podman, which have the same words for it."""
    image = client("import", archive, name).split()[-1]
    archive.unlink()
    client("push", name)
    client("rmi", "-f", image)
    client("pull", name)
    assert client("image", "inspect", "-f", "{{.Id}}", name).strip().removeprefix("sha256:") == image.removeprefix("sha256:")


@pytest.mark.slow
@pytest.mark.kinds(*LARGE)
def test_docker_pushes_and_pulls_a_layer_of_over_two_gigabytes(docker, registry, repository, archive):
    import_push_and_pull(docker.docker, archive, f"{registry.netloc}/{repository.name}:large")


@pytest.mark.slow
@pytest.mark.kinds(*LARGE)
def test_podman_pushes_and_pulls_a_layer_of_over_two_gigabytes(containers, registry, repository, archive):
    import_push_and_pull(containers.podman, archive, f"{registry.netloc}/{repository.name}:large")


@pytest.mark.slow
@pytest.mark.kinds("nginx", "apache-proxy")
def test_ranges_beyond_four_gigabytes(registry, repository, containers, space):
    large_layout(space / "in", "latest", [4 * GIB + 10 * MIB])
    containers.copy_in(f"oci:{space}/in:latest", f"{repository.name}:large")
    layer = repository.resolve("large").json()["layers"][0]
    path = space / "in/blobs/sha256" / layer["digest"].split(":")[1]
    for start in (2 ** 31 - 5, 2 ** 32 - 5, layer["size"] - 10):
        wanted = [("Range", f"bytes={start}-{start + 9}")]
        answer = repository.client.get(repository.blob(layer["digest"]), headers=wanted).expect(206)
        with open(path, "rb") as f:
            f.seek(start)
            assert answer.body == f.read(10)
