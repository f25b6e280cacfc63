# SPDX-License-Identifier: MIT
"""end-2: pull a blob, whole or in ranges, or only when it is not there yet."""

import pytest

from harness.content import ALGORITHMS, OCTETS, absent_digest, digest_of, random_bytes

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)
SIZE = 2048


@pytest.fixture
def blob(repository):
    data = random_bytes(SIZE)
    repository.push_blob(data)
    return data


def get(repository, data, headers, algorithm="sha256", method="GET"):
    return repository.client.request(method, repository.blob(digest_of(data, algorithm)), headers=list(headers.items()))


@algorithms
def test_a_blob_is_pulled_with_its_length_and_digest(registry, repository, algorithm):
    data = random_bytes(SIZE)
    repository.push_blob(data, algorithm)
    answer = repository.check_blob(data, algorithm)
    assert answer.header("Content-Type") == OCTETS, str(answer)
    assert answer.header("Accept-Ranges") == "bytes", str(answer)
    if registry.kind != "apache-xsendfile":   # mod_xsendfile adds it
        assert answer.header("Last-Modified") is None, str(answer)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_etag_of_a_blob_is_its_digest(repository, blob, method):
    answer = get(repository, blob, {}, method=method).expect(200)
    assert answer.header("ETag") == f'"{digest_of(blob)}"', str(answer)


def test_a_blob_is_never_compressed_on_the_way(repository, blob):
    """containerd asks so and would decode what comes; lengths and ranges would be lost."""
    text = b"all the same letter " * 1000
    repository.push_blob(text)
    for method in ("GET", "HEAD"):
        answer = get(repository, text, {"Accept-Encoding": "zstd, gzip, deflate"}, method=method).expect(200)
        assert answer.header("Content-Encoding") is None and answer.length == len(text), str(answer)
    assert "gzip" not in (answer.header("Vary") or "")


def test_the_accept_header_of_a_blob_does_not_matter(repository, blob):
    assert get(repository, blob, {"Accept": "application/json"}).expect(200).body == blob


@algorithms
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_nobody_pushed_is_unknown(repository, algorithm, method):
    repository.push_blob(b"{}")
    answer = repository.client.request(method, repository.blob(absent_digest(algorithm)))
    answer.expect_error(404, "BLOB_UNKNOWN")


def test_a_blob_of_another_repository_is_unknown_here(repository, other_repository, blob):
    other_repository.push_blob(b"{}")
    for name in (other_repository.name, "e2e/no/such/repository"):
        path = f"/v2/{name}/blobs/{digest_of(blob)}"
        repository.client.get(path).expect_error(404, "BLOB_UNKNOWN")
        repository.client.head(path).expect(404)


def test_a_blob_known_by_one_algorithm_is_unknown_by_the_other(repository, blob):
    repository.client.get(repository.blob(digest_of(blob, "sha512"))).expect_error(404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("digest", ["sha256:baddigeststring", "sha256:", "sha256:" + "A" * 64, "md5:" + "a" * 32,
                                    "sha256:" + "a" * 65, "sha256:" + "g" * 64, "latest"],
                         ids=["word", "nothing", "upper", "md5", "long", "letters", "tag"])
def test_a_malformed_digest_is_refused(repository, digest):
    repository.client.get(repository.blob(digest)).expect_error(400, "DIGEST_INVALID")
    repository.client.head(repository.blob(digest)).expect(400)


# Ranges

@pytest.mark.parametrize("value, first, last", [
    ("500-1499", 500, 1499), ("500-", 500, SIZE - 1), ("-500", SIZE - 500, SIZE - 1), ("0-", 0, SIZE - 1),
    ("2000-5000", 2000, SIZE - 1), ("0-0", 0, 0), (f"{SIZE - 1}-", SIZE - 1, SIZE - 1), ("-5000", 0, SIZE - 1)])
@algorithms
def test_a_range_is_answered_with_206_and_exactly_these_bytes(repository, algorithm, value, first, last):
    data = random_bytes(SIZE)
    repository.push_blob(data, algorithm)
    answer = get(repository, data, {"Range": f"bytes={value}"}, algorithm).expect(206)
    assert answer.body == data[first:last + 1] and answer.length == last - first + 1, str(answer)
    assert answer.header("Content-Range") == f"bytes {first}-{last}/{SIZE}", str(answer)
    assert answer.digest == digest_of(data, algorithm), str(answer)


@pytest.mark.parametrize("value", ["500-0", "5000-10000", f"{SIZE}-", "-0"])
@algorithms
def test_a_range_with_no_bytes_in_it_is_416(repository, algorithm, value):
    data = random_bytes(SIZE)
    repository.push_blob(data, algorithm)
    answer = get(repository, data, {"Range": f"bytes={value}"}, algorithm)
    assert answer.status == 416 and data not in answer.body, str(answer)
    assert answer.header("Content-Range") == f"bytes */{SIZE}", str(answer)


def test_the_416_of_a_range_has_an_error_in_the_oci_form(repository, blob):
    get(repository, blob, {"Range": "bytes=5000-10000"}).expect_error(416, "RANGE_INVALID")


def test_a_range_in_another_unit_is_ignored(repository, blob):
    answer = get(repository, blob, {"Range": "lines=1-2"}).expect(200)
    assert answer.body == blob


def test_several_ranges_come_in_one_multipart_answer(repository, blob):
    answer = get(repository, blob, {"Range": "bytes=0-99,500-599,-48"}).expect(206)
    expected = [(0, 99), (500, 599), (2000, 2047)]
    assert answer.parts() == [(f"bytes {a}-{b}/{SIZE}", blob[a:b + 1]) for a, b in expected]
    assert answer.length == len(answer.body)


def test_fifty_ranges_as_partial_pulls_send_them(repository):
    data = random_bytes(100_000)
    repository.push_blob(data)
    ranges = [(i * 2000, i * 2000 + 999) for i in range(50)]
    answer = get(repository, data, {"Range": "bytes=" + ",".join(f"{a}-{b}" for a, b in ranges)}).expect(206)
    assert [part for _, part in answer.parts()] == [data[a:b + 1] for a, b in ranges]


def test_of_several_ranges_those_past_the_end_are_left_out(repository, blob):
    answer = get(repository, blob, {"Range": "bytes=0-9,9000-9009"}).expect(206)
    assert blob[:10] == (answer.parts()[0][1] if "multipart" in answer.header("Content-Type") else answer.body)


def test_a_range_holds_only_while_the_etag_is_the_same(repository, blob):
    same = {"Range": "bytes=0-9", "If-Range": f'"{digest_of(blob)}"'}
    assert get(repository, blob, same).expect(206).body == blob[:10]
    other = {"Range": "bytes=0-9", "If-Range": f'"{absent_digest()}"'}
    assert get(repository, blob, other).expect(200).body == blob


def test_head_with_a_range_still_tells_the_whole_length_or_the_range_s(repository, blob):
    answer = get(repository, blob, {"Range": "bytes=0-9"}, method="HEAD").expect(200, 206)
    assert answer.length == (SIZE if answer.status == 200 else 10), str(answer)


# Conditions

@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', '"sha256:other", "{}"', "*"],
                         ids=["quoted", "bare", "weak", "list", "star"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_blob_the_client_has_is_304(repository, blob, method, form):
    answer = get(repository, blob, {"If-None-Match": form.format(digest_of(blob))}, method=method).expect(304)
    assert answer.body == b"" and answer.header("ETag") == f'"{digest_of(blob)}"', str(answer)


def test_a_blob_the_client_has_not_is_sent(repository, blob):
    answer = get(repository, blob, {"If-None-Match": f'"{absent_digest()}"'}).expect(200)
    assert answer.body == blob and answer.digest == digest_of(blob)


def test_dates_do_not_make_a_blob_unmodified(repository, blob):
    assert get(repository, blob, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}).expect(200).body == blob


# Methods and names

@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_blob_cannot_be_written_at_its_address(repository, blob, method):
    answer = repository.client.request(method, repository.blob(digest_of(blob)), b"x")
    answer.expect_error(405, "UNSUPPORTED")


def test_a_query_does_not_change_a_pull(repository, blob):
    answer = repository.client.get(repository.blob(digest_of(blob)) + "?ns=docker.io").expect(200)
    assert answer.body == blob and answer.digest == digest_of(blob)
