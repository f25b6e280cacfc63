# SPDX-License-Identifier: MIT
"""The catalog of repositories: not in the spec any more, but every tool asks for it."""

import itertools

import pytest

from harness.paging import next_page, walk
from harness.repository import Repository

NAMES = ["a", "a/b", "a/b/c", "a-b", "a.b", "b/tags", "library/alpine", "z", "0", "a/b-c", "ab/c"]




@pytest.fixture
def filled(kind, running):
    registry = running(kind, delete="yes")
    if not getattr(registry, "filled", False):
        for name in NAMES:
            Repository(registry.client, name).push_image("latest")
        registry.filled = True
    return registry.client


def repositories(page):
    return page["repositories"]


def test_the_catalog_lists_every_repository_once(filled):
    answer = filled.get("/v2/_catalog").expect(200)
    assert sorted(repositories(answer.json())) == sorted(NAMES), str(answer)
    assert answer.header("Content-Type").split(";")[0] == "application/json"
    assert answer.header("Link") is None, str(answer)


def test_every_page_size_walks_through_all_repositories_once(filled):
    whole = repositories(filled.get("/v2/_catalog").expect(200).json())
    for n in range(1, len(NAMES) + 3):
        pages = walk(filled, f"/v2/_catalog?n={n}", repositories, n)
        assert list(itertools.chain(*pages)) == whole, f"n={n}"
        assert all(len(page) == n for page in pages[:-1]), f"n={n}"


def test_last_starts_after_any_repository(filled):
    whole = repositories(filled.get("/v2/_catalog").expect(200).json())
    for i, name in enumerate(whole):
        for last in (name, name.replace("/", "%2F")):
            answer = filled.get(f"/v2/_catalog?n=3&last={last}").expect(200)
            assert repositories(answer.json()) == whole[i + 1:i + 4], str(answer)


def test_a_page_size_that_is_no_number_is_refused(filled):
    for n in ("-1", "x"):
        filled.get(f"/v2/_catalog?n={n}").expect_error(400, "PAGINATION_NUMBER_INVALID")


def test_an_empty_registry_has_an_empty_catalog(own_registry):
    assert own_registry.client.get("/v2/_catalog").expect(200).json() == {"repositories": []}


@pytest.mark.settings(catalog_limit="4")
def test_a_page_is_never_larger_than_the_limit_and_the_rest_follows(own_registry):
    for name in NAMES:
        Repository(own_registry.client, name).push_image("latest")
    for query in ("", "?n=1000", "?n=5", "?n=3"):
        most = 3 if query == "?n=3" else 4
        pages = walk(own_registry.client, "/v2/_catalog" + query, repositories, most)
        assert sorted(itertools.chain(*pages)) == sorted(NAMES), query


def test_a_new_repository_is_in_the_catalog_at_once(own_registry):
    for name in ("first", "second/deep", "another"):
        Repository(own_registry.client, name).push_image("latest")
        answer = own_registry.client.get("/v2/_catalog").expect(200)
        assert name in repositories(answer.json()) and next_page(answer) is None, str(answer)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_catalog_cannot_be_written(filled, method):
    filled.request(method, "/v2/_catalog").expect_error(405, "UNSUPPORTED")
