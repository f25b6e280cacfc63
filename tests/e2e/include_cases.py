# SPDX-License-Identifier: MIT
"""What test_include_nginx.py and test_include_apache.py have in common: requests, a tree with a blob, a table of paths."""

import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

D256 = "sha256:" + "0123456789abcdef" * 4
UUID = "3f2a9c5e-0000-4000-8000-000000000000"

#: Which program answers a path: the last part that looks like an end point decides.
ROUTES = [
    ("/v2/", "version"), ("/v2", "version"), ("/v2/?x=1", "version"), ("/v2?x=1", "version"),
    ("/v2/_catalog", "catalog"), ("/v2/_catalog?n=3", "catalog"), ("/v2/_catalog/", "version"),
    ("/v2/a/tags/list", "tags"), ("/v2/a/tags/list?n=1&last=/manifests/x", "tags"), ("/v2/a/tags/lists", "version"),
    ("/v2/tags/list", "version"), ("/v2/tags/tags/list", "tags"), ("/v2/a/tags/list/", "version"),
    (f"/v2/a/referrers/{D256}", "referrers"), ("/v2/a/referrers/x?artifactType=a/b", "referrers"),
    ("/v2/a/referrers/", "version"),
    ("/v2/a/manifests/latest", "manifest"), (f"/v2/a/b.c/manifests/{D256}?tag=a&tag=b", "manifest"),
    ("/v2/a/manifests/", "version"), ("/v2/a/manifests", "version"), ("/v2/manifests/x", "version"),
    (f"/v2/a/blobs/{D256}", "blob"), ("/v2/a/blobs/x", "blob"), ("/v2/a/blobs/uploadsx", "blob"),
    ("/v2/a/blobs/", "version"),
    ("/v2/a/blobs/uploads", "upload"), ("/v2/a/blobs/uploads/", "upload"), (f"/v2/a/blobs/uploads/{UUID}", "upload"),
    (f"/v2/a/blobs/uploads/?mount={D256}&from=b/manifests/x", "upload"), ("/v2/a/blobs/uploads?digest=x", "upload"),
    ("/v2/blobs/uploads/manifests/x", "manifest"), ("/v2/a/manifests/b/blobs/uploads/", "upload"),
    ("/v2/a/blobs/uploads/tags/list", "tags"), (f"/v2/a/blobs/uploads/blobs/{D256}", "blob"),
    ("/v2/a/manifests/b/blobs/c", "blob"), ("/v2/a/tags/list/manifests/x", "manifest"),
    ("/v2/a/nothing", "version"), ("/v2/a/b/c?d=/tags/list", "version"), ("/v2/token", "version"),
    ("/v2/a.php/manifests/1.0.php", "manifest"), ("/v2/a/manifests/.htaccess", "manifest"),
]


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def __getitem__(self, name):
        return self.headers[name]

    def fields(self, name):
        return self.headers.get_all(name) or []

    @property
    def params(self):
        return json.loads(self.body)["params"]

    @property
    def program(self):
        return json.loads(self.body)["program"]

    def check_error(self, status, code):
        """An error of the web server's own, in the OCI form."""
        assert self.status == status, (self.status, self.body)
        assert self["Content-Type"] == "application/json", self["Content-Type"]
        assert self.fields("Docker-Distribution-Api-Version") == ["registry/2.0"]
        errors = json.loads(self.body)["errors"]
        assert [e["code"] for e in errors] == [code]
        assert set(errors[0]) == {"code", "message", "detail"} and errors[0]["message"]


def ask(server, method, target, body=None, auth=None, certificate=None, **headers):
    """One request with the target exactly as given. A body that is an iterator is sent in chunks."""
    parts = urlsplit(server.url)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=server.ca)
        if certificate:
            context.load_cert_chain(certificate)
        connection = http.client.HTTPSConnection(parts.netloc, timeout=30, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    if auth:
        import base64
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
    with contextlib.suppress(BrokenPipeError):   # a body may be refused before it has been read
        connection.request(method, target, body, {k.replace("_", "-"): v for k, v in headers.items()})
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


def raw(server, request):
    """The bytes of the answer to these bytes, without dates and the port."""
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), 30) as s:
        s.sendall(request)
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    answer = answer.replace(f":{parts.port}".encode(), b":PORT")
    head, _, body = answer.partition(b"\r\n\r\n")
    return [line.partition(b" ")[0] if line.startswith((b"Date:", b"Expires:")) else line
            for line in head.split(b"\r\n")], body


def slow_request(server, head, body):
    s = socket.create_connection(("127.0.0.1", server.port), 30)
    s.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    return s


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


SITE_PATHS = ("/", "/index.html", "/page.txt", "/none", "/none.php", "/private/x", "/v1/", "/v22/", "/v2x", "/V2/",
              "/404.html", "/dir", "/dir/", "/%2e%2e/", "/a%00b", "/?q=/v2/", "/index.html?x", "/_berth/", "/berth")


def site_requests(*more):
    """Requests, as bytes, for which a site with a registry in it must answer as it does without."""
    common = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    requests = [f"{method} {path} {common}{fields}\r\n"
                for method in ("GET", "HEAD", "POST", "OPTIONS") for path in (*SITE_PATHS, *more)
                for fields in ("", "Accept-Encoding: gzip\r\n", "Range: bytes=0-3\r\n", "If-None-Match: *\r\n")]
    requests += [f"POST {path} {common}Content-Length: {size}\r\n\r\n{'x' * size}"
                 for path in ("/", "/none", "/page.txt") for size in (10, 2000)]
    return [request.encode() for request in requests]


class Tree:
    """A data directory with what the direct rule looks at: links of repositories and the data of blobs."""

    def __init__(self, root):
        self.root = Path(root)
        self.base = self.root / "docker/registry/v2"
        self.base.mkdir(parents=True)

    def data_path(self, digest):
        algorithm, _, hexadecimal = digest.partition(":")
        return self.base / "blobs" / algorithm / hexadecimal[:2] / hexadecimal / "data"

    def link_path(self, name, digest):
        return self.base / "repositories" / name / "_layers" / digest.replace(":", "/") / "link"

    def add(self, name, data, algorithm="sha256"):
        digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
        for path, content in ((self.data_path(digest), data), (self.link_path(name, digest), digest.encode())):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return digest
