# SPDX-License-Identifier: MIT
"""`berth check --web`: it finds nothing where all is well, and just what was broken where one thing was."""

import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.berth import ROUTES, Berth, build_dir, find_programs
from webserver import USER, Apache, Nginx, free_port, run, substitute

NAME, PASSWORD = USER


def environment(**changes):
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and not k.startswith("BERTH_")}
    return {**clean, **changes}


def check(url, *words, password=PASSWORD, **variables):
    """What it says, and how it ends."""
    if password is not None:
        variables["BERTH_PASSWORD"] = password
    argv = [find_programs(build_dir())["berth"], "check", "--web", url, *words]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment(**variables), timeout=240, text=True)


def check_server(server, *words, **variables):
    if server.ca and "--insecure" not in words:
        words += ("--ca", server.ca)
    if server.user:
        words += ("--user", server.user[0])
    return check(server.url, *words, **variables)


def results(done):
    """[(result, name of the check)]; what mends it stands in lines that begin with a blank."""
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    return [(line.split()[0], line[9:].partition(":")[0]) for line in lines]


def findings(done):
    return [(result, name) for result, name in results(done) if result in ("wrong", "warning")]


@contextlib.contextmanager
def running(**how):
    # Short, because a unix socket's path has at most 108 bytes.
    directory = Path(tempfile.mkdtemp(prefix="berth-"))
    try:
        with Berth(directory, **how) as berth:
            yield berth
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def berth():
    with running() as berth:
        yield berth


@pytest.fixture(scope="module")
def fcgid_berth():
    """Whose programs mod_fcgid starts."""
    with running(owner="www-data", start=False) as berth:
        yield berth


# --- Where all is well --------------------------------------------------------

@pytest.mark.kinds("nginx", "nginx-indirect", "nginx-tls", "nginx-htpasswd", "apache-proxy", "apache-indirect", "apache-fcgid",
                   "apache-fcgid-alone", "apache-cgi", "apache-htpasswd", "htaccess-cgi", "htaccess-fcgid", "nginx-policy",
                   "nginx-bearer", "apache-proxy-policy", "apache-proxy-bearer", "lighttpd-bearer", "htaccess-bearer")
def test_nothing_is_found_where_all_is_well(registry, kind):
    done = check_server(registry.front)
    assert findings(done) == ([("warning", "body limit")] if kind == "apache-fcgid-alone" else []), done.stdout
    assert done.returncode == 0
    assert len(results(done)) >= 10 and "skipped" not in done.stdout
    active = not kind.endswith(("-indirect", "-policy", "-bearer")) and not kind.startswith("htaccess-")
    assert ("direct rule: active" if active else "direct rule: not active") in done.stdout


@pytest.mark.kinds("nginx", "apache-fcgid-alone")
def test_the_longest_body_is_told(registry, kind):
    done = check_server(registry.front)
    assert ("from about 256 MB on" if kind == "apache-fcgid-alone" else "8 GB are not refused") in done.stdout


@pytest.mark.kinds("nginx")
def test_a_check_leaves_one_repository_without_content(own_registry):
    tree = own_registry.path()
    check_server(own_registry.front)
    after_one = {path for path in tree.rglob("*") if "locks" not in path.parts}
    assert own_registry.client.get("/v2/_catalog").json()["repositories"] in ([], ["berth-check"])
    assert list((tree / "repositories/berth-check/_uploads").iterdir()) == []
    assert [path for path in (tree / "repositories").rglob("*") if path.is_file()] == []
    check_server(own_registry.front)
    assert {path for path in tree.rglob("*") if "locks" not in path.parts} == after_one


@pytest.mark.kinds("nginx")
def test_a_longer_body_can_be_asked_for(registry):
    done = check_server(registry.front, "--body", "40M")
    assert "40960 KB arrived with Content-Length" in done.stdout, done.stdout


@pytest.mark.kinds("nginx-htpasswd")
def test_without_a_user_the_rest_is_skipped(registry):
    done = check(registry.url, "--ca", registry.ca)
    assert done.returncode == 0 and findings(done) == []
    assert ("ok", "password") in results(done) and ("skipped", "uploads") in results(done)


# --- Where one thing is broken -------------------------------------------------

@dataclass
class Defect:
    kind: type                                  # of web server
    found: list                                 # ["wrong lengths", ...]
    says: str
    edits: dict = field(default_factory=dict)   # {file: [(pattern, replacement)]}
    web: dict = field(default_factory=dict)     # arguments of the web server
    words: tuple = ()


LIMIT_EXCEPT = """
<Location "/v2/">
    <LimitExcept GET HEAD POST>
        Require all denied
    </LimitExcept>
</Location>"""
DEFLATE = '<Location "/v2/">\nSetOutputFilter DEFLATE\n</Location>'
ANY_PASSWORD = """<RequireAny>
Require expr "%{HTTP:Authorization} =~ /^Basic/"
Require valid-user
</RequireAny>"""
ANY_OF_ALICE = 'map $http_authorization $realm { default registry; "~^Basic YWxpY2U6" off; }'
OPEN_PART = "location ^~ /v2/berth-check/blobs/ { auth_basic off; include berth/route.conf; }"
ONE_MB = [("client_max_body_size 0;", "client_max_body_size 1m;")]

DEFECTS = {
    "apache: lengths lost": Defect(
        Apache, ["wrong lengths"], "apache: SetEnv ap_trust_cgilike_cl 1",
        {"berth/common.conf": [(r"^ *SetEnv ap_trust_cgilike_cl 1$", "")]}),
    "apache: length of nothing lost": Defect(
        Apache, ["wrong blobs"], 'apache: Header edit Content-Length "^0$"',
        {"berth/common.conf": [(r"^ *Header edit Content-Length .*$", "")]}),
    "apache: methods denied": Defect(
        Apache, ["wrong requests"], "apache: no <Limit>, <LimitExcept>", web={"site": LIMIT_EXCEPT}),
    # mod_fcgid passes on what is left of a body that was cut off.
    "fcgid: bodies cut off": Defect(
        Apache, ["warning body limit", "wrong uploads"], "arrive in part only",
        {"berth/programs.conf": [("LimitRequestBody 0", "LimitRequestBody 1048576")]}, {"way": "fcgid-alone"}),
    "fcgid: body limit": Defect(
        Apache, ["wrong body limit"], "apache: LimitRequestBody 0",
        {"berth/fcgid.conf": [("-gt 268435456", "-gt 1048576")]}, {"way": "fcgid-alone"}),
    "fcgid: spool limit": Defect(
        Apache, ["warning body limit", "wrong uploads"], "with mod_fcgid FcgidMaxRequestLen",
        {"berth/fcgid.conf": [("FcgidMaxRequestLen .*", "FcgidMaxRequestLen 131072")]}, {"way": "fcgid-alone"}),
    "apache: compression": Defect(
        Apache, ["wrong compression"], "apache: SetEnv no-gzip 1",
        {"berth/common.conf": [(r"^ *SetEnv no-.*$", "")]}, {"site": DEFLATE}),
    "apache: Location changed": Defect(
        Apache, ["wrong uploads"], "apache: no ProxyPassReverse",
        web={"site": 'Header edit Location "^" "http://192.0.2.1"'}),
    "apache: no ranges": Defect(
        Apache, ["wrong blobs"], "apache: no MaxRanges none",
        web={"site": '<Location "/v2/">\nRequestHeader unset Range\n</Location>'}),
    "apache: any password": Defect(
        Apache, ["wrong password"], "apache: Require valid-user",
        {"apache2.conf": [(r"^ *Require valid-user$", ANY_PASSWORD)]}, {"mode": "htpasswd"}),
    "apache: everybody pulls": Defect(
        Apache, ["warning password"], "everybody may pull; to push, one is asked for",
        {"apache2.conf": [(r"^ *Require valid-user$", "<LimitExcept GET HEAD>\nRequire valid-user\n</LimitExcept>")]},
        {"mode": "htpasswd"}),
    "apache: no programs": Defect(
        Apache, ["wrong registry"], "systemctl start berth.target",
        {"berth/settings.conf": [(r"^Define BERTH_SOCKETS .*", "Define BERTH_SOCKETS /nonexistent")]}),
    "apache: another site": Defect(
        Apache, ["wrong registry"], "apache: Include berth/proxy.conf",
        web={"server": "<VirtualHost @LISTEN@>\nServerName localhost\n</VirtualHost>"}),
    "nginx: body limit": Defect(
        Nginx, ["wrong body limit"], "nginx: client_max_body_size 0;",
        {"berth/route.conf": ONE_MB, "berth/server.conf": ONE_MB}),
    "nginx: compression": Defect(
        Nginx, ["wrong compression"], "nginx: gzip off;",
        {"berth/program.conf": [("gzip off;", "gzip on; gzip_types *; gzip_min_length 1;")]}),
    "nginx: methods denied": Defect(
        Nginx, ["wrong requests"], "nginx: no limit_except",
        {"berth/server.conf": [(r"^location \^~ /v2/ \{", "location ^~ /v2/ {\nlimit_except GET { deny all; }")]}),
    "nginx: a part without a password": Defect(
        Nginx, ["wrong password"], "none is asked for: GET blob, DELETE blob, POST upload, PATCH upload, PUT upload, DELETE upload",
        web={"mode": "htpasswd", "site": OPEN_PART}),
    "nginx: any password of a user": Defect(
        Nginx, ["wrong user"], "is let in with any password",
        {"nginx.conf": [('auth_basic +"registry";', "auth_basic $realm;")]}, {"mode": "htpasswd", "http": ANY_OF_ALICE}),
    "nginx: password file missing": Defect(
        Nginx, ["wrong user"], "nginx: auth_basic_user_file",
        {"nginx.conf": [("auth_basic_user_file .*;", "auth_basic_user_file /nonexistent;")]}, {"mode": "htpasswd"}),
    "nginx: no programs": Defect(
        Nginx, ["wrong registry"], "nginx: $berth_sockets in berth/settings.conf",
        {"berth/settings.conf": [("berth_sockets .*", 'berth_sockets { default "/nonexistent"; }')]}),
    "nginx: another site": Defect(
        Nginx, ["wrong registry"], "nginx: include berth/server.conf;",
        web={"server": 'server { listen @LISTEN@; location / { return 200 "<html>"; } }'}),
    "nginx: nobody let in": Defect(
        Nginx, ["wrong registry"], "nginx: no `deny`", web={"site": "deny all;"}),
    "nginx: a redirect": Defect(
        Nginx, ["wrong registry"], "/v2/ leads elsewhere (301): https://registry.example.com/v2/",
        web={"server": "server { listen @LISTEN@; return 301 https://registry.example.com$request_uri; }"}),
    "nginx: a CA nobody knows": Defect(
        Nginx, ["warning server"], "its certificate was not looked at", web={"mode": "tls"}, words=("--insecure",)),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_what_is_broken_is_named_and_nothing_else(berth, fcgid_berth, name):
    defect = DEFECTS[name]
    web = dict(defect.web)
    if "way" in web:
        berth = fcgid_berth
        web |= {"programs": berth.programs, "config": berth.config}
    with started(defect.kind(berth.root, berth.sockets, **web), defect.edits) as server:
        done = check_server(server, *defect.words)
    assert [" ".join(finding) for finding in findings(done)] == defect.found, done.stdout
    assert defect.says in done.stdout, done.stdout
    assert done.returncode == any(finding.startswith("wrong") for finding in defect.found)


@contextlib.contextmanager
def started(server, edits):
    """The web server with its files changed before it reads them."""
    write = server.write_configuration

    def write_and_change():
        argv = write()
        for path, pairs in edits.items():
            file = server.directory / path
            file.write_text(substitute(file.read_text(), *pairs))
        return argv
    server.write_configuration = write_and_change
    with server:
        yield server


def test_one_program_that_is_missing_is_named(berth):
    sockets = berth.directory / "some"
    sockets.mkdir()
    for route in ROUTES:
        if route != "manifest":
            (sockets / f"{route}.sock").symlink_to(berth.socket(route))
    with Nginx(berth.root, sockets) as server:
        done = check_server(server)
    assert ("wrong", "requests") in findings(done)
    assert "PUT manifest (502 UNAVAILABLE)" in done.stdout and "GET blob" not in done.stdout
    assert "systemctl start berth.target" in done.stdout


@pytest.mark.kinds("nginx")
@pytest.mark.settings(readonly="yes")
def test_a_read_only_registry_is_told_as_such(registry):
    done = check_server(registry.front)
    assert findings(done) == [("warning", "uploads")], done.stdout
    assert "the registry is read-only" in done.stdout


@pytest.mark.kinds("nginx")
@pytest.mark.settings(delete="no")
def test_deletion_that_is_switched_off_is_no_fault_of_the_web_server(registry):
    done = check_server(registry.front)
    assert findings(done) == [] and "which refuses some, as berth.conf says" in done.stdout, done.stdout


# --- Where the server cannot be reached ------------------------------------------

@pytest.mark.kinds("nginx-tls")
def test_a_certificate_that_is_not_known_ends_it(registry):
    done = check(registry.url)
    assert findings(done) == [("wrong", "server")] and ("skipped", "blobs") in results(done), done.stdout
    assert "its CA is unknown here" in done.stdout and "--ca" in done.stdout


@pytest.mark.kinds("nginx-tls")
def test_a_certificate_for_another_name_ends_it(registry):
    port = registry.netloc.rpartition(":")[2]
    done = check(f"https://other.localhost:{port}", "--ca", registry.ca)
    assert findings(done) == [("wrong", "server")], done.stdout
    assert "for another name" in done.stdout


def test_an_expired_certificate_ends_it(berth):
    with Nginx(berth.root, berth.sockets, mode="tls") as server:
        expire(server.directory)
        server.stop()
        server.start(["nginx", "-e", server.error_log, "-p", server.directory, "-c", server.directory / "nginx.conf"])
        done = check_server(server)
    assert findings(done) == [("wrong", "server")], done.stdout
    assert "has expired" in done.stdout


def expire(directory):
    """Sign the server's certificate again, for days that are over."""
    (directory / "index.txt").write_text("")
    (directory / "ca.cnf").write_text(f"""\
[ca]
default_ca = x
[x]
database = {directory}/index.txt
new_certs_dir = {directory}
serial = {directory}/serial
default_md = sha256
policy = any
[any]
commonName = supplied
""")
    (directory / "serial").write_text("01\n")
    run("openssl", "ca", "-batch", "-config", directory / "ca.cnf", "-cert", directory / "middle.pem", "-keyfile",
        directory / "middle.key", "-in", directory / "server.csr", "-extfile", directory / "server.ext", "-startdate",
        "20200101000000Z", "-enddate", "20200201000000Z", "-notext", "-out", directory / "old.pem")
    (directory / "fullchain.pem").write_text((directory / "old.pem").read_text() + (directory / "middle.pem").read_text())


@pytest.mark.kinds("nginx-tls")
def test_plain_http_on_a_port_with_tls_is_told(registry):
    done = check(registry.url.replace("https://", "http://"))
    assert findings(done) == [("wrong", "registry")] and "ask https://" in done.stdout, done.stdout


@pytest.mark.kinds("nginx")
def test_tls_on_a_port_without_is_told(registry):
    done = check(registry.url.replace("http://", "https://"))
    assert findings(done) == [("wrong", "server")] and "does not speak TLS" in done.stdout, done.stdout


@pytest.mark.kinds("nginx")
def test_plain_http_from_elsewhere_is_wrong_and_an_open_registry_is_warned_of(registry):
    done = check("http://registry.test", http_proxy=registry.url)
    assert findings(done) == [("wrong", "server"), ("warning", "password")], done.stdout
    assert "example-tls.conf" in done.stdout and "pull, push and delete" in done.stdout


@pytest.mark.parametrize("address, says", [("http://127.0.0.1:{port}", "nobody listens there"),
                                           ("https://registry.invalid", "the name of the host is not known")])
def test_an_address_where_nobody_is_ends_it(address, says):
    done = check(address.format(port=free_port()))
    assert findings(done) == [("wrong", "server")] and says in done.stdout, done.stdout
    assert done.returncode == 1


# --- Servers that mean no good ---------------------------------------------------

@contextlib.contextmanager
def saying(*pieces, forever=b""):
    """A server that answers everything with these bytes; then the last, again and again, as long as it is read."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    for piece in pieces:
                        connection.sendall(piece)
                    while forever:
                        connection.sendall(forever)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)
        assert not thread.is_alive()


def test_control_bytes_do_not_reach_the_terminal():
    with saying(b"HTTP/1.1 302 \x1b[2J\r\nServer: a\x1b]0;x\x07\r\nLocation: \x9b31m\r\nContent-Length: 0\r\n\r\n") as url:
        done = check(url)
    assert all(c == "\n" or " " <= c <= "~" for c in done.stdout), done.stdout
    assert r"a\x1b]0;x\x07 answers" in done.stdout and r"\x9b31m" in done.stdout


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"],
                         ids=["noise", "header", "body", "continue"])
def test_answers_without_end_end_it(start):
    with saying(start, forever=b"X-Y: z\r\n" * 1000) as url:
        done = check(url)
    assert done.returncode == 1 and findings(done)[0][0] == "wrong", done.stdout


def test_a_server_that_never_answers_ends_it():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = check(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert findings(done) == [("wrong", "server")] and "does not answer in time" in done.stdout, done.stdout


# --- The password, and curl ----------------------------------------------------------

@pytest.fixture
def spied(tmp_path):
    """A directory whose curl writes down how it was called, and what lies in /tmp meanwhile."""
    (tmp_path / "curl").write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$@"; env; ls /tmp; }} >>"{tmp_path}/seen"\n'
                                   f'exec {shutil.which("curl")} "$@"\n')
    (tmp_path / "curl").chmod(0o755)
    return tmp_path


@pytest.mark.kinds("nginx-htpasswd")
def test_no_password_shows_in_a_list_of_processes(registry, spied):
    done = check_server(registry.front, PATH=f"{spied}:{os.environ['PATH']}")
    assert ("ok", "user") in results(done), done.stdout
    seen = (spied / "seen").read_text()
    assert "-K" in seen and PASSWORD not in seen and PASSWORD.split()[1] not in seen.split()


@pytest.mark.kinds("nginx-htpasswd")
def test_it_has_no_file_that_would_stay_if_it_were_killed(registry, spied):
    before = set(os.listdir("/tmp"))
    done = check_server(registry.front, PATH=f"{spied}:{os.environ['PATH']}")
    assert ("ok", "uploads") in results(done), done.stdout
    seen = set((spied / "seen").read_text().splitlines())
    assert not [name for name in seen - before if name.startswith("berth-check")]


@pytest.mark.kinds("nginx-htpasswd")
def test_where_files_may_not_be_long_it_says_so(registry):
    argv = ["prlimit", "--fsize=1048576", find_programs(build_dir())["berth"], "check", "--web", registry.url,
            "--ca", registry.ca, "--user", NAME]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(BERTH_PASSWORD=PASSWORD), timeout=240)
    assert done.returncode == 1 and "bytes in /tmp: File too large" in done.stderr, done


@pytest.mark.kinds("nginx-htpasswd")
def test_a_password_comes_from_standard_input(registry):
    argv = [find_programs(build_dir())["berth"], "check", "--web", registry.url, "--ca", registry.ca, "--user", NAME]
    for text, result in ((PASSWORD + "\n", "ok"), ("wrong\n", "wrong")):
        done = subprocess.run(argv, input=text, capture_output=True, text=True, env=environment(), timeout=240)
        assert (result, "user") in results(done), done.stdout
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment(), timeout=240)
    assert done.returncode == 1 and "BERTH_PASSWORD" in done.stderr and done.stdout == ""


@pytest.mark.kinds("nginx-htpasswd")
def test_a_typed_password_is_not_seen(registry):
    argv = [find_programs(build_dir())["berth"], "check", "--web", registry.url, "--ca", registry.ca, "--user", NAME]
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(argv, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, env=environment())
        shown = b""
        while b"Password of alice: " not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, PASSWORD.encode() + b"\n")
        out, _ = child.communicate(timeout=240)
        os.write(theirs, b"end")
        while b"end" not in shown:
            shown += os.read(ours, 1024)
    finally:
        os.close(ours)
        os.close(theirs)
    assert b"ok       user" in out, out
    assert PASSWORD.encode() not in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_goes_away_at_the_prompt_keeps_an_echo(number):
    argv = [find_programs(build_dir())["berth"], "check", "--web", "http://127.0.0.1:1", "--user", NAME]
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment())
        shown = b""
        while b"Password of alice: " not in shown:
            shown += os.read(ours, 1024)
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        child.send_signal(signal.SIGTSTP)
        child.send_signal(number)
        assert child.wait(timeout=240) == -number
        assert termios.tcgetattr(theirs)[3] & termios.ECHO
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("how", [{"input": "x" * 1024 + "\n"}, {"stdin": subprocess.DEVNULL, "BERTH_PASSWORD": "x" * 1024}])
def test_a_password_that_is_too_long_is_not_cut(how):
    argv = [find_programs(build_dir())["berth"], "check", "--web", "http://127.0.0.1:1", "--user", NAME]
    given = {key: how.pop(key) for key in list(how) if key.isupper()}
    done = subprocess.run(argv, capture_output=True, text=True, env=environment(**given), timeout=240, **how)
    assert done.returncode == 1 and "too long" in done.stderr and done.stdout == ""


def test_without_curl_it_says_what_is_missing(tmp_path):
    done = check("http://127.0.0.1:1", PATH=str(tmp_path))
    assert done.returncode == 1 and "apt-get install curl" in done.stdout, done.stdout


@pytest.mark.parametrize("words", [[], ["ftp://x/"], ["http://a@b/"], ["https://x/y"], ["http://x", "--ca", "f", "--insecure"],
                                   ["http://x", "--user", "a:b"], ["http://x", "--body", "0"], ["http://x", "-c", "f"]])
def test_words_that_make_no_sense_are_refused(words):
    argv = [find_programs(build_dir())["berth"], "check", "--web", *words]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and "usage:" in done.stderr
