# SPDX-License-Identifier: MIT
"""Requests that break off, and two that write to one upload: what no row can say."""

import contextlib
import socket
import threading
from dataclasses import dataclass

from harness import snapshot
from harness.content import OCI_MANIFEST, OCTETS, digest_of
from harness.front import SPOOLED
from harness.process import wait_for
from harness.raw import Connection, Malformed, request
from harness.repository import Repository

from .row import BASE, RECEIVED, UNPUSHED, UNPUSHED_DIGEST, UPLOAD
from .world import start_upload

LOCATION = f"{BASE}/blobs/uploads/{UPLOAD}"
SMALL, LARGE = b"half of it", bytes(range(256)) * 2000


@dataclass(frozen=True)
class Cut:
    """What comes of a body before its sender goes. It would do by itself, if it were taken for whole."""

    name: str
    method: str
    target: str
    part: bytes
    type: str = OCTETS


CUTS = [Cut(f"{name}, {len(part)} bytes", method, target.format(digest_of(RECEIVED + part)), part)
        for part in (SMALL, LARGE)
        for name, method, target in (("a chunk", "PATCH", LOCATION), ("a last chunk", "PUT", LOCATION + "?digest={}"))]
CUTS += [Cut(f"a whole blob, {len(part)} bytes", "POST", f"{BASE}/blobs/uploads/?digest={digest_of(part)}",
             part) for part in (SMALL, LARGE)]
CUTS += [Cut(f"a manifest, {name}", "PUT", f"{BASE}/manifests/{reference}", UNPUSHED, OCI_MANIFEST)
         for name, reference in (("new", "cut"), ("by tag", "v1"), ("by digest", UNPUSHED_DIGEST),
                                 ("with a tag", f"{UNPUSHED_DIGEST}?tag=cut"))]


def begin(cut, chunked):
    """The request as far as it comes."""
    fields = [f"Content-Type: {cut.type}"]
    if chunked:
        return request(cut.method, cut.target, [*fields, "Transfer-Encoding: chunked"]) + b"%x\r\n%s\r\n" % (len(cut.part),
            cut.part)
    return request(cut.method, cut.target, [*fields, f"Content-Length: {len(cut.part) + 9}"]) + cut.part


def send_and_go(port, data, says_goodbye):
    """Closes at once, or only the sending side: then returns the status of the answer, if there is one."""
    with Connection(port) as connection:
        connection.open()
        connection.socket.sendall(data)
        if says_goodbye:
            connection.socket.shutdown(socket.SHUT_WR)
            with contextlib.suppress(Malformed, ConnectionError):
                return connection.read().status
    return None


def changes_since(run):
    """What is not as the table left it; the other tests have a repository of their own. A look taken here, before the
    request, could be one at what another does that its sender has left but the web server has not yet given up."""
    changes = snapshot.difference(run.tree_after, snapshot.take(run.registry.root))
    return [change for change in changes if f"repositories/{Contention.NAME}" not in change]


def check_cut(run, cut, chunked, says_goodbye):
    """Nothing is left of it, and the upload is what it was."""
    registry = run.registry
    status = send_and_go(registry.front.port, begin(cut, chunked), says_goodbye)
    assert status is None or 400 <= status < 600, f"answered with {status}"
    # Only one request at a time has an upload, so this one comes when the other has ended.
    late = registry.client.patch(LOCATION, b"x", headers=[("Content-Range", "1-1")], type=OCTETS)
    late.expect_error(416, "RANGE_INVALID")
    assert registry.client.get(LOCATION).expect(204).header("Range") == f"0-{len(RECEIVED) - 1}"
    wait_for(lambda: not changes_since(run), f"the tree as it was, after {cut.name}")


def is_locked(path):
    """Whether any process holds a lock on this file."""
    inode = str(path.stat().st_ino)
    with open("/proc/locks") as f:
        return any(line.split()[-3].split(":")[2] == inode for line in f if "->" not in line)


FIRST, SECOND = b"1" * 1000, b"2" * 1000
CONTENTION = "c0a9e001-0000-4000-8000-00000000000c"


class Contention:
    """One upload of a repository of its own, to which one request writes while others come."""

    NAME = "contention"

    def __init__(self, registry):
        self.registry, self.repository = registry, Repository(registry.client, self.NAME)
        start_upload(registry, self.repository, CONTENTION, b"")
        self.data = registry.path("repositories", self.NAME, "_uploads", CONTENTION, "data")
        self.location = f"{self.repository.uploads}{CONTENTION}"

    def patch(self, data):
        fields = [f"Content-Type: {OCTETS}", f"Content-Range: 0-{len(data) - 1}"]
        return request("PATCH", self.location, fields, data)

    def ask(self, data, answers, name):
        with Connection(self.registry.front.port) as connection:
            answers[name] = connection.ask(data)

    def together(self, requests):
        """The answers to requests that are sent at the same time."""
        answers = {}
        threads = [threading.Thread(target=self.ask, args=(data, answers, name)) for name, data in requests.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def check(self):
        """The first is half sent when the others come, and is finished after they were answered."""
        whole, digest = self.patch(FIRST), digest_of(SECOND)
        with Connection(self.registry.front.port) as first:
            first.open()
            first.socket.sendall(whole[:-500])
            if self.registry.kind in SPOOLED:
                # It is not the program's before it is whole: who comes later is first, and it comes too late.
                assert self.together({"second": self.patch(SECOND)})["second"].status == 202
                first.socket.sendall(whole[-500:])
                answer, kept = first.read(), SECOND
                assert answer.status == 416, str(answer)
            else:
                wait_for(lambda: is_locked(self.data), "the program writing")
                self.check_busy({"patch": self.patch(SECOND),
                                 "put": request("PUT", f"{self.location}?digest={digest}", [], SECOND),
                                 "delete": request("DELETE", self.location)})
                first.socket.sendall(whole[-500:])
                answer, kept = first.read(), FIRST
                assert answer.status == 202, str(answer)
        assert self.repository.client.get(self.location).expect(204).header("Range") == "0-999"
        self.repository.client.put(f"{self.location}?digest={digest_of(kept)}").expect(201)
        self.repository.check_blob(kept)

    def check_busy(self, requests):
        assert self.repository.client.get(self.location).expect(204).header("Range") == "0-0"   # does not wait
        for name, answer in self.together(requests).items():
            assert answer.status == 503 and answer.value("retry-after") == "5", f"{name}: {answer}"
            assert b'"UNAVAILABLE"' in answer.body, f"{name}: {answer}"
