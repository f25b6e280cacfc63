# SPDX-License-Identifier: MIT
"""The files of apache/ by themselves: what Apache answers, what it passes on and where, what it leaves alone.

The programs are stand-ins that tell what they were asked; the programs themselves are tested through Apache elsewhere.
"""

import hashlib
import json
import os
import socket

import pytest

from fcgi_echo import Echo
from include_apache import WAYS, programs, start  # noqa: F401
from include_cases import D256, ROUTES, UUID, ask, raw, site_requests, slow_request, wait_until
from include_fixtures import NAME, digest, echo, place, tree  # noqa: F401
from webserver import CHECKOUT, USER, substitute


@pytest.fixture(scope="module", params=WAYS)
def server(start, request):
    with start(request.param) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(start):
    with start("proxy") as server:
        yield server


@pytest.fixture(scope="module", params=["fcgid", "cgi"])
def alone(start, request):
    """Apache starts the programs itself."""
    with start(request.param) as server:
        yield server


@pytest.fixture(scope="module")
def fcgid_alone(start):
    """No module for CGI is loaded."""
    with start("fcgid-alone") as server:
        yield server


# --- Where requests go, and how -------------------------------------------------

@pytest.mark.parametrize("path, program", ROUTES)
def test_the_last_end_point_in_the_path_chooses_the_program(server, path, program):
    answer = ask(server, "GET", path)
    assert (answer.status, answer.program) == (200, program)
    assert answer.params["REQUEST_URI"] == path


@pytest.mark.parametrize("path", ["/v2/a%2Fb/manifests/x", "/v2/a/%2e%2e/b/tags/list", "/v2/a/./tags/list", "/v2//a/tags/list",
                                  "/x/../v2/a/tags/list", "/v2/%61/manifests/%6c", "/v2/a/manifests/%0a", "/v2/a/../../v2/",
                                  "/v2/a%00b/tags/list", "/v2/a%2F..%2Fb/manifests/x", "/v2/a;b/manifests/x"])
def test_the_programs_see_the_path_as_it_was_spelled(proxy, path):
    assert ask(proxy, "GET", path).params["REQUEST_URI"] == path


@pytest.mark.parametrize("path", ["/v2/a%2Fb/manifests/x", "/v2/a%00b/tags/list"])
def test_there_is_no_program_for_paths_apache_refuses(alone, path):
    answer = ask(alone, "GET", path)
    assert (answer.status, answer["Content-Type"]) == (404, "application/json")
    assert json.loads(answer.body)["errors"][0]["code"] == "UNKNOWN"


def test_parameters(server):
    params = ask(server, "PUT", "/v2/a/manifests/x", b"{}", Content_Type="a/b", Proxy="http://evil/", Range="bytes=0-1",
                 Authorization="Bearer token").params
    assert params["REQUEST_METHOD"] == "PUT"
    assert params["CONTENT_TYPE"] == "a/b"
    assert params["CONTENT_LENGTH"] == "2"
    assert params["REMOTE_ADDR"] == "127.0.0.1"
    assert params["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert params["HTTP_RANGE"] == "bytes=0-1"
    assert params["HTTP_AUTHORIZATION"] == "Bearer token"
    assert "HTTP_PROXY" not in params


@pytest.mark.parametrize("length", ["0", "1", "12345"])
def test_the_length_of_an_answer_to_head(server, length):
    answer = ask(server, "HEAD", f"/v2/a/blobs/{D256}?header=Content-Length:{length}&header=ETag:%22x%22")
    assert (answer.status, answer.fields("Content-Length"), answer["ETag"]) == (200, [length], '"x"')


def test_an_answer_to_get(server):
    answer = ask(server, "GET", f"/v2/a/blobs/{D256}?body=0123&header=Docker-Content-Digest:{D256}&header=ETag:%22x%22"
                 "&header=Content-Type:application/octet-stream", Accept_Encoding="gzip")
    assert (answer.body, answer.fields("Content-Length")) == (b"0123", ["4"])
    for name, value in {"Docker-Content-Digest": D256, "ETag": '"x"', "Content-Type": "application/octet-stream",
                        "Docker-Distribution-Api-Version": "registry/2.0"}.items():
        assert answer.fields(name) == [value]


@pytest.mark.parametrize("status", [201, 202, 204, 206, 304, 307])
def test_statuses_and_fields_pass(server, status):
    answer = ask(server, "GET", f"/v2/a/blobs/{D256}?status={status}&body=&header=Location:/v2/a/x&header=Range:0-9"
                 "&header=Content-Length:0&header=Docker-Upload-UUID:u")
    assert answer.status == status
    if status != 304:
        assert (answer["Location"], answer["Range"], answer["Docker-Upload-UUID"]) == ("/v2/a/x", "0-9", "u")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 416, 429, 500, 502, 503, 504])
def test_errors_of_the_programs_pass_untouched(server, status):
    answer = ask(server, "GET", f"/v2/a/manifests/x?status={status}&body=the+program%27s&header=Content-Type:application/json"
                 "&header=Retry-After:5")
    assert (answer.status, answer.body, answer.fields("Content-Type")) == (status, b"the program's", ["application/json"])
    assert answer["Retry-After"] == "5"
    assert answer.fields("Docker-Distribution-Api-Version") == ["registry/2.0"]


@pytest.mark.parametrize("path", ["/v2/", "/v2/a/blobs/uploads/", "/v2/a/blobs/x"])
def test_the_programs_find_their_configuration_file(alone, path):
    answer = ask(alone, "GET", f"{path}?env=BERTH_CONFIG")
    assert json.loads(answer.body)["environment"] == {"BERTH_CONFIG": "/etc/berth/test.conf"}


# --- Bodies ---------------------------------------------------------------------

@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_arrives_whole(server, chunked):
    data = bytes(range(256)) * 8000
    answer = ask(server, "PATCH", f"/v2/a/blobs/uploads/{UUID}", iter([data[:100], data[100:]]) if chunked else data)
    told = json.loads(answer.body)
    assert (told["size"], told["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())


def test_mod_proxy_fcgi_streams_an_upload(proxy, echo):
    upload = echo.servers["upload"]
    upload.received = 0
    with slow_request(proxy, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nContent-Length: 1000000",
                      b"x" * 900000) as s:
        wait_until(lambda: upload.received >= 800000)
        s.sendall(b"x" * 100000)
        assert b" 200" in s.recv(100)


CUT_SHORT = [("Content-Length: 300000", b"x" * 290000), ("Transfer-Encoding: chunked", b"493e0\r\n" + b"x" * 290000)]


@pytest.mark.parametrize("head, body", CUT_SHORT, ids=["length", "chunked"])
def test_a_body_cut_short_is_never_taken_for_whole(proxy, echo, head, body):
    upload = echo.servers["upload"]
    upload.received, upload.broken, finished = 0, False, len(upload.finished)
    with slow_request(proxy, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\n{head}", body):
        wait_until(lambda: upload.received > 100000)
    wait_until(lambda: upload.broken)
    assert len(upload.finished) == finished


@pytest.mark.parametrize("head, body", CUT_SHORT, ids=["length", "chunked"])
def test_mod_fcgid_keeps_a_body_cut_short_to_itself(fcgid_alone, head, body):
    with slow_request(fcgid_alone, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\n{head}", body) as s:
        s.shutdown(socket.SHUT_WR)
        assert b" 500 " in s.recv(4096)


def test_mod_fcgid_says_which_upload_is_too_large(fcgid_alone):
    limit = 268435456
    with slow_request(fcgid_alone, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nConnection: close\n"
                      f"Expect: 100-continue\nContent-Length: {limit + 1}", b"") as s:
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["code"] == "SIZE_INVALID"
    with slow_request(fcgid_alone, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nConnection: close\n"
                      f"Expect: 100-continue\nContent-Length: {limit}", b"") as s:
        assert s.recv(100).startswith(b"HTTP/1.1 100 ")
    piece = b"x" * (1 << 20)
    ask(fcgid_alone, "PATCH", f"/v2/a/blobs/uploads/{UUID}", (piece for _ in range(257))).check_error(500, "SIZE_INVALID")
    # Layers of an image of 200 MB pass, with and without a length.
    for body in (piece * 200, (piece for _ in range(200))):
        assert json.loads(ask(fcgid_alone, "PATCH", f"/v2/a/blobs/uploads/{UUID}", body).body)["size"] == 200 << 20


def test_an_upload_of_any_size_reaches_a_program_apache_starts(alone):
    piece, size = b"x" * (1 << 20), 300 << 20
    for body, more in (((piece for _ in range(300)), {}), ((piece for _ in range(300)), {"Content_Length": str(size)})):
        assert json.loads(ask(alone, "PATCH", f"/v2/a/blobs/uploads/{UUID}", body, **more).body)["size"] == size


def test_an_upload_may_wait_to_be_asked_for(alone):
    with slow_request(alone, f"PATCH /v2/a/blobs/uploads/{UUID} HTTP/1.1\nHost: x\nConnection: close\n"
                      "Expect: 100-continue\nContent-Length: 5", b"") as s:
        assert s.recv(100).startswith(b"HTTP/1.1 100 ")
        s.sendall(b"12345")
        assert b'"size": 5' in b"".join(iter(lambda: s.recv(65536), b""))


def test_what_a_cgi_program_says_is_in_the_error_log(alone):
    ask(alone, "PATCH", f"/v2/a/blobs/uploads/{UUID}", b"x" * 4321)
    wait_until(lambda: "read 4321" in alone.error_log.read_text())


# --- Who may --------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_a_password(start, way):
    with start(way, mode="htpasswd") as server:
        for path in ("/v2/", "/v2", f"/v2/a/blobs/{D256}", "/v2/_catalog"):
            answer = ask(server, "GET", path)
            answer.check_error(401, "UNAUTHORIZED")
            assert answer["WWW-Authenticate"] == 'Basic realm="registry"'
            assert ask(server, "GET", path, auth=USER).status == 200
        ask(server, "GET", "/v2/", auth=(USER[0], "wrong")).check_error(401, "UNAUTHORIZED")
        ask(server, "HEAD", "/v2/")["WWW-Authenticate"].startswith("Basic")
        assert ask(server, "GET", "/").status == 200


@pytest.mark.parametrize("way", WAYS)
def test_a_location_of_the_administrators_covers_blobs(start, way):
    site = '<Location "/v2/secret/">\nRequire all denied\n</Location>'
    with start(way, site=site) as server:
        for path in (f"/v2/secret/app/blobs/{D256}", "/v2/secret/app/manifests/x", f"/v2/secret/./app/blobs/{D256}",
                     f"/v2/x/../secret/app/blobs/{D256}", f"/v2/%73ecret/app/blobs/{D256}", f"/v2//secret/app/blobs/{D256}"):
            for method in ("GET", "PUT"):
                ask(server, method, path).check_error(403, "DENIED")
        assert ask(server, "GET", f"/v2/open/app/blobs/{D256}").status == 200


def test_a_directory_that_is_away_lets_nobody_in(start, place):
    """The example with LDAP, but for TLS; what a directory says was tried by hand."""
    text = (CHECKOUT / "apache/example-ldap.conf").read_text()
    (place / "registry.ldap").write_text("password\n")
    text = substitute(text, (r"^ *SSL.*\n", ""), (r"\*:443", "@LISTEN@"), (r"ldap\.example\.com", "127.0.0.1:1"),
                      (r"/etc/apache2/registry\.ldap", place / "registry.ldap"))
    with start(server=text, modules=["ldap", "authnz_ldap"]) as server:
        answer = ask(server, "GET", "/v2/")
        answer.check_error(401, "UNAUTHORIZED")
        assert answer["WWW-Authenticate"] == 'Basic realm="registry"'
        ask(server, "GET", "/v2/", auth=USER).check_error(500, "UNKNOWN")


# --- Errors of Apache's own -----------------------------------------------------

def test_programs_that_do_not_run(start, place):
    with start(sockets=place / "nowhere") as server:
        for method, path in (("GET", "/v2/"), ("GET", "/v2/a/manifests/x"), ("PUT", f"/v2/a/blobs/uploads/{UUID}")):
            ask(server, method, path, b"x" if method == "PUT" else None).check_error(503, "UNAVAILABLE")


def test_programs_that_are_back_are_asked_at_once(start, place):
    sockets = place / "later"
    sockets.mkdir()
    with start(sockets=sockets) as server:
        assert ask(server, "GET", "/v2/").status == 503
        with Echo(sockets):
            assert ask(server, "GET", "/v2/").status == 200


def test_errors_before_a_location_is_known(server):
    for request, status in ((b"GET /v2/" + b"x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
                            (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40000 + b"\r\n\r\n", b"400"),
                            (b"GET /v2/../../ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
                            (b"GET /v2/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
                            (b"GET /v2/ HTTP/1.1\r\n\r\n", b"400")):
        head, body = raw(server, request)
        assert head[0].split()[1] == status, head
        assert b"Content-Type: application/json" in head
        assert json.loads(body)["errors"][0]["code"] == "UNSUPPORTED", (head, body)


def test_the_root_is_there(server):
    assert ask(server, "GET", "/").status == 200
    assert ask(server, "GET", "/elsewhere").status == 404


@pytest.mark.parametrize("way", WAYS)
def test_tls_with_a_chain_file(start, way):
    with start(way, mode="tls") as server:   # the client trusts the root alone
        assert ask(server, "GET", "/v2/").program == "version"


# --- A virtual host that is a site already --------------------------------------

SITE = """
<VirtualHost @LISTEN@>
    ServerName localhost
    DocumentRoot "%(www)s"
    <Directory "%(www)s">
        Options Indexes MultiViews
        AllowOverride All
        Require all granted
        RewriteEngine On
        RewriteCond %%{REQUEST_FILENAME} !-f
        RewriteCond %%{REQUEST_FILENAME} !-d
        RewriteRule ^ /index.html [L]
    </Directory>
    <FilesMatch "\\.">
        Header set X-Dot yes
    </FilesMatch>
    <FilesMatch "\\.php$">
        Require all denied
    </FilesMatch>
    ErrorDocument 403 /404.html
    ErrorDocument 404 /404.html
    ErrorDocument 503 "the site is down"
    SetOutputFilter DEFLATE
    %(include)s
    RewriteEngine On
    RewriteRule ^/old$ /new [R=301,L]
    RewriteRule \\.html\\.html$ - [F]
    RewriteCond %%{REQUEST_URI} ^/v[23]
    RewriteRule ^ /index.html [L]
    Header always set X-Site yes
    AddDefaultCharset utf-8
    LimitRequestBody 1000
    <Location "/private/">
        Require all denied
    </Location>
    Redirect 503 /gone
    Alias /aliased "%(www)s/dir"
</VirtualHost>
"""

SITE_REQUESTS = site_requests("/old", "/gone", "/page", "/v3/x", "/a%2Fb", "/a.html.html", "/aliased/", "/%zz")


@pytest.fixture(scope="module")
def www(place):
    www = place / "www"
    (www / "dir").mkdir(parents=True)
    for name in ("index.html", "404.html", "page.txt", "dir/index.html"):
        (www / name).write_text(f"the site's own {name}\n" * 20)
        os.utime(www / name, (1700000000, 1700000000))
    return www


@pytest.mark.parametrize("way", WAYS)
def test_a_site_and_a_registry_in_one_virtual_host(start, www, way, digest):
    include = f"Include berth/{way}.conf"
    with start(way, server=SITE % {"www": www, "include": include}) as server, \
            start(way, server=SITE % {"www": www, "include": f"# {include}"}) as before:
        for request in SITE_REQUESTS:
            assert raw(server, request) == raw(before, request), request
        for path, program in ROUTES:
            answer = ask(server, "GET", path, Accept_Encoding="gzip")
            assert (answer.status, answer["Content-Encoding"], answer.program) == (200, None, program)
        answer = ask(server, "GET", "/v2/a/manifests/x.html?status=404&body=x&header=Content-Type:application/json")
        assert (answer.status, answer.body, answer["Content-Type"]) == (404, b"x", "application/json")
        assert ask(server, "GET", "/v2/a/manifests/x.html.html").program == "manifest"
        told = json.loads(ask(server, "PATCH", f"/v2/a/blobs/uploads/{UUID}", b"x" * 3000000).body)
        assert told["size"] == 3000000


@pytest.mark.parametrize("way", WAYS)
def test_a_site_that_is_a_proxy_gets_nothing_of_the_registry(start, way):
    server = f"""
<VirtualHost @LISTEN@>
    ProxyPass / http://127.0.0.1:1/
    Include berth/{way}.conf
</VirtualHost>
"""
    modules = ["proxy_http"] if way == "proxy" else ["proxy", "proxy_http"]
    with start(way, server=server, modules=modules) as server:
        assert ask(server, "GET", "/app").status == 503
        for path, program in ROUTES:
            answer = ask(server, "GET", path)
            assert (answer.status, answer.program) == (200, program)


def test_errors_in_the_virtual_host_of_a_site(start, www, place):
    text = SITE % {"www": www, "include": "Include berth/proxy.conf"}
    with start(server=text, sockets=place / "nowhere") as server:
        ask(server, "GET", "/v2/").check_error(503, "UNAVAILABLE")
        assert ask(server, "GET", "/gone").body == b"the site is down"
