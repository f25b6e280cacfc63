# SPDX-License-Identifier: MIT
"""end-12: what refers to a manifest, and the headers that tell clients the registry keeps that list for them."""

import itertools
import json

import pytest

from harness import content
from harness.content import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, absent_digest, descriptor, digest_of, encode
from harness.paging import walk

SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1+json"


def subject_of(data, media_type=OCI_MANIFEST):
    return descriptor(data, media_type)


def digests(descriptors):
    return [d["digest"] for d in descriptors]


@pytest.fixture
def image(repository):
    return repository.push_image("image")


@pytest.mark.parametrize("algorithm", content.ALGORITHMS)
def test_what_nothing_refers_to_has_an_empty_list(repository, image, algorithm):
    assert repository.list_referrers(absent_digest(algorithm)) == []
    assert repository.list_referrers(digest_of(image)) == []


def test_a_repository_that_does_not_exist_yet_has_empty_lists(repository):
    assert repository.list_referrers(absent_digest()) == []


@pytest.mark.parametrize("digest", ["sha256:baddigeststring", "sha256:" + "a" * 63, "latest", "sha256:" + "A" * 64])
def test_a_malformed_digest_is_refused(repository, image, digest):
    repository.client.get(repository.referrers(digest)).expect_error(400, "DIGEST_INVALID")


def test_the_list_describes_an_artifact_with_type_size_and_annotations(repository, image):
    notes = {"org.opencontainers.image.created": "2026-01-01T00:00:00Z", "org.example.text": "ü \" \\ /"}
    data = repository.push_artifact(SBOM, subject=subject_of(image), annotations=notes)
    assert repository.list_referrers(digest_of(image)) == [
        {"mediaType": OCI_MANIFEST, "digest": digest_of(data), "size": len(data), "artifactType": SBOM,
         "annotations": notes}]


def test_the_push_of_a_referrer_is_confirmed_by_oci_subject(repository, image):
    document = content.artifact_manifest(SBOM, b"{}", subject=subject_of(image))
    repository.push_blob(b"{}")
    for reference in (None, "tagged"):
        answer = repository.put_manifest(document, reference)
        assert answer.header("OCI-Subject") == digest_of(image), str(answer)


def test_a_push_without_a_subject_does_not_speak_of_one(repository):
    answer = repository.put_manifest(content.index([]), "plain")
    assert answer.header("OCI-Subject") is None, str(answer)


def test_an_image_without_an_artifact_type_is_listed_under_its_configuration_s(repository, image):
    repository.push_image(subject=subject_of(image))
    [entry] = repository.list_referrers(digest_of(image))
    assert entry["artifactType"] == OCI_CONFIG


def test_an_index_may_refer_to_something_too(repository, image):
    data, _ = repository.push_index(subject=subject_of(image), artifactType=SBOM, annotations={"k": "v"})
    assert repository.list_referrers(digest_of(image)) == [
        {"mediaType": OCI_INDEX, "digest": digest_of(data), "size": len(data), "artifactType": SBOM,
         "annotations": {"k": "v"}}]


def test_an_index_without_an_artifact_type_is_listed_without_one(repository, image):
    repository.push_index(subject=subject_of(image))
    [entry] = repository.list_referrers(digest_of(image))
    assert "artifactType" not in entry


def test_an_index_can_be_referred_to(repository):
    data, _ = repository.push_index("index")
    referrer = repository.push_artifact(SBOM, subject=subject_of(data, OCI_INDEX))
    assert digests(repository.list_referrers(digest_of(data))) == [digest_of(referrer)]


def test_the_subject_may_come_later_or_never(repository):
    later = repository.push_image()
    repository.client.delete(repository.manifest(digest_of(later))).expect(202)
    for subject in (subject_of(later), {"mediaType": OCI_MANIFEST, "digest": absent_digest(), "size": 123}):
        data = repository.push_artifact(SBOM, subject=subject)
        assert digests(repository.list_referrers(subject["digest"])) == [digest_of(data)]
    repository.put_manifest(later)
    assert len(repository.list_referrers(digest_of(later))) == 1


def test_a_subject_may_be_named_by_sha512(repository):
    image = repository.push_image(algorithm="sha512")
    data = repository.push_artifact(SBOM, subject=descriptor(image, OCI_MANIFEST, "sha512"))
    assert digests(repository.list_referrers(digest_of(image, "sha512"))) == [digest_of(data)]


def test_a_referrer_may_be_named_by_sha512(repository, image):
    repository.push_blob(b"{}")
    data = encode(content.artifact_manifest(SBOM, b"{}", subject=subject_of(image)))
    repository.put_manifest(data, algorithm="sha512")
    assert digests(repository.list_referrers(digest_of(image))) == [digest_of(data, "sha512")]


def test_pushing_a_referrer_twice_lists_it_once(repository, image):
    data = repository.push_artifact(SBOM, "tag", subject=subject_of(image))
    repository.put_manifest(data, "other-tag")
    repository.put_manifest(data)
    assert digests(repository.list_referrers(digest_of(image))) == [digest_of(data)]


def test_a_deleted_referrer_leaves_the_list_at_once(repository, image):
    data = repository.push_artifact(SBOM, subject=subject_of(image))
    stays = repository.push_artifact(SBOM, subject=subject_of(image))
    repository.client.delete(repository.manifest(digest_of(data))).expect(202)
    assert digests(repository.list_referrers(digest_of(image))) == [digest_of(stays)]


def test_referrers_belong_to_their_repository(repository, other_repository, image):
    repository.push_artifact(SBOM, subject=subject_of(image))
    other_repository.put_manifest(content.index([]))
    assert other_repository.list_referrers(digest_of(image)) == []


# The filter

@pytest.fixture
def several(repository, image):
    """Referrers of three kinds, by artifact type (None for an index that has none)."""
    by_type = {SBOM: [], SIGNATURE: [], None: []}
    for kind in (SBOM, SIGNATURE, SBOM):
        data = repository.push_artifact(kind, subject=subject_of(image))
        by_type[kind].append(digest_of(data))
    by_type[None].append(digest_of(repository.push_index(subject=subject_of(image))[0]))
    return by_type


@pytest.mark.parametrize("wanted", [SBOM, SIGNATURE], ids=["sbom", "signature"])
def test_the_filter_leaves_one_type_and_says_so(repository, image, several, wanted):
    escaped = wanted.replace("+", "%2B")
    for query in (escaped, escaped.replace("/", "%2F")):
        answer = repository.client.get(repository.referrers(digest_of(image), f"?artifactType={query}")).expect(200)
        assert answer.header("OCI-Filters-Applied") == "artifactType", str(answer)
        assert sorted(digests(answer.json()["manifests"])) == sorted(several[wanted]), str(answer)


def test_without_a_filter_all_are_listed_and_no_filter_is_announced(repository, image, several):
    answer = repository.client.get(repository.referrers(digest_of(image))).expect(200)
    assert answer.header("OCI-Filters-Applied") is None, str(answer)
    assert sorted(digests(answer.json()["manifests"])) == sorted(itertools.chain(*several.values()))


def test_a_type_nobody_has_filters_to_an_empty_list(repository, image, several):
    answer = repository.client.get(repository.referrers(digest_of(image), "?artifactType=application/x")).expect(200)
    assert answer.header("OCI-Filters-Applied") == "artifactType" and answer.json()["manifests"] == [], str(answer)


# Pages

def manifests(page):
    assert page["schemaVersion"] == 2 and page["mediaType"] == OCI_INDEX
    return page["manifests"]


def test_every_page_size_walks_through_all_referrers_once(repository, image):
    expected = [digest_of(repository.push_artifact(SBOM if i % 2 else SIGNATURE, subject=subject_of(image)))
                for i in range(7)]
    for n in range(1, 9):
        pages = walk(repository.client, repository.referrers(digest_of(image), f"?n={n}"), manifests, n)
        assert sorted(digests(itertools.chain(*pages))) == sorted(expected), f"n={n}"
    pages = walk(repository.client, repository.referrers(digest_of(image), f"?artifactType={SBOM}&n=1"), manifests, 1)
    assert sorted(digests(itertools.chain(*pages))) == sorted(expected[1::2])


def test_a_list_too_large_for_one_answer_comes_in_pages_of_at_most_the_manifest_limit(repository, image):
    notes = {f"note-{i}": "A" * 10_000 for i in range(150)}
    expected = [digest_of(repository.push_artifact(SBOM, subject=subject_of(image), annotations=notes))
                for _ in range(5)]
    pages = walk(repository.client, repository.referrers(digest_of(image)), manifests)
    assert len(pages) > 1 and all(len(json.dumps(p)) < 4.2e6 for p in pages)
    found = list(itertools.chain(*pages))
    assert sorted(digests(found)) == sorted(expected) and all(d["annotations"] == notes for d in found)


def test_one_referrer_of_nearly_four_megabytes_is_listed_whole(repository, image):
    notes = {f"large-{i}": "A" * 10_000 for i in range(390)}
    data = repository.push_artifact(SBOM, subject=subject_of(image), annotations=notes)
    [[entry]] = walk(repository.client, repository.referrers(digest_of(image)), manifests)
    assert entry["digest"] == digest_of(data) and entry["annotations"] == notes


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_list_cannot_be_written(repository, image, method):
    answer = repository.client.request(method, repository.referrers(digest_of(image)))
    answer.expect_error(405, "UNSUPPORTED")
