# SPDX-License-Identifier: MIT
"""HTTP as a client does it whose server may die at any moment: one kept connection a thread, and trying again."""

import base64
import collections
import http.client
import ssl
import threading
import time
from urllib.parse import urlsplit

TIMEOUT = 60
Answer = collections.namedtuple("Answer", "status headers body")


class Broken(Exception):
    """No whole answer came."""


class GaveUp(Exception):
    """Nor after many tries."""


class Wire:
    """`tries` and `pause` (seconds) are for insist()."""

    def __init__(self, url, ca=None, user=None, tries=200, pause=0.05):
        parts = urlsplit(url)
        self.address = parts.hostname, parts.port
        self.context = ssl.create_default_context(cafile=ca) if parts.scheme == "https" else None
        self.headers = {}
        if user:
            self.headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        self.tries, self.pause = tries, pause
        self.local = threading.local()

    def connection(self):
        if getattr(self.local, "connection", None) is None:
            if self.context:
                self.local.connection = http.client.HTTPSConnection(*self.address, timeout=TIMEOUT, context=self.context)
            else:
                self.local.connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        return self.local.connection

    def hang_up(self):
        if getattr(self.local, "connection", None) is not None:
            self.local.connection.close()
            self.local.connection = None

    def request(self, method, path, body=None, **headers):
        """One try. `body`: bytes, or a list of bytes to go out chunked. Broken unless the answer came whole."""
        headers = {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        chunked = isinstance(body, list)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif body is None and method in ("POST", "PUT", "PATCH"):
            body = b""
        try:
            connection = self.connection()
            connection.request(method, path, body, headers, encode_chunked=chunked)
            reply = connection.getresponse()
            answer = Answer(reply.status, reply.headers, reply.read())
        except (OSError, http.client.HTTPException) as problem:
            self.hang_up()
            raise Broken(f"{method} {path}: {problem!r}") from None
        if answer.status >= 400 or reply.will_close:
            # A refused body may still be on its way.
            self.hang_up()
        return answer

    def insist(self, method, path, body=None, before=None, **headers):
        """Try until an answer comes that is not the server's fault. `before` is called ahead of each try.

        Returns (answer, tries that came to nothing)."""
        failures = []
        while len(failures) < self.tries:
            if before:
                before()
            try:
                answer = self.request(method, path, body, **headers)
                if answer.status < 500 and answer.status != 429:
                    return answer, len(failures)
                failures.append(f"{answer.status} {answer.body[:200]}")
            except Broken as problem:
                failures.append(str(problem))
            time.sleep(self.pause)
        raise GaveUp(f"{method} {path}: {failures[-1]}")
