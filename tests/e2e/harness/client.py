# SPDX-License-Identifier: MIT
"""An HTTP client that sends exactly what a test says: raw paths, chunked bodies, missing or repeated headers."""

import base64
import contextlib
import email.parser
import email.policy
import http.client
import json
import ssl
from urllib.parse import urlsplit

TIMEOUT = 120


class Response:
    """An answer, with the checks every answer of a registry must pass."""

    def __init__(self, method, path, reply, body):
        self.method, self.path = method, path
        self.status, self.body = reply.status, body
        self.headers = reply.headers

    def header(self, name):
        """The value of a header that may come at most once, or None."""
        values = self.headers.get_all(name) or []
        assert len(values) <= 1, f"{name} came {len(values)} times\n{self}"
        return values[0] if values else None

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise AssertionError(f"the body is not JSON\n{self}") from None

    def expect(self, *statuses):
        """The status is one of these, and the answer has the form that belongs to its status."""
        assert self.status in statuses, f"expected {' or '.join(map(str, statuses))}\n{self}"
        assert self.header("Docker-Distribution-Api-Version") == "registry/2.0", str(self)
        if self.status >= 400 and self.method != "HEAD":
            self.check_error_form()
        return self

    def expect_error(self, status, code):
        """An error with exactly this status and, where there can be a body, this OCI code first."""
        self.expect(status)
        if self.method != "HEAD":
            codes = [e["code"] for e in self.json()["errors"]]
            assert codes[0] == code, f"expected {code}\n{self}"
        return self

    def check_error_form(self):
        assert (self.header("Content-Type") or "").split(";")[0] == "application/json", str(self)
        document = self.json()
        assert isinstance(document.get("errors"), list) and document["errors"], str(self)
        for error in document["errors"]:
            assert error["code"].replace("_", "").isalpha() and error["code"].isupper(), str(self)
            assert isinstance(error.get("message", ""), str), str(self)

    @property
    def digest(self):
        return self.header("Docker-Content-Digest")

    @property
    def length(self):
        value = self.header("Content-Length")
        assert value is not None, f"no Content-Length\n{self}"
        return int(value)

    @property
    def location(self):
        """Location, which is always relative: proxies and TLS terminators cannot break it then."""
        value = self.header("Location")
        assert value is not None, f"no Location\n{self}"
        assert value.startswith("/v2/"), f"Location is not relative\n{self}"
        return value

    def parts(self):
        """The parts of a multipart/byteranges answer as [(Content-Range, bytes)]."""
        kind = self.header("Content-Type")
        assert kind.startswith("multipart/byteranges"), str(self)
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        assert message.is_multipart(), str(self)
        return [(p["Content-Range"], split_part(self.body, message.get_boundary(), i))
                for i, p in enumerate(message.iter_parts())]

    def __str__(self):
        lines = [f"{self.method} {self.path} -> {self.status}"]
        lines += [f"  {k}: {v}" for k, v in self.headers.items()]
        return "\n".join(lines + ["  " + repr(self.body[:600])])


def split_part(body, boundary, index):
    """The bytes of one part: the mail parser would treat them as text and touch their line ends."""
    piece = body.split(b"--" + boundary.encode())[index + 1]
    return piece.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")


class Exchange:
    """A request under way, for tests that send slowly, stop half way or go away."""

    def __init__(self, connection, method, path):
        self.connection, self.method, self.path = connection, method, path

    def send(self, data):
        self.connection.send(data)

    def send_chunk(self, data):
        self.connection.send(b"%x\r\n%s\r\n" % (len(data), data))

    def finish(self):
        """Read the answer."""
        reply = self.connection.getresponse()
        with contextlib.closing(self.connection):
            return Response(self.method, self.path, reply, reply.read())

    def abort(self):
        """Go away without a word, as a client does that lost its network."""
        self.connection.close()


class Client:
    """Requests to one server. A new connection each, so that tests cannot disturb one another."""

    def __init__(self, url, user=None, ca=None):
        parts = urlsplit(url)
        self.url, self.tls = url, parts.scheme == "https"
        self.host, self.port = parts.hostname, parts.port
        self.netloc = parts.netloc
        self.user, self.ca = user, ca

    def connect(self):
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca)
            return http.client.HTTPSConnection(self.host, self.port, timeout=TIMEOUT, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT)

    def begin(self, method, path, headers=()):
        """Send the request line and these headers (a list of pairs); the body is the caller's to send."""
        connection = self.connect()
        connection.putrequest(method, path, skip_accept_encoding=True)
        authorization = self.authorization(path)
        if authorization:
            connection.putheader("Authorization", authorization)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        return Exchange(connection, method, path)

    def authorization(self, path):
        """The value of the field with which a request to this path goes out, or None."""
        if not self.user:
            return None
        return "Basic " + base64.b64encode(":".join(self.user).encode()).decode()

    def request(self, method, path, body=None, headers=(), type=None, chunked=False):
        """One whole request. body: bytes, or an iterable of bytes, which goes out chunked."""
        headers = list(headers)
        if type:
            headers.append(("Content-Type", type))
        if body is not None and not isinstance(body, bytes):
            chunked = True
        if chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        elif body is not None or method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(body or b""))))
        exchange = self.begin(method, path, headers)
        # A server may answer and close before it has read all of a body it refuses; the answer counts.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_body(exchange, body, chunked)
        return exchange.finish()

    @staticmethod
    def send_body(exchange, body, chunked):
        if chunked:
            for piece in [body] if isinstance(body, bytes) else body or ():
                if piece:
                    exchange.send_chunk(piece)
            exchange.send(b"0\r\n\r\n")
        elif body:
            exchange.send(body)

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def head(self, path, **kw):
        return self.request("HEAD", path, **kw)

    def put(self, path, body=None, **kw):
        return self.request("PUT", path, body, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body, **kw)

    def patch(self, path, body=None, **kw):
        return self.request("PATCH", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)


def with_query(location, **values):
    """A Location with query parameters added, whatever it carries already. Digests stay readable."""
    query = "&".join(f"{k.replace('_', '-')}={v}" for k, v in values.items())
    return location + ("&" if "?" in location else "?") + query
