# SPDX-License-Identifier: MIT
"""Bad manifests: no JSON, no manifest, two things at once, too large, or not what the request says they are."""

import json

from harness.content import (DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, digest_of)

from .row import ABSENT, BASE, HUGE_DIGEST, LAYER_DIGEST, MANIFEST, MANIFEST_DIGEST, UNPUSHED, image, row

LIMIT = 4 * 1024 * 1024
SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def text(document):
    return json.dumps(document).encode()


def without(key):
    document = image()
    del document[key]
    return document


def part(**changes):
    """An image one of whose layers is changed; None takes a member away."""
    document = image()
    layer = {**document["layers"][0], **changes}
    document["layers"] = [{k: v for k, v in layer.items() if v is not None}]
    return document


def child(**changes):
    return {"mediaType": OCI_MANIFEST, "digest": MANIFEST_DIGEST, "size": len(MANIFEST), **changes}


def index(**more):
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child()], **more}


def raw(**changes):
    """The image as text with members put in as they are written here."""
    return text(image())[:-1] + "".join(f', "{k}": {v}' for k, v in changes.items()).encode() + b"}"


#: (what is wrong, Content-Type, body)
NO_JSON = [(name, OCI_MANIFEST, body) for name, body in {
    "empty": b"", "blank": b" \n", "cut": MANIFEST[:-1], "cut in a string": MANIFEST[:40], "trailing": MANIFEST + b"x",
    "two documents": MANIFEST + MANIFEST, "a comma too many": MANIFEST[:-1] + b",}", "NUL behind": MANIFEST + b"\0",
    "NUL within": MANIFEST.replace(b"layers", b"lay\0ers"), "a BOM": b"\xef\xbb\xbf" + MANIFEST,
    "UTF-16": MANIFEST.decode().encode("utf-16"),
    "a comment": b"/* */" + MANIFEST, "single quotes": MANIFEST.replace(b'"', b"'"), "binary": bytes(range(256)),
    "XML": b"<a/>",
    "no UTF-8": raw(x='"\xff"'.encode("latin-1").decode("latin-1")).replace(b"\xc3\xbf", b"\xff"),
    "overlong UTF-8": raw(x='"@"').replace(b"@", b"\xc0\xaf"), "a surrogate": raw(x='"@"').replace(b"@", b"\xed\xa0\x80"),
    "half a pair": raw(x='"\\ud800"'), "a control byte in a string": raw(x='"a\nb"'), "NaN": raw(x="NaN"),
    "Infinity": raw(x="-Infinity"), "hexadecimal": raw(x="0x10"), "a leading zero": raw(x="01"),
    "an unknown escape": raw(x='"\\x41"'),
    "a long number": raw(x="1" * 1_000_000), "deep arrays": b"[" * LIMIT, "deep objects": b'{"a":' * 100_000,
    "33 levels": raw(x="[" * 32 + "]" * 32), "10000 levels": raw(x="[" * 10_000 + "]" * 10_000),
    "too many values": raw(x="[" + "0," * 70_000 + "0]"), "too many objects": raw(x="[" + "{}," * 20_000 + "{}]"),
    "a key twice": raw(schemaVersion="2"), "a key twice, deep": raw(x='{"a": 1, "b": {"c": 1, "c": 1}}'),
    "a key twice, escaped": raw(**{"schemaV\\u0065rsion": "2"}), "a key with NUL": raw(**{"layers\\u0000": "[]"}),
    "100000 keys that collide or not": raw(x="{" + ",".join(f'"k{i}": 0' for i in range(100_000)) + "}"),
}.items()]

NO_MANIFEST = [(name, OCI_MANIFEST, body if isinstance(body, bytes) else text(body)) for name, body in {
    "null": b"null", "a list": b"[]", "a number": b"2", "a text": b'"x"', "nothing in it": b"{}", "true": b"true",
    "no version": without("schemaVersion"), "version 1": image(schemaVersion=1), "version 3": image(schemaVersion=3),
    "version as text": image(schemaVersion="2"), "version 2.0": raw().replace(b'"schemaVersion": 2',
        b'"schemaVersion": 2.0'),
    "a type that is a number": image(mediaType=7), "a type that is none": image(mediaType="x"),
    "a type with blanks": image(mediaType="a/b c"),
    "a type that splits headers": image(mediaType="a/b\r\nX-Injected: 1"), "a type with NUL": image(mediaType="a/b\0"),
    "a type too long": image(mediaType="a/" + "b" * 300), "a type with parameters": image(mediaType=OCI_MANIFEST + "; x=y"),
    "no config": without("config"), "config is a list": image(config=[]), "config is a text": image(config="x"),
    "layers is an object": image(layers={}), "a layer is a text": image(layers=["x"]),
    "a layer is null": image(layers=[None]),
    "no digest": part(digest=None), "digest is a number": part(digest=1), "no size": part(size=None),
    "size below 0": part(size=-1),
    "size as text": part(size="1"), "size 1.5": part(size=1.5), "size beyond int64": part(size=2**63),
    "size beyond all": part(size=10**30),
    "urls is a text": part(urls="x"), "urls of numbers": part(urls=[1]),
    "annotations of numbers": part(annotations={"a": 1}),
    "platform is a list": part(platform=[]), "data is a number": part(data=1),
    "a type of a part with a line end": part(mediaType="a/b\n"),
    "annotations is a list": image(annotations=[]), "annotations of objects": image(annotations={"a": {}}),
    "subject is a text": image(subject=MANIFEST_DIGEST),
    "subject without a size": image(subject={"digest": MANIFEST_DIGEST}),
    "artifactType is a number": image(artifactType=1),
    "artifactType splits headers": image(artifactType="a/b\r\nX-Injected: 1"),
    "artifactType too long": image(artifactType="x" * 300),
}.items()]
NO_MANIFEST += [(f"a part's digest is {digest[:30]!r}", OCI_MANIFEST, text(part(digest=digest))) for digest in (
    "", "sha256:", "latest", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32, "../../../etc/passwd",
    "sha256:../../x",
    LAYER_DIGEST + "\0", LAYER_DIGEST + "/../x", "sha256:" + "a" * 62 + "/.", " " + LAYER_DIGEST)]

#: GHSA-mc8v-mgrf-8f4m and its kin: a document that another program would read as something else.
AMBIGUOUS = [(name, kind, body if isinstance(body, bytes) else text(body)) for name, kind, body in (
    ("image with manifests", OCI_MANIFEST, image(manifests=[child()])),
    ("image with empty manifests", OCI_MANIFEST, image(manifests=[])),
    ("index with layers", OCI_INDEX, index(layers=[])), ("index with a config", OCI_INDEX, index(config=image()["config"])),
    ("both and no type", OCI_MANIFEST, {k: v for k, v in image(manifests=[child()]).items() if k != "mediaType"}),
    ("both and no type, as an index", OCI_INDEX, {k: v for k, v in image(manifests=[child()]).items() if k != "mediaType"}),
    ("both of a type of its own", "application/x", image(manifests=[child()], mediaType="application/x")),
    ("image called an index", OCI_INDEX, image(mediaType=OCI_INDEX)),
    ("index called an image", OCI_MANIFEST, index(mediaType=OCI_MANIFEST)),
    ("image called a list", DOCKER_LIST, image(mediaType=DOCKER_LIST)),
    ("list called an image", DOCKER_MANIFEST, index(mediaType=DOCKER_MANIFEST)),
    ("index without manifests", OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX}),
    ("Layers beside layers", OCI_MANIFEST, image(Layers=[])),
    ("Layers alone", OCI_MANIFEST, {**without("layers"), "Layers": []}),
    ("MANIFESTS", OCI_MANIFEST, image(MANIFESTS=[child()])),
    ("MediaType beside mediaType", OCI_MANIFEST, image(MediaType=OCI_INDEX)),
    ("mediatype alone", OCI_INDEX, {**without("mediaType"), "mediatype": OCI_INDEX}),
    ("a long s in manifests", OCI_MANIFEST, image(**{"manife\u017ft\u017f": [child()]})),
    ("Digest beside digest", OCI_MANIFEST, part(Digest=ABSENT)),
    ("DIGEST alone", OCI_MANIFEST, part(digest=None, DIGEST=LAYER_DIGEST)),
    ("mediaType twice", OCI_MANIFEST, raw(mediaType=f'"{OCI_INDEX}"')), ("layers twice", OCI_MANIFEST, raw(layers="[]")),
    ("manifests twice", OCI_INDEX, text(index())[:-1] + b', "manifests": []}'),
    ("digest twice", OCI_MANIFEST, text(image()).replace(b'"digest": ', b'"digest": "' + ABSENT.encode() + b'", "digest": ',
                                                         1)),
)]

WRONG_TYPES = [(f"sent as {kind[:40]!r}", kind, body) for kind, body in (
    (OCI_INDEX, MANIFEST), (DOCKER_MANIFEST, MANIFEST), (DOCKER_LIST, MANIFEST), ("application/json", MANIFEST),
    ("text/plain", MANIFEST),
    ("application/octet-stream", MANIFEST), ("*/*", MANIFEST), ("x", MANIFEST), ("/", MANIFEST),
    (OCI_MANIFEST + "x", MANIFEST),
    (OCI_MANIFEST + ", " + OCI_INDEX, MANIFEST), ("\xe4", MANIFEST), ("x" * 3000, MANIFEST), (OCI_MANIFEST[:-5], MANIFEST),
    (SCHEMA1, text({"schemaVersion": 2, "mediaType": SCHEMA1, "name": "a", "tag": "b"})), (OCI_MANIFEST, text(index())),
    (DOCKER_LIST, text(index())), (OCI_MANIFEST, text({k: v for k, v in index().items() if k != "mediaType"})),
    (OCI_INDEX, text(without("mediaType"))), ("application/x-www-form-urlencoded", MANIFEST),
    ("multipart/form-data; boundary=x", MANIFEST))]

MISSING_PARTS = [(name, kind, text(document)) for name, kind, document in (
    ("a layer nobody has", OCI_MANIFEST, part(digest=ABSENT)), ("a config nobody has", OCI_MANIFEST,
     image(config={**image()["config"], "digest": ABSENT})),
     ("a child nobody has", OCI_INDEX, index(manifests=[child(digest=ABSENT)])),
    ("one of two children", OCI_INDEX, index(manifests=[child(), child(digest=ABSENT)])),
    ("a sha512 layer nobody has", OCI_MANIFEST, part(digest="sha512:" + "a" * 128)))]


def large(size):
    """A valid manifest of exactly this many bytes."""
    start = text(image(annotations={"a": ""}))[:-3]
    return start + b"x" * (size - len(start) - 3) + b'"}}'


def rows():
    for group, table, code in (("no JSON", NO_JSON, "MANIFEST_INVALID"), ("no manifest", NO_MANIFEST, "MANIFEST_INVALID"),
                               ("ambiguous", AMBIGUOUS, "MANIFEST_INVALID"),
                               ("wrong type", WRONG_TYPES, "MANIFEST_INVALID"),
                               ("missing parts", MISSING_PARTS, "MANIFEST_BLOB_UNKNOWN")):
        for what, kind, body in table:
            for reference, chunked in (("v1", False), ("new", True), (digest_of(body), False)):
                if len(body) < 100_000 or chunked:
                    yield row(group, what, "PUT", f"{BASE}/manifests/{reference}", 400, code, body=body, type=kind,
                              chunked=chunked)
    for size in (LIMIT + 1, LIMIT + 65536):
        for chunked in (False, True):
            how = "chunked" if chunked else "with a length"
            yield row("too large", f"{size} bytes, {how}", "PUT", f"{BASE}/manifests/new", 413, "MANIFEST_INVALID",
                      body=large(size),
                      type=OCI_MANIFEST, chunked=chunked)
    for body, digest in ((UNPUSHED + b" ", digest_of(UNPUSHED)), (UNPUSHED, ABSENT),
                         (UNPUSHED, digest_of(UNPUSHED, "sha512")[:-1] + "x"),
                         (MANIFEST, LAYER_DIGEST), (UNPUSHED, MANIFEST_DIGEST), (UNPUSHED, HUGE_DIGEST),
                         (b"", MANIFEST_DIGEST),
                         (UNPUSHED, digest_of(MANIFEST, "sha512"))):
        for query in ("", "?tag=new"):
            yield row("wrong digest", "of a manifest", "PUT", f"{BASE}/manifests/{digest}{query}", 400, "DIGEST_INVALID",
                      body=body,
                      type=OCI_MANIFEST)


ROWS = [*rows()]
