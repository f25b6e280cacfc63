# SPDX-License-Identifier: MIT
"""A row of the corpus, and the content every registry holds before the rows are sent (world.py puts it there)."""

from dataclasses import dataclass, field

from harness.content import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, digest_of, encode
from harness.raw import as_bytes, request

NAME, OTHER, NOBODY = "corpus/a", "corpus/b", "corpus/nobody"
BASE = f"/v2/{NAME}"

CONFIG, LAYER = b'{"architecture":"amd64","os":"linux"}', b"a layer " * 256
LAYER_DIGEST = digest_of(LAYER)


def image(**more):
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": digest_of(CONFIG), "size": len(CONFIG)},
            "layers": [{"mediaType": OCI_LAYER, "digest": LAYER_DIGEST, "size": len(LAYER)}], **more}


#: Tagged v1 and v2. And one that could be pushed, but never is.
MANIFEST, UNPUSHED = encode(image()), encode(image(annotations={"not": "pushed"}))
MANIFEST_DIGEST, UNPUSHED_DIGEST = digest_of(MANIFEST), digest_of(UNPUSHED)
ABSENT = digest_of(b"nobody has this")

#: A blob of NAME that is a hole of this length: reading it would show.
HUGE_DIGEST, HUGE_BYTES = "sha256:" + "0123456789abcdef" * 4, 5 << 30

#: The id of an upload of NAME that has received these bytes; and of one of OTHER.
UPLOAD, OTHERS_UPLOAD = "c0a9e001-0000-4000-8000-00000000000a", "c0a9e001-0000-4000-8000-00000000000b"
RECEIVED = bytes(1000)

#: How programs refuse a target that a web server could read in another way than they do.
BAD_TARGET = (400, "UNSUPPORTED")


@dataclass(frozen=True)
class Row:
    group: str
    name: str          # unique; says what is wrong with the request
    request: bytes
    status: int
    code: str = ""     # of the error; empty for an answer that is none, or has no body
    method: str = "GET"
    server: str = ""   # why a web server may answer this by itself: a key of SERVERS_OWN (see __init__.py)
    fields: dict = field(default_factory=dict, hash=False)   # header fields the answer must have

    @property
    def is_head(self):
        return self.method == "HEAD"


def row(group, name, method, target, status, code="", headers=(), body=None, type=None, chunked=False, **more):
    """A row for a request that is well-framed; `type` is its Content-Type."""
    headers = list(headers) + ([b"Content-Type: " + as_bytes(type)] if type is not None else [])
    if body is None and method in ("PUT", "POST", "PATCH") and not chunked:
        body = b""
    code = "" if method == "HEAD" else code
    shown = as_bytes(target).decode("latin-1").encode("unicode_escape").decode()
    shown = shown if len(shown) < 120 else f"{shown[:80]}...{len(shown)}"
    return Row(group, f"{name}: {method} {shown}", request(method, target, headers, body, chunked), status, code, method,
               **more)


def escaped(byte):
    return f"%{byte:02X}"
