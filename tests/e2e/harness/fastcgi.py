# SPDX-License-Identifier: MIT
"""FastCGI records as bytes, sent to a program's socket without a web server: what only who may open the socket can send."""

import contextlib
import socket
import struct

BEGIN_REQUEST, ABORT_REQUEST, PARAMS, STDIN, GET_VALUES = 1, 2, 4, 5, 9


def record(kind, content=b"", request=1, version=1, padding=0):
    return struct.pack("!BBHHBx", version, kind, request, len(content), padding) + content + bytes(padding)


def length(number):
    return bytes([number]) if number < 128 else struct.pack("!I", number | 0x80000000)


def pairs(parameters):
    """Names and values as PARAMS and GET_VALUES have them, from [(name, value)] of bytes."""
    return b"".join(length(len(name)) + length(len(value)) + name + value for name, value in parameters)


def begin(role=1, flags=0):
    return record(BEGIN_REQUEST, struct.pack("!HB5x", role, flags))


def request(parameters, body=b""):
    """A whole request."""
    data = [begin()]
    content = pairs(parameters)
    data += [record(PARAMS, content[i:i + 65535]) for i in range(0, len(content), 65535)]
    data += [record(PARAMS)]
    data += [record(STDIN, body[i:i + 65535]) for i in range(0, len(body), 65535)]
    return b"".join([*data, record(STDIN)])


def ask(path, data):
    """What comes back until the program closes; nothing more is sent after `data`."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.settimeout(60)
        s.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := s.recv(65536):
                answer += piece
        return answer
