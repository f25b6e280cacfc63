# SPDX-License-Identifier: MIT
"""Blobs whose bytes Apache sends (apache/direct.conf): which, to whom, with which fields; what goes to a program instead."""

import hashlib
import json

import pytest

from include_apache import WAYS, programs, start  # noqa: F401
from include_cases import D256, ask
from include_fixtures import BLOB, NAME, digest, echo, place, tree  # noqa: F401
from webserver import USER

PATH = "/v2/{name}/blobs/{digest}"


@pytest.fixture(scope="module", params=WAYS)
def server(start, request):
    with start(request.param) as server:
        yield server


def path_of(digest, name=NAME):
    return PATH.format(name=name, digest=digest)


def is_apaches_own(answer):
    return answer["Content-Type"] == "application/octet-stream"


def test_a_blob_with_a_link_is_answered_without_a_program(server, digest, echo):
    before = len(echo.requests())
    answer = ask(server, "GET", path_of(digest), Accept_Encoding="gzip")
    assert (answer.status, answer.body) == (200, BLOB)
    assert len(echo.requests()) == before
    for name, value in {"Content-Type": "application/octet-stream", "Content-Length": str(len(BLOB)), "ETag": f'"{digest}"',
                        "Docker-Content-Digest": digest, "Accept-Ranges": "bytes", "Cache-Control": "max-age=31536000",
                        "X-Content-Type-Options": "nosniff", "Docker-Distribution-Api-Version": "registry/2.0"}.items():
        assert answer.fields(name) == [value], name
    for name in ("Last-Modified", "Content-Encoding", "Vary", "Expires"):
        assert answer[name] is None, name


def test_sha512(server, tree):
    digest = tree.add("a", b"long digest", "sha512")
    answer = ask(server, "GET", path_of(digest, "a"))
    assert (answer.body, answer["Docker-Content-Digest"], answer["ETag"]) == (b"long digest", digest, f'"{digest}"')


@pytest.mark.parametrize("field, first, last", [("bytes=500-1499", 500, 1499), ("bytes=500-", 500, len(BLOB) - 1),
                                                ("bytes=2000-99999", 2000, len(BLOB) - 1), ("bytes=0-0", 0, 0)])
def test_a_range(server, digest, field, first, last):
    answer = ask(server, "GET", path_of(digest), Range=field)
    assert (answer.status, answer.body) == (206, BLOB[first:last + 1])
    assert answer["Content-Range"] == f"bytes {first}-{last}/{len(BLOB)}"
    assert (answer["Docker-Content-Digest"], answer["ETag"], answer["Last-Modified"]) == (digest, f'"{digest}"', None)


@pytest.mark.parametrize("field", ["bytes=10240-", "bytes=99999-100000", "bytes=999999999999999999-"])
def test_a_range_past_the_end_is_a_programs(server, digest, field):
    """Apache's answer would not tell the size."""
    assert ask(server, "GET", path_of(digest), Range=field).program == "blob"


@pytest.mark.parametrize("change", [
    {"method": "HEAD"}, {"method": "POST"}, {"method": "PUT"}, {"method": "DELETE"}, {"method": "get"},
    {"headers": {"If_None_Match": '"x"'}}, {"headers": {"If_None_Match": "*"}}, {"headers": {"If_Match": "*"}},
    {"headers": {"If_Modified_Since": "Wed, 21 Oct 2015 07:28:00 GMT"}},
    {"headers": {"If_Unmodified_Since": "Wed, 21 Oct 2015 07:28:00 GMT"}},
    {"headers": {"Range": "bytes=0-9", "If_Range": '"x"'}}, {"headers": {"Range": "bytes=0-9,20-29"}},
    {"headers": {"Range": "bytes=-5"}}, {"headers": {"Range": "lines=1-2"}},
    {"target": "{path}?"}, {"target": "{path}?x=1"}, {"target": "/v2/./{name}/blobs/{digest}"},
    {"target": "/v2/x/../{name}/blobs/{digest}"}, {"target": "//v2/{name}/blobs/{digest}"},
    {"target": "/v2/{name}/blobs/{escaped}"}, {"target": "/v2/%74eam/app.x__y-z/blobs/{digest}"},
    {"target": "/v2/{name}/blobs/{upper}"}, {"target": "/v2/{name}/blobs/SHA256:{hex}"}, {"target": "{path}%00"},
    {"target": "{path}/"}, {"target": "{path}0"}, {"target": "{path};x"}, {"target": "/v2/{name}/blobs/sha512:{hex}"},
    {"target": "/v2/team//app.x__y-z/blobs/{digest}"}, {"target": "/v2/other/blobs/{digest}"},
    {"target": "http://x{path}"}, {"target": "/v2/a/blobs/../../{name}/blobs/{digest}"},
], ids=str)
def test_what_is_not_a_plain_get_of_a_link_is_never_answered_so(server, digest, change):
    hexadecimal = digest[7:]
    target = change.get("target", "{path}").format(
        path=path_of(digest), name=NAME, digest=digest, hex=hexadecimal, upper="sha256:" + hexadecimal.upper(),
        escaped=digest.replace(":", "%3a"))
    answer = ask(server, change.get("method", "GET"), target, **change.get("headers", {}))
    assert not is_apaches_own(answer), (answer.status, answer.body[:80])
    assert answer.status == (404 if "%00" in target and server.way != "proxy" else 200)


@pytest.mark.parametrize("name", ["A", "a..b", "a___b", "-a", "a-", "_a", "a/_layers", "a/", "", "x" * 256])
def test_a_name_outside_the_grammar_is_never_served(server, tree, name):
    data = f"blob of {name[:9]}".encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if len(name) < 256:
        tree.add(name, data)
    assert not is_apaches_own(ask(server, "GET", path_of(digest, name)))


def test_the_longest_name(server, tree):
    name = "/".join(["x" * 63] * 4)   # 255 bytes
    digest = tree.add(name, b"deep")
    assert ask(server, "GET", path_of(digest, name)).body == b"deep"
    longer = name + "y"
    digest = tree.add(longer, b"too deep")
    assert not is_apaches_own(ask(server, "GET", path_of(digest, longer)))


def spoil(tree, digest, how):
    link, data = tree.link_path("half", digest), tree.data_path(digest)
    link.unlink() if "link" in how else data.unlink()
    if how == "empty link":
        link.touch()
    elif how == "another link":
        link.write_text(D256)
    elif how == "a link that is a directory":
        link.mkdir()
    elif how == "a link to nowhere":
        link.symlink_to("nowhere")
    elif how == "empty data":
        data.touch()


@pytest.mark.parametrize("how", ["no link", "empty link", "another link", "a link that is a directory", "a link to nowhere",
                                 "no data", "empty data"])
def test_a_program_answers_when_link_or_data_are_not_in_order(server, tree, how):
    digest = tree.add("half", f"{how} {server.way}".encode())
    assert is_apaches_own(ask(server, "GET", path_of(digest, "half")))
    spoil(tree, digest, how)
    assert ask(server, "GET", path_of(digest, "half")).program == "blob"


def test_the_empty_blob_is_a_programs(server, tree):
    assert ask(server, "GET", path_of(tree.add("a", b""), "a")).program == "blob"


def test_a_blob_replaced_is_not_served_from_a_cache(server, tree):
    digest = tree.add("fresh", f"damaged! {server.way}".encode())
    assert ask(server, "GET", path_of(digest, "fresh")).body.startswith(b"damaged!")
    new = tree.data_path(digest).with_suffix(".new")
    new.write_bytes(b"healed")
    new.rename(tree.data_path(digest))
    assert ask(server, "GET", path_of(digest, "fresh")).body == b"healed"


@pytest.mark.parametrize("way", WAYS)
def test_the_rule_can_be_switched_off(start, way, digest):
    with start(way, direct=False) as server:
        answer = ask(server, "GET", path_of(digest))
        assert answer.program == "blob"
        assert "BERTH_DIRECT" not in answer.params


def test_the_programs_are_told_of_the_rule(server):
    for path in ("/v2/", "/v2/a/manifests/x", "/v2/a/blobs/uploads/"):
        assert ask(server, "GET", path).params["BERTH_DIRECT"] == "1"


# --- Who may --------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_a_password_is_asked_for_before_anything_is_told(start, way, digest):
    with start(way, mode="htpasswd") as server:
        answers = [ask(server, "GET", path) for path in (
            path_of(digest), path_of(D256), path_of(digest, "other"), "/v2/", "/v2")]
        for answer in answers:
            answer.check_error(401, "UNAUTHORIZED")
            assert (answer.body, answer.headers.keys()) == (answers[0].body, answers[0].headers.keys())
        ask(server, "GET", path_of(digest), auth=(USER[0], "wrong")).check_error(401, "UNAUTHORIZED")
        assert ask(server, "GET", path_of(digest), auth=USER).body == BLOB


@pytest.mark.parametrize("way", WAYS)
def test_a_location_of_the_administrators_covers_blobs(start, way, tree, digest, echo):
    secret, hidden = tree.add("secret/app", b"secret"), tree.add("hidden/app", b"hidden")
    site = """
        <Location "/v2/secret/">
            Require all denied
        </Location>
        <Location "/v2/hidden/">
            Require all denied
            ErrorDocument 403 /denied.html
        </Location>
        <LocationMatch "^/v2/team/.*/blobs/">
            Require ip 127.0.0.1
        </LocationMatch>"""
    with start(way, site=site) as server:
        before = len(echo.requests())
        for name in ("secret/app", "secret/./app", "x/../secret/app", "%73ecret/app", "/secret/app"):
            answers = [ask(server, "GET", path_of(d, name)) for d in (secret, D256)]
            for answer in answers:
                answer.check_error(403, "DENIED")
            assert (answers[0].body, answers[0].headers.keys()) == (answers[1].body, answers[1].headers.keys())
        assert ask(server, "GET", path_of(hidden, "hidden/app")).status == 403
        assert len(echo.requests()) == before
        assert ask(server, "GET", path_of(digest)).body == BLOB


def test_nobody_else_gets_at_the_files(start, tree, digest):
    site = f"""
        Alias /tree "{tree.root}"
        <Directory "{tree.root}">
            Require all granted
        </Directory>"""
    with start(site=site) as server:
        data = str(tree.data_path(digest)).replace(str(tree.root), "/tree").replace(" ", "%20")
        for target in (data, f"{data}?{path_of(digest)}", data + path_of(digest)):
            assert ask(server, "GET", target).status in (403, 404)
        assert ask(server, "GET", path_of(digest)).body == BLOB


def test_where_nothing_may_go_to_the_programs_there_are_no_blobs_but_apaches_own(start, digest):
    with start(site="SetEnvIf Request_URI ^/v2/ no-proxy") as server:
        for path in (path_of(D256), path_of(digest, "other"), path_of(digest) + "?", "/v2/"):
            assert ask(server, "GET", path).status in (403, 404)
        assert ask(server, "GET", path_of(digest)).body == BLOB


# --- A virtual host that is a site already --------------------------------------

SITE = """
<VirtualHost @LISTEN@>
    ServerName localhost
    DocumentRoot "%(www)s"
    <Directory "%(www)s">
        Require all granted
    </Directory>
    RewriteEngine On
    RewriteRule ^/denied$ - [F]
    RewriteCond %%{REQUEST_URI} ^/v[23]
    RewriteRule ^ /index.html [L]
    SetEnvIf Request_URI ^/v3 no-proxy
    SetOutputFilter DEFLATE
    AddDefaultCharset utf-8
    SetHandler server-status
    <FilesMatch "^d">
        ForceType text/html
        Header set X-Dot yes
    </FilesMatch>
    FileETag All
    %(include)s
</VirtualHost>
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_registry_in_the_virtual_host_of_a_site(start, way, place, digest):
    (place / "www").mkdir(exist_ok=True)
    (place / "www/index.html").write_text("the site's own")
    with start(way, server=SITE % {"www": place / "www", "include": f"Include berth/{way}.conf"}) as server:
        answer = ask(server, "GET", path_of(digest), Accept_Encoding="gzip")
        assert (answer.status, answer.body) == (200, BLOB)
        for name, value in {"Content-Type": "application/octet-stream", "ETag": f'"{digest}"', "Content-Encoding": None,
                            "Last-Modified": None, "Content-Length": str(len(BLOB))}.items():
            assert answer[name] == value, name
        for path, program in (("/v2/", "version"), (path_of(D256), "blob"), ("/v2/a/manifests/x", "manifest")):
            assert ask(server, "GET", path).program == program


# --- Blobs a program hands over ---------------------------------------------------

@pytest.fixture(scope="module")
def handing_over(start):
    with start("proxy-xsendfile", direct=False) as server:
        yield server


def handed_over(digest, path):
    fields = {"X-Sendfile": path, "Docker-Content-Digest": digest, "ETag": f'"{digest}"',
              "Content-Type": "application/octet-stream"}
    return f"{path_of(digest)}?body=&" + "&".join(f"header={k}:{v}".replace(" ", "%20") for k, v in fields.items())


def test_the_programs_are_told_when_apache_sends_files(handing_over):
    assert ask(handing_over, "GET", path_of(D256)).params["BERTH_BLOB_TRANSFER"] == "x-sendfile"
    for fields in ({"Range": "bytes=0-5"}, {"If_None_Match": '"x"'}, {"Range": "bytes=0-5", "If_Range": '"x"'}):
        assert "BERTH_BLOB_TRANSFER" not in ask(handing_over, "GET", path_of(D256), **fields).params


def test_a_program_hands_over_a_blob(handing_over, tree, digest):
    target = handed_over(digest, tree.data_path(digest))
    answer = ask(handing_over, "GET", target, Accept_Encoding="gzip")
    assert (answer.status, answer.body) == (200, BLOB)
    for name, value in {"ETag": f'"{digest}"', "Docker-Content-Digest": digest, "Content-Length": str(len(BLOB)),
                        "Content-Type": "application/octet-stream", "Docker-Distribution-Api-Version": "registry/2.0"}.items():
        assert answer.fields(name) == [value], name
    assert answer["X-Sendfile"] is None


def test_only_blobs_are_handed_over(handing_over, tree, digest, place):
    (place / "passwords").write_text("s3cret")
    for path in (place / "passwords", tree.link_path(NAME, digest), tree.root / "docker/registry/v2/blobs/../passwords",
                 tree.data_path(D256)):
        answer = ask(handing_over, "GET", handed_over(digest, path))
        assert (answer.status, json.loads(answer.body)["errors"][0]["code"]) == (404, "UNKNOWN")


def test_where_a_file_is_shows_in_no_answer(handing_over, tree, digest):
    """Only the end point of blobs hands over files."""
    answer = ask(handing_over, "GET", f"/v2/a/manifests/x?body=&header=X-Sendfile:{tree.data_path(digest)}".replace(" ", "%20"))
    assert answer.body == b""
