# SPDX-License-Identifier: MIT
"""Bad requests (the table is corpus/): each server gives the answer of the table, all give the same, nothing is written, no
program grows. The table is sent once to each registry; the tests look at what came of it.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from corpus import EVERY_RUN, GROUPS, KINDS, ROWS, SERVERS_OWN, expected, is_page
from corpus.broken import CUTS, Contention, check_cut
from corpus.row import BASE, HUGE_DIGEST
from corpus.run import Run
from harness import snapshot, workers
from harness.registry import Registry

pytestmark = pytest.mark.kinds(*EVERY_RUN)
GROWTH_MAX = 2 * 1024 * 1024


@pytest.fixture(scope="session")
def runs():
    """run(kind): what came of the table there."""
    done = {}
    with contextlib.ExitStack() as stack:
        def run(kind):
            if kind not in done:
                done[kind] = Run(stack.enter_context(Registry(kind)))
            return done[kind]
        yield run


@pytest.fixture
def run(runs, kind, request):
    yield runs(kind)
    if request.node.failed:
        runs(kind).registry.print_logs()


@pytest.mark.parametrize("group", GROUPS)
def test_each_row_is_answered_as_the_table_says_and_changes_nothing(run, group):
    failures = run.failures(group)
    assert not failures, f"{len(failures)} rows\n" + "\n".join(failures[:20])


def test_the_answers_are_the_same_everywhere(runs, kinds):
    different = []
    for row, *outcomes in zip(ROWS, *(runs(kind).outcomes for kind in kinds)):
        own = SERVERS_OWN[row.server][0] if row.server else {}
        pages = {kind for kind, outcome in zip(kinds, outcomes) if outcome and is_page(kind, *outcome)}
        if len({outcome for kind, outcome in zip(kinds, outcomes) if kind not in own and kind not in pages}) > 1:
            different.append(f"{row.name}: {dict(zip(kinds, outcomes))}")
    assert not different, "\n".join(different[:20])


@pytest.mark.parametrize("reason", SERVERS_OWN)
def test_an_exception_is_one(reason):
    """Each is needed by some row: else it is to go."""
    rows = [row for row in ROWS if row.server == reason]
    for kind in SERVERS_OWN[reason][0]:
        assert kind in KINDS and any(expected(row, kind) != (row.status, row.code) for row in rows), kind


def test_no_program_grows_or_dies(run):
    if run.kind == "apache-cgi":
        pytest.skip("no program outlives its request")
    if not run.kind.startswith("apache-fcgid"):   # mod_fcgid starts programs as it needs them
        assert run.memory_before.keys() == run.memory_after.keys()
    for key, before in run.memory_before.items():
        grown = run.memory_after.get(key, before) - before
        assert grown < GROWTH_MAX, f"{key} has grown by {grown} bytes"
    assert max(run.memory_after.values()) < 2 * GROWTH_MAX, run.memory_after


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_gigabytes_are_not_read_to_say_that_they_are_no_manifest(run, method):
    """CVE-2017-11468."""
    client, path = run.registry.client, f"{BASE}/manifests/{HUGE_DIGEST}"
    client.request(method, path).expect(404)
    before = {pid: workers.bytes_read(pid) for pid in workers.find(run.registry)}
    for _ in range(10):
        client.request(method, path).expect_error(404, "MANIFEST_UNKNOWN")
    for pid, program in workers.find(run.registry).items():
        assert workers.bytes_read(pid) - before.get(pid, 0) < 1024 * 1024, program


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name.replace(" ", "-"))
def test_a_body_cut_short_leaves_nothing(run, cut):
    for chunked in (False, True):
        for says_goodbye in (False, True):
            check_cut(run, cut, chunked, says_goodbye)


def test_who_comes_while_another_writes_to_an_upload_is_told_to_come_again(runs, kinds):
    """For all servers at once, as the programs wait five seconds."""
    registries = [runs(kind).registry for kind in kinds]
    with ThreadPoolExecutor(len(registries)) as pool:
        for done in [pool.submit(Contention(registry).check) for registry in registries]:
            done.result()


def test_at_the_end_the_tree_is_what_it_was(run):
    assert snapshot.difference(run.tree_before, run.tree_after) == []
