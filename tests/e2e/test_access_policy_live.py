# SPDX-License-Identifier: MIT
"""A policy that comes, changes and breaks while a registry runs: it counts with the next request, in every thread of every
worker, and for the blobs the web server had answered by itself."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from access.policy import Policy
from access.verdict import code_of
from access.world import A, ADMIN, OPEN, PASSWORDS, Content, basic_field, bearer_field, scopes_for
from harness import jwt
from harness.access import Access
from harness.content import OCTETS, digest_of
from harness.process import tail, wait_for
from harness.raw import Connection, request
from harness.registry import Registry

EVERYWHERE = ("nginx", "apache-proxy", "apache-fcgid", "nginx-htpasswd", "apache-htpasswd")
BEARER = ("nginx-bearer", "apache-proxy-bearer", "apache-fcgid-bearer")
USERS = Access(users=tuple(PASSWORDS.items())[1:])
#: More than the threads of any pool but that of uploads.
CROWD = 24

#: One user may do everything by any of these.
ALWAYS = {ADMIN: "admin"}
READ_OPEN = Policy({"open/*": {"$anonymous": "pull", **ALWAYS}, "*": ALWAYS})
READ_ALL = Policy({"open/*": {"$anonymous": "pull", **ALWAYS}, "*": {"$anonymous": "pull", **ALWAYS}})
#: Two of the same size.
MAY_READ, MAY_NOT = (Policy({"team-a/*": {"reader": right, **ALWAYS}, "*": ALWAYS}) for right in ("pull", "push"))


class Crowd:
    """Many connections, so that every worker is asked; `fields` say who asks."""

    def __init__(self, registry, fields=()):
        self.registry, self.fields = registry, tuple(fields)
        self.pool = ThreadPoolExecutor(CROWD)
        self.connections = [Connection(registry.front.port, registry.ca) for _ in range(CROWD)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pool.shutdown()
        for connection in self.connections:
            connection.close()

    def ask(self, *asked):
        """Each connection asks all of these, (method, target) or (method, target, body), at the same time as the others."""
        def of_one(number):
            turned = asked[number % len(asked):] + asked[:number % len(asked)]
            return [(what, self.connections[number].ask(self.bytes_of(*what), what[0] == "HEAD")) for what in turned]
        return [answer for answers in self.pool.map(of_one, range(CROWD)) for answer in answers]

    def bytes_of(self, method, target, body=None):
        more = (f"Content-Type: {OCTETS}",) if body else ()
        return request(method, target, (*self.fields, *more), body)

    def expect(self, status, *asked, code=None):
        for what, answer in self.ask(*asked):
            assert answer.status == status, f"{what}: {answer}"
            assert answer.value("berth-direct") is None, f"{what}: {answer}"
            if code and what[0] != "HEAD":
                assert code_of(answer) == code, f"{what}: {answer}"


def reads(content):
    base = f"/v2/{content.name}"
    blob = f"{base}/blobs/{digest_of(content.layer)}"
    return [("GET", blob), ("HEAD", blob), ("GET", f"{base}/manifests/v1"), ("HEAD", f"{base}/manifests/v1"),
            ("GET", f"{base}/manifests/{digest_of(content.manifest)}"), ("GET", f"{base}/tags/list"),
            ("GET", f"{base}/referrers/{digest_of(content.manifest)}")]


def writes(content):
    base = f"/v2/{content.name}"
    return [("POST", f"{base}/blobs/uploads/", b""), ("PATCH", f"{base}/blobs/uploads/{content.uuid}", b"more"),
            ("DELETE", f"{base}/blobs/uploads/{content.uuid}"), ("DELETE", f"{base}/manifests/v1"),
            ("DELETE", f"{base}/blobs/{digest_of(content.layer)}"), ("PUT", f"{base}/manifests/v2", content.manifest)]


def uploads(content):
    return [("GET", f"/v2/{content.name}/blobs/uploads/{content.uuid}")]


@contextlib.contextmanager
def started(kind, access=USERS, **settings):
    """A registry with a private and an open repository, and what is in them."""
    with Registry(kind, access=access, **settings) as registry:
        contents = {name: Content(name) for name in (A, OPEN)}
        for content in contents.values():
            content.push(registry, registry.client)
        try:
            yield registry, contents[A], contents[OPEN]
        except BaseException:
            registry.print_logs()
            raise


def direct(answers):
    """What the answers to GET of a blob say of who gave it."""
    return {answer.value("berth-direct") for what, answer in answers if what[0] == "GET" and "/blobs/sha256:" in what[1]}


def unset(registry, *keys):
    for key in keys:
        del registry.berth.settings[key]
    registry.reconfigure()


def reader_of(registry):
    """The fields of whoever is no administrator: nobody, or a user where the web server wants one."""
    return [basic_field("reader", PASSWORDS["reader"])] if registry.user else []


@pytest.mark.kinds(*EVERYWHERE)
def test_a_policy_that_comes_counts_with_the_next_request(kind):
    with started(kind) as (registry, private, public), Crowd(registry, reader_of(registry)) as crowd:
        answers = crowd.ask(*reads(private), *reads(public), *uploads(private))
        assert {answer.status for _, answer in answers} == {200, 204}
        assert direct(answers) == {"1"}
        registry.write_policy(READ_OPEN.text())
        # Seen by the web server alone: nothing is refused, and nothing answered past the programs.
        crowd.expect(200, *reads(private), *reads(public))
        registry.reconfigure(policy=registry.policy)
        crowd.expect(403, *reads(private), *uploads(private), *writes(private), *writes(public), code="DENIED")
        crowd.expect(200, *reads(public))
        crowd.expect(403, ("GET", "/v2/_catalog"), code="DENIED")
        if registry.user:
            assert registry.client.get(reads(private)[0][1]).expect(200).body == private.layer
            registry.client.post(f"/v2/{private.name}/blobs/uploads/").expect(202)
        # And back, which the web server is told by a ping.
        unset(registry, "policy")
        registry.policy.unlink()
        registry.client.get("/v2/").expect(200)
        answers = crowd.ask(*reads(private))
        assert {answer.status for _, answer in answers} == {200}
        assert direct(answers) == {"1"}


@pytest.mark.kinds("nginx-policy", "apache-proxy-policy", "apache-fcgid-policy")
def test_a_policy_that_is_gone_opens_nothing(kind):
    """As while an editor writes it anew: the web server looks for more than its file."""
    with started(kind, Access(USERS.users, READ_OPEN.text())) as (registry, private, public), \
            Crowd(registry, reader_of(registry)) as crowd:
        crowd.expect(403, *reads(private), code="DENIED")
        registry.policy.rename(registry.directory / "policy.before")
        for _ in range(3):
            crowd.expect(403, *reads(private), code="DENIED")


@pytest.mark.kinds("nginx-policy", "apache-proxy-policy", "apache-fcgid-policy")
def test_a_right_that_is_taken_or_given_counts_with_the_next_request(kind):
    """However often, and in files of one size."""
    with started(kind) as (registry, private, _), Crowd(registry, reader_of(registry)) as crowd:
        for turn in range(24):
            registry.write_policy((MAY_READ, MAY_NOT)[turn % 2].text())
            asked = reads(private)[turn // 2 % 7], reads(private)[0]
            if turn % 2:
                crowd.expect(403, *asked, code="DENIED")
            else:
                crowd.expect(200, *asked)


class Hammer:
    """Requests without end from many threads, and when each began and ended."""

    def __init__(self, registry, asked, threads=12):
        self.registry, self.asked, self.ended = registry, asked, False
        self.seen = [[] for _ in range(threads)]   # (began, ended, status, what) of each thread
        self.pool = ThreadPoolExecutor(threads)

    def __enter__(self):
        self.running = [self.pool.submit(self.run, number) for number in range(len(self.seen))]
        return self

    def __exit__(self, *_):
        self.ended = True
        self.pool.shutdown()
        for running in self.running:
            running.result()

    def run(self, number):
        what = self.asked[number % len(self.asked)]
        data = request(*what, reader_of(self.registry))
        with Connection(self.registry.front.port, self.registry.ca) as connection:
            while not self.ended:
                began = time.monotonic()
                answer = connection.ask(data, what[0] == "HEAD")
                self.seen[number].append((began, time.monotonic(), answer.status, what))

    def wait(self):
        """Until each thread has begun and ended a request after now."""
        before = [len(seen) for seen in self.seen]
        wait_for(lambda: all(len(seen) >= count + 2 for seen, count in zip(self.seen, before)), "a request of each thread")


@pytest.mark.kinds("nginx-policy", "apache-fcgid-policy")
def test_no_request_obeys_a_policy_that_was_replaced_before_it_began(kind):
    with started(kind) as (registry, private, _):
        registry.write_policy(MAY_READ.text())
        changes = [(0, time.monotonic(), 200)]   # (began, ended, what has to come from then on)
        with Hammer(registry, reads(private)) as hammer:
            for turn in range(12):
                hammer.wait()
                began = time.monotonic()
                registry.write_policy((MAY_NOT, MAY_READ)[turn % 2].text())
                changes.append((began, time.monotonic(), (403, 200)[turn % 2]))
            hammer.wait()
        judged, wrong = 0, []
        for (_, since, status), (until, _, _) in zip(changes, [*changes[1:], (time.monotonic(), 0, 0)]):
            inside = [each for seen in hammer.seen for each in seen if each[0] >= since and each[1] <= until]
            judged += len(inside)
            wrong += [each for each in inside if each[2] != status]
        assert not wrong, f"{len(wrong)} of {judged}: {wrong[:5]}"
        assert judged >= 12 * len(hammer.seen)


@pytest.mark.kinds(*BEARER)
def test_a_right_that_is_taken_is_gone_whatever_tokens_are_about(kind):
    access = Access(USERS.users, READ_ALL.text())
    with started(kind, access) as (registry, private, public):
        user = "reader", PASSWORDS["reader"]
        token = registry.tokens.fetch(user, *scopes_for([A, OPEN]))
        with Crowd(registry, [bearer_field(token)]) as crowd:
            for _ in range(3):
                crowd.expect(200, *reads(private), *reads(public))
                registry.write_policy(READ_OPEN.text())
                crowd.expect(401, *reads(private), *uploads(private), code="UNAUTHORIZED")
                crowd.expect(200, *reads(public))
                answer = crowd.ask(reads(private)[0])[0][1]
                assert jwt.parse_challenge(answer.value("www-authenticate"))["error"] == "insufficient_scope"
                # A token of now is no better.
                fresh = jwt.payload_of(registry.tokens.fetch(user, *scopes_for([A, OPEN])))
                assert [(entry["name"], entry["actions"]) for entry in fresh["access"]] == [(OPEN, ["pull"])]
                registry.write_policy(READ_ALL.text())
            # What the policy gives beyond the token is the token's to lack.
            registry.write_policy(READ_ALL.with_section("team-a/*", reader="admin", **ALWAYS).text())
            crowd.expect(401, *writes(private)[:1], code="UNAUTHORIZED")
            crowd.expect(200, *reads(private))


def complaints(registry, word):
    return [line for log in (*registry.berth.logs(), *registry.front.logs()) for line in tail(log, 100_000).splitlines()
            if word in line]


BROKEN = ["[*]\n$anonymous = everything\n", "$anonymous = pull\n", "[open/*\n", "[*]\n$anonymous = pull\n\0",
          "[*]\n$anonymous = pull\n[*]\n$anonymous = pull\n", "[groups]\na = @b\n[*]\n$anonymous = pull\n"]


@pytest.mark.kinds("nginx-policy", "apache-fcgid-policy", "nginx-bearer")
def test_a_policy_that_breaks_leaves_the_last_good_one(kind):
    """To each process that has seen it, as all of a pool have by its master; one that has not gives nothing."""
    first = READ_OPEN.with_section("open/*", reader="pull, catalog", **ALWAYS)
    with started(kind, Access(USERS.users, first.text())) as (registry, private, public):
        field, refused = basic_field("reader", PASSWORDS["reader"]), (403, "DENIED")
        if registry.tokens:
            token = registry.tokens.fetch(("reader", PASSWORDS["reader"]), *scopes_for([A, OPEN]), "registry:catalog:*")
            field, refused = bearer_field(token), (401, "UNAUTHORIZED")
        catalog = "GET", "/v2/_catalog"
        with Crowd(registry, [field]) as crowd:
            crowd.expect(200, *reads(public), catalog)
            for broken in BROKEN:
                registry.write_policy(broken)
                crowd.expect(refused[0], *reads(private), code=refused[1])
                if kind.startswith("apache-fcgid"):
                    assert {answer.status for _, answer in crowd.ask(*reads(public))} - {refused[0]} == {200}
                else:
                    crowd.expect(200, *reads(public), catalog)
            assert complaints(registry, f"{registry.policy}:"), "nobody is told what is wrong"
            registry.write_policy(READ_ALL.text())
            # A token was made when there was less to grant.
            crowd.expect(200, *reads(public), *([] if registry.tokens else reads(private)))
            # No section at all is a policy.
            registry.write_policy("")
            crowd.expect(refused[0], *reads(private), *reads(public), code=refused[1])


@pytest.mark.kinds("nginx", "nginx-indirect", "apache-proxy", "apache-indirect")
def test_a_policy_that_was_never_there_gives_nothing(kind):
    with started(kind) as (registry, private, public), Crowd(registry) as crowd:
        registry.reconfigure(policy=registry.policy)
        # By this the web server is told to send no blobs.
        assert registry.client.get("/v2/").status in (200, 503)
        crowd.expect(403, *reads(private), *reads(public), *writes(public), ("GET", "/v2/_catalog"), code="DENIED")
        assert complaints(registry, str(registry.policy))
        registry.write_policy("[*]\n$anonymous = nonsense\n")
        crowd.expect(403, *reads(private), *reads(public), code="DENIED")
        registry.write_policy(READ_OPEN.text())
        crowd.expect(403, *reads(private), code="DENIED")
        crowd.expect(200, *reads(public))


@pytest.mark.kinds("nginx-bearer")
def test_a_policy_that_was_never_right_gives_no_token_for_anything(kind):
    with Registry(kind, access=Access(USERS.users, "[*\n$anonymous = admin\n")) as registry:
        registry.tokens.ask(None, *scopes_for([OPEN])).expect_error(401, "UNAUTHORIZED")
        token = registry.tokens.fetch(registry.user, *scopes_for([A, OPEN]), "registry:catalog:*")
        assert jwt.payload_of(token)["access"] == []
        own = jwt.signing_key(registry.berth.settings["token_keys"])
        granted = own.token(jwt.claims("berth", registry.tokens.service, ADMIN,
                                       {name: ["pull", "push", "delete"] for name in (A, OPEN)}, catalog=True))
        private, public = Content(A), Content(OPEN)
        private.uuid = public.uuid = "c0a9e001-0000-4000-8000-00000000000d"
        for field in (bearer_field(token), bearer_field(granted)):
            with Crowd(registry, [field]) as crowd:
                crowd.expect(401, *reads(private), *reads(public), *writes(public), ("GET", "/v2/_catalog"),
                             code="UNAUTHORIZED")


@pytest.mark.kinds("nginx", "apache-proxy", "apache-fcgid")
@pytest.mark.parametrize("what", ["a policy", "tokens"])
def test_a_web_server_that_knows_nothing_of_it_is_told_at_once(kind, what):
    """It looks for the policy elsewhere, or knows nothing of tokens, and would give blobs to anybody: the first request to
    a program is answered 503, and leaves the mark by which the web server knows."""
    with started(kind) as (registry, private, public), Crowd(registry) as crowd:
        elsewhere = registry.directory / "another-policy"
        elsewhere.write_text(READ_OPEN.text())
        elsewhere.chmod(0o644)
        changes = {"policy": elsewhere} if what == "a policy" else {
            "token_realm": registry.url + "/token", "token_service": "registry.test"}
        registry.reconfigure(**changes)
        registry.client.get("/v2/").expect_error(503, "UNAVAILABLE")
        assert complaints(registry, "berth_policy"), "nobody is told why"
        if what == "a policy":
            crowd.expect(403, *reads(private), *writes(public), code="DENIED")
            crowd.expect(200, *reads(public))
        else:
            crowd.expect(401, *reads(private), *reads(public), *writes(public), code="UNAUTHORIZED")
        unset(registry, *changes)
        registry.client.get("/v2/").expect(200)
        answers = crowd.ask(*reads(private))
        assert {answer.status for _, answer in answers} == {200}
        assert direct(answers) == {"1"}
