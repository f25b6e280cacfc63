# SPDX-License-Identifier: MIT
"""`berth check --web` where tokens are wanted, or a policy refuses: of a server that does so, with one fault each."""

import base64
import contextlib
import http.client
import itertools
import json
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from test_check_web import NAME, PASSWORD, check, check_server, findings, results

SCOPES = {"repository:berth-check:pull,push,delete", "registry:catalog:*"}
READS = ("GET", "HEAD")


@dataclass
class Front:
    """Asks for tokens, or for passwords, in front of a registry that asks for nothing: what it lets do, and what is wrong."""

    inside: str                                   # host:port of the registry
    realm: str = "http://{host}/token"
    challenge: str = 'Bearer realm="{realm}",service="the registry"'
    methods: tuple = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")   # of who has a password
    anonymous: tuple = ()                         # of who has none; None = gets no token
    open: tuple = ()                              # of who shows nothing, below /v2/
    passwords: bool = True                        # are looked at
    forged: bool = False                          # a token is not looked at
    taken: bool = True                            # the token is good for anything
    lifetime: int = 300
    token: object = None                          # (status, body) of the realm, whoever asks
    tokens: dict = field(default_factory=dict)    # {token: methods}
    asked: list = field(default_factory=list)     # of the realm: (scopes, service, user)
    numbers: object = field(default_factory=itertools.count)

    def give(self, query, authorization):
        user = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else None
        self.asked.append((set(query.get("scope", [])), query.get("service"), user))
        if self.token:
            return self.token
        if user is None and self.anonymous is None or user and self.passwords and user != f"{NAME}:{PASSWORD}":
            return 401, "{}"
        token = f"token-{next(self.numbers)}"
        self.tokens[token] = self.methods if user else self.anonymous
        return 200, json.dumps({"token": token, "expires_in": self.lifetime})

    def refusal(self, method, path, authorization):
        """None, or a status and what the challenge says besides."""
        if path == "/v2/":
            method = None
        elif method == "DELETE" and "/uploads/" in path:
            method = "POST"   # whoever may push may cancel
        if method in self.open:
            return None
        if self.challenge.startswith("Basic"):
            right = authorization == "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
            return (401, "") if not right else None if method in (None, *self.methods) else (403, "")
        token = (authorization or "").removeprefix("Bearer ")
        if not authorization:
            return 401, ""
        if token not in self.tokens:
            return None if self.forged else (401, ',error="invalid_token"')
        if not self.taken:
            return 401, ',error="invalid_token"'
        return None if method in (None, *self.tokens[token]) else (401, ',error="insufficient_scope"')


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    def handle_expect_100(self):
        return self.do_any() is None

    def do_any(self):
        front, url = self.server.front, urllib.parse.urlsplit(self.path)
        authorization = self.headers.get("Authorization")
        if url.path == "/token":
            status, text = front.give(urllib.parse.parse_qs(url.query), authorization)
            self.answer(status, [("Content-Length", len(text))], text.encode())
            return
        if refusal := front.refusal(self.command, url.path, authorization):
            status, error = refusal
            value = front.challenge.format(realm=front.realm.format(host=self.headers["Host"])) + error
            text = json.dumps({"errors": [{"code": "DENIED" if status == 403 else "UNAUTHORIZED"}]}).encode()
            self.answer(status, [*([("WWW-Authenticate", value)] if status == 401 else []),
                                 ("Docker-Distribution-Api-Version", "registry/2.0"), ("X-Content-Type-Options", "nosniff"),
                                 ("Content-Type", "application/json"), ("Content-Length", len(text))], text)
            return
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        body = self.body()
        inside = http.client.HTTPConnection(front.inside, timeout=60)
        with contextlib.closing(inside):
            passed = {k: v for k, v in self.headers.items()
                      if k not in ("Authorization", "Transfer-Encoding", "Expect", "Content-Length")}
            inside.request(self.command, self.path, body if self.command not in READS else None, passed)
            answer = inside.getresponse()
            self.answer(answer.status, [(k, v) for k, v in answer.getheaders() if k != "Connection"], answer.read())

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_any


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients that ask only whether they may go away."""


@pytest.fixture
def wanting(registry):
    with contextlib.ExitStack() as stack:
        def start(**how):
            server = Server(("127.0.0.1", 0), Handler)
            server.front = Front(registry.netloc, **how)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}", server.front
        yield start


def check_user(url):
    return check(url, "--user", NAME)


@pytest.mark.kinds("nginx-indirect")
def test_nothing_is_found_where_all_is_well(wanting):
    url, front = wanting()
    done = check_user(url)
    assert findings(done) == [] and "skipped" not in done.stdout and done.returncode == 0, done.stdout
    assert f"tokens: are had at {url}/token" in done.stdout and "gets a token with the right password" in done.stdout
    assert "nobody is let in without, or with a wrong one" in done.stdout and "direct rule: not active" in done.stdout
    assert [user for _, _, user in front.asked if user and not user.endswith("9a7e4853")] == [f"{NAME}:{PASSWORD}"]
    assert sum(bool(user and user.endswith("9a7e4853")) for _, _, user in front.asked) == 2
    assert all(scopes == SCOPES and service == ["the registry"] for scopes, service, _ in front.asked)


@pytest.mark.kinds("nginx-indirect")
def test_a_token_is_renewed_before_it_ends(wanting):
    url, front = wanting(lifetime=1)
    done = check_user(url)
    assert findings(done) == [] and done.returncode == 0, done.stdout
    assert len(front.asked) > 4


@pytest.mark.kinds("nginx-indirect")
def test_without_a_user_the_rest_is_skipped(wanting):
    url, _ = wanting()
    done = check(url)
    assert findings(done) == [] and ("skipped", "uploads") in results(done), done.stdout
    assert ("ok", "tokens") in results(done) and ("ok", "password") in results(done)


FAULTS = {
    "nobody at the realm": ({"realm": "http://127.0.0.1:1/token"}, ["wrong tokens"], "example-bearer.conf"),
    "no such realm": ({"token": (404, "<html>")}, ["wrong tokens"], "none can be had at"),
    "a realm that gives no token": ({"token": (200, '{"token":"a b"}')}, ["wrong tokens"], "none can be had at"),
    "a realm without TLS": ({"realm": "http://registry.example.com/token"}, ["wrong tokens"], "clients cannot give a password to"),
    "a realm of another kind": ({"realm": "file:///etc/passwd"}, ["wrong tokens"], "is no URL of HTTP: file:///etc/passwd"),
    "no realm": ({"challenge": 'Bearer service="s"'}, ["wrong registry"], "in no way clients know"),
    "half a challenge": ({"challenge": 'Bearer realm="{realm}'}, ["wrong registry"], "in no way clients know"),
    "any password": ({"passwords": False}, ["wrong password", "wrong user"], "gets a token with any password"),
    "any token": ({"forged": True}, ["wrong password"], "a token that nobody made is let in: GET blob, PUT manifest"),
    "no token for reading": ({"open": READS}, ["wrong password", "wrong direct rule"], "who shows no token is let in: GET catalog, "),
    "a token of no use": ({"taken": False}, ["wrong user"], "token_keys, or what is trusted, has to fit"),
    "everybody pulls": ({"anonymous": READS}, ["warning password"], "without one, everybody gets a token for: GET catalog, "),
    "nobody without a password": ({"anonymous": None}, [], "are had at"),
    "no right to delete": ({"methods": (*READS, "POST", "PATCH", "PUT")}, [], "but not for this user: DELETE manifest, DELETE blob\n"),
    "a policy and no right to delete": (
        {"challenge": 'Basic realm="r"', "methods": (*READS, "POST", "PATCH", "PUT")}, [], "but not for this user: DELETE manifest, DELETE blob\n"),
    "a policy and no right to push": (
        {"challenge": 'Basic realm="r"', "methods": READS}, ["warning uploads"], "the user may not push to berth-check: 403 DENIED"),
    "no right to push": ({"methods": READS}, ["warning uploads"], "the user may not push to berth-check: 401 UNAUTHORIZED"),
}


@pytest.mark.kinds("nginx-indirect")
@pytest.mark.parametrize("name", FAULTS)
def test_what_is_broken_is_named_and_nothing_else(wanting, name):
    how, found, says = FAULTS[name]
    url, _ = wanting(**how)
    done = check_user(url)
    assert [" ".join(finding) for finding in findings(done)] == found, done.stdout
    assert says in done.stdout, done.stdout
    assert done.returncode == any(finding.startswith("wrong") for finding in found)


@pytest.mark.kinds("nginx")
@pytest.mark.parametrize("how", [{}, {"challenge": 'Basic realm="r"', "methods": (*READS, "POST", "PATCH", "PUT")}],
                         ids=["tokens", "policy"])
def test_blobs_that_the_web_server_answers_by_itself_are_wrong(wanting, how):
    url, _ = wanting(**how)
    done = check_user(url)
    assert findings(done) == [("wrong", "direct rule")], done.stdout
    assert "active, though a program has to see who may pull" in done.stdout and 'nginx: set $berth_direct "";' in done.stdout


@pytest.mark.kinds("nginx-indirect")
def test_a_blob_that_nobody_has_to_ask_for_is_wrong(wanting):
    url, front = wanting()
    refusal = front.refusal
    front.refusal = lambda method, path, *more: None if "/sha256:4" in path and method == "GET" else refusal(method, path, *more)
    done = check_user(url)
    assert findings(done) == [("wrong", "direct rule")], done.stdout
    assert "everybody can pull a blob that is there: 200" in done.stdout


POLICIES = {
    "no right to delete": ("[*]\nalice = pull, push\n", [], "but not for this user: GET catalog, DELETE manifest, DELETE blob\n"),
    "no right to push": ("[*]\nalice = pull\n", ["warning uploads"], "the user may not push to berth-check"),
    "no right at all": ("[other]\nalice = pull\n", ["warning uploads"], "but not for this user: GET catalog, GET tags, "),
    "everybody pulls": ("[*]\nalice = admin\n$anonymous = pull\n", ["warning password"], "everybody gets a token for: GET tags, "),
}


@pytest.mark.kinds("nginx-policy", "nginx-bearer", "apache-proxy-bearer", "lighttpd-bearer")
@pytest.mark.parametrize("name", POLICIES)
def test_what_a_policy_refuses_is_no_fault_of_the_web_server(own_registry, kind, name):
    policy, found, says = POLICIES[name]
    own_registry.write_policy(policy)
    done = check_server(own_registry.front)
    if name == "everybody pulls" and kind.endswith("-policy"):
        found, says = [], "nobody is let in without, or with a wrong one"   # the web server asks, whatever the policy
    assert [" ".join(finding) for finding in findings(done)] == found, done.stdout
    assert says in done.stdout and done.returncode == 0, done.stdout


@pytest.mark.kinds("nginx-bearer")
def test_a_wrong_password_gets_no_token(own_registry):
    done = check(own_registry.url, "--user", "nobody", "--ca", own_registry.ca)
    assert findings(done) == [("wrong", "user")], done.stdout
    assert "gets no token with the password given: 401 UNAUTHORIZED" in done.stdout


@pytest.mark.kinds("nginx-indirect")
def test_the_password_goes_to_no_realm_without_tls(wanting):
    sent, elsewhere = wanting()
    url, front = wanting(realm=sent.replace("127.0.0.1", "registry.test") + "/token")
    done = check(url, "--user", NAME, http_proxy=sent, no_proxy="127.0.0.1")
    assert ("wrong", "tokens") in findings(done) and elsewhere.asked == [] == front.asked, done.stdout
