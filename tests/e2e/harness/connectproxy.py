# SPDX-License-Identifier: MIT
"""A proxy that knows CONNECT and a few host names: clients meet the registry under a name that is in no DNS."""

import contextlib
import selectors
import socket
import socketserver
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(4096)
            if not data:
                return
            head += data
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        port = self.server.names.get(target)
        if method != "CONNECT" or port is None:
            self.request.sendall(b"HTTP/1.1 502 Unknown\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            self.request.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                relay(self.request, upstream)


def relay(a, b):
    """Copy both ways until either side is done."""
    with selectors.DefaultSelector() as selector:
        selector.register(a, selectors.EVENT_READ, b)
        selector.register(b, selectors.EVENT_READ, a)
        while True:
            for key, _ in selector.select():
                data = key.fileobj.recv(65536)
                if not data:
                    return
                key.data.sendall(data)


class ConnectProxy(socketserver.ThreadingTCPServer):
    """names: {"host:port": local port}."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, names):
        super().__init__(("127.0.0.1", 0), Handler)
        self.names = names
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
