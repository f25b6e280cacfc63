# SPDX-License-Identifier: MIT
"""The registry of the collecting campaign: behind nginx or Apache, with a short grace, and its processes to be hurt."""

import os
from pathlib import Path

import webserver
from stack import Berth, KeptBerth, Stack

#: How Apache reaches the programs: over the sockets of pools, or as those it starts by itself.
SERVERS = ("nginx", "apache", "apache-fcgid")


class CollectingStack(Stack):
    """`grace` in seconds. Uploads that nobody goes on with expire after four of them."""

    def __init__(self, server, grace):
        super().__init__(server, self.make_berth)
        self.settings = {"grace": f"{grace}s", "upload_age": f"{4 * grace}s"}

    def make_berth(self, directory):
        if self.server == "apache-fcgid":
            return Berth(directory, self.settings, owner="www-data", start=False)
        berth = KeptBerth(directory)
        berth.settings.update(self.settings)
        return berth

    def start_web(self):
        if self.server != "apache-fcgid":
            return super().start_web()
        self.web = webserver.Apache(self.berth.root, programs=self.berth.programs, config=self.berth.config, way="fcgid",
                                    directory=self.directory / "web")
        return self.web.__enter__()

    def workers(self, program):
        """Process ids of who answers requests by this program: all of them but masters, which are our children."""
        wanted = str(self.berth.programs / program)
        found = []
        for pid in (int(p) for p in os.listdir("/proc") if p.isdigit()):
            try:
                if os.readlink(f"/proc/{pid}/exe") == wanted and parent(pid) != os.getpid():
                    found.append(pid)
            except OSError:
                continue
        return found

    def logs(self):
        return [Path(p) for p in (*self.berth.logs(), *self.web.logs(), self.web.access_log)]


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
