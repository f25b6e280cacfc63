# SPDX-License-Identifier: MIT
"""Kills and faults in small (`make kills` and `make faults` are the whole campaigns), and whether the oracle sees damage
when there is some."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.registry import Registry

FAULT = Path(__file__).resolve().parents[1] / "fault"


def run(program, *arguments):
    """(exit code, what it printed)"""
    done = subprocess.run([sys.executable, FAULT / program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    print(done.stdout)
    return done.returncode, done.stdout


def test_nothing_acknowledged_is_lost_when_programs_and_web_server_are_killed():
    code, said = run("kills.py", "--kills", 25, "--largest", 500_000)
    assert code == 0, said


def test_nothing_acknowledged_is_lost_when_the_storage_fails_under_concurrent_pushes():
    code, said = run("faults.py", "--pushers", 6, "--stride", 40)
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("server, kills", [("nginx", 300), ("apache", 100)])
def test_nothing_acknowledged_is_lost_after_hundreds_of_kills(server, kills):
    code, said = run("kills.py", "--kills", kills, "--server", server)
    assert code == 0, said


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_wherever_the_storage_fails_under_sixteen_pushers():
    code, said = run("faults.py", "--pushers", 16, "--stride", 5)
    assert code == 0, said


class Pushed:
    """A registry an oracle has pushed to, and the journal of that."""

    def __init__(self, registry):
        self.registry, self.journal = registry, registry.directory / "journal"
        code, said = self.oracle("push", "--rounds", 12, "--pushers", 4, "--pullers", 1, "--largest", 5000, "--seed", 20)
        assert code == 0, said

    def oracle(self, phase, *arguments):
        return run("oracle.py", phase, "--url", self.registry.url, "--journal", self.journal, *arguments)

    def settled(self, kind, present=True):
        """Registers of this kind that are known to be there, or known to be gone."""
        registers = {}
        for line in self.journal.read_text().splitlines():
            event = json.loads(line)
            if event[0] in ("attempt", "settle", "exclude") and event[2] == kind:
                registers[tuple(event[1:4])] = event
        return [key for key, e in registers.items()
                if e[0] == "settle" and (e[4] is not None) == present]

    def path(self, digest):
        algorithm, text = digest.split(":")
        return self.registry.path("blobs", algorithm, text[:2], text, "data")


@pytest.fixture(scope="module")
def pushed():
    with Registry("nginx") as registry:
        yield Pushed(registry)


@contextlib.contextmanager
def damaged(path, bytes_now=None):
    """A file that has other bytes, or is gone, within the block."""
    before = path.read_bytes()
    path.unlink()
    if bytes_now is not None:
        path.write_bytes(bytes_now)
    yield
    path.write_bytes(before)
    path.chmod(0o644)


def verdicts(pushed):
    """What the oracle and the look through the tree say: two exit codes, and all their words."""
    served, told = pushed.oracle("verify")
    on_disk, found = run("tree.py", pushed.registry.root)
    return served, on_disk, told + found


def largest(pushed, kind):
    return max((key[2] for key in pushed.settled(kind)), key=lambda d: os.path.getsize(pushed.path(d)))


def test_oracle_and_tree_are_content_with_what_is_whole(pushed):
    assert verdicts(pushed)[:2] == (0, 0)


def test_oracle_and_tree_see_a_lost_blob(pushed):
    digest = largest(pushed, "blob")
    with damaged(pushed.path(digest)):
        served, on_disk, said = verdicts(pushed)
    assert (served, on_disk) == (1, 1) and digest in said and "acknowledged and lost" in said


def test_oracle_and_tree_see_a_wrong_byte(pushed):
    path = pushed.path(largest(pushed, "blob"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with damaged(path, data):
        served, on_disk, said = verdicts(pushed)
    assert (served, on_disk) == (1, 1) and "wrong bytes" in said and "other bytes" in said


def test_oracle_sees_a_manifest_that_is_no_more_of_its_repository(pushed):
    repository, _, digest = pushed.settled("manifest")[0]
    with damaged(pushed.registry.path("repositories", repository, "_manifests/revisions/sha256", digest[7:], "link")):
        served, _, said = verdicts(pushed)
    assert served == 1 and digest in said


def test_oracle_sees_a_tag_that_went_back(pushed):
    repository, _, tag = pushed.settled("tag")[0]
    link = pushed.registry.path("repositories", repository, "_manifests/tags", tag, "current/link")
    others = [k[2] for k in pushed.settled("manifest") if k[0] == repository]
    with damaged(link, next(d for d in others if d != link.read_text()).encode()):
        served, _, said = verdicts(pushed)
    assert served == 1 and f"name='{tag}'" in said


def test_oracle_sees_a_tag_that_came_back(pushed):
    repository, _, tag = pushed.settled("tag")[0]
    deletion = json.dumps(["settle", repository, "tag", tag, None]) + "\n"
    with damaged(pushed.journal, pushed.journal.read_bytes() + deletion.encode()):
        served, _, said = verdicts(pushed)
    assert served == 1 and f"lists {tag}, which was deleted" in said


def test_tree_sees_a_half_written_link(pushed):
    repository, _, digest = next(k for k in pushed.settled("blob") if k[2].startswith("sha256"))
    with damaged(pushed.registry.path("repositories", repository, "_layers/sha256", digest[7:], "link"), b""):
        _, on_disk, said = verdicts(pushed)
    assert on_disk == 1 and "names ''" in said
