# SPDX-License-Identifier: MIT
"""Two hundred clients that send ten bytes a second."""

import contextlib
import threading

from .content import OCTETS, random_bytes

UPLOADS, SIZE, RATE = 200, 2000, 10


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
