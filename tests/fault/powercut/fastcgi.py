# SPDX-License-Identifier: MIT
"""One worker of a Berth program on a unix socket, and requests to it: as the programs run, without a web server."""

import os
import socket
import struct
import subprocess

from record import cgi_variables, parse_answer

BEGIN, END, PARAMETERS, STDIN, STDOUT = 1, 3, 4, 5, 6
PIECE = 32768


def record(kind, data=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(data), 0) + data


def stream(kind, data):
    return b"".join(record(kind, data[at:at + PIECE]) for at in range(0, len(data), PIECE)) + record(kind)


def pair(name, value):
    name, value = name.encode(), value.encode()
    return struct.pack(">II", len(name) | 1 << 31, len(value) | 1 << 31) + name + value


def split_records(data):
    at = 0
    while at < len(data):
        _, kind, _, length, padding = struct.unpack_from(">BBHHB", data, at)
        yield kind, data[at + 8:at + 8 + length]
        at += 8 + length + padding


class Worker:
    def __init__(self, program, root, path, log):
        self.path = str(path)
        with socket.socket(socket.AF_UNIX) as listener, open(log, "ab") as out:
            listener.bind(self.path)
            listener.listen(16)
            self.process = subprocess.Popen(
                [program], stdin=listener, stdout=subprocess.DEVNULL, stderr=out,
                env={**os.environ, "BERTH_ROOT": str(root), "BERTH_CONFIG": "/dev/null", "BERTH_LOG": "errors"})

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, url, body=b"", **more):
        variables = b"".join(pair(*item) for item in cgi_variables(method, url, body, **more).items())
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.path)
            connection.sendall(record(BEGIN, struct.pack(">HB5x", 1, 0)) + stream(PARAMETERS, variables) +
                               stream(STDIN, body))
            received = bytearray()
            while piece := connection.recv(1 << 20):
                received += piece
        return parse_answer(b"".join(data for kind, data in split_records(bytes(received)) if kind == STDOUT))
