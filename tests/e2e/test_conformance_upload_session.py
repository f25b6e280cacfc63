# SPDX-License-Identifier: MIT
"""end-5, end-13, end-14: an upload between its beginning and its end, and what it survives."""

import pytest

from harness.client import with_query
from harness.content import ALGORITHMS, OCTETS, digest_of, random_bytes
from harness.process import wait_for

UNKNOWN = "BLOB_UPLOAD_UNKNOWN"


def content_range(start, data):
    return [("Content-Range", f"{start}-{start + len(data) - 1}")]


def send(client, location, start, data, method="PATCH"):
    return client.request(method, location, data, headers=content_range(start, data), type=OCTETS)


def status(client, location):
    answer = client.get(location).expect(204)
    assert answer.body == b"" and answer.location, str(answer)
    return answer


def finish(repository, location, data, algorithm="sha256"):
    """Close an upload and see that the blob is the given bytes."""
    digest = digest_of(data, algorithm)
    assert repository.client.put(with_query(location, digest=digest)).expect(201).digest == digest
    repository.check_blob(data, algorithm)


def test_a_fresh_upload_reports_the_range_0_0(repository):
    answer = status(repository.client, repository.start_upload().location)
    assert answer.header("Range") == "0-0", str(answer)
    assert answer.header("Docker-Upload-UUID"), str(answer)


def test_an_upload_reports_the_last_byte_it_has(repository):
    location = send(repository.client, repository.start_upload().location, 0, random_bytes(1000)).location
    assert status(repository.client, location).header("Range") == "0-999"


def test_an_upload_can_be_asked_by_head_too(repository):
    location = send(repository.client, repository.start_upload().location, 0, random_bytes(10)).location
    answer = repository.client.head(location).expect(204)
    assert answer.header("Range") == "0-9", str(answer)


def test_a_second_stream_without_content_range_is_appended(repository):
    data = random_bytes(5000)
    location = repository.start_upload().location
    for piece in (data[:2000], data[2000:]):
        location = repository.client.patch(location, [piece], type=OCTETS).expect(202).location
    finish(repository, location, data)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("start", [0, 500, 1500, 2000], ids=["again", "overlap", "gap", "far"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_chunk_out_of_order_is_416_and_the_upload_lives_on(repository, method, start, algorithm):
    data, client = random_bytes(3000), repository.client
    location = send(client, repository.start_upload().location, 0, data[:1000]).expect(202).location
    target = with_query(location, digest=digest_of(data, algorithm)) if method == "PUT" else location
    send(client, target, start, data[start:start + 1000], method).expect_error(416, "RANGE_INVALID")
    answer = status(client, location)
    assert answer.header("Range") == "0-999", str(answer)
    location = send(client, answer.location, 1000, data[1000:]).expect(202).location
    finish(repository, location, data, algorithm)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_first_chunk_that_skips_bytes_is_416(repository, method):
    data, client = random_bytes(2000), repository.client
    location = repository.start_upload().location
    target = with_query(location, digest=digest_of(data)) if method == "PUT" else location
    send(client, target, 1000, data[1000:], method).expect_error(416, "RANGE_INVALID")
    assert status(client, location).header("Range") == "0-0"
    finish(repository, send(client, location, 0, data).expect(202).location, data)


def test_an_upload_can_be_cancelled_and_is_unknown_then(repository):
    location = send(repository.client, repository.start_upload().location, 0, random_bytes(10)).location
    repository.client.delete(location).expect(204)
    repository.client.get(location).expect_error(404, UNKNOWN)
    repository.client.delete(location).expect_error(404, UNKNOWN)
    repository.client.patch(location, b"more", type=OCTETS).expect_error(404, UNKNOWN)


def test_an_upload_without_a_byte_can_be_cancelled(repository):
    location = repository.start_upload().location
    repository.client.delete(location).expect(204)
    repository.client.get(location).expect_error(404, UNKNOWN)


def test_a_finished_upload_is_unknown(repository):
    data = random_bytes(10)
    location = repository.start_upload().location
    repository.client.put(with_query(location, digest=digest_of(data)), data).expect(201)
    repository.client.get(location).expect_error(404, UNKNOWN)


def test_an_upload_is_404_through_another_repository_and_unharmed_by_the_try(repository, other_repository):
    data, client = random_bytes(2000), repository.client
    location = send(client, repository.start_upload().location, 0, data[:1000]).location
    other_repository.start_upload()
    foreign = location.replace(repository.base, other_repository.base, 1)
    client.get(foreign).expect_error(404, UNKNOWN)
    send(client, foreign, 1000, data[1000:]).expect_error(404, UNKNOWN)
    client.put(with_query(foreign, digest=digest_of(data[:1000]))).expect_error(404, UNKNOWN)
    client.delete(foreign).expect_error(404, UNKNOWN)
    finish(repository, send(client, location, 1000, data[1000:]).expect(202).location, data)


def half_a_request(repository, method, location, data, chunked):
    """Begin a request with this body, send half of it and go away."""
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(data)))
    exchange = repository.client.begin(method, location, [("Content-Type", OCTETS), framing])
    half = data[:len(data) // 2]
    exchange.send_chunk(half) if chunked else exchange.send(half)
    exchange.abort()


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("size", [2000, 2_000_000], ids=["small", "large"])
def test_a_client_that_goes_away_leaves_the_upload_as_it_was(repository, method, chunked, size):
    first, rest, client = random_bytes(1000), random_bytes(size), repository.client
    location = send(client, repository.start_upload().location, 0, first).expect(202).location
    target = with_query(location, digest=digest_of(first + rest)) if method == "PUT" else location
    half_a_request(repository, method, target, rest, chunked)
    wait_for(lambda: status(client, location).header("Range") == "0-999", "the upload as it was")
    finish(repository, send(client, location, 1000, rest).expect(202).location, first + rest)


def test_a_writer_that_had_to_wait_looks_again_where_the_upload_ends(repository):
    """Its range was right when it came and is no more when its turn comes."""
    client, location = repository.client, repository.start_upload().location
    first, second = random_bytes(100_000), random_bytes(100_000)
    headers = [("Content-Length", "100000"), ("Content-Range", "0-99999"), ("Content-Type", OCTETS)]
    holds, waits = (client.begin("PATCH", location, headers) for _ in range(2))
    holds.send(first[:90_000])
    waits.send(second)
    holds.send(first[90_000:])
    answers = [exchange.finish().expect(202, 416, 503) for exchange in (holds, waits)]
    assert [a.status for a in answers].count(202) == 1, "\n".join(map(str, answers))
    finish(repository, status(client, location).location, first if answers[0].status == 202 else second)
