# SPDX-License-Identifier: MIT
"""end-9, end-10: delete tags, manifests and blobs; what is gone is gone at once, and nothing else is."""

import pytest

from harness.content import ALGORITHMS, OCI_INDEX, OCI_MANIFEST, absent_digest, digest_of, random_bytes

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)


def delete(repository, reference):
    return repository.client.delete(repository.manifest(reference))


def check_gone(repository, *references):
    for reference in references:
        repository.client.head(repository.manifest(reference)).expect(404)
        repository.client.get(repository.manifest(reference)).expect_error(404, "MANIFEST_UNKNOWN")


def test_deleting_a_tag_leaves_the_manifest_and_its_other_tags(repository):
    data = repository.push_image("one")
    repository.put_manifest(data, "two")
    delete(repository, "one").expect(202)
    check_gone(repository, "one")
    repository.check_manifest(data, "two", OCI_MANIFEST)
    repository.check_manifest(data, digest_of(data), OCI_MANIFEST)


@algorithms
def test_deleting_a_manifest_takes_all_its_tags_along(repository, algorithm):
    data = repository.push_image(algorithm=algorithm)
    digest = digest_of(data, algorithm)
    repository.put_manifest(data, algorithm=algorithm, query="?tag=one&tag=two")
    other = repository.push_image("other")
    delete(repository, digest).expect(202)
    check_gone(repository, "one", "two", digest)
    assert repository.list_tags() == ["other"]
    repository.check_manifest(other, "other", OCI_MANIFEST)


def test_a_tag_that_has_moved_on_stays_when_its_old_manifest_goes(repository):
    old, new = repository.push_image("moved"), repository.push_image("moved")
    delete(repository, digest_of(old)).expect(202)
    repository.check_manifest(new, "moved", OCI_MANIFEST)


def test_a_deleted_manifest_can_be_pushed_again(repository):
    data = repository.push_image("v1")
    delete(repository, digest_of(data)).expect(202)
    repository.put_manifest(data, "v1")
    repository.check_manifest(data, "v1", OCI_MANIFEST)


def test_deleting_an_index_leaves_its_children(repository):
    data, images = repository.push_index("multi")
    delete(repository, digest_of(data)).expect(202)
    check_gone(repository, "multi", digest_of(data))
    for image in images:
        repository.check_manifest(image, digest_of(image), OCI_MANIFEST)


def test_a_child_of_an_index_can_be_deleted(repository):
    data, images = repository.push_index("multi")
    delete(repository, digest_of(images[0])).expect(202)
    check_gone(repository, digest_of(images[0]))
    repository.check_manifest(data, "multi", OCI_INDEX)


def test_a_deletion_in_one_repository_is_not_one_in_another(repository, other_repository):
    data = random_bytes(100)
    for each in (repository, other_repository):
        each.push_blob(data)
    repository.client.delete(repository.blob(digest_of(data))).expect(202)
    repository.client.head(repository.blob(digest_of(data))).expect(404)
    other_repository.check_blob(data)


@algorithms
def test_a_deleted_blob_is_gone_and_can_be_pushed_again(repository, algorithm):
    data = random_bytes(100)
    digest = repository.push_blob(data, algorithm)
    repository.client.delete(repository.blob(digest)).expect(202)
    repository.client.head(repository.blob(digest)).expect(404)
    repository.client.get(repository.blob(digest)).expect_error(404, "BLOB_UNKNOWN")
    repository.push_blob(data, algorithm)
    repository.check_blob(data, algorithm)


def test_tags_then_manifests_then_blobs_can_all_be_deleted(repository):
    """The order in which the official suite cleans up."""
    layer = random_bytes(100)
    repository.push_blob(layer)
    data = repository.push_image("v1")
    delete(repository, "v1").expect(202)
    delete(repository, digest_of(data)).expect(202)
    repository.client.delete(repository.blob(digest_of(layer))).expect(202)
    assert repository.list_tags() == []


def test_deleting_what_is_not_there_is_404(repository):
    repository.push_image("v1")
    delete(repository, "no-such-tag").expect_error(404, "MANIFEST_UNKNOWN")
    delete(repository, absent_digest()).expect_error(404, "MANIFEST_UNKNOWN")
    repository.client.delete(repository.blob(absent_digest())).expect_error(404, "BLOB_UNKNOWN")


def test_deleting_twice_is_404_the_second_time(repository):
    data = repository.push_image("v1")
    for reference in ("v1", digest_of(data)):
        delete(repository, reference).expect(202)
        delete(repository, reference).expect_error(404, "MANIFEST_UNKNOWN")


def test_deleting_by_a_malformed_digest_is_refused(repository):
    delete(repository, "sha256:baddigeststring").expect_error(400, "DIGEST_INVALID")
    repository.client.delete(repository.blob("sha256:baddigeststring")).expect_error(400, "DIGEST_INVALID")
