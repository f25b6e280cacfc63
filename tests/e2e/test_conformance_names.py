# SPDX-License-Identifier: MIT
"""Repository names: what is one, and that names made of the API's own words still reach the right route."""

import secrets

import pytest

from harness.content import absent_digest, random_bytes
from harness.repository import Repository

VALID = ["a", "0", "a.b", "a_b", "a__b", "a-b", "a---b", "library/alpine", "a/b/c/d/e/f/g", "x" * 200]
INVALID = ["A", "a/B", "a..b", "a___b", "-a", "a-", ".a", "a.", "_a", "a/_b", "a_", "a//b", "a b", "a:b", "a@b",
           "%41", "a%2Fb", "a%2fb", "a/../b", "a/./b", "a/%2e%2e/b", "ä"]
TRICKY = ["tags", "tags/list", "blobs", "manifests", "referrers", "blobs/uploads", "a/blobs/uploads", "a/manifests/b",
          "a/tags/list", "a/referrers/b", "uploads", "v2", "v2/a", "a/blobs/sha256"]


@pytest.mark.parametrize("name", VALID + TRICKY, ids=lambda name: name[:20])
def test_a_repository_may_have_this_name(client, name):
    unique = f"{name}/n{secrets.token_hex(4)}" if name in TRICKY else f"n{secrets.token_hex(4)}/{name}"
    for full in (unique, f"n{secrets.token_hex(4)}/{name}"):
        repository = Repository(client, full)
        data = repository.push_image("latest")
        repository.check_manifest(data, "latest", "application/vnd.oci.image.manifest.v1+json")
        assert repository.list_tags() == ["latest"]
        blob = random_bytes(100)
        repository.push_blob(blob)
        repository.check_blob(blob)
        assert repository.list_referrers(absent_digest()) == []


def check_refused(registry, name, answer):
    """400 or 404 in the OCI form; but with mod_fcgid, Apache refuses an escaped slash by itself before it looks for
    what to say under /v2."""
    if registry.kind == "apache-fcgid" and "%2f" in name.lower():
        assert answer.status == 404, str(answer)
    else:
        answer.expect(400, 404)


# An escaped slash is no slash: web servers do not take it for one where an administrator has closed a part of the tree.
@pytest.mark.parametrize("name", INVALID)
def test_a_name_outside_the_grammar_is_refused_everywhere(registry, name):
    raw = name.encode().decode("latin-1") if name.isascii() else "%C3%A4"
    raw = raw.replace(" ", "%20")
    for method, path in (("GET", "tags/list"), ("GET", "manifests/latest"), ("GET", f"blobs/{absent_digest()}"),
                         ("POST", "blobs/uploads/"), ("PUT", "manifests/latest"),
                         ("GET", f"referrers/{absent_digest()}")):
        answer = registry.client.request(method, f"/v2/{raw}/{path}", b"{}" if method == "PUT" else None)
        check_refused(registry, name, answer)


@pytest.mark.parametrize("name", ["A", "a/B", "a..b", "-a", "_a", "a___b"])
def test_the_error_for_a_bad_name_says_so(client, name):
    client.get(f"/v2/{name}/tags/list").expect_error(400, "NAME_INVALID")
    client.post(f"/v2/{name}/blobs/uploads/").expect_error(400, "NAME_INVALID")


def test_a_bad_name_leaves_nothing_on_disk(registry):
    for name in INVALID:
        if name.isascii() and " " not in name:
            check_refused(registry, name, registry.client.post(f"/v2/{name}/blobs/uploads/"))
    repositories = registry.path("repositories")
    names = {p.name for p in repositories.iterdir()} if repositories.exists() else set()
    assert not names & {"A", "-a", "a-", ".a", "_a", "a..b", "a___b", "..", "a:b", "a@b"}, names
