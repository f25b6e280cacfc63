# SPDX-License-Identifier: MIT
"""Runs Berth's programs as plain CGI and records what they do to the tree, see record.c."""

import os
import signal
import subprocess
import threading
import urllib.parse
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
WARNINGS = ["-Wall", "-Wextra", "-Werror"]

# Numbers and names of a line of record.c; names are the fields that are no number.
FIELDS = {"C": "directory name inode time", "M": "directory name inode time",
          "R": "directory name to_directory to_name inode time to_time", "L": "directory name inode time",
          "U": "directory name time", "W": "inode offset length time", "T": "inode length time", "t": "inode time",
          "F": "inode", "A": ""}
NAMES = {"name", "to_name"}

Answer = namedtuple("Answer", "status headers body")


class Line:
    """One line of the record: `kind`, `process` and what FIELDS has for its kind; `data` of a write."""

    def __init__(self, kind, process, values, data=b""):
        self.kind, self.process, self.data = kind, process, data
        for field, value in zip(FIELDS[kind].split(), values, strict=True):
            setattr(self, field, value if field in NAMES else int(value))

    def __str__(self):
        return " ".join([self.kind, *(str(getattr(self, f)) for f in FIELDS[self.kind].split())])


def read_lines(path):
    text, at, lines = Path(path).read_bytes(), 0, []
    while at < len(text):
        end = text.index(b"\n", at)
        kind, process, *values = text[at:end].decode().split(" ")
        at = end + 1
        data = b""
        if kind == "W":
            data = text[at:at + int(values[2])]
            at += len(data)
        lines.append(Line(kind, int(process), values, data))
        lines[-1].end = at
    return lines


def build_preload(directory):
    """Compiles record.c; the path of the library."""
    library = Path(directory) / "record.so"
    subprocess.run(["cc", "-std=gnu11", "-O2", *WARNINGS, "-fPIC", "-shared", "-pthread", "-o", library,
                    HERE / "record.c", "-ldl"], check=True)
    return library


def route_of(path):
    """The program that the web server asks for this path."""
    path = path.partition("?")[0]
    if path == "/v2/_catalog":
        return "catalog"
    for part, route in (("/blobs/uploads", "upload"), ("/blobs/", "blob"), ("/manifests/", "manifest"),
                        ("/tags/", "tags"), ("/referrers/", "referrers")):
        if part in path:
            return route
    raise ValueError(path)


def cgi_variables(method, url, body=b"", content_type=None, length=None, content_range=None):
    path, _, query = url.partition("?")
    variables = {"REQUEST_METHOD": method, "REQUEST_URI": url, "PATH_INFO": urllib.parse.unquote(path),
                 "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
                 "CONTENT_LENGTH": str(len(body) if length is None else length)}
    if content_type:
        variables["CONTENT_TYPE"] = content_type
    if content_range:
        variables["HTTP_CONTENT_RANGE"] = content_range
    return variables


def parse_answer(text):
    head, found, body = text.partition(b"\r\n\r\n")
    if not found:
        raise RuntimeError(f"no answer but {text[:200]!r}")
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Answer(int(headers.pop("status", "200").split()[0]), headers, body)


class Request:
    """A request and the lines between which it began and its answer went out (None: it never did)."""

    def __init__(self, method, url, position):
        self.method, self.url, self.position, self.begin = method, url, position, None
        self.process = self.answered = self.answer = None
        self.effects = []  # (thing, value), see oracle.py

    def __str__(self):
        return f"{self.method} {self.url}"


class Recorder:
    """A data directory, and what the programs did to it since begin()."""

    def __init__(self, programs, library, directory):
        self.programs, self.library = Path(programs), library
        self.root = Path(directory) / "root"
        self.path = Path(directory) / "record"
        self.log = Path(directory) / "log"
        self.root.mkdir()
        self.requests = []
        self.lock = threading.Lock()

    def begin(self):
        """What is in the tree now is taken for durable."""
        self.path.write_bytes(b"")
        self.requests = []

    def position(self):
        return self.path.stat().st_size

    def start(self, method, url, body=b"", stop=0, **more):
        """Starts a request; with `stop` it stands still before that call, until finish()."""
        request = Request(method, url, self.position())
        variables = {**os.environ, "BERTH_ROOT": str(self.root), "BERTH_CONFIG": "/dev/null", "BERTH_LOG": "errors",
                     **cgi_variables(method, url, body, **more), "LD_PRELOAD": str(self.library),
                     "POWERCUT_RECORD": str(self.path), "POWERCUT_ROOT": str(self.root), "POWERCUT_STOP": str(stop),
                     "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        with open(self.log, "ab") as log:
            process = subprocess.Popen([self.programs / route_of(url)], env=variables, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=log)
        request.process = process.pid
        self.requests.append(request)
        feeder = threading.Thread(target=feed, args=(process.stdin, body))
        feeder.start()
        stopped = stop and stands_still(process)
        return request, process, feeder, stopped

    def finish(self, started):
        request, process, feeder, stopped = started
        if stopped:
            os.kill(process.pid, signal.SIGCONT)
        out = process.stdout.read()
        feeder.join()
        process.stdout.close()
        process.wait()
        if process.returncode != 0:
            raise RuntimeError(f"{request}: exit {process.returncode}: {self.log.read_text()}")
        request.answer = parse_answer(out)
        return request

    def lines(self):
        """The record; tells each request before which line it began and at which it was answered."""
        lines = read_lines(self.path)
        for request in self.requests:
            request.begin = sum(line.end <= request.position for line in lines)
            request.answered = next(i for i, line in enumerate(lines)
                                    if line.kind == "A" and line.process == request.process)
        return lines


def feed(pipe, body):
    try:
        with pipe:
            pipe.write(body)
    except BrokenPipeError:
        pass  # it answered without reading all


def stands_still(process):
    """Waits until the process has stopped or ended; whether it stopped."""
    while True:
        info = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return info.si_code == os.CLD_STOPPED
