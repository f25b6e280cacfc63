# SPDX-License-Identifier: MIT
"""Sends the corpus to one registry, and judges each answer and what it did to the tree."""

import json
import re

from harness import snapshot, workers
from harness.raw import Connection, Malformed

from . import ROWS, expected, is_expected, is_page
from .world import prepare

CODES = {"BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
         "MANIFEST_INVALID",
         "MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "PAGINATION_NUMBER_INVALID", "RANGE_INVALID", "SIZE_INVALID",
         "TAG_INVALID", "UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN"}
#: Where such a request ends is in doubt, so nothing may come behind it.
UNSURE_END = {"framing", "raw bytes"}
#: What no answer may tell of the machine it comes from.
INTERNALS = re.compile(rb"docker/registry|repositories/|_layers/|_uploads/|_manifests/|hashstates|/tmp/|/var/|\.sock|"
                       rb"errno|\.c:\d|No such file|Permission denied|Is a directory|Not a directory|File name too long|"
                       rb"Invalid argument|Broken pipe", re.I)


class Run:
    """What came of it: for each row (status, code), what is wrong with it (or ""), and the memory of the programs."""

    def __init__(self, registry):
        self.registry, self.kind = registry, registry.kind
        self.outcomes, self.complaints = [], []
        prepare(registry)
        warm_up(registry)
        self.memory_before = memory(registry)
        self.tree_before = snapshot.take(registry.root)
        with Connection(registry.front.port) as connection:
            for row in ROWS:
                self.send(connection, row)
        self.tree_after = snapshot.take(registry.root)
        self.memory_after = memory(registry)

    def send(self, connection, row):
        if expected(row, self.kind) is None:
            self.outcomes.append(None)
            self.complaints.append("")
            return
        try:
            answer = connection.ask(row.request, row.is_head)
            outcome, complaint = (answer.status, code_of(answer)), judge(row, answer, self.kind)
            if row.group in UNSURE_END:
                connection.close()
        except (Malformed, OSError) as problem:
            outcome, complaint = (0, ""), f"no answer: {problem!r}"
            connection.close()
        now = snapshot.take(self.registry.root)
        changes = snapshot.difference(self.tree_before, now)
        if changes:
            complaint = " ".join([complaint, "the tree changed:", *changes])
            self.tree_before = now
        self.outcomes.append(outcome)
        self.complaints.append(complaint)

    def failures(self, group):
        """What is wrong, row by row."""
        return [f"{self.kind}: {row.name}\n    {complaint}" for row, complaint in zip(ROWS, self.complaints)
                if complaint and row.group == group]


def warm_up(registry):
    """Each program has answered, and has what it keeps from then on."""
    for _ in range(20):
        for path in ("/v2/", "/v2/_catalog", "/v2/corpus/a/tags/list", "/v2/corpus/a/manifests/v1", "/v2/corpus/a/blobs/x",
                     "/v2/corpus/a/referrers/x", "/v2/corpus/a/blobs/uploads/x"):
            registry.client.get(path)


def memory(registry):
    """{(process id, program): bytes}"""
    return {(pid, name): workers.private_bytes(pid) for pid, name in workers.find(registry).items()}


def code_of(answer):
    """The code of an error in the OCI form; "" for anything else."""
    try:
        return json.loads(answer.body)["errors"][0]["code"] if answer.status >= 400 else ""
    except (ValueError, TypeError, LookupError):
        return ""


def judge(row, answer, kind):
    """What is wrong with an answer, or ""."""
    outcome = (answer.status, code_of(answer))
    if not is_expected(row, kind, outcome):
        return f"expected {expected(row, kind)}, came {answer}"
    if is_page(kind, *outcome):
        return ""
    try:
        problem = form_problem(row, answer)
    except Malformed as malformed:
        problem = str(malformed)
    return f"{problem}: {answer}" if problem else ""


def form_problem(row, answer):
    if answer.value("docker-distribution-api-version") != "registry/2.0":
        return "no Docker-Distribution-Api-Version"
    if any("x-injected" in name for name, _ in answer.fields):
        return "a field of the client's"
    for name, value in row.fields.items():
        if answer.value(name) != value:
            return f"{name} is not {value!r}"
    if answer.status == 503 and not answer.value("retry-after"):
        return "no Retry-After"
    return error_problem(row, answer) if answer.status >= 400 else ""


def error_problem(row, answer):
    if (answer.value("content-type") or "").split(";")[0] != "application/json":
        return "no JSON"
    if row.is_head:
        return "" if answer.body == b"" else "a body to HEAD"
    if INTERNALS.search(answer.body):
        return "internals"
    document = json.loads(answer.body)
    errors = document["errors"]
    if set(document) != {"errors"} or len(errors) != 1 or not set(errors[0]) <= {"code", "message", "detail"}:
        return "not the form of an error"
    if errors[0]["code"] not in CODES or not errors[0]["message"]:
        return "no code, or no message"
    return ""
