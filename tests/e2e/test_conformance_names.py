# SPDX-License-Identifier: MIT
"""Repository names: what is one, and that names made of the API's own words still reach the right route. What is none, the
corpus of bad requests tells."""

import secrets

import pytest

from harness.content import absent_digest, random_bytes
from harness.repository import Repository

VALID = ["a", "0", "a.b", "a_b", "a__b", "a-b", "a---b", "library/alpine", "a/b/c/d/e/f/g", "x" * 200]
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
