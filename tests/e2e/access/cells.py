# SPDX-License-Identifier: MIT
"""The matrix of access, made from the tables of the programs: every path, every method, and what is asked of it.

A route or a method that is new has no example here, and that is an error: nobody forgets to say who may use it.
"""

import re
import secrets
import uuid
from dataclasses import dataclass, field

from harness.clients import run
from harness.berth import build_dir
from harness.content import OCI_MANIFEST, OCTETS, digest_of
from harness.raw import request

from .world import A, B, NO_A, NO_B, NO_TAG, OPEN, TAG, Content

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")

#: What stands in the paths of the tables: {path: addresses}, with the names of things in them (see things()).
ADDRESSES = {
    "/v2/": ["/v2/"],
    "/v2": ["/v2"],
    "/v2/_catalog": ["/v2/_catalog", "/v2/_catalog?n=1", "/v2/_catalog?n=1000&last={name}"],
    "/v2/<name>/tags/list": ["/v2/{name}/tags/list", "/v2/{name}/tags/list?n=1"],
    "/v2/<name>/manifests/<reference>": ["/v2/{name}/manifests/{tag}", "/v2/{name}/manifests/{manifest}"],
    "/v2/<name>/blobs/<digest>": ["/v2/{name}/blobs/{layer}"],
    "/v2/<name>/referrers/<digest>": ["/v2/{name}/referrers/{manifest}"],
    "/v2/<name>/blobs/uploads/": ["/v2/{name}/blobs/uploads/"],
    "/v2/<name>/blobs/uploads": ["/v2/{name}/blobs/uploads"],
    "/v2/<name>/blobs/uploads/<uuid>": ["/v2/{name}/blobs/uploads/{uuid}"],
    "/token": ["/token?service={service}&scope=repository:{name}:pull,push", "/token"],
    "/token/jwks": ["/token/jwks"],
}


@dataclass(frozen=True)
class Example:
    """One way to use a method: what is added to the address, and a body (of things())."""

    query: str = ""
    fields: tuple = ()
    body: str = None   # the name of a thing, or "" for an empty one


PLAIN = Example()
#: {(path, method): examples}
EXAMPLES = {
    ("/v2/", "GET"): [PLAIN],
    ("/v2", "GET"): [PLAIN],
    ("/v2/_catalog", "GET"): [PLAIN],
    ("/v2/<name>/tags/list", "GET"): [PLAIN],
    ("/v2/<name>/manifests/<reference>", "GET"): [PLAIN, Example(fields=('If-None-Match: "{manifest}"',))],
    ("/v2/<name>/manifests/<reference>", "PUT"): [Example(fields=(f"Content-Type: {OCI_MANIFEST}",), body="manifest_bytes")],
    ("/v2/<name>/manifests/<reference>", "DELETE"): [PLAIN],
    ("/v2/<name>/blobs/<digest>", "GET"): [
        PLAIN, Example(fields=("Range: bytes=3-9",)), Example(fields=("Range: bytes=0-3, 9-12",)),
        Example(fields=('If-None-Match: "{layer}"',))],
    ("/v2/<name>/blobs/<digest>", "DELETE"): [PLAIN],
    ("/v2/<name>/referrers/<digest>", "GET"): [PLAIN, Example("?artifactType=application/x-signature")],
    ("/v2/<name>/blobs/uploads/", "POST"): [
        Example(body=""), Example("?digest={layer}", (f"Content-Type: {OCTETS}",), "layer_bytes"),
        Example("?mount={layer}&from={from_name}", body=""), Example("?mount={layer}", body="")],
    ("/v2/<name>/blobs/uploads", "POST"): [Example("?mount={layer}&from={from_name}", body="")],
    ("/v2/<name>/blobs/uploads/<uuid>", "GET"): [PLAIN],
    ("/v2/<name>/blobs/uploads/<uuid>", "PATCH"): [Example(fields=(f"Content-Type: {OCTETS}",), body="layer_bytes")],
    ("/v2/<name>/blobs/uploads/<uuid>", "PUT"): [
        Example("?digest={layer}", (f"Content-Type: {OCTETS}",), "layer_bytes"), Example("?digest={partial}", body="")],
    ("/v2/<name>/blobs/uploads/<uuid>", "DELETE"): [PLAIN],
    ("/token", "GET"): [PLAIN],
    ("/token", "POST"): [Example(fields=("Content-Type: application/x-www-form-urlencoded",), body="form_bytes")],
    ("/token/jwks", "GET"): [PLAIN],
}

#: What no table has. Programs answer that, as they do for whom they do not know.
NO_ROUTES = ["/v2/x", "/v2/{name}", "/v2/{name}/", "/v2/{name}/tags", "/v2/{name}/tags/list/x", "/v2/{name}/blobs",
             "/v2/{name}/manifests/", "/v2/{name}/unknown/{manifest}", "/v2/{name}/blobs/uploads/{uuid}/x", "/v2/_catalog/x",
             "/v2/{name}/blobs/{layer}/x"]


#: Repositories with what is asked for in them: what is theirs, what another one has, and what nobody has.
PLACES = [(A, "own"), (A, "theirs"), (A, "absent"), (B, "own"), (B, "theirs"), (B, "absent"), (OPEN, "own"),
          (OPEN, "theirs"), (OPEN, "absent"), (NO_A, "own"), (NO_A, "absent"), (NO_B, "own")]


class MissingExample(Exception):
    """The programs can do something that the matrix does not know how to ask for."""


def read_tables():
    """{path: {method: need}} of all routes, as the programs have them. HEAD needs what GET needs."""
    tables = {}
    for line in run(build_dir() / "tests/routes").splitlines():
        _, path, method, need = line.split(" ")
        tables.setdefault(path, {})[method] = need
        if method == "GET":
            tables[path]["HEAD"] = need
    return tables


def examples_of(path, method):
    known = EXAMPLES.get((path, "GET" if method == "HEAD" else method))
    if path not in ADDRESSES or not known:
        raise MissingExample(f"{method} {path}: say in access/cells.py how that is used")
    return known


@dataclass(frozen=True)
class Cell:
    """One request of the matrix, without who asks. `need` is None where the table lacks it, `path` where no table does."""

    path: str
    method: str
    need: str
    name: str          # of the repository
    thing: str         # "own", "theirs" or "absent"
    address: str       # as in ADDRESSES, with the example's query
    target: str
    from_name: str = None
    example: Example = PLAIN
    values: dict = field(default_factory=dict, compare=False, hash=False)

    def data(self, fields=()):
        """The bytes of the request."""
        more = [text.format(**self.values) for text in self.example.fields]
        body = self.example.body
        if body:
            body = self.values[body]
        elif body is not None:
            body = b""
        elif self.need is None and self.method in ("POST", "PUT", "PATCH"):
            body = b"{}"
        return request(self.method, self.target, (*more, *fields), body)

    @property
    def kind(self):
        """What tells one sort of request from another: all but what it names."""
        return self.method, self.address, self.example.fields, self.from_name is None

    def __str__(self):
        return f"{self.method} {self.target} {self.example.fields or ''} ({self.thing})"


def things(world, name, thing):
    """What the words in addresses, fields and bodies are in a repository: what it has itself, what another one has, or what
    nobody has."""
    form = f"service={world.service}&scope=repository:{name}:pull,push".encode()
    if thing == "absent":
        content = Content("nobody")
        content.layer = secrets.token_bytes(len(content.layer))
        content.manifest = content.manifest.replace(b"nobody", secrets.token_hex(3).encode())
        content.partial, content.tag, content.uuid = secrets.token_bytes(20), NO_TAG, str(uuid.uuid4())
    else:
        holder = name if thing == "own" else B if name in (A, NO_A) else A
        content = world.contents.get(holder) or world.contents[B if holder == NO_B else A]
    return {"name": name, "service": world.service, "tag": content.tag, "uuid": content.uuid,
            "layer": digest_of(content.layer), "manifest": digest_of(content.manifest),
            "partial": digest_of(content.partial), "layer_bytes": content.layer, "manifest_bytes": content.manifest,
            "form_bytes": form}


def cells(world):
    """All requests, in no order of meaning."""
    tables = read_tables()
    for place in PLACES:
        values = things(world, *place)
        for path, needs in tables.items():
            for method, need in needs.items():
                yield from known_cells(path, method, need, values, *place)
        if place in ((A, "own"), (NO_A, "absent")):
            yield from unknown_cells(tables, values, *place)


def known_cells(path, method, need, values, name, thing):
    examples = examples_of(path, method)
    for address in ADDRESSES[path]:
        if "{" not in address and (name, thing) != (A, "own"):
            continue   # it names nothing that could differ
        for example in examples:
            sources = [n for n in (A, B, NO_B) if n != name] if "{from_name}" in example.query else [None]
            for source in sources:
                whole = address + example.query
                yield Cell(path, method, need, name, thing, whole, whole.format(**values, from_name=source), source, example,
                           values)


def unknown_cells(tables, values, name, thing):
    """The methods a table lacks, and paths no table has."""
    for path, needs in tables.items():
        for method in METHODS:
            if method not in needs:
                for address in ADDRESSES[path]:
                    yield Cell(path, method, None, name, thing, address, address.format(**values), values=values)
    for address in NO_ROUTES:
        for method in METHODS:
            yield Cell(None, method, None, name, thing, address, address.format(**values), values=values)


def namelessly(text, cell):
    """An answer's text without what names the thing it is about, and what is drawn by lot."""
    names = sorted({cell.name, cell.from_name or cell.name}, key=len, reverse=True)
    for name in names:
        text = re.sub(rf"(?<![a-z0-9/-]){re.escape(name)}(?![a-z0-9-])", "NAME", text)
    text = re.sub(r"sha256:[0-9a-f]{64}", "DIGEST", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", text)
    return re.sub(rf"\b({TAG}|{NO_TAG})\b", "TAG", text)
