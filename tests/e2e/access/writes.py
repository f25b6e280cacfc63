# SPDX-License-Identifier: MIT
"""What changes a repository, each time with something fresh to change, and whether it has."""

import re
import secrets
from dataclasses import dataclass
from typing import Callable

from harness.client import with_query
from harness.content import OCI_MANIFEST, OCTETS, digest_of
from harness.raw import request

from .world import Content


@dataclass
class Way:
    """One request that would change something: what comes when it does, and how that shows to the administrator."""

    method: str
    target: str
    status: int
    check: Callable   # check(done): raises AssertionError
    type: str = OCTETS
    body: bytes = None

    def send(self, connection, who):
        fields = (*who.fields, *((f"Content-Type: {self.type}",) if self.body else ()))
        return connection.ask(request(self.method, self.target, fields, self.body))

    @property
    def description(self):
        return f"{self.method} {self.target}"


def is_there(client, path, data=None):
    """check(): present when done; with these bytes."""
    def check(done):
        answer = client.get(path).expect(200 if done else 404)
        assert not done or data is None or answer.body == data, str(answer)
    return check


def is_gone(client, path):
    return lambda done: client.get(path).expect(404 if done else 200)


def fresh():
    return b"fresh " + secrets.token_hex(16).encode()


def fresh_manifest(repository):
    """Of what the repository holds already."""
    return Content(repository.name).manifest.replace(b"berth-secret", secrets.token_hex(6).encode())


def put_manifest(world, repository):
    client = repository.client
    for tag in (f"t{secrets.token_hex(4)}", None):
        data = fresh_manifest(repository)
        path = repository.manifest(tag or digest_of(data))
        yield Way("PUT", path, 201, is_there(client, path, data), OCI_MANIFEST, data)
        client.delete(repository.manifest(digest_of(data))).expect(202, 404)


def delete_manifest(world, repository):
    for by_tag in (True, False):
        data, tag = fresh_manifest(repository), f"t{secrets.token_hex(4)}"
        repository.put_manifest(data, tag)
        path = repository.manifest(tag if by_tag else digest_of(data))
        yield Way("DELETE", path, 202, is_gone(repository.client, path))
        repository.client.delete(repository.manifest(digest_of(data))).expect(202, 404)


def delete_blob(world, repository):
    path = repository.blob(repository.push_blob(fresh()))
    yield Way("DELETE", path, 202, is_gone(repository.client, path))
    repository.client.delete(path).expect(202, 404)


def post_upload(world, repository):
    client = repository.client
    for end in ("", "/"):
        data = fresh()
        path = repository.blob(digest_of(data))
        yield Way("POST", f"{repository.base}/blobs/uploads{end}?digest={digest_of(data)}", 201, is_there(client, path, data),
                  body=data)
        client.delete(path).expect(202, 404)


def start_upload(repository, data):
    location = repository.start_upload().location
    return repository.client.patch(location, data, type=OCTETS).expect(202).location


def has_bytes(client, location, before, after):
    """How many bytes an upload has got, not done and done; None where it has ended."""
    def check(done):
        size = after if done else before
        answer = client.get(location).expect(404 if size is None else 204)
        assert size is None or answer.header("Range") == f"0-{size - 1}", str(answer)
    return check


def patch_upload(world, repository):
    location = start_upload(repository, b"12345")
    yield Way("PATCH", location, 202, has_bytes(repository.client, location, 5, 8), body=b"678")
    repository.client.delete(location).expect(204)


def put_upload(world, repository):
    data = fresh()
    location, path = start_upload(repository, data[:9]), repository.blob(digest_of(data))
    yield Way("PUT", with_query(location, digest=digest_of(data)), 201, is_there(repository.client, path, data),
              body=data[9:])
    repository.client.delete(location).expect(204, 404)
    repository.client.delete(path).expect(202, 404)


def delete_upload(world, repository):
    location = start_upload(repository, b"12345")
    yield Way("DELETE", location, 204, has_bytes(repository.client, location, 5, None))
    repository.client.delete(location).expect(204, 404)


#: {(path, method): ways(world, repository of the administrator's)}
WRITES = {
    ("/v2/<name>/manifests/<reference>", "PUT"): put_manifest,
    ("/v2/<name>/manifests/<reference>", "DELETE"): delete_manifest,
    ("/v2/<name>/blobs/<digest>", "DELETE"): delete_blob,
    ("/v2/<name>/blobs/uploads/", "POST"): post_upload,
    ("/v2/<name>/blobs/uploads", "POST"): post_upload,
    ("/v2/<name>/blobs/uploads/<uuid>", "PATCH"): patch_upload,
    ("/v2/<name>/blobs/uploads/<uuid>", "PUT"): put_upload,
    ("/v2/<name>/blobs/uploads/<uuid>", "DELETE"): delete_upload,
}


def without_uuid(text):
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", text)
