# SPDX-License-Identifier: MIT
"""Requests as bytes and answers read strictly: for what no HTTP library would send, or would forgive."""

import re
import socket
import ssl

TIMEOUT = 60
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) [ -~]*")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([ -~]*)")


class Malformed(Exception):
    """What came is no answer, or none to this request."""


class Answer:
    """One answer: status, fields as [(name, value)] in lower case and as text, body."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def values(self, name):
        return [value for key, value in self.fields if key == name]

    def value(self, name):
        """The value of a field that may come at most once, or None."""
        values = self.values(name)
        if len(values) > 1:
            raise Malformed(f"{name} came {len(values)} times: {self}")
        return values[0] if values else None

    def __str__(self):
        return f"{self.status} {dict(self.fields)} {self.body[:300]!r}"


class Connection:
    """A kept connection to a port of 127.0.0.1, opened when first used and again when the server has closed it. With TLS
    where there is a `ca` to trust."""

    def __init__(self, port, ca=None):
        self.port, self.socket, self.rest = port, None, b""
        self.context = ssl.create_default_context(cafile=ca) if ca else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def open(self):
        self.socket, self.rest = socket.create_connection(("127.0.0.1", self.port), TIMEOUT), b""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            self.socket = self.context.wrap_socket(self.socket, server_hostname="127.0.0.1")

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def ask(self, request, head=False):
        """Send these bytes and read one answer. A server that has closed meanwhile, between two requests, is asked
        anew; one that answers before it has read everything is heard."""
        kept = self.socket is not None
        if not kept:
            self.open()
        try:
            self.send(request)
            return self.read(head)
        except (ConnectionError, Malformed) as problem:
            self.close()
            nothing_came = isinstance(problem, ConnectionError) or str(problem) == "nothing"
            if not kept or not nothing_came:
                raise
        return self.ask(request, head)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass   # the answer, if there is one, tells why

    def receive(self):
        data = self.socket.recv(65536)
        self.rest += data
        return bool(data)

    def take(self, size):
        while len(self.rest) < size:
            if not self.receive():
                raise Malformed(f"{size} bytes announced, {len(self.rest)} came")
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def take_until(self, mark):
        while mark not in self.rest:
            if not self.receive():
                raise Malformed("nothing" if not self.rest else f"broke off: {self.rest[:200]!r}")
        data, _, self.rest = self.rest.partition(mark)
        return data

    def read(self, head=False):
        """One answer; to HEAD when `head`."""
        lines = self.take_until(b"\r\n\r\n").split(b"\r\n")
        match = STATUS_LINE.fullmatch(lines[0])
        if not match:
            raise Malformed(f"status line {lines[0]!r}")
        status = int(match.group(1))
        fields = [parse_field(line) for line in lines[1:]]
        if status < 200:
            return self.read(head)
        answer = Answer(status, fields, b"")
        if not head and status not in (204, 304):
            answer.body = self.read_body(answer)
        if "close" in (answer.value("connection") or "").lower():
            self.close()
        return answer

    def read_body(self, answer):
        length, coding = answer.value("content-length"), answer.value("transfer-encoding")
        if length is not None and coding is not None:
            raise Malformed(f"a length and a coding: {answer}")
        if length is not None:
            return self.take(int(length))
        if coding == "chunked":
            return b"".join(iter(self.read_chunk, b""))
        while self.receive():
            pass
        data, self.rest = self.rest, b""
        return data

    def read_chunk(self):
        data = self.take(int(self.take_until(b"\r\n"), 16))
        if self.take(2) != b"\r\n":
            raise Malformed("a chunk without its end")
        return data


def parse_field(line):
    match = FIELD.fullmatch(line)
    if not match:
        raise Malformed(f"header field {line!r}")
    return match.group(1).decode().lower(), match.group(2).decode()


def request(method, target, fields=(), body=None, chunked=False):
    """The bytes of a request. Every part is bytes or text of Latin-1; a body is framed by its length or in one chunk."""
    lines = [as_bytes(method) + b" " + as_bytes(target) + b" HTTP/1.1", b"Host: registry.test"]
    lines += [as_bytes(field) for field in fields]
    if chunked:
        lines.append(b"Transfer-Encoding: chunked")
        body = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    elif body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")
