# SPDX-License-Identifier: MIT
"""end-11: take a blob over from another repository without sending it."""

import pytest

from harness.client import with_query
from harness.content import ALGORITHMS, absent_digest, digest_of, random_bytes

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)


def mount(repository, digest, source=None):
    query = f"?mount={digest}" + (f"&from={source}" if source else "")
    return repository.client.post(repository.uploads + query)


def check_mounted(answer, repository, data, algorithm="sha256"):
    digest = digest_of(data, algorithm)
    answer.expect(201)
    assert answer.location == repository.blob(digest) and answer.digest == digest, str(answer)
    repository.check_blob(data, algorithm)


@algorithms
def test_a_blob_is_mounted_from_the_named_repository(repository, other_repository, algorithm):
    data = random_bytes(512)
    digest = other_repository.push_blob(data, algorithm)
    check_mounted(mount(repository, digest, other_repository.name), repository, data, algorithm)


@algorithms
def test_a_blob_is_mounted_without_naming_a_repository(registry, repository, other_repository, algorithm):
    """Where everybody may read everything. With a policy or tokens nothing says that the client may read it: an upload."""
    data = random_bytes(512)
    digest = other_repository.push_blob(data, algorithm)
    if registry.is_limited:
        mount(repository, digest).expect(202)
        repository.client.head(repository.blob(digest)).expect(404)
    else:
        check_mounted(mount(repository, digest), repository, data, algorithm)


def test_clients_escape_the_query_of_a_mount(repository, other_repository):
    data = random_bytes(512)
    escaped = other_repository.push_blob(data).replace(":", "%3A")
    check_mounted(mount(repository, escaped, other_repository.name.replace("/", "%2F")), repository, data)


def test_mounting_what_the_repository_has_already_is_fine(repository, other_repository):
    data = random_bytes(512)
    repository.push_blob(data)
    other_repository.push_blob(data)
    check_mounted(mount(repository, digest_of(data), other_repository.name), repository, data)


@algorithms
@pytest.mark.parametrize("named", [True, False], ids=["from", "no-from"])
def test_mounting_a_missing_blob_opens_an_upload_that_can_go_on(repository, other_repository, named, algorithm):
    data = random_bytes(512)
    digest = digest_of(data, algorithm)
    other_repository.push_blob(random_bytes(10))
    answer = mount(repository, digest, other_repository.name if named else None).expect(202)
    assert answer.header("Range") == "0-0" and answer.header("Docker-Upload-UUID"), str(answer)
    repository.client.put(with_query(answer.location, digest=digest), data).expect(201)
    repository.check_blob(data, algorithm)


def test_mounting_from_an_unknown_repository_opens_an_upload(repository):
    mount(repository, absent_digest(), "e2e/nobody/has/this").expect(202)


def test_an_upload_that_a_failed_mount_opened_can_be_cancelled(repository):
    location = mount(repository, absent_digest(), "e2e/nobody/has/this").expect(202).location
    repository.client.delete(location).expect(204)


def test_a_mounted_blob_outlives_its_deletion_at_the_source(repository, other_repository):
    data = random_bytes(512)
    digest = other_repository.push_blob(data)
    mount(repository, digest, other_repository.name).expect(201)
    other_repository.client.delete(other_repository.blob(digest)).expect(202)
    other_repository.client.head(other_repository.blob(digest)).expect(404)
    repository.check_blob(data)
