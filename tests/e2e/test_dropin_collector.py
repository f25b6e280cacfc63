# SPDX-License-Identifier: MIT
"""Content at which docker-registry's collector stops: `berth check --distribution` lists it, and no other; a push of it
is warned of where the key says so. Tried on docker-registry itself, one content in a tree at a time."""

import json
import subprocess

import pytest

from harness import content
from harness.berth import build_dir, find_programs
from harness.content import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, descriptor, digest_of
from harness.peer import Peer
from harness.process import tail
from harness.tree import Tree

NAME = "team/app"
CONFIG, LAYER = b"{}", b"layer"
CHILD = {"mediaType": OCI_MANIFEST, "digest": content.absent_digest(), "size": 7}


def image(layer=None, **more):
    layers = [{**descriptor(LAYER, content.OCI_LAYER), **(layer or {})}]
    return without_absent({**content.image_manifest(CONFIG, []), "layers": layers, **more})


def index(child=None, **more):
    return without_absent(content.index([{**CHILD, **child}] if child is not None else [], **more))


def without_absent(document):
    return {k: v for k, v in document.items() if v is not ...}


def with_text(document, old, new):
    """A document as JSON that json.dumps would not write."""
    text = json.dumps(document)
    assert old in text
    return text.replace(old, new).encode()


def of_size(size):
    head = json.dumps(index(annotations={"x": ""}))
    return head.replace('"x": ""', '"x": "' + "x" * (size - len(head)) + '"').encode()


#: name: (the manifest, whether 2.8 stops, whether 3 does by its sources)
MANIFESTS = {
    "an OCI image": (image(), False, False),
    "a Docker image": (image(mediaType=DOCKER_MANIFEST), False, False),
    "an index": (index({"platform": {"os": "linux", "architecture": "arm64"}}), False, False),
    "a manifest list": (index({"platform": {"os": "linux"}}, mediaType=DOCKER_LIST), False, False),
    "an empty index": (index(), False, False),
    "an image without mediaType": (image(mediaType=...), False, False),
    "an index without mediaType": (index({}, mediaType=...), False, False),
    "an artifact": (image(artifactType="a/b", subject=CHILD), False, False),
    "a negative size": (image({"size": -5}), False, False),
    "a layer of another algorithm": (image({"digest": "blake3:" + "a" * 64}), False, False),
    "a digest that is none": (image({"digest": "hello"}), False, False),
    "no config": (image(config=...), False, False),
    "a null layer": (image(layers=[None]), False, False),
    "null layers": (image(layers=None), False, False),
    "a null annotation": (image(annotations={"a": None}), False, False),
    "4 MiB": (of_size(4 << 20), False, False),
    "Docker annotations that are numbers": (image(mediaType=DOCKER_MANIFEST, annotations={"a": 1}), False, False),
    "features of a layer's platform": (image({"platform": {"features": [1]}}), False, False),
    "schema 1": ({"schemaVersion": 1, "name": NAME, "tag": "v1", "architecture": "amd64",
                  "fsLayers": [{"blobSum": digest_of(LAYER)}], "history": [{"v1Compatibility": "{}"}]}, False, True),
    "data that is no base64": (image({"data": "!!"}), False, True),
    "an artifactType of a layer that is a number": (image({"artifactType": 5}), False, True),
    "index annotations that are numbers": (index(annotations={"a": 1}), False, True),

    "an unknown mediaType": (image(mediaType="application/vnd.example+json"), True, True),
    "an OCI artifact manifest": ({"mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": []}, True, True),
    "a mediaType in capitals": (image(mediaType=OCI_MANIFEST.upper()), True, True),
    "a mediaType with parameters": (image(mediaType=OCI_MANIFEST + ";a=b"), True, True),
    "a second mediaType in another case": (image(MediaType="x/y"), True, True),
    "no schemaVersion": (image(schemaVersion=...), True, True),
    "schemaVersion 3": (image(schemaVersion=3), True, True),
    "schemaVersion as text": (image(schemaVersion="2"), True, True),
    "schemaVersion 2.0": (with_text(image(), '"schemaVersion": 2', '"schemaVersion": 2.0'), True, True),
    "more than 4 MiB": (of_size((4 << 20) + 1), True, True),
    "no bytes": (b"", True, True),
    "an array": (b"[]", True, True),
    "null": (b"null", True, True),
    "a config that is a text": (image(config="x"), True, True),
    "layers that are an object": (image(layers={}), True, True),
    "a size that is a text": (image({"size": "5"}), True, True),
    "a size with an exponent": (with_text(image({"size": 4711}), "4711", "1e1"), True, True),
    "a size beyond 63 bits": (image({"size": 2**63}), True, True),
    "annotations that are numbers": (image(annotations={"a": 1}), True, True),
    "annotations in an array": (image(annotations=[]), True, True),
    "layer annotations that are numbers": (image({"annotations": {"a": 1}}), True, True),
    "urls that are a text": (image({"urls": "x"}), True, True),
    "an architecture that is a number": (index({"platform": {"architecture": 5}}), True, True),
    "the same without mediaType": (index({"platform": {"architecture": 5}}, mediaType=...), True, True),
    "an os of a layer that is a number": (image({"platform": {"os": 5}}), True, True),
    "os.features that are a text": (index({"platform": {"os.features": "x"}}), True, True),
    "features that are numbers": (index({"platform": {"features": [1]}}), True, False),
    "a platform that is a text": (index({"platform": "x"}), True, True),
}

#: Broken JSON by our reading. Go reads some of it, so the list says "may stop".
DOUBTFUL = {
    "a key twice": with_text(image(), '"schemaVersion": 2', '"schemaVersion": 2, "x": 1, "x": 2'),
    "bytes that are not UTF-8": with_text(image(), '"schemaVersion": 2', '"schemaVersion": 2, "x": "?"').replace(b"?", b"\xff"),
    "no JSON": b"hello",
    "something behind the JSON": json.dumps(image()).encode() + b" x",
}


class Scene:
    """A tree planted by hand, and what both programs make of it."""

    def __init__(self, directory):
        self.directory, self.root = directory, directory / "data"
        self.root.mkdir()
        self.tree = Tree(self.root)
        for blob in (CONFIG, LAYER):
            self.add_blob(blob)

    def add_blob(self, data):
        digest = digest_of(data)
        self.tree.write(self.tree.data(digest), data)
        self.tree.write(self.tree.layer(NAME, digest), digest)

    def add_manifest(self, document, tag="v1"):
        data = document if isinstance(document, bytes) else content.encode(document)
        digest = digest_of(data or b"lost in a crash")
        self.tree.write(self.tree.data(digest), data)
        self.tree.write(self.tree.revision(NAME, digest), digest)
        self.tree.write(self.tree.tag(NAME, tag), digest)
        return digest

    def collector_stops(self, *options):
        # A Peer that is not started: only its settings are needed.
        done = Peer(self.directory, {"root": self.root}).collect(*options)
        assert (done.returncode != 0) == ("failed to garbage collect" in done.stderr or "panic" in done.stderr), done
        return done.returncode != 0

    def findings(self):
        config = self.directory / "berth.conf"
        config.write_text(f"root = {self.root}\n")
        done = subprocess.run([find_programs(build_dir())["berth"], "check", "--distribution", "-c", config],
                              capture_output=True, text=True, check=False)
        assert done.stderr == "" and done.returncode == (1 if done.stdout else 0), done
        return done.stdout.splitlines()


def releases(line):
    """The releases a line of the list is about."""
    between = line.split(": the collector of ", 1)[1]
    return {r for r in ("2.8", "3") if r in between.split(" stops:")[0].split()}


@pytest.mark.parametrize("what", MANIFESTS)
def test_the_list_names_the_manifests_at_which_the_collector_stops(tmp_path, what):
    document, stops_2, stops_3 = MANIFESTS[what]
    scene = Scene(tmp_path)
    digest = scene.add_manifest(document)
    lines = scene.findings()
    assert scene.collector_stops() == stops_2
    assert len(lines) == (stops_2 or stops_3), lines
    if lines:
        assert lines[0].startswith(f"{NAME} {digest}: the collector of "), lines
        assert releases(lines[0]) == {r for r, stops in (("2.8", stops_2), ("3", stops_3)) if stops}


@pytest.mark.parametrize("what", DOUBTFUL)
def test_the_list_says_where_it_cannot_tell(tmp_path, what):
    scene = Scene(tmp_path)
    scene.add_manifest(DOUBTFUL[what])
    (line,) = scene.findings()
    assert " 2.8 and 3 may stop: " in line


ABSENT = content.absent_digest()
#: name: (what is done to a tree with one image, whether it stops then, whether it does with -m)
LITTER = {
    "nothing": (lambda tree, image: None, False, False),
    "an empty revision link": (lambda tree, image: tree.write(tree.revision(NAME, ABSENT), ""), True, True),
    "a revision link of rubbish": (lambda tree, image: tree.write(tree.revision(NAME, ABSENT), "rubbish"), True, True),
    "a revision of an absent manifest": (lambda tree, image: tree.write(tree.revision(NAME, ABSENT), ABSENT), False, False),
    "an empty revision directory": (lambda tree, image: tree.make_directory(tree.revision(NAME, ABSENT).parent), False, False),
    "a manifest's data lost": (lambda tree, image: tree.remove(tree.data(image)), False, False),
    "an empty tag": (lambda tree, image: tree.write(tree.tag(NAME, "x"), ""), False, True),
    "a tag of rubbish": (lambda tree, image: tree.write(tree.tag(NAME, "x"), "rubbish"), False, True),
    "a tag without current": (lambda tree, image: tree.make_directory(tree.tag(NAME, "x").parent), False, False),
    "a file among the tags": (lambda tree, image: tree.write(tree.repository(NAME, "_manifests/tags/x"), ""), False, True),
    "no tags": (lambda tree, image: tree.remove(tree.repository(NAME, "_manifests/tags")), False, True),
    "no manifests": (lambda tree, image: tree.remove(tree.repository(NAME, "_manifests")), False, False),
    "a tmp file": (lambda tree, image: tree.write(tree.revision(NAME, image).with_name("link.1.tmp"), ""), False, False),
}


@pytest.mark.parametrize("what", LITTER)
def test_the_list_names_the_litter_at_which_the_collector_stops(tmp_path, what):
    damage, stops, stops_with_m = LITTER[what]
    scene = Scene(tmp_path)
    damage(scene.tree, scene.add_manifest(image()))
    lines = scene.findings()
    assert any(releases(line) >= {"2.8"} and " -m " not in line for line in lines) == stops, lines
    assert any(releases(line) >= {"2.8"} for line in lines) == stops_with_m, lines
    assert scene.collector_stops("--dry-run") == stops
    assert scene.collector_stops("--dry-run", "-m") == stops_with_m


def test_the_list_names_what_the_collector_would_take_away(tmp_path):
    """A sha512 upload stands under its sha256; a manifest keeps the name it uses, and so not the bytes."""
    scene, data = Scene(tmp_path), content.random_bytes(50)
    alias = digest_of(data, "sha512")
    scene.add_blob(data)
    scene.tree.write(scene.tree.layer(NAME, alias), digest_of(data))
    digest = scene.add_manifest(image({"digest": alias}))
    (line,) = scene.findings()
    assert line == (f"{NAME} {digest}: the collector of 2.8 and 3 deletes what is needed: it refers to {alias}, "
                    "whose bytes are stored under another digest")
    assert not scene.collector_stops()
    assert not scene.tree.data(digest_of(data)).exists()


def test_the_list_names_a_repository_the_collector_does_not_see(tmp_path):
    scene = Scene(tmp_path)
    digest = scene.add_manifest(index())
    scene.tree.remove(scene.tree.repository(NAME, "_layers"))
    lines = scene.findings()
    assert len(lines) == 2 and lines[0].startswith(f"{NAME} _layers: the collector of 2.8 deletes what is needed: ")
    assert releases(lines[1]) == {"3"}
    assert not scene.collector_stops()
    assert not scene.tree.data(digest).exists()


@pytest.mark.kinds("nginx", "apache-proxy")
@pytest.mark.settings(warn_distribution="yes", sparse="yes", manifest_limit="8M", log="all")
def test_a_push_is_warned_of_exactly_what_the_list_names(repository, registry):
    repository.push_blobs(CONFIG, LAYER)
    pushed = {True: [], False: []}
    for what, (document, stops_2, stops_3) in MANIFESTS.items():
        data = document if isinstance(document, bytes) else content.encode(document)
        answer = repository.client.put(repository.manifest("v1"), data)
        if answer.status != 201:
            continue
        warning = answer.header("Warning")
        assert (warning is not None) == (stops_2 or stops_3), f"{what}: {answer}"
        if warning is not None:
            assert warning.startswith('299 - "the garbage collector of CNCF Distribution ') and warning.endswith('"')
        pushed[warning is not None].append(what)
    assert len(pushed[True]) >= 6 and len(pushed[False]) >= 8, pushed
    log = tail(registry.berth.pools["manifest"].log, 100_000)
    assert "would stop at this manifest: mediaType is none it knows" in log


@pytest.mark.kinds("nginx")
def test_without_the_key_a_push_is_not_warned_of(repository):
    document = {"schemaVersion": 2, "mediaType": "application/vnd.example+json"}
    answer = repository.put_manifest(document, "v1")
    assert answer.header("Warning") is None, str(answer)
