# SPDX-License-Identifier: MIT
"""berth export and berth import beside the programs that write and read the same files; docker-registry's own tree."""

import json
import os
import shutil
import subprocess

import pytest

from harness.client import Client
from harness.content import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of, random_bytes
from harness.images import docker_archive, oci_layout, pack, random_layers
from harness.links import find_dangling
from harness.peer import Peer
from harness.repository import Repository
from harness.tree import Tree

pytestmark = pytest.mark.kinds("nginx")
SBOM = "application/vnd.example.sbom.v1"


def berth(registry, *words, fails=False, **how):
    """The command, as root where the tests are: it becomes the owner of the tree by itself."""
    argv = [str(w) for w in (registry.berth.programs / "berth", *words, "-c", registry.berth.config)]
    done = subprocess.run(argv, capture_output=True, check=False, **{"stdin": subprocess.DEVNULL, **how})
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert (done.returncode != 0) == fails, f"{' '.join(argv)}: {done.returncode}\n{said}"
    return said if fails or how else done.stdout.decode(errors="replace")


def digests_in(layout):
    return {p.name for p in (layout / "blobs/sha256").iterdir()}


def is_ours(registry):
    """All that a command of root's has made in the tree belongs to whom it belonged before."""
    owners = {p.lstat().st_uid for p in registry.root.rglob("*")}
    return owners == {os.stat(registry.root).st_uid}


def test_every_digest_survives_export_and_import(own_registry, tmp_path):
    repository, again = (Repository(own_registry.client, f"e2e/{n}") for n in ("there", "back"))
    image = repository.push_image("v1")
    listing, children = repository.push_index("multi")
    repository.put_manifest(repository.push_image(algorithm="sha512"), algorithm="sha512", query="?tag=long")
    schema2 = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
               "config": descriptor(b"{}", "application/vnd.docker.container.image.v1+json"), "layers": []}
    repository.push_blob(b"{}")
    repository.put_manifest(schema2, "docker")
    for name in ("layout", "layout.tar"):
        berth(own_registry, "export", repository.name, tmp_path / name)
        berth(own_registry, "import", tmp_path / name, again.name)
        assert again.list_tags() == repository.list_tags() == ["docker", "long", "multi", "v1"]
        for tag in again.list_tags():
            ours, theirs = again.resolve(tag), repository.resolve(tag)
            assert ours.body == theirs.body and ours.header("Content-Type") == theirs.header("Content-Type")
        for data in (image, listing, *children):
            again.resolve(digest_of(data))
        for layer in json.loads(image)["layers"]:
            again.client.get(again.blob(layer["digest"])).expect(200)
        assert find_dangling(own_registry.root) == [] and is_ours(own_registry)
        again.client.delete(again.manifest("v1")).expect(202)


def test_skopeo_and_podman_read_what_berth_exports(registry, containers, tmp_path):
    oci_layout(tmp_path / "in", architectures=("amd64", "arm64"))
    containers.copy_in(f"oci:{tmp_path}/in:latest", "e2e/multi:v1", "--all")
    repository = Repository(registry.client, "e2e/multi")
    wanted = repository.resolve("v1").digest
    berth(registry, "export", "e2e/multi:v1", tmp_path / "out")
    berth(registry, "export", "e2e/multi:v1", tmp_path / "out.tar")
    assert digests_in(tmp_path / "out") == digests_in(tmp_path / "in")
    for i, source in enumerate((f"oci:{tmp_path}/out:v1", f"oci-archive:{tmp_path}/out.tar:v1")):
        containers.copy_in(source, f"e2e/copied{i}:v1", "--all", "--preserve-digests")
        assert Repository(registry.client, f"e2e/copied{i}").resolve("v1").digest == wanted
    with Peer(tmp_path) as peer:
        containers.skopeo("copy", "-q", "--all", "--dest-tls-verify=false", f"oci:{tmp_path}/out:v1",
                     f"docker://{peer.url.removeprefix('http://')}/e2e/elsewhere:v1")
        other = Repository(Client(peer.url), "e2e/elsewhere")
        assert other.client.get(other.manifest("v1"), headers=[("Accept", OCI_INDEX)]).digest == wanted
    said = containers.podman("load", "-i", tmp_path / "out.tar")
    assert "Loaded image" in said, said


@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_berth_reads_what_skopeo_and_buildah_write(registry, containers, tmp_path, form):
    digest = oci_layout(tmp_path / "in")
    containers.skopeo("copy", "-q", f"oci:{tmp_path}/in:latest", f"{form}:{tmp_path}/skopeo:team/app:v7")
    berth(registry, "import", tmp_path / "skopeo")
    assert Repository(registry.client, "team/app").resolve("v7").digest == digest
    name = containers.buildah("from", f"oci:{tmp_path}/in:latest").splitlines()[-1]
    containers.buildah("config", "--label", "built=yes", name)
    containers.buildah("commit", "-q", name, f"{form}:{tmp_path}/buildah:v1")
    said = berth(registry, "import", tmp_path / "buildah", "team/built")
    assert said.startswith("team/built:v1 sha256:"), said
    assert find_dangling(registry.root, "team/") == []


def check_docker_image(registry, name, config, layers):
    """Configuration and layers kept their digests, and a client gets the image."""
    manifest = Repository(registry.client, name).resolve("v1").json()
    assert manifest["mediaType"] == DOCKER_MANIFEST and manifest["config"]["digest"] == config
    assert [part["digest"] for part in manifest["layers"]] == [digest_of(x) for x in layers]


def test_archives_of_docker_and_its_like(registry, containers, tmp_path):
    layers = random_layers(3)
    config = docker_archive(tmp_path / "made.tar", ["docker.io/team/made:v1"], layers)
    berth(registry, "import", tmp_path / "made.tar")
    check_docker_image(registry, "team/made", config, layers)
    containers.skopeo("copy", "-q", f"docker-archive:{tmp_path}/made.tar", f"docker-archive:{tmp_path}/skopeo.tar:team/skopeo:v1")
    berth(registry, "import", tmp_path / "skopeo.tar")
    check_docker_image(registry, "team/skopeo", config, layers)
    containers.podman("load", "-i", tmp_path / "made.tar")
    for form in ("docker-archive", "oci-archive"):
        containers.podman("save", "--format", form, "-o", tmp_path / f"{form}.tar", "docker.io/team/made:v1")
        berth(registry, "import", tmp_path / f"{form}.tar", f"team/{form}")
    check_docker_image(registry, "team/docker-archive", config, layers)
    containers.copy_out("team/made:v1", f"oci:{tmp_path}/pulled:v1")
    assert find_dangling(registry.root, "team/") == []


def test_what_docker_saves_comes_through_a_pipe(registry, docker, tmp_path):
    layers = random_layers(2)
    config = docker_archive(tmp_path / "made.tar", ["team/saved:v1"], layers)
    docker.docker("load", "-i", tmp_path / "made.tar")
    docker.docker("save", "-o", tmp_path / "saved.tar", "team/saved:v1")
    docker.docker("rmi", "team/saved:v1")
    with open(tmp_path / "saved.tar", "rb") as saved, \
            subprocess.Popen(["gzip", "-c"], stdin=saved, stdout=subprocess.PIPE) as packed:
        berth(registry, "import", "-", stdin=packed.stdout)
    manifest = Repository(registry.client, "team/saved").resolve("v1").json()
    assert manifest["config"]["digest"] == config


def test_signatures_come_along_on_demand(own_registry, tmp_path):
    repository = Repository(own_registry.client, "e2e/signed")
    image = repository.push_image("v1")
    sbom = repository.push_artifact(SBOM, subject=descriptor(image, OCI_MANIFEST))
    signature = repository.push_artifact(SBOM, subject=descriptor(sbom, OCI_MANIFEST))
    repository.push_artifact(SBOM, digest_of(image).replace(":", "-") + ".sig")
    stranger = repository.push_artifact(SBOM, subject=descriptor(b"other", OCI_MANIFEST))
    berth(own_registry, "export", "e2e/signed:v1", tmp_path / "plain")
    assert not digests_in(tmp_path / "plain") & {digest_of(sbom)[7:], digest_of(signature)[7:]}
    berth(own_registry, "export", "--referrers", "e2e/signed:v1", tmp_path / "signed.tar")
    berth(own_registry, "import", tmp_path / "signed.tar", "e2e/again")
    again = Repository(own_registry.client, "e2e/again")
    assert [d["digest"] for d in again.list_referrers(digest_of(image))] == [digest_of(sbom)]
    assert [d["digest"] for d in again.list_referrers(digest_of(sbom))] == [digest_of(signature)]
    assert again.list_tags() == [digest_of(image).replace(":", "-") + ".sig", "v1"]
    again.client.head(again.manifest(digest_of(stranger))).expect(404)


@pytest.mark.parametrize("how", ["copied", "linked"])
def test_the_tree_of_docker_registry_is_imported(own_registry, how):
    theirs = own_registry.directory / "theirs"
    theirs.mkdir()
    if os.geteuid() == 0:
        shutil.chown(theirs, own_registry.berth.owner, "www-data")
    with Peer(own_registry.directory, {"root": theirs}, user=own_registry.berth.owner) as peer:
        source = Repository(Client(peer.url), "e2e/moved")
        image = source.push_image("v1")
        listing, children = source.push_index("multi")
        source.push_blob(random_bytes(100))
    berth(own_registry, "import", "--tree", theirs, *(["--link"] if how == "linked" else []))
    repository = Repository(own_registry.client, "e2e/moved")
    repository.check_manifest(image, "v1", OCI_MANIFEST)
    repository.check_manifest(listing, "multi", OCI_INDEX)
    for data in (image, *children):
        for part in json.loads(data)["layers"]:
            got = repository.client.get(repository.blob(part["digest"])).expect(200)
            assert digest_of(got.body) == part["digest"]
    layer = json.loads(image)["layers"][0]["digest"]
    assert os.path.samefile(Tree(theirs).data(layer), Tree(own_registry.root).data(layer)) == (how == "linked")
    assert not os.path.samefile(Tree(theirs).data(digest_of(image)), Tree(own_registry.root).data(digest_of(image)))
    assert find_dangling(own_registry.root) == [] and is_ours(own_registry)


def kill_soon(registry, *words, after):
    argv = [str(w) for w in (registry.berth.programs / "berth", *words, "-c", registry.berth.config)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()


def test_a_killed_import_goes_on(own_registry, tmp_path):
    digest = oci_layout(tmp_path / "in", architectures=("amd64", "arm64", "riscv64"), layers=None)
    archive = pack(tmp_path / "in", tmp_path / "in.tar")
    for i in range(15):
        kill_soon(own_registry, "import", archive, f"e2e/killed{i}:v1", after=0.004 + i * 0.004)
        assert find_dangling(own_registry.root) == []
        berth(own_registry, "import", archive, f"e2e/killed{i}:v1")
        assert Repository(own_registry.client, f"e2e/killed{i}").resolve("v1").digest == digest


def test_a_killed_export_is_no_layout(own_registry, tmp_path):
    repository = Repository(own_registry.client, "e2e/killed")
    for i in range(5):
        repository.push_image(f"v{i}")
    for i in range(15):
        for name in (f"out{i}", f"out{i}.tar"):
            kill_soon(own_registry, "export", "e2e/killed", tmp_path / name, after=0.003 + i * 0.002)
            if (tmp_path / name / "index.json").exists() or name.endswith(".tar") and (tmp_path / name).exists():
                berth(own_registry, "import", tmp_path / name, f"e2e/whole{i}")
            berth(own_registry, "export", "e2e/killed", tmp_path / name)
            berth(own_registry, "import", tmp_path / name, f"e2e/whole{i}")
            assert len(Repository(own_registry.client, f"e2e/whole{i}").list_tags()) == 5
