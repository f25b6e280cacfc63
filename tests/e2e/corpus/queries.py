# SPDX-License-Identifier: MIT
"""Bad values in the query, odd ones that must do no harm, and values that try to become header fields."""

import re

from harness.content import OCI_MANIFEST

from .row import (ABSENT, BAD_TARGET, BASE, HUGE_DIGEST, LAYER, LAYER_DIGEST, MANIFEST, MANIFEST_DIGEST, NAME, NOBODY,
                  UNPUSHED, UNPUSHED_DIGEST, UPLOAD, escaped, row)
from .paths import DIGESTS, TAGS

CATALOG, TAG_LIST, REFERRERS = "/v2/_catalog", f"{BASE}/tags/list", f"{BASE}/referrers/{MANIFEST_DIGEST}"
LISTS = (CATALOG, TAG_LIST, REFERRERS)
START, LOCATION = f"{BASE}/blobs/uploads/", f"{BASE}/blobs/uploads/{UPLOAD}"
UNPUSHED_PUT = {"body": UNPUSHED, "type": OCI_MANIFEST}

NO_NUMBERS = ["", "-1", "-0", "+1", "1x", "x", "0x10", "1e9", "1e99", "1.0", "1,2", "%31%20", "%201", "NaN", "null", "true",
              "18446744073709551616", "9" * 40, "9" * 3000, "-9223372036854775808", "%D9%A1"]
HUGE_NUMBERS = [2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
NO_TYPES = ["x", "/", "a/", "/b", "a/b/c", "a%20b/c", "a/b%3Bc", "a/%0d%0aX-Injected:%201", "a/b%00", "a/%C3%A4", "a/%22b",
            "x" * 128 + "/" + "y" * 128, "a%2Fb%0a"]

#: Bytes that nothing has that is named in a query.
BYTES = [0x00, 0x01, 0x09, 0x0A, 0x0D, 0x1B, 0x20, 0x22, 0x2F, 0x5C, 0x7F, 0x80, 0xFF]
INJECTION = "%0d%0aX-Injected:%201%0d%0a%0d%0a"


def numbers():
    for path in LISTS:
        for n in NO_NUMBERS:
            yield row("query", "n is no number", "GET", f"{path}?n={n}", 400, "PAGINATION_NUMBER_INVALID")
        for n in HUGE_NUMBERS:
            yield row("harmless", "a huge n", "GET", f"{path}?n={n}", 200)
        yield row("query", "the first n counts", "GET", f"{path}?n=x&n=1", 400, "PAGINATION_NUMBER_INVALID")
        yield row("harmless", "the first n counts", "GET", f"{path}?n=1&n=x", 200)


def lasts():
    for digest in DIGESTS:
        yield row("query", "last is no digest", "GET", f"{REFERRERS}?last={digest}", 400, "DIGEST_INVALID")
    yield row("query", "last is too long", "GET", f"{CATALOG}?last={'x' * 256}", 400, "NAME_INVALID")
    for last in ("../../..", "%2e%2e/x", "/", "//", "/etc/passwd", ".", "..", "a//b", "a%00b", "_berth",
                 f"{NAME}/_manifests/x",
                 "x" * 255, "%FF", "a" + INJECTION, "a%5c..", "corpus/../corpus/a", "*", "%25s%25n"):
        for path in (CATALOG, TAG_LIST):
            reason = "escaped byte" if re.search("%(00|0d|FF)", last) else ""
            yield row("harmless", "an odd last", "GET", f"{path}?last={last}", 200, server=reason)
            yield row("harmless", "an odd last", "GET", f"{path}?n=1&last={last}", 200, server=reason)


def types():
    for value in NO_TYPES:
        yield row("query", "no artifact type", "GET", f"{REFERRERS}?artifactType={value}", *BAD_TARGET)


def upload_queries():
    for digest in DIGESTS:
        digest = digest.replace("+", "%2B")
        yield row("query", "no digest", "PUT", f"{LOCATION}?digest={digest}", 400, "DIGEST_INVALID", body=b"x")
        yield row("query", "no digest", "POST", f"{START}?digest={digest}", 400, "DIGEST_INVALID", body=b"x")
        yield row("query", "no digest", "POST", f"{START}?mount={digest}&from={NAME}", 400, "DIGEST_INVALID")
    for target in (LOCATION, f"{LOCATION}?", f"{LOCATION}?digest", f"{LOCATION}?digest=", f"{LOCATION}?Digest={ABSENT}"):
        yield row("query", "no digest", "PUT", target, 400, "DIGEST_INVALID", body=b"x")
    for name in ("", "A", "..", "../b", "a//b", "/a", "a/", "a%20b", "a%2F..%2Fb", "_layers", "x" * 256, "corpus/a%00",
                 f"{NAME}/_layers", "a%0d%0ab", "%2e%2e/%2e%2e"):
        yield row("query", "from is no name", "POST", f"{START}?mount={LAYER_DIGEST}&from={name}", 400, "NAME_INVALID")
    for name in ("md5", "sha1", "SHA256", "sha384", "", "sha256:", "x" * 1000, "sha256%00", "../sha256"):
        yield row("query", "no algorithm", "POST", f"{START}?digest-algorithm={name}", 400, "DIGEST_INVALID")
    yield row("query", "the first digest counts", "POST", f"{START}?digest={ABSENT}&digest={LAYER_DIGEST}", 400,
              "DIGEST_INVALID", body=LAYER)


def tag_queries():
    target = f"{BASE}/manifests/{UNPUSHED_DIGEST}"
    for tag in ["", "..", "a%2Fb", "a%00b", "%20", *TAGS]:
        yield row("query", "no tag", "PUT", f"{target}?tag={tag}", 400, "TAG_INVALID", **UNPUSHED_PUT)
        yield row("query", "a good tag before a bad one", "PUT", f"{target}?tag=good&tag={tag}", 400, "TAG_INVALID",
                  **UNPUSHED_PUT)
    for count in (101, 150, 160, 161, 300, 700):
        many = "&".join(f"tag=t{i}" for i in range(count))
        yield row("query", f"{count} tags", "PUT", f"{target}?{many}", 414, "UNSUPPORTED", **UNPUSHED_PUT)
    for path in (*LISTS, f"{BASE}/blobs/{LAYER_DIGEST}", f"{BASE}/manifests/v1"):
        yield row("query", "161 parameters", "GET", f"{path}?{'&'.join('x=1' for _ in range(161))}", 414, "UNSUPPORTED")
        yield row("harmless", "only separators", "GET", f"{path}?{'&' * 500}", 200)
        yield row("query", "longer than a request line", "GET", f"{path}?x={'y' * 9000}", 414, "UNSUPPORTED",
                  server="long line")


def broken_escapes():
    for query in ("%", "%4", "%zz=1", "n=%", "n=%g1", "n=1&x=%", "%%", "n=1%2", "x=%u0041"):
        for path in (*LISTS, f"{BASE}/blobs/{LAYER_DIGEST}", f"{BASE}/manifests/v1", "/v2/"):
            yield row("query", "a broken escape", "GET", f"{path}?{query}", *BAD_TARGET)


#: For each parameter a request whose "@" is replaced by a byte, and how it is refused then.
PARAMETERS = [
    ("PUT", f"{LOCATION}?digest={ABSENT}@", "DIGEST_INVALID"),
    ("PUT", f"{LOCATION}?digest=sha256@:{'a' * 64}", "DIGEST_INVALID"),
    ("POST", f"{START}?mount={LAYER_DIGEST}@&from={NAME}", "DIGEST_INVALID"),
    ("POST", f"{START}?mount={LAYER_DIGEST}&from=@{NAME}", "NAME_INVALID"),
    ("POST", f"{START}?mount={LAYER_DIGEST}&from={NAME}@", "NAME_INVALID"),
    ("POST", f"{START}?digest-algorithm=sha512@", "DIGEST_INVALID"),
    ("GET", f"{TAG_LIST}?n=1@", "PAGINATION_NUMBER_INVALID"), ("GET", f"{CATALOG}?n=@1", "PAGINATION_NUMBER_INVALID"),
    ("GET", f"{REFERRERS}?last={ABSENT}@", "DIGEST_INVALID"), ("GET", f"{REFERRERS}?artifactType=a/b@", "UNSUPPORTED"),
    ("PUT", f"{BASE}/manifests/{UNPUSHED_DIGEST}?tag=a@b", "TAG_INVALID"),
]


def bytes_in_queries():
    for method, target, code in PARAMETERS:
        for byte in BYTES:
            more = UNPUSHED_PUT if "tag=" in target else {}
            yield row("bytes in queries", f"0x{byte:02x}", method, target.replace("@", escaped(byte)), 400, code, **more)


def question_marks():
    """Two servers could end the path in different places, and so know different owners of it."""
    for path in (*LISTS, f"{BASE}/manifests/v1", f"{BASE}/blobs/{LAYER_DIGEST}", "/v2/"):
        for query in ("?", "x?y", "/../../../../v2/corpus/b/tags/list?x"):
            yield row("query", "a second question mark", "GET", f"{path}?{query}", *BAD_TARGET)


def injections():
    for path in (*LISTS, f"{BASE}/manifests/v1", f"{BASE}/blobs/{LAYER_DIGEST}", "/v2/"):
        yield row("harmless", "a field in an unknown parameter", "GET", f"{path}?n=1&x={INJECTION}", 200,
                  server="escaped byte")
        yield row("harmless", "a field as a parameter", "GET", f"{path}?n=1&{INJECTION}=x", 200, server="escaped byte")
    for method, target, code in PARAMETERS:
        more = UNPUSHED_PUT if "tag=" in target else {}
        yield row("injection", "a field in a value", method, target.replace("@", INJECTION), 400, code, **more)
    for method, target, code in (("GET", f"{BASE}/manifests/v1{INJECTION}", ""), ("GET", f"/v2/a{INJECTION}/tags/list", ""),
                                 ("POST", f"/v2/a{INJECTION}/blobs/uploads/", ""),
                                 ("PUT", f"{BASE}/manifests/x{INJECTION}", "")):
        yield row("injection", "a field in the path", method, target, *BAD_TARGET)
    for value in ("a\tb", "\"", "\\", "a,b", "x" * 4000, "\xe4", "%0d%0aX-Injected: 1"):
        for name in ("User-Agent", "Accept", "If-None-Match", "Range", "If-Range", "Referer", "X-Forwarded-Host", "Origin",
                     "Authorization", "Docker-Upload-UUID", "X-Accel-Redirect", "Connection-Id"):
            yield row("injection", "odd fields", "GET", f"{BASE}/manifests/none", 404, "MANIFEST_UNKNOWN",
                      headers=[f"{name}: {value}"])


def mounts():
    for digest in (ABSENT, HUGE_DIGEST):
        yield row("query", "a bad from beside a digest", "POST", f"{START}?mount={digest}&from=..", 400, "NAME_INVALID")
    yield row("query", "wrong bytes for a new repository", "POST", f"/v2/{NOBODY}/blobs/uploads/?digest={ABSENT}", 400,
              "DIGEST_INVALID", body=b"other bytes")
    yield row("query", "a missing part for a new repository", "PUT", f"/v2/{NOBODY}/manifests/v1", 400,
              "MANIFEST_BLOB_UNKNOWN",
              body=MANIFEST, type=OCI_MANIFEST)


ROWS = [*numbers(), *lasts(), *types(), *upload_queries(), *tag_queries(), *broken_escapes(), *bytes_in_queries(),
        *question_marks(), *injections(),
        *mounts()]
