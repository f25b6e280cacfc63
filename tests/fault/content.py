# SPDX-License-Identifier: MIT
"""Blobs and manifests that follow from a seed alone."""

import functools
import hashlib
import json
import random

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

#: (least, most) bytes and how often.
SIZES = (((0, 0), 4), ((2, 300), 30), ((301, 64 << 10), 44), ((64 << 10, 1 << 20), 17), ((1 << 20, 5 << 20), 5))


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class Blob:
    """Bytes named by where they come from; made again whenever they are needed."""

    def __init__(self, origin, algorithm="sha256", largest=5 << 20):
        self.origin, self.algorithm, self.largest = origin, algorithm, largest
        self.size, self.digest = measure(origin, algorithm, largest)

    def data(self):
        return make(self.origin, self.largest)

    def descriptor(self, media_type):
        return {"mediaType": media_type, "digest": self.digest, "size": self.size}


@functools.lru_cache(maxsize=64)
def make(origin, largest):
    rng = random.Random(origin)
    (least, most), = rng.choices([s for s, _ in SIZES], [w for _, w in SIZES])
    return rng.randbytes(rng.randint(min(least, largest), min(most, largest)))


@functools.lru_cache(maxsize=4096)
def measure(origin, algorithm, largest):
    data = make(origin, largest)
    return len(data), digest_of(data, algorithm)


class Manifest:
    """An image over blobs or an index over manifests, with its bytes."""

    def __init__(self, document):
        self.document = document
        self.data = json.dumps(document).encode()
        self.digest, self.size = digest_of(self.data), len(self.data)
        self.media_type = document["mediaType"]

    def descriptor(self):
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    @property
    def subject(self):
        return self.document.get("subject", {}).get("digest")

    @property
    def children(self):
        return [d["digest"] for d in self.document.get("manifests", ())]


def image(config, layers, mark, subject=None):
    document = {"schemaVersion": 2, "mediaType": IMAGE, "config": config.descriptor(CONFIG),
                "layers": [b.descriptor(LAYER) for b in layers], "annotations": {"mark": mark}}
    if subject:
        document.update(subject=subject, artifactType="application/vnd.example.signature")
    return Manifest(document)


def index(children, mark):
    return Manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": [c.descriptor() for c in children],
                     "annotations": {"mark": mark}})


def references(data):
    """(kind, digest) of all that a manifest's bytes need to be there."""
    document = json.loads(data)
    found = [("manifest", d["digest"]) for d in document.get("manifests", ())]
    found += [("blob", d["digest"]) for d in document.get("layers", ())]
    return found + ([("blob", document["config"]["digest"])] if "config" in document else [])
