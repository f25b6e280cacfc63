# SPDX-License-Identifier: MIT
"""Child processes that never outlive the tests, free ports, and waiting for a condition instead of sleeping."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
#: Of each worker of pytest, of whom ./check has twelve at most.
FIRST_PORT, PORTS, WORKERS = 20000, 1000, 12
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """Run in the child before exec: even a killed pytest leaves nothing behind."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on now: below those that outgoing connections get, and out of a range
    that each of pytest's workers has for itself, so that it is free still when a server takes it."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST_PORT + PORTS * (worker % WORKERS)
    for port in random.sample(range(first, first + PORTS), PORTS):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"no port is free from {first} on")


def wait_for(condition, what, seconds=30):
    """Poll until condition() is true, and return its value; fail with a sentence when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still no: {what}")
        time.sleep(0.02)


def can_connect(address):
    """Whether somebody accepts on a unix socket path or a TCP port of 127.0.0.1."""
    family = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
    target = ("127.0.0.1", address) if isinstance(address, int) else str(address)
    with contextlib.closing(socket.socket(family)) as s:
        return s.connect_ex(target) == 0


class Process:
    """One child with its output in a log file. Stopped by its process id, together with the group it leads."""

    def __init__(self, name, argv, log_dir, **popen):
        self.name = name
        self.log = os.path.join(log_dir, name + ".log")
        with open(self.log, "ab") as out:
            popen.setdefault("stdin", subprocess.DEVNULL)
            self.child = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=out, start_new_session=True,
                                          preexec_fn=die_with_parent, **popen)

    @property
    def pid(self):
        return self.child.pid

    def check_alive(self):
        """Fail with the log when the program has ended by itself. Returns True, so that it can sit in a condition."""
        code = self.child.poll()
        if code is not None:
            raise RuntimeError(f"{self.name} ended with {code}:\n{self.tail()}")
        return True

    def wait_until_accepting(self, address, seconds=30):
        wait_for(lambda: self.check_alive() and can_connect(address), f"{self.name} accepting on {address}", seconds)

    def tail(self, size=4000):
        return tail(self.log, size)

    def stop(self, sig=signal.SIGTERM, seconds=20):
        """Signal the program, wait, and kill what is left of its group."""
        if self.child.poll() is None:
            self.child.send_signal(sig)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        return self.child.returncode


def tail(path, size=4000):
    """The end of a log file, as text."""
    try:
        with open(path, "rb") as f:
            f.seek(max(0, os.path.getsize(path) - size))
            return f.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
