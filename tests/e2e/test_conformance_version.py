# SPDX-License-Identifier: MIT
"""end-1: is this a registry? And what a registry says about paths it does not have."""

import pytest


@pytest.fixture(params=["/v2/", "/v2"])
def path(request, registry):
    if request.param == "/v2" and registry.kind.startswith("htaccess"):
        pytest.skip("a directory, for which Apache adds the slash")
    return request.param


def test_the_version_check_answers_200_with_and_without_the_last_slash(client, path):
    answer = client.get(path).expect(200)
    assert answer.header("Location") is None
    assert answer.json() == {}


def test_the_version_check_can_be_asked_by_head(client, path):
    assert client.head(path).expect(200).body == b""


def test_a_proxy_hint_in_the_query_is_ignored(client):
    client.get("/v2/?ns=docker.io").expect(200)


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_writing_to_the_version_route_is_unsupported(client, method):
    client.request(method, "/v2/").expect_error(405, "UNSUPPORTED")


@pytest.mark.parametrize("path", ["/v2/nowhere", "/v2/a/b", "/v2/a/nosuch/list", "/v2/_nothing"])
def test_an_unknown_path_is_404_in_the_oci_form(client, path):
    client.get(path).expect(404)


def test_the_root_of_the_host_is_200_for_health_checks(client):
    assert client.get("/").status == 200
