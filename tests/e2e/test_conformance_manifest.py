# SPDX-License-Identifier: MIT
"""end-3, end-7: manifests of every kind, stored byte for byte."""

import json

import pytest

from harness import content
from harness.content import (ALGORITHMS, DOCKER_CONFIG, DOCKER_FOREIGN, DOCKER_LAYER, DOCKER_LIST, DOCKER_MANIFEST,
                             OCI_FOREIGN, OCI_INDEX, OCI_MANIFEST, absent_digest, descriptor, digest_of, encode,
                             random_bytes)

algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)


def put(repository, reference, data, media_type=OCI_MANIFEST, **kw):
    data = data if isinstance(data, bytes) else encode(data)
    return repository.client.put(repository.manifest(reference), data, type=media_type, **kw)


def prepared(repository, layers=1):
    """Bytes of a manifest whose parts are there already, itself not pushed."""
    parts = [content.layer_bytes(100) for _ in range(layers)]
    config = content.config_bytes(parts)
    repository.push_blobs(config, *parts)
    return encode(content.image_manifest(config, parts))


# Push and pull

def test_a_manifest_pushed_by_tag_is_pulled_by_tag_and_by_digest(repository):
    data = prepared(repository)
    answer = put(repository, "v1", data).expect(201)
    assert answer.digest == digest_of(data)
    repository.check_manifest(data, answer.location.rsplit("/", 1)[1], OCI_MANIFEST)
    repository.check_manifest(data, "v1", OCI_MANIFEST)
    repository.check_manifest(data, digest_of(data), OCI_MANIFEST)


@algorithms
def test_a_manifest_pushed_by_digest_is_pulled_by_it_and_has_no_tag(repository, algorithm):
    data = repository.push_image(algorithm=algorithm)
    repository.check_manifest(data, digest_of(data, algorithm), OCI_MANIFEST, algorithm)
    assert repository.client.get(repository.tags()).expect(200).json()["tags"] == []


def test_a_manifest_of_unknown_length_is_stored(repository):
    data = prepared(repository)
    put(repository, "chunked", data, chunked=True).expect(201)
    repository.check_manifest(data, "chunked", OCI_MANIFEST)


def test_pushing_another_manifest_moves_the_tag_and_keeps_the_old_one_by_digest(repository):
    old, new = repository.push_image("moving"), repository.push_image("moving")
    repository.check_manifest(new, "moving", OCI_MANIFEST)
    repository.check_manifest(old, digest_of(old), OCI_MANIFEST)


def test_pushing_the_same_manifest_again_is_201(repository):
    data = repository.push_image("again")
    repository.put_manifest(data, "again")
    repository.check_manifest(data, "again", OCI_MANIFEST)


@pytest.mark.parametrize("tag", ["a", "A", "_", "1", "v1.2.3-rc.1_x", "x" * 128, "sha256-" + "a" * 64, "latest"],
                         ids=lambda tag: tag[:12])
def test_this_is_a_tag(repository, tag):
    data = repository.push_image(tag)
    repository.check_manifest(data, tag, OCI_MANIFEST)


@pytest.mark.parametrize("tag", [".a", "-a", "a:b", "x" * 129, "a%20b", "a+b", "%2e%2e", "..", "sha256:short"],
                         ids=lambda tag: tag[:12])
def test_this_is_neither_a_tag_nor_a_digest(repository, tag):
    put(repository, tag, prepared(repository)).expect(400, 404)
    repository.client.get(repository.manifest(tag)).expect(400, 404)
    repository.client.head(repository.manifest(tag)).expect(400, 404)


def test_the_bytes_are_kept_whatever_their_spacing(repository):
    document = json.loads(prepared(repository))
    for data in (json.dumps(document, separators=(",", ":")).encode(), b"\n\t " + encode(document) + b"\n \n"):
        put(repository, "spaced", data).expect(201)
        repository.check_manifest(data, "spaced", OCI_MANIFEST)


@pytest.mark.parametrize("accept", [[], ["*/*"], ["application/json"], [DOCKER_MANIFEST],
                                    [DOCKER_MANIFEST, DOCKER_LIST, OCI_INDEX]],
                         ids=["none", "any", "json", "docker", "several-headers"])
def test_the_accept_header_does_not_change_what_is_stored_or_sent(repository, accept):
    data = repository.push_image("v1")
    for method in ("HEAD", "GET"):
        answer = repository.client.request(method, repository.manifest("v1"), headers=[("Accept", a) for a in accept])
        answer.expect(200)
        assert answer.header("Content-Type") == OCI_MANIFEST and answer.digest == digest_of(data), str(answer)


def test_parameters_of_the_content_type_are_dropped(repository):
    data = prepared(repository)
    put(repository, "v1", data, OCI_MANIFEST + "; charset=utf-8").expect(201)
    repository.check_manifest(data, "v1", OCI_MANIFEST)


def test_a_manifest_without_a_media_type_of_its_own_is_known_by_its_fields(repository):
    image = json.loads(prepared(repository))
    del image["mediaType"]
    put(repository, "image", image).expect(201)
    repository.check_manifest(encode(image), "image", OCI_MANIFEST)
    child = descriptor(encode(image), OCI_MANIFEST)
    listing = {"schemaVersion": 2, "manifests": [child]}
    put(repository, "index", listing, OCI_INDEX).expect(201)
    repository.check_manifest(encode(listing), "index", OCI_INDEX)


# Kinds of content

def test_an_index_over_images_is_stored(repository):
    data, images = repository.push_index("multi")
    repository.check_manifest(data, "multi", OCI_INDEX)
    for image in images:
        repository.check_manifest(image, digest_of(image), OCI_MANIFEST)


def test_an_index_over_indexes_is_stored(repository):
    inner = [repository.push_index()[0] for _ in range(2)]
    data = encode(content.index([descriptor(i, OCI_INDEX) for i in inner]))
    repository.put_manifest(data, "nested")
    repository.check_manifest(data, "nested", OCI_INDEX)


def test_an_empty_index_is_stored(repository):
    repository.put_manifest(content.index([]), "empty")
    repository.check_manifest(encode(content.index([])), "empty", OCI_INDEX)


def test_an_image_without_layers_is_stored(repository):
    data = repository.push_image("no-layers", layers=0)
    repository.check_manifest(data, "no-layers", OCI_MANIFEST)


def test_an_artifact_with_a_payload_is_stored(repository):
    data = repository.push_artifact("application/vnd.example.thing", "artifact")
    repository.check_manifest(data, "artifact", OCI_MANIFEST)


def test_an_artifact_without_a_payload_is_stored(repository):
    data = repository.push_artifact("application/vnd.example.thing", "bare", payload=b"{}")
    repository.check_manifest(data, "bare", OCI_MANIFEST)


def test_an_index_with_an_artifact_type_is_stored(repository):
    data, _ = repository.push_index("typed", artifactType="application/vnd.example.set")
    repository.check_manifest(data, "typed", OCI_INDEX)


def test_descriptors_may_carry_their_data(repository):
    config = content.config_bytes()
    repository.push_blob(config)
    document = content.image_manifest(config, [])
    document["config"]["data"] = "eyJ9"
    repository.put_manifest(document, "data")
    repository.check_manifest(encode(document), "data", OCI_MANIFEST)


def test_fields_nobody_defined_are_kept(repository):
    document = json.loads(prepared(repository))
    document["org.example.extra"] = {"deep": [1, 2.5, None, "\u00fc \u2028"]}
    document["layers"][0]["org.example.more"] = True
    document["config"]["annotations"] = {"k": "v"}
    repository.put_manifest(document, "extra")
    repository.check_manifest(encode(document), "extra", OCI_MANIFEST)


@pytest.mark.parametrize("media_type", [OCI_FOREIGN, OCI_FOREIGN.removesuffix("+gzip"), DOCKER_FOREIGN])
def test_layers_that_live_elsewhere_need_not_be_pushed(repository, media_type):
    document = json.loads(prepared(repository))
    digest = absent_digest()
    document["layers"].insert(0, {"mediaType": media_type, "digest": digest, "size": 123456,
                                  "urls": [f"https://store.example.com/blobs/{digest}"]})
    repository.put_manifest(document, "foreign")
    repository.check_manifest(encode(document), "foreign", OCI_MANIFEST)


def test_docker_s_own_manifests_and_lists_are_first_class(repository):
    layer, config = content.layer_bytes(100), content.config_bytes()
    repository.push_blobs(layer, config)
    image = encode({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": descriptor(config, DOCKER_CONFIG),
                    "layers": [descriptor(layer, DOCKER_LAYER)]})
    put(repository, "schema2", image, DOCKER_MANIFEST).expect(201)
    repository.check_manifest(image, "schema2", DOCKER_MANIFEST)
    listing = encode({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [
        descriptor(image, DOCKER_MANIFEST, platform={"os": "linux", "architecture": "amd64"})]})
    put(repository, "list", listing, DOCKER_LIST).expect(201)
    repository.check_manifest(listing, "list", DOCKER_LIST)


def test_an_index_may_point_at_blobs_as_a_build_cache_does(repository):
    layers = [content.layer_bytes(100) for _ in range(2)]
    config = random_bytes(64)
    repository.push_blobs(config, *layers)
    cache = "application/vnd.buildkit.cacheconfig.v0"
    data = encode(content.index([descriptor(x, content.OCI_LAYER) for x in layers] + [descriptor(config, cache)]))
    repository.put_manifest(data, "cache")
    repository.check_manifest(data, "cache", OCI_INDEX)


def test_a_manifest_of_nearly_four_megabytes_is_stored(repository):
    large = {f"large-{i}": "A" * 10_000 for i in range(390)}
    data = repository.push_image("large", annotations=large)
    assert 3.9e6 < len(data) < 4 * 1024 * 1024
    repository.check_manifest(data, "large", OCI_MANIFEST)


def test_an_image_whose_parts_are_named_by_sha512_is_stored(repository):
    data, images = repository.push_index(algorithm="sha512")
    repository.check_manifest(data, digest_of(data, "sha512"), OCI_INDEX, "sha512")
    for image in images:
        repository.check_manifest(image, digest_of(image, "sha512"), OCI_MANIFEST, "sha512")


# Tags along with a push by digest (end-7b)

def accepted_tags(answer):
    return [t.strip() for value in answer.headers.get_all("OCI-Tag") or [] for t in value.split(",")]


@algorithms
def test_a_push_by_digest_may_set_several_tags(repository, algorithm):
    layer, config = content.layer_bytes(100), content.config_bytes()
    repository.push_blobs(layer, config, algorithm=algorithm)
    data = encode(content.image_manifest(config, [layer], algorithm))
    tags = [f"t{i}" for i in range(12)] + ["latest"]
    answer = repository.put_manifest(data, algorithm=algorithm, query="?" + "&".join(f"tag={t}" for t in tags))
    assert sorted(accepted_tags(answer)) == sorted(tags), str(answer)
    assert repository.list_tags() == sorted(tags)
    for tag in tags:
        repository.check_manifest(data, tag, OCI_MANIFEST, algorithm)


def test_a_push_without_tags_says_nothing_about_tags(repository):
    data = prepared(repository)
    answer = put(repository, digest_of(data), data).expect(201)
    assert answer.headers.get_all("OCI-Tag") is None, str(answer)


def test_a_malformed_tag_in_the_query_is_never_accepted(repository):
    data = prepared(repository)
    for bad in ("..", "a%2Fb", ".x", "y" * 129):
        answer = repository.client.put(repository.manifest(digest_of(data)) + f"?tag={bad}", data, type=OCI_MANIFEST)
        answer.expect(400)
    assert repository.client.get(repository.tags()).expect(200, 404).status == 404 or repository.list_tags() == []


# What is unknown or refused

@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest_nobody_pushed_is_unknown(repository, method):
    repository.push_blob(b"{}")
    for reference in ("missing-tag", absent_digest(), absent_digest("sha512")):
        answer = repository.client.request(method, repository.manifest(reference))
        answer.expect_error(404, "MANIFEST_UNKNOWN")


def test_a_manifest_of_an_unknown_repository_is_404(client):
    for reference in ("latest", absent_digest()):
        client.get(f"/v2/e2e/no/such/repository/manifests/{reference}").expect(404)
        client.head(f"/v2/e2e/no/such/repository/manifests/{reference}").expect(404)


def test_a_malformed_digest_is_refused_for_push_and_pull(repository):
    put(repository, "sha256:baddigeststring", prepared(repository)).expect_error(400, "DIGEST_INVALID")
    repository.client.get(repository.manifest("sha256:baddigeststring")).expect_error(400, "DIGEST_INVALID")


@algorithms
def test_bytes_that_do_not_match_the_digest_are_refused(repository, algorithm):
    data = prepared(repository)
    put(repository, digest_of(data, algorithm), data + b"  ").expect_error(400, "DIGEST_INVALID")
    repository.client.head(repository.manifest(digest_of(data, algorithm))).expect(404)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"not json", b"{}", b'{"schemaVersion":3}', b"\xff\xfe{}",
                                  b'{"schemaVersion":2,"mediaType":7}', b"[" * 100_000],
                         ids=["empty", "cut", "list", "null", "text", "nothing", "v3", "binary", "number", "deep"])
def test_what_is_no_manifest_is_refused(repository, body):
    put(repository, "bad", body).expect_error(400, "MANIFEST_INVALID")
    repository.client.head(repository.manifest("bad")).expect(404)


@pytest.mark.parametrize("field", ["config", "layers"])
def test_an_image_with_a_missing_part_is_refused_and_names_it(repository, field):
    document = json.loads(prepared(repository))
    digest = absent_digest()
    part = document["config"] if field == "config" else document["layers"][0]
    part["digest"] = digest
    answer = put(repository, "holes", document).expect_error(400, "MANIFEST_BLOB_UNKNOWN")
    assert digest in answer.body.decode(), str(answer)
    repository.client.head(repository.manifest("holes")).expect(404)


def test_an_index_with_a_missing_child_is_refused(repository):
    document = content.index([{"mediaType": OCI_MANIFEST, "digest": absent_digest(), "size": 100}])
    put(repository, "holes", document, OCI_INDEX).expect_error(400, "MANIFEST_BLOB_UNKNOWN")


def test_parts_that_only_another_repository_has_count_as_missing(repository, other_repository):
    data = other_repository.push_image("there")
    put(repository, "here", data).expect_error(400, "MANIFEST_BLOB_UNKNOWN")


def test_a_manifest_over_the_limit_is_413(repository):
    document = json.loads(prepared(repository))
    document["annotations"] = {"large": "A" * (4 * 1024 * 1024)}
    put(repository, "large", document).expect(413)
    put(repository, "large", document, chunked=True).expect(413)
    repository.client.head(repository.manifest("large")).expect(404)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_manifest_has_no_other_methods(repository, method):
    repository.client.request(method, repository.manifest("v1"), b"{}").expect_error(405, "UNSUPPORTED")


def test_a_cut_off_manifest_changes_nothing(repository):
    data = repository.push_image("steady")
    exchange = repository.client.begin("PUT", repository.manifest("steady"),
                                       [("Content-Type", OCI_MANIFEST), ("Content-Length", str(len(data) + 9))])
    exchange.send(data)
    exchange.abort()
    repository.check_manifest(data, "steady", OCI_MANIFEST)


# Conditions

@pytest.mark.parametrize("form", ['"{}"', "{}", 'W/"{}"', '"x", "{}"', "*"],
                         ids=["quoted", "bare", "weak", "list", "star"])
@pytest.mark.parametrize("by", ["tag", "digest"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest_the_client_has_is_304(repository, method, by, form):
    digest = digest_of(repository.push_image("v1"))
    path = repository.manifest("v1" if by == "tag" else digest)
    answer = repository.client.request(method, path, headers=[("If-None-Match", form.format(digest))]).expect(304)
    assert answer.body == b"" and answer.header("ETag") == f'"{digest}"', str(answer)


def test_the_etag_of_a_manifest_is_its_digest(repository):
    data = repository.push_image("v1")
    for method in ("GET", "HEAD"):
        answer = repository.client.request(method, repository.manifest("v1")).expect(200)
        assert answer.header("ETag") == f'"{digest_of(data)}"', str(answer)
    other = repository.client.get(repository.manifest("v1"), headers=[("If-None-Match", f'"{absent_digest()}"')])
    assert other.expect(200).body == data
