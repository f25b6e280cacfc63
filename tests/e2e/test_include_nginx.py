# SPDX-License-Identifier: MIT
"""The files of nginx/ by themselves: what nginx answers, what it passes on and where, what it leaves alone.

The programs are stand-ins that tell what they were asked; the programs themselves are tested through nginx elsewhere.
"""

import hashlib
import json
import os
import re

import pytest

from include_cases import D256, ROUTES, UUID, ask, raw, site_requests, slow_request, wait_until
from include_fixtures import BLOB, NAME, digest, echo, place, tree  # noqa: F401
from webserver import USER, Nginx


@pytest.fixture(scope="module")
def start(tree, echo, place):
    def start(**kwargs):
        return Nginx(tree.root, place / "run dir", **kwargs)
    return start


@pytest.fixture(scope="module")
def plain(start):
    with start() as server:
        yield server


# --- Where requests go -------------------------------------------------------

@pytest.mark.parametrize("path, program", ROUTES)
def test_the_last_end_point_in_the_path_chooses_the_program(plain, path, program):
    answer = ask(plain, "GET", path)
    assert (answer.status, answer.program) == (200, program)
    assert answer.params["REQUEST_URI"] == path


@pytest.mark.parametrize("path", ["/v2/a%2Fb/manifests/x", "/v2/a/%2e%2e/b/tags/list", "/v2/a/./tags/list", "/v2//a/tags/list",
                                  "/x/../v2/a/tags/list", "/v2/%61/manifests/%6c", "/v2/a/manifests/%0a", "/v2/a/../../v2/"])
def test_the_programs_see_the_path_as_it_was_spelled(plain, path):
    assert ask(plain, "GET", path).params["REQUEST_URI"] == path


def test_parameters(plain):
    params = ask(plain, "PUT", "/v2/a/manifests/x", b"{}", Content_Type="a/b", Proxy="http://evil/", Range="bytes=0-1",
                 Remote_User="eve", Content_Range="0-1").params
    assert params["REQUEST_METHOD"] == "PUT"
    assert params["CONTENT_TYPE"] == "a/b"
    assert params["CONTENT_LENGTH"] == "2"
    assert params["REMOTE_ADDR"] == "127.0.0.1"
    assert params["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert params["HTTP_RANGE"] == "bytes=0-1"
    assert params["HTTP_CONTENT_RANGE"] == "0-1"
    assert "HTTP_PROXY" not in params
    assert params["BERTH_BLOB_TRANSFER"] == "x-accel-redirect"
    assert params["BERTH_DIRECT"] == "1"
    assert params["REMOTE_USER"] == ""


# --- Blobs nginx answers by itself ------------------------------------------

def served_by_nginx(answer):
    return answer["Content-Type"] == "application/octet-stream"


def test_a_blob_with_a_link_is_answered_without_a_program(plain, digest, echo):
    before = len(echo.requests())
    answer = ask(plain, "GET", f"/v2/{NAME}/blobs/{digest}", Accept_Encoding="gzip")
    assert (answer.status, answer.body) == (200, BLOB)
    assert len(echo.requests()) == before
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Length"] == str(len(BLOB))
    for name, value in {"ETag": f'"{digest}"', "Docker-Content-Digest": digest, "Accept-Ranges": "bytes",
                        "Docker-Distribution-Api-Version": "registry/2.0"}.items():
        assert answer.fields(name) == [value]
    assert answer["Last-Modified"] is None
    assert answer["Content-Encoding"] is None


def test_sha512(plain, tree):
    digest = tree.add("a", b"long digest", "sha512")
    answer = ask(plain, "GET", f"/v2/a/blobs/{digest}")
    assert (answer.body, answer["Docker-Content-Digest"], answer["ETag"]) == (b"long digest", digest, f'"{digest}"')


def test_the_empty_blob(plain, tree):
    digest = tree.add("a", b"")
    answer = ask(plain, "GET", f"/v2/a/blobs/{digest}")
    assert (answer.status, answer.body, answer["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize("field, first, last", [("bytes=500-1499", 500, 1499), ("bytes=500-", 500, len(BLOB) - 1),
                                                ("bytes=-500", len(BLOB) - 500, len(BLOB) - 1),
                                                ("bytes=2000-99999", 2000, len(BLOB) - 1)])
def test_a_range(plain, digest, field, first, last):
    answer = ask(plain, "GET", f"/v2/{NAME}/blobs/{digest}", Range=field)
    assert (answer.status, answer.body) == (206, BLOB[first:last + 1])
    assert answer["Content-Range"] == f"bytes {first}-{last}/{len(BLOB)}"
    assert answer["Docker-Content-Digest"] == digest


def test_several_ranges(plain, digest):
    answer = ask(plain, "GET", f"/v2/{NAME}/blobs/{digest}", Range="bytes=0-9,100-199,-5")
    assert answer.status == 206
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\S+)", answer["Content-Type"])[1].encode()
    parts = [part.partition(b"\r\n\r\n") for part in answer.body.split(b"\r\n--" + boundary)[1:-1]]
    assert [body for _, _, body in parts] == [BLOB[0:10], BLOB[100:200], BLOB[-5:]]
    assert [re.search(rb"Content-Range: bytes (\S+)", head)[1] for head, _, _ in parts] == [
        b"0-9/10240", b"100-199/10240", b"10235-10239/10240"]


@pytest.mark.parametrize("field", ["bytes=10240-", "bytes=99999-100000"])
def test_a_range_past_the_end(plain, digest, field):
    answer = ask(plain, "GET", f"/v2/{NAME}/blobs/{digest}", Range=field)
    answer.check_error(416, "RANGE_INVALID")
    assert answer["Content-Range"] == f"bytes */{len(BLOB)}"


def test_if_range_survives_a_renewed_lease(plain, digest, tree):
    target, headers = f"/v2/{NAME}/blobs/{digest}", {"Range": "bytes=0-9", "If_Range": f'"{digest}"'}
    assert ask(plain, "GET", target, **headers).status == 206
    os.utime(tree.data_path(digest))
    assert ask(plain, "GET", target, **headers).status == 206
    assert ask(plain, "GET", target, Range="bytes=0-9", If_Range=f'"{D256}"').status == 200
    assert ask(plain, "GET", target, Range="bytes=0-9", If_Range="Wed, 21 Oct 2015 07:28:00 GMT").status == 200


@pytest.mark.parametrize("change", [
    {"method": "HEAD"}, {"method": "POST"}, {"method": "PUT"}, {"method": "DELETE"}, {"method": "get"},
    {"headers": {"If_None_Match": '"x"'}}, {"headers": {"If_None_Match": "*"}}, {"headers": {"If_Match": "*"}},
    {"headers": {"If_Modified_Since": "Wed, 21 Oct 2015 07:28:00 GMT"}},
    {"headers": {"If_Unmodified_Since": "Wed, 21 Oct 2015 07:28:00 GMT"}},
    {"target": "{path}?"}, {"target": "{path}?x=1"}, {"target": "/v2/./{name}/blobs/{digest}"},
    {"target": "/v2/x/../{name}/blobs/{digest}"}, {"target": "//v2/{name}/blobs/{digest}"},
    {"target": "/v2/{name}/blobs/{escaped}"}, {"target": "/v2/%74eam/app.x__y-z/blobs/{digest}"},
    {"target": "/v2/{name}/blobs/{upper}"}, {"target": "/v2/{name}/blobs/SHA256:{hex}"}, {"target": "{path}%00"},
    {"target": "{path}/"}, {"target": "{path}0"}, {"target": "/v2/{name}/blobs/sha512:{hex}"},
    {"target": "/v2/team//app.x__y-z/blobs/{digest}"}, {"target": "/v2/other/blobs/{digest}"},
], ids=str)
def test_what_is_not_a_plain_get_of_a_link_goes_to_a_program(plain, digest, change):
    hexadecimal = digest[7:]
    target = change.get("target", "{path}").format(
        path=f"/v2/{NAME}/blobs/{digest}", name=NAME, digest=digest, hex=hexadecimal, upper="sha256:" + hexadecimal.upper(),
        escaped=digest.replace(":", "%3a"))
    answer = ask(plain, change.get("method", "GET"), target, **change.get("headers", {}))
    assert not served_by_nginx(answer), (answer.status, answer.body[:80])
    assert answer.status == (400 if change.get("method") == "get" or "%00" in target else 200)


@pytest.mark.parametrize("name", ["A", "a..b", "a___b", "-a", "a-", "_a", "a/_layers", "a/", "", "x" * 256])
def test_a_name_outside_the_grammar_is_never_served(plain, tree, name):
    data = f"blob of {name[:9]}".encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if len(name) < 256:
        tree.add(name, data)
    assert not served_by_nginx(ask(plain, "GET", f"/v2/{name}/blobs/{digest}"))


def test_the_longest_name(plain, tree):
    name = "/".join(["x" * 63] * 4)   # 255 bytes
    digest = tree.add(name, b"deep")
    assert ask(plain, "GET", f"/v2/{name}/blobs/{digest}").body == b"deep"


@pytest.mark.parametrize("missing", ["link", "data"])
def test_a_program_answers_when_link_or_data_are_missing(plain, tree, missing):
    digest = tree.add("half", missing.encode())
    path = f"/v2/half/blobs/{digest}"
    assert served_by_nginx(ask(plain, "GET", path))
    (tree.link_path("half", digest) if missing == "link" else tree.data_path(digest)).unlink()
    assert ask(plain, "GET", path).program == "blob"


def test_the_rule_can_be_switched_off(start, digest):
    with start(direct=False) as server:
        answer = ask(server, "GET", f"/v2/{NAME}/blobs/{digest}")
        assert answer.program == "blob"
        assert "BERTH_DIRECT" not in answer.params


# --- Blobs a program hands over -----------------------------------------------

def accel(digest, **more):
    path = f"/v2/_berth/blobs/sha256/{digest[7:9]}/{digest[7:]}/data"
    fields = {"X-Accel-Redirect": path, "Docker-Content-Digest": digest, "ETag": f'"{digest}"',
              "Content-Type": "application/octet-stream", **more}
    return f"/v2/{NAME}/blobs/{digest}?" + "&".join(f"header={k}:{v}" for k, v in fields.items())


def test_a_program_hands_over_a_blob(plain, digest):
    answer = ask(plain, "GET", accel(digest))
    assert (answer.status, answer.body) == (200, BLOB)
    for name, value in {"ETag": f'"{digest}"', "Docker-Content-Digest": digest, "Accept-Ranges": "bytes",
                        "Content-Type": "application/octet-stream", "Docker-Distribution-Api-Version": "registry/2.0"}.items():
        assert answer.fields(name) == [value]
    assert answer["Last-Modified"] is None
    part = ask(plain, "GET", accel(digest), Range="bytes=1-3", If_Range=f'"{digest}"')
    assert (part.status, part.body, part["Docker-Content-Digest"]) == (206, BLOB[1:4], digest)
    ask(plain, "GET", accel(digest), Range="bytes=99999-").check_error(416, "RANGE_INVALID")


def test_a_blob_handed_over_needs_no_second_password(start, digest):
    with start(mode="htpasswd") as server:
        assert ask(server, "GET", accel(digest), auth=USER).body == BLOB


def test_nobody_else_gets_at_the_blobs_directory(plain, digest):
    for path in (f"/v2/_berth/blobs/sha256/{digest[7:9]}/{digest[7:]}/data", "/v2/_berth/blobs/", "/v2/_berth/blobs/../x"):
        answer = ask(plain, "GET", path)
        if answer.status == 200:   # the last one is /v2/_berth/x, a program's to answer
            assert answer.program == "version"
        else:
            answer.check_error(404, "UNKNOWN")


# --- Who may --------------------------------------------------------------------

def test_a_password_is_asked_for_before_anything_is_told(start, digest):
    with start(mode="htpasswd") as server:
        answers = [ask(server, "GET", path) for path in (
            f"/v2/{NAME}/blobs/{digest}", f"/v2/{NAME}/blobs/{D256}", f"/v2/other/blobs/{digest}", "/v2/", "/v2")]
        for answer in answers:
            answer.check_error(401, "UNAUTHORIZED")
            assert answer["WWW-Authenticate"] == 'Basic realm="registry"'
            assert (answer.body, answer.headers.keys()) == (answers[0].body, answers[0].headers.keys())
        ask(server, "GET", "/v2/", auth=(USER[0], "wrong")).check_error(401, "UNAUTHORIZED")
        assert ask(server, "GET", f"/v2/{NAME}/blobs/{digest}", auth=USER).body == BLOB
        assert ask(server, "GET", "/v2/", auth=USER).program == "version"
        assert ask(server, "GET", "/").status == 200
        ask(server, "POST", "/v2/a/blobs/uploads/", b"x" * 3000000).check_error(401, "UNAUTHORIZED")


def test_a_location_of_the_administrators_covers_blobs(start, digest, tree, echo):
    secret = tree.add("secret/app", b"hidden")
    site = """
        location /v2/secret/ { deny all; }
        location /v2/hidden/ { deny all; include berth/route.conf; }"""
    tree.add("hidden/app", b"hidden")
    with start(site=site) as server:
        before = len(echo.requests())
        for path in (f"/v2/secret/app/blobs/{secret}", f"/v2/secret/app/blobs/{D256}", "/v2/secret/app/manifests/x",
                     f"/v2/secret/./app/blobs/{secret}", f"/v2/x/../secret/app/blobs/{secret}",
                     f"/v2/%73ecret/app/blobs/{secret}", f"/v2//secret/app/blobs/{secret}"):
            for method in ("GET", "HEAD", "PUT"):
                assert ask(server, method, path).status == 403
        answers = [ask(server, "GET", f"/v2/hidden/app/blobs/{d}") for d in (secret, D256)]
        for answer in answers:
            answer.check_error(403, "DENIED")
        assert answers[0].body == answers[1].body
        assert len(echo.requests()) == before
        assert ask(server, "GET", f"/v2/{NAME}/blobs/{digest}").body == BLOB


def test_a_location_of_the_administrators_may_be_the_more_generous_one(start, tree, place):
    public = tree.add("public/app", b"for everyone")
    site = "location /v2/public/ { auth_basic off; allow 127.0.0.1; deny all; include berth/route.conf; }"
    with start(mode="htpasswd", site="deny all;" + site) as server:
        assert ask(server, "GET", f"/v2/public/app/blobs/{public}").body == b"for everyone"
        assert ask(server, "GET", "/v2/public/app/manifests/x").program == "manifest"
        assert ask(server, "PUT", f"/v2/public/app/blobs/uploads/{UUID}", b"x").program == "upload"
        ask(server, "GET", "/v2/other/manifests/x", auth=USER).check_error(403, "DENIED")


# --- Bodies ---------------------------------------------------------------------

def test_an_upload_reaches_the_program_while_it_is_being_sent(plain, echo):
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


def test_a_chunked_upload(plain):
    data = bytes(range(256)) * 8000
    answer = ask(plain, "PATCH", f"/v2/a/blobs/uploads/{UUID}", iter([data[:100], data[100:]]))
    told = json.loads(answer.body)
    assert (told["size"], told["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert told["params"]["CONTENT_LENGTH"] == ""


def test_a_chunked_manifest(plain):
    told = json.loads(ask(plain, "PUT", "/v2/a/manifests/x", iter([b"x" * 700000, b"y" * 700000])).body)
    assert (told["size"], told["params"]["CONTENT_LENGTH"]) == (1400000, "1400000")


def test_a_manifest_far_too_large_is_refused_without_receiving_it(plain, echo):
    manifest = echo.servers["manifest"]
    before = len(manifest.seen)
    with slow_request(plain, "PUT /v2/a/manifests/x HTTP/1.1\nHost: x\nContent-Length: 500000000", b"x"):
        wait_until(lambda: len(manifest.seen) > before)   # the program sees the length at once
        assert manifest.seen[-1]["CONTENT_LENGTH"] == "500000000"
    try:
        answer = ask(plain, "PUT", "/v2/a/manifests/x", (b"x" * 1000000 for _ in range(120)))
    except ConnectionError:   # nginx stopped reading, and has said why to those who read meanwhile
        return
    answer.check_error(413, "SIZE_INVALID")


def test_a_body_cut_short_is_never_taken_for_whole(plain, echo):
    upload = echo.servers["upload"]
    for head, body in (("Content-Length: 1000", b"x" * 900), ("Transfer-Encoding: chunked", b"384\r\n" + b"x" * 900 + b"\r\n")):
        upload.received, finished = 0, len(upload.finished)
        with slow_request(plain, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\n{head}", body):
            wait_until(lambda: upload.received == 900)
        wait_until(lambda: upload.broken)
        upload.broken = False
        assert len(upload.finished) == finished


# --- Errors of nginx's own, and those of the programs ---------------------------

def test_programs_that_do_not_run(tree, place):
    with Nginx(tree.root, place / "no such directory") as server:
        for method, path in (("GET", "/v2/"), ("GET", "/v2/a/manifests/x"), ("PUT", f"/v2/a/blobs/uploads/{UUID}")):
            ask(server, method, path, b"x" if method == "PUT" else None).check_error(502, "UNAVAILABLE")
        assert ask(server, "HEAD", "/v2/a/manifests/x").status == 502


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 416, 429, 500, 502, 503, 504])
def test_errors_of_the_programs_pass_untouched(plain, status):
    target = f"/v2/a/manifests/x?status={status}&body=the+program%27s&header=Content-Type:a/b&header=Retry-After:5"
    answer = ask(plain, "GET", target)
    assert (answer.status, answer.body, answer["Content-Type"]) == (status, b"the program's", "a/b")
    assert answer["Retry-After"] == "5"
    assert answer.fields("Docker-Distribution-Api-Version") == ["registry/2.0"]


def test_errors_before_a_location_is_known(plain):
    for request, status in ((b"GET /v2/" + b"x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
                            (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40000 + b"\r\n\r\n", b"400"),
                            (b"GET /v2/../../ HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
                            (b"GET /v2/ HTTP/1.1\r\n\r\n", b"400")):
        head, body = raw(plain, request)
        assert head[0].split()[1] == status, head
        assert json.loads(body)["errors"][0]["code"] == "UNSUPPORTED", (head, body)


def test_the_root_is_there(plain):
    answer = ask(plain, "GET", "/")
    assert (answer.status, answer["Content-Type"]) == (200, "text/plain")
    assert ask(plain, "GET", "/elsewhere").status == 404


def test_tls_with_a_chain_file(start, digest):
    with start(mode="tls") as server:   # the client trusts the root alone
        assert ask(server, "GET", f"/v2/{NAME}/blobs/{digest}").body == BLOB
        assert ask(server, "GET", "/v2/").program == "version"


# --- A server that is a site already --------------------------------------------

SITE = """
server {
    listen @LISTEN@;
    root "%(www)s";
    index index.html;
    error_page 403 404 /404.html;
    error_page 500 502 503 504 /50x.html;
    error_page 400 401 413 416 /4xx.html;
    gzip on;
    gzip_min_length 1;
    gzip_types *;
    charset utf-8;
    charset_types *;
    etag on;
    expires 1h;
    add_header X-Site yes always;
    client_max_body_size 1k;
    fastcgi_intercept_errors on;
    fastcgi_ignore_headers X-Accel-Redirect;
    fastcgi_busy_buffers_size 8k;
    fastcgi_param REMOTE_USER someone;
    open_file_cache max=100;
    open_file_cache_valid 1h;
    sub_filter_once off;
    sub_filter x-site-x y;
    location = /50x.html { internal; }
    location ~ \\. { expires 1d; add_header X-Dot yes; }
    location ~* \\.(php|html)$ { add_header X-Regex yes always; }
    location /private/ { deny all; }
    location /old { return 301 /new; }
    location /teapot { return 418 "short and stout"; }
    location /gone { return 503; }
    %(include)s
}
"""

SITE_REQUESTS = site_requests("/old", "/teapot", "/gone", "/50x.html")


@pytest.fixture(scope="module")
def www(place):
    www = place / "www"
    (www / "dir").mkdir(parents=True)
    for name in ("index.html", "404.html", "50x.html", "4xx.html", "page.txt", "dir/index.html"):
        (www / name).write_text(f"the site's own {name} x-site-x\n" * 20)
        os.utime(www / name, (1700000000, 1700000000))
    return www


@pytest.fixture(scope="module")
def site(start, www):
    with start(server=SITE % {"www": www, "include": "include berth/server.conf;"}) as server:
        yield server


def test_a_site_stays_as_it_is(start, site, www):
    with start(server=SITE % {"www": www, "include": ""}) as before:
        for request in SITE_REQUESTS:
            assert raw(site, request) == raw(before, request), request


def test_a_registry_in_the_server_of_a_site(site, digest, tree):
    answer = ask(site, "GET", f"/v2/{NAME}/blobs/{digest}", Accept_Encoding="gzip")
    assert (answer.status, answer.body) == (200, BLOB)
    for name, value in {"Content-Type": "application/octet-stream", "ETag": f'"{digest}"', "Content-Encoding": None,
                        "Last-Modified": None, "Expires": None, "Cache-Control": None, "X-Dot": None}.items():
        assert answer[name] == value, name
    part = ask(site, "GET", f"/v2/{NAME}/blobs/{digest}", Range="bytes=0-9", If_Range=f'"{digest}"')
    assert (part.status, part.body) == (206, BLOB[:10])
    ask(site, "GET", f"/v2/{NAME}/blobs/{digest}", Range="bytes=99999-").check_error(416, "RANGE_INVALID")
    for path, program in ROUTES:
        assert ask(site, "GET", path).program == program
    answer = ask(site, "GET", "/v2/a.b/manifests/x.html?status=404&body=x-site-x&header=Content-Type:application/json",
                 Accept_Encoding="gzip")
    assert (answer.status, answer.body, answer["Content-Type"]) == (404, b"x-site-x", "application/json")
    assert ask(site, "GET", "/v2/", auth=("eve", "x")).params["REMOTE_USER"] == ""
    assert ask(site, "GET", accel(digest)).body == BLOB
    assert json.loads(ask(site, "PUT", f"/v2/a/blobs/uploads/{UUID}", b"x" * 3000000).body)["size"] == 3000000


def test_a_blob_deleted_or_replaced_is_not_served_from_a_cache(site, tree):
    digest = tree.add("fresh", b"damaged!")
    path = f"/v2/fresh/blobs/{digest}"
    assert ask(site, "GET", path).body == b"damaged!"
    new = tree.data_path(digest).with_suffix(".new")
    new.write_bytes(b"healed")
    new.rename(tree.data_path(digest))
    assert ask(site, "GET", path).body == b"healed"
    tree.link_path("fresh", digest).unlink()
    assert ask(site, "GET", path).program == "blob"


def test_errors_in_the_server_of_a_site(tree, place, www):
    text = SITE % {"www": www, "include": "include berth/server.conf;"}
    with Nginx(tree.root, place / "nowhere", server=text) as server:
        ask(server, "GET", "/v2/").check_error(502, "UNAVAILABLE")
        assert ask(server, "GET", "/none").body.startswith(b"the site's own 404")
