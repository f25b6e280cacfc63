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


def large_layer(path, size):
    """Write a gzipped layer of this many random bytes without holding it in memory; returns its diff id."""
    plain = hashlib.sha256()

    class Tee(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            plain.update(data)
            return out.write(data)

    class Noise(io.RawIOBase):
        def read(self, n=-1):
            return os.urandom(n)

    # Stored, not deflated: random bytes do not shrink, and clients take a gzipped layer as it is.
    with gzip.open(path, "wb", compresslevel=0) as out, tarfile.open(fileobj=Tee(), mode="w|") as tar:
        info = tarfile.TarInfo("large")
        info.size = size
        tar.addfile(info, Noise())
    return "sha256:" + plain.hexdigest()


def large_layout(path, reference, sizes):
    """An OCI layout of one image whose layers have these sizes. Returns the manifest's digest."""
    path = Path(path)
    store = path / "blobs/sha256"
    store.mkdir(parents=True)
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    layers, diff_ids = [], []
    for size in sizes:
        diff_ids.append(large_layer(path / "layer", size))
        with open(path / "layer", "rb") as f:
            hexadecimal = hashlib.file_digest(f, "sha256").hexdigest()
        (path / "layer").rename(store / hexadecimal)
        layers.append({"mediaType": content.OCI_LAYER, "digest": "sha256:" + hexadecimal,
                       "size": (store / hexadecimal).stat().st_size})
    config = json.loads(image_config([]))
    config["rootfs"]["diff_ids"], config["history"] = diff_ids, []
    config = content.encode(config)
    manifest = content.encode({"schemaVersion": 2, "mediaType": content.OCI_MANIFEST, "layers": layers,
                               "config": content.descriptor(config, content.OCI_CONFIG)})
    for data in (config, manifest):
        (store / content.digest_of(data).split(":")[1]).write_bytes(data)
    named = content.descriptor(manifest, content.OCI_MANIFEST,
                               annotations={"org.opencontainers.image.ref.name": reference})
    (path / "index.json").write_text(json.dumps(content.index([named])))
    return named["digest"]
