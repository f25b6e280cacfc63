#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Replaces the programs again and again while images are pushed and pulled through nginx.

Every request has to end with 2xx and the right bytes, and none is tried twice. The ways are those of an installation:
`spawn` is berth-spawn reload, `hangup` a SIGHUP to each pool's master, which is what systemctl reload sends.
"""

import argparse
import collections
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import content  # noqa: E402
from stack import ROUTES, WORKERS, Berth, KeptBerth, Stack, children  # noqa: E402
from harness.process import wait_for  # noqa: E402

CHECKOUT = HERE.parents[1]
PIECE = 64 << 10
PUSHERS = PULLERS = 20


class HangupBerth(KeptBerth):
    """Replaced as systemctl reload does it."""

    def masters(self):
        return {route: pool.pid for route, pool in self.pools.items()}

    def reload(self):
        before = {route: set(self.workers(route)) for route in ROUTES}
        for pool in self.pools.values():
            pool.child.send_signal(signal.SIGHUP)
        for route, old in before.items():
            wait_for(lambda r=route, o=old: len(set(self.workers(r)) - o) == int(WORKERS[r][1]), f"new workers of {route}")


class SpawnBerth(Berth):
    """Started and replaced by berth-spawn."""

    def __init__(self, directory):
        super().__init__(directory, start=False)

    def __enter__(self):
        super().__enter__()
        if os.geteuid() == 0:
            shutil.chown(self.sockets, "root", "www-data")
        settings = {"sockets": self.sockets, "programs": self.programs, "config": self.config, "user": self.owner,
                    "log": self.directory / "spawn.log", "patience": 1}
        (self.directory / "spawn.conf").write_text("".join(f"{k} = {v}\n" for k, v in settings.items()))
        try:
            self.spawn("start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.spawn("stop")
        super().__exit__()

    def spawn(self, command):
        done = subprocess.run(["sh", CHECKOUT / "etc/berth-spawn", "-f", self.directory / "spawn.conf", command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"berth-spawn {command}: {done.stdout}{done.stderr}")

    def masters(self):
        return {route: int((self.sockets / f"{route}.pid").read_text().split()[0]) for route in ROUTES}

    def reload(self):
        before = self.masters()
        self.spawn("reload")
        if set(before.values()) & set(self.masters().values()):
            raise RuntimeError("berth-spawn reload left a program in place")


WAYS = {"hangup": HangupBerth, "spawn": SpawnBerth}


class Scene:
    """What all clients share. `reloads` counts those that have begun."""

    def __init__(self, stack, seed):
        self.stack, self.seed = stack, seed
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.reloads = self.in_flight = self.done = 0
        self.images, self.problems = [], []
        self.counts = collections.Counter()

    def count(self, what, by=1):
        with self.lock:
            self.counts[what] += by

    def publish(self, image):
        with self.lock:
            self.images.append(image)

    def some_image(self, rng):
        with self.lock:
            return rng.choice(self.images)


class Wrong(Exception):
    """A request did not end as it should."""


class Client:
    """One thread with one connection. `pause`: seconds between two pieces of a body, either way."""

    def __init__(self, scene, name, pause):
        self.scene, self.name, self.pause = scene, name, pause
        self.rng = random.Random(f"{scene.seed}/{name}")
        self.connection = http.client.HTTPConnection("127.0.0.1", scene.stack.web.port, timeout=120)

    def run(self):
        while not self.scene.stop.is_set():
            try:
                self.round()
            except (Wrong, OSError, http.client.HTTPException, ValueError, KeyError) as problem:
                with self.scene.lock:
                    self.scene.problems.append(f"{self.name}: {problem!r}")
                self.connection.close()

    def trickle(self, data):
        for start in range(0, len(data), PIECE):
            yield data[start:start + PIECE]
            time.sleep(self.pause)

    def ask(self, what, method, path, data=None, **headers):
        """(answer, its body). 2xx, or Wrong."""
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        body = None
        if data is not None:
            headers["Content-Length"] = str(len(data))
            body = self.trickle(data) if len(data) > PIECE else data
        with self.scene.lock:
            begun = self.scene.reloads
            self.scene.in_flight += 1
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            received = bytearray()
            while piece := answer.read(PIECE):
                received += piece
                if len(piece) == PIECE:
                    time.sleep(self.pause)
        except (OSError, http.client.HTTPException) as problem:
            raise Wrong(f"{method} {path}: {problem!r}") from None
        finally:
            with self.scene.lock:
                self.scene.in_flight -= 1
                self.scene.done += 1
        if not 200 <= answer.status < 300:
            raise Wrong(f"{method} {path}: {answer.status} {bytes(received[:300])!r}")
        self.scene.count(what)
        self.scene.count(f"{what} across reloads", self.scene.reloads > begun)
        return answer, bytes(received)


class Pusher(Client):
    def __init__(self, scene, number, pause):
        super().__init__(scene, f"pusher {number}", pause)
        self.repository, self.made = f"reloads/p{number}", 0

    def round(self):
        self.made += 1
        layers = [self.rng.randbytes(self.rng.randint(1 << 20, 3 << 20)) for _ in range(2)]
        config = self.rng.randbytes(500)
        self.push_whole(config)
        self.push_whole(layers[0])
        self.push_in_chunks(layers[1])
        blobs = {content.digest_of(b): len(b) for b in (config, *layers)}
        first, *rest = ({"mediaType": content.LAYER, "digest": d, "size": n} for d, n in blobs.items())
        manifest = json.dumps({"schemaVersion": 2, "mediaType": content.IMAGE, "layers": rest,
                               "config": {**first, "mediaType": content.CONFIG}}).encode()
        tag = f"t{self.made}"
        self.ask("manifest", "PUT", f"/v2/{self.repository}/manifests/{tag}", manifest, Content_Type=content.IMAGE)
        self.scene.publish((self.repository, tag, manifest, blobs))
        self.scene.count("images pushed")

    def begin(self):
        return self.ask("upload begun", "POST", f"/v2/{self.repository}/blobs/uploads/", b"")[0].headers["Location"]

    def push_whole(self, data):
        self.ask("upload", "PUT", f"{self.begin()}?digest={content.digest_of(data)}", data)

    def push_in_chunks(self, data):
        place, third = self.begin(), len(data) // 3 + 1
        for start in range(0, len(data), third):
            chunk = data[start:start + third]
            answer, _ = self.ask("chunk", "PATCH", place, chunk, Content_Type="application/octet-stream",
                                 Content_Range=f"{start}-{start + len(chunk) - 1}")
            place = answer.headers["Location"]
        self.ask("upload", "PUT", f"{place}?digest={content.digest_of(data)}", b"")


class Puller(Client):
    def __init__(self, scene, number, pause):
        super().__init__(scene, f"puller {number}", pause)

    def round(self):
        repository, tag, manifest, blobs = self.scene.some_image(self.rng)
        self.ask("version", "GET", "/v2/")
        if tag not in json.loads(self.ask("tags", "GET", f"/v2/{repository}/tags/list")[1])["tags"]:
            raise Wrong(f"{repository} does not list {tag}")
        got = self.ask("manifest pulled", "GET", f"/v2/{repository}/manifests/{tag}", Accept=content.IMAGE)[1]
        if got != manifest:
            raise Wrong(f"{repository}:{tag} has other bytes")
        self.ask("referrers", "GET", f"/v2/{repository}/referrers/{content.digest_of(manifest)}")
        for digest, size in blobs.items():
            self.pull(f"/v2/{repository}/blobs/{digest}", digest, size)
        self.scene.count("images pulled")

    def pull(self, path, digest, size):
        if int(self.ask("blob looked for", "HEAD", path)[0].headers["Content-Length"]) != size:
            raise Wrong(f"{path} has another length")
        # With a condition it is the program's to answer, without one nginx's.
        for what, headers in (("blob", {}), ("blob by the program", {"If_None_Match": '"another"'})):
            data = self.ask(what, "GET", path, **headers)[1]
            if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
                raise Wrong(f"{path}: {len(data)} bytes, other ones")


def start_clients(scene, pause):
    """Once all have pushed an image without haste, they and the pullers begin."""
    pushers = [Pusher(scene, n, 0) for n in range(PUSHERS)]
    for pusher in pushers:
        pusher.round()
        pusher.pause = pause
    scene.counts.clear()
    clients = pushers + [Puller(scene, n, pause / 2) for n in range(PULLERS)]
    threads = [threading.Thread(target=c.run, daemon=True) for c in clients]
    for thread in threads:
        thread.start()
    return threads


def settle(berth):
    """In the end each master has its own workers and nobody else: no old one, no zombie."""
    for route, pid in berth.masters().items():
        wait_for(lambda r=route, p=pid: len(children(p)) == int(WORKERS[r][1]), f"the old {route} workers to end", 60)


def run_clients(stack, options, way):
    """Reloads under their requests. Returns whether all was well."""
    scene = Scene(stack, options.seed)
    threads = start_clients(scene, options.pause)
    in_flight, done = [], 0
    try:
        for _ in range(options.reloads):
            # As many again as there are clients, so that each reload meets other requests.
            wait_for(lambda: scene.done >= done + len(threads), "requests that end", 120)
            with scene.lock:
                scene.reloads += 1
                in_flight.append(scene.in_flight)
                done = scene.done
            stack.berth.reload()
    finally:
        scene.stop.set()
        for thread in threads:
            thread.join(120)
    return judge(way, scene, in_flight)


def campaign(options, way):
    with Stack("nginx", WAYS[way]) as stack:
        fine = run_clients(stack, options, way)
        settle(stack.berth)
    return fine


def judge(way, scene, in_flight):
    crossed = {k: n for k, n in sorted(scene.counts.items()) if k.endswith("across reloads")}
    print(f"{way}: {len(in_flight)} reloads with {min(in_flight)} to {max(in_flight)} requests in progress;",
          ", ".join(f"{n} {k}" for k, n in sorted(scene.counts.items()) if k not in crossed), flush=True)
    print(f"{way}: of them", ", ".join(f"{n} {k}" for k, n in crossed.items() if n), flush=True)
    for problem in scene.problems[:30]:
        print(f"{way}: WRONG {problem}")
    missed = [k for k in ("upload", "chunk") if not crossed.get(f"{k} across reloads")]
    if missed:
        print(f"{way}: no {' and no '.join(missed)} was in progress during a reload: nothing was shown")
    return not scene.problems and not missed


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--way", choices=WAYS, action="append", help="default: all")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between two pieces of a body")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fine = [campaign(options, way) for way in options.way or WAYS]
    print("each request ended 2xx with the right bytes" if all(fine) else "FAILED")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
