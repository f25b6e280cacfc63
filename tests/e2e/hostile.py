# SPDX-License-Identifier: MIT
"""Hostile requests, generated: ways around an administrator's rule for a part of the registry, and fields that claim what
only a web server may say. The same seed gives the same requests.
"""

import random
from dataclasses import dataclass

from harness.content import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, digest_of, encode
from harness.raw import as_bytes, request

PRIVATE, OPEN, STAGING = "private/app", "open/app", "staging/app"
#: In everything that is nobody's to read. The tag is in requests too, and so in the answers that do not know it.
MARK = b"berth-secret"
SECRET_TAG = "hidden"
MARKS = (MARK, b'["hidden"]')


def contents(mark):
    """Configuration, layer and manifest of an image."""
    config, layer = b'{"os":"linux","of":"%s"}' % mark, b"a layer of " + mark * 50
    manifest = encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "annotations": {"of": mark.decode()},
                       "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
                       "layers": [{"mediaType": OCI_LAYER, "digest": digest_of(layer), "size": len(layer)}]})
    return config, layer, manifest


SECRET, PUBLIC = contents(MARK), contents(b"everybody")
HIDDEN_LAYER, HIDDEN_MANIFEST = digest_of(SECRET[1]), digest_of(SECRET[2])
OPEN_LAYER, OPEN_MANIFEST = digest_of(PUBLIC[1]), digest_of(PUBLIC[2])
DATA = f"sha256/{HIDDEN_LAYER[7:9]}/{HIDDEN_LAYER[7:]}/data"
UPLOAD = "c0a9e001-0000-4000-8000-00000000000d"

#: What there is to ask a repository for.
HIDDEN_TARGETS = (f"blobs/{HIDDEN_LAYER}", f"manifests/{HIDDEN_MANIFEST}", f"manifests/{SECRET_TAG}", "tags/list",
                  f"referrers/{HIDDEN_MANIFEST}")
OPEN_TARGETS = (f"blobs/{OPEN_LAYER}", f"manifests/{OPEN_MANIFEST}", "manifests/v1", "tags/list",
                f"referrers/{OPEN_MANIFEST}")


@dataclass(frozen=True)
class Hostile:
    kind: str              # of hostility
    method: str
    target: bytes
    fields: tuple = ()     # lines
    body: bytes = None
    more: bytes = b""          # behind the request, as the one says who reads the fields in one way
    unsure_end: bool = False   # where the request ends is in doubt: nothing may come behind it

    def data(self, *fields):
        return request(self.method, self.target, (*self.fields, *fields), self.body) + self.more

    def __str__(self):
        return f"{self.kind}: {self.method} {self.target!r} {self.fields!r}"


# --- Paths ------------------------------------------------------------------------

#: What may stand for a slash, or be put where one is.
SEPARATORS = ["//", "/./", "/x/../", "/.//", "/..;/", "/;/", "/;a=b/", "/%2e/", "/%2E%2e/x/../", "/x/%2e%2e/", "/x/.%2e/",
              "%2f",
              "%2F", "/%2f", "%2f/", "%252f", "%25252f", "\\", "%5c", "/\\", "/..\\", "/x\\..\\", "%c0%af", "%e0%80%af",
              "%f0%80%80%af",
              "%u002f", "%ef%bc%8f", "/%00/", "%00/", "/%20", "%20/", "%09/", "/%0a/", "%0d%0a/", "/.", "/..", "/...",
              "/../",
              "/.../", "?/", "%3f/", "#/", "%23/", "/?", "/%3f", "/*/", "/~/", "/$/", ":/", "/%", "/%2", "/%zz/", "\x01/",
              "/\x7f", "\x80/",
              "/\xff", "\t/"]
#: What may come at the end.
TAILS = ["/", "//", "/.", "/..", "/./", "/../", "?", "?x", "#", "#x", "%23", "%3f", "%3fx=1", ";", ";x=y", ";.css", "/;",
         "%00", "%00.css",
         "%20", "%09", "%0a", "%0d", "%0d%0aX-Injected:1", "%7f", "%ff", "%80", "%2f", "%2F..", "%5c", "\\", "..", "...",
         ".", "~", ".inc",
         ".php", ".html", "/x.php", "/index.html", "/.htaccess", "%", "%2", "%zz", "\x00", "\x0b", "\x1f", "\x7f", "\xa0",
         "\xff", "*", ",",
         "??", "?x?y", "?/../../../../open/app/tags/list?", f"?/../../../../../v2/open/app/blobs/{OPEN_LAYER}?x",
         f"?/../../../../open/app/manifests/v1?x=?", "&", "&x=y", "?a=/v2/open/app/tags/list",
         "?/../../open/app/tags/list", "%3f/v2/open/app/tags/list", "@", ":", ":80", "|", "^"]
#: What may come before /v2, or instead of it.
HEADS = ["//v2", "///v2", "/./v2", "/x/../v2", "/../v2", "/%2e%2e/v2", "/%76%32", "/v%32", "/%562", "/V2", "/v2x", "/v2.",
         "/v2;", "/v2;x=y",
         "/v2%20", "/v2%00", "/v2%09", "/v2%2f", "/v2%2f..%2fv2", "/v2/../v2", "/v2/./", "/v2/v2", "/v2%5c", "/v2\\",
         "\\v2", "/\\v2", "/v2/%2e%2e/v2",
         "/v1/../v2", "/v2/x/../../v2", "/v2/_berth/../../v2", "/%2fv2", "/%2f%2e%2e/v2", "/x/%2e%2e/v2", "/x%2f..%2fv2",
         "/v2%c0%af..%c0%afv2",
         "/@berth/v2", "/v2/@berth", "/_berth/v2", "/v2%23", "/v2%3f", "/v2?", "/v2#", "/%v2", "/~/v2", "/.v2", "/v2/~",
         "http://registry.test/v2", "http://registry.test//v2", "HTTP://registry.test/v2", "http://elsewhere.test/v2",
         "http://a:b@registry.test/v2",
         "https://registry.test/v2", "http:///v2", "http:/v2", "//registry.test/v2", "http://registry.test:0/v2",
         "http://registry.test/x/../v2",
         "ftp://registry.test/v2", "unix:/v2", "file:///v2", "v2", "*", "?/v2", "http://registry.test?/v2",
         "http://registry.test#/v2"]
#: Ways out of a repository one may read into one that one may not: in the middle of a path, before the end point.
DETOURS = ["open/app/../../private/app", "open/app/%2e%2e/%2e%2e/private/app", "open/..%2fprivate/app",
           "open/%2e%2e%2fprivate/app",
           "open/app/..%2f..%2fprivate%2fapp", "open/app/..\\..\\private\\app", "open/..;/private/app",
           "open/app/tags/list/../../../../private/app",
           f"open/app/blobs/{OPEN_LAYER}/../../../../private/app", "open/app/manifests/v1/../../../../private/app",
           "open/app/%252e%252e/private/app",
           "open/app/..%c0%af..%c0%afprivate/app", "open/.%00./private/app", "open/app/./../../private/app",
           "open//../private/app",
           "Private/app", "PRIVATE/APP", "private/App", "private%2fapp", "private%2Fapp", "private%252fapp",
           "private\\app", "private%5capp",
           "privat%65/app", "%70rivate/app", "%70%72%69%76%61%74%65/%61%70%70", "private/%61pp", "private/./app",
           "private//app", "/private/app",
           "./private/app", "private/app/", "private/app/.", "private/app//", "private;x=y/app", "private/;x/app",
           "private%00/app", "private/app%00",
           "private /app", "private%20/app", "priv\xe4te/app", "private/app/../app", "private/x/../app", "private./app",
           "private/app.", "private%2e/app",
           "repositories/private/app", "docker/registry/v2/repositories/private/app", "_berth/../private/app",
           "..private/app", "private/app%23",
           "private#/app", "private?/app", "private/app?", "private%3f/app", "private/app#", "open/app?/../../private/app",
           "open/app#/../../private/app"]
OTHER_NAMES = ("repositories/private/app", "docker/registry/v2/repositories/private/app")   # of repositories there could be
#: Places that are the web server's or the tree's own.
INTERNAL = [f"/v2/_berth/blobs/{DATA}", "/v2/_berth/blobs/", "/v2/_berth/blobs", "/v2/_berth/error", "/v2/_berth/",
            "/v2/_berth", "/_berth",
            f"/_berth/blobs/{DATA}", f"/v2/_berth/blobs/../blobs/{DATA}", f"/v2/_berth/./blobs/{DATA}",
            f"/v2//_berth/blobs/{DATA}",
            f"/v2/%5fberth/blobs/{DATA}", f"/v2/_berth/blobs/{DATA}?x", f"/v2/_berth/blobs%2f{DATA}",
            f"/v2/_berth/%62lobs/{DATA}",
            f"/v2/x/../_berth/blobs/{DATA}", f"/v2/_berth/blobs//{DATA}", f"/v2/_BERTH/blobs/{DATA}",
            f"/docker/registry/v2/blobs/{DATA}",
            f"/v2/docker/registry/v2/blobs/{DATA}", f"/v2/blobs/{DATA}", f"/blobs/{DATA}",
            f"/v2/../docker/registry/v2/blobs/{DATA}",
            f"/v2/%2e%2e/docker/registry/v2/blobs/{DATA}",
            f"/v2/_berth/blobs/..%2f..%2f..%2fdocker/registry/v2/blobs/{DATA}",
            f"/v2/_berth/blobs/../../../blobs/{DATA}", "/v2/_berth/blobs/../../../../../../../../../../etc/passwd",
            "/@berth", "/@berth_stream",
            "/v2/@berth", "/berth.conf", "/berth/settings.conf", "/v2/_berth/locks", "/v2/_berth/trash", "/.htpasswd",
            "/htpasswd", "/errors/400.html",
            "/v2/private/app/_layers/", f"/v2/private/app/_layers/sha256/{HIDDEN_LAYER[7:]}/link",
            f"/v2/private/app/_manifests/tags/{SECRET_TAG}/current/link",
            f"/docker/registry/v2/repositories/private/app/_manifests/tags/{SECRET_TAG}/current/link", "/server-status",
            "/cgi-bin/manifest", "/fcgi/blob",
            f"/v2/open/app/blobs/../../../private/app/blobs/{HIDDEN_LAYER}", "/run/berth/manifest.sock",
            "/v2/manifest.sock", "/error", "/version"]
#: Words of end points where a name is, or a name where an end point is.
WORDS = ["tags/list", "manifests/v1", "blobs/uploads", f"blobs/uploads/{UPLOAD}", "_catalog", f"blobs/{OPEN_LAYER}",
         "referrers/x", "manifests", "blobs", "tags"]


def paths(rng):
    for place in INTERNAL:
        yield "an internal place", place
    for detour in DETOURS:
        for what in HIDDEN_TARGETS[:4]:
            yield "a detour", f"/v2/{detour}/{what}"
    for head in HEADS:
        for rest in (f"/{PRIVATE}/{HIDDEN_TARGETS[0]}", f"/{PRIVATE}/tags/list", f"/{OPEN}/{OPEN_TARGETS[0]}",
                     f"/{OPEN}/manifests/v1", "/_catalog", "/", ""):
            yield "another way to /v2", head + rest
    for name, targets in ((PRIVATE, HIDDEN_TARGETS), (OPEN, OPEN_TARGETS)):
        for tail in TAILS:
            for what in targets[:4]:
                yield "an odd end", f"/v2/{name}/{what}{tail}"
        for word in WORDS:
            for what in targets[:3]:
                yield "a word of another end point", f"/v2/{name}/{word}/{what}"
                yield "a word of another end point", f"/v2/{word}/{name}/{what}"
        for length in (250, 256, 1000, 5000, 9000):
            yield "a long name", f"/v2/{'x' * length}/../{name}/tags/list"
            yield "a long name", f"/v2/{name}/{'x' * length}/tags/list"
            yield "a long name", f"/v2/{name}{'/x' * (length // 2)}/tags/list"
        for separator in SEPARATORS:
            for path in some_slashes(rng, f"/v2/{name}/{rng.choice(targets)}", separator, 3):
                yield "an odd separator", path
    for _ in range(300):
        yield "several at once", mixed(rng)


def some_slashes(rng, path, separator, count):
    """The path with one of its slashes replaced, in so many ways."""
    at = [i for i, c in enumerate(path) if c == "/"]
    for i in sorted(rng.sample(at, min(count, len(at)))):
        yield path[:i] + separator + path[i + 1:]


def mixed(rng):
    name, targets = rng.choice(((PRIVATE, HIDDEN_TARGETS), (OPEN, OPEN_TARGETS), (rng.choice(DETOURS), HIDDEN_TARGETS)))
    path = f"{rng.choice(HEADS) if rng.random() < 0.2 else '/v2'}/{name}/{rng.choice(targets)}"
    for _ in range(rng.randint(1, 3)):
        how = rng.randrange(4)
        at = rng.randrange(1, len(path) + 1)
        if how == 0:
            path = next(some_slashes(rng, path, rng.choice(SEPARATORS), 1), path)
        elif how == 1:
            path += rng.choice(TAILS)
        elif how == 2:   # a letter escaped, once or twice
            path = f"{path[:at - 1]}{rng.choice(('%', '%25'))}{ord(path[at - 1]):{rng.choice(('02x', '02X'))}}{path[at:]}"
        else:            # another letter, or a byte of no use
            path = path[:at] + rng.choice(("A", "_", ".", "-", "%00", "%0a", "%c0%80", "%ff", "\x02", "\x7f",
            "\xc3")) + path[at:]
    return path


# --- Fields -----------------------------------------------------------------------

USERS = ["Remote-User", "Remote_User", "REMOTE_USER", "HTTP_REMOTE_USER", "X-Remote-User", "X_Remote_User",
         "X-Forwarded-User", "X-Auth-Request-User",
         "X-Webauth-User", "Auth-User", "Auth-Type", "AUTH_TYPE", "X-Authenticated-Userid", "Ssl-Client-Verify",
         "X-Ssl-Client-S-Dn", "Redirect-Remote-User",
         "REDIRECT_REMOTE_USER"]
ADDRESSES = ["X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip", "True-Client-Ip", "X-Forwarded-Host",
             "X-Forwarded-Proto", "X-Forwarded-Prefix",
             "X-Forwarded-Server", "X-Forwarded-Uri", "Remote-Addr", "REMOTE_ADDR", "Via", "X-Host"]
FILES = ["X-Accel-Redirect", "X_Accel_Redirect", "X-Sendfile", "X-LIGHTTPD-send-file", "X-Sendfile2", "X-Accel-Internal",
         "Location", "Status"]
ADDRESSES_OF_PATHS = ["X-Original-Url", "X-Rewrite-Url", "X-Original-Uri", "X_Original_Url", "Request-Uri", "REQUEST_URI",
                      "Request_Uri", "Script-Name", "SCRIPT_NAME",
                      "Path-Info", "PATH_INFO", "Script-Filename", "Document-Root", "Redirect-Url", "Redirect-Uri",
                      "Destination", "Content-Location",
                      "Query-String", "Unencoded-Url", "Host-Path"]
METHODS = ["X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "REQUEST_METHOD", "Request-Method",
           "Request_Method"]
OURS = ["Berth-Config", "BERTH_CONFIG", "Berth_Config", "HTTP_BERTH_CONFIG", "Berth-Root", "BERTH_ROOT",
        "Berth-Blob-Transfer", "BERTH_BLOB_TRANSFER",
        "Berth-Direct", "BERTH_DIRECT", "Berth-Readonly", "BERTH_DELETE", "Berth-Log", "BERTH_SPARSE", "Fcgi-Role",
        "FCGI_ROLE", "Gateway-Interface", "Ld-Preload",
        "Proxy", "Proxy-Host", "PROXY"]
VALUES = {
    "users": ["alice", "admin", "root", "(null)", ""],
    "addresses": ["127.0.0.1", "::1", 'for=127.0.0.1;proto=https;host="open"', "localhost, 10.0.0.1"],
    "files": [f"/v2/_berth/blobs/{DATA}", f"/docker/registry/v2/blobs/{DATA}", "/etc/passwd", "../../../../etc/passwd"],
    "paths": [f"/v2/{OPEN}/tags/list", f"/v2/{PRIVATE}/blobs/{HIDDEN_LAYER}", "/", "/v2/"],
    "methods": ["DELETE", "PUT", "HEAD", "TRACE"],
    "ours": ["/etc/passwd", "body", "x-accel-redirect", "1", "yes", "http://127.0.0.1:9/"],
}
FRAMING = [["Host: registry.test"], ["Host: elsewhere.test"], ["Host: open"], ["Content-Length: 0"], ["Content-Length: 5"],
           ["Content-Length: 0", "Content-Length: 5"],
           ["Content-Length: -1"], ["Content-Length: +0"], ["Content-Length: 0x0"], ["Content-Length:"],
           ["Content-Length : 0"], ["Content_Length: 5"],
           ["Transfer-Encoding: chunked"], ["Transfer-Encoding: identity"], ["Transfer-Encoding: xchunked"],
           ["Transfer-Encoding : chunked"],
           ["Transfer_Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 5"],
           ["Transfer-Encoding: chunked, chunked"],
           ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], ["Transfer-Encoding:\x0bchunked"],
           [" Transfer-Encoding: chunked"],
           ["X: y", " Content-Length: 5"], ["Connection: Authorization"], ["Connection: close, Host"],
           ["Connection: Content-Length"],
           ["Upgrade: h2c", "Connection: Upgrade"], ["Upgrade: websocket", "Connection: Upgrade"],
           ["Expect: 100-continue"], ["Expect: x"], ["Max-Forwards: 0"], ["Range: bytes=0-3"], ["If-None-Match: *"],
           ["If-Modified-Since: Wed, 21 Oct 2065 07:28:00 GMT"], ["Accept-Encoding: gzip"]]
EMPTY_CHUNK = b"0\r\n\r\n"   # five bytes
FIELD_TARGETS = [("GET", f"/v2/{PRIVATE}/{HIDDEN_TARGETS[0]}"), ("GET", f"/v2/{PRIVATE}/tags/list"), ("GET",
                 f"/v2/{OPEN}/{OPEN_TARGETS[0]}"),
                 ("GET", f"/v2/{OPEN}/manifests/v1"), ("GET", f"/v2/{OPEN}/blobs/{HIDDEN_LAYER}")]


def fields(rng):
    for kind, names in (("users", USERS), ("addresses", ADDRESSES), ("files", FILES), ("paths", ADDRESSES_OF_PATHS),
    ("methods", METHODS), ("ours", OURS)):
        for name in names:
            for method, target in FIELD_TARGETS:
                yield Hostile(f"a field of {kind}", method, as_bytes(target), (f"{name}: {rng.choice(VALUES[kind])}",))
    for lines in FRAMING:
        for method, target in (*FIELD_TARGETS[:3], ("HEAD", FIELD_TARGETS[2][1])):
            yield Hostile("framing", method, as_bytes(target), tuple(lines), more=EMPTY_CHUNK, unsure_end=True)


# --- Methods ----------------------------------------------------------------------

WRITES = [("DELETE", f"manifests/{HIDDEN_MANIFEST}"), ("DELETE", f"manifests/{SECRET_TAG}"), ("DELETE",
          f"blobs/{HIDDEN_LAYER}"), ("PUT", f"manifests/{SECRET_TAG}"),
          ("POST", "blobs/uploads/"), ("PATCH", f"blobs/uploads/{UPLOAD}"), ("PUT",
          f"blobs/uploads/{UPLOAD}?digest={HIDDEN_LAYER}"), ("TRACE", "tags/list"),
          ("OPTIONS", "tags/list"), ("PROPFIND", "tags/list"), ("MOVE", f"manifests/{SECRET_TAG}"), ("COPY",
          f"blobs/{HIDDEN_LAYER}"), ("MKCOL", "tags")]


def writes():
    """To what is private, spelled in every way: none may be let through."""
    spellings = (PRIVATE, *(detour for detour in DETOURS if detour not in OTHER_NAMES))
    for method, what in WRITES:
        body = SECRET[2] if method == "PUT" else b"x" if method in ("POST", "PATCH") else None
        for name in spellings[WRITES.index((method, what)) % 2::2]:
            yield Hostile("a write to what is private", method, as_bytes(f"/v2/{name}/{what}"),
            (f"Content-Type: {OCI_MANIFEST}",), body)


def generate(seed):
    """Different requests, in an order that is the seed's."""
    rng = random.Random(seed)
    found = {}
    for kind, path in paths(rng):
        method = rng.choice(("GET", "GET", "GET", "HEAD")) if path.startswith("/") else "GET"
        found.setdefault((method, path), Hostile(kind, method, as_bytes(path), unsure_end=any(c <= " " for c in path)))
    every = [*found.values(), *fields(rng), *writes()]
    rng.shuffle(every)
    return every
