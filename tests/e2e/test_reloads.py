# SPDX-License-Identifier: MIT
"""Programs replaced under pushes and pulls, in small; `make reloads` is the whole campaign."""

import pytest
from test_kills import run


@pytest.mark.parametrize("way", ["hangup", "spawn"])
def test_no_request_is_lost_when_programs_are_replaced(way):
    code, said = run("reloads.py", "--reloads", 6, "--way", way)
    assert code == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("way", ["hangup", "spawn"])
def test_no_request_is_lost_in_a_hundred_reloads(way):
    code, said = run("reloads.py", "--way", way)
    assert code == 0, said
