# SPDX-License-Identifier: MIT
"""A running registry as the tests see it: a URL, a data directory, an access log, settings that can change."""

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from .access import Access, TokenClient
from .client import Client
from .front import FRONTS, start_front
from .process import tail, wait_for

#: Every way to run a registry that the tests know. Never part of a default run: "peer", which is docker-registry, and
#: "url", one that runs already at BERTH_URL (its tree at BERTH_ROOT, the web server's access log at BERTH_LOG).
KINDS = (*FRONTS, "peer", "url")
CONFORMANCE_KINDS = ("nginx", "apache-proxy", "apache-fcgid")
#: And these where minutes do not count (./check --all).
MORE_CONFORMANCE_KINDS = ("lighttpd",)


class Registry:
    """Context manager: one registry of the given kind in a temporary directory of its own. `web`: more for its web server,
    `access`: of a kind with users, who they are and what they may. `tokens` is the TokenServer of a kind with Bearer tokens,
    else None."""

    def __init__(self, kind, storage=None, web=None, access=Access(), **settings):
        self.kind, self.storage, self.web, self.access, self.settings = kind, storage, web or {}, access, settings
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        # Short, because a unix socket's path has at most 108 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="berth-"))
        self.stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        try:
            self.start()
        except BaseException:
            self.print_logs()
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self):
        self.berth = self.user = self.ca = self.tokens = None
        if self.kind == "peer":
            from .peer import Peer
            self.front = self.stack.enter_context(Peer(self.directory, self.settings))
        elif self.kind == "url":
            self.front = Running()
        else:
            start_front(self)
        self.url, self.root, self.access_log = self.front.url, self.front.root, Path(self.front.access_log)
        self.client = self.client_of(self.user)

    @property
    def netloc(self):
        """HOST:PORT as clients put it before a repository's name."""
        return self.client.netloc

    def client_of(self, user):
        """A client of this user, a pair of name and password; by tokens, where there are any."""
        if self.tokens:
            return TokenClient(self.url, self.tokens, user, self.ca)
        return Client(self.url, user, self.ca)

    @property
    def is_limited(self):
        """Whether a policy or tokens say who may do what."""
        return self.kind.endswith(("-policy", "-bearer"))

    def anonymous(self):
        """A client that shows nothing at all."""
        return Client(self.url, ca=self.ca)

    @property
    def policy(self):
        """The file of the policy, where the web server looks for it."""
        return self.directory / "policy"

    def write_policy(self, text):
        """Write the policy as a whole and at once. It counts with the next request, once berth.conf names it."""
        new = self.policy.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        new.rename(self.policy)

    def reconfigure(self, **changes):
        """Change keys of the configuration file of the running registry."""
        self.berth.write_config(**changes)

    def path(self, *parts):
        """A path in the registry's tree on disk."""
        return Path(self.root, "docker/registry/v2", *parts)

    def settle_log(self):
        """Wait for the lines of requests answered until now, which may be written after their answers were sent: the
        line of a request of our own comes after them."""
        before = os.path.getsize(self.access_log)
        mark = f"/v2/?mark={secrets.token_hex(8)}"
        self.client.get(mark)
        wait_for(lambda: mark in read_from(self.access_log, before), "the access log's mark")

    @contextlib.contextmanager
    def requests(self):
        """The request lines ("METHOD /path") the web server logs inside the with block, as a list filled at its end."""
        self.settle_log()
        before = os.path.getsize(self.access_log)
        seen = []
        yield seen
        self.settle_log()
        seen += [line for line in request_lines(read_from(self.access_log, before)) if "/v2/?mark=" not in line]

    def print_logs(self):
        logs = [Path(p) for p in getattr(getattr(self, "front", None), "logs", list)()]
        if getattr(self, "berth", None):
            logs += map(Path, self.berth.logs())
        for log in logs or sorted(self.directory.rglob("*.log")):
            text = tail(log)
            if text:
                print(f"--- {self.kind} {log.name}\n{text}")


class Running:
    """A registry somebody else started."""

    def __init__(self):
        self.url = os.environ["BERTH_URL"].rstrip("/")
        self.root = os.environ.get("BERTH_ROOT", "/nonexistent")
        self.access_log = os.environ.get("BERTH_LOG", "/nonexistent")

    @staticmethod
    def logs():
        return []


def read_from(path, offset):
    with open(path, "rb") as f:
        f.seek(offset)
        return f.read().decode(errors="replace")


def request_lines(text):
    """METHOD and target out of log lines of the combined format."""
    for line in text.splitlines():
        fields = line.split('"')
        words = fields[1].split() if len(fields) > 1 else []
        if len(words) == 3 and words[2].startswith("HTTP/"):
            yield f"{words[0]} {words[1]}"
