# SPDX-License-Identifier: MIT
"""etc/berth-spawn: pools started, replaced under load, stopped; with stand-ins for the programs."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from fcgi_echo import Echo
from include_cases import UUID, ask
from webserver import CHECKOUT, Nginx

ECHO = Path(__file__).with_name("fcgi_echo.py")


class Spawn:
    def __init__(self, directory):
        self.directory, self.sockets, self.log = directory, directory / "the sockets", directory / "log"
        (directory / "programs").mkdir()
        for name in Echo.PROGRAMS:
            shutil.copy(ECHO, directory / "programs" / name)
            (directory / "programs" / name).chmod(0o755)
        (directory / "berth.conf").write_text("root = /nonexistent\n")
        self.settings = {"sockets": self.sockets, "programs": directory / "programs", "config": directory / "berth.conf",
                         "log": self.log, "user": "nobody", "group": "www-data", "patience": 20}

    def __call__(self, command, **changes):
        path = self.directory / "spawn.conf"
        path.write_text("# a comment\n\n" + "".join(f"{k} = {v}\n" for k, v in {**self.settings, **changes}.items()))
        return subprocess.run(["sh", CHECKOUT / "etc/berth-spawn", "-f", path, command], capture_output=True, text=True,
                              timeout=60)

    def pid(self, pool):
        return int((self.sockets / f"{pool}.pid").read_text().split()[0])

    def pids(self):
        return {pool: self.pid(pool) for pool in Echo.PROGRAMS}


@pytest.fixture
def spawn():
    directory = Path(tempfile.mkdtemp(prefix="berth ", dir="/tmp"))
    directory.chmod(0o755)
    spawn = Spawn(directory)
    yield spawn
    result = spawn("stop")
    shutil.rmtree(directory)
    assert result.returncode == 0, result


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):   # gone before, or between open and read
        return False


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_start_status_stop(spawn):
    assert spawn("status").returncode == 3
    result = spawn("start")
    assert (result.returncode, result.stderr) == (0, ""), result
    pids = spawn.pids()
    for pool, pid in pids.items():
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        size = {"upload": ["-w", "8", "-t", "32"], "manifest": ["-w", "4"], "blob": ["-w", "4"], "tags": ["-w", "2"],
                "referrers": ["-w", "2"], "token": ["-w", "2"]}.get(pool, ["-w", "1"])
        assert words[2:-1] == ["-c", str(spawn.directory / "berth.conf"), *size]
        socket = spawn.sockets / f"{pool}.sock"
        assert socket.stat().st_mode & 0o777 == 0o660
        if os.geteuid() == 0:
            assert (socket.owner(), socket.group()) == ("nobody", "www-data")
            assert Path(f"/proc/{pid}").owner() == "nobody"
    assert spawn("status").returncode == 0
    assert "runs already" in spawn("start").stdout
    assert spawn.pids() == pids
    result = spawn("stop")
    assert result.returncode == 0
    assert not any(map(is_running, pids.values()))
    assert [p.name for p in spawn.sockets.iterdir()] == ["lock"]
    assert spawn("status").returncode == 3


def test_a_dead_pool_is_seen_and_started_again(spawn):
    spawn("start")
    pids = spawn.pids()
    kill(pids["tags"])
    result = spawn("status")
    assert (result.returncode, "tags does not run" in result.stdout) == (3, True)
    assert spawn("start").returncode == 0
    assert spawn("status").returncode == 0
    assert {pool for pool, pid in spawn.pids().items() if pid != pids[pool]} == {"tags"}


def test_another_process_with_the_number_of_ours_is_left_alone(spawn):
    spawn("start")
    kill(spawn.pid("tags"))
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        (spawn.sockets / "tags.pid").write_text(f"{stranger.pid} 1\n")
        assert spawn("stop").returncode == 0
        assert stranger.poll() is None
        stranger.kill()


def test_a_reload_refuses_no_request_and_cuts_no_upload(spawn):
    assert spawn("start").returncode == 0
    with Nginx(spawn.directory, spawn.sockets) as server:
        statuses, stop, half = [], threading.Event(), threading.Event()

        def load():
            while not stop.is_set():
                statuses.append(ask(server, "GET", "/v2/a/manifests/x").status)

        def slow():
            yield b"first half, "
            half.set()
            assert stop.wait(60)
            yield b"second half"

        upload = []
        threads = [threading.Thread(target=load) for _ in range(4)]
        threads.append(threading.Thread(
            target=lambda: upload.append(ask(server, "PATCH", f"/v2/a/blobs/uploads/{UUID}", slow()))))
        for thread in threads:
            thread.start()
        assert half.wait(30)
        for _ in range(5):
            before = spawn.pids()
            result = spawn("reload", patience=1)
            assert result.returncode == 0, result
            assert not set(before.values()) & set(spawn.pids().values())
            assert not any(is_running(pid) for pool, pid in before.items() if pool != "upload")
        stop.set()
        for thread in threads:
            thread.join()
        assert len(statuses) > 50 and set(statuses) == {200}, server.error_log.read_text()[-600:]
        assert [answer.status for answer in upload] == [200] and b'"size": 23' in upload[0].body


def test_a_reload_that_fails_leaves_the_old_programs(spawn):
    spawn("start")
    pids = spawn.pids()
    for bad in ("#!/bin/sh\necho the reason >&2; exit 1\n", "#!/nonexistent\n"):
        (spawn.directory / "programs/blob").write_text(bad)
        result = spawn("reload")
        assert (result.returncode, "blob did not start" in result.stderr) == (1, True)
        assert spawn.pids() == pids
        assert spawn("status").returncode == 0
        assert not list(spawn.sockets.glob("*.new"))
    assert "the reason" in spawn.log.read_text()


@pytest.mark.parametrize("changes, words", [
    ({"sockets": "/tmp/" + "x" * 100}, "107 bytes"), ({"sockets": "run"}, "absolute path"), ({"colour": "red"}, "unknown key"),
    ({"tags": "0"}, "number"), ({"tags": "two"}, "number"), ({"tags": "2 2"}, "too many"), ({"upload": "8 x"}, "no number"),
    ({"patience": "-1"}, "number of seconds"), ({"programs": "/nonexistent"}, "/nonexistent/version"),
    ({"config": "/nonexistent"}, "/nonexistent"), ({"log": "/nonexistent/log"}, "/nonexistent/log")], ids=str)
def test_wrong_settings(spawn, changes, words):
    result = spawn("start", **changes)
    assert result.returncode in (1, 2)
    assert words in result.stderr
    if result.returncode == 2 and "sockets" not in changes:
        assert "spawn.conf:" in result.stderr
    assert not spawn.sockets.exists()


def test_sockets_of_somebody_else(spawn):
    if os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    spawn.sockets.mkdir()
    shutil.chown(spawn.sockets, "nobody")
    result = spawn("start")
    assert (result.returncode, "belongs to somebody else" in result.stderr) == (1, True)
    shutil.chown(spawn.sockets, "root")


def test_the_sample_shows_the_defaults():
    script, sample = (CHECKOUT / "etc/berth-spawn").read_text(), (CHECKOUT / "etc/spawn.conf").read_text()
    shown = dict(line[1:].split(" = ") for line in sample.splitlines() if re.match(r"#\w+ = ", line))
    for key, value in shown.items():
        name = f"size_{key}" if key in Echo.PROGRAMS else key
        assert any(line.strip() in (f"{name}={value}", f"{name}='{value}'") for line in script.splitlines()), key
