# SPDX-License-Identifier: MIT
"""Clients that Debian does not have, played after their sources: their requests, and their demands on the answers.

One step beside the sequence is enough for some of them to fail a push, so each demand is the client's own.
"""

import json
import re
from urllib.parse import urlsplit

import pytest

from harness import content
from harness.client import with_query
from harness.content import (DOCKER_CONFIG, DOCKER_LAYER, DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_LAYER,
                             OCI_MANIFEST, descriptor, digest_of, encode, random_bytes)
from harness.paging import walk

pytestmark = pytest.mark.kinds("nginx", "nginx-htpasswd", "apache-proxy", "apache-fcgid")
PLATFORM = {"os": "linux", "architecture": "amd64"}


def range_end(answer):
    """What docker reads out of the Range of an upload: scanned as %d-%d, the end not before the start."""
    match = re.fullmatch(r"(\d+)-(\d+)", answer.header("Range"))
    assert match and int(match[2]) >= int(match[1]), str(answer)
    return int(match[2])


class TestDockerClassic:
    ACCEPT = [("Accept", t) for t in (DOCKER_MANIFEST, DOCKER_LIST, OCI_INDEX,
                                      "application/vnd.docker.distribution.manifest.v1+prettyjws",
                                      "application/json", OCI_MANIFEST)]

    def push_blob(self, repository, data, sources=()):
        """HEAD, a mount try for each source, a chunked PATCH, an empty PUT, HEAD again: the size docker notes."""
        client, digest = repository.client, digest_of(data)
        client.head(repository.blob(digest)).expect(404)
        opened = None
        for source in sources[:4]:
            escaped = f"from={source.replace('/', '%2F')}&mount={digest.replace(':', '%3A')}"
            opened = client.post(repository.uploads + "?" + escaped).expect(202)
        opened = opened or client.post(repository.uploads).expect(202)
        assert opened.header("Docker-Upload-UUID") or opened.location.rstrip("/").rsplit("/", 1)[1]
        pieces = [data[i:i + 32_768] for i in range(0, len(data), 32_768)]
        patched = client.patch(opened.location, pieces, type=None).expect(202)
        size = range_end(patched) + 1
        client.put(with_query(patched.location, digest=digest.replace(":", "%3A"))).expect(201)
        head = client.head(repository.blob(digest)).expect(200)
        assert head.length == len(data) == size and head.digest == digest, str(head)
        return head.length

    def test_push_by_tag(self, repository):
        layers, config = [content.layer_bytes(100_000) for _ in range(2)], content.config_bytes()
        sizes = [self.push_blob(repository, x, ["library/none", "e2e/none"]) for x in layers]
        config_size = self.push_blob(repository, config)
        data = encode({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST,
                       "config": {"mediaType": DOCKER_CONFIG, "size": config_size, "digest": digest_of(config)},
                       "layers": [{"mediaType": DOCKER_LAYER, "size": n, "digest": digest_of(x)}
                                  for n, x in zip(sizes, layers)]})
        put = repository.client.put(repository.manifest("v1"), data, type=DOCKER_MANIFEST).expect(201)
        assert put.digest == digest_of(data), "docker fails the push without a digest it can parse"

    def test_resolve_and_resumed_pull(self, repository):
        data = repository.push_image("v1")
        head = repository.client.head(repository.manifest("v1"), headers=self.ACCEPT).expect(200)
        assert head.header("Content-Type") == OCI_MANIFEST and head.digest == digest_of(data)
        assert head.length == len(data)
        layer = json.loads(data)["layers"][0]
        answer = repository.client.get(repository.blob(layer["digest"]), headers=[("Range", "bytes=100-")]).expect(206)
        assert answer.header("Content-Range") == f"bytes 100-{layer['size'] - 1}/{layer['size']}"

    def test_an_unneeded_upload_is_cancelled_with_the_credentials_of_the_push(self, repository):
        opened = repository.client.post(repository.uploads + f"?from=e2e%2Fnone&mount={content.absent_digest()}")
        repository.client.delete(opened.expect(202).location).expect(204)


class TestContainerdAndNerdctl:
    def push(self, repository, data, media_type, path):
        head = repository.client.head(path, headers=[("Accept", f"{media_type}, */*")])
        if head.status == 200:
            return
        head.expect(404)
        opened = repository.client.post(repository.uploads).expect(202)
        where = urlsplit(opened.location)
        # The pusher decodes the path, encodes it anew and sorts the query.
        fields = [q for q in where.query.split("&") if q] + ["digest=" + digest_of(data).replace(":", "%3A")]
        query = "&".join(sorted(fields))
        put = repository.client.put(f"{where.path}?{query}", data, type=content.OCTETS).expect(200, 201, 204)
        assert put.digest in (None, digest_of(data)), str(put)

    def test_push_each_blob_in_one_put_and_the_manifest_after_a_head(self, repository):
        layer, config = content.layer_bytes(), content.config_bytes()
        for data, media_type in ((layer, OCI_LAYER), (config, content.OCI_CONFIG)):
            self.push(repository, data, media_type, repository.blob(digest_of(data)))
            self.push(repository, data, media_type, repository.blob(digest_of(data)))
        image = encode(content.image_manifest(config, [layer]))
        for reference in (digest_of(image), "v1"):
            accept = [("Accept", f"{OCI_MANIFEST}, */*")]
            repository.client.head(repository.manifest(reference), headers=accept).expect(404)
            repository.put_manifest(image, reference)

    def test_a_put_that_broke_off_is_sent_again_to_the_same_location(self, repository):
        data = random_bytes(500_000)
        target = with_query(repository.start_upload().location, digest=digest_of(data))
        for sent in (100_000, 400_000):
            broken = repository.client.begin("PUT", target, [("Content-Length", str(len(data)))])
            broken.send(data[:sent])
            broken.abort()
        repository.client.put(target, data, type=content.OCTETS).expect(201)
        repository.check_blob(data)

    def test_pull_with_encodings_ranges_and_a_mirror_s_name_space(self, repository):
        data = b"text that compresses well " * 4000
        repository.push_blob(data)
        encodings = ("Accept-Encoding", "zstd, gzip, deflate")
        path = repository.blob(digest_of(data)) + "?ns=registry.example.org"
        for value, status in (("bytes=0-", (200, 206)), ("bytes=50000-", (206,)), ("bytes=0-49999", (206,))):
            answer = repository.client.get(path, headers=[encodings, ("Range", value)]).expect(*status)
            assert answer.header("Content-Encoding") is None
            first, last = re.match(r"bytes=(\d+)-(\d*)", value).groups()
            assert answer.body == data[int(first):int(last or len(data)) + 1]


class TestBuildkitCache:
    def test_export_and_import_of_an_index_of_layers(self, repository):
        layers, config = [content.layer_bytes() for _ in range(3)], b'{"layers":[],"records":[]}'
        for data in (*layers, config):
            TestContainerdAndNerdctl().push(repository, data, content.OCTETS, repository.blob(digest_of(data)))
        children = [descriptor(x, OCI_LAYER, annotations={"buildkit/createdat": "2026-01-01T00:00:00Z",
                                                          "containerd.io/uncompressed": digest_of(x)}) for x in layers]
        cache = encode({"schemaVersion": 2, "mediaType": OCI_INDEX,
                        "manifests": children + [descriptor(config, "application/vnd.buildkit.cacheconfig.v0")]})
        repository.put_manifest(cache, "cache")
        got = repository.client.get(repository.manifest("cache"), headers=[("Accept", f"{OCI_INDEX}, */*")]).expect(200)
        assert got.body == cache
        for child in got.json()["manifests"]:
            pulled = repository.client.get(repository.blob(child["digest"])).expect(200)
            assert digest_of(pulled.body) == child["digest"]

    def test_the_newer_export_is_an_image_manifest_with_the_cache_s_configuration(self, repository):
        layer, config = content.layer_bytes(), b'{"layers":[],"records":[]}'
        repository.push_blobs(layer, config)
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [descriptor(layer, OCI_LAYER)],
                    "config": descriptor(config, "application/vnd.buildkit.cacheconfig.v0")}
        repository.put_manifest(document, "cache")
        repository.check_manifest(encode(document), "cache", OCI_MANIFEST)

    def test_provenance_is_a_child_of_an_unknown_platform(self, repository):
        image = repository.push_image()
        statement, config = random_bytes(200), b"{}"
        repository.push_blobs(statement, config)
        provenance = encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                             "config": descriptor(config, content.OCI_CONFIG),
                             "layers": [descriptor(statement, "application/vnd.in-toto+json")]})
        repository.put_manifest(provenance)
        document = content.index([
            descriptor(image, OCI_MANIFEST, platform=PLATFORM),
            descriptor(provenance, OCI_MANIFEST, platform={"os": "unknown", "architecture": "unknown"},
                       annotations={"vnd.docker.reference.type": "attestation-manifest",
                                    "vnd.docker.reference.digest": digest_of(image)})])
        repository.put_manifest(document, "v1")
        repository.check_manifest(encode(document), "v1", OCI_INDEX)


class TestCrane:
    def push_blob(self, repository, data):
        digest = digest_of(data)
        if repository.client.head(repository.blob(digest)).status == 200:
            return
        opened = repository.client.post(repository.uploads, type="application/json").expect(202)
        patched = repository.client.patch(opened.location, [data]).expect(204, 202, 201)
        repository.client.put(with_query(patched.location, digest=digest.replace(":", "%3A"))).expect(201)

    def test_push_pull_list_and_delete(self, repository):
        layer, config = content.layer_bytes(), content.config_bytes()
        for _ in range(2):
            for data in (layer, config):
                self.push_blob(repository, data)
        image = encode(content.image_manifest(config, [layer]))
        repository.put_manifest(image, "v1")
        head = repository.client.head(repository.manifest("v1"), headers=[("Accept", f"{OCI_MANIFEST},{OCI_INDEX}")])
        assert head.expect(200).header("Content-Type") == OCI_MANIFEST
        assert head.length == len(image) and head.digest == digest_of(image)
        pages = walk(repository.client, repository.tags("?n=1000"), lambda page: page["tags"])
        assert pages == [["v1"]]
        repository.client.delete(repository.manifest(digest_of(image))).expect(200, 202)

    def test_copy_mounts_from_the_source(self, repository, other_repository):
        data = random_bytes(1000)
        other_repository.push_blob(data)
        query = f"?from={other_repository.name.replace('/', '%2F')}&mount={digest_of(data).replace(':', '%3A')}"
        repository.client.post(repository.uploads + query, type="application/json").expect(201)
        repository.check_blob(data)


class TestRegctl:
    def test_chunked_push_that_asks_where_it_stands_after_an_error(self, repository):
        data, client = random_bytes(30_000), repository.client
        opened = client.post(repository.uploads + "?digest-algorithm=sha256").expect(202)
        minimum = opened.header("OCI-Chunk-Min-Length")
        assert minimum is None or int(minimum) <= 10_000
        location = opened.location

        def chunk(start, end):
            headers = [("Content-Range", f"{start}-{end - 1}")]
            return client.patch(location, data[start:end], headers=headers, type=content.OCTETS)
        location = chunk(0, 10_000).expect(202).location
        chunk(20_000, 30_000).expect(416)
        asked = client.get(location).expect(204)
        start, location = range_end(asked) + 1, asked.location
        for start in range(start, len(data), 10_000):
            location = chunk(start, start + 10_000).expect(202).location
        client.put(with_query(location, digest=digest_of(data))).expect(201)
        repository.check_blob(data)

    def test_delete_of_a_tag_leaves_the_image(self, repository):
        data = repository.push_image("v1")
        repository.client.delete(repository.manifest("v1")).expect(202)
        repository.check_manifest(data, digest_of(data), OCI_MANIFEST)

    def test_artifact_tree_by_the_referrers_api(self, repository):
        image = repository.push_image("v1")
        signed = repository.push_artifact("application/vnd.example.sig", subject=descriptor(image, OCI_MANIFEST))
        repository.push_artifact("application/vnd.example.sig.note", subject=descriptor(signed, OCI_MANIFEST))
        [first] = repository.list_referrers(digest_of(image), "?artifactType=application%2Fvnd.example.sig")
        [second] = repository.list_referrers(first["digest"])
        assert second["artifactType"] == "application/vnd.example.sig.note"


class TestOras:
    def push_blob(self, repository, data):
        opened = repository.client.post(repository.uploads).expect(202)
        put = repository.client.put(with_query(opened.location, digest=digest_of(data).replace(":", "%3A")), data,
                                    type=content.OCTETS)
        put.expect(201)

    def test_attach_and_discover(self, repository):
        image = repository.push_image("v1")
        head = repository.client.head(repository.manifest("v1")).expect(200)
        subject = {"mediaType": head.header("Content-Type"), "digest": head.digest, "size": head.length}
        payload = random_bytes(100)
        for data in (payload, b"{}"):
            self.push_blob(repository, data)
        document = content.artifact_manifest("sbom/example", payload, subject=subject,
                                             annotations={"org.opencontainers.image.created": "2026-01-01T00:00:00Z"})
        put = repository.put_manifest(document)
        assert put.header("OCI-Subject") == digest_of(image), "else oras writes a fallback tag"
        [found] = repository.list_referrers(digest_of(image), "?artifactType=sbom%2Fexample")
        got = repository.client.get(repository.manifest(found["digest"]), headers=[("Accept", found["mediaType"])])
        assert got.expect(200).header("Content-Type") == found["mediaType"] and got.length == found["size"]

    def test_seek_needs_accept_ranges(self, repository):
        data = random_bytes(1000)
        repository.push_blob(data)
        whole = repository.client.get(repository.blob(digest_of(data))).expect(200)
        assert whole.header("Accept-Ranges") == "bytes" and whole.digest == digest_of(data)
        part = repository.client.get(repository.blob(digest_of(data)), headers=[("Range", "bytes=400-999")]).expect(206)
        assert part.length == 600 and part.body == data[400:]


class TestPartialPullsOfPodman:
    def test_zstd_chunked_asks_for_many_ranges_at_once(self, repository):
        data = random_bytes(200_000)
        repository.push_blob(data)
        wanted = [(0, 63), (1000, 4095), (9000, 9000), (150_000, 199_999)]
        value = "bytes=" + ",".join(f"{a}-{b}" for a, b in wanted)
        answer = repository.client.get(repository.blob(digest_of(data)), headers=[("Range", value)]).expect(206)
        assert [part for _, part in answer.parts()] == [data[a:b + 1] for a, b in wanted]
