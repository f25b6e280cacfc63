# SPDX-License-Identifier: MIT
"""Debian's docker-registry as a peer: to see that a test asks for what registries do, and to share a data directory."""

import base64
import hashlib
import hmac
import json
import subprocess
from pathlib import Path

from .berth import as_user
from .process import Process, free_port


#: Signs the state of an upload, which docker-registry keeps in the address and not on disk.
SECRET = "known to the tests"


def upload_state(name, uuid, offset, started):
    """The `_state` of an upload's address at docker-registry: what it gives out itself after `offset` bytes."""
    state = json.dumps({"Name": name, "UUID": uuid, "Offset": offset, "StartedAt": started}).encode()
    mac = hmac.new(SECRET.encode(), state, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac + state).decode()


class Peer:
    def __init__(self, directory, settings=None, user=None):
        self.directory = Path(directory)
        settings = settings or {}
        unknown = set(settings) - {"root", "delete", "readonly"}
        if unknown:
            raise NotImplementedError(f"docker-registry has no {', '.join(sorted(unknown))}")
        self.root = Path(settings.get("root", self.directory / "peer"))
        self.delete = settings.get("delete", "yes") == "yes"
        self.readonly = settings.get("readonly", "no") == "yes"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process, self.user = None, user

    def write_config(self):
        storage = {"filesystem": {"rootdirectory": str(self.root)}, "delete": {"enabled": self.delete},
                   "maintenance": {"readonly": {"enabled": self.readonly}}}
        config = self.directory / "peer.yml"   # JSON is YAML too
        config.write_text(json.dumps({"version": 0.1, "log": {"level": "error"}, "storage": storage,
                                      "http": {"addr": f"127.0.0.1:{self.port}", "relativeurls": True,
                                               "secret": SECRET}}))
        return config

    def __enter__(self):
        self.root.mkdir(exist_ok=True)
        self.process = Process("peer", ["docker-registry", "serve", self.write_config()], self.directory,
                               **(as_user(self.user) if self.user else {}))
        self.access_log = self.process.log
        self.process.wait_until_accepting(self.port)
        return self

    def __exit__(self, *_):
        self.process.stop()

    def collect(self, *options):
        """Its garbage collection; returns the finished process. Both registries are to rest meanwhile."""
        return subprocess.run(["docker-registry", "garbage-collect", *options, self.write_config()],
                              capture_output=True, text=True, check=False,
                              **(as_user(self.user) if self.user else {}))

    def logs(self):
        return [self.process.log]
