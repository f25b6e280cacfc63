# SPDX-License-Identifier: MIT
"""The programs under test: one pool each on a unix socket, as spawn-fcgi starts them, on a fresh data directory."""

import os
import shutil
import subprocess
from pathlib import Path

from .process import Process

ROUTES = ("version", "catalog", "tags", "referrers", "manifest", "blob", "upload", "token")
WORKERS = {"version": ["-w", "1"], "catalog": ["-w", "1"], "tags": ["-w", "2"], "referrers": ["-w", "2"],
           "manifest": ["-w", "4"], "blob": ["-w", "4"], "upload": ["-w", "8", "-t", "32"], "token": ["-w", "2"]}
CHECKOUT = Path(__file__).resolve().parents[3]


def build_dir():
    """A build tree or an installed prefix."""
    return Path(os.environ.get("BERTH_BUILD", CHECKOUT / "build")).resolve()


def find_programs(build):
    """{name: path} of the programs and of the administrator's command."""
    for routes, command in ((build / "fcgi", build / "src/berth"), (build / "libexec/berth", build / "bin/berth")):
        if (routes / "manifest").exists():
            return {**{r: routes / r for r in ROUTES}, "berth": command}
    raise FileNotFoundError(f"no Berth in {build}: set BERTH_BUILD to a build tree or an installed prefix")


def as_user(name):
    """Popen arguments to run as this user in the web server's group; nothing when we are not root ourselves."""
    if os.geteuid() != 0:
        return {}
    return {"user": name, "group": "www-data", "extra_groups": []}


class Berth:
    """Configuration, data directory, sockets. Context manager; start=False leaves the programs to the web server, and a
    storage (harness.storage) is mounted on the data directory."""

    def __init__(self, directory, settings=None, owner="nobody", start=True, storage=None):
        self.directory, self.owner, self.start, self.storage = Path(directory), owner, start, storage
        self.root = self.directory / "data"
        self.sockets = self.directory / "run"
        self.programs = self.directory / "libexec"
        self.config = self.directory / "berth.conf"
        self.settings = {"root": self.root, "log": "errors", **(settings or {})}
        self.pools = {}

    def __enter__(self):
        self.directory.chmod(0o711)
        # A copy, so that a user who may not enter the checkout (under /root, say) can run it.
        self.programs.mkdir()
        for name, path in self.find_programs().items():
            shutil.copy(path, self.programs / name)
        self.write_config()
        for path in (self.root, self.sockets):
            path.mkdir()
        try:
            if self.storage:
                self.storage.mount(self.root)
            for path in (self.root, self.sockets):
                if os.geteuid() == 0:
                    shutil.chown(path, self.owner, "www-data")
                path.chmod(0o2750)
            self.make_token_keys()
            if self.start:
                for route in ROUTES:
                    self.start_pool(route)
                for route, pool in self.pools.items():
                    pool.wait_until_accepting(self.socket(route))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for pool in self.pools.values():
            pool.stop()
        if self.storage:
            self.storage.unmount()

    @staticmethod
    def find_programs():
        return find_programs(build_dir())

    def socket(self, route):
        return self.sockets / f"{route}.sock"

    def write_config(self, **changes):
        """Write berth.conf as a whole and at once, as an editor does that renames over the old file."""
        self.settings.update(changes)
        new = self.config.with_suffix(".new")
        new.write_text("".join(f"{k} = {v}\n" for k, v in self.settings.items()))
        new.chmod(0o644)
        new.rename(self.config)

    def make_token_keys(self):
        """What tokens are signed with, where there are any."""
        if "token_keys" not in self.settings:
            return
        directory = Path(self.settings["token_keys"]).parent
        directory.mkdir()
        if os.geteuid() == 0:
            shutil.chown(directory, self.owner, "www-data")
        self.command("token", "key")

    def command(self, *words):
        """Run the administrator's command as the owner of the data directory; its output."""
        argv = [self.programs / "berth", *words, "-c", self.config]
        return subprocess.run(argv, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              **as_user(self.owner)).stdout

    def start_pool(self, route):
        argv = ["spawn-fcgi", "-n", "-s", self.socket(route), "-M", "0660", "-b", "4096", "--",
                self.programs / route, "-c", self.config, *WORKERS[route]]
        self.pools[route] = Process(route, argv, self.directory, **as_user(self.owner))

    def logs(self):
        return [pool.log for pool in self.pools.values()]
