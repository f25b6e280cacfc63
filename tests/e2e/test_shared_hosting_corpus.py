# SPDX-License-Identifier: MIT
"""Bad requests (the table is corpus/) under .htaccess: what a program sees it answers as everywhere, and what Apache
refuses before it has read .htaccess it refuses in its own words. Nothing is written in either case.
"""

import re

import pytest

from corpus import ROWS, expected
from corpus.run import Run
from harness.registry import Registry

#: Slow: a process for each of two thousand requests.
pytestmark = [pytest.mark.slow, pytest.mark.kinds("htaccess-cgi", "htaccess-fcgid")]


def to_the_directory(row):
    return re.match(rb"\S+ (http://[^/ ]*)?/v2[ ?]", row.request)


def beyond_a_file_name(row):
    return row.group == "names" and len(row.request) > 255


#: {what such an answer is: (the status, which rows may have it)}; all without a code, as pages of Apache are.
OF_THE_HOST = {
    "/v2 is a directory, for which Apache adds a slash": (301, to_the_directory),
    "no file system has such a name": (403, beyond_a_file_name),
    "a way out of /v2 leads to the site": (405, lambda row: row.group == "detours"),
}


def wanted(row):
    """The answers of the same Apache where an administrator has set it up."""
    return {(row.status, row.code), expected(row, "apache-proxy"), expected(row, "apache-fcgid")}


def complaint(row, outcome):
    status, code = outcome
    if outcome in wanted(row):
        return ""
    if not code and status >= 400 and status in {known for known, _ in wanted(row)}:
        return ""
    if not code and any(status == own and fits(row) for own, fits in OF_THE_HOST.values()):
        return ""
    return f"{row.name}\n    wanted {wanted(row)}, came {outcome}"


def test_bad_requests_are_refused_and_change_nothing(kind):
    with Registry(kind) as registry:
        run = Run(registry)
    failures = [problem for row, outcome in zip(ROWS, run.outcomes) if (problem := complaint(row, outcome))]
    assert not failures, f"{len(failures)} rows\n" + "\n".join(failures[:20])
    assert not [problem for problem in run.complaints if "the tree changed" in problem]
    # Most requests do reach a program, or this would test Apache alone.
    reached = sum(bool(code) or status < 400 for status, code in run.outcomes)
    assert reached > len(ROWS) / 2, f"{reached} of {len(ROWS)}"
