# SPDX-License-Identifier: MIT
"""The files of etc/lighttpd/ by themselves: what lighttpd answers, what it passes on and where, what it leaves alone.

The programs are stand-ins that tell what they were asked; the programs themselves are tested through lighttpd elsewhere.
"""

import hashlib
import json
import os

import pytest

from fcgi_echo import Echo
from include_cases import D256, ROUTES, UUID, ask, raw, site_requests, slow_request, wait_until
from include_fixtures import BLOB, echo, place, tree  # noqa: F401
from webserver import USER, Lighttpd


@pytest.fixture(scope="module")
def digest(tree):
    return tree.add("app", BLOB)


@pytest.fixture(scope="module")
def start(tree, echo, place):
    def start(**kwargs):
        return Lighttpd(tree.root, kwargs.pop("sockets", place / "run dir"), **kwargs)
    return start


@pytest.fixture(scope="module")
def plain(start):
    with start() as server:
        yield server


# --- Where requests go, and how -------------------------------------------------

@pytest.mark.parametrize("path, program", ROUTES)
def test_the_last_end_point_in_the_path_chooses_the_program(plain, path, program):
    answer = ask(plain, "GET", path)
    assert (answer.status, answer.program) == (200, program)
    assert answer.params["REQUEST_URI"] == path


@pytest.mark.parametrize("path", ["/v2/a%2Fb/manifests/x", "/v2/a/%2e%2e/b/tags/list", "/v2/a/./tags/list", "/v2//a/tags/list",
                                  "/x/../v2/a/tags/list", "/v2/%61/manifests/%6c", "/v2/a%2F..%2Fb/manifests/x",
                                  "/v2/a;b/manifests/x", "/v2/a\\b/tags/list", "/v2/a/../../v2/", "/v2/a/manifests/x%23y"])
def test_the_programs_see_the_path_as_it_was_spelled(plain, path):
    assert ask(plain, "GET", path).params["REQUEST_URI"] == path


def test_parameters(plain):
    params = ask(plain, "PUT", "/v2/a/manifests/x", b"{}", Content_Type="a/b", Proxy="http://evil/", Range="bytes=0-1",
                 Content_Range="0-1", Authorization="Bearer token", Berth_Blob_Transfer="body", Remote_User="eve").params
    assert params["REQUEST_METHOD"] == "PUT"
    assert params["CONTENT_TYPE"] == "a/b"
    assert params["CONTENT_LENGTH"] == "2"
    assert params["REMOTE_ADDR"] == "127.0.0.1"
    assert params["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert params["HTTP_RANGE"] == "bytes=0-1"
    assert params["HTTP_CONTENT_RANGE"] == "0-1"
    assert params["HTTP_AUTHORIZATION"] == "Bearer token"
    assert params.keys().isdisjoint({"HTTP_PROXY", "REMOTE_USER", "BERTH_BLOB_TRANSFER"})


@pytest.mark.parametrize("fields, transfer", [({}, "x-sendfile"), ({"Range": "bytes=0-1"}, "body"),
                                              ({"Berth_Blob_Transfer": "body"}, "x-sendfile")], ids=str)
def test_a_blob_is_handed_over_but_for_parts(plain, fields, transfer):
    assert ask(plain, "GET", f"/v2/a/blobs/{D256}", **fields).params["BERTH_BLOB_TRANSFER"] == transfer


@pytest.mark.parametrize("length", ["0", "1", "12345"])
def test_the_length_of_an_answer_to_head(plain, length):
    answer = ask(plain, "HEAD", f"/v2/a/blobs/{D256}?header=Content-Length:{length}&header=ETag:%22x%22")
    assert (answer.status, answer.fields("Content-Length"), answer["ETag"]) == (200, [length], '"x"')


def test_an_answer_to_get(plain):
    answer = ask(plain, "GET", f"/v2/a/blobs/{D256}?body=0123&header=Docker-Content-Digest:{D256}&header=ETag:%22x%22"
                 "&header=Content-Type:application/octet-stream", Accept_Encoding="gzip")
    assert (answer.body, answer.fields("Content-Length")) == (b"0123", ["4"])
    for name, value in {"Docker-Content-Digest": D256, "ETag": '"x"', "Content-Type": "application/octet-stream",
                        "Docker-Distribution-Api-Version": "registry/2.0"}.items():
        assert answer.fields(name) == [value]


@pytest.mark.parametrize("status", [201, 202, 204, 206, 304, 307])
def test_statuses_and_fields_pass(plain, status):
    answer = ask(plain, "GET", f"/v2/a/blobs/{D256}?status={status}&body=&header=Location:/v2/a/x&header=Range:0-9"
                 "&header=Content-Length:0&header=Docker-Upload-UUID:u")
    assert answer.status == status
    assert (answer["Location"], answer["Range"], answer["Docker-Upload-UUID"]) == ("/v2/a/x", "0-9", "u")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 416, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("method, body", [("GET", b"the program's"), ("GET", b""), ("HEAD", b"")])
def test_errors_of_the_programs_pass_untouched(plain, method, body, status):
    answer = ask(plain, method, f"/v2/a/manifests/x?status={status}&body={'the+program%27s' if body else ''}"
                 "&header=Content-Type:a/b&header=Retry-After:5")
    assert (answer.status, answer.body, answer.fields("Content-Type")) == (status, body, ["a/b"])
    assert answer["Retry-After"] == "5"
    assert answer.fields("Docker-Distribution-Api-Version") == ["registry/2.0"]


# --- Blobs a program hands over -------------------------------------------------

def sendfile(path, digest, program=f"app/blobs/{D256}", **more):
    fields = {"X-Sendfile": path, "Docker-Content-Digest": digest, "ETag": f'"{digest}"',
              "Content-Type": "application/octet-stream", **more}
    return f"/v2/{program}?" + "&".join(f"header={k}:{str(v).replace(' ', '%20')}" for k, v in fields.items())


def test_a_program_hands_over_a_blob(plain, tree, digest):
    answer = ask(plain, "GET", sendfile(tree.data_path(digest), digest), Accept_Encoding="gzip",
                 If_Modified_Since="Wed, 21 Oct 2065 07:28:00 GMT")
    assert (answer.status, answer.body) == (200, BLOB)
    for name, value in {"ETag": f'"{digest}"', "Docker-Content-Digest": digest, "Content-Length": str(len(BLOB)),
                        "Content-Type": "application/octet-stream", "Docker-Distribution-Api-Version": "registry/2.0"}.items():
        assert answer.fields(name) == [value]
    assert answer["Last-Modified"] is answer["Content-Encoding"] is answer["X-Sendfile"] is None


def test_the_empty_blob(plain, tree):
    digest = tree.add("a", b"")
    answer = ask(plain, "GET", sendfile(tree.data_path(digest), digest))
    assert (answer.status, answer.body, answer["Content-Length"]) == (200, b"", "0")


def test_nothing_else_can_be_handed_over(plain, tree, digest):
    link = tree.link_path("app", digest)
    for path in (link, "/etc/hostname", tree.data_path(digest).parent / "../../../../../.." / link.relative_to(tree.root)):
        assert ask(plain, "GET", sendfile(path, digest)).status == 403
    tree.data_path(digest).with_name("gone").unlink(missing_ok=True)
    assert ask(plain, "GET", sendfile(tree.data_path(digest).with_name("gone"), digest)).status == 404
    assert BLOB not in ask(plain, "GET", sendfile(tree.data_path(digest), digest, "app/manifests/x")).body


def test_a_field_of_the_request_hands_over_nothing(plain, tree, digest):
    path = str(tree.data_path(digest))
    answer = ask(plain, "GET", f"/v2/app/blobs/{digest}", X_Sendfile=path, X_LIGHTTPD_send_file=path, X_Accel_Redirect=path)
    assert answer.program == "blob"


# --- Bodies ---------------------------------------------------------------------

@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_arrives_whole(plain, chunked):
    data = bytes(range(256)) * 8000
    body = iter([data[:100], data[100:]]) if chunked else data
    told = json.loads(ask(plain, "PATCH", f"/v2/a/blobs/uploads/{UUID}", body).body)
    assert (told["size"], told["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert told["params"]["CONTENT_LENGTH"] == str(len(data))


def test_an_upload_of_known_length_reaches_the_program_while_it_is_being_sent(plain, echo):
    upload = echo.servers["upload"]
    upload.received = 0
    with slow_request(plain, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nContent-Length: 1000000",
                      b"x" * 900000) as s:
        wait_until(lambda: upload.received >= 800000)
        s.sendall(b"x" * 100000)
        assert b" 200" in s.recv(100)


def test_a_slow_manifest_holds_no_program(plain, echo):
    manifest = echo.servers["manifest"]
    before = len(manifest.seen)
    with slow_request(plain, "PUT /v2/a/manifests/slow HTTP/1.1\nHost: x\nContent-Length: 10", b"x" * 9) as s:
        assert ask(plain, "GET", "/v2/a/manifests/other").status == 200
        assert [p["REQUEST_URI"] for p in manifest.seen[before:]] == ["/v2/a/manifests/other"]
        s.sendall(b"x")
        assert b" 200" in s.recv(100)


def test_a_body_too_large_to_be_a_manifest_is_not_received(plain, echo):
    before = len(echo.requests())
    with slow_request(plain, "PUT /v2/a/manifests/x HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 500000000",
                      b"") as s:
        answer = s.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ") and b'"SIZE_INVALID"' in answer
    assert len(echo.requests()) == before


def test_a_client_that_waits_for_leave_to_send_gets_it(plain):
    with slow_request(plain, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: 3",
                      b"") as s:
        assert s.recv(100).startswith(b"HTTP/1.1 100 ")
        s.sendall(b"abc")
        assert s.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_body_cut_short_is_never_taken_for_whole(plain, echo):
    upload = echo.servers["upload"]
    upload.received, upload.broken, finished = 0, False, len(upload.finished)
    with slow_request(plain, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nContent-Length: 300000", b"x" * 290000):
        wait_until(lambda: upload.received > 100000)
    wait_until(lambda: upload.broken)
    # In chunks it is lighttpd's alone until it is whole.
    before = len(echo.requests())
    with slow_request(plain, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nTransfer-Encoding: chunked",
                      b"493e0\r\n" + b"x" * 290000):
        assert ask(plain, "GET", "/v2/").status == 200
    assert len(upload.finished) == finished and len(echo.requests()) == before + 1


# --- Who may --------------------------------------------------------------------

def test_a_password_is_asked_for_before_anything_is_told(start, tree, digest, echo):
    with start(mode="htpasswd") as server:
        before = len(echo.requests())
        for method in ("GET", "HEAD", "PUT", "OPTIONS", "TRACE"):
            for path in ("/v2/", "/v2", f"/v2/app/blobs/{digest}", "/v2/_catalog", f"/v2/app/%62lobs/{digest}", "//v2/_catalog",
                         "/x/../v2/_catalog", "/%76%32/_catalog", "/v2/%2e%2e/v2/_catalog"):
                answer = ask(server, method, path)
                assert answer.status == 401
                assert answer["WWW-Authenticate"].startswith('Basic realm="registry"')
        for auth in ((USER[0], "wrong"), ("nobody", USER[1]), (USER[0], "")):   # each takes lighttpd a second
            ask(server, "GET", f"/v2/app/blobs/{digest}", auth=auth).check_error(401, "UNAUTHORIZED")
        ask(server, "GET", "/v2/").check_error(401, "UNAUTHORIZED")
        ask(server, "POST", "/v2/a/blobs/uploads/", b"x" * 1000).check_error(401, "UNAUTHORIZED")
        assert len(echo.requests()) == before
        assert ask(server, "GET", sendfile(tree.data_path(digest), digest), auth=USER).body == BLOB
        assert ask(server, "GET", "/v2/", auth=USER).program == "version"
        ask(server, "GET", "/v2/", auth=(USER[0], "wrong")).check_error(401, "UNAUTHORIZED")   # remembered is the right one
        assert ask(server, "GET", "/").status == 200


@pytest.mark.parametrize("where", ["http", "site"])
def test_a_condition_of_the_administrators_covers_blobs(start, tree, digest, echo, where):
    secret = tree.add("secret/app", b"hidden")
    rule = '$HTTP["url"] =~ "^/v2/secret(?:/|$)" { url.access-deny = ( "" ) }\n'
    with start(**{where: rule}) as server:
        before = len(echo.requests())
        for path in (f"/v2/secret/app/blobs/{secret}", f"/v2/secret/app/blobs/{D256}", "/v2/secret/app/manifests/x",
                     f"/v2/secret/./app/blobs/{secret}", f"/v2/x/../secret/app/blobs/{secret}", "/v2/secret%2Fapp/tags/list",
                     f"/v2/%73ecret/app/blobs/{secret}", f"/v2//secret/app/blobs/{secret}"):
            for method in ("GET", "HEAD", "PUT"):
                assert ask(server, method, path).status == 403, (method, path)
        ask(server, "GET", f"/v2/secret/app/blobs/{secret}").check_error(403, "DENIED")
        assert len(echo.requests()) == before
        assert ask(server, "GET", sendfile(tree.data_path(digest), digest)).body == BLOB


def test_a_password_for_a_part(start, place):
    (place / "htpasswd").write_text("bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")   # "password"
    rule = f"""
$HTTP["url"] =~ "^/v2/team(?:/|$)" {{
    auth.backend = "htpasswd"
    auth.backend.htpasswd.userfile = "{place}/htpasswd"
    auth.require = ( "/v2" => ( "method" => "basic", "realm" => "team", "require" => "valid-user" ) )
}}
"""
    with start(modules=(*Lighttpd.MODULES, "auth", "authn_file"), site=rule) as server:
        ask(server, "GET", "/v2/team/app/manifests/x").check_error(401, "UNAUTHORIZED")
        assert ask(server, "GET", "/v2/team/app/manifests/x", auth=("bob", "password")).program == "manifest"
        assert ask(server, "GET", "/v2/teams/app/manifests/x").program == "manifest"


# --- Errors of lighttpd's own ---------------------------------------------------

def test_programs_that_do_not_run(start, place):
    with start(sockets=place / "nowhere") as server:
        for method, path in (("GET", "/v2/"), ("GET", "/v2/a/manifests/x"), ("PUT", f"/v2/a/blobs/uploads/{UUID}")):
            ask(server, method, path, b"x" if method == "PUT" else None).check_error(503, "UNAVAILABLE")
        assert ask(server, "HEAD", "/v2/a/manifests/x").status == 503


def test_programs_that_are_back_are_asked_again(start, place):
    sockets = place / "later"
    sockets.mkdir()
    with start(sockets=sockets) as server:
        assert ask(server, "GET", "/v2/").status == 503
        with Echo(sockets):
            wait_until(lambda: ask(server, "GET", "/v2/").status == 200)


def test_the_root_is_there(plain):
    answer = ask(plain, "GET", "/")
    assert (answer.status, answer["Content-Type"]) == (200, "text/plain")
    ask(plain, "GET", "/elsewhere").check_error(404, "UNKNOWN")


def test_each_status_of_lighttpds_own_has_its_page():
    for page in (Lighttpd.FOLDER / "errors").iterdir():
        assert 400 <= int(page.stem) < 600 and page.suffix == ".html"
        (error,) = json.loads(page.read_text())["errors"]
        assert error["code"].isupper() and error["message"] and error["detail"] is None


def test_tls_with_a_chain_file(start, tree, digest):
    with start(mode="tls") as server:   # the client trusts the root alone
        assert ask(server, "GET", "/v2/").program == "version"
        assert ask(server, "GET", sendfile(tree.data_path(digest), digest)).body == BLOB


# --- A lighttpd that serves a site already --------------------------------------

SITE = """
include "berth/modules.conf"
server.document-root = "%(www)s"
server.error-handler-404 = "/404.html"
server.errorfile-prefix = "%(www)s/"
server.error-intercept = "enable"
server.max-request-size = 1
deflate.mimetypes = ( "text/", "application/" )
deflate.allowed-encodings = ( "gzip" )
setenv.add-response-header = ( "X-Site" => "yes" )
setenv.set-environment = ( "REMOTE_USER" => "someone" )
url.redirect = ( "^/old$" => "/new" )
url.rewrite-if-not-file = ( "^/(?!404)" => "/index.html" )
alias.url = ( "/aliased/" => "%(www)s/dir/" )
fastcgi.server = ( ".php" => (( "socket" => "%(www)s/none.sock", "check-local" => "disable" )) )
$HTTP["url"] =~ "^/private/" { url.access-deny = ( "" ) }
%(include)s
$HTTP["url"] =~ "^/gone" { url.access-deny = ( "" ) }
"""

SITE_REQUESTS = site_requests("/old", "/gone", "/page", "/v3/x", "/a%2Fb", "/x.php", "/aliased/", "/%zz")


@pytest.fixture(scope="module")
def www(place):
    www = place / "www"
    (www / "dir").mkdir(parents=True)
    for name in ("index.html", "403.html", "404.html", "page.txt", "dir/index.html"):
        (www / name).write_text(f"the site's own {name}\n" * 20)
        os.utime(www / name, (1700000000, 1700000000))
    return www


def test_a_site_stays_as_it_is(start, www):
    with start(server=SITE % {"www": www, "include": 'include "berth/berth.conf"'}) as server, \
            start(server=SITE % {"www": www, "include": ""}) as before:
        for request in SITE_REQUESTS:
            assert raw(server, request) == raw(before, request), request


@pytest.mark.parametrize("condition", ["%s", '$HTTP["host"] =~ "" {\n%s\n}'])
def test_a_registry_beside_a_site(start, www, tree, digest, condition):
    with start(server=SITE % {"www": www, "include": condition % 'include "berth/berth.conf"'}) as server:
        for path, program in ROUTES:
            answer = ask(server, "GET", path, Accept_Encoding="gzip")
            assert (answer.status, answer["Content-Encoding"], answer.program) == (200, None, program)
        answer = ask(server, "GET", "/v2/a/manifests/x.php?status=404&body=x&header=Content-Type:application/json")
        assert (answer.status, answer.body, answer["Content-Type"]) == (404, b"x", "application/json")
        told = json.loads(ask(server, "PATCH", f"/v2/a/blobs/uploads/{UUID}", b"x" * 3000000).body)
        assert told["size"] == 3000000
        answer = ask(server, "GET", sendfile(tree.data_path(digest), digest), Accept_Encoding="gzip")
        assert (answer.body, answer["Content-Encoding"]) == (BLOB, None)


def test_a_blob_replaced_is_not_served_from_a_cache(plain, tree):
    digest = tree.add("fresh", b"damaged!")
    path = tree.data_path(digest)
    assert ask(plain, "GET", sendfile(path, digest)).body == b"damaged!"
    new = path.with_suffix(".new")
    new.write_bytes(b"healed")
    new.rename(path)
    # lighttpd keeps what it knows of a file until its clock has gone on by a second or two.
    wait_until(lambda: ask(plain, "GET", sendfile(path, digest)).body == b"healed")


def test_errors_beside_a_site(start, www, place):
    text = SITE % {"www": www, "include": 'include "berth/berth.conf"'}
    with start(server=text, sockets=place / "nowhere") as server:
        ask(server, "GET", "/v2/").check_error(503, "UNAVAILABLE")
        assert ask(server, "GET", "/private/x").body.startswith(b"the site's own 40")
