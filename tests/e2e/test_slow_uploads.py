# SPDX-License-Identifier: MIT
"""Two hundred clients that send ten bytes a second keep nobody else from working.

No time is asserted: while all of them are held open, other requests must be answered and another push must end.
"""

import contextlib
import resource
import threading

import pytest

from harness.client import with_query
from harness.content import OCI_MANIFEST, OCTETS, digest_of, random_bytes
from harness.repository import Repository

pytestmark = pytest.mark.kinds("nginx", "apache-proxy")
UPLOADS, SIZE, RATE = 200, 2000, 10


@pytest.fixture(autouse=True)
def enough_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))


class Trickle:
    """Many uploads, each fed some bytes a second by one thread until told to stop."""

    def __init__(self, repository):
        self.client = repository.client
        self.blobs = [random_bytes(SIZE) for _ in range(UPLOADS)]
        self.locations = [repository.start_upload().location for _ in self.blobs]
        self.exchanges, self.sent = [], [0] * UPLOADS
        self.stopped, self.failures = threading.Event(), []

    def __enter__(self):
        for location in self.locations:
            headers = [("Content-Type", OCTETS), ("Content-Length", str(SIZE))]
            self.exchanges.append(self.client.begin("PATCH", location, headers))
        self.feed()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        for exchange in self.exchanges:
            with contextlib.suppress(OSError):
                exchange.abort()

    def stop(self):
        self.stopped.set()
        self.thread.join()

    def run(self):
        while not self.stopped.wait(1):
            self.feed()

    def feed(self):
        for i, (exchange, data) in enumerate(zip(self.exchanges, self.blobs)):
            try:
                exchange.send(data[self.sent[i]:self.sent[i] + RATE])
                self.sent[i] += RATE
            except OSError as problem:
                self.failures.append(f"upload {i}: {problem}")

    def held_open(self):
        """How many uploads are still going: not complete, and the server has not answered or hung up."""
        going = 0
        for i, exchange in enumerate(self.exchanges):
            socket = exchange.connection.sock
            socket.settimeout(0)
            try:
                socket.recv(1)
            except (BlockingIOError, InterruptedError):
                going += self.sent[i] < SIZE
            except OSError:
                pass
            finally:
                socket.settimeout(120)
        return going

    def finish(self):
        """Send the rest of every upload at once and read the answers."""
        self.stop()
        for i, exchange in enumerate(self.exchanges):
            exchange.send(self.blobs[i][self.sent[i]:])
        return [exchange.finish() for exchange in self.exchanges]


def test_pulls_and_pushes_go_on_while_200_slow_uploads_are_held_open(own_registry):
    repository = Repository(own_registry.client, "e2e/slow")
    image = repository.push_image("v1")
    with Trickle(repository) as trickle:
        assert trickle.held_open() == UPLOADS, trickle.failures[:3]
        for i in range(50):
            repository.check_manifest(image, "v1", OCI_MANIFEST)
            data = random_bytes(1024 * 1024)
            if i % 10 == 0:
                repository.push_blob(data)
                repository.check_blob(data)
        assert trickle.held_open() == UPLOADS, trickle.failures[:3]
        answers = trickle.finish()
        assert [a.status for a in answers] == [202] * UPLOADS, answers[0]
        assert trickle.failures == []
        for answer, data in zip(answers, trickle.blobs):
            assert answer.header("Range") == f"0-{SIZE - 1}", str(answer)
            repository.client.put(with_query(answer.location, digest=digest_of(data))).expect(201)
    for data in trickle.blobs[::20]:
        repository.check_blob(data)


def test_slow_clients_that_go_away_leave_room_for_others(own_registry):
    repository = Repository(own_registry.client, "e2e/slow")
    for _ in range(3):
        with Trickle(repository) as trickle:
            assert trickle.held_open() == UPLOADS, trickle.failures[:3]
    data = random_bytes(1024 * 1024)
    repository.push_blob(data)
    repository.check_blob(data)
