# SPDX-License-Identifier: MIT
"""curl, as the README and every how-to uses it: to look, to list and to delete."""

import json

import pytest

from harness.clientfixtures import EVERYWHERE
from harness.clients import run
from harness.content import OCI_MANIFEST, digest_of, random_bytes

pytestmark = pytest.mark.kinds(*EVERYWHERE)


@pytest.fixture
def curl(registry):
    def call(path, *options, **kw):
        who = ["-u", ":".join(registry.user)] if registry.user else []
        ca = ["--cacert", registry.ca] if registry.ca else []
        return run("curl", "-sS", "--fail-with-body", *who, *ca, *options, registry.url + path, **kw)
    return call


def test_curl_lists_repositories_and_tags(curl, repository):
    repository.push_image("v1")
    assert repository.name in json.loads(curl("/v2/_catalog?n=1000"))["repositories"]
    assert json.loads(curl(repository.tags()))["tags"] == ["v1"]


def test_curl_deletes_a_tag_and_a_manifest(curl, repository):
    data = repository.push_image("v1")
    curl(repository.manifest("v1"), "-X", "DELETE")
    assert repository.list_tags() == []
    curl(repository.manifest(digest_of(data)), "-X", "DELETE")
    said = curl(repository.manifest(digest_of(data)), fails=True)
    assert "MANIFEST_UNKNOWN" in said


def test_curl_uploads_and_downloads_a_blob_and_resumes_it(curl, repository, tmp_path):
    data = random_bytes(300_000)
    (tmp_path / "blob").write_bytes(data)
    # lighttpd wants the length of a POST, which -d tells.
    head = curl(repository.uploads, "-d", "", "-o", tmp_path / "none", "-D", "-")
    location = next(h.split(": ", 1)[1] for h in head.splitlines() if h.lower().startswith("location:"))
    target = location + ("&" if "?" in location else "?") + "digest=" + digest_of(data)
    # -T sends Expect: 100-continue and, from a pipe, chunks.
    curl(target, "-T", tmp_path / "blob", "-H", "Expect: 100-continue")
    (tmp_path / "part").write_bytes(data[:100_000])
    curl(repository.blob(digest_of(data)), "-C", "-", "-o", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == data


def test_curl_sees_the_manifest_s_type_and_digest_by_head(curl, repository):
    data = repository.push_image("v1")
    head = curl(repository.manifest("v1"), "-I").lower()
    assert f"docker-content-digest: {digest_of(data)}" in head and f"content-type: {OCI_MANIFEST}" in head
    assert f"content-length: {len(data)}" in head
