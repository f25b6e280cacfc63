# SPDX-License-Identifier: MIT
"""One repository of a registry, and the usual ways to put content into it. Each step checks its own answer."""

import json

from . import content
from .client import with_query


class Repository:
    def __init__(self, client, name):
        self.client, self.name = client, name
        self.base = f"/v2/{name}"
        self.uploads = f"{self.base}/blobs/uploads/"

    def blob(self, digest):
        return f"{self.base}/blobs/{digest}"

    def manifest(self, reference):
        return f"{self.base}/manifests/{reference}"

    def referrers(self, digest, query=""):
        return f"{self.base}/referrers/{digest}{query}"

    def tags(self, query=""):
        return f"{self.base}/tags/list{query}"

    def start_upload(self, query=""):
        """POST; returns the answer, whose location the upload goes on with."""
        return self.client.post(self.uploads + query).expect(202)

    def push_blob(self, data, algorithm="sha256"):
        """POST and PUT; returns the digest."""
        digest = content.digest_of(data, algorithm)
        location = self.start_upload().location
        answer = self.client.put(with_query(location, digest=digest), data, type=content.OCTETS).expect(201)
        assert answer.digest == digest, str(answer)
        return digest

    def push_blobs(self, *blobs, algorithm="sha256"):
        return [self.push_blob(b, algorithm) for b in blobs]

    def put_manifest(self, document, reference=None, media_type=None, algorithm="sha256", query=""):
        """PUT a manifest given as bytes or as a document, by its digest unless a reference is given."""
        data = document if isinstance(document, bytes) else content.encode(document)
        digest = content.digest_of(data, algorithm)
        media_type = media_type or json.loads(data).get("mediaType", content.OCI_MANIFEST)
        answer = self.client.put(self.manifest(reference or digest) + query, data, type=media_type).expect(201)
        assert answer.digest == digest, str(answer)
        return answer

    def push_image(self, reference=None, layers=2, algorithm="sha256", **more):
        """A whole image: layers, configuration, manifest. Returns the manifest's bytes."""
        layers = [content.layer_bytes(300) for _ in range(layers)]
        config = content.config_bytes(layers)
        self.push_blobs(config, *layers, algorithm=algorithm)
        data = content.encode(content.image_manifest(config, layers, algorithm, **more))
        self.put_manifest(data, reference, algorithm=algorithm)
        return data

    def push_artifact(self, artifact_type, reference=None, payload=None, **more):
        """An artifact with a payload of its own. Returns the manifest's bytes."""
        payload = content.random_bytes(64) if payload is None else payload
        self.push_blobs(b"{}", payload)
        data = content.encode(content.artifact_manifest(artifact_type, payload, **more))
        self.put_manifest(data, reference)
        return data

    def push_index(self, reference=None, children=2, algorithm="sha256", **more):
        """An index over fresh images. Returns (the index's bytes, the children's bytes)."""
        images = [self.push_image(algorithm=algorithm) for _ in range(children)]
        platforms = [{"os": "linux", "architecture": a} for a in ("amd64", "arm64", "riscv64", "s390x")]
        described = [content.descriptor(m, content.OCI_MANIFEST, algorithm, platform=p)
                     for m, p in zip(images, platforms)]
        data = content.encode(content.index(described, **more))
        self.put_manifest(data, reference, algorithm=algorithm)
        return data, images

    def check_blob(self, data, algorithm="sha256"):
        """HEAD and GET give exactly these bytes with the headers clients rely on."""
        digest = content.digest_of(data, algorithm)
        head = self.client.head(self.blob(digest)).expect(200)
        assert head.body == b"" and head.length == len(data) and head.digest == digest, str(head)
        got = self.client.get(self.blob(digest)).expect(200)
        assert got.body == data and got.length == len(data) and got.digest == digest, str(got)
        return got

    def check_manifest(self, data, reference, media_type, algorithm="sha256"):
        """HEAD and GET of a manifest give exactly these bytes, their type and their digest."""
        digest = content.digest_of(data, algorithm)
        for method in ("HEAD", "GET"):
            answer = self.client.request(method, self.manifest(reference), headers=[("Accept", media_type)]).expect(200)
            assert answer.header("Content-Type") == media_type, str(answer)
            assert answer.digest == digest and answer.length == len(data), str(answer)
        assert answer.body == data, str(answer)
        return answer

    def resolve(self, reference, method="GET"):
        """Ask for a manifest as clients do: naming every type they understand."""
        types = (content.OCI_MANIFEST, content.OCI_INDEX, content.DOCKER_MANIFEST, content.DOCKER_LIST)
        return self.client.request(method, self.manifest(reference), headers=[("Accept", t) for t in types]).expect(200)

    def list_tags(self):
        answer = self.client.get(self.tags()).expect(200).json()
        assert answer["name"] == self.name
        return answer["tags"]

    def list_referrers(self, digest, query=""):
        """The descriptors of a referrers answer, whose envelope is checked."""
        answer = self.client.get(self.referrers(digest, query)).expect(200)
        assert answer.header("Content-Type") == content.OCI_INDEX, str(answer)
        document = answer.json()
        assert document["schemaVersion"] == 2 and document["mediaType"] == content.OCI_INDEX, str(answer)
        return document["manifests"]
