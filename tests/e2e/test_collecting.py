# SPDX-License-Identifier: MIT
"""The torture of the collector in small (`make collecting` is the whole campaign): nothing acknowledged is lost, and then
just the live set is left."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

FAULT = Path(__file__).resolve().parents[1] / "fault"
sys.path.insert(0, str(FAULT))

import content  # noqa: E402
from collecting_ledger import Image, Ledger, now  # noqa: E402
from collecting_requests import Requests  # noqa: E402
from collecting_verdict import Verdict  # noqa: E402


def run(*arguments):
    """What it printed, as {name: number} and as text; the campaign has to succeed."""
    done = subprocess.run([sys.executable, FAULT / "collecting.py", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    return {name: int(count) for count, name in re.findall(r"^ *(\d+) (.+)$", done.stdout, re.M)}


# Programs that Apache starts by itself, and again after each kill, are slow: few keep up with two seconds.
@pytest.mark.parametrize(("server", "grace"), [("nginx", 2), ("apache", 2), ("apache-fcgid", 5)])
def test_nothing_is_lost_and_nothing_left_over_under_a_collector_that_is_killed_and_stopped(server, grace):
    # Until something was shown, however slow the machine: a promise of each way to one was used.
    figures = run("--server", server, "--seconds", 15, "--cycles", 8, "--promises", 1, "--grace", grace)
    for name in ("files retired", "images pulled"):
        assert figures[name] > 0, name


class Files:
    """A registry of these paths, as the oracle's requests see one."""

    def __init__(self, files):
        self.files = files

    def insist(self, method, path, body=None, before=None, **headers):
        before()
        data = self.files.get(path)
        if data is None:
            return (404, {}, b""), 0
        if method == "DELETE":
            del self.files[path]
            return (202, {}, b""), 0
        return (200, {"Docker-Content-Digest": path.rpartition("/")[2]}, data), 0


def test_the_oracle_gives_up_an_index_with_an_image_that_a_deletion_broke(tmp_path):
    ledger = Ledger(tmp_path, 5)
    config, layer, other = (content.Blob(name, largest=300) for name in ("config", "layer", "other"))
    broken = Image("r", content.image(config, [layer], "broken"), [config, layer])
    whole = Image("r", content.image(config, [other], "whole"), [config, other])
    index = Image("r", content.index([whole.manifest, broken.manifest], "index"), (), [whole, broken])
    with ledger.deleting_blob("r", layer.digest):  # while all that is pushed
        for one in (broken, whole, index):
            ledger.keep(one, now())
    wire = Files({f"/v2/r/blobs/{b.digest}": b.data() for b in (config, other)}
                 | {f"/v2/r/manifests/{i.digest}": i.manifest.data for i in (broken, whole, index)})
    requests = Requests("verdict", wire, ledger)
    Verdict(None, SimpleNamespace(ledger=ledger), None, SimpleNamespace(requests=requests)).find_out()
    assert list(ledger.images.values()) == [whole]
    assert [p for p in wire.files if "manifests" in p] == [f"/v2/r/manifests/{whole.digest}"]
    assert not ledger.violations


@pytest.mark.slow
@pytest.mark.parametrize("server", ["nginx", "apache", "apache-fcgid"])
def test_nothing_is_lost_in_a_hundred_collections(server):
    run("--server", server, "--cycles", 100)
