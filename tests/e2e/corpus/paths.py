# SPDX-License-Identifier: MIT
"""Bad paths: names, digests, tags, upload ids, ways out of the tree, and bytes that have no place in a path."""

from harness.content import OCI_MANIFEST

from .row import (ABSENT, BAD_TARGET, BASE, HUGE_DIGEST, LAYER_DIGEST, MANIFEST, MANIFEST_DIGEST, NAME, NOBODY, UPLOAD,
                  escaped, row)

#: Outside the grammar of names, and nothing else is wrong with them.
NAMES = ["A", "corpus/A", "a..b", "a.-b", "a___b", "-a", "a-", ".a", "a.", "_a", "a_", "corpus/_b", "a/_layers", "_uploads",
         f"{NAME}/_manifests", "a:b", "a@b", "a+b", "a,b", "a;b", "a=b", "a~b", "a!b", "a$b", "a*b", "a'b", "(a)", "a&b",
         "a%41", "a%3Ab", "a%40b", "a%3Fb", "a%23b", "a%22b", "a%3Cb%3E", "a%7Cb", "a%60b", "a%7Bb%7D", "%5Ba%5D",
         "x" * 256, "x/" * 127 + "xx", "a/" * 2000 + "a"]

#: What a web server would decode, resolve or merge: each program refuses it before it looks any further.
DETOURS = ["a//b", "/a", "a/./b", "./a", "a/../b", "a/..", "a/.", "a/%2e%2e/b", "a/%2E%2e", "a/.%2e/b",
           "a/%2e/b", "a/%2e%2e%5cb", "a\\b", "a\\..\\b", "..\\a", "a%5Cb", "a%5c..%5cb", "a%20b", "%20", "a%25b",
           "a%2525b",
           "a%252e%252e/b", "a%252Fb", "a%c0%aeb", "a%c0%ae%c0%ae/b", "a%c0%afb", "a%C3%A4b", "a%EF%BC%8Fb", "a%E2%80%AEb",
           "a%F0%9F%90%B3b", "%FF"]
NO_UTF_8 = ["a%e0%80%afb", "a\xe4b"]
ESCAPED_SLASHES = ["a%2Fb", "a%2fb", "%2Fa", "a%2F..%2Fb", "a/..%2fb", "a%2F%2Fb"]
#: Out of /v2, where a registry has no say: the first for everybody, the second for who takes an escaped slash for one.
OUTSIDE, OUTSIDE_ESCAPED = ["../a", "%2e%2e/a", "a/../../b", "%2E./a"], ["..%2fa", "%2e%2e%2fa", "a/..%2f..%2fetc"]
BROKEN_ESCAPES = ["a%", "a%4", "a%zz", "a%%41", "a%u0041", "%"]

DIGESTS = ["sha256:", "sha256:baddigeststring", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "sha256:" + "a" * 65,
           "sha256:" + "g" * 64, "sha512:" + "a" * 64, "sha512:" + "a" * 127, "SHA256:" + "a" * 64, ":" + "a" * 64, ":",
           "a:b",
           "md5:d41d8cd98f00b204e9800998ecf8427e", "sha1:" + "a" * 40, "blake3:" + "a" * 64, "sha256:sha256:" + "a" * 64,
           "sha256+b64:" + "a" * 64, "sha256:" + "a" * 60 + "....", "sha256:" + "a" * 2000, LAYER_DIGEST + ":",
           LAYER_DIGEST + "x", "%73ha256:" + "A" * 64]
WORDS = ["latest", "a" * 64, "_layers", "data", ".x"]   # where only a digest may stand

TAGS = [".a", "-a", "a+b", "a@b", "a,b", "a;b", "a=b", "a~b", "a!b", "x" * 129, "x" * 3000, "...", ".htaccess", "%2Ea",
        "v1%3Fx", "a%23b", "a%22b"]

UPLOADS = ["not-an-id", "1", "x" * 36, "x" * 4000, UPLOAD[:-1], UPLOAD.upper(), UPLOAD.replace("-", ""),
           "00000000-0000-4000-8000-000000000000",
           "0000000000000000000000000000000000000", "{" + UPLOAD + "}", "urn:uuid:" + UPLOAD, UPLOAD + "0", UPLOAD + ".tmp",
           "startedat", "data", "_uploads"]

#: Each byte a name, a tag or a digest cannot have wherever it stands and however it is spelled.
BYTES = [*range(0x00, 0x21), 0x7F, 0x80, 0xA0, 0xC0, 0xFF]


def endpoints(name):
    """Every request there is for a repository of this name."""
    base = f"/v2/{name}"
    put = {"body": MANIFEST, "type": OCI_MANIFEST}
    yield "GET", f"{base}/tags/list", {}
    for reference in ("v1", MANIFEST_DIGEST):
        yield from (("GET", f"{base}/manifests/{reference}", {}), ("HEAD", f"{base}/manifests/{reference}", {}),
                    ("PUT", f"{base}/manifests/{reference}", put), ("DELETE", f"{base}/manifests/{reference}", {}))
    for method in ("GET", "HEAD", "DELETE"):
        yield method, f"{base}/blobs/{LAYER_DIGEST}", {}
    yield "GET", f"{base}/referrers/{MANIFEST_DIGEST}", {}
    for query in ("", f"?mount={LAYER_DIGEST}&from={NAME}"):
        yield "POST", f"{base}/blobs/uploads/{query}", {}
    for method in ("GET", "PATCH", "DELETE"):
        yield method, f"{base}/blobs/uploads/{UPLOAD}", {}
    yield "PUT", f"{base}/blobs/uploads/{UPLOAD}?digest={LAYER_DIGEST}", {}


def some(name):
    """The same in short: one request for each program."""
    wanted = {("GET", "tags"), ("PUT", "manifests"), ("GET", "blobs"), ("GET", "referrers"), ("POST", "blobs")}
    for method, target, more in endpoints(name):
        word = target[len(f"/v2/{name}/"):].split("/")[0]
        if (method, word) in wanted:
            wanted.discard((method, word))
            yield method, target, more


def names():
    for name in NAMES:
        requests = endpoints(name) if len(name) < 20 and "%" not in name and name[0] in "Ac_-." else some(name)
        for method, target, more in requests:
            yield row("names", "outside the grammar", method, target, 400, "NAME_INVALID", **more)
    for method, target, more in endpoints("x" * 9000):
        yield row("names", "longer than a request line", method, target, 414, "UNSUPPORTED", server="long line", **more)
    for method, target, more in some(""):
        target = target.replace("//", "/", 1)
        yield row("names", "no name at all", method, target, 404, "UNSUPPORTED", **more)


def detours():
    for name in DETOURS:
        for method, target, more in some(name):
            yield row("detours", "not in normal form", method, target, *BAD_TARGET, **more)
    for name in NO_UTF_8:
        for method, target, more in some(name):
            yield row("detours", "no UTF-8", method, target, *BAD_TARGET, server="no UTF-8", **more)
    for name in ESCAPED_SLASHES:
        for method, target, more in some(name):
            yield row("detours", "an escaped slash", method, target, *BAD_TARGET, server="escaped slash", **more)
    for name in OUTSIDE:
        for method, target, more in some(name):
            yield row("detours", "out of the registry", method, target, 404, "UNKNOWN", **more)
    for name in OUTSIDE_ESCAPED:
        for method, target, more in some(name):
            yield row("detours", "out of the registry, escaped", method, target, *BAD_TARGET, server="escaped way out",
                      **more)
    for name in BROKEN_ESCAPES:
        for method, target, more in some(name):
            yield row("detours", "a broken escape", method, target, *BAD_TARGET, **more)
    for tail in ("..", "../..", "%2e%2e", "%2e%2e/x", ".", "%2e", "x/../y", "x//y", "%5c", "..%5c..%5cx", "%252e%252e"):
        for place in ("manifests", "blobs", "referrers", "blobs/uploads"):
            yield row("detours", "not in normal form at the end", "GET", f"{BASE}/{place}/{tail}", *BAD_TARGET)
    for tail in ("..%2f..%2fx", "%2e%2e%2fx", "a%2fb"):
        for place in ("manifests", "blobs", "referrers", "blobs/uploads"):
            yield row("detours", "an escaped slash at the end", "GET", f"{BASE}/{place}/{tail}", *BAD_TARGET,
                      server="escaped slash")


def digests():
    for digest in DIGESTS:
        for method, place in (("GET", "blobs"), ("HEAD", "blobs"), ("DELETE", "blobs"), ("GET", "manifests"),
                              ("HEAD", "manifests"), ("DELETE", "manifests"), ("GET", "referrers")):
            yield row("digests", "no digest", method, f"{BASE}/{place}/{digest}", 400, "DIGEST_INVALID")
        yield row("digests", "no digest", "PUT", f"{BASE}/manifests/{digest}", 400, "DIGEST_INVALID", body=MANIFEST,
                  type=OCI_MANIFEST)
    for word in WORDS:
        for method, place in (("GET", "blobs"), ("HEAD", "blobs"), ("DELETE", "blobs"), ("GET", "referrers")):
            yield row("digests", "a word for a digest", method, f"{BASE}/{place}/{word}", 400, "DIGEST_INVALID")


def tags():
    for tag in TAGS:
        for method in ("GET", "HEAD", "DELETE"):
            yield row("tags", "no tag", method, f"{BASE}/manifests/{tag}", 400, "TAG_INVALID")
        yield row("tags", "no tag", "PUT", f"{BASE}/manifests/{tag}", 400, "TAG_INVALID", body=MANIFEST, type=OCI_MANIFEST)


def uploads():
    for uuid in UPLOADS:
        location = f"{BASE}/blobs/uploads/{uuid}"
        for method in ("GET", "PATCH", "DELETE"):
            yield row("upload ids", "no upload", method, location, 404, "BLOB_UPLOAD_UNKNOWN")
        yield row("upload ids", "no upload", "PUT", f"{location}?digest={LAYER_DIGEST}", 404, "BLOB_UPLOAD_UNKNOWN",
                  body=b"x")


#: Of those, what separates, ends or escapes something somewhere.
TELLING_BYTES = [0x00, 0x09, 0x0A, 0x0D, 0x20, 0x7F, 0x80, 0xFF]

#: Where a byte goes: at "@".
POSITIONS = {
    "first in a name": "/v2/@corpus/a/tags/list", "within a name": "/v2/cor@pus/a/tags/list",
    "last in a name": "/v2/corpus/a@/tags/list", "for a name": "/v2/@/tags/list",
    "first in a tag": f"{BASE}/manifests/@v1", "within a tag": f"{BASE}/manifests/v@1",
    "last in a tag": f"{BASE}/manifests/v1@",
    "within a digest": f"{BASE}/blobs/{LAYER_DIGEST[:20]}@{LAYER_DIGEST[21:]}",
    "last in a digest": f"{BASE}/blobs/{LAYER_DIGEST}@",
    "within an algorithm": f"{BASE}/blobs/sha@256:{'a' * 64}", "last in a subject": f"{BASE}/referrers/{MANIFEST_DIGEST}@",
    "last in an upload id": f"{BASE}/blobs/uploads/{UPLOAD}@",
    "within an upload id": f"{BASE}/blobs/uploads/{UPLOAD[:-1]}@",
    "within a fixed word": f"{BASE}/ta@gs/list", "last of all": f"{BASE}/tags/list@", "in the first word": "/v2@/",
    "after the first word": "/v2/@", "after the catalog": "/v2/_catalog@",
}


def bytes_in_paths():
    for place, target in POSITIONS.items():
        outside = place == "in the first word"
        answer = (404, "UNKNOWN") if outside else BAD_TARGET
        for byte in BYTES if "within" in place else TELLING_BYTES:
            reason = "escaped NUL" if byte == 0 else "no UTF-8" if byte in (0x80, 0xA0) else ""
            if outside and byte not in (0, 0x20, 0x80):
                reason = "escaped byte"
            yield row("bytes in paths", f"escaped, {place}", "GET", target.replace("@", escaped(byte)), *answer, server=reason)


def unknown():
    """Well-formed, and nobody has it."""
    for method in ("GET", "HEAD", "DELETE"):
        yield row("unknown", "a blob", method, f"{BASE}/blobs/{ABSENT}", 404, "BLOB_UNKNOWN")
        for reference in ("none", ABSENT, LAYER_DIGEST, HUGE_DIGEST, "sha512:" + "a" * 128):
            yield row("unknown", "a manifest", method, f"{BASE}/manifests/{reference}", 404, "MANIFEST_UNKNOWN")
            yield row("unknown", "nobody's manifest", method, f"/v2/{NOBODY}/manifests/{reference}", 404,
                      "MANIFEST_UNKNOWN")
        yield row("unknown", "another repository's blob", method, f"/v2/{NOBODY}/blobs/{LAYER_DIGEST}", 404, "BLOB_UNKNOWN")
    yield row("unknown", "a list of tags", "GET", f"/v2/{NOBODY}/tags/list", 404, "NAME_UNKNOWN")
    for path in ("/v2/x", "/v2/_catalog/", f"{BASE}/tags", f"{BASE}/tags/list/", f"{BASE}/manifests/", f"{BASE}/manifests",
                 f"{BASE}/blobs/", f"{BASE}/referrers/", f"{BASE}/_layers/x", "/v2/_berth/locks", "/v2/_berth/blobs",
                 "/v2/_oci/x",
                 "/v2/repositories", f"{BASE}/manifests/v1/x", "/v2/docker/registry/v2/blobs/x/y", "/v2/token",
                 "/v2/_berth"):
        for method in ("GET", "PUT", "DELETE"):
            yield row("unknown", "an end point", method, path, 404, "UNSUPPORTED")


ROWS = [*names(), *detours(), *digests(), *tags(), *uploads(), *bytes_in_paths(), *unknown()]
