# SPDX-License-Identifier: MIT
"""Thousands of hostile requests (hostile.py), each with the name of somebody and no password of his: no program is ever told a
name. The programs are stand-ins that keep what they were told.
"""

import base64
import itertools
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import hostile
from fcgi_echo import Echo
from harness.raw import Connection, Malformed
from include_cases import Tree, ask
from webserver import USER, Apache, Lighttpd, Nginx
from webserver.server import write_password_file

SEED = int(os.environ.get("BERTH_HOSTILE_SEED", "20240917"))
CROWD = 16   # lighttpd answers a wrong password after a second

#: /token in spellings, right and wrong.
TOKENS = ["/token", "/token?", "/token?service=x&scope=repository:a:pull", "/token/", "//token", "/./token", "/x/../token",
          "/token/../token", "/v2/../token", "/v2/%2e%2e/token", "/v2/..%2ftoken", "/%74oken", "/token%3f", "/token%00", "/token%0a",
          "/token%20", "/token;x", "/token#x", "/TOKEN", "/token/jwks", "/token/jwks/..", "/token/jwks/../../token",
          "/token%2fjwks", "/tokens", "/token.", "/token/x", "/token?/token/jwks", "http://x/token", "http://x:1/token?y", "/v2/token",
          "/v2/token/", "/v2/a/manifests/..%2f..%2f..%2ftoken", "/v2/a/blobs/../../../token", "/token\\", "/\\token"]
METHODS = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "get"]


def basic(text):
    return "Authorization: Basic " + base64.b64encode(text.encode()).decode()


#: Fields that claim to be somebody without proof.
CLAIMS = [(basic(f"{USER[0]}:wrong"),), (basic(f"{USER[0]}:"),), (basic(USER[0]),), (basic(f"eve:{USER[1]}"),), (basic(":x"),), (basic(":"),),
          (f"Authorization: Bearer {USER[0]}",), (f'Authorization: Digest username="{USER[0]}"',), ("Authorization: Basic",),
          (basic(f"{USER[0]}:wrong"), basic(":")), (basic(":"), basic(f"{USER[0]}:wrong")), (basic(f"{USER[0]}:x").lower(),),
          (basic(f"{USER[0]}:wrong").replace("Basic ", "Basic  "),), (basic(":") + " " + basic(f"{USER[0]}:x").split()[-1],),
          (basic(f"{USER[0]}:wrong").replace(": ", ":\t"),), ("Authorization:", basic(f"{USER[0]}:x")),
          ("Proxy-" + basic(":".join(USER)),), ("X-" + basic(":".join(USER)),),
          *((f"{name}: {USER[0]}",) for name in hostile.USERS)]

NGINX = """
server {
    listen @LISTEN@;
    %s
    include berth/server.conf;
    include berth/token.conf;
    location / { return 404; }
}
"""
APACHE = """
<VirtualHost @LISTEN@>
    ServerName localhost
    %s
    <Location "/token">
        AuthType Basic
        AuthName registry
        AuthUserFile "%s"
    </Location>
    Include berth/proxy.conf
    Include berth/token.conf
    %s
</VirtualHost>
"""
LIGHTTPD = """
server.modules += ( "mod_auth", "mod_authn_file" )
server.document-root = "/nonexistent"
include "berth/modules.conf"
include "berth/berth.conf"
$HTTP["url"] =~ "^/(?:v2|token)(?:/|$)" {
    auth.backend = "htpasswd"
    auth.backend.htpasswd.userfile = "%s"
}
include "berth/token.conf"
%s
"""

#: Servers that ask at /token alone, and that ask at all of /v2 but for parts. %s is the file of passwords.
SERVERS = {
    "nginx-bearer": (Nginx, NGINX % 'set $berth_passwords "%s";'),
    "nginx-basic": (Nginx, NGINX % '''
    auth_basic "registry"; auth_basic_user_file "%s"; set $berth_passwords "%s";
    satisfy all; set $berth_checked $remote_user;
    location /v2/open/ { auth_basic off; include berth/route.conf; }
    location /v2/private/ { satisfy any; allow all; include berth/route.conf; }
    location /v2/team/ { limit_except GET { deny all; } auth_basic off; include berth/route.conf; }'''),
    "apache-bearer": (Apache, APACHE % ("", "%s", "")),
    "apache-basic": (Apache, APACHE % ('''
    <LocationMatch "^/v2(?:/|$)">
        AuthType Basic
        AuthName registry
        AuthUserFile "%s"
        Require valid-user
    </LocationMatch>''', "%s", '''
    <Location "/v2/open/">
        Require all granted
    </Location>
    <Location "/v2/private/">
        Satisfy Any
        Allow from all
    </Location>''')),
    "lighttpd-bearer": (Lighttpd, LIGHTTPD % ("%s", "")),
}


def requests():
    """Each with the next of the claims."""
    claims = itertools.cycle(CLAIMS)
    every = hostile.generate(SEED)
    tokens = [hostile.Hostile("a token", method, target.encode("latin-1"), (), b"a=b" if method == "POST" else None)
              for target in TOKENS for method in METHODS]
    rounds = [each for _ in range(6) for each in tokens]
    return [replace(each, fields=(*each.fields, *next(claims))) for each in (*every, *rounds)]


def send(port, requests):
    """One after the other, on a kept connection."""
    with Connection(port) as connection:
        for each in requests:
            try:
                connection.ask(each.data(), each.method == "HEAD")
            except (Malformed, OSError):
                connection.close()
            if each.unsure_end or each.method == "TRACE":
                connection.close()


@pytest.fixture
def directory():
    """One the web server can enter."""
    with tempfile.TemporaryDirectory(prefix="berth-") as directory:
        directory = Path(directory)
        directory.chmod(0o755)
        (directory / "run").mkdir(mode=0o755)
        yield directory


@pytest.mark.parametrize("name", SERVERS)
def test_no_program_is_told_a_name_without_its_password(name, directory):
    passwords = directory / "htpasswd"
    write_password_file(passwords, dict([USER]))
    make, text = SERVERS[name]
    text = text.replace("%s", str(passwords))
    with Echo(directory / "run") as echo, make(Tree(directory / "data").root, directory / "run", server=text) as server:
        every = requests()
        with ThreadPoolExecutor(CROWD) as pool:
            for done in [pool.submit(send, server.port, every[i::CROWD]) for i in range(CROWD)]:
                done.result()
        told = [params for params in echo.requests() if params.get("REMOTE_USER")]
        assert not told, f"seed {SEED}: {told[:3]}"
        assert len(echo.requests()) > 200   # a good part went through
        assert ask(server, "GET", "/token", auth=USER).params["REMOTE_USER"] == USER[0]
