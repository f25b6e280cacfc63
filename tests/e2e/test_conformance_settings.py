# SPDX-License-Identifier: MIT
"""What the administrator's keys change in the protocol, without a restart where that is promised."""

import pytest

from harness import content
from harness.client import with_query
from harness.content import OCI_INDEX, OCI_MANIFEST, absent_digest, digest_of, encode, random_bytes
from harness.process import wait_for
from harness.repository import Repository

DENIED = (403, 405, 503)


@pytest.mark.settings(delete="no")
class TestDeleteSwitchedOff:
    def test_tags_manifests_and_blobs_stay(self, repository):
        data = repository.push_image("v1")
        blob = random_bytes(10)
        repository.push_blob(blob)
        for path in (repository.manifest("v1"), repository.manifest(digest_of(data)),
                     repository.blob(digest_of(blob))):
            repository.client.delete(path).expect_error(405, "UNSUPPORTED")
        repository.check_manifest(data, "v1", OCI_MANIFEST)
        repository.check_blob(blob)

    def test_an_upload_can_still_be_cancelled(self, repository):
        """docker cancels uploads it does not need, with no more than the right to push."""
        repository.client.delete(repository.start_upload().location).expect(204)


@pytest.mark.settings(sparse="yes")
class TestSparseManifests:
    def test_an_image_may_lack_a_layer(self, repository):
        config, layer, absent = content.config_bytes(), content.layer_bytes(50), content.layer_bytes(50)
        repository.push_blobs(config, layer)
        data = encode(content.image_manifest(config, [layer, absent]))
        repository.put_manifest(data, "sparse")
        repository.check_manifest(data, "sparse", OCI_MANIFEST)
        repository.client.get(repository.blob(digest_of(absent))).expect_error(404, "BLOB_UNKNOWN")

    def test_an_index_may_lack_a_platform(self, repository):
        there = content.descriptor(repository.push_image(), OCI_MANIFEST)
        data = encode(content.index([there, {"mediaType": OCI_MANIFEST, "digest": absent_digest(), "size": 1024}]))
        repository.put_manifest(data, "sparse")
        repository.check_manifest(data, "sparse", OCI_INDEX)


@pytest.mark.settings(manifest_limit="8K")
def test_the_manifest_limit_is_the_one_configured(repository):
    repository.push_image("small")
    document = content.index([], annotations={"large": "x" * 9000})
    repository.client.put(repository.manifest("large"), encode(document), type=OCI_INDEX).expect(413)
    document["annotations"]["large"] = "x" * 7000
    repository.put_manifest(document, "fits")


def writes(repository, location, data):
    """Every request that would write, as (method, path, body, type)."""
    digest, blob = digest_of(data), random_bytes(10)
    return [
        ("POST", repository.uploads, None, None),
        ("POST", repository.uploads + f"?digest={digest_of(blob)}", blob, content.OCTETS),
        ("POST", repository.uploads + f"?mount={digest_of(b'{}')}", None, None),
        ("PATCH", location, blob, content.OCTETS),
        ("PUT", with_query(location, digest=digest_of(blob)), blob, content.OCTETS),
        ("PUT", repository.manifest("v2"), data, OCI_MANIFEST),
        ("PUT", repository.manifest(digest), data, OCI_MANIFEST),
        ("DELETE", repository.manifest("v1"), None, None),
        ("DELETE", repository.manifest(digest), None, None),
        ("DELETE", repository.blob(digest_of(b"{}")), None, None),
    ]


def test_read_only_is_switched_on_and_off_without_a_restart_and_pulls_go_on(own_registry):
    repository = Repository(own_registry.client, "e2e/readonly")
    data, client = repository.push_image("v1"), own_registry.client
    repository.push_blob(b"{}")
    location = repository.start_upload().location

    own_registry.reconfigure(readonly="yes")
    wait_for(lambda: client.post(repository.uploads).status in DENIED, "the registry refusing uploads")
    for method, path, body, media_type in writes(repository, location, data):
        answer = client.request(method, path, body, type=media_type).expect(*DENIED)
        assert answer.json()["errors"][0]["code"] in ("UNSUPPORTED", "DENIED", "UNAVAILABLE"), str(answer)
    repository.check_manifest(data, "v1", OCI_MANIFEST)
    repository.check_manifest(data, digest_of(data), OCI_MANIFEST)
    repository.check_blob(b"{}")
    assert repository.list_tags() == ["v1"] and repository.list_referrers(digest_of(data)) == []
    assert client.get("/v2/_catalog").expect(200).json()["repositories"] == ["e2e/readonly"]

    own_registry.reconfigure(readonly="no")
    wait_for(lambda: client.post(repository.uploads).status == 202, "the registry taking uploads again")
    repository.check_manifest(repository.push_image("v2"), "v2", OCI_MANIFEST)
    client.put(with_query(location, digest=digest_of(b"late")), b"late", type=content.OCTETS).expect(201)
