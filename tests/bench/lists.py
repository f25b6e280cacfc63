# SPDX-License-Identifier: MIT
"""Pages of very long lists. docker-registry answers from the same tree."""

import contextlib
import statistics
import time

import webserver
from harness.berth import Berth
from measure import Row, interleave
from scene import QuietPeer, Server, plant

COUNT, PAGE, REQUESTS = 100_000, 100, 200
NAME = "bench/tags"
#: Where the pages begin, of all that there are.
POSITIONS = {"first": 0, "middle": COUNT // 2, "last": COUNT - PAGE}


@contextlib.contextmanager
def planted(scene, name, *what):
    """Two registries on one tree that has so much in it; (berth, peer)."""
    directory = scene.directory / name
    directory.mkdir()
    with Berth(directory) as programs:
        plant(scene, programs, *what)
        root, web = programs.root, directory / "web"
        with webserver.Nginx(root, programs.sockets, directory=web, site="access_log off;") as nginx, \
                QuietPeer(directory, {"root": root}, user=programs.owner) as peer:
            pools = [pool.pid for pool in programs.pools.values()]
            yield Server(nginx.url, [nginx.pid, *pools], root), Server(peer.url, [peer.process.pid], root)


def milliseconds(scene, server, path):
    """Of one client, one request after the other; and of the servers' CPU."""
    with server.watch() as watch:
        done = scene.tool("load", "GET", server.port, path, 1, 0, REQUESTS)
    return {"ms": done["p50_us"] / 1000, "cpu": watch.cpu * 1000 / done["requests"]}


def milliseconds_once(client, path):
    """Of a request whose answer may come in chunks."""
    before = time.monotonic()
    client.get(path).expect(200)
    return {"ms": (time.monotonic() - before) * 1000}


def ask_until(client, path, index):
    """Ask until the index has been made; milliseconds of the request that made it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        spent = milliseconds_once(client, path)["ms"]
        if index.exists():
            return spent
    raise RuntimeError(f"no {index}")


def rebuild(client, path, index, rounds):
    ask_until(client, path, index)
    times = []
    for _ in range(rounds):
        index.unlink()
        times.append(ask_until(client, path, index))
    return statistics.median(times)


def measure(scene, options, work, servers, path_of, index, rebuild_goal):
    """Rows about pages at each position; path_of gives their path."""
    berth, peer = servers
    rows = []
    if index:
        spent = rebuild(berth.client, path_of(0), index, options.rounds)
        rows.append(Row(f"{work}, with a rebuild of the index", f"{spent:.1f} ms", "", spent, f"<= {rebuild_goal} ms"))
    for name, position in POSITIONS.items():
        path = path_of(position)
        s = interleave(f"{work}, {name}", options.large_rounds, {
            "berth": lambda: milliseconds(scene, berth, path),
            "peer": lambda: milliseconds_once(peer.client, path)})
        ours, beside = s.median("berth", "ms"), f"peer {s.median('peer', 'ms'):.0f} ms"
        rows += [Row(f"{work}, {name}", f"{ours:.2f} ms", beside, ours, "<= 5 ms"),
                 Row(f"{work}, {name}", f"{ours:.2f} ms", beside, s.ratio("berth", "peer", "ms"), "<= 1 x"),
                 Row(f"{work}, {name}, CPU", f"{s.median('berth', 'cpu'):.2f} ms", "", s.median("berth", "cpu"), "")]
    return rows


def tags(scene, options):
    with planted(scene, "tags", "tags", NAME, COUNT) as servers:
        tree = servers[0].root / "docker/registry/v2/repositories" / NAME
        return measure(scene, options, f"GET {PAGE} of {COUNT} tags", servers,
                       lambda at: f"/v2/{NAME}/tags/list?n={PAGE}&last=build-{at:06}", tree / "_berth/tags", 100)


def catalog(scene, options):
    rows = []
    for shape, names, index in (("flat", lambda at: f"app-{at:06}", "_berth/catalog/_children"),
                                ("nested", lambda at: f"team-{at // 300:03}/app-{at % 300:03}", None)):
        with planted(scene, f"catalog-{shape}", "repositories", COUNT, shape) as servers:
            rows += measure(scene, options, f"GET {PAGE} of {COUNT} repositories, {shape}", servers,
                            lambda at: f"/v2/_catalog?n={PAGE}&last={names(at)}",
                            index and servers[0].root / "docker/registry/v2" / index, 1000)
    return rows
