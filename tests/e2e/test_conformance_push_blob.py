# SPDX-License-Identifier: MIT
"""end-4, end-5, end-6: every way a client may upload a blob, with either digest algorithm."""

import pytest

from harness.client import with_query
from harness.content import ALGORITHMS, OCTETS, absent_digest, digest_of, random_bytes

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)
well_known = pytest.mark.parametrize("data", [b"", b"{}"], ids=["empty", "braces"])


def check_created(answer, repository, digest):
    answer.expect(201)
    assert answer.location == repository.blob(digest), str(answer)
    assert answer.digest == digest, str(answer)


def patch(client, location, data, start=None, **kw):
    """One chunk; with its Content-Range when a start is given."""
    headers = [] if start is None else [("Content-Range", f"{start}-{start + len(data) - 1}")]
    return client.patch(location, data, headers=headers, type=OCTETS, **kw)


def push_in_chunks(repository, data, digest, size, last_in_put=False, query=""):
    """POST, a PATCH for each chunk, PUT; every answer is checked. Returns the last one."""
    client, location, sent = repository.client, repository.start_upload(query).location, 0
    while sent < len(data) - (size if last_in_put else 0):
        chunk = data[sent:sent + size]
        answer = patch(client, location, chunk, sent).expect(202)
        sent += len(chunk)
        assert answer.header("Range") == f"0-{sent - 1}", str(answer)
        location = answer.location
    rest = data[sent:]
    headers = [("Content-Range", f"{sent}-{len(data) - 1}")] if rest else []
    return client.put(with_query(location, digest=digest), rest, headers=headers, type=OCTETS)


def test_opening_an_upload_gives_a_relative_location_with_the_upload_s_id(repository):
    answer = repository.start_upload()
    assert answer.header("Range") == "0-0", str(answer)
    assert answer.length == 0
    uuid = answer.header("Docker-Upload-UUID")
    assert uuid and uuid in answer.location, str(answer)
    assert answer.location.startswith(repository.uploads), str(answer)


def test_an_upload_location_has_no_percent_escapes_as_containerd_would_encode_them_anew(repository):
    assert "%" not in repository.start_upload().location


def test_uploads_without_the_last_slash_work_the_same(repository):
    data = random_bytes(700)
    answer = repository.client.post(repository.uploads.rstrip("/")).expect(202)
    put = repository.client.put(with_query(answer.location, digest=digest_of(data)), data)
    check_created(put, repository, digest_of(data))


def test_a_post_with_a_json_type_and_no_body_opens_an_upload(repository):
    repository.client.post(repository.uploads, type="application/json").expect(202)


@algorithms
def test_a_single_post_stores_a_blob(repository, algorithm):
    data = random_bytes(512)
    digest = digest_of(data, algorithm)
    answer = repository.client.post(repository.uploads + f"?digest={digest}", data, type=OCTETS)
    check_created(answer, repository, digest)
    repository.check_blob(data, algorithm)


def test_a_single_post_may_escape_the_colon_of_the_digest(repository):
    data = random_bytes(512)
    escaped = digest_of(data).replace(":", "%3A")
    answer = repository.client.post(repository.uploads + f"?digest={escaped}", data, type=OCTETS)
    check_created(answer, repository, digest_of(data))


@algorithms
def test_post_then_put_stores_a_blob(repository, algorithm):
    data = random_bytes(512)
    repository.push_blob(data, algorithm)
    repository.check_blob(data, algorithm)


@algorithms
@well_known
def test_the_empty_blob_and_the_empty_object_can_be_pushed_and_pulled(repository, algorithm, data):
    repository.push_blob(data, algorithm)
    repository.check_blob(data, algorithm)


@algorithms
def test_one_chunk_of_unknown_length_and_an_empty_put_store_a_blob(repository, algorithm):
    """How docker pushes: Transfer-Encoding chunked, no Content-Range."""
    data, client = random_bytes(200_000), repository.client
    answer = patch(client, repository.start_upload().location, [data[:70_000], data[70_000:]]).expect(202)
    assert answer.header("Range") == f"0-{len(data) - 1}", str(answer)
    digest = digest_of(data, algorithm)
    check_created(client.put(with_query(answer.location, digest=digest)), repository, digest)
    repository.check_blob(data, algorithm)


def test_a_put_of_unknown_length_stores_a_blob(repository):
    data = random_bytes(100_000)
    location = with_query(repository.start_upload().location, digest=digest_of(data))
    check_created(repository.client.put(location, [data], type=OCTETS), repository, digest_of(data))
    repository.check_blob(data)


def test_a_put_without_a_content_type_stores_a_blob(repository):
    data = random_bytes(100)
    location = with_query(repository.start_upload().location, digest=digest_of(data))
    check_created(repository.client.put(location, data), repository, digest_of(data))


@algorithms
@pytest.mark.parametrize("size", [3000, 1024], ids=["one-chunk", "three-chunks"])
@pytest.mark.parametrize("last_in_put", [False, True], ids=["empty-put", "last-chunk-in-put"])
def test_a_blob_in_chunks_is_stored(repository, algorithm, size, last_in_put):
    data = random_bytes(3 * 1024 - 5)
    digest = digest_of(data, algorithm)
    check_created(push_in_chunks(repository, data, digest, size, last_in_put), repository, digest)
    repository.check_blob(data, algorithm)


def test_a_blob_in_chunks_may_name_its_algorithm_when_the_upload_opens(repository):
    data = random_bytes(3000)
    digest = digest_of(data, "sha512")
    answer = push_in_chunks(repository, data, digest, 1000, query="?digest-algorithm=sha512")
    check_created(answer, repository, digest)
    repository.check_blob(data, "sha512")


def test_an_announced_algorithm_is_a_hint_and_the_last_digest_decides(repository):
    data = random_bytes(3000)
    answer = push_in_chunks(repository, data, digest_of(data), 1000, query="?digest-algorithm=sha512")
    check_created(answer, repository, digest_of(data))


def test_an_unknown_algorithm_is_refused_when_the_upload_opens(repository):
    repository.client.post(repository.uploads + "?digest-algorithm=md5").expect_error(400, "DIGEST_INVALID")


def test_the_same_blob_pushed_twice_is_there_once_and_right(repository):
    data = random_bytes(4096)
    repository.push_blob(data)
    repository.push_blob(data)
    repository.check_blob(data)


def test_a_blob_of_several_megabytes_arrives_whole(repository):
    data = random_bytes(9 * 1024 * 1024 + 17)
    repository.push_blob(data)
    repository.check_blob(data)


# What is refused

@algorithms
def test_a_single_post_whose_bytes_do_not_match_is_refused(repository, algorithm):
    digest = absent_digest(algorithm)
    answer = repository.client.post(repository.uploads + f"?digest={digest}", random_bytes(512), type=OCTETS)
    answer.expect_error(400, "DIGEST_INVALID")
    repository.client.head(repository.blob(digest)).expect(404)


@algorithms
def test_a_put_whose_bytes_do_not_match_is_refused(repository, algorithm):
    digest = absent_digest(algorithm)
    location = with_query(repository.start_upload().location, digest=digest)
    repository.client.put(location, random_bytes(512), type=OCTETS).expect_error(400, "DIGEST_INVALID")
    repository.client.head(repository.blob(digest)).expect(404)


@algorithms
@pytest.mark.parametrize("last_in_put", [False, True], ids=["empty-put", "last-chunk-in-put"])
def test_chunks_that_do_not_match_are_refused(repository, algorithm, last_in_put):
    digest = absent_digest(algorithm)
    push_in_chunks(repository, random_bytes(3000), digest, 1024, last_in_put).expect_error(400, "DIGEST_INVALID")
    repository.client.head(repository.blob(digest)).expect(404)


@algorithms
def test_a_stream_that_does_not_match_is_refused(repository, algorithm):
    digest = absent_digest(algorithm)
    answer = patch(repository.client, repository.start_upload().location, [random_bytes(3000)]).expect(202)
    repository.client.put(with_query(answer.location, digest=digest)).expect_error(400, "DIGEST_INVALID")


@pytest.mark.parametrize("digest", ["", "sha256:", "sha256:baddigeststring", "md5:d41d8cd98f00b204e9800998ecf8427e",
                                    "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha512:" + "a" * 64, "a" * 64],
                         ids=["none", "nothing", "word", "md5", "upper", "short", "short512", "bare"])
def test_a_put_with_a_malformed_or_unknown_digest_is_refused(repository, digest):
    location = with_query(repository.start_upload().location, digest=digest)
    repository.client.put(location, b"data", type=OCTETS).expect_error(400, "DIGEST_INVALID")


def test_a_put_without_a_digest_is_refused(repository):
    location = repository.start_upload().location
    repository.client.put(location, b"data", type=OCTETS).expect_error(400, "DIGEST_INVALID")


def test_after_a_put_with_wrong_bytes_the_right_ones_may_be_put_to_the_same_location(repository):
    """containerd sends the body again to the same location; wrong bytes must not stay in front of it."""
    data = random_bytes(5000)
    location = with_query(repository.start_upload().location, digest=digest_of(data))
    repository.client.put(location, random_bytes(5000), type=OCTETS).expect_error(400, "DIGEST_INVALID")
    check_created(repository.client.put(location, data, type=OCTETS), repository, digest_of(data))
    repository.check_blob(data)
