# SPDX-License-Identifier: MIT
"""The bundle for shared hosting, as its instructions say: programs that need nothing of the machine, a setup that leaves a
site alone, and a registry under nothing but .htaccess.
"""

import os
import socket
import stat
import struct
import subprocess
import tarfile
import tempfile

import pytest

import webserver
from harness import workers
from harness.berth import ROUTES
from harness.client import Client
from harness.access import Access, basic, token_settings
from harness.content import OCI_MANIFEST, config_bytes, digest_of, encode, image_manifest, layer_bytes
from harness.hosted import GROUP, OWNER, HostedBerth, find_bundle
from harness.registry import Registry
from harness.repository import Repository

PT_INTERP = 3
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bundle")
    with tarfile.open(find_bundle()) as tar:
        assert all(member.isreg() or member.isdir() for member in tar), "suEXEC refuses links"
        subprocess.run(["tar", "-xf", find_bundle(), "-C", directory], check=True)
    return directory / "berth"


@pytest.fixture
def hosted():
    """A home with the bundle set up in it, and no web server."""
    with tempfile.TemporaryDirectory(prefix="berth-") as directory:
        with HostedBerth(directory, users=dict([webserver.USER])) as berth:
            yield berth


def segments(program):
    """The types of a program's segments (64-bit ELF, of this machine)."""
    data = program.read_bytes()
    start, size, count = struct.unpack_from("Q", data, 32)[0], *struct.unpack_from("HH", data, 54)
    return [struct.unpack_from("I", data, start + i * size)[0] for i in range(count)]


@pytest.mark.parametrize("name", (*ROUTES, "berth"))
def test_a_program_wants_no_shared_library(unpacked, name):
    assert PT_INTERP not in segments(unpacked / "bin" / name)
    ldd = subprocess.run(["ldd", unpacked / "bin" / name], capture_output=True, text=True)
    assert "not a dynamic executable" in ldd.stdout + ldd.stderr


def in_chroot(unpacked, tmp_path, name, *arguments, **environment):
    """Run a program where there is no file beside it but an empty data directory."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "program").write_bytes((unpacked / "bin" / name).read_bytes())
    (tmp_path / "program").chmod(0o755)
    return subprocess.run(["/program", *arguments], env={"BERTH_ROOT": "/data", **environment}, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, preexec_fn=lambda: (os.chroot(tmp_path), os.chdir("/")))


@as_root
@pytest.mark.parametrize("name, target, status", [
    ("version", "/v2/", 200), ("catalog", "/v2/_catalog", 200), ("tags", "/v2/a/tags/list", 404),
    ("referrers", f"/v2/a/referrers/sha256:{64 * 'a'}", 200), ("manifest", "/v2/a/manifests/1", 404),
    ("blob", f"/v2/a/blobs/sha256:{64 * 'a'}", 404)])
def test_a_program_answers_in_an_empty_chroot(unpacked, tmp_path, name, target, status):
    done = in_chroot(unpacked, tmp_path, name, REQUEST_METHOD="GET", REQUEST_URI=target, SERVER_PROTOCOL="HTTP/1.1",
                     GATEWAY_INTERFACE="CGI/1.1")
    assert done.stdout.startswith(f"Status: {status} "), done


@as_root
def test_an_upload_begins_and_is_looked_at_in_an_empty_chroot(unpacked, tmp_path):
    done = in_chroot(unpacked, tmp_path, "upload", REQUEST_METHOD="POST", REQUEST_URI="/v2/a/blobs/uploads/",
                     SERVER_PROTOCOL="HTTP/1.1", GATEWAY_INTERFACE="CGI/1.1", CONTENT_LENGTH="0")
    assert done.stdout.startswith("Status: 202 "), done
    assert len(list(tmp_path.glob("data/docker/registry/v2/repositories/a/_uploads/*"))) == 1
    done = in_chroot(unpacked, tmp_path, "berth", "purge", "--deep")
    assert done.returncode == 0 and done.stdout.startswith("removed: uploads: 0,"), done


@as_root
def test_berth_knows_the_users_of_a_machine_without_the_modules_of_its_libc(unpacked, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("carol:x:4321:4322::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("users:x:4322:\n")
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", 4321, 4322)
    (tmp_path / "data").chmod(0o770)
    done = in_chroot(unpacked, tmp_path, "berth", "configtest")
    assert "user carol, group users" in done.stdout, done


def test_scripts_have_the_owner_and_the_modes_that_suexec_wants(hosted):
    v2 = hosted.document_root / "v2"
    home = hosted.home.stat()
    for path in (v2, *v2.glob("_*")):
        mode = path.lstat()
        assert not stat.S_ISLNK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o755
        assert (mode.st_uid, mode.st_gid) == (home.st_uid, home.st_gid)
    assert {path.name for path in v2.iterdir()} == {".htaccess", *(f"_{route}.cgi" for route in ROUTES if route != "token")}


def tree_of(directory):
    return {str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None for path in directory.rglob("*")}


def test_setup_run_again_changes_nothing_and_the_other_way_is_undone(hosted):
    once = tree_of(hosted.document_root)
    hosted.set_up()
    assert tree_of(hosted.document_root) == once
    hosted.set_up("--fastcgi")
    assert len(list((hosted.document_root / "v2").glob("_*.fcgi"))) == len(ROUTES) - 1   # token is asked seldom
    hosted.set_up()
    assert tree_of(hosted.document_root) == once


def test_remove_leaves_what_was_there_before_and_the_images(hosted):
    hosted.as_owner("touch", "berth/data/image")
    hosted.set_up("--remove")
    assert [path.name for path in hosted.document_root.iterdir()] == ["index.html"]
    assert (hosted.root / "image").exists() and hosted.config.exists()


def test_setup_keeps_settings_and_passwords(hosted):
    before = hosted.config.read_bytes(), (hosted.home / "berth/htpasswd").read_bytes()
    hosted.unpack()
    hosted.set_up()
    assert (hosted.config.read_bytes(), (hosted.home / "berth/htpasswd").read_bytes()) == before


def test_a_new_version_leaves_a_link_to_the_images_where_it_is(hosted):
    """tar puts a directory in the place of a link of its name."""
    hosted.as_owner("mv", "berth/data", "images")
    hosted.as_owner("ln", "-s", "../images", "berth/data")
    hosted.unpack()
    hosted.set_up()
    assert hosted.root.is_symlink() and hosted.root.is_dir()


def test_setup_touches_no_directory_v2_of_somebody_else(hosted):
    hosted.set_up("--remove")
    hosted.as_owner("mkdir", hosted.document_root / "v2")
    for options in ((), ("--remove",)):
        with pytest.raises(RuntimeError, match="is in the way|nothing of this script"):
            hosted.set_up(*options)
    assert list((hosted.document_root / "v2").iterdir()) == []


@pytest.mark.parametrize("by_link", [False, True], ids=["plain", "by a link"])
def test_setup_refuses_to_keep_images_in_the_document_root(hosted, by_link):
    hosted.document_root = hosted.home
    if by_link:
        hosted.document_root = hosted.directory / "www"
        hosted.document_root.symlink_to(hosted.home)
    with pytest.raises(RuntimeError, match="lies in the document root"):
        hosted.set_up()
    assert not (hosted.home / "v2").exists()


@pytest.fixture(scope="module")
def shared():
    """As the instructions leave it: a password, TLS of the host."""
    with Registry("htaccess-htpasswd") as registry:
        yield registry


def test_who_knows_the_password_pushes_and_pulls(shared):
    repository = Repository(shared.client, "team/app")
    content = layer_bytes(200_000)
    digest = repository.push_blob(content)
    assert shared.client.get(repository.blob(digest)).expect(200).body == content
    assert shared.client.head(repository.blob(digest)).header("Content-Length") == str(len(content))
    empty = repository.push_blob(b"")
    assert shared.client.head(repository.blob(empty)).expect(200).header("Content-Length") == "0"


@pytest.mark.parametrize("user", [None, ("alice", "wrong"), ("mallory", "s3cret pass")])
def test_nobody_else_comes_in(shared, user):
    client = Client(shared.url, user, shared.ca)
    for path in ("/v2/", "/v2/_catalog", "/v2/team/app/manifests/1", "/v2/_version.cgi"):
        client.get(path).expect_error(401, "UNAUTHORIZED")
    client.post("/v2/team/app/blobs/uploads/").expect_error(401, "UNAUTHORIZED")


@pytest.mark.parametrize("path", ["/v2/_version.cgi", "/v2/_manifest.cgi", "/v2/_upload.cgi/x", "/v2/.htaccess",
                                  "/v2/../berth/htpasswd", "/berth/htpasswd", "/berth/data/docker"])
def test_no_script_setting_or_password_is_a_document(shared, path):
    answer = shared.client.get(path)
    assert answer.status in (400, 403, 404) and b"BERTH_CONFIG" not in answer.body and b"$2y$" not in answer.body


def test_the_site_beside_it_stays_as_it_was(shared):
    answer = shared.anonymous().get("/")
    assert (answer.status, answer.body) == (200, b"a site\n")
    assert answer.header("Docker-Distribution-Api-Version") is None


def test_a_site_that_takes_every_address_for_itself_does_not_take_those_of_the_registry():
    """As content management systems do it."""
    with Registry("htaccess-cgi") as registry:
        (registry.berth.document_root / ".htaccess").write_text(
            "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /index.html [L]\n"
            "ErrorDocument 404 /index.html\n")
        assert registry.client.get("/some/page").body == b"a site\n"
        registry.client.get("/v2/team/none/manifests/1").expect_error(404, "MANIFEST_UNKNOWN")
        Repository(registry.client, "team/app").push_blob(b"content")


@pytest.mark.parametrize("rules", [
    # Who satisfies any of host and password comes in; that is inherited.
    "Satisfy Any\nRequire all granted\n",
    # What Apache merges later than the directories: the first is for the scripts and for repositories called alike.
    '<FilesMatch "\\.(?:cgi|css)$">\nRequire all granted\n</FilesMatch>\n',
    '<If "true">\nSatisfy Any\nRequire all granted\n</If>\n'], ids=["satisfy", "files", "if"])
def test_a_site_that_lets_everybody_in_does_not_open_the_registry(shared, rules):
    site = shared.berth.document_root / ".htaccess"
    site.write_text(rules)
    try:
        for path in ("/v2/", "/v2/site.css/app/tags/list", "/v2/site.cgi/app/tags/list", "/v2/_version.cgi"):
            shared.anonymous().get(path).expect_error(401, "UNAUTHORIZED")
        shared.anonymous().post("/v2/site.cgi/app/blobs/uploads/").expect_error(401, "UNAUTHORIZED")
        shared.client.get("/v2/").expect(200)
    finally:
        site.unlink()


def test_a_body_longer_than_apache_takes_by_itself_is_asked_for():
    """1 GiB is what Apache admits unless it is told otherwise."""
    with Registry("htaccess-cgi") as registry:
        location = registry.client.post("/v2/team/long/blobs/uploads/").expect(202).header("Location")
        with socket.create_connection(("127.0.0.1", registry.front.port), timeout=30) as connection:
            connection.sendall(f"PUT {location}?digest=sha256:{64 * 'a'} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                               f"Content-Length: {5 << 30}\r\n\r\n".encode())
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")


def test_mod_fcgid_is_given_nothing_that_it_would_spool_or_refuse():
    """Its longest body is 128 KB by default, which .htaccess cannot raise."""
    with Registry("htaccess-fcgid") as registry:
        repository = Repository(registry.client, "team/app")
        layer = layer_bytes(300_000)
        config = config_bytes([layer])
        manifest = encode(image_manifest(config, [layer], annotations={"long": 200_000 * "x"}))
        repository.push_blobs(config, layer)
        repository.put_manifest(manifest, "1", OCI_MANIFEST)
        assert registry.client.get(repository.manifest("1")).expect(200).body == manifest
        assert registry.client.get(repository.blob(digest_of(layer))).expect(200).body == layer
        # What answered them waits for more; what received them is gone.
        assert {"manifest", "blob"} <= set(workers.find(registry).values())
        assert "upload" not in workers.find(registry).values()


@pytest.mark.parametrize("allowed, options", [
    ("FileInfo AuthConfig Options=ExecCGI", "SymLinksIfOwnerMatch"), ("FileInfo AuthConfig", "SymLinksIfOwnerMatch ExecCGI"),
    ("All", "FollowSymLinks")])
def test_as_little_as_a_host_may_allow_is_enough(allowed, options):
    setup = ["--no-options"] if "ExecCGI" in options else []
    with Registry("htaccess-cgi") as registry:
        if setup:
            registry.berth.set_up(*setup)
            registry.berth.write_password(*webserver.USER)
        with webserver.Hosting(registry.root, registry.berth.home, (OWNER, GROUP), allowed=allowed, options=options,
                               directory=registry.directory / "other") as host:
            Client(host.url, webserver.USER if setup else None).get("/v2/_catalog").expect(200)


def test_a_host_without_mod_headers_serves_pushes_and_pulls():
    with Registry("htaccess-cgi") as registry:
        with webserver.Hosting(registry.root, registry.berth.home, (OWNER, GROUP), without=["headers"],
                               directory=registry.directory / "other") as host:
            client = Client(host.url)
            repository = Repository(client, "team/app")
            digest = repository.push_blob(b"content")
            assert client.get(repository.blob(digest)).expect(200).body == b"content"
            client.get("/v2/team/none/manifests/1").expect_error(404, "MANIFEST_UNKNOWN")


# --- Who asks -------------------------------------------------------------------

SAY_WHO = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n%s' "$REMOTE_USER;$REQUEST_URI;$HTTP_AUTHORIZATION"
"""


def say_who(berth, *names):
    """Put in the place of a script one that says whom the web server has let in, and where it was asked."""
    for name in names:
        script = berth.document_root / f"v2/_{name}.cgi"
        text = script.read_text()
        script.write_text(text[:text.index("exec")] + SAY_WHO.partition("\n")[2])


def told(client, path, authorization=None):
    fields = [("Authorization", authorization)] if authorization else []
    return client.get(path, headers=fields).expect(200).body.decode().split(";")


def test_a_program_is_told_whose_password_was_right():
    with Registry("htaccess-htpasswd", access=Access(users=(("bob", "b"),))) as registry:
        say_who(registry.berth, "version")
        for user in (webserver.USER, ("bob", "b")):
            assert told(registry.anonymous(), "/v2/", basic(user))[0] == user[0]
        for user in (("bob", "wrong"), ("eve", "b")):
            registry.anonymous().get("/v2/", headers=[("Authorization", basic(user))]).expect_error(401, "UNAUTHORIZED")
        registry.anonymous().get("/v2/", headers=[("Remote-User", "bob")]).expect_error(401, "UNAUTHORIZED")


@pytest.mark.parametrize("options", [[], ["--fastcgi"]])
def test_with_tokens_a_password_is_asked_for_where_they_are_given(options):
    with Registry("htaccess-htpasswd") as registry:
        tokens = token_settings(registry.berth.home, registry.url, "/v2/_token")
        registry.reconfigure(**tokens)
        registry.berth.make_token_keys()
        registry.berth.set_up(*options)
        say_who(registry.berth, "token", "version")
        nobody, right = registry.anonymous(), basic(webserver.USER)
        for path, seen in (("/v2/_token", "/token?"), ("/v2/_token?service=a&scope=b", "/token?service=a&scope=b")):
            assert told(nobody, path)[:2] == ["", seen]
            assert told(nobody, path, basic(("", "")))[:2] == ["", seen]
            assert told(nobody, path, right)[:2] == [webserver.USER[0], seen]
            for wrong in (basic(("alice", "x")), basic(("eve", "x")), basic(("", "x")), "Bearer alice", "Basic"):
                answer = nobody.get(path, headers=[("Authorization", wrong)]).expect_error(401, "UNAUTHORIZED")
                assert answer.header("WWW-Authenticate") == 'Basic realm="registry"'
        for authorization in (None, right, basic(("eve", "x"))):
            assert told(nobody, "/v2/_token/jwks", authorization)[:2] == ["", "/token/jwks?"]
        # A program guards the rest, and sees what the client shows; the scripts cannot be asked under their names.
        for path in ("/v2/_catalog/", "/v2/_token.cgi", "/v2/_token/", "/v2/x/_token", "/v2//x", "/v2/_version.cgi"):
            for authorization in () if options else ("Bearer x", basic(("eve", "x"))):
                answer = nobody.get(path, headers=[("Authorization", authorization)])
                assert answer.status == 401 or answer.body.decode().split(";") == ["", path, authorization], path
        for key in tokens:
            del registry.berth.settings[key]
        registry.reconfigure()
        # Until the setup is run again nobody is asked for a password here.
        nobody.get("/v2/_catalog").expect_error(503, "UNAVAILABLE")
        nobody.post("/v2/a/blobs/uploads/").expect_error(503, "UNAVAILABLE")
        # Nor where suEXEC leaves hardly a variable.
        said = registry.berth.as_owner("env", "-i", "REQUEST_METHOD=GET", "REQUEST_URI=/v2/_catalog", "SERVER_PROTOCOL=HTTP/1.1",
                                       registry.berth.document_root / "v2/_catalog.cgi")
        assert said.startswith("Status: 503 ")
        registry.berth.set_up(*options)
        assert not (registry.berth.document_root / "v2/_token.cgi").exists()
        nobody.get("/v2/").expect_error(401, "UNAUTHORIZED")
