# SPDX-License-Identifier: MIT
"""Pushes of one large blob and of many small ones."""

import threading

from measure import KIB, Row, fsync_ms, interleave, pss_kib

BLOBS, CLIENTS, SIZE = 200, 8, 64 * KIB
# Where an fsync takes longer than this, what both registries wait for is the disk.
CHEAP_FSYNC_MS = 1
WAYS = {"put": "POST+PUT", "patch": "POST+PATCH+PUT"}


class Growth:
    """The most any upload worker grew over a with block, in KiB, as `most`."""

    def __init__(self, scene):
        self.master = scene.programs.pools["upload"].pid
        self.most, self.ended = 0, threading.Event()

    def __enter__(self):
        self.before = pss_kib(self.master)
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.ended.wait(0.1):
            for pid, size in pss_kib(self.master).items():
                self.most = max(self.most, size - self.before.get(pid, 0))

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def large(scene, options):
    work = f"push {scene.large_mib} MiB"
    s = interleave(work, options.large_rounds, {
        "limit": scene.limit,
        "put": lambda: scene.push_large(scene.berth, "put"),
        "patch": lambda: scene.push_large(scene.berth, "patch"),
        "tls put": lambda: scene.push_large(scene.tls, "put"),
        "tls patch": lambda: scene.push_large(scene.tls, "patch"),
        "peer put": lambda: scene.push_large(scene.peer, "put"),
        "peer patch": lambda: scene.push_large(scene.peer, "patch")})
    rows = []
    for way, name in WAYS.items():
        for server, goal in (("", "<= 1.0 x"), ("tls ", "<= 1.35 x")):
            rows.append(Row(f"{work}, {server}{name}", f"{s.median(server + way, 'wall'):.2f} s",
                            f"limit {s.median('limit', 'wall'):.2f} s", s.ratio(server + way, "limit", "wall"), goal))
        for figure, goal in (("wall", "<= 0.35 x"), ("cpu", "<= 0.42 x")):
            rows.append(Row(f"{work}, {name}, {figure}", f"{s.median(way, figure):.2f} s",
                            f"peer {s.median('peer ' + way, figure):.2f} s", s.ratio(way, "peer " + way, figure), goal))
    with Growth(scene) as growth:
        scene.push_large(scene.berth, "patch")
    rows.append(Row(f"{work}, growth of a worker", f"{growth.most / 1024:.2f} MB", "", growth.most / 1024, "<= 2 MB"))
    return rows


def push_many(scene, server, way):
    with server.watch() as watch:
        done = scene.tool("push", server.port, "bench/small", CLIENTS, BLOBS, SIZE, way)
    return {"wall": done["seconds"], "cpu": watch.cpu}


def small(scene, options):
    rows = []
    goal_wall = "<= 0.25 x" if fsync_ms(scene.directory) <= CHEAP_FSYNC_MS else "<= 0.5 x"
    for way, name in WAYS.items():
        work = f"push {BLOBS} x {SIZE // KIB} KiB, {CLIENTS} clients, {name}"
        s = interleave(work, options.rounds, {
            "berth": lambda: push_many(scene, scene.berth, way),
            "peer": lambda: push_many(scene, scene.peer, way)})
        for figure, goal in (("wall", goal_wall), ("cpu", "")):
            rows.append(Row(f"{work}, {figure}", f"{s.median('berth', figure):.3f} s",
                            f"peer {s.median('peer', figure):.3f} s", s.ratio("berth", "peer", figure), goal))
    return rows
