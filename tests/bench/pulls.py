# SPDX-License-Identifier: MIT
"""GET of blobs, GET and HEAD of manifests."""

import os

from measure import GIB, Row, interleave

CONNECTIONS = 32
LARGE_CONNECTIONS = 4


def hammer(scene, server, path, options, method="GET", authorization=None):
    """As many small requests as fit into a time."""
    with server.watch() as watch:
        done = scene.tool("load", method, server.port, path, CONNECTIONS, options.milliseconds,
                          authorization=authorization, tls=server.ca is not None)
    return {"rate": done["requests"] / done["seconds"], "cpu": watch.cpu / done["requests"] * 1e6}


def fetch(scene, server, path, count):
    """A number of large downloads, some at a time."""
    with server.watch() as watch:
        done = scene.tool("load", "GET", server.port, path, LARGE_CONNECTIONS, 0, count)
    return {"rate": done["bytes"] / done["seconds"] / GIB, "cpu": watch.cpu / (done["bytes"] / GIB)}


def blob_small(scene, options):
    blob = scene.berth.repository.blob(scene.small_digest)
    s = interleave("GET blob 64 KiB", options.rounds, {
        "berth": lambda: hammer(scene, scene.berth, blob, options),
        "static": lambda: hammer(scene, scene.static, "/small", options),
        "peer": lambda: hammer(scene, scene.peer, blob, options)})
    return small_rows("GET blob 64 KiB", s, {"static": ">= 0.90", "peer": ">= 1"}) + [
        Row("GET blob 64 KiB, CPU", f"{s.median('berth', 'cpu'):.0f} us", f"static {s.median('static', 'cpu'):.0f} us",
            s.ratio("berth", "static", "cpu"), "<= 1.3 x")]


def blob_large(scene, options):
    """From the page cache; scene.large has been pushed to both registries for this."""
    work = f"GET blob {scene.large_mib} MiB"
    for server in (scene.berth, scene.peer):
        scene.push_large(server, "put")
    os.link(scene.large, scene.files / "large")
    blob = scene.berth.repository.blob(scene.large_digest)
    count = 4 * LARGE_CONNECTIONS
    s = interleave(work, options.large_rounds, {
        "berth": lambda: fetch(scene, scene.berth, blob, count),
        "static": lambda: fetch(scene, scene.static, "/large", count),
        "peer": lambda: fetch(scene, scene.peer, blob, LARGE_CONNECTIONS)})
    rows = [Row(work, f"{s.median('berth', 'rate'):.2f} GiB/s", f"{other} {s.median(other, 'rate'):.2f} GiB/s",
                s.ratio("berth", other, "rate"), goal + " x") for other, goal in (("static", ">= 0.97"), ("peer", ">= 1"))]
    return rows + [Row(work + ", CPU per GiB", f"{s.median('berth', 'cpu') * 1000:.0f} ms",
                       f"static {s.median('static', 'cpu') * 1000:.0f} ms", s.ratio("berth", "static", "cpu"), "<= 1.05 x")]


def small_rows(work, s, goals):
    return [Row(work, f"{s.median('berth', 'rate'):.0f}/s", f"{other} {s.median(other, 'rate'):.0f}/s",
                s.ratio("berth", other, "rate"), goal + " x") for other, goal in goals.items()]


def manifests(scene, options):
    rows = []
    for work, method, reference in (("GET manifest by tag", "GET", "v1"),
                                    ("GET manifest by digest", "GET", scene.manifest_digest),
                                    ("HEAD manifest by tag", "HEAD", "v1")):
        path = scene.berth.repository.manifest(reference)
        s = interleave(work, options.rounds, {
            "berth": lambda: hammer(scene, scene.berth, path, options, method),
            "static": lambda: hammer(scene, scene.static, "/manifest", options, method),
            "peer": lambda: hammer(scene, scene.peer, path, options, method)})
        rows += small_rows(work, s, {"peer": ">= 25", "static": ">= 0.5"})
        cpu = s.median("berth", "cpu")
        beside = f"static {s.median('static', 'cpu'):.0f} us, peer {s.median('peer', 'cpu'):.0f} us"
        rows.append(Row(work + ", CPU", f"{cpu:.0f} us", beside, cpu, "<= 75 us"))
    return rows
