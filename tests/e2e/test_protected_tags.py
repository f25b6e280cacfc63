# SPDX-License-Identifier: MIT
"""Protected tags as clients meet them, and what `berth prune` deletes of a registry that runs."""

import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import content, snapshot
from harness.clientfixtures import temporary
from harness.clients import Containers
from harness.content import OCI_MANIFEST, digest_of
from harness.images import docker_archive, oci_layout
from harness.repository import Repository

pytestmark = pytest.mark.kinds("nginx", "nginx-htpasswd", "apache-proxy", "apache-fcgid")

NAME = "e2e/protected"
RULES = "[e2e/*]\nprotect = v*\n"
DETAIL = "the tag v1 is protected: it stays as it is"


def write_rules(registry, text):
    """As a whole and at once; they count with the next request."""
    path = registry.directory / "rules"
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o644)
    new.rename(path)
    registry.reconfigure(rules=path)


@pytest.fixture
def ruled(own_registry):
    write_rules(own_registry, RULES)
    return own_registry


@pytest.fixture
def own(ruled):
    """A repository with an image under the tag v1, and under others."""
    repository = Repository(ruled.client, NAME)
    repository.image = repository.push_image("v1")
    repository.put_manifest(repository.image, "latest")
    return repository


@pytest.fixture
def tools(ruled):
    directory = temporary()
    tools = Containers(directory, ruled)
    if ruled.user:
        tools.login(ruled.user)
    yield tools
    tools.stop()
    shutil.rmtree(directory, ignore_errors=True)


def manifests_of(registry):
    """What the repository names: clients have sent their layers before they are refused."""
    return {path: what for path, what in snapshot.take(registry.root).items() if "/_manifests/" in path}


def is_push(line):
    return line.startswith("PUT") and "/manifests/" in line


def prepare(repository):
    """Another image whose parts are there, not pushed yet."""
    layer = content.layer_bytes(300)
    config = content.config_bytes([layer])
    repository.push_blobs(config, layer)
    return content.encode(content.image_manifest(config, [layer]))


# --- clients ---

def expect_refused(registry, action):
    """The client says why and does not try again, and nothing is named otherwise than before."""
    before = manifests_of(registry)
    with registry.requests() as seen:
        said = action()
    assert DETAIL in said or "denied" in said.lower(), said
    assert len([line for line in seen if is_push(line)]) == 1, seen
    assert snapshot.difference(before, manifests_of(registry)) == []


def test_docker_is_told_that_a_tag_is_protected(docker_daemon, ruled, own, tmp_path):
    name = f"{ruled.netloc}/{NAME}"
    if ruled.user:
        docker_daemon.login(ruled.netloc, ruled.user)
    docker_archive(tmp_path / "image.tar", [f"{name}:v1", f"{name}:v2", f"{name}:new"])
    docker_daemon.docker("load", "-q", "-i", tmp_path / "image.tar")
    try:
        started = time.monotonic()
        expect_refused(ruled, lambda: docker_daemon.docker("push", f"{name}:v1", fails=True))
        # Of an error it tries again on it would say so 50 seconds later.
        assert time.monotonic() - started < 40
        docker_daemon.docker("push", f"{name}:v2")
        docker_daemon.docker("push", f"{name}:v2")
        docker_daemon.docker("push", f"{name}:new")
    finally:
        docker_daemon.docker("rmi", "-f", f"{name}:v1", f"{name}:v2", f"{name}:new")
    assert own.list_tags() == ["latest", "new", "v1", "v2"]


def test_skopeo_is_told_that_a_tag_is_protected(tools, ruled, own, tmp_path):
    oci_layout(tmp_path / "in")
    source, target = f"oci:{tmp_path}/in:latest", f"docker://{ruled.netloc}/{NAME}"
    expect_refused(ruled, lambda: tools.skopeo("copy", "-q", *tools.tls("dest-"), source, f"{target}:v1", fails=True))
    tools.skopeo("copy", "-q", *tools.tls("dest-"), source, f"{target}:v2")
    tools.skopeo("copy", "-q", *tools.tls("dest-"), source, f"{target}:v2")
    before = manifests_of(ruled)
    said = tools.skopeo("delete", *tools.tls(), f"{target}:v1", fails=True)
    assert "protected" in said or "403" in said or "denied" in said.lower(), said
    assert snapshot.difference(before, manifests_of(ruled)) == []


def test_podman_is_told_that_a_tag_is_protected(tools, ruled, own, tmp_path):
    docker_archive(tmp_path / "image.tar", ["localhost/image:new"])
    tools.podman("load", "-q", "-i", tmp_path / "image.tar")
    target = f"docker://{ruled.netloc}/{NAME}"
    expect_refused(ruled, lambda: tools.podman("push", "localhost/image:new", f"{target}:v1", fails=True))
    tools.podman("push", "localhost/image:new", f"{target}:v2")
    tools.podman("push", "localhost/image:new", f"{target}:latest")


# --- every way ---

def test_no_way_leads_around_it(ruled, own):
    other, client = prepare(own), own.client
    document = json.loads(own.image)
    parts = [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]
    before = snapshot.take(ruled.root)
    ways = [("PUT", own.manifest("v1"), other),
            ("PUT", own.manifest(digest_of(other)) + "?tag=v1", other),
            ("PUT", own.manifest(digest_of(other)) + "?tag=fresh&tag=v1", other),
            ("DELETE", own.manifest("v1"), None),
            ("DELETE", own.manifest(digest_of(own.image)), None),
            *(("DELETE", own.blob(part), None) for part in parts)]
    for method, path, body in ways:
        answer = client.request(method, path, body, [("Content-Type", OCI_MANIFEST)] if body else [])
        answer.expect_error(403, "DENIED")
        assert answer.json()["errors"][0]["detail"] == DETAIL, str(answer)
        assert snapshot.difference(before, snapshot.take(ruled.root)) == [], path
    own.put_manifest(own.image, "v1")
    own.check_manifest(own.image, "v1", OCI_MANIFEST)
    own.put_manifest(other, "latest")
    client.delete(own.manifest("latest")).expect(202)
    client.delete(own.manifest(digest_of(other))).expect(202)


def test_of_many_who_make_a_tag_one_wins(ruled):
    repository = Repository(ruled.client, NAME)
    images = [prepare(repository) for _ in range(6)]

    def push(job):
        tag, image = job
        return Repository(ruled.client_of(ruled.user), NAME).client.put(repository.manifest(tag), image,
                                                                        type=OCI_MANIFEST)
    with ThreadPoolExecutor(len(images)) as pool:
        for number in range(10):
            answers = list(pool.map(push, [(f"v{number}", image) for image in images]))
            made = [image for image, answer in zip(images, answers) if answer.status == 201]
            assert len(made) == 1, [str(a) for a in answers]
            assert all(a.status == 403 for a in answers if a.status != 201), [str(a) for a in answers]
            repository.check_manifest(made[0], f"v{number}", OCI_MANIFEST)


def test_what_is_no_rules_any_more_leaves_the_last_ones(ruled, own):
    other = prepare(own)
    own.client.put(own.manifest("v1"), other, type=OCI_MANIFEST).expect_error(403, "DENIED")
    write_rules(ruled, "[e2e/*\n")
    answer = own.client.put(own.manifest("v1"), other, type=OCI_MANIFEST)
    # A program that was started by a web server since then has never seen a good file.
    assert answer.status in ((403, 503) if ruled.kind == "apache-fcgid" else (403,)), str(answer)
    own.resolve("v1")
    write_rules(ruled, "")
    own.put_manifest(other, "v1")


# --- berth prune ---

def prune(registry, *words, status=0):
    command = [registry.berth.programs / "berth", "prune", "-c", registry.berth.config, *words]
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def make_old(registry, days, *parts):
    path = registry.path("repositories", NAME, "_manifests", *parts)
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def test_prune_deletes_of_a_live_registry_what_no_rule_keeps(ruled, own):
    images = {tag: own.push_image(tag) for tag in ("b1", "b2", "b3")}
    stray = own.push_image()
    for tag, days in (("v1", 90), ("latest", 90), ("b1", 50), ("b2", 40)):
        make_old(ruled, days, "tags", tag, "current/link")
    for image in (own.image, images["b1"], images["b2"], stray):
        make_old(ruled, 90, "revisions/sha256", digest_of(image)[7:], "link")
    write_rules(ruled, RULES + "keep_last = 1\nkeep_newer = 30d\nuntagged = 7d\n")
    before = snapshot.take(ruled.root)
    said = prune(ruled, "--dry-run")
    assert "to delete: tags: 3, manifests: 3; kept tags: 2\n" in said, said
    assert snapshot.difference(before, snapshot.take(ruled.root)) == []
    said = prune(ruled, "--yes")
    assert "deleted: tags: 3, manifests: 3; kept tags: 2\n" in said, said
    assert own.list_tags() == ["b3", "v1"]
    own.check_manifest(own.image, "v1", OCI_MANIFEST)
    own.check_manifest(images["b3"], "b3", OCI_MANIFEST)
    for image in (images["b1"], images["b2"], stray):
        own.client.get(own.manifest(digest_of(image))).expect_error(404, "MANIFEST_UNKNOWN")
    # What went comes back as ever.
    own.put_manifest(images["b1"], "b1")
    own.check_manifest(images["b1"], "b1", OCI_MANIFEST)


def test_prune_takes_nothing_that_is_pushed_meanwhile(ruled, own):
    """Tags that are old, and pushed again and again while prunes run: each push that was acknowledged is there."""
    images = [prepare(own) for _ in range(2)]
    write_rules(ruled, RULES + "keep_newer = 30d\nuntagged = 1s\n")
    for number in range(30):
        tag = f"t{number % 3}"
        own.put_manifest(images[number % 2], tag)
        make_old(ruled, 60, "tags", tag, "current/link")
        with ThreadPoolExecutor(3) as pool:
            prunes = [pool.submit(prune, ruled, "--yes") for _ in range(2)]
            pool.submit(own.put_manifest, images[number % 2], tag).result()
            for done in prunes:
                done.result()
        own.check_manifest(images[number % 2], tag, OCI_MANIFEST)
