# SPDX-License-Identifier: MIT
"""Thousands of hostile requests (hostile.py): nobody gets what is not for him, nothing changes, and the decision is the same
on every server.

A registry holds a repository everybody may read and one its administrator has denied by a rule of the web server. Each request
is sent as it is, and where the server asks for a password, with none, with a wrong one and with the right one. Decisions are
compared by kind: the bytes that were given, "not found", "who are you", "denied", "no such method", "malformed".
"""

import base64
import contextlib
import hashlib
import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hostile
from corpus import EVERY_RUN
from harness import snapshot
from harness.content import digest_of
from harness.process import wait_for
from harness.raw import Connection, Malformed
from harness.registry import Registry
from harness.repository import Repository
from webserver import USER

pytestmark = pytest.mark.kinds(*EVERY_RUN)

SEED = int(os.environ.get("BERTH_HOSTILE_SEED", "20240917"))
REQUESTS = hostile.generate(SEED)
CROWD = 16   # lighttpd answers a wrong password after a second

#: What an administrator writes, by the first word of a kind: nobody may /v2/private; and a password for all of /v2.
DENIED = {
    "nginx": "location /v2/private/ { deny all; }",
    "apache": '<Location "/v2/private/">\nRequire all denied\n</Location>',
    "lighttpd": '$HTTP["url"] =~ "^/v2/private/" { url.access-deny = ( "" ) }',
}
PASSWORD = {
    "nginx": 'auth_basic "registry"; auth_basic_user_file "%s";',
    "apache": """
<LocationMatch "^/v2(?:/|$)">
    AuthType Basic
    AuthName registry
    AuthUserFile "%s"
    Require valid-user
</LocationMatch>
""",
    "lighttpd": """
$HTTP["url"] =~ "^/v2(?:/|$)" {
    auth.backend = "htpasswd"
    auth.backend.htpasswd.userfile = "%s"
    auth.require = ( "/v2" => ( "method" => "basic", "realm" => "registry", "require" => "valid-user" ) )
}
""",
}
MORE = {"lighttpd": {"modules": ("access", "indexfile", "auth", "authn_file", "accesslog")}}

ODD_BYTES = re.compile(rb"%(2f|5c|[01][0-9a-f]|7f|[89a-f][0-9a-f]|(?![0-9a-f]{2}))|[\\\\#\x00-\x20\x7f-\xff]", re.I)
RAW_BYTES = re.compile(rb"[\x00-\x20\x7f]")
NO_PATH = re.compile(rb"[^/]")
OTHER_HOST = re.compile(rb"http://(elsewhere|registry\.test:0)", re.I)
ESCAPED = re.compile(rb"%[2-7][0-9a-f]", re.I)
TWO_MARKS = re.compile(rb"\?.*\?")
ABOVE = re.compile(rb"^/(\.|%2e){2}/|(/\.\.){4}", re.I)
DENIED_ENDS = re.compile(rb"(~|\.inc)($|\?)")

#: What each server says by itself of some requests before it has looked at a rule: (why, which servers, which requests,
#: whether it may also give there what anybody may have, while others refuse). It never is anything private.
EVERYONE = ("nginx", "apache", "lighttpd")
OWN = [
    ("an escaped slash, a backslash, control bytes, broken escapes, a fragment, what is no UTF-8: each server refuses some of "
     "them, reads others and then knows whose path it is, and passes on the rest", EVERYONE,
     lambda r: ODD_BYTES.search(r.target.partition(b"?")[0]) or RAW_BYTES.search(r.target), False),
    ("the same in the query", ("apache", "lighttpd"), lambda r: ODD_BYTES.search(r.target.partition(b"?")[2]), False),
    ("nginx and Apache refuse TRACE before they look whose path it is", EVERYONE, lambda r: r.method == "TRACE", False),
    ("whether it is HTTP at all", EVERYONE, lambda r: r.kind == "framing", True),
    ("a target that is no path, for instance of another scheme", EVERYONE, lambda r: NO_PATH.match(r.target), True),
    ("nginx chooses the program by the raw path, and knows the words of end points in one spelling", ("nginx",),
     lambda r: ESCAPED.search(r.target.partition(b"?")[0]), False),
    ("nginx keeps the place of blobs handed over to itself", ("nginx",), lambda r: b"_berth" in r.target, False),
    ("lighttpd ends the path at the last question mark; a program refuses a second one", ("lighttpd",),
     lambda r: TWO_MARKS.search(r.target), False),
    ("Debian's lighttpd.conf denies such names", ("lighttpd",), lambda r: DENIED_ENDS.search(r.target), False),
    ("lighttpd takes the root for its own parent", ("lighttpd",), lambda r: ABOVE.search(r.target), False),
    ("one limit of the line and of the fields", EVERYONE, lambda r: len(r.target) > 8000, False),
]

#: Statuses that say "malformed", each server in its own words.
MALFORMED = {400, 411, 413, 414, 431, 501, 505}


def authorization(user, password):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


WRONG = [authorization(USER[0], "wrong"), authorization("nobody", USER[1]), authorization(USER[0], ""),
         authorization("", ""), "Authorization: Basic",
         "Authorization: Basic !!!", "Authorization: Bearer " + USER[0], f"Authorization: Basic {USER[0]}:{USER[1]}",
         f'Authorization: Digest username="{USER[0]}"', "Proxy-" + authorization(*USER), "X-" + authorization(*USER),
         authorization(*USER).replace(": Basic", "_: Basic")]


class Ways:
    """One registry with the two repositories, and what it decided: {(request, credentials): decision}."""

    def __init__(self, kind, stack, password_file=None):
        self.kind, word = kind, kind.split("-")[0]
        # In this order: Apache's later sections take the place of earlier ones.
        site = (PASSWORD[word] % password_file + "\n" if password_file else "") + DENIED[word]
        self.registry = stack.enter_context(Registry(kind, web={"site": site, **MORE.get(word, {})}))
        self.registry.client.user = USER if password_file else None
        self.fill()
        self.before = snapshot.take(self.registry.root)
        self.decisions, self.leaks, self.changes = {}, [], []

    def fill(self):
        for name, (config, layer, manifest), tag in ((hostile.OPEN, hostile.PUBLIC, "v1"),
                                                     (hostile.STAGING, hostile.SECRET, hostile.SECRET_TAG)):
            repository = Repository(self.registry.client, name)
            repository.push_blobs(config, layer)
            repository.put_manifest(manifest, tag)
            index = self.registry.path("repositories", name, "_berth/referrers/scanned")
            # Asking makes the index, but not before the clock has gone on from what it indexes.
            wait_for(lambda: repository.list_referrers(digest_of(manifest)) == [] and index.exists(),
                     "the index of referrers")
        # Nobody can push to where nobody may.
        self.registry.path("repositories/staging").rename(self.registry.path("repositories/private"))

    def send(self, requests, credentials=""):
        """One after the other, on a kept connection."""
        with Connection(self.registry.front.port) as connection:
            for each in requests:
                self.decisions[each, credentials] = self.ask(connection, each, [credentials] if credentials else [])

    def ask(self, connection, each, fields):
        try:
            answer = connection.ask(each.data(*fields), each.method == "HEAD")
        except TimeoutError:
            connection.close()
            return "no answer"
        except (Malformed, OSError):
            connection.close()
            return "malformed"   # closed without a word
        if any(mark in answer.body for mark in hostile.MARKS):
            self.leaks.append(f"{each} {fields} {answer}")
        if each.unsure_end or each.method == "TRACE":
            connection.close()
        return decision(answer)

    def check(self):
        self.changes += snapshot.difference(self.before, snapshot.take(self.registry.root))
        assert not self.leaks, f"seed {SEED}, {self.kind}: {len(self.leaks)} leaks\n" + "\n".join(self.leaks[:10])
        assert not self.changes, f"seed {SEED}, {self.kind}\n" + "\n".join(self.changes[:10])


def decision(answer):
    if b"a container registry" in answer.body:
        return "given the front page"
    if 200 <= answer.status < 300:
        return f"given {digest_of(answer.body)[:20]}" if answer.body else "given"
    if answer.status in MALFORMED:
        return "malformed"
    named = {401: "who are you", 403: "denied", 404: "not found", 405: "no such method"}
    return named.get(answer.status, str(answer.status))


@pytest.fixture(scope="session")
def ways():
    """ways(kind, asks): the registries, with or without a password, after what everybody is sent."""
    done = {}
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="berth-h-")))
        directory.chmod(0o755)
        password_file = directory / "htpasswd"
        sha = base64.b64encode(hashlib.sha1(USER[1].encode()).digest()).decode()
        password_file.write_text(f"{USER[0]}:{{SHA}}{sha}\n")

        def get(kind, asks):
            if (kind, asks) not in done:
                done[kind, asks] = Ways(kind, stack, password_file if asks else None)
                (send_with_passwords if asks else send_openly)(done[kind, asks])
            return done[kind, asks]
        yield get


def send_openly(to):
    to.send(REQUESTS)


def send_with_passwords(to):
    to.send(REQUESTS[::4])
    to.send(REQUESTS[1::8], authorization(*USER))
    with ThreadPoolExecutor(CROWD) as pool:
        sent = [pool.submit(to.send, REQUESTS[i::233], WRONG[i]) for i in range(len(WRONG))]
        for done in sent:
            done.result()


def is_given(decision):
    return decision.startswith("given") or decision == "304"


def same_everywhere(requests, decisions):
    """Complaints, where `decisions` has {kind: {request: decision}}."""
    complaints = []
    for each in requests:
        came = {kind: of[each] for kind, of in decisions.items()}
        if len(set(came.values())) > 1 and not is_own(each, came):
            complaints.append(f"{each}: {came}")
    return complaints


def is_own(request, came):
    """Whether OWN accounts for decisions that differ."""
    entries = [(servers, may_give) for _, servers, fits, may_give in OWN if fits(request)]
    own = {kind for kind in came if any(kind.split("-")[0] in servers for servers, _ in entries)}
    common = {decision for kind, decision in came.items() if kind not in own}
    given = {decision for decision in came.values() if is_given(decision)}
    if len(common) > 1 or len(given) > 1:
        return False
    # Who answers by himself refuses, where the others give; the other way round only what the table says.
    gives_alone = any(is_given(came[kind]) for kind in own) and not common & given
    return not gives_alone or any(may_give for _, may_give in entries)


def test_there_are_thousands():
    print(f"seed {SEED}")
    assert len(REQUESTS) == len({each.data() for each in REQUESTS}) > 2500
    assert hostile.generate(SEED) == REQUESTS
    for why, _, fits, _ in OWN:
        assert any(fits(each) for each in REQUESTS), why


def test_nobody_gets_what_is_private_and_nothing_changes(ways, kind):
    ways(kind, asks=False).check()


def test_the_decision_is_the_same_everywhere(ways, kinds):
    decisions = {kind: {each: ways(kind, asks=False).decisions[each, ""] for each in REQUESTS} for kind in kinds}
    complaints = same_everywhere(REQUESTS, decisions)
    assert not complaints, f"seed {SEED}: {len(complaints)}\n" + "\n".join(complaints[:20])


def test_without_the_right_password_nobody_gets_anything(ways, kind):
    to = ways(kind, asks=True)
    to.check()
    given = [f"{each} {credentials}: {decision}" for (each, credentials), decision in to.decisions.items()
             if credentials != authorization(*USER) and is_given(decision) and decision != "given the front page"]
    assert not given, f"seed {SEED}: {len(given)}\n" + "\n".join(given[:20])
    assert "who are you" in to.decisions.values()


def test_with_the_right_password_the_decision_is_that_of_an_open_registry(ways, kind):
    of_open, to = ways(kind, asks=False).decisions, ways(kind, asks=True).decisions
    different = [f"{each}: {decision}, open {of_open[each, '']}" for (each, credentials), decision in to.items()
                 if credentials == authorization(*USER) and decision != of_open[each, ""]]
    assert not different, f"seed {SEED}: {len(different)}\n" + "\n".join(different[:20])
