# SPDX-License-Identifier: MIT
"""Debian's docker-registry as a peer: to see that a test asks for what registries do, and to share a data directory."""

import json
from pathlib import Path

from .berth import as_user
from .process import Process, free_port


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
                                      "http": {"addr": f"127.0.0.1:{self.port}", "relativeurls": True}}))
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

    def logs(self):
        return [self.process.log]
