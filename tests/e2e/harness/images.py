# SPDX-License-Identifier: MIT
"""Tiny images written as files, for clients to load: no network, no build tool, and every byte is known."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

from . import content


def layer_tar(files):
    """An uncompressed layer: {name: bytes}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def random_layers(count=2, size=5000):
    """Layers nobody has pushed before."""
    return [layer_tar({f"file{i}": os.urandom(size)}) for i in range(count)]


def image_config(layers, architecture="amd64"):
    return content.encode({
        "architecture": architecture, "os": "linux", "created": "2026-01-01T00:00:00Z",
        "config": {"Cmd": ["/file0"], "Labels": {"id": os.urandom(8).hex()}},
        "rootfs": {"type": "layers", "diff_ids": [content.digest_of(x) for x in layers]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "test"} for _ in layers],
    })


def docker_archive(path, names, layers=None):
    """What docker save writes and docker load reads. Returns the image's id."""
    layers = layers or random_layers()
    config = image_config(layers)
    files = {f"{hashlib.sha256(x).hexdigest()}.tar": x for x in layers}
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    files[config_name] = config
    listing = [{"Config": config_name, "RepoTags": names, "Layers": [n for n in files if n.endswith(".tar")]}]
    files["manifest.json"] = json.dumps(listing).encode()
    Path(path).write_bytes(layer_tar(files))
    return content.digest_of(config)


def oci_layout(path, reference="latest", architectures=("amd64",), layers=None):
    """An OCI image layout directory; with several architectures the reference names an index. Returns its digest."""
    path = Path(path)
    (path / "blobs/sha256").mkdir(parents=True)
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def store(data, media_type, **more):
        described = content.descriptor(data, media_type, **more)
        (path / "blobs/sha256" / described["digest"].split(":")[1]).write_bytes(data)
        return described

    children = []
    for architecture in architectures:
        tars = layers or random_layers()
        config = store(image_config(tars, architecture), content.OCI_CONFIG)
        stored = [store(gzip.compress(x, mtime=0), content.OCI_LAYER) for x in tars]
        manifest = {"schemaVersion": 2, "mediaType": content.OCI_MANIFEST, "config": config, "layers": stored}
        children.append(store(content.encode(manifest), content.OCI_MANIFEST,
                              platform={"os": "linux", "architecture": architecture}))
    top = children[0] if len(children) == 1 else store(content.encode(content.index(children)), content.OCI_INDEX)
    named = {**top, "annotations": {"org.opencontainers.image.ref.name": reference}}
    (path / "index.json").write_text(json.dumps(content.index([named])))
    return top["digest"]


def pack(directory, path):
    """An OCI layout directory as one tar, for clients that import archives."""
    with tarfile.open(path, "w") as tar:
        for file in sorted(Path(directory).rglob("*")):
            tar.add(file, file.relative_to(directory), recursive=False)
    return path
