# SPDX-License-Identifier: MIT
"""skopeo: copies, lists, inspects and deletes without a daemon."""

import json
from urllib.parse import unquote

import pytest

from harness.clientfixtures import EVERYWHERE
from harness.content import OCI_INDEX
from harness.images import oci_layout

pytestmark = pytest.mark.kinds(*EVERYWHERE, "htaccess-htpasswd")


def reference(registry, repository, end=""):
    return f"docker://{registry.netloc}/{repository.name}{end}"


def blob_traffic(seen):
    return [s for s in seen if s.split()[0] in ("PATCH", "PUT") and "/blobs/uploads/" in s]


def digests_behind(word, requests):
    return {unquote(s.split(word)[1].split("&")[0].split()[0]) for s in requests if word in s}


def test_skopeo_copies_an_image_there_and_back(containers, repository, tmp_path):
    digest = oci_layout(tmp_path / "in")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:v1")
    for name in (f"{repository.name}:v1", f"{repository.name}@{digest}"):
        target = tmp_path / name.replace("/", "-").replace(":", "-").replace("@", "-")
        containers.copy_out(name, f"oci:{target}:latest")
        index = json.loads((target / "index.json").read_text())
        assert index["manifests"][0]["digest"] == digest


def test_skopeo_copies_all_platforms_there_and_back(containers, repository, tmp_path):
    digest = oci_layout(tmp_path / "in", architectures=("amd64", "arm64", "riscv64"))
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:multi", "--all")
    answer = repository.resolve("multi")
    assert answer.digest == digest and answer.header("Content-Type") == OCI_INDEX
    for child in answer.json()["manifests"]:
        repository.resolve(child["digest"], "HEAD")
    containers.copy_out(f"{repository.name}:multi", f"oci:{tmp_path}/out:latest", "--all")
    assert {p.name for p in (tmp_path / "out/blobs/sha256").iterdir()} == \
        {p.name for p in (tmp_path / "in/blobs/sha256").iterdir()}


def test_a_second_copy_uploads_nothing(containers, registry, repository, tmp_path):
    oci_layout(tmp_path / "in")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:v1")
    with registry.requests() as seen:
        containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:v2")
    assert blob_traffic(seen) == []


def test_a_copy_within_the_registry_mounts(containers, registry, repository, other_repository, tmp_path):
    oci_layout(tmp_path / "in")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:v1")
    with registry.requests() as seen:
        containers.skopeo("copy", "-q", *containers.tls("src-"), *containers.tls("dest-"),
                          reference(registry, repository, ":v1"), reference(registry, other_repository, ":v1"))
    # The configuration is sent, and so is a layer that skopeo finds no time to look up while it looks up another one.
    mounted, sent = digests_behind("mount=", seen), digests_behind("digest=", blob_traffic(seen))
    assert mounted and not mounted & sent, seen
    assert other_repository.list_tags() == ["v1"]


def test_skopeo_lists_inspects_and_deletes(containers, registry, repository, tmp_path):
    digest = oci_layout(tmp_path / "in")
    for tag in ("a", "b"):
        containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:{tag}")
    oci_layout(tmp_path / "other")
    containers.copy_in(f"oci:{tmp_path}/other:latest", f"{repository.name}:c")
    listed = json.loads(containers.skopeo("list-tags", *containers.tls(), reference(registry, repository)))
    assert listed["Tags"] == ["a", "b", "c"]
    inspected = json.loads(containers.skopeo("inspect", *containers.tls(), reference(registry, repository, ":a")))
    assert inspected["Digest"] == digest and inspected["RepoTags"] == ["a", "b", "c"]
    containers.skopeo("delete", *containers.tls(), reference(registry, repository, ":a"))
    repository.client.head(repository.manifest(digest)).expect(404)
    assert repository.list_tags() == ["c"]


@pytest.mark.parametrize("form", ["v2s2", "oci"])
def test_skopeo_converts_to_either_manifest_format(containers, repository, tmp_path, form):
    oci_layout(tmp_path / "in")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:{form}", "--format", form)
    kind = repository.resolve(form, "HEAD").header("Content-Type")
    assert ("docker" in kind) == (form == "v2s2")


def test_skopeo_compresses_with_zstd_while_it_copies(containers, repository, tmp_path):
    """A stream of unknown length, pushed as one chunk."""
    oci_layout(tmp_path / "in")
    containers.copy_in(f"oci:{tmp_path}/in:latest", f"{repository.name}:zstd", "--dest-compress",
                       "--dest-compress-format", "zstd")
    layers = repository.resolve("zstd").json()["layers"]
    assert all(layer["mediaType"].endswith("+zstd") for layer in layers), layers
    for layer in layers:
        got = repository.client.get(repository.blob(layer["digest"])).expect(200)
        assert got.body.startswith(b"\x28\xb5\x2f\xfd")
