# SPDX-License-Identifier: MIT
"""Quotas and the floor of free space: sixteen pushers at once never pass a quota, whoever is killed meanwhile; a refusal
reaches every client as one, before the body where its length is known; what is deleted makes room; and where little room
is left pushes alone are refused.
"""

import contextlib
import json
import os
import random
import signal
import threading
from pathlib import Path

import pytest

from harness import workers
from harness.client import with_query
from harness.content import OCI_MANIFEST, OCTETS, digest_of, encode, random_bytes
from harness.images import docker_archive, random_layers
from harness.process import wait_for
from harness.registry import Registry
from harness.repository import Repository
from harness.storage import BLOCK, Storage
from test_disk_full import Scene, begin_sessions, delete_everything, go_on, refused, try_to_push

MIB = 1 << 20
PIECE = MIB // 4   # the most a program writes at once
PUSHERS = 16
everywhere = pytest.mark.kinds("nginx", "nginx-buffered", "apache-proxy", "apache-fcgid",
                               pytest.param("lighttpd", marks=pytest.mark.slow))


@pytest.fixture
def limited(kind, request):
    """A registry of the test's own, in which all of team/ have ten MiB together."""
    with Registry(kind) as registry:
        yield Limited(registry, "[*]\nquota = 500M\n[team/*]\nquota = 10M\n", 10 * MIB)
        if request.node.failed:
            registry.print_logs()


class Limited:
    def __init__(self, registry, rules, quota):
        self.registry, self.client, self.quota = registry, registry.client, quota
        self.write_rules(rules)
        registry.reconfigure(rules=registry.directory / "rules")

    def write_rules(self, text):
        new = self.registry.directory / "rules.new"
        new.write_text(text)
        new.chmod(0o644)
        new.rename(self.registry.directory / "rules")

    def repository(self, name):
        return Repository(self.client, name)

    def used(self):
        """Bytes of all that team/ has, out of the tree: each file once, as an upload becomes a blob by its new name."""
        files = {}
        for data in self.find("_uploads", "data"):
            note(files, data)
        for link in self.find("_layers", "link") + self.find("revisions", "link"):
            with contextlib.suppress(OSError):
                algorithm, hex = link.read_text().split(":")
                note(files, self.registry.path("blobs", algorithm, hex[:2], hex, "data"))
        return sum(files.values())

    def find(self, below, name):
        """All files of this name below such a directory of team/, while others come and go."""
        return [Path(top, name) for top, _, files in os.walk(self.registry.path("repositories/team"))
                if name in files and below in top.split("/")]

    def counted(self, *words):
        """What the administrator's command says of it."""
        lines = map(json.loads, self.registry.berth.command("quota", "--json", *words).splitlines())
        return next(line["used"] for line in lines if line["section"] == "team/*")


def note(files, path):
    with contextlib.suppress(OSError):
        st = path.stat()
        files[st.st_ino] = st.st_size


def denied(answer):
    """A refusal that says what it is about."""
    answer.expect_error(403, "DENIED")
    error = answer.json()["errors"][0]
    assert error["message"] == "the quota of the repository is used up", str(answer)
    assert error["detail"].startswith("the quota of team/* is 10485760 bytes, of which "), str(answer)
    return answer


def pieces(data, size=100_000):
    return (data[i:i + size] for i in range(0, len(data), size))


@everywhere
class TestRefusal:
    def test_what_does_not_fit_is_refused_however_it_comes(self, limited):
        r, c, data = limited.repository("team/app"), limited.client, random_bytes(12 * MIB)
        begun = c.patch(r.start_upload().location, data[:MIB], type=OCTETS).expect(202).location
        digest = digest_of(data)
        for _ in range(2):
            denied(c.patch(begun, data[MIB:], type=OCTETS))
            denied(c.put(with_query(begun, digest=digest), data[MIB:], type=OCTETS))
            denied(c.post(r.uploads + f"?digest={digest}", data, type=OCTETS))
            denied(c.patch(begun, pieces(data[MIB:]), type=OCTETS))
            denied(c.put(with_query(begun, digest=digest), pieces(data[MIB:]), type=OCTETS))
            assert c.get(begun).expect(204).header("Range") == f"0-{MIB - 1}"
            assert limited.used() == MIB
        # What fits goes on where it was.
        rest = data[MIB:10 * MIB]
        c.put(with_query(begun, digest=digest_of(data[:10 * MIB])), pieces(rest), type=OCTETS).expect(201)
        assert limited.used() == 10 * MIB
        denied(c.post(r.uploads))
        r.check_blob(data[:10 * MIB])

    def test_others_go_on_when_one_quota_is_used_up(self, limited):
        r, c = limited.repository("team/app"), limited.client
        r.push_blob(random_bytes(10 * MIB - 5000))
        image = r.push_image("v1", layers=1)
        digest = r.push_blob(random_bytes(limited.quota - limited.used()))
        denied(c.post(limited.repository("team/new").uploads))
        changed = encode({**json.loads(image), "annotations": {"a": "b"}})
        denied(c.put(r.manifest("v2"), changed, type=OCI_MANIFEST))
        # Nothing new: another tag, a mount from a neighbour, all pulls.
        r.put_manifest(image, "v3")
        c.post(limited.repository("team/new").uploads + f"?mount={digest}&from=team/app").expect(201)
        assert r.list_tags() == ["v1", "v3"]
        other = limited.repository("other/app")
        other.check_manifest(other.push_image("v1"), "v1", OCI_MANIFEST)
        foreign = other.push_blob(random_bytes(100))
        denied(c.post(r.uploads + f"?mount={foreign}&from=other/app"))

    def test_what_is_deleted_makes_room(self, limited):
        r, c = limited.repository("team/app"), limited.client
        data = random_bytes(10 * MIB)
        digest = r.push_blob(data)
        denied(c.post(r.uploads))
        c.delete(r.blob(digest)).expect(202)
        r.push_blob(data)
        c.delete(r.blob(digest)).expect(202)
        upload = c.patch(r.start_upload().location, data, type=OCTETS).expect(202).location
        denied(c.post(r.uploads))
        c.delete(upload).expect(204)
        r.push_blob(data)

    def test_a_new_limit_counts_at_once(self, limited):
        r = limited.repository("team/app")
        r.push_blob(random_bytes(10 * MIB))
        denied(limited.client.post(r.uploads))
        limited.write_rules("[*]\nquota = 500M\n[team/*]\nquota = 11M\n")
        r.push_blob(random_bytes(MIB))
        limited.client.post(r.uploads).expect_error(403, "DENIED")
        limited.write_rules("[*]\nquota = 500M\n[team/*]\nquota = none\n")
        r.push_blob(random_bytes(MIB))


class Crowd:
    """Sixteen pushers, half of which do not say how much they send, and one who looks at the tree meanwhile."""

    def __init__(self, limited, rounds, largest):
        self.limited, self.rounds, self.largest = limited, rounds, largest
        self.statuses, self.done = [], threading.Event()
        self.most = self.most_at_once = self.looks = 0

    def push(self, number):
        chance = random.Random(number)
        r, c = self.limited.repository(f"team/p{number}"), self.limited.client
        for _ in range(self.rounds):
            data = random_bytes(chance.randrange(1, self.largest))
            # Those who are killed in the middle of a request answer nothing.
            with contextlib.suppress(OSError, ValueError, AssertionError):
                self.statuses.append(self.push_one(c, r, data, number, chance))

    @staticmethod
    def push_one(c, r, data, number, chance):
        digest = digest_of(data)
        if number % 4 == 1:
            return c.post(r.uploads + f"?digest={digest}", data, type=OCTETS).status
        begun = c.post(r.uploads)
        if begun.status != 202:
            return begun.status
        location = begun.location
        if number % 2 == 0:
            half = chance.randrange(len(data))
            part = c.patch(location, pieces(data[:half], 50_000), type=OCTETS)
            if part.status != 202:
                return part.status
            return c.put(with_query(part.location, digest=digest), pieces(data[half:], 50_000), type=OCTETS).status
        return c.put(with_query(location, digest=digest), data, type=OCTETS).status

    def watch(self):
        """Who looks at the tree file by file sees some of it before, and some after what happens meanwhile; so every other
        time all stand still."""
        while not self.done.is_set():
            self.most = max(self.most, self.limited.used())
            with self.standstill() as is_still:
                if is_still:
                    self.most_at_once = max(self.most_at_once, self.limited.used())
                    self.looks += 1

    def workers(self):
        """Those that receive uploads."""
        found = {pid: parent_of(pid) for pid, name in workers.find(self.limited.registry).items() if name == "upload"}
        return [pid for pid, parent in found.items() if parent in found] or list(found)

    @contextlib.contextmanager
    def standstill(self):
        """True when no worker does anything: none has begun or ended meanwhile either."""
        stopped = self.workers()
        try:
            for pid in stopped:
                signal_to(pid, signal.SIGSTOP)
            wait_for(lambda: all(field(pid, 2) in ("T", "Z", None) for pid in stopped), "workers that stand still")
            yield self.workers() == stopped
        finally:
            for pid in stopped:
                signal_to(pid, signal.SIGCONT)

    def kill(self):
        while not self.done.wait(0.3):
            signal_to(random.choice(self.workers() or [None]), signal.SIGKILL)

    def run(self, kills):
        aside = [threading.Thread(target=t) for t in ((self.watch, self.kill) if kills else (self.watch,))]
        pushers = [threading.Thread(target=self.push, args=(i,)) for i in range(PUSHERS)]
        for t in aside + pushers:
            t.start()
        for t in pushers:
            t.join()
        self.done.set()
        for t in aside:
            t.join()


def signal_to(pid, number):
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def field(pid, number):
    """A field of /proc/PID/stat, counted from 0; None of a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[number - 2]
    except OSError:
        return None


def parent_of(pid):
    parent = field(pid, 3)
    return int(parent) if parent else None


@everywhere
@pytest.mark.parametrize("kills", (False, True), ids=["", "killed"])
def test_sixteen_pushers_never_pass_a_quota(limited, kills):
    crowd = Crowd(limited, 8, MIB // 2)
    crowd.run(kills)
    print(f"{len(crowd.statuses)} answers, at most {crowd.most_at_once} bytes of {limited.quota} in {crowd.looks} looks, "
          f"{crowd.most} while it changed, {limited.used()} at the end")
    assert limited.used() <= limited.quota
    assert crowd.most_at_once <= limited.quota
    assert crowd.most <= limited.quota + PUSHERS * PIECE
    assert 201 in crowd.statuses and 403 in crowd.statuses, crowd.statuses
    assert kills or set(crowd.statuses) <= {201, 403}, crowd.statuses
    # It was really used up, but for what a last blob and a kill may leave.
    assert limited.used() >= limited.quota // 2
    assert limited.counted() >= limited.used()
    assert limited.counted("--recount") == limited.used()
    # Whatever was left of all that is in nobody's way once it is gone.
    for data in limited.find("_uploads", "data"):
        limited.client.delete(f"/v2/team/{data.parts[-4]}/blobs/uploads/{data.parts[-2]}").expect(204, 404)
    for link in limited.find("_layers", "link"):
        limited.client.delete(f"/v2/team/{link.parts[-5]}/blobs/sha256:{link.parts[-2]}").expect(202)
    r = limited.repository("team/after")
    r.push_blob(random_bytes(limited.quota))


@pytest.fixture
def narrow(registry, repository, request):
    """The shared registry, for one test with a quota of 100,000 bytes for its repository."""
    rules = registry.directory / "rules"
    rules.write_text(f"[{repository.name}]\nquota = 100000\n")
    rules.chmod(0o644)
    registry.reconfigure(rules=rules)
    yield repository
    del registry.berth.settings["rules"]
    registry.reconfigure()


client_kinds = pytest.mark.kinds("nginx", "apache-proxy", pytest.param("nginx-buffered", marks=pytest.mark.slow),
                                 pytest.param("apache-fcgid", marks=pytest.mark.slow),
                                 pytest.param("lighttpd", marks=pytest.mark.slow))


@client_kinds
class TestClients:
    """They say why, they do not try again and again, and there is no tag."""

    @staticmethod
    def check(narrow, said, seen):
        print(said)
        assert "quota" in said, said
        assert narrow.client.get(narrow.manifest("v1")).status == 404
        refusals = [line for line in seen if "/blobs/uploads/" in line and line.split()[0] in ("PATCH", "PUT")]
        assert len(refusals) <= 6, seen

    def test_docker(self, docker, registry, narrow, tmp_path):
        name = f"{registry.netloc}/{narrow.name}:v1"
        docker_archive(tmp_path / "image.tar", [name], random_layers(2, 500_000))
        docker.docker("load", "-q", "-i", tmp_path / "image.tar")
        with registry.requests() as seen:
            said = docker.docker("push", name, fails=True)
        self.check(narrow, said, seen)

    def test_podman(self, containers, registry, narrow, tmp_path):
        name = f"{registry.netloc}/{narrow.name}:v1"
        docker_archive(tmp_path / "image.tar", [name], random_layers(2, 500_000))
        containers.podman("load", "-q", "-i", tmp_path / "image.tar")
        with registry.requests() as seen:
            said = containers.podman("push", *containers.tls(), name, fails=True)
        self.check(narrow, said, seen)

    def test_skopeo(self, containers, registry, narrow, tmp_path):
        docker_archive(tmp_path / "image.tar", ["x:v1"], random_layers(2, 500_000))
        with registry.requests() as seen:
            said = containers.skopeo("copy", "-q", *containers.tls("dest-"), f"docker-archive:{tmp_path}/image.tar",
                                     f"docker://{registry.netloc}/{narrow.name}:v1", fails=True)
        self.check(narrow, said, seen)


FLOOR = 4 * MIB


@pytest.mark.kinds("nginx", "apache-proxy")
@pytest.mark.parametrize("disk", ({}, {"kind": "ext4", "size": "48m", "inodes": 4000}), ids=["tmpfs", "ext4"])
class TestFloor:
    @pytest.fixture
    def scene(self, kind, disk, request):
        with Registry(kind, storage=Storage(**{"inodes": 8000, **disk}), free_floor="4M") as registry:
            yield Scene(registry)
            if request.node.failed:
                registry.print_logs()

    @pytest.mark.parametrize("lack", ("bytes", "inodes"))
    def test_pushes_alone_are_refused_below_it(self, scene, lack):
        storage = scene.registry.storage
        sessions = begin_sessions(scene)
        before, uploads = scene.tree(), scene.uploads()
        if lack == "bytes":
            storage.fill_bytes(FLOOR // BLOCK - 1)
        else:
            storage.fill_inodes(999)
        try_to_push(scene, sessions)
        assert scene.tree() == before and scene.uploads() == uploads
        scene.check_lists()
        scene.check_pulls()
        storage.free()
        go_on(scene, sessions)

    def test_deletions_go_on_below_it(self, scene):
        begin_sessions(scene)
        scene.registry.storage.fill_bytes(FLOOR // BLOCK - 1)
        delete_everything(scene)

    def test_a_push_ends_when_it_reaches_it(self, scene):
        r, c = scene.repository, scene.client
        data = random_bytes(60 * MIB)
        begun = r.start_upload().location
        for body in (data, pieces(data)):
            refused(c.patch(begun, body, type=OCTETS))
            st = os.statvfs(scene.registry.storage.root)
            assert st.f_bavail * st.f_frsize > FLOOR
        assert c.get(begun).expect(204).header("Range") == "0-0"
        c.put(with_query(begun, digest=digest_of(data[:MIB])), data[:MIB], type=OCTETS).expect(201)
        scene.check_pulls()

    def test_a_percentage_is_one_of_the_file_system(self, scene):
        scene.repository.push_blob(random_bytes(MIB))
        scene.registry.reconfigure(free_floor="99%")
        refused(scene.client.post(scene.repository.uploads))
        scene.registry.reconfigure(free_floor="1%")
        scene.repository.push_blob(random_bytes(1000))
