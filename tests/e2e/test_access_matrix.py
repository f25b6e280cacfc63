# SPDX-License-Identifier: MIT
"""Every path of every program, with every method, asked by everybody there is: who may gets the very bytes, who may not is
told so in the right words, gets nothing, changes nothing, and cannot tell what is there from what is not.

The requests come from the tables of the programs (tests/routes), what has to come of them from the policy by some lines of
Python: see access/.
"""

import contextlib
import itertools
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from access import writes
from access.cells import EXAMPLES, MissingExample, cells, examples_of, namelessly, read_tables
from access.verdict import PASSING, complaint_of_read, is_read, refusal
from access.world import A, ACCESS, ADMIN, B, NO_A, NO_B, OPEN, PASSWORDS, World
from harness import paging, snapshot
from harness.content import OCTETS, digest_of
from harness.raw import Connection, request
from harness.registry import Registry
from harness.repository import Repository

BEARER = ("nginx-bearer", "apache-proxy-bearer", "apache-fcgid-bearer")
NAMED = ("nginx-policy", "apache-proxy-policy", "apache-fcgid-policy")
pytestmark = pytest.mark.kinds(*BEARER, *NAMED)

CROWD = 4


class Matrix:
    """One registry, and what came of all requests that change nothing: complaints, and for each who was refused the answers
    that may not differ."""

    def __init__(self, kind, stack):
        self.registry = stack.enter_context(Registry(kind, access=ACCESS))
        self.world = World(self.registry)
        self.cells = list(cells(self.world))
        self.identities = self.world.identities()
        self.complaints, self.counts = [], Counter()
        self.refused = defaultdict(dict)   # {(who, sort of request): {answer: cell}}
        before = snapshot.take(self.registry.root)
        with ThreadPoolExecutor(CROWD) as pool:
            list(pool.map(self.ask_as, self.identities))
        self.changes = snapshot.difference(before, snapshot.take(self.registry.root))

    def ask_as(self, who):
        with Connection(self.registry.front.port, self.registry.ca) as connection:
            for cell in self.cells:
                refused = refusal(self.world, who, cell)
                if refused is None and not is_read(cell):
                    continue   # access.writes does what changes something
                answer = connection.ask(cell.data(who.fields), cell.method == "HEAD")
                if refused is None:
                    complaint = complaint_of_read(self.world, who, cell, answer)
                else:
                    complaint = refused.complaint(cell, answer)
                    self.refused[who, cell.kind].setdefault(comparable(cell, answer), cell)
                if answer.value("berth-direct"):
                    complaint = "the web server answered by itself"
                self.counts["refused" if refused else "given"] += 1
                if complaint:
                    self.complaints.append(f"{who}: {cell}: {complaint}: {answer}")

    def different(self):
        """Where an answer tells what there is."""
        return [f"{who}: " + "\n    ".join(f"{cell}: {answer}" for answer, cell in answers.items())
                for (who, _), answers in self.refused.items() if len(answers) > 1]


def comparable(cell, answer):
    """All of an answer but dates, what connections need, and names of what it is about."""
    fields = [f"{name}: {value}" for name, value in answer.fields if name not in PASSING]
    return namelessly(f"{answer.status} {fields} {answer.body.decode(errors='replace')}", cell)


@pytest.fixture(scope="session")
def matrices():
    done = {}
    with contextlib.ExitStack() as stack:
        def get(kind):
            if kind not in done:
                done[kind] = Matrix(kind, stack)
            return done[kind]
        yield get


@pytest.fixture
def matrix(matrices, kind, request):
    of_kind = matrices(kind)
    yield of_kind
    if request.node.failed:
        of_kind.registry.print_logs()


def test_every_route_and_method_has_an_example():
    tables = read_tables()
    for path, needs in tables.items():
        for method in needs:
            assert examples_of(path, method)
    gone = [key for key in EXAMPLES if key[1] not in tables.get(key[0], {})]
    assert not gone, gone
    with pytest.raises(MissingExample):
        examples_of("/v2/<name>/secrets", "GET")
    with pytest.raises(MissingExample):
        examples_of("/v2/", "PUT")


def need_of(path, method):
    """By the words of the specification, for the tables could be wrong."""
    if "<name>" not in path:
        return {"/v2/_catalog": "catalog", "/token": "login", "/token/jwks": "public"}.get(path, "ping")
    if method in ("GET", "HEAD"):
        return "pull"
    return "delete" if method == "DELETE" and "/uploads/" not in path else "push"


def test_the_tables_need_what_a_method_means():
    for path, needs in read_tables().items():
        assert needs == {method: need_of(path, method) for method in needs}, path


def test_everybody_gets_what_is_theirs_and_nothing_else(matrix):
    print(matrix.counts)
    assert not matrix.complaints, f"{len(matrix.complaints)}\n" + "\n".join(matrix.complaints[:20])
    assert matrix.counts["refused"] > 3000 and matrix.counts["given"] > 500, matrix.counts


def test_nothing_has_changed(matrix):
    assert not matrix.changes, "\n".join(matrix.changes[:20])


def test_who_is_refused_cannot_tell_what_is_there(matrix):
    different = matrix.different()
    assert not different, f"{len(different)}\n" + "\n".join(different[:10])
    asked = {cell.path for answers in matrix.refused.values() for cell in answers.values()}
    assert {path for path in read_tables() if "<name>" in path} <= asked


# --- Writes that are let through ----------------------------------------------------------

def test_every_write_has_an_example_of_success():
    assert set(writes.WRITES) == {(path, method) for path, needs in read_tables().items() for method, need in needs.items()
                                  if need in ("push", "delete")}


def test_who_may_write_does(matrix):
    """After all others have tried the same."""
    world, tables, done = matrix.world, read_tables(), Counter()
    everybody = [who for who in matrix.identities if who.subject is not None]
    with Connection(matrix.registry.front.port, matrix.registry.ca) as connection:
        for name, ((path, method), write) in itertools.product((A, B, OPEN), writes.WRITES.items()):
            may = {who: tables[path][method] in who.rights(world.policy, name) for who in everybody}
            others = [who for who in everybody if not may[who]]
            for who in filter(may.get, everybody):
                for way in write(world, Repository(world.admin, name)):
                    for other in others:
                        answer = way.send(connection, other)
                        assert answer.status == (401 if world.bearer else 403), f"{other}: {way.description}: {answer}"
                    way.check(False)
                    answer = way.send(connection, who)
                    assert answer.status == way.status, f"{who}: {way.description}: {answer}"
                    way.check(True)
                    done["given"] += 1
                done["refused"] += len(others)
                others = []
    assert done["given"] > 50 and done["refused"] > 50, done


def pushers(world):
    """Those who may push to A and not read B."""
    return [who for who in world.identities() if who.subject == "pusher" and who.rights(world.policy, A) >= {"push"}]


def mount(connection, who, name, digest, source=None):
    query = f"?mount={digest}" + (f"&from={source}" if source else "")
    answer = connection.ask(request("POST", f"/v2/{name}/blobs/uploads/{query}", who.fields, b""))
    uuid = (answer.value("location") or "").partition("?")[0].rpartition("/")[2]
    if answer.status == 202:
        connection.ask(request("DELETE", f"/v2/{name}/blobs/uploads/{uuid}", who.fields))
    return answer


def test_a_mount_from_what_is_private_looks_as_from_nowhere(matrix):
    world = matrix.world
    theirs, absent = digest_of(world.contents[B].layer), digest_of(b"nobody has this")
    for who in pushers(world):
        with Connection(matrix.registry.front.port, matrix.registry.ca) as connection:
            answers = {}
            for digest, source in itertools.product((theirs, absent), (B, NO_B, "no/where", NO_A, OPEN)):
                answer = mount(connection, who, A, digest, source)
                text = f"{answer.status} {[f for f in answer.fields if f[0] not in PASSING]} {answer.body!r}"
                answers.setdefault(writes.without_uuid(text), []).append((digest, source))
            assert len(answers) == 1 and next(iter(answers)).startswith("202 "), f"{who}: {answers}"
            Repository(world.admin, A).client.get(f"/v2/{A}/blobs/{theirs}").expect_error(404, "BLOB_UNKNOWN")


def test_a_mount_from_what_one_may_pull_works(matrix):
    world = matrix.world
    for who in pushers(world):
        with Connection(matrix.registry.front.port, matrix.registry.ca) as connection:
            assert mount(connection, who, A, digest_of(world.contents[OPEN].layer), OPEN).status == 201, str(who)
            assert world.admin.get(f"/v2/{A}/blobs/{digest_of(world.contents[OPEN].layer)}").body == world.contents[OPEN].layer
            world.admin.delete(f"/v2/{A}/blobs/{digest_of(world.contents[OPEN].layer)}").expect(202)


def test_a_mount_that_names_no_source_gives_nothing(matrix):
    """It would be taken from wherever it is, also by who may pull there: a token says where one may, not this."""
    world = matrix.world
    for who in pushers(world):
        with Connection(matrix.registry.front.port, matrix.registry.ca) as connection:
            for content in (world.contents[B], world.contents[OPEN]):
                answer = mount(connection, who, A, digest_of(content.layer))
                assert answer.status == 202, f"{who}: {answer}"
                world.admin.get(f"/v2/{A}/blobs/{digest_of(content.layer)}").expect_error(404, "BLOB_UNKNOWN")


def test_an_upload_goes_on_after_others_have_tried_to_end_it(matrix):
    world = matrix.world
    data = b"first half, second half"
    location = Repository(world.admin, A).start_upload().location
    location = world.admin.patch(location, data[:11], type=OCTETS).expect(202).location
    with Connection(matrix.registry.front.port, matrix.registry.ca) as connection:
        for who in matrix.identities:
            if who.subject is not None and "push" in who.rights(world.policy, A):
                continue
            for method, query, body in (("DELETE", "", None), ("PATCH", "", b"of another"), ("GET", "", None),
                                        ("PUT", f"?digest={digest_of(data[:11])}", b"")):
                target = location.partition("?")[0] + query
                answer = connection.ask(request(method, target, who.fields, body))
                if method == "GET" and who.subject is not None and "pull" in who.rights(world.policy, A):
                    assert answer.status == 204, f"{who}: {answer}"
                else:
                    assert answer.status in (401, 403), f"{who}: {method} {answer}"
            # Nor by a repository that is theirs.
            own = next((n for n in (B, OPEN) if who.subject is not None and "push" in who.rights(world.policy, n)), None)
            if own:
                target = location.partition("?")[0].replace(A, own)
                assert connection.ask(request("DELETE", target, who.fields)).status == 404, str(who)
    location = world.admin.patch(location, data[11:], type=OCTETS).expect(202).location
    world.admin.put(location + ("&" if "?" in location else "?") + f"digest={digest_of(data)}").expect(201)
    assert world.admin.get(f"/v2/{A}/blobs/{digest_of(data)}").body == data
    world.admin.delete(f"/v2/{A}/blobs/{digest_of(data)}").expect(202)


# --- The catalog ----------------------------------------------------------------------

def test_the_pages_of_the_catalog_have_what_each_may_see(matrix):
    """Names that are passed over make no page shorter, and no page shows where they are."""
    world = matrix.world
    names = [f"{team}/{i:02}" for i in range(12) for team in ("team-a", "team-b", "open", "hidden")]
    for name in names:
        Repository(world.admin, name).push_blob(b"the same everywhere")
    seen = {user: pages(matrix, user) for user in ("reader", "pusher", "other", ADMIN)}
    everything = sorted([*names, *world.contents], key=lambda name: name.split("/"))
    for user, found in seen.items():
        visible = [name for name in everything if "catalog" in world.policy.rights(user, name)]
        assert list(itertools.chain(*found)) == visible, user
        assert all(len(page) == 5 for page in found[:-1]), f"{user}: {[len(page) for page in found]}"


def pages(matrix, user):
    client = matrix.registry.client_of((user, PASSWORDS[user]))
    return paging.walk(client, "/v2/_catalog?n=5", lambda document: document["repositories"], most=5)


def test_who_may_see_no_name_is_not_told_that_there_are_any(matrix):
    answer = matrix.registry.client_of(("guest", PASSWORDS["guest"])).get("/v2/_catalog")
    if matrix.world.bearer:
        answer.expect_error(401, "UNAUTHORIZED")
    else:
        answer.expect_error(403, "DENIED")
