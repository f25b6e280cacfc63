# SPDX-License-Identifier: MIT
"""Running ./quickstart in a copy of the checkout, and looking at /proc."""
import os
import pathlib
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def source_files():
    """What git would put into a clone; without git, all but what is made."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={TOP}", "-C", TOP, "ls-files", "-z",
         "-co", "--exclude-standard"], capture_output=True)
    if listed.returncode == 0:
        names = os.fsdecode(listed.stdout).split("\0")
        return [n for n in names if n and (TOP / n).is_file()]
    skip = {"build", "berth-data", "autom4te.cache", "__pycache__"}
    return [str(p.relative_to(TOP)) for p in TOP.rglob("*")
            if p.is_file() and not skip & set(p.relative_to(TOP).parts)]


class Checkout:
    def __init__(self, top):
        self.top = top
        self.port = free_port()

    def start(self, *args, command=("./quickstart",), **more):
        """The running process; its own session, as a terminal's job."""
        return subprocess.Popen(
            [*command, *args], cwd=self.top, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, **more)

    def run(self, *args, code=0, **more):
        process = self.start(*args, **more)
        out, _ = process.communicate(timeout=300)
        assert process.returncode == code, out
        return out

    def up(self, *args, **more):
        return self.run("--port", str(self.port), *args, **more)

    def processes(self):
        """Pids of everything an instance of this checkout started: by the
        session numbers of its record, checked against /proc here again."""
        wanted = set()
        for record in pathlib.Path("/run").glob("berth-quickstart-*/sessions"):
            if os.path.realpath(record.parent / "build") == str(self.top / "build"):
                wanted = {int(line.split()[1]) for line in record.read_text().splitlines()}
        return {pid: name for pid, name, session in all_processes() if session in wanted}

    def at_work(self):
        """Names of the processes that are in this checkout, or name it or what it runs from: of no record, too."""
        links = pathlib.Path("/run").glob("berth-quickstart-*/build")
        places = [str(self.top), *(str(link.parent) for link in links if os.path.realpath(link) == str(self.top / "build"))]
        return {name for pid, name, _ in all_processes() if any(place in words_of(pid) for place in places)}


def all_processes():
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            name = stat[stat.index("(") + 1:stat.rindex(")")]
            fields = stat[stat.rindex(")") + 2:].split()
            if fields[0] != "Z":
                yield int(entry), name, int(fields[3])


def words_of(pid):
    """The command line and the working directory of a process; nothing of one that has gone."""
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        return words + "\0" + os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def alive(pids):
    return set(pids) & {pid for pid, _, _ in all_processes()}


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
