# SPDX-License-Identifier: MIT
"""Test content: blobs, digests, manifests. Random where a test must not meet another test's bytes."""

import gzip
import hashlib
import io
import json
import os
import tarfile

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
OCTETS = "application/octet-stream"

ALGORITHMS = ("sha256", "sha512")


def random_bytes(size):
    return os.urandom(size)


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def absent_digest(algorithm="sha256"):
    """The digest of something nobody has."""
    return digest_of(os.urandom(32), algorithm)


def descriptor(data, media_type, algorithm="sha256", /, **more):
    return {"mediaType": media_type, "digest": digest_of(data, algorithm), "size": len(data), **more}


def encode(document):
    """JSON as clients write it; the registry has to keep exactly these bytes."""
    return json.dumps(document, indent=3).encode()


def layer_bytes(size=1000, name="file"):
    """A gzipped tar with one file of random bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = size
        tar.addfile(info, io.BytesIO(os.urandom(size)))
    return gzip.compress(out.getvalue(), mtime=0)


def config_bytes(layers=(), architecture="amd64"):
    """An image configuration. Its history makes each one unique."""
    return encode({
        "architecture": architecture, "os": "linux",
        "config": {"Cmd": ["/" + os.urandom(8).hex()]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(x)) for x in layers]},
    })


def image_manifest(config, layers, algorithm="sha256", **more):
    """An OCI image manifest over the bytes of its parts."""
    return {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG, algorithm),
        "layers": [descriptor(x, OCI_LAYER, algorithm) for x in layers], **more,
    }


def artifact_manifest(artifact_type, payload=b"{}", **more):
    """An artifact: empty configuration, a type of its own. Pass subject= to attach it to something."""
    return {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
        "config": descriptor(b"{}", OCI_EMPTY),
        "layers": [descriptor(payload, OCTETS if payload != b"{}" else OCI_EMPTY)], **more,
    }


def index(children, **more):
    """An OCI index over descriptors."""
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children, **more}
