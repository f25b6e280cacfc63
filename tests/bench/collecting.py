# SPDX-License-Identifier: MIT
"""Collection of garbage in a large registry, and what it means to those who push meanwhile."""

import contextlib
import json
import re
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import webserver
from harness.berth import Berth, as_user
from harness.client import Client
from harness.repository import Repository
from measure import KIB, Row, run, say
from scene import plant

#: So many blobs for each manifest, and so much smaller the tree that shows whether the work grows in line with it.
BLOBS_EACH, SMALLER = 10, 10
#: How long pushes are watched without a collector.
QUIET_SECONDS = 10


class TimedClient(Client):
    """Keeps the times of all requests, in ms."""

    def __init__(self, url):
        super().__init__(url)
        self.times = []

    def request(self, *arguments, **more):
        before = time.monotonic()
        answer = super().request(*arguments, **more)
        self.times.append((time.monotonic() - before) * 1000)
        return answer


class Pusher:
    """Pushes small images, one after the other, over a with block; `slowest` and `count` of its requests."""

    def __init__(self, url):
        self.client = TimedClient(url)
        self.ended, self.failure = threading.Event(), None

    def __enter__(self):
        self.thread = threading.Thread(target=self.push)
        self.thread.start()
        return self

    def push(self):
        try:
            while not self.ended.is_set():
                Repository(self.client, "bench/meanwhile").push_image("latest")
        except Exception as failure:
            self.failure = failure

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        if self.failure:
            raise self.failure
        self.slowest, self.count = max(self.client.times), len(self.client.times)


class Waits:
    """Takes locks as requests do over a with block; `longest` wait in ms, `waited` and `taken`."""

    def __init__(self, scene, programs):
        tool = shutil.copy(scene.tools / "waits", programs.programs)
        self.argv = [tool, programs.root / "docker/registry/v2/_berth/locks"]
        self.owner = programs.owner

    def __enter__(self):
        # Whoever comes first to a fresh tree makes it.
        run("install", "-d", "-m", "2750", self.argv[1].parent, self.argv[1], **as_user(self.owner))
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True, **as_user(self.owner))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        figures = json.loads(self.process.communicate()[0])
        self.longest, self.waited, self.taken = figures["longest_us"] / 1000, figures["waited"], figures["taken"]


def peak_memory(process):
    """Watch a process to its end; the most bytes of memory it had. (What wait4 tells begins with those of its parent.)"""
    peak = 0
    while process.poll() is None:
        found = re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text(), re.M)
        # One that has ended, and was not waited for, has no memory any more.
        peak = int(found[1]) * KIB if found else peak
        time.sleep(0.005)
    return peak


def collect(programs):
    """One run of the collector: its summary, with `wall` and `cpu` in seconds and `memory`, the most bytes it had."""
    argv = [programs.programs / "berth", "gc", "-c", programs.config, "--json"]
    before, cpu_before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+") as output, \
            subprocess.Popen(argv, stdout=output, **as_user(programs.owner)) as process:
        memory = peak_memory(process)
        wall, cpu = time.monotonic() - before, resource.getrusage(resource.RUSAGE_CHILDREN)
        output.seek(0)
        lines = output.read().splitlines()
    if process.returncode != 0:
        raise RuntimeError(f"{argv}: status {process.returncode}\n{lines}")
    own, system = cpu.ru_utime - cpu_before.ru_utime, cpu.ru_stime - cpu_before.ru_stime
    return {**json.loads(lines[-1]), "wall": wall, "own": own, "cpu": own + system, "memory": memory}


@contextlib.contextmanager
def registry(scene, blobs, start=False):
    """A registry with so many blobs. A million have five million files: of a tmpfs, mount one with nr_inodes=0."""
    directory = scene.directory / f"registry-{blobs}"
    directory.mkdir()
    with Berth(directory, start=start) as programs:
        say(f"planting {blobs} blobs")
        plant(scene, programs, "registry", blobs, blobs // BLOBS_EACH)
        yield programs
    shutil.rmtree(directory)


def collect_alone(scene, blobs):
    with registry(scene, blobs) as programs:
        return collect(programs)


def collecting(scene, options):
    smaller = collect_alone(scene, options.blobs // SMALLER)
    with registry(scene, options.blobs, start=True) as programs, webserver.Nginx(
            programs.root, programs.sockets, directory=programs.directory / "web", site="access_log off;") as nginx:
        with Pusher(nginx.url) as quiet_pushes, Waits(scene, programs) as quiet_waits:
            time.sleep(QUIET_SECONDS)
        with Pusher(nginx.url) as pushes, Waits(scene, programs) as waits:
            first = collect(programs)
        second = collect(programs)
    return rows(options.blobs, smaller, first, second) + [
        Row("longest wait for a lock beside it", f"{waits.longest:.2f} ms",
            f"{waits.waited} of {waits.taken} waited; without {quiet_waits.longest:.2f} ms", waits.longest, "<= 10 ms"),
        Row("slowest request of a push beside it", f"{pushes.slowest:.1f} ms",
            f"of {pushes.count}; without {quiet_pushes.slowest:.1f} ms of {quiet_pushes.count}",
            pushes.slowest / quiet_pushes.slowest, "")]


def rows(blobs, smaller, first, second):
    work = f"collection of {blobs:,} blobs"
    # An empty registry would be over before its memory is read.
    each = (first["memory"] - smaller["memory"]) / (first["blobs"] - smaller["blobs"])
    own, cpu = ([of[sort] / of["blobs"] * 1e6 for of in (first, smaller)] for sort in ("own", "cpu"))
    return [
        Row(work, f"{first['wall']:.1f} s", f"CPU {first['cpu']:.1f} s", first["wall"], ""),
        Row(f"{work}, again, with a purge", f"{second['wall']:.1f} s", f"{second['purged']} purged",
            second["wall"], ""),
        Row(f"{work}, memory for each", f"{each:.1f} bytes", f"{first['memory'] / 1e6:.1f} MB in all",
            each, "<= 64 bytes"),
        Row(f"{work}, CPU for each", f"{cpu[0]:.1f} us", f"of {smaller['blobs']:,} {cpu[1]:.1f} us", cpu[0] / cpu[1],
            "<= 1.2 x"),
        Row(f"{work}, CPU of its own for each", f"{own[0]:.1f} us", f"of {smaller['blobs']:,} {own[1]:.1f} us",
            own[0] / own[1], "")]
