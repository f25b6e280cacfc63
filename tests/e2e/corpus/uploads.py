# SPDX-License-Identifier: MIT
"""Bad chunks, wrong digests, and uploads used where they do not belong."""

from harness.content import OCTETS, digest_of

from .row import (ABSENT, BASE, HUGE_DIGEST, LAYER, LAYER_DIGEST, MANIFEST_DIGEST, NAME, NOBODY, OTHER, OTHERS_UPLOAD,
                  RECEIVED, UPLOAD,
                  row)

LOCATION = f"{BASE}/blobs/uploads/{UPLOAD}"
CHUNK = b"c" * 10
DONE = digest_of(RECEIVED + CHUNK)   # what a PUT of the chunk would make whole
SIZE = len(RECEIVED)

OUT_OF_ORDER = ["0-9", "0-0", "1-10", "990-999", "999-1008", "1001-1010", "2000-2009", "4294967296-4294967305",
                "9223372036854775808-9223372036854775817"]
MALFORMED = ["", "x", "-", "1000", "1000-", "-1009", "x-y", "1000-x", "1009-1000", "1000-999", "1000-1009-1010",
             "bytes 1000-1009/1010",
             "bytes=1000-1009", "bytes 1000-1009/*", "bytes */1010", "0x3e8-0x3f1", "+1000-1009", "1000 - 1009",
             "1000-1009,1010-1019",
             "1000-18446744073709551615", "1000-18446744073709551616", "0-99999999999999999999999999",
             "9" * 3000 + "-" + "9" * 3000,
             "-1000--1", "1000\t-1009", "\xe4"]
WRONG_LENGTH = ["1000-1000", "1000-1008", "1000-1010", "1000-1999", "1000-9223372036854775807", "1000-18446744073709551614"]


def chunks():
    for method, target in (("PATCH", LOCATION), ("PUT", f"{LOCATION}?digest={DONE}")):
        for table, status, code in ((OUT_OF_ORDER, 416, "RANGE_INVALID"), (MALFORMED, 416, "RANGE_INVALID"),
                                    (WRONG_LENGTH, 400, "SIZE_INVALID")):
            for value in table:
                for chunked in (False, True):
                    yield row("chunks", f"Content-Range {value[:40]!a}{' chunked' if chunked else ''}", method, target,
                              status, code, server="" if value else "empty field",
                              headers=[f"Content-Range: {value}"], body=CHUNK, type=OCTETS, chunked=chunked)


def wrong_digests():
    for digest in (ABSENT, LAYER_DIGEST, MANIFEST_DIGEST, HUGE_DIGEST, digest_of(RECEIVED + b"x"), digest_of(b""),
                   digest_of(RECEIVED + CHUNK, "sha512")[:-1] + "0", "sha512:" + "0" * 128):
        for body in (b"", CHUNK):
            for chunked in (False, True):
                yield row("wrong digest", f"at the end, {len(body)} bytes{' chunked' if chunked else ''}", "PUT",
                          f"{LOCATION}?digest={digest}",
                          400, "DIGEST_INVALID", body=body, type=OCTETS, chunked=chunked)
        for name in (NAME, NOBODY):
            yield row("wrong digest", "of a whole blob", "POST", f"/v2/{name}/blobs/uploads/?digest={digest}", 400,
                      "DIGEST_INVALID",
                      body=CHUNK, type=OCTETS)
    yield row("wrong digest", "of no bytes", "POST", f"{BASE}/blobs/uploads/?digest={LAYER_DIGEST}", 400, "DIGEST_INVALID",
              type=OCTETS)
    yield row("wrong digest", "and an algorithm", "POST", f"{BASE}/blobs/uploads/?digest={ABSENT}&digest-algorithm=sha512",
              400,
              "DIGEST_INVALID", body=CHUNK, type=OCTETS)


#: quay CVE-2026-32589: an upload belongs to one repository.
def foreign():
    for name, upload in ((OTHER, UPLOAD), (NOBODY, UPLOAD), (f"{NAME}/b", UPLOAD), ("corpus", UPLOAD), ("a", UPLOAD),
                         (NAME, OTHERS_UPLOAD)):
        location = f"/v2/{name}/blobs/uploads/{upload}"
        for method, query, body in (("GET", "", None), ("HEAD", "", None), ("PATCH", "", CHUNK),
                                    ("PUT", f"?digest={DONE}", CHUNK),
                                    ("PUT", f"?digest={digest_of(RECEIVED)}", b""), ("DELETE", "", None)):
            yield row("foreign upload", f"through {name}", method, location + query, 404, "BLOB_UPLOAD_UNKNOWN", body=body)
        yield row("foreign upload", f"through {name}", "PATCH", location, 404, "BLOB_UPLOAD_UNKNOWN", body=CHUNK,
                  headers=[f"Content-Range: {SIZE}-{SIZE + 9}"])


def large_to_nobody():
    """What is refused without being read must still be answered."""
    for size in (100_000, 2_000_000):
        for chunked in (False, True):
            yield row("unread bodies", f"{size} bytes{' chunked' if chunked else ''}", "PATCH",
                      f"{BASE}/blobs/uploads/{OTHERS_UPLOAD}", 404,
                      "BLOB_UPLOAD_UNKNOWN", body=bytes(size), chunked=chunked)
            yield row("unread bodies", f"{size} bytes{' chunked' if chunked else ''}", "PUT", f"{LOCATION}?digest=x", 400,
                      "DIGEST_INVALID",
                      body=bytes(size), chunked=chunked)
            yield row("unread bodies", f"{size} bytes{' chunked' if chunked else ''}", "PUT",
                      f"{BASE}/blobs/{LAYER_DIGEST}", 405,
                      "UNSUPPORTED", body=bytes(size), chunked=chunked)
            yield row("unread bodies", f"{size} bytes{' chunked' if chunked else ''}", "POST",
                      f"{BASE}/blobs/uploads/?digest={ABSENT}", 400,
                      "DIGEST_INVALID", body=LAYER * (size // len(LAYER)), chunked=chunked)


ROWS = [*chunks(), *wrong_digests(), *foreign(), *large_to_nobody()]
