# SPDX-License-Identifier: MIT
"""Puts into a registry what the rows speak of."""

import os

from harness.content import OCTETS
from harness.process import wait_for
from harness.repository import Repository

from .row import CONFIG, HUGE_BYTES, HUGE_DIGEST, LAYER, MANIFEST, MANIFEST_DIGEST, NAME, OTHER, OTHERS_UPLOAD, RECEIVED, UPLOAD


def prepare(registry):
    for name, upload in ((NAME, UPLOAD), (OTHER, OTHERS_UPLOAD)):
        repository = Repository(registry.client, name)
        repository.push_blobs(CONFIG, LAYER)
        for tag in ("v1", "v2"):
            repository.put_manifest(MANIFEST, tag)
        index = registry.path("repositories", name, "_berth/referrers/scanned")
        # Asking makes the index, but not before the clock has gone on from what it indexes.
        wait_for(lambda: repository.list_referrers(MANIFEST_DIGEST) == [] and index.exists(), "the index of referrers")
        start_upload(registry, repository, upload)
    add_hole(registry)


def start_upload(registry, repository, wanted, data=RECEIVED):
    """An upload under an id of our own, so that the table can name it: nothing in it knows the one it had."""
    location = repository.start_upload().location
    if data:
        repository.client.patch(location, data, type=OCTETS).expect(202)
    uploads = registry.path("repositories", repository.name, "_uploads")
    (uploads / location.rsplit("/", 1)[1]).rename(uploads / wanted)


def add_hole(registry):
    """A blob of gigabytes that takes no disk."""
    algorithm, _, encoded = HUGE_DIGEST.partition(":")
    data = registry.path("blobs", algorithm, encoded[:2], encoded, "data")
    link = registry.path("repositories", NAME, "_layers", algorithm, encoded, "link")
    for path, content in ((data, b""), (link, HUGE_DIGEST.encode())):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    os.truncate(data, HUGE_BYTES)
