# SPDX-License-Identifier: MIT
"""Who sends the bytes of a blob, the web server by itself or a program, shows in nothing else of the answer."""

import pytest

from harness.content import digest_of, random_bytes
from harness.raw import Connection, request
from harness.repository import Repository

BLOB = random_bytes(20000)
ABSENT = digest_of(b"nowhere")
#: Fields that differ by their nature; the last says who answered.
OTHERS = {"date", "server", "connection", "keep-alive", "berth-direct"}

RANGES = ["0-", "0-0", "5-9", "19999-", "19999-19999", "20000-", "20001-30000", "19998-99999999999", "9-5", "-5", "-0", "-99999",
          "0-19999", "00-5", "1-2,5-6", "1-2,3-4", "0-0,-1", "x-5", "5", "", "-", "1-2-3", " 1-2", "1 -2",
          "99999999999999999999-", "0-99999999999999999999", "18446744073709551615-", "9223372036854775807-"]
FIELDS = [[], *([f"Range: bytes={r}"] for r in RANGES), ["Range: bits=0-5"], ["Range: BYTES=0-5"], ["Range:"],
          ["Range: bytes=0-5", "Range: bytes=7-8"], ["Range: bytes=0-5", "If-None-Match: *"], ["If-None-Match:"],
          ["If-Match: *"], ["If-Match: \"x\""], ["If-None-Match: \"x\""], ["If-Modified-Since: Wed, 21 Oct 2099 07:28:00 GMT"],
          ["If-Unmodified-Since: Wed, 21 Oct 1999 07:28:00 GMT"], ["Range: bytes=0-5", "If-Range: \"x\""],
          ["Range: bytes=0-5", "If-Range: Wed, 21 Oct 2099 07:28:00 GMT"], ["Accept-Encoding: gzip"], ["Accept: text/plain"],
          ["Expect: 100-continue"], ["Content-Length: 0"], ["X-Forwarded-For: 192.0.2.1", "Remote-User: root"],
          ["no-proxy: 1"], ["berth_digest: sha256:x", "berth_file: /etc/passwd"], ["X-Sendfile: /etc/passwd"]]


def pushed(registry):
    repository = Repository(registry.client, "same/answers")
    repository.push_blob(BLOB)
    repository.push_blob(b"")
    return repository


def requests(repository):
    whole, none = repository.blob(digest_of(BLOB)), repository.blob(digest_of(b""))
    for fields in FIELDS:
        yield "GET", whole, fields
    for method in ("GET", "HEAD"):
        for path in (whole, none, repository.blob(ABSENT), whole + "?", whole + "?x", whole.upper(), whole + "/",
                     whole.replace("/blobs/", "//blobs/"), whole.replace(":", "%3A")):
            yield method, path, []
    yield "GET", none, ["Range: bytes=0-"]


def told(registry, method, path, fields):
    with Connection(registry.front.port) as connection:
        answer = connection.ask(request(method, path, fields), method == "HEAD")
    headers = dict(sorted((name, value) for name, value in answer.fields if name not in OTHERS))
    # The boundary of several ranges is drawn by lot.
    boundary = headers.get("content-type", "").partition("boundary=")[2]
    if boundary:
        headers["content-type"] = headers["content-type"].replace(boundary, "")
        return answer.status, headers, answer.body.replace(boundary.encode(), b"")
    return answer.status, headers, answer.body


@pytest.fixture(scope="module")
def by_programs(running):
    return running("apache-indirect")


@pytest.mark.kinds("apache-proxy", "apache-xsendfile", "apache-fcgid", "apache-cgi")
def test_answers_are_those_of_the_programs(registry, by_programs):
    here, there = pushed(registry), pushed(by_programs)
    different = []
    for method, path, fields in requests(here):
        answers = [told(where, method, path, fields) for where in (registry, by_programs)]
        if registry.kind == "apache-xsendfile":
            answers[0][1].pop("last-modified", None)   # mod_xsendfile adds it
        if answers[0] != answers[1]:
            different.append(f"{method} {path} {fields}: " + " / ".join(f"{s} {h} {b[:40]}" for s, h, b in answers))
    assert there.name == here.name
    assert not different, "\n".join(different)
