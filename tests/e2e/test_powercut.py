# SPDX-License-Identifier: MIT
"""Power cuts, simulated on a record of what the programs do to the tree, see tests/fault/powercut.

The states here are the same few thousand each time, but for the names that are random; `make powercut` takes others.
"""

import sys
import tempfile
from pathlib import Path

import pytest
from harness.berth import build_dir, find_programs

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fault/powercut"))

import campaign as powercut  # noqa: E402
from model import MODELS, History  # noqa: E402
from scripts import SCRIPTS  # noqa: E402

SEED, STATES, JOBS = 1, 2000, 1
BUDGET = 40  # states judged without an fsync, at each of a few sets of moments


@pytest.fixture(scope="module")
def campaign():
    programs = find_programs(build_dir())["manifest"].parent
    with tempfile.TemporaryDirectory(dir=powercut.place(), prefix="berth-powercut-") as directory:
        yield powercut.Campaign(programs, directory, SEED, SCRIPTS)


def test_no_power_cut_breaks_a_promise(campaign):
    results = list(campaign.run(MODELS, STATES, JOBS))
    assert [r for r in results if r.violations] == []
    assert sum(r.count for r in results) >= STATES


def test_each_fsync_of_a_push_is_needed(campaign):
    syncs = list(powercut.judge_without_each(campaign, "first_push", BUDGET, JOBS))
    assert sum(s.violation is not None for s in syncs) > 50
    assert [s for s in syncs if s.violation is None and powercut.why_not_needed(s) is None] == []


@pytest.mark.parametrize("early, late", [("tags/v1/current", "revisions"), ("tags/v1/current", "tags/v1/index")])
def test_a_tag_that_comes_before_what_it_names_is_noticed(campaign, early, late):
    world = campaign.worlds["tag_moves"]
    request = next(r for r in world.facts.requests if r.method == "PUT")
    deeds = {part: d for d in powercut.deeds(world, request) for part in (early, late) if part in d[2]}
    lines = powercut.swapped(world, deeds[late], deeds[early])
    history = History(lines, world.snapshot, world.inodes)
    assert history.final_tree() == world.history.final_tree()
    with campaign.judge() as judge:
        _, violations = powercut.judge_states(judge, world, history, "ordered", STATES, SEED, enough=1)
    assert violations


def test_an_operation_that_is_not_recorded_is_noticed(campaign):
    """Whatever else a program may do to the tree some day has to be added to the recorder."""
    for world in campaign.worlds.values():
        looked = 0
        written = [i for i, line in enumerate(world.lines) if line.kind in "WCMRU"]
        for line in written[:1] + written[-1:]:
            try:
                tree = History(world.lines, world.snapshot, world.inodes, without={line}).final_tree()
            except KeyError:
                continue  # of what was never made
            assert tree != world.history.final_tree(), str(world.lines[line])
            looked += 1
        assert looked
