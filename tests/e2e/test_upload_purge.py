# SPDX-License-Identifier: MIT
"""Uploads that clients gave up are purged, by the next push and by `berth purge`; what somebody still sends stays."""

import os
import subprocess

from harness.client import with_query
from harness.content import OCTETS, digest_of, random_bytes
from harness.front import SPOOLED
from harness.process import wait_for
from harness.repository import Repository

YEAR_AGO = 365 * 86400


def directory(registry, repository, location):
    uuid = location.split("?")[0].rsplit("/", 1)[1]
    return registry.path("repositories", repository.name, "_uploads", uuid)


def make_old(upload):
    """It began a year ago, and nothing has come since."""
    (upload / "startedat").write_text("2024-02-29T12:00:00.5+01:00")
    for path in (upload / "startedat", upload / "data"):
        then = path.stat().st_mtime - YEAR_AGO
        os.utime(path, (then, then))


def purge(registry, *words):
    command = [registry.berth.programs / "berth", "purge", "-c", registry.berth.config, *words]
    return subprocess.run([str(w) for w in command], check=True, capture_output=True, text=True).stdout


def test_the_next_push_purges_what_was_given_up(registry, repository):
    client, data = repository.client, random_bytes(1000)
    given_up = client.patch(repository.start_upload().location, data, type=OCTETS).expect(202).location
    young = client.patch(repository.start_upload().location, data, type=OCTETS).expect(202).location
    make_old(directory(registry, repository, given_up))
    client.get(given_up).expect(204)
    repository.push_blob(random_bytes(10))
    for answer in (client.get(given_up), client.patch(given_up, data, type=OCTETS), client.delete(given_up),
                   client.put(with_query(given_up, digest=digest_of(data)))):
        answer.expect_error(404, "BLOB_UPLOAD_UNKNOWN")
    assert not directory(registry, repository, given_up).exists()
    client.put(with_query(young, digest=digest_of(data))).expect(201)


def test_berth_purge_spares_what_is_being_sent_and_what_went_on(own_registry):
    """However old the upload is: a slow client keeps what it was told to have sent."""
    repository = Repository(own_registry.client, "e2e/purge")
    client, data = repository.client, random_bytes(200_000)
    locations = [client.patch(repository.start_upload().location, data[:1000], type=OCTETS).expect(202).location
                 for _ in range(3)]
    given_up, went_on, sending = locations
    uploads = [directory(own_registry, repository, location) for location in locations]
    for upload in uploads:
        make_old(upload)
    client.patch(went_on, data[1000:2000], type=OCTETS).expect(202)
    exchange = client.begin("PATCH", sending, [("Content-Type", OCTETS), ("Content-Length", str(len(data) - 1000))])
    exchange.send(data[1000:100_000])
    if own_registry.kind not in SPOOLED:
        wait_for(lambda: (uploads[2] / "data").stat().st_size > 1000, "bytes of the upload being sent")
        make_old(uploads[2])
        assert "e2e/purge: uploads: 1, bytes: 1000\n" in purge(own_registry, "--dry-run")
        assert "removed: uploads: 1, bytes: 1000;" in purge(own_registry)
        assert [u.exists() for u in uploads] == [False, True, True]
    exchange.send(data[100_000:])
    assert exchange.finish().expect(202).header("Range") == f"0-{len(data) - 1}"
    client.put(with_query(sending, digest=digest_of(data))).expect(201)
    repository.check_blob(data)
    client.put(with_query(went_on, digest=digest_of(data)), data[2000:], type=OCTETS).expect(201)
    client.get(given_up).expect(404 if own_registry.kind not in SPOOLED else 204)
