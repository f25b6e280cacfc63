# SPDX-License-Identifier: MIT
"""What ./quickstart promises to a person who types it."""
import ctypes
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from quickstart_checkout import alive, all_processes, free_port, wait_until


def status_of(url, **more):
    try:
        with urllib.request.urlopen(url, timeout=10, **more) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def v2(checkout):
    return f"http://127.0.0.1:{checkout.port}/v2/"


def test_second_run_takes_seconds_and_changes_nothing(checkout):
    checkout.up()
    before = checkout.processes()
    began = time.monotonic()
    assert "already running" in checkout.run()
    assert time.monotonic() - began < 5
    assert checkout.processes() == before
    assert status_of(v2(checkout)) == 200


def test_git_status_stays_clean(checkout):
    checkout.up()
    checkout.run("demo")
    out = subprocess.run(["git", "status", "--porcelain"], cwd=checkout.top,
                         capture_output=True, text=True, check=True).stdout
    assert not [line for line in out.splitlines() if not line.startswith("A  ")]


def test_stop_leaves_no_process_and_all_data(checkout):
    checkout.up()
    checkout.run("demo")
    pids = checkout.processes()
    assert len(pids) > 8
    assert "stopped" in checkout.run("stop")
    assert not alive(pids)
    checkout.run("status", code=3)
    checkout.up()
    url = v2(checkout) + "berth/hello/tags/list"
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert json.load(answer)["tags"] == ["1"]


@pytest.mark.parametrize("names", [["nginx"], ["manifest", "upload"], None])
def test_stop_works_after_kill_9(checkout, names):
    checkout.up()
    pids = checkout.processes()
    leaders = {pid: name for pid, name, session in all_processes()
               if pid in pids and session == pid}
    for pid, name in leaders.items():
        if names is None or name in names:
            os.kill(pid, signal.SIGKILL)
    checkout.run("stop")
    assert not alive(pids)


def test_stop_works_when_its_record_is_lost(checkout):
    checkout.up()
    pids = checkout.processes()
    (record,) = [p for p in os.scandir("/run") if p.name.startswith("berth-quickstart-")
                 and os.path.realpath(p.path + "/build") == str(checkout.top / "build")]
    shutil.rmtree(record.path)
    checkout.run("stop")
    wait_until(lambda: not alive(pids))


def test_a_stranger_with_a_recorded_number_is_left_alone(checkout):
    checkout.up()
    (record,) = [p.path for p in os.scandir("/run") if p.name.startswith("berth-quickstart-")
                 and os.path.realpath(p.path + "/build") == str(checkout.top / "build")]
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        boot = open("/proc/sys/kernel/random/boot_id").read().strip()
        with open(record + "/sessions", "a") as sessions:
            sessions.write(f"blob {stranger.pid} 1 {boot}\n")
            sessions.write(f"blob {stranger.pid} 1 another-boot\n")
        checkout.run("stop")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.fixture
def adopter():
    """Orphans come to this process and stay zombies until it asks for them,
    as they do for a while under a slow init."""
    subreaper = 36  # PR_SET_CHILD_SUBREAPER
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(subreaper, 1, 0, 0, 0) == 0
    yield
    assert prctl(subreaper, 0, 0, 0, 0) == 0


def test_damage_is_seen_and_mended(checkout, adopter):
    checkout.up()
    (pid,) = [pid for pid, name, session in all_processes()
              if pid in checkout.processes() and name == "manifest" and session == pid]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive([pid]))
    assert os.path.exists(f"/proc/{pid}")
    assert "damaged" in checkout.run("status", code=1)
    os.waitpid(pid, 0)
    assert "damaged" in checkout.run("status", code=1)
    checkout.run()
    assert "answers" in checkout.run("status")
    checkout.run("demo")


def test_demo_without_an_instance_says_so(checkout):
    assert "nothing is running" in checkout.run("demo", code=1)


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_password_and_tls(checkout, server):
    checkout.up("--server", server, "--tls", "--user", "ann:secret: word")
    url = f"https://127.0.0.1:{checkout.port}/v2/"
    trust = ssl.create_default_context(cafile=checkout.top / "berth-data/tls/ca.crt")
    assert status_of(url, context=trust) == 401
    assert "needs" not in checkout.run("demo", "--user", "ann:secret: word")
    checkout.run("demo", "--user", "ann:wrong", code=1)
    assert "ann" in checkout.run("status")
    authority = (checkout.top / "berth-data/tls/ca.crt").read_bytes()
    assert "already running" in checkout.run()  # and keeps asking
    assert status_of(url, context=trust) == 401
    checkout.run("stop")
    checkout.up("--tls", "--server", server)
    assert (checkout.top / "berth-data/tls/ca.crt").read_bytes() == authority
    assert status_of(url, context=trust) == 200


def test_private_keys_are_roots_alone(checkout):
    checkout.up("--tls")
    tls = checkout.top / "berth-data/tls"
    for path in [tls / "ca.key", tls / "server.key"]:
        stat = path.stat()
        assert stat.st_uid == 0 and stat.st_mode & 0o077 == 0


def test_ipv6_loopback(checkout):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
    checkout.up("--listen", "::1")
    checkout.run("demo")
    assert f"http://[::1]:{checkout.port}" in checkout.run("status")


def test_apache_serves_the_demo(checkout):
    checkout.up("--server", "apache")
    checkout.run("demo")
    assert "apache" in checkout.run("status")


def test_a_changed_option_restarts_with_the_others_kept(checkout):
    checkout.up()
    checkout.run("--user", "ann:one")
    assert status_of(v2(checkout)) == 401
    before = checkout.processes()
    assert "already running" in checkout.run("--user", "ann:one")
    checkout.run("--user", "ann:two")
    assert not set(before) & set(checkout.processes())


def test_runs_as_www_data_where_it_can(checkout):
    checkout.up()
    owners = {os.stat(f"/proc/{pid}").st_uid for pid, name in checkout.processes().items()
              if name in ("manifest", "blob", "upload")}
    assert owners == {int(subprocess.check_output(["id", "-u", "www-data"]))}


def test_runs_as_the_owner_where_www_data_cannot(checkout, tmp_path_factory):
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    out = checkout.up("--data", str(closed / "images"))
    assert "runs as root" in out
    checkout.run("demo")


def test_a_taken_port_names_its_holder(checkout):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        out = checkout.run("--port", str(port), code=1)
    assert f"port {port} is taken by" in out
    assert f"process {os.getpid()}" in out
    assert not checkout.processes()


@pytest.mark.parametrize("args, words", [
    (["--listen", "0.0.0.0"], "needs --tls"),
    (["--listen", "example.org"], "not an address"),
    (["--listen", "192.0.2.77", "--tls"], "no address 192.0.2.77"),
    (["--port", "0"], "not a port"),
    (["--port", "65536"], "not a port"),
    (["--port"], "needs a value"),
    (["--server", "lighttpd"], "nginx or apache"),
    (["--data", "/"], "directory of its own"),
    (["--user", "ann"], "no terminal"),
    (["--user", "an n:x"], "letters"),
    (["--nonsense"], "unknown word"),
])
def test_wrong_options_get_one_sentence(checkout, args, words):
    out = checkout.run(*args, code=1)
    assert words in out
    assert len(out.splitlines()) == 1


def test_not_root_is_told_so(checkout):
    out = checkout.run(code=1, command=(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "./quickstart"))
    assert "needs root" in out and len(out.splitlines()) == 1


def test_help_needs_nothing(checkout):
    assert "--listen ADDRESS" in checkout.run("--help")


def test_little_disk_is_one_sentence(checkout, tmp_path_factory):
    small = tmp_path_factory.mktemp("small")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small])
    if mounted.returncode != 0:
        pytest.skip("cannot mount here")
    try:
        out = checkout.up("--data", str(small), code=1)
        assert "little disk" in out
        assert not checkout.processes()
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("delay", [0.05, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4])
def test_ctrl_c_leaves_nothing_running(checkout, delay):
    process = checkout.start("--port", str(checkout.port))
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    if process.returncode == 0:  # it was done before
        assert status_of(v2(checkout)) == 200
        return
    assert process.returncode in (130, -signal.SIGINT), out
    assert not checkout.processes()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", checkout.port), 1)
    assert not checkout.at_work() & {"nginx", "manifest", "spawn-fcgi", "make"}


def test_two_at_once_one_is_told_to_wait(checkout):
    first = checkout.start("--port", str(checkout.port))
    second = checkout.start("--port", str(checkout.port))
    outs = [first.communicate(timeout=60)[0], second.communicate(timeout=60)[0]]
    codes = sorted([first.returncode, second.returncode])
    assert codes == [0, 0] or (codes == [0, 1] and "another ./quickstart" in "".join(outs))
    assert {"nginx", "manifest"} <= checkout.at_work()


def test_existing_registry_2_tree_keeps_its_owner(checkout, tmp_path_factory):
    data = tmp_path_factory.mktemp("registry2")
    data.chmod(0o755)
    tree = data / "docker/registry/v2/repositories"
    tree.mkdir(parents=True)
    checkout.up("--data", str(data))
    assert tree.stat().st_uid == 0
    checkout.run("demo")
    assert (tree / "berth/hello/_manifests/tags/1/current/link").exists()
