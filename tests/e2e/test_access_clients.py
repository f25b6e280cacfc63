# SPDX-License-Identifier: MIT
"""docker, podman, skopeo, buildah and ctr on a registry with a policy: with passwords, and with tokens made from them."""

import re
import secrets
import time
from dataclasses import dataclass

import pytest

from access.policy import Policy
from access.world import ADMIN, PASSWORDS
from harness import snapshot
from harness.access import Access
from harness.clients import run
from harness.images import docker_archive, oci_layout, pack, random_layers
from harness.registry import read_from
from harness.repository import Repository

NAMED = ("nginx-policy", "apache-proxy-policy")
BEARER = ("nginx-bearer", "apache-proxy-bearer", "apache-fcgid-bearer")
pytestmark = pytest.mark.kinds(*NAMED, *BEARER)
with_tokens = pytest.mark.kinds(*BEARER)

POLICY = Policy(groups={"team-a": ["pusher", "reader"]}, sections={
    "team-a/*": {"@team-a": "pull", "pusher": "pull, push, delete", ADMIN: "admin"},
    "team-b/*": {"other": "pull, push", ADMIN: "admin"},
    "open/*": {"$anonymous": "pull", "pusher": "pull, push", ADMIN: "admin"},
    "*": {ADMIN: "admin"}})
ACCESS = Access(users=tuple(PASSWORDS.items())[1:], policy=POLICY.text())
#: How clients say that somebody may not.
#: An answer to HEAD has no words; newer tools then tell the number.
REFUSED = re.compile(r"denied|unauthorized|authentication required|authorization failed|insufficient_scope|forbidden"
                     r"|StatusCode: 40[13]\b", re.I)


@pytest.fixture
def registry(kind, running, request):
    """One registry for all of these tests."""
    shared = running(kind, access=ACCESS)
    yield shared
    if request.node.failed:
        shared.print_logs()


def fresh(team):
    return f"{team}/{secrets.token_hex(4)}"


def login(client, registry, user, password=None, **kw):
    """docker's or podman's; `password`: another than his."""
    words = ["login", "-u", user, "-p", password or PASSWORDS[user]]
    if hasattr(client, "docker"):
        return client.docker(*words, registry.netloc, **kw)
    return run("podman", *client.storage, *words, *client.tls(), registry.netloc, env=client.environment, **kw)


@pytest.fixture
def docker(docker_daemon, registry):
    """A docker nobody has logged in, with no images of the test left behind."""
    yield docker_daemon
    docker_daemon.docker("logout", registry.netloc)
    images = docker_daemon.docker("images", "-aq").split()
    if images:
        docker_daemon.docker("rmi", "-f", *set(images))


def load(docker, tmp_path, name, layers=None):
    image = docker_archive(tmp_path / "image.tar", [name], layers)
    docker.docker("load", "-q", "-i", tmp_path / "image.tar")
    return image


@dataclass
class Line:
    """One line of a web server's access log."""

    user: str
    method: str
    target: str
    status: int


LINE = re.compile(r'\S+ \S+ (.*?) \[[^]]*\] "(\S+) (\S+) [^"]*" (\d+)')


class Logged:
    """What the web server logs inside a with block."""

    def __init__(self, registry):
        self.registry = registry

    def __enter__(self):
        self.registry.settle_log()
        self.at = self.registry.access_log.stat().st_size
        return self

    def __exit__(self, *_):
        self.registry.settle_log()
        found = [LINE.match(line) for line in read_from(self.registry.access_log, self.at).splitlines()]
        self.lines = [Line(m[1], m[2], m[3], int(m[4])) for m in found if m and "/v2/?mark=" not in m[3]]

    def tokens(self):
        return [line for line in self.lines if line.target.startswith("/token")]

    def passwords(self):
        """The requests a password was checked for, and good."""
        return [line for line in self.tokens() if line.user not in ("-", '""', "") and line.status == 200]


# --- Login, push, pull, logout ------------------------------------------------------------

def test_docker_pushes_and_pulls_as_its_user_may(docker, registry, tmp_path):
    name = f"{registry.netloc}/{fresh('team-a')}:v1"
    image = load(docker, tmp_path, name)
    login(docker, registry, "pusher", "wrong", fails=True)
    docker.docker("push", name, fails=True)
    login(docker, registry, "pusher")
    docker.docker("push", name)
    docker.docker("rmi", "-f", image)
    login(docker, registry, "reader")
    docker.docker("pull", name)
    docker.docker("rmi", "-f", image)
    login(docker, registry, "other")
    assert REFUSED.search(docker.docker("pull", name, fails=True))
    docker.docker("logout", registry.netloc)
    docker.docker("pull", name, fails=True)


def test_podman_and_buildah_push_and_pull_as_their_user_may(stranger, registry, tmp_path):
    name = f"{registry.netloc}/{fresh('team-a')}:v1"
    oci_layout(tmp_path / "in")
    stranger.podman("pull", f"oci:{tmp_path}/in:latest")
    image = stranger.podman("images", "-q").split()[0]
    said = login(stranger, registry, "pusher", "wrong", fails=True)
    assert "invalid username/password" in said or REFUSED.search(said), said
    assert REFUSED.search(stranger.podman("push", image, name, fails=True))
    login(stranger, registry, "pusher")
    stranger.podman("push", image, name)
    stranger.buildah("push", "-q", *stranger.tls(), image, f"docker://{name[:-3]}:v2")
    stranger.podman("rmi", "-f", image)
    login(stranger, registry, "reader")
    stranger.podman("pull", "-q", name)
    stranger.buildah("pull", "-q", *stranger.tls(), f"{name[:-3]}:v2")
    login(stranger, registry, "other")
    assert REFUSED.search(stranger.podman("pull", name, fails=True))
    stranger.podman("logout", registry.netloc)
    assert REFUSED.search(stranger.podman("pull", name, fails=True))


def test_skopeo_copies_lists_and_deletes_as_its_user_may(stranger, registry, tmp_path):
    name = fresh("team-a")
    there = f"docker://{registry.netloc}/{name}"
    oci_layout(tmp_path / "in")
    login(stranger, registry, "pusher")
    for tag in ("v1", "v2"):
        stranger.copy_in(f"oci:{tmp_path}/in:latest", f"{name}:{tag}")
    login(stranger, registry, "reader")
    assert '"v1"' in stranger.skopeo("list-tags", *stranger.tls(), there)
    stranger.skopeo("inspect", *stranger.tls(), there + ":v1")
    stranger.copy_out(f"{name}:v1", f"oci:{tmp_path}/out:latest")
    assert REFUSED.search(stranger.skopeo("delete", *stranger.tls(), there + ":v1", fails=True))
    assert Repository(registry.client, name).list_tags() == ["v1", "v2"]
    login(stranger, registry, "pusher")
    stranger.skopeo("delete", *stranger.tls(), there + ":v1")
    registry.client.get(f"/v2/{name}/manifests/v1").expect(404)


# --- Everybody pulls, some push -----------------------------------------------------------

@with_tokens
def test_everybody_pulls_with_docker_what_members_push(docker, registry, tmp_path):
    name = f"{registry.netloc}/{fresh('open')}:v1"
    image = load(docker, tmp_path, name)
    docker.docker("push", name, fails=True)
    login(docker, registry, "pusher")
    docker.docker("push", name)
    docker.docker("logout", registry.netloc)
    docker.docker("rmi", "-f", image)
    docker.docker("pull", name)
    docker.docker("push", name, fails=True)


@with_tokens
def test_everybody_pulls_with_podman_and_skopeo_what_members_push(stranger, registry, tmp_path):
    name = fresh("open")
    there = f"docker://{registry.netloc}/{name}:v1"
    oci_layout(tmp_path / "in")
    copy = ("copy", "-q", *stranger.tls("dest-"), f"oci:{tmp_path}/in:latest", there)
    assert REFUSED.search(stranger.skopeo(*copy, fails=True))
    login(stranger, registry, "pusher")
    stranger.skopeo(*copy)
    stranger.podman("logout", registry.netloc)
    stranger.podman("pull", "-q", f"{registry.netloc}/{name}:v1")
    stranger.skopeo("inspect", *stranger.tls(), there)
    stranger.copy_out(f"{name}:v1", f"oci:{tmp_path}/out:latest")
    assert REFUSED.search(stranger.skopeo(*copy, fails=True))


@with_tokens
def test_a_user_whom_a_repository_gives_nothing_of_his_own_pulls_what_everybody_may(stranger, registry, tmp_path):
    name = fresh("open")
    oci_layout(tmp_path / "in")
    login(stranger, registry, "pusher")
    stranger.copy_in(f"oci:{tmp_path}/in:latest", f"{name}:v1")
    login(stranger, registry, "guest")
    stranger.podman("pull", "-q", f"{registry.netloc}/{name}:v1")


# --- What a policy refuses ----------------------------------------------------------------

def test_a_push_that_docker_may_not_do_says_so_at_once_and_leaves_nothing(docker, registry, tmp_path):
    before, began = snapshot.take(registry.root), time.monotonic()
    login(docker, registry, "reader")
    for team in ("team-a", "team-b", "open"):
        name = f"{registry.netloc}/{fresh(team)}:v1"
        load(docker, tmp_path, name)
        said = docker.docker("push", name, fails=True)
        assert REFUSED.search(said) and "Retrying" not in said, said
    assert time.monotonic() - began < 40, "docker tries again for 50 seconds what may come to work"
    changes = snapshot.difference(before, snapshot.take(registry.root))
    assert not changes, "\n".join(changes)


def test_a_push_that_skopeo_and_podman_may_not_do_says_so_and_leaves_nothing(stranger, registry, tmp_path):
    oci_layout(tmp_path / "in")
    login(stranger, registry, "reader")
    before = snapshot.take(registry.root)
    stranger.podman("pull", "-q", f"oci:{tmp_path}/in:latest")
    image = stranger.podman("images", "-q").split()[0]
    for team in ("team-a", "team-b", "open"):
        name = f"{registry.netloc}/{fresh(team)}:v1"
        for said in (stranger.skopeo("copy", "-q", *stranger.tls("dest-"), f"oci:{tmp_path}/in:latest", f"docker://{name}",
                                     fails=True),
                     stranger.podman("push", image, name, fails=True)):
            assert REFUSED.search(said), said
    changes = snapshot.difference(before, snapshot.take(registry.root))
    assert not changes, "\n".join(changes)


# --- Mounts -------------------------------------------------------------------------------

def finished(lines):
    """The uploads of blobs that were finished."""
    return [line for line in lines if line.method == "PUT" and "/blobs/uploads/" in line.target and line.status == 201]


def mounted(lines):
    return [line for line in lines if line.method == "POST" and "mount=" in line.target and line.status == 201]


def test_docker_mounts_from_where_its_user_may_pull_and_sends_the_rest(docker, registry, tmp_path):
    source, elsewhere, readable = (f"{registry.netloc}/{fresh(team)}:v1" for team in ("team-a", "team-b", "open"))
    load(docker, tmp_path, source, random_layers(3))
    login(docker, registry, "pusher")
    docker.docker("push", source)
    login(docker, registry, "other")
    docker.docker("tag", source, elsewhere)
    with Logged(registry) as log:
        docker.docker("push", elsewhere)
    assert any("mount=" in line.target for line in log.lines) and not mounted(log.lines), log.lines
    assert len(finished(log.lines)) == 4, log.lines
    # It tries all it has been to.
    login(docker, registry, "pusher")
    docker.docker("tag", source, readable)
    with Logged(registry) as log:
        docker.docker("push", readable)
    assert len(mounted(log.lines)) == 3, log.lines
    assert len(finished(log.lines)) == 1, log.lines   # the configuration, which is no layer
    docker.docker("rmi", source, readable, elsewhere)
    docker.docker("pull", readable)


def test_skopeo_mounts_from_where_its_user_may_pull_and_sends_the_rest(stranger, registry, tmp_path):
    source, elsewhere, readable = fresh("team-a"), fresh("team-b"), fresh("open")
    oci_layout(tmp_path / "in")
    login(stranger, registry, "pusher")
    stranger.copy_in(f"oci:{tmp_path}/in:latest", f"{source}:v1")

    def copy(target, *options):
        with Logged(registry) as log:
            stranger.skopeo("copy", "-q", *stranger.tls("src-"), *stranger.tls("dest-"), *options,
                            f"docker://{registry.netloc}/{source}:v1", f"docker://{registry.netloc}/{target}:v1")
        return log.lines
    lines = copy(elsewhere, "--dest-creds", f"other:{PASSWORDS['other']}")
    assert not mounted(lines) and len(finished(lines)) >= 3, lines
    assert Repository(registry.client, elsewhere).list_tags() == ["v1"]
    lines = copy(readable)
    assert mounted(lines) and len(finished(lines)) <= 1, lines


# --- What a password costs ----------------------------------------------------------------

LAYERS = 20


def check_one_password(log):
    assert len(log.passwords()) == 1, log.tokens()
    assert all(line.user in ("-", '""', "") for line in log.lines if line.target.startswith("/v2/")), log.lines
    blobs = [line for line in log.lines if "/blobs/sha256:" in line.target and line.status == 200]
    assert len(blobs) == LAYERS + 1, log.lines


@with_tokens
def test_a_pull_of_twenty_layers_by_docker_checks_one_password(docker, registry, tmp_path):
    name = f"{registry.netloc}/{fresh('team-a')}:v1"
    image = load(docker, tmp_path, name, random_layers(LAYERS, 1000))
    login(docker, registry, "pusher")
    docker.docker("push", name)
    docker.docker("rmi", "-f", image)
    with Logged(registry) as log:
        docker.docker("pull", name)
    check_one_password(log)


@with_tokens
def test_a_pull_of_twenty_layers_by_podman_checks_one_password(stranger, registry, tmp_path):
    name = f"{registry.netloc}/{fresh('team-a')}:v1"
    oci_layout(tmp_path / "in", layers=random_layers(LAYERS, 1000))
    login(stranger, registry, "pusher")
    stranger.copy_in(f"oci:{tmp_path}/in:latest", name.partition("/")[2])
    with Logged(registry) as log:
        stranger.podman("pull", "-q", name)
    check_one_password(log)


@with_tokens
def test_the_web_server_asks_nobody_at_v2(registry):
    """A wrong password there is no password at all: the program says what it wants, and the server has no word in it."""
    for user in (("reader", PASSWORDS["reader"]), ("reader", "wrong"), ("nobody", "x")):
        client = registry.anonymous()
        client.user = user
        answer = client.get("/v2/").expect_error(401, "UNAUTHORIZED")
        assert answer.header("WWW-Authenticate").startswith("Bearer "), str(answer)


# --- containerd -----------------------------------------------------------------------------

def reach(registry, tmp_path):
    """The option by which ctr trusts the registry's certificate."""
    hosts = tmp_path / "hosts" / registry.netloc
    hosts.mkdir(parents=True)
    (hosts / "hosts.toml").write_text(f'server = "{registry.url}"\n[host."{registry.url}"]\n'
                                      f'capabilities = ["pull", "resolve", "push"]\nca = "{registry.ca}"\n')
    return ["--hosts-dir", hosts.parent]


def test_ctr_pushes_and_pulls_as_its_user_may(containerd, registry, tmp_path):
    how = reach(registry, tmp_path)
    name = f"{registry.netloc}/{fresh('team-a')}:v1"
    oci_layout(tmp_path / "in", name)
    containerd.ctr("images", "import", "--no-unpack", "--all-platforms", pack(tmp_path / "in", tmp_path / "in.tar"))

    def ask(verb, user, password=None, **kw):
        more = ["--snapshotter", "native"] if verb == "pull" else []
        more += ["--user", f"{user}:{password or PASSWORDS[user]}"]
        return containerd.ctr("images", verb, *more, *how, name, **kw)
    try:
        ask("push", "reader", fails=True)
        ask("push", "pusher", "wrong", fails=True)
        registry.client.get(f"/v2/{name.partition('/')[2].removesuffix(':v1')}/tags/list").expect(404)
        ask("push", "pusher")
        containerd.ctr("images", "rm", "--sync", name)
        ask("pull", "other", fails=True)
        with Logged(registry) as log:
            ask("pull", "reader")
        if registry.tokens:
            # It shows the password in a form at first, which is not where the web server looks.
            assert [(line.method, line.status) for line in log.tokens()][:2] == [("POST", 401), ("GET", 200)], log.tokens()
            # Twice, for what resolves the name and what fetches; not for each blob.
            assert len(log.passwords()) <= 2, log.tokens()
    finally:
        left = containerd.ctr("images", "ls", "-q").split()
        if left:
            containerd.ctr("images", "rm", "--sync", *left)


@with_tokens
def test_everybody_pulls_with_ctr_what_members_push(containerd, registry, tmp_path):
    how = reach(registry, tmp_path)
    name = f"{registry.netloc}/{fresh('open')}:v1"
    oci_layout(tmp_path / "in", name)
    containerd.ctr("images", "import", "--no-unpack", "--all-platforms", pack(tmp_path / "in", tmp_path / "in.tar"))
    try:
        containerd.ctr("images", "push", *how, name, fails=True)
        containerd.ctr("images", "push", *how, "--user", f"pusher:{PASSWORDS['pusher']}", name)
        containerd.ctr("images", "rm", "--sync", name)
        containerd.ctr("images", "pull", "--snapshotter", "native", *how, name)
    finally:
        left = containerd.ctr("images", "ls", "-q").split()
        if left:
            containerd.ctr("images", "rm", "--sync", *left)
