#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A stand-in for the programs: tells what the web server passed on, so that a configuration can be tested by itself.

Answers with JSON: which socket was asked, the parameters, length and SHA-256 of the body. The query of the request may
ask for more: `status=404`, `header=Name:value` (repeated), `body=text` instead of the JSON, `env=NAME` for a variable of the
environment.
"""

import contextlib
import ctypes
import hashlib
import json
import os
import select
import signal
import socket
import socketserver
import struct
import sys
import threading
from urllib.parse import parse_qs

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
PR_SET_PDEATHSIG = 1


def read_exactly(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def read_record(stream):
    _, kind, request, length, padding = struct.unpack("!BBHHBx", read_exactly(stream, 8))
    data = read_exactly(stream, length)
    read_exactly(stream, padding)
    return kind, request, data


def read_length(data, at):
    if data[at] < 128:
        return data[at], at + 1
    return struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF, at + 4


def parse_params(data):
    params, at = {}, 0
    while at < len(data):
        name_length, at = read_length(data, at)
        value_length, at = read_length(data, at)
        name = data[at:at + name_length].decode("latin-1")
        params[name] = data[at + name_length:at + name_length + value_length].decode("latin-1")
        at += name_length + value_length
    return params


def write_stream(stream, kind, request, data):
    for at in range(0, len(data), 65535):
        part = data[at:at + 65535]
        stream.write(struct.pack("!BBHHBx", 1, kind, request, len(part), 0) + part)
    stream.write(struct.pack("!BBHHBx", 1, kind, request, 0, 0))


class Handler(socketserver.StreamRequestHandler):
    wbufsize = -1

    def handle(self):
        params, body, size, request = b"", hashlib.sha256(), 0, 0
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                kind, request, data = read_record(self.rfile)
                if kind == PARAMS:
                    params += data
                    if not data:
                        self.server.seen.append(parse_params(params))
                elif kind == STDIN and data:
                    body.update(data)
                    size += len(data)
                    self.server.received = size
                elif kind == STDIN:
                    break
            self.server.finished.append(size)
            self.answer(request, parse_params(params), size, body.hexdigest())
            return
        self.server.broken = True

    def answer(self, request, params, size, digest):
        write_stream(self.wfile, STDOUT, request, response(self.server.program, params, size, digest))
        self.wfile.write(struct.pack("!BBHHBxIBxxx", 1, END, request, 8, 0, 0, 0))


def response(program, params, size, digest):
    """What there is to tell of a request, as a CGI program writes it."""
    ask = parse_qs(params.get("REQUEST_URI", "").partition("?")[2], keep_blank_values=True)
    told = {"program": program, "params": params, "size": size, "sha256": digest}
    if "env" in ask:
        told["environment"] = {name: os.environ.get(name) for name in ask["env"]}
    text = json.dumps(told)
    text = ask.get("body", [text])[0].encode()
    head = [f"Status: {ask.get('status', ['200'])[0]}", "Docker-Distribution-Api-Version: registry/2.0"]
    if "header" not in ask or not any(h.lower().startswith("content-type:") for h in ask["header"]):
        head.append("Content-Type: application/json")
    head += [h.replace(":", ": ", 1) for h in ask.get("header", [])]
    if not any(h.lower().startswith("content-length:") for h in head):
        head.append(f"Content-Length: {len(text)}")
    if params.get("REQUEST_METHOD") == "HEAD":
        text = b""
    return "\r\n".join(head).encode() + b"\r\n\r\n" + text


def answer_as_cgi():
    """One request, plain CGI."""
    params, body, size = dict(os.environ), hashlib.sha256(), 0
    rest = int(params.get("CONTENT_LENGTH") or 0) if "HTTP_TRANSFER_ENCODING" not in params else sys.maxsize
    while data := sys.stdin.buffer.read1(min(rest - size, 1 << 20)) if size < rest else b"":
        body.update(data)
        size += len(data)
    print("read", size, file=sys.stderr)
    sys.stdout.buffer.write(response(os.path.basename(sys.argv[0]), params, size, body.hexdigest()))


class Server(socketserver.ThreadingUnixStreamServer):
    """`seen`: the parameters of all requests; `received`: bytes of the newest body so far; `finished`: sizes of the bodies
    that came to their end; `broken`: a connection ended before."""

    request_queue_size = 512
    daemon_threads = True

    def __init__(self, program, *args, **kwargs):
        self.program, self.seen, self.received, self.finished, self.broken = program, [], 0, [], False
        super().__init__(*args, **kwargs)


class Inherited(Server):
    """Listens on descriptor 0, as spawn-fcgi and mod_fcgid hand it over. SIGTERM ends it as it does the programs: what
    waits in the backlog is still answered."""

    daemon_threads = False

    def __init__(self):
        super().__init__(os.path.basename(sys.argv[0]), "", Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=0)
        self.socket.setblocking(False)
        self.ending = False
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        self.ending = True

    def run(self):
        while True:
            ready = select.select([self.socket], [], [], 0 if self.ending else 0.05)[0]
            if ready:
                self._handle_request_noblock()
            elif self.ending:
                break
        self.server_close()


class Echo:
    """Context manager: a stand-in for each program, on <directory>/<program>.sock, in threads of this process."""

    PROGRAMS = ("version", "catalog", "tags", "referrers", "manifest", "blob", "upload", "token")

    def __init__(self, directory):
        self.directory, self.servers = directory, {}

    def __enter__(self):
        for program in self.PROGRAMS:
            path = os.path.join(self.directory, program + ".sock")
            server = Server(program, path, Handler)
            os.chmod(path, 0o666)
            self.servers[program] = server
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def requests(self):
        """The parameters of all requests so far."""
        return [params for server in self.servers.values() for params in server.seen]


def is_listening():
    try:
        with socket.socket(fileno=os.dup(0)) as s:
            return bool(s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:
        return False


def main():
    """A master that hands SIGTERM to its one worker, which ends with it; without a socket to listen on, plain CGI."""
    if not is_listening():
        answer_as_cgi()
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    server, master = Inherited(), os.getpid()
    worker = os.fork()
    if worker == 0:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        server.ending = os.getppid() != master
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        server.run()
        return
    signal.signal(signal.SIGTERM, lambda *_: os.kill(worker, signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    os.waitpid(worker, 0)


if __name__ == "__main__":
    main()
