# SPDX-License-Identifier: MIT
"""What is measured: Berth behind nginx, plain and with TLS, plain files of the same nginx, and docker-registry."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from measure import MIB, Watch, run, run_json

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import webserver  # noqa: E402
from harness.berth import Berth, as_user, build_dir  # noqa: E402
from harness.client import Client  # noqa: E402
from harness.content import OCI_MANIFEST, config_bytes, encode, image_manifest, layer_bytes  # noqa: E402
from harness.peer import Peer  # noqa: E402
from harness.process import free_port  # noqa: E402
from harness.repository import Repository  # noqa: E402

NAME = "bench/app"
STATIC_SITE = """
    server {{
        listen 127.0.0.1:{port};
        root "{root}";
        access_log off;
        default_type application/octet-stream;
        sendfile on;
        tcp_nopush on;
    }}
"""


class QuietPeer(Peer):
    """docker-registry at its best: without a line for each request."""

    def write_config(self):
        config = super().write_config()
        settings = json.loads(config.read_text())
        settings["log"]["accesslog"] = {"disabled": True}
        config.write_text(json.dumps(settings))
        return config


class Server:
    """One of the servers that are compared: where it listens, whose CPU time counts, what it holds."""

    def __init__(self, url, pids, root=None, ca=None):
        self.url, self.pids, self.root = url, pids, root
        self.client = Client(url, ca=ca)
        self.port, self.ca = self.client.port, ca
        self.repository = Repository(self.client, NAME)

    def watch(self):
        return Watch(self.pids)

    def data_of(self, digest):
        """The file of a blob."""
        value = digest.partition(":")[2]
        return self.root / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"

    def forget(self, digest):
        """Take a blob away, so that a push of it is the first one again, and leave the disk nothing to do."""
        shutil.rmtree(self.data_of(digest).parent, ignore_errors=True)
        os.sync()


class Scene:
    """Context manager: all servers up, with the same content. Attributes: berth, tls, static, peer (Server), pools."""

    def __init__(self, large_mib):
        self.large_mib = large_mib
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        self.tools = build_dir() / "tests/bench"
        # Short, because a unix socket's path has at most 108 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="berth-bench-"))
        self.stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        try:
            self.start()
            self.fill()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self):
        enter = self.stack.enter_context
        self.programs = enter(Berth(self.directory))
        self.pools = [pool.pid for pool in self.programs.pools.values()]
        self.files = self.directory / "static"
        self.files.mkdir()
        static_port = free_port()
        root, sockets = self.programs.root, self.programs.sockets
        nginx = enter(webserver.Nginx(root, sockets, directory=self.directory / "web", site="access_log off;",
                                      http=STATIC_SITE.format(port=static_port, root=self.files)))
        tls = enter(webserver.Nginx(root, sockets, mode="tls", directory=self.directory / "tls",
                                    site="access_log off;"))
        peer = enter(QuietPeer(self.directory))
        self.berth = Server(nginx.url, [nginx.pid, *self.pools], root)
        self.tls = Server(tls.url, [tls.pid, *self.pools], root, tls.ca)
        self.static = Server(f"http://127.0.0.1:{static_port}", [nginx.pid])
        self.peer = Server(peer.url, [peer.process.pid], peer.root)

    def fill(self):
        """One image, a blob of 64 KiB, and a large file to push and pull, everywhere the same."""
        layers = [layer_bytes(300) for _ in range(4)]
        config = config_bytes(layers)
        self.manifest = encode(image_manifest(config, layers))
        self.manifest_digest = "sha256:" + hashlib.sha256(self.manifest).hexdigest()
        small = os.urandom(64 * 1024)
        self.blobs = [config, *layers, small]
        self.small_digest = "sha256:" + hashlib.sha256(small).hexdigest()
        for server in (self.berth, self.peer):
            self.fill_registry(server)
        (self.files / "manifest").write_bytes(self.manifest)
        (self.files / "small").write_bytes(small)
        self.large = self.directory / "large"
        self.large_digest = make_large(self.large, self.large_mib)

    def fill_registry(self, server):
        server.repository.push_blobs(*self.blobs)
        server.repository.put_manifest(self.manifest, "v1", OCI_MANIFEST)

    def tool(self, name, *arguments, authorization=None, tls=False):
        """Run one of the C programs; its figures."""
        more = {**({"AUTHORIZATION": authorization} if authorization else {}), **({"TLS": "1"} if tls else {})}
        return run_json(self.tools / name, *arguments, env={**os.environ, **more})

    def push_large(self, server, way):
        """POST and PUT ("put"), or POST, PATCH of unknown length and PUT ("patch"); returns wall and CPU seconds."""
        base = ["curl", "-sS", "--fail", "-o", "/dev/null", "-D", "-", "-H", "Expect:"]
        base += ["--cacert", server.ca] if server.ca else []
        octets = ["-H", "Content-Type: application/octet-stream"]
        server.forget(self.large_digest)
        with server.watch() as watch:
            location = location_in(run(*base, "-X", "POST", server.url + server.repository.uploads))
            if way == "patch":
                location = location_in(run(*base, *octets, "-X", "PATCH", "-H", "Transfer-Encoding: chunked",
                                           "-T", self.large, server.url + location))
            body = ["-X", "PUT", "-d", ""] if way == "patch" else ["-T", self.large]
            query = ("&" if "?" in location else "?") + "digest=" + self.large_digest
            run(*base, *octets, *body, server.url + location + query)
        size = server.data_of(self.large_digest).stat().st_size
        if size != self.large_mib * MIB:
            raise RuntimeError(f"{server.url} stored {size} bytes")
        return {"wall": watch.wall, "cpu": watch.cpu}

    def limit(self):
        """What a push of the large file costs one thread at least."""
        target = self.directory / f"limit-{secrets.token_hex(4)}"
        os.sync()
        try:
            return {"wall": self.tool("limit", self.large, target)["seconds"]}
        finally:
            target.unlink(missing_ok=True)


def plant(scene, programs, *what):
    """Fill the tree of a Berth by tests/bench/plant; what that says of it."""
    tree = programs.root / "docker/registry/v2"
    # A copy, as of the programs: its owner may not be let into the checkout.
    tool = shutil.copy(scene.tools / "plant", programs.programs)
    run("mkdir", "-p", tree, **as_user(programs.owner))
    return run_json(tool, tree, *what, **as_user(programs.owner))


def make_large(path, mib):
    """A file of random bytes; returns its digest."""
    digest = hashlib.sha256()
    with open(path, "wb") as out:
        for _ in range(mib):
            piece = os.urandom(MIB)
            digest.update(piece)
            out.write(piece)
    return "sha256:" + digest.hexdigest()


def location_in(head):
    for line in head.splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "location":
            return value.strip()
    raise RuntimeError(f"no Location in {head!r}")
