# SPDX-License-Identifier: MIT
"""Methods nothing serves, and requests that are no HTTP: raw control bytes, two lengths, fields that are none."""

from harness.content import OCI_MANIFEST
from harness.raw import as_bytes, request

from .row import ABSENT, BASE, LAYER_DIGEST, MANIFEST_DIGEST, UNPUSHED, UPLOAD, Row, row

#: Each end point with what it serves.
ENDPOINTS = {
    "/v2/": {"GET"}, "/v2": {"GET"}, "/v2/_catalog": {"GET"}, f"{BASE}/tags/list": {"GET"},
    f"{BASE}/referrers/{MANIFEST_DIGEST}": {"GET"},
    f"{BASE}/manifests/v1": {"GET", "PUT", "DELETE"}, f"{BASE}/manifests/{MANIFEST_DIGEST}": {"GET", "PUT", "DELETE"},
    f"{BASE}/blobs/{LAYER_DIGEST}": {"GET", "DELETE"}, f"{BASE}/blobs/uploads/": {"POST"},
    f"{BASE}/blobs/uploads": {"POST"},
    f"{BASE}/blobs/uploads/{UPLOAD}": {"GET", "PATCH", "PUT", "DELETE"},
}
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "COPY", "MOVE", "LOCK", "SEARCH", "FOO",
           "GETS", "PU")
KNOWN_METHODS = METHODS[:-3]   # to any server


def methods():
    for path, served in ENDPOINTS.items():
        for method in METHODS:
            if method not in served:
                yield row("methods", "not served", method, path, 405, "UNSUPPORTED", fields={"allow": allow(served)},
                          server="" if method in KNOWN_METHODS else "unknown method")
        yield row("methods", "not served", "TRACE", path, 405, "UNSUPPORTED")
        yield row("methods", "for proxies", "CONNECT", path, 405, "UNSUPPORTED", server="CONNECT")
        yield row("methods", "in small letters", "get", path, 405, "UNSUPPORTED", server="small letters")
        yield raw_row("methods", f"no word, {path}", f"G@T {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), server="no method")
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        yield row("harmless", "another method in a field", "GET", f"{BASE}/manifests/v1", 200,
                  headers=[f"{header}: DELETE"])
        yield row("harmless", "another method in the query", "GET", f"{BASE}/manifests/v1?_method=DELETE", 200)


def allow(served):
    order = [m for m in ("GET", "POST", "PUT", "PATCH", "DELETE") if m in served]
    order = ["GET", "PUT", "DELETE"] if served == {"GET", "PUT", "DELETE"} else order
    order = ["GET", "PATCH", "PUT", "DELETE"] if "PATCH" in served else order
    return ", ".join("GET, HEAD" if m == "GET" else m for m in order)


def raw_bytes():
    """Control bytes as they are, in the target and in fields."""
    for byte in (*range(0x00, 0x0A), *range(0x0B, 0x20), 0x7F):   # 0x0a ends a request of HTTP/0.9
        for place in ("/v2/cor@pus/a/tags/list", f"{BASE}/manifests/v1@", f"{BASE}/tags/list?n=1@",
                      f"{BASE}/blobs/@{LAYER_DIGEST}"):
            target = as_bytes(place).replace(b"@", bytes([byte]))
            yield raw_row("raw bytes", f"0x{byte:02x} in {place[:24]}", b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    for byte in (0x80, 0xC0, 0xFF):
        for place in (b"/v2/cor@pus/a/tags/list", as_bytes(BASE) + b"/manifests/v1@"):
            yield row("raw bytes", "above 0x7f", "GET", place.replace(b"@", bytes([byte])), 400, "UNSUPPORTED",
                      server="no UTF-8" if byte == 0x80 else "")
    for byte in (*range(0x00, 0x20), 0x7F):
        if byte in (0x09, 0x0A):
            continue   # a blank, and the end of the line
        for name in (b"Content-Type", b"Content-Range", b"X-Any"):
            value = b"application/x" + bytes([byte]) + b"y"
            yield Row("raw bytes", f"0x{byte:02x} in the field {name.decode()}",
                      request("PUT", f"{BASE}/manifests/new", [name + b": " + value], b"{}"), 400, "UNSUPPORTED", "PUT",
                      "" if byte in (0x00, 0x0D) else "field byte")


def raw_row(group, name, data, method="GET", server=""):
    return Row(group, name, data, 400, "UNSUPPORTED", method, server)


def framed(fields, body=b"", target=f"{BASE}/manifests/new", method="PUT", version="HTTP/1.1"):
    lines = [f"{method} {target} {version}", "Host: x", f"Content-Type: {OCI_MANIFEST}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


#: Of those, what some server reads as HTTP after all.
LENGTHS_OWN = {"a length and chunks": "both lengths", "a folded length": "folded", "an empty length": "empty length"}
#: A body whose end two readers could see in different places, or nobody.
LENGTHS = {
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "the same length twice": ["Content-Length: 5", "Content-Length: 5"],
    "a length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "a list of lengths": ["Content-Length: 5, 6"],
    "a length with a sign": ["Content-Length: +5"], "a length below 0": ["Content-Length: -5"],
    "a hexadecimal length": ["Content-Length: 0x5"],
    "a length with a word": ["Content-Length: 5x"], "a length beyond all": ["Content-Length: 99999999999999999999999"],
    "an empty length": ["Content-Length: "], "a folded length": ["Content-Length:", " 5"],
    "a length with a blank": ["Content-Length : 5"], "a length after a control byte": ["\x0bContent-Length: 5"],
}
CODINGS = {
    "an unknown coding": "x", "gzip": "gzip", "identity": "identity", "a coding with a tab": "\tchunkedx",
    "chunked within": "xchunked",
    "chunked and gzip": "chunked, gzip",
}
CHUNKS = {
    "no hexadecimal": b"xyz\r\n\r\n0\r\n\r\n", "a sign": b"-5\r\nabcde\r\n0\r\n\r\n",
    "a size beyond all": b"fffffffffffffffff\r\n",
    "no line end": b"5\r\nabcdeX0\r\n\r\n", "a blank first": b" \r\nabc\r\n", "nothing": b"\r\n\r\n",
}
LINES = {
    "no protocol": b"GET /v2/ XTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank in the target": b"GET /v2/ x HTTP/1.1\r\nHost: x\r\n\r\n", "no target": b"GET HTTP/1.1\r\nHost: x\r\n\r\n",
    "no slash": b"GET v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /v2/ HTTP/1.1\r\n\r\n", "two hosts": b"GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "a host that is none": b"GET /v2/ HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a blank before the colon": b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n",
    "an empty field name": b"GET /v2/ HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n",
    "out of the tree": b"GET /v2/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "out of the tree, escaped": b"GET /v2/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long field": b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000 + b"\r\n\r\n",
    "many fields": b"GET /v2/ HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(5000)) + b"\r\n",
}


LINES_OWN = {"out of the tree": "out of the tree", "out of the tree, escaped": "out of the tree", "a long field": "long header",
             "many fields": "long header"}


def unframed():
    for name, fields in LENGTHS.items():
        yield raw_row("framing", name, framed(fields, b"{}\r\n\r\n"), "PUT", LENGTHS_OWN.get(name, ""))
    for name, coding in CODINGS.items():
        yield raw_row("framing", name, framed([f"Transfer-Encoding: {coding}"], b"0\r\n\r\n"), "PUT", "coding")
    yield raw_row("framing", "gzip and chunked", framed(["Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n"), "PUT",
                  "chunked last")
    for name, body in CHUNKS.items():
        # Not PATCH: mod_fcgid would hand on what came before as if it were all.
        for target, reason in ((f"{BASE}/manifests/new", "chunk"),
                               (f"{BASE}/blobs/uploads/{UPLOAD}?digest={ABSENT}", "chunk of a blob")):
            reason += " beyond all" if name == "a size beyond all" else ""
            yield raw_row("framing", f"a chunk: {name}, {target[:30]}",
                          framed(["Transfer-Encoding: chunked"], body, target), "PUT", reason)
    for name, data in LINES.items():
        yield raw_row("framing", name, data, server=LINES_OWN.get(name, ""))
    yield raw_row("framing", "a wrong version", b"GET /v2/ HTTP/3.7\r\nHost: x\r\n\r\n", server="version")
    yield raw_row("framing", "a field without a colon", b"GET /v2/ HTTP/1.1\r\nHost: x\r\nfield\r\n\r\n", server="no field")


def harmless():
    """Odd, allowed, and no reason to answer otherwise than usual."""
    for name, target in (("an absolute target", f"http://elsewhere.test{BASE}/manifests/v1"),
                         ("an escaped letter", f"/v2/%63orpus/a/manifests/%76%31"),
                         ("an escaped colon", f"{BASE}/blobs/{LAYER_DIGEST.replace(':', '%3a')}")):
        yield row("harmless", name, "GET", target, 200, server="two hosts" if "://" in target else "")
    for fields in (["Expect: 100-continue"], ["Connection: Content-Type"], ["Connection: Content-Length, X-Any"],
                   ["Upgrade: h2c", "Connection: Upgrade"],
                   ["TE: trailers"], ["X-Forwarded-For: 1.2.3.4, evil"], ["X-Original-URL: /v2/_catalog"],
                   ["Proxy: http://127.0.0.1:9"],
                   ["Content-Encoding: gzip"], ["Trailer: X-Any"], ["Range: bytes=0-1"]):
        yield row("harmless", f"the field {fields[0]}", "GET", f"{BASE}/manifests/v1", 200, headers=fields)
    for body, chunked in ((b"x" * 10, False), (b"x" * 100_000, False), (b"x" * 100_000, True)):
        yield row("harmless", f"a body of {len(body)} bytes", "GET", f"{BASE}/manifests/v1", 200, body=body,
                  chunked=chunked, server="body of GET")
    for fields in (["Expect: 100-continue"], ["Connection: Content-Length"], ["Content-Encoding: gzip"]):
        yield row("missing parts", f"with {fields[0]}", "PUT", f"{BASE}/manifests/new", 400, "MANIFEST_BLOB_UNKNOWN",
                  headers=fields,
                  body=UNPUSHED.replace(LAYER_DIGEST.encode(), b"sha256:" + b"0" * 64), type=OCI_MANIFEST)


ROWS = [*methods(), *raw_bytes(), *unframed(), *harmless()]
