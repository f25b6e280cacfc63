# SPDX-License-Identifier: MIT
"""Whose name a program is told, and that a policy's file ends what a web server answers by itself.

The programs are stand-ins that tell what they were asked.
"""

import base64
import http.client

import pytest

from include_cases import D256, UUID, ask
from include_fixtures import BLOB, NAME, digest, echo, place, tree  # noqa: F401
from include_apache import WAYS, programs  # noqa: F401
from webserver import CHECKOUT, USER, Apache, Lighttpd, Nginx, make_client_certificate, substitute

PATHS = ("/v2/", "/v2", "/v2/_catalog", "/v2/a/manifests/x", f"/v2/a/blobs/{D256}", f"/v2/a/blobs/uploads/{UUID}",
         "/v2/a/tags/list", f"/v2/a/referrers/{D256}")
#: What a client may send to be taken for somebody it is not.
CLAIMS = {"Remote-User": "eve", "REMOTE_USER": "eve", "Remote_User": "eve", "X-Remote-User": "eve", "Berth-User": "eve",
          "X-Forwarded-User": "eve", "Redirect-Remote-User": "eve", "Auth-Type": "Basic", "Berth-Checked": "eve"}


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.fixture(scope="module")
def nginx(tree, echo, place):
    def start(**kwargs):
        return Nginx(tree.root, place / "run dir", policy=place / "policy", **kwargs)
    return start


@pytest.fixture(scope="module")
def apache(tree, echo, place, programs):
    def start(way="proxy", **kwargs):
        return Apache(tree.root, place / "run dir", way=way, programs=programs, config="/etc/berth/test.conf",
                      policy=place / "policy", **kwargs)
    return start


@pytest.fixture(scope="module")
def lighttpd(tree, echo, place):
    def start(**kwargs):
        return Lighttpd(tree.root, place / "run dir", **kwargs)
    return start


@pytest.fixture
def policy(place):
    """The file, made for one test."""
    (place / "policy").write_text("")
    yield place / "policy"
    (place / "policy").unlink(missing_ok=True)


def name_of(answer):
    assert answer.status == 200, (answer.status, answer.body)
    assert not [name for name in answer.params if name.endswith("REMOTE_USER") and name != "REMOTE_USER"
                and not name.startswith("HTTP_")]
    return answer.params.get("REMOTE_USER", "")


def is_direct(answer):
    return answer["Content-Type"] == "application/octet-stream"


#: What is no name with its password.
CLAIMED = [basic("alice:x"), basic("eve:x"), basic("eve:"), basic(":x"), basic("::")]
MALFORMED = [basic("alice"), basic("\0"), *({"Authorization": value} for value in (
    "Basic", "Basic %%%", "Basic Og==x", "Basic x Og==", "xBasic Og==", "Basic Og==, Basic Og==", "Bearer alice", "Bearer Og==",
    "Digest username=eve", "eve"))]


# --- Tokens ---------------------------------------------------------------------

def check_token(server):
    """Of /token: who claims nothing is let in as nobody, any claim is checked."""
    for path in ("/token", "/token?service=x&scope=repository:a:pull"):
        for method, body in (("GET", None), ("POST", b"grant_type=password&username=eve&password=x")):
            for fields in ({}, basic(":"), {"Authorization": "basic Og=="}, {"Authorization": ""}, CLAIMS):
                answer = ask(server, method, path, body, **fields)
                assert (answer.program, name_of(answer), answer.params["REQUEST_URI"]) == ("token", "", path)
            assert name_of(ask(server, method, path, body, auth=USER, **CLAIMS)) == USER[0]
    for fields in CLAIMED:
        answer = ask(server, "GET", "/token", **fields)
        answer.check_error(401, "UNAUTHORIZED")
        assert answer["WWW-Authenticate"].startswith('Basic realm="registry"')
        assert ask(server, "POST", "/token", b"username=eve", **fields).status == 401
    for fields in MALFORMED:
        assert ask(server, "GET", "/token", **fields).status in (400, 401)
    for path in ("/token/jwks", "/token/jwks?x"):
        for fields in ({}, basic("eve:x"), basic("alice:s3cret pass"), {"Authorization": "Bearer x"}):
            answer = ask(server, "GET", path, **fields)
            assert (answer.program, name_of(answer)) == ("token", "")


def check_guarded_by_programs(server, digest):
    """Of /v2: the programs see what the client showed, and no name."""
    for path in (*PATHS, f"/v2/{NAME}/blobs/{digest}"):
        for fields in ({}, basic("alice:x"), basic("alice:s3cret pass"), {"Authorization": "Bearer x.y.z"}):
            answer = ask(server, "GET", path, **fields)
            assert name_of(answer) == ""
            assert answer.params.get("HTTP_AUTHORIZATION") == fields.get("Authorization")
            assert "BERTH_DIRECT" not in answer.params and answer.params["BERTH_BEARER"] == "1"


def check_beside_token(server):
    """Paths near to /token are not the program's."""
    for path in ("/token/", "/token/jwks/", "/tokens", "/token/x", "/Token", "/token.", "/v2/token", "/v2/../tokens"):
        answer = ask(server, "GET", path)
        assert answer.status == 404 or answer.program == "version", path
    # However the path is spelled, no name is handed over that was not asked for.
    for path in ("/%74oken", "//token", "/./token", "/x/../token", "/token/../token", "/v2/../token", "/token;x", "/token%00"):
        for auth in (None, ("eve", "x")):
            answer = ask(server, "GET", path, auth=auth)
            assert answer.status >= 400 or name_of(answer) == "", path


def check_body_of_a_form(server, echo):
    assert ask(server, "POST", "/token", b"x" * 60000).status == 200
    before = len(echo.requests())
    # By its length alone: who goes on sending might not hear the answer.
    answer = ask(server, "POST", "/token", b"x" * 100, Content_Length="70000")
    assert answer.status == 413 and b"SIZE_INVALID" in answer.body
    assert len(echo.requests()) == before


def test_nginx_asks_for_a_password_at_token_alone(nginx, echo, digest):
    with nginx(mode="bearer") as server:
        check_token(server)
        check_guarded_by_programs(server, digest)
        check_beside_token(server)
        check_body_of_a_form(server, echo)
        assert ask(server, "GET", "/").status == 200


def test_satisfy_any_around_the_server_gets_nobody_a_token_of_another(nginx):
    with nginx(mode="bearer", http="satisfy any; allow all;") as server:
        check_token(server)


def test_nginx_without_a_file_of_passwords_gets_nobody_a_token_of_another(nginx):
    server = """
        server {
            listen @LISTEN@;
            %s
            include berth/server.conf;
            include berth/token.conf;
        }"""
    for line in ("", 'set $berth_passwords /nonexistent;', 'auth_basic_user_file "/nonexistent";'):
        with nginx(server=server % line) as server_without:
            assert name_of(ask(server_without, "GET", "/token")) == ""
            assert ask(server_without, "GET", "/token", auth=("eve", "x")).status in (403, 500)
            assert name_of(ask(server_without, "GET", "/v2/", auth=("eve", "x"))) == ""


# --- nginx ----------------------------------------------------------------------

@pytest.mark.parametrize("path", PATHS)
def test_nginx_hands_over_the_name_it_has_asked_for(nginx, path):
    with nginx(mode="htpasswd", users={"bob": "b"}) as server:
        assert name_of(ask(server, "GET", path, auth=USER, **CLAIMS)) == USER[0]
        assert name_of(ask(server, "PUT", path, b"x", auth=("bob", "b"))) == "bob"
        assert name_of(ask(server, "PUT", path, iter([b"x"]), auth=("bob", "b"))) == "bob"
        ask(server, "GET", path, auth=("bob", "wrong")).check_error(401, "UNAUTHORIZED")


@pytest.mark.parametrize("path", PATHS)
def test_nginx_hands_over_no_name_it_has_not_asked_for(nginx, path):
    with nginx() as server:
        for fields in (basic("alice:x"), basic("alice"), basic(":"), {"Authorization": "Bearer alice"}, CLAIMS):
            assert name_of(ask(server, "GET", path, **fields)) == ""


def test_a_location_of_the_administrators_hands_over_a_name_only_if_it_says_so(nginx):
    site = """
        location /v2/public/ { auth_basic off; include berth/route.conf; }
        location /v2/either/ { satisfy any; allow all; include berth/route.conf; }
        location /v2/pull/ {
            auth_basic off;
            limit_except GET { auth_basic "registry"; }
            include berth/route.conf;
        }
        location /v2/team/ { include berth/route.conf; }
        location /v2/named/ { set $berth_user $remote_user; include berth/route.conf; }"""
    with nginx(mode="htpasswd", site=site) as server:
        for part in ("public", "either", "pull"):
            for auth in (None, ("eve", "x"), USER):
                assert name_of(ask(server, "GET", f"/v2/{part}/manifests/x", auth=auth)) == ""
        ask(server, "PUT", "/v2/pull/manifests/x", b"x", auth=("eve", "x")).check_error(401, "UNAUTHORIZED")
        for part, name in (("team", ""), ("named", USER[0])):
            ask(server, "GET", f"/v2/{part}/manifests/x", auth=("eve", "x")).check_error(401, "UNAUTHORIZED")
            assert name_of(ask(server, "GET", f"/v2/{part}/manifests/x", auth=USER)) == name
            assert name_of(ask(server, "PUT", f"/v2/{part}/blobs/uploads/{UUID}", b"x", auth=USER)) == name


def test_satisfy_any_around_the_server_hands_over_no_name_it_has_not_asked_for(nginx):
    with nginx(mode="htpasswd", http="satisfy any; allow all;") as server:
        ask(server, "GET", "/v2/", auth=("eve", "x")).check_error(401, "UNAUTHORIZED")
        assert name_of(ask(server, "GET", "/v2/", auth=USER)) == USER[0]


def test_nginx_answers_no_blob_by_itself_while_there_is_a_policy(nginx, digest, policy):
    path = f"/v2/{NAME}/blobs/{digest}"
    with nginx(site="location /v2/own/ { include berth/route.conf; }") as server:
        for target in (path, "/v2/", "/v2/own/manifests/x"):
            answer = ask(server, "GET", target)
            assert not is_direct(answer)
            assert "BERTH_DIRECT" not in answer.params
        policy.unlink()
        assert ask(server, "GET", path).body == BLOB
        assert ask(server, "GET", "/v2/").params["BERTH_DIRECT"] == "1"
        policy.mkdir()
        assert not is_direct(ask(server, "GET", path))
        policy.rmdir()
        assert is_direct(ask(server, "GET", path))
        policy.symlink_to(policy.parent / "moved")
        policy.with_name("moved").write_text("")
        assert not is_direct(ask(server, "GET", path))
        policy.with_name("moved").unlink()


# --- Apache ---------------------------------------------------------------------

@pytest.mark.parametrize("way", WAYS)
def test_apache_hands_over_the_name_it_has_asked_for(apache, way):
    with apache(way, mode="htpasswd", users={"bob": "b"}) as server:
        for path in PATHS:
            assert name_of(ask(server, "GET", path, auth=USER, **CLAIMS)) == USER[0]
            assert name_of(ask(server, "PUT", path, b"x", auth=("bob", "b"))) == "bob"
            ask(server, "GET", path, auth=("bob", "wrong")).check_error(401, "UNAUTHORIZED")


@pytest.mark.parametrize("way", WAYS)
def test_apache_hands_over_no_name_it_has_not_asked_for(apache, way):
    """However the administrator lets people in without asking."""
    site = """
        <Location "/v2/public/">
            Require all granted
        </Location>
        <Location "/v2/either/">
            Satisfy Any
            Allow from all
        </Location>
        <Location "/v2/local/">
            <RequireAny>
                Require local
                Require valid-user
            </RequireAny>
        </Location>
        <Location "/v2/pull/">
            <RequireAny>
                Require method GET HEAD
                Require valid-user
            </RequireAny>
        </Location>
        <Location "/v2/later/">
            <If "true">
                Require all granted
            </If>
        </Location>"""
    with apache(way) as server:
        for path in PATHS:
            for fields in (basic("alice:x"), basic("alice"), basic(":"), {"Authorization": "Bearer alice"}, CLAIMS):
                assert name_of(ask(server, "GET", path, **fields)) == ""
    with apache(way, mode="htpasswd", site=site) as server:
        for part in ("public", "either", "local", "pull", "later"):
            for path in (f"/v2/{part}/manifests/x", f"/v2/{part}/blobs/{D256}", f"/v2/{part}/blobs/uploads/{UUID}"):
                for auth in (None, ("eve", "x"), ("alice", "x")):
                    assert name_of(ask(server, "GET", path, auth=auth)) == ""
        ask(server, "PUT", "/v2/pull/manifests/x", b"x", auth=("eve", "x")).check_error(401, "UNAUTHORIZED")
        assert name_of(ask(server, "PUT", "/v2/pull/manifests/x", b"x", auth=USER)) == USER[0]


@pytest.mark.parametrize("way", WAYS)
def test_apache_answers_no_blob_by_itself_while_there_is_a_policy(apache, way, digest, policy):
    path = f"/v2/{NAME}/blobs/{digest}"
    with apache(way) as server:
        for target in (path, "/v2/", "/v2/a/manifests/x"):
            answer = ask(server, "GET", target)
            assert not is_direct(answer)
            assert "BERTH_DIRECT" not in answer.params
        policy.unlink()
        assert ask(server, "GET", path).body == BLOB
        assert ask(server, "GET", "/v2/").params["BERTH_DIRECT"] == "1"
        policy.mkdir()
        assert not is_direct(ask(server, "GET", path))
        policy.rmdir()


@pytest.mark.parametrize("way", WAYS)
def test_apache_asks_for_a_password_at_token_alone(apache, way, echo, digest):
    with apache(way, mode="bearer") as server:
        check_token(server)
        check_guarded_by_programs(server, digest)
        check_beside_token(server)
        check_body_of_a_form(server, echo)
        assert ask(server, "GET", "/").status == 200


@pytest.mark.parametrize("around", ["Satisfy Any\nAllow from all", "Require all granted", "AuthMerging Or\nRequire all granted"])
def test_what_a_site_grants_gets_nobody_a_token_of_another(apache, around):
    with apache(mode="bearer", http=f'<Location "/">\n{around}\n</Location>') as server:
        for auth in (("eve", "x"), ("alice", "x")):
            answer = ask(server, "GET", "/token", auth=auth)
            assert answer.status == 401 or name_of(answer) == ""


# --- lighttpd -------------------------------------------------------------------

def test_lighttpd_hands_over_the_name_it_has_asked_for(lighttpd):
    with lighttpd(mode="htpasswd", users={"bob": "b"}) as server:
        for path in PATHS:
            assert name_of(ask(server, "GET", path, auth=USER, **CLAIMS)) == USER[0]
            assert name_of(ask(server, "PUT", path, b"x", auth=("bob", "b"))) == "bob"
            ask(server, "GET", path, auth=("bob", "wrong")).check_error(401, "UNAUTHORIZED")


def test_lighttpd_hands_over_no_name_it_has_not_asked_for(lighttpd):
    site = """
        $HTTP["url"] =~ "^/v2/public/" { auth.require = () }
        $HTTP["url"] =~ "^/v2/pull/" {
            $HTTP["request-method"] =~ "^(?:GET|HEAD)$" { auth.require = () }
        }"""
    with lighttpd() as server:
        for path in PATHS:
            for fields in (basic("alice:x"), basic("alice"), basic(":"), {"Authorization": "Bearer alice"}, CLAIMS):
                assert name_of(ask(server, "GET", path, **fields)) == ""
    with lighttpd(mode="htpasswd", site=site) as server:
        for auth in (None, ("eve", "x"), ("alice", "x")):
            for part in ("public", "pull"):
                assert name_of(ask(server, "GET", f"/v2/{part}/manifests/x", auth=auth)) == ""
        ask(server, "PUT", "/v2/pull/manifests/x", b"x", auth=("eve", "x")).check_error(401, "UNAUTHORIZED")


def test_lighttpd_asks_for_a_password_at_token_alone(lighttpd, echo, digest):
    with lighttpd(mode="bearer") as server:
        check_token(server)
        check_guarded_by_programs(server, digest)
        check_beside_token(server)
        check_body_of_a_form(server, echo)
        assert ask(server, "GET", "/").status == 200


# --- Client certificates --------------------------------------------------------

#: (subject, the user on nginx, the user on Apache)
SUBJECTS = [("/CN=alice", "alice", "alice"), ("/O=team/CN=robot-ci", "robot-ci", "robot-ci"), ("/CN=carol smith", "carol smith", "carol smith"),
            # Apache takes any CN there is; nginx none that could be read in two ways.
            ("/O=x,CN=alice/CN=eve", "eve", "eve"), ("/CN=alice,O=x", "", "alice,O=x"), ("/O=x,CN=alice", "", ""),
            ("/O=CN=alice", "", ""), ("/O=CN=alice,", "", ""), ("/CN=eve/OU=CN=alice", "", "eve"), ("/O=team", "", "")]


@pytest.mark.parametrize("way", ["nginx", *WAYS])
def test_a_certificate_tells_the_name_of_its_owner(nginx, apache, way):
    with nginx(mode="certificates") if way == "nginx" else apache(way, mode="certificates") as server:
        for number, (subject, on_nginx, on_apache) in enumerate(SUBJECTS):
            certificate = make_client_certificate(server.directory, f"client{number}", subject)
            for path in PATHS:
                answer = ask(server, "GET", path, certificate=certificate, **CLAIMS, **basic("eve:x"))
                assert name_of(answer) == (on_nginx if way == "nginx" else on_apache), subject


@pytest.mark.parametrize("way", ["nginx", *WAYS])
def test_without_a_certificate_of_the_authority_nobody_gets_in(nginx, apache, way, digest):
    with nginx(mode="certificates") if way == "nginx" else apache(way, mode="certificates") as server:
        stranger = make_client_certificate(server.directory, "stranger", "/CN=alice", ca="another")
        for certificate in (None, stranger):
            for path in ("/v2/", f"/v2/{NAME}/blobs/{digest}"):
                try:
                    answer = ask(server, "GET", path, certificate=certificate)
                except (OSError, http.client.HTTPException):   # the handshake failed, as Apache has it
                    continue
                answer.check_error(403, "DENIED")


# --- PAM ------------------------------------------------------------------------

def test_the_example_with_pam(nginx):
    """But for TLS and PAM itself: what PAM says was tried by hand."""
    text = (CHECKOUT / "nginx/example-pam.conf").read_text()
    text = substitute(text, (r"^ *ssl_.*\n", ""), (r"^ *listen \[.*\n", ""), (r"listen 443 ssl", "listen @LISTEN@"),
                      (r"auth_pam_service_name .*;", "auth_basic_user_file /nonexistent;"), (r"auth_pam ", "auth_basic "),
                      (r"^ *auth_basic off;\n(?= *auth_basic off)", ""))
    with nginx(server=text) as server:
        for auth in (None, ("eve", "x")):
            assert ask(server, "GET", "/token", auth=auth).status == (403 if auth else 401)
            assert name_of(ask(server, "GET", "/token/jwks", auth=auth)) == ""
            assert name_of(ask(server, "GET", "/v2/", auth=auth)) == ""
