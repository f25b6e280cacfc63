# SPDX-License-Identifier: MIT
"""Two hundred clients that send ten bytes a second keep nobody else from working.

No time is asserted: while all of them are held open, other requests must be answered and another push must end.
"""

import resource

import pytest

from harness.client import with_query
from harness.content import OCI_MANIFEST, digest_of, random_bytes
from harness.repository import Repository
from harness.trickle import SIZE, UPLOADS, Trickle

pytestmark = pytest.mark.kinds("nginx", "apache-proxy")


@pytest.fixture(autouse=True)
def enough_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))


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
