# SPDX-License-Identifier: MIT
"""Memory, slow uploads, plain CGI."""

import os
import statistics
import subprocess
import time

from harness.content import OCI_MANIFEST, config_bytes, encode, image_manifest
from harness.registry import Registry
from harness.repository import Repository
from harness.trickle import UPLOADS, Trickle
from measure import MIB, Row, fsync_ms, interleave, pss_kib

PULLS_MS, PUSHES = 1000, 150


def memory(scene, _options):
    """The programs as they are now: after start, or after what was measured before."""
    ours, peer = (sum(pss_kib(*pids).values()) / 1024 for pids in (scene.pools, scene.peer.pids))
    count = len(pss_kib(*scene.pools))
    return [Row(f"PSS of the default pool, {count} processes", f"{ours:.1f} MB", f"peer {peer:.1f} MB", ours, "<= 12 MB")]


def latency(scene):
    """The 99th percentiles, in us, of one client that pulls a manifest and of one that pushes 1 MiB."""
    pull = scene.tool("load", "GET", scene.berth.port, scene.berth.repository.manifest("v1"), 1, PULLS_MS)
    push = scene.tool("push", scene.berth.port, "bench/slow", 1, PUSHES, MIB, "patch")
    return {"pull": pull["p99_us"], "push": push["p99_us"]}


def latency_while_held(scene):
    with Trickle(scene.berth.repository) as trickle:
        figures = latency(scene)
        if trickle.held_open() != UPLOADS:
            raise RuntimeError(f"only {trickle.held_open()} uploads were still going: {trickle.failures[:3]}")
    return figures


def slow_uploads(scene, options):
    work = f"{UPLOADS} slow uploads held"
    s = interleave(work, options.large_rounds, {
        "idle": lambda: latency(scene),
        "held": lambda: latency_while_held(scene)})
    return [Row(f"{work}, p99 of {name}", f"{s.median('held', figure) / 1000:.2f} ms",
                f"idle {s.median('idle', figure) / 1000:.2f} ms", s.ratio("held", "idle", figure), "<= 2 x")
            for figure, name in (("pull", "GET manifest"), ("push", "a push of 1 MiB"))]


def run_cgi(program, environment):
    """Milliseconds from the start of a process to the end of its answer."""
    before = time.monotonic()
    done = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=True)
    spent = (time.monotonic() - before) * 1000
    if environment and not done.stdout.startswith(b"Status: 200 "):
        raise RuntimeError(f"{program}: {done.stdout[:200]!r} {done.stderr!r}")
    return spent


def cgi(scene, options):
    """A new process for each request, its files in the page cache. Beside it, a program that does nothing."""
    repository = scene.berth.repository
    base = {"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "BERTH_CONFIG": str(scene.programs.config)}
    rows = []
    for route, uri in (("version", "/v2/"), ("manifest", repository.manifest("v1")),
                       ("blob", repository.blob(scene.small_digest)), ("tags", repository.tags())):
        environment = {**base, "REQUEST_URI": uri}
        program, pairs = [scene.programs.programs / route], []
        for _ in range(2 * options.rounds):
            pairs.append((run_cgi(program, environment), run_cgi(["/bin/true"], {})))
        ours, nothing = map(statistics.median, zip(*pairs))
        rows.append(Row(f"plain CGI, {route}", f"{ours:.1f} ms", f"/bin/true {nothing:.1f} ms", ours, "<= 10 ms"))
    return rows


#: As little as a CGI program can be that a user of a shared host writes.
NOTHING = "#!/bin/sh\necho Content-Length: 0\necho\n"


def shared_hosting(scene, options):
    """The bundle behind Apache, a new process for each request of one client. Beside it, a script that says nothing."""
    with Registry("htaccess-cgi") as registry:
        repository = Repository(registry.client, "bench/app")
        config, layer = config_bytes([]), os.urandom(300)
        repository.push_blobs(config, layer)
        repository.put_manifest(encode(image_manifest(config, [layer])), "v1", OCI_MANIFEST)
        nothing = registry.berth.document_root / "nothing"
        nothing.mkdir()
        (nothing / ".htaccess").write_text("Options +ExecCGI\nSetHandler cgi-script\nSetEnv ap_trust_cgilike_cl 1\n")
        (nothing / "nothing.cgi").write_text(NOTHING)
        (nothing / "nothing.cgi").chmod(0o755)

        def milliseconds(path):
            done = scene.tool("load", "GET", registry.client.port, path, 1, options.milliseconds)
            return {"ms": done["seconds"] * 1000 / done["requests"]}

        s = interleave("plain CGI behind Apache", options.rounds, {
            "berth": lambda: milliseconds(repository.manifest("v1")),
            "nothing": lambda: milliseconds("/nothing/nothing.cgi")})
    work = "GET manifest, shared hosting"
    ours, beside = s.median("berth", "ms"), f"an empty script {s.median('nothing', 'ms'):.1f} ms"
    return [Row(work, f"{ours:.1f} ms", beside, ours, "<= 10 ms"),
            Row(work, f"{ours:.1f} ms", beside, s.ratio("berth", "nothing", "ms"), "")]


def machine(scene):
    """One line about where the figures come from."""
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return (f"{os.cpu_count()} x {model}, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f}, "
            f"fsync of 4 KiB {fsync_ms(scene.directory):.2f} ms")
