# SPDX-License-Identifier: MIT
"""end-8: list the tags of a repository, whole and in pages."""

import itertools

import pytest

from harness.content import digest_of
from harness.paging import next_page, walk

TAGS = ["latest", "v1", "v10", "v2", "A", "a", "_", "0", "1.0", "1.0-rc", "1_0", "Z.z", "z" * 128]


@pytest.fixture
def tagged(repository):
    """A repository with TAGS, pushed in no particular order."""
    data = repository.push_image()
    for tag in reversed(TAGS):
        repository.put_manifest(data, tag)
    return repository


def test_tags_are_listed_in_ascii_order(tagged):
    answer = tagged.client.get(tagged.tags()).expect(200)
    assert answer.json() == {"name": tagged.name, "tags": sorted(TAGS)}
    assert answer.header("Content-Type").split(";")[0] == "application/json", str(answer)
    assert answer.header("Link") is None, str(answer)


def test_the_list_can_be_asked_by_head(tagged):
    assert tagged.client.head(tagged.tags()).expect(200).body == b""


def test_every_page_size_walks_through_all_tags_once(tagged):
    for n in range(1, len(TAGS) + 3):
        pages = walk(tagged.client, tagged.tags(f"?n={n}"), lambda page: page["tags"], n)
        assert list(itertools.chain(*pages)) == sorted(TAGS), f"n={n}"
        assert all(len(page) == n for page in pages[:-1]), f"n={n}"


def test_the_last_page_has_no_link(tagged):
    for n in (len(TAGS), len(TAGS) + 1, 10_000):
        answer = tagged.client.get(tagged.tags(f"?n={n}")).expect(200)
        assert answer.json()["tags"] == sorted(TAGS) and next_page(answer) is None, str(answer)


def test_zero_tags_asked_are_zero_tags_and_no_link(tagged):
    answer = tagged.client.get(tagged.tags("?n=0")).expect(200)
    assert answer.json()["tags"] == [] and answer.header("Link") is None, str(answer)


def test_last_starts_after_any_tag_with_and_without_n(tagged):
    ordered = sorted(TAGS)
    for i, tag in enumerate(ordered):
        assert tagged.client.get(tagged.tags(f"?last={tag}")).expect(200).json()["tags"] == ordered[i + 1:]
        answer = tagged.client.get(tagged.tags(f"?n=2&last={tag}")).expect(200)
        assert answer.json()["tags"] == ordered[i + 1:i + 3], str(answer)
        assert (next_page(answer) is not None) == (i + 3 < len(ordered)), str(answer)


def test_last_need_not_be_a_tag_that_exists(tagged):
    ordered = sorted(TAGS)
    for last in ("B", "v1x", "zz", "0"):
        expected = [t for t in ordered if t > last]
        assert tagged.client.get(tagged.tags(f"?last={last}")).expect(200).json()["tags"] == expected, last


@pytest.mark.parametrize("n", ["-1", "x", "1x", "99999999999999999999999"])
def test_a_page_size_that_is_no_number_is_refused_or_clamped(tagged, n):
    answer = tagged.client.get(tagged.tags(f"?n={n}"))
    if n.isdigit():
        answer.expect(200, 400)
    else:
        answer.expect_error(400, "PAGINATION_NUMBER_INVALID")


def test_parameters_nobody_defined_are_ignored(tagged):
    answer = tagged.client.get(tagged.tags("?ns=docker.io&x=y&n=1")).expect(200)
    assert answer.json()["tags"] == sorted(TAGS)[:1]


def test_an_unknown_repository_has_no_list(client):
    client.get("/v2/e2e/no/such/repository/tags/list").expect_error(404, "NAME_UNKNOWN")


def test_a_repository_whose_tags_are_all_deleted_has_an_empty_list(repository):
    repository.push_image("only")
    repository.client.delete(repository.manifest("only")).expect(202)
    assert repository.list_tags() == []


def test_a_deleted_tag_leaves_the_list_and_a_new_one_enters_at_once(repository):
    data = repository.push_image("one")
    assert repository.list_tags() == ["one"]
    repository.put_manifest(data, "two")
    assert repository.list_tags() == ["one", "two"]
    repository.client.delete(repository.manifest("one")).expect(202)
    assert repository.list_tags() == ["two"]
    repository.client.delete(repository.manifest(digest_of(data))).expect(202)
    assert repository.list_tags() == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_list_cannot_be_written(tagged, method):
    tagged.client.request(method, tagged.tags()).expect_error(405, "UNSUPPORTED")
