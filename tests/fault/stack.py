# SPDX-License-Identifier: MIT
"""A registry that is killed and comes back: sockets that stay, as systemd keeps them, and programs started again."""

import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

import webserver  # noqa: E402
from harness.berth import ROUTES, WORKERS, Berth, as_user, build_dir  # noqa: E402,F401
from harness.process import Process  # noqa: E402

SERVERS = ("nginx", "apache")


class KeptBerth(Berth):
    """Pools as berth@.socket and berth@.service make them: the socket is held by who starts them, and is their fd 0."""

    def __init__(self, directory):
        super().__init__(directory)
        self.listeners = {}
        self.environment = dict(os.environ)

    def listener(self, route):
        if route not in self.listeners:
            listener = self.listeners[route] = socket.socket(socket.AF_UNIX)
            path = self.socket(route)
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            if os.geteuid() == 0:
                shutil.chown(path, self.owner, "www-data")
            path.chmod(0o660)
            listener.listen(4096)
        return self.listeners[route]

    def start_pool(self, route):
        argv = [self.programs / route, "-c", self.config, *WORKERS[route]]
        self.pools[route] = Process(route, argv, self.directory, stdin=self.listener(route),
                                    env=self.environment, **as_user(self.owner))

    def workers(self, route):
        """Process ids of a pool's workers."""
        return children(self.pools[route].pid)

    def restart_dead(self, grace=True):
        """Start pools again whose master is gone. Without `grace` their last workers are killed before."""
        for route, pool in self.pools.items():
            if pool.child.poll() is not None:
                if not grace:
                    pool.stop()
                self.start_pool(route)

    def kill_all(self):
        for pool in self.pools.values():
            pool.stop(signal.SIGKILL)


class Stack:
    """Context manager: programs and web server in a directory of their own, both of which can be started anew."""

    def __init__(self, server, berth_class=KeptBerth):
        self.server, self.berth_class = server, berth_class

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="berth-"))
        self.berth = self.berth_class(self.directory)
        self.web = None
        try:
            self.berth.__enter__()
            self.start_web()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.web:
            self.web.__exit__()
        self.berth.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start_web(self):
        make = webserver.Nginx if self.server == "nginx" else webserver.Apache
        if self.web is None:
            self.web = make(self.berth.root, self.berth.sockets, directory=self.directory / "web")
            self.web.__enter__()
        else:
            # The same address: clients are waiting for it to come back.
            self.web.start(self.web.write_configuration())

    @property
    def url(self):
        return self.web.url

    def kill_web(self):
        """The master, and then, as an init system would, what it left behind."""
        self.web.stop(signal.SIGKILL)

    def kill_everything(self):
        self.kill_web()
        self.berth.kill_all()

    def start_everything(self):
        self.berth.restart_dead()
        self.start_web()
        for route in ROUTES:
            self.berth.pools[route].wait_until_accepting(self.berth.socket(route))


def children(pid):
    """Processes whose parent this is."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_busy(pid):
    """Whether a worker has a connection open: sockets beside the one it accepts on."""
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd") if fd != "0"]
    except OSError:
        return False
    return any(link.startswith("socket:") for link in links)
