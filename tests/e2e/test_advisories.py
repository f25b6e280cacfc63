# SPDX-License-Identifier: MIT
"""What went wrong in other registries and in the programs we stand on, tried against a running Berth.

A test is named after its advisory. Where rows of the corpus of bad requests try the same, the test says which, and that
they are there. TO_COME has the advisories whose feature we do not have yet: who brings the feature brings the test.
"""

import re
import select

import pytest

import webserver
from corpus import EVERY_RUN, ROWS
from harness import content, fastcgi, snapshot, workers
from harness.client import Client
from harness.content import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, OCTETS, digest_of, encode, random_bytes
from harness.process import wait_for
from harness.raw import Connection
from harness.raw import request as raw_request
from harness.repository import Repository

CHECKOUT = webserver.CHECKOUT

#: (advisory, what went wrong there, what to try here, a file by which the feature will be known).
TO_COME = [
    ("zot CVE-2026-31801", "create or update was decided before looking",
     "who may create only, overwrites any tag, also at once with another: 403",
     "src/store/immutable.c"),
    ("quay PROJQUAY-10504", "deletion by digest passed by immutable tags",
     "deletion and push, by tag and by digest: the same answer",
     "src/store/immutable.c"),
    ("distribution CVE-2026-33540", "credentials for an upstream went to whom its realm named",
     "another realm, a redirect, a downgrade to http: no byte of a credential leaves", "fcgi/mirror.c"),
    ("Harbor #23600", "bytes of an upstream were kept without a look at their digest",
     "an upstream that cuts, changes, stalls: nothing kept, the next pull heals",
     "fcgi/mirror.c"),
    ("containerd CVE-2020-15157", "credentials went to URLs of foreign layers",
     "nothing is fetched from `urls`, or from a list alone", "fcgi/mirror.c"),
    ("httpoxy CVE-2016-5385", "a field Proxy became the variable HTTP_PROXY",
     "a field Proxy with S3, an upstream, a webhook: no connection to it",
     "src/base/http_client.c"),
]


@pytest.mark.parametrize("advisory, wrong, to_try, sign", TO_COME, ids=[entry[0].replace(" ", "-") for entry in TO_COME])
def test_no_feature_has_come_without_the_test_of_its_advisory(advisory, wrong, to_try, sign):
    assert not (CHECKOUT / sign).exists(), f"{advisory}: {wrong}. To try here: {to_try}. Then take it out of TO_COME."


#: Who may do what is tried on every route, for all advisories at once: (advisory, what went wrong there, where it is tried).
OF_RIGHTS = [
    ("distribution CVE-2025-24976", "the key that signed a token was taken from the token",
     "test_forged_tokens.py::test_a_forged_token_is_good_for_nothing"),
    ("Gitea CVE-2025-68944", "a token made from another had lost its scope",
     "test_forged_tokens.py::test_a_token_is_no_way_to_another_token"),
    ("zot CVE-2024-39897", "HEAD and mount copied blobs of repositories one may not read",
     "test_access_matrix.py::test_a_mount_from_what_is_private_looks_as_from_nowhere"),
    ("zot GHSA-c9p4-xwr9-rfhx", "rights of a group were added, never taken away",
     "test_access_policy_live.py::test_a_right_that_is_taken_or_given_counts_with_the_next_request"),
    ("Harbor CVE-2022-46463", "anybody could list everything",
     "test_access_matrix.py::test_the_pages_of_the_catalog_have_what_each_may_see"),
    ("nginx $remote_user", "the name of a field Authorization nobody has checked",
     "test_hostile_names.py::test_no_program_is_told_a_name_without_its_password"),
]


@pytest.mark.parametrize("advisory, wrong, where", OF_RIGHTS, ids=[entry[0].replace(" ", "-") for entry in OF_RIGHTS])
def test_the_test_of_an_advisory_on_rights_is_there(advisory, wrong, where):
    file, _, test = where.partition("::")
    assert f"def {test}(" in (CHECKOUT / "tests/e2e" / file).read_text(), f"{advisory}: {wrong}"


def rows_of(*groups):
    return [row for row in ROWS if row.group in groups]


# --- Registries -------------------------------------------------------------------

def manifest_memory(registry):
    return {pid: workers.private_bytes(pid) for pid, name in workers.find(registry).items() if name == "manifest"}


@pytest.mark.kinds("nginx", "apache-proxy")
def test_distribution_CVE_2017_11468_a_manifest_without_an_end(registry, repository):
    """Rows: "too large"; and test_corpus.py has a layer of gigabytes asked for as a manifest."""
    repository.push_image("v1")
    before, piece = manifest_memory(registry), b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with Connection(registry.front.port) as connection:
        connection.open()
        connection.socket.sendall(raw_request("PUT", repository.manifest("endless"),
                                              ["Transfer-Encoding: chunked", f"Content-Type: {OCI_MANIFEST}"]))
        sent = 0
        while not select.select([connection.socket], [], [], 0)[0]:
            connection.socket.sendall(piece)
            sent += 1
            assert sent < 1000, "a gigabyte was received"
        assert connection.read().status == 413
    for pid, bytes_now in manifest_memory(registry).items():
        assert bytes_now - before.get(pid, 0) < 2 << 20
    repository.client.get(repository.manifest("endless")).expect_error(404, "MANIFEST_UNKNOWN")


@pytest.mark.kinds(*EVERY_RUN)
def test_distribution_CVE_2023_2253_memory_for_as_many_as_are_asked_for(registry, repository):
    """Rows: "a huge n"."""
    data = repository.push_image("v1")
    lists = ("/v2/_catalog", repository.tags(), repository.referrers(digest_of(data)))
    for path in lists:
        registry.client.get(path).expect(200)
    before = {pid: workers.private_bytes(pid) for pid in workers.find(registry)}
    for path in lists:
        for n in (2**31, 2**32 - 1, 2**63, 2**64 - 1):
            registry.client.get(f"{path}?n={n}").expect(200)
    for pid, bytes_before in before.items():
        assert workers.private_bytes(pid) - bytes_before < 1 << 20


@pytest.mark.kinds(*EVERY_RUN)
def test_distribution_CVE_2026_35172_what_one_repository_deleted_another_keeps(repository, other_repository):
    data = random_bytes(1000)
    digest = repository.push_blob(data)
    other_repository.push_blob(data)
    path = repository.blob(digest)
    repository.check_blob(data)
    repository.client.delete(path).expect(202)
    for _ in range(3):
        other_repository.check_blob(data)
        for headers in ([], [("Range", "bytes=0-9")], [("If-None-Match", f'"{digest}"')]):
            repository.client.get(path, headers=headers).expect_error(404, "BLOB_UNKNOWN")
        repository.client.head(path).expect(404)


#: Every address that can be deleted at, and words of other methods that frameworks take for DELETE.
@pytest.mark.kinds(*EVERY_RUN)
def test_distribution_CVE_2026_41888_no_way_to_delete_is_left_open(kind, running):
    registry = running(kind, delete="no")
    repository = Repository(registry.client, "advisories/no-delete")
    data = repository.push_image("v1")
    repository.put_manifest(data, "v2")
    wide = repository.push_image(algorithm="sha512")
    layer = next(iter(content.json.loads(data)["layers"]))["digest"]
    before = snapshot.take(registry.root)
    paths = [repository.manifest(r) for r in ("v1", "v2", "none", digest_of(data), digest_of(wide, "sha512"),
                                              content.absent_digest())]
    paths += [repository.blob(d) for d in (layer, content.absent_digest(), content.absent_digest("sha512"))]
    paths += [repository.manifest("v%31"), repository.manifest("v1") + "?x", repository.tags(),
              repository.referrers(digest_of(data)),
              "/v2/", "/v2", "/v2/_catalog", repository.uploads]
    for path in paths:
        registry.client.delete(path).expect_error(405, "UNSUPPORTED")
        registry.client.request("DELETE", path, b"x" * 1000).expect_error(405, "UNSUPPORTED")
        assert "DELETE" not in registry.client.delete(path).header("Allow"), path
    for path in paths[:3]:
        registry.client.post(path, headers=[("X-HTTP-Method-Override", "DELETE")]).expect_error(405, "UNSUPPORTED")
    assert snapshot.difference(before, snapshot.take(registry.root)) == []


@pytest.mark.kinds(*EVERY_RUN)
def test_harbor_CVE_2022_31667_nothing_is_reached_through_another_repository(repository, other_repository):
    """Uploads: rows "foreign upload"."""
    image = repository.push_image("v1")
    referrer = repository.push_artifact("application/x", subject=content.descriptor(image, OCI_MANIFEST))
    layer = content.json.loads(image)["layers"][0]["digest"]
    other_repository.push_image("mine")
    for path, code in ((other_repository.blob(layer), "BLOB_UNKNOWN"),
                       (other_repository.manifest("v1"), "MANIFEST_UNKNOWN"),
                       (other_repository.manifest(digest_of(image)), "MANIFEST_UNKNOWN"),
                       (other_repository.manifest(digest_of(referrer)), "MANIFEST_UNKNOWN"),
                       (other_repository.blob(digest_of(image)), "BLOB_UNKNOWN")):
        for method in ("GET", "HEAD", "DELETE"):
            other_repository.client.request(method, path).expect_error(404, code)
    assert other_repository.list_referrers(digest_of(image)) == []
    repository.check_manifest(image, "v1", OCI_MANIFEST)


def test_harbor_CVE_2026_4404_nothing_that_is_installed_has_a_password_in_it():
    secret = re.compile(r"\$2[aby]\$|\$apr1\$|\{SHA\}|\$[156]\$|\bpassword\s*[=:]\s*\S", re.I)
    for folder in ("etc", "nginx", "apache"):
        for path in (p for p in (CHECKOUT / folder).rglob("*") if p.is_file() and p.suffix != ".sh"):
            assert not secret.search(path.read_text()), path


def routes():
    """(method, path) of every end point, out of the programs' own tables: a new route cannot be forgotten."""
    values = {"<name>": "advisories/private", "<digest>": content.absent_digest(), "<reference>": "v1",
              "<uuid>": "c0a9e001-0000-4000-8000-00000000000d"}
    for source in sorted((CHECKOUT / "fcgi").glob("*.c")):
        text = source.read_text()
        for path, actions in re.findall(r'\.path = "([^"]+)",\s*\.actions = \{(.*?)\}\},?\s*\}', text + "}", re.S):
            for mark, value in values.items():
                path = path.replace(mark, value)
            for method in re.findall(r"HTTP_([A-Z]+)", actions):
                yield method, path


def test_the_routes_are_found():
    found = list(routes())
    assert len(found) == sum(source.read_text().count("ACTION(HTTP_") for source in (CHECKOUT / "fcgi").glob("*.c"))
    assert {"GET", "PUT", "POST", "PATCH", "DELETE"} == {method for method, _ in found}


@pytest.mark.kinds("nginx-htpasswd", "apache-htpasswd")
def test_gitea_CVE_2026_27771_nothing_is_open_to_who_gives_no_password(registry):
    repository = Repository(registry.client, "advisories/private")
    repository.push_image("v1")
    blob = random_bytes(100)
    there = [("GET", repository.blob(repository.push_blob(blob))), ("GET", repository.manifest("v1")), ("OPTIONS", "/v2/")]
    # /token is not there without tokens; with them, test_include_users.py has it.
    there += [(method, path) for method, path in routes() if path.startswith("/v2")]
    before = snapshot.take(registry.root)
    for user in (None, ("alice", "wrong"), ("", ""), ("alice", ""), ("nobody", "s3cret pass")):
        client = Client(registry.url, user, registry.ca)
        for method, path in there:
            for method in {method, "HEAD"} if method == "GET" else {method}:
                answer = client.request(method, path).expect(401)
                assert answer.header("WWW-Authenticate") == 'Basic realm="registry"', str(answer)
                assert blob not in answer.body
    assert snapshot.difference(before, snapshot.take(registry.root)) == []


@pytest.mark.kinds("nginx-htpasswd", "apache-htpasswd")
def test_quay_CVE_2026_32589_an_upload_is_of_its_repository_and_of_those_let_in(registry, repository, other_repository):
    """Rows: "foreign upload"."""
    assert {row.method for row in rows_of("foreign upload")} == {"GET", "HEAD", "PATCH", "PUT", "DELETE"}
    location = repository.client.patch(repository.start_upload().location, bytes(100), type=OCTETS).expect(202).location
    foreign = location.replace(repository.base, other_repository.base, 1)
    for client, target, status in ((registry.anonymous(), location, 401), (registry.anonymous(), foreign, 401),
                                   (registry.client, foreign, 404)):
        for method, query in (("GET", ""), ("PATCH", ""), ("PUT", f"?digest={digest_of(bytes(100))}"), ("DELETE", "")):
            client.request(method, target + query).expect(status)
    assert repository.client.get(location).expect(204).header("Range") == "0-99"


@pytest.mark.kinds(*EVERY_RUN)
def test_oci_CVE_2021_41190_a_document_is_one_thing_for_ever(repository):
    """Rows: "ambiguous", "wrong type"."""
    assert len(rows_of("ambiguous", "wrong type")) > 100
    image, (index, _) = repository.push_image("image"), repository.push_index("index")
    kinds = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, "application/json")
    for data, own, tag in ((image, OCI_MANIFEST, "image"), (index, OCI_INDEX, "index")):
        for other in kinds:
            if other != own:
                repository.client.put(repository.manifest(tag), data, type=other).expect_error(400, "MANIFEST_INVALID")
            for reference in (tag, digest_of(data)):
                answer = repository.client.get(repository.manifest(reference), headers=[("Accept", other)]).expect(200)
                assert answer.header("Content-Type") == own and answer.header("X-Content-Type-Options") == "nosniff", str(answer)


LINKS = [b"", b"\n", b"../../../../../../etc/passwd", b"sha256:../../../x", b"sha256:" + b"A" * 64, b"sha256:" + b"a" * 63,
         b"md5:" + b"a" * 32, b"\0" * 71, b"x" * 5000, b"sha256:" + b"a" * 64 + b"/../x"]


@pytest.mark.kinds(*EVERY_RUN)
@pytest.mark.parametrize("link", LINKS, ids=range(len(LINKS)))
def test_containers_image_CVE_2024_3727_a_digest_is_one_also_in_a_file(registry, repository, link):
    """Rows: "digests", "query", "no manifest"."""
    data = repository.push_image("v1")
    base = registry.path("repositories", repository.name, "_manifests")
    for path in (base / "tags/v1/current/link", base / "revisions" / digest_of(data).replace(":", "/") / "link"):
        kept = path.read_bytes()
        path.write_bytes(link)
        repository.client.get(repository.manifest("v1")).expect_error(404, "MANIFEST_UNKNOWN")
        path.write_bytes(kept)
    repository.check_manifest(data, "v1", OCI_MANIFEST)


@pytest.mark.kinds(*EVERY_RUN)
@pytest.mark.settings(manifest_limit="8K")
def test_openbsd_httpd_a_limit_holds_for_chunks_as_well(repository):
    repository.push_image("small")
    for size, status in ((7000, 201), (8200, 413), (70_000, 413)):
        data = encode(content.index([], annotations={"a": "x" * size}))
        for chunked in (False, True):
            repository.client.put(repository.manifest("new"), data, type=OCI_INDEX, chunked=chunked).expect(status)


def test_json_c_CVE_2013_6371_documents_made_to_be_slow_or_large_are_rows():
    names = " ".join(row.name for row in rows_of("no JSON"))
    for what in ("deep arrays", "deep objects", "a long number", "keys that collide", "too many values"):
        assert what in names


# --- libfcgi, and what speaks FastCGI --------------------------------------------------

PING = [(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/v2/")]
GET_VALUES = {n: fastcgi.record(fastcgi.GET_VALUES, fastcgi.pairs([(b"FCGI_MPXS_CONNS", b"")] * n), request=0) for n in (1,
    3, 4, 100)}
LENGTHS = {"both": b"\xff" * 8, "a value": b"\x01\xff\xff\xff\xffa", "a name": b"\xff\xff\xff\xff\x01a",
           "their sum": b"\xff\xff\xff\xfe\x80\x00\x00\x02a",
           "the half of one": b"\x01\xff\xff", "more than comes": b"\x80\x00\xff\xff\x01abc"}


@pytest.fixture
def socket_of_version(registry):
    """The socket of the program that answers /v2/. It is whole again after each test, whatever happened to it."""
    yield registry.berth.socket("version")
    wait_for(lambda: list(workers.find(registry).values()).count("version") == 2, "a worker and its master")
    for _ in range(5):
        registry.client.get("/v2/").expect(200)


@pytest.mark.kinds("nginx")
@pytest.mark.parametrize("name", LENGTHS)
def test_libfcgi_CVE_2025_23016_lengths_of_parameters_that_overflow(socket_of_version, name):
    for data in (fastcgi.record(fastcgi.PARAMS, LENGTHS[name]),
                 fastcgi.record(fastcgi.PARAMS, LENGTHS[name]) + fastcgi.record(fastcgi.PARAMS)):
        assert b"Status: 200" not in fastcgi.ask(socket_of_version, fastcgi.begin() + data)


@pytest.mark.kinds("nginx")
@pytest.mark.parametrize("repeats", GET_VALUES)
def test_libfcgi_FCGI_GET_VALUES_answers_that_overflow(registry, socket_of_version, repeats):
    fastcgi.ask(socket_of_version, GET_VALUES[repeats])
    fastcgi.ask(socket_of_version, GET_VALUES[repeats] + fastcgi.request(PING))
    fastcgi.ask(socket_of_version, fastcgi.begin() + GET_VALUES[repeats])
    # Nobody but the web server's group comes that far.
    assert socket_of_version.stat().st_mode & 0o7777 == 0o660


RUBBISH = {"nothing": b"", "HTTP": b"GET /v2/ HTTP/1.1\r\n\r\n",
           "version 7": fastcgi.record(fastcgi.BEGIN_REQUEST, bytes(8), version=7),
           "an unknown type": fastcgi.record(77), "an unknown role": fastcgi.begin(role=9) + fastcgi.record(fastcgi.PARAMS),
           "an abort": fastcgi.record(fastcgi.ABORT_REQUEST),
           "two beginnings": fastcgi.begin() + fastcgi.begin(),
           "another request's parameters": fastcgi.begin() + fastcgi.record(fastcgi.PARAMS, fastcgi.pairs(PING), request=2),
           "half a record": fastcgi.begin()[:5], "a short beginning": fastcgi.record(fastcgi.BEGIN_REQUEST, b"\0")}


@pytest.mark.kinds("nginx")
@pytest.mark.parametrize("name", RUBBISH)
def test_libfcgi_records_that_are_none(registry, socket_of_version, name):
    before = workers.find(registry)
    assert b"Status: 200" not in fastcgi.ask(socket_of_version, RUBBISH[name])
    assert workers.find(registry) == before


PARAMETERS = {"none": [], "no target": [(b"REQUEST_METHOD", b"GET")], "an empty target": [*PING[:1], (b"REQUEST_URI", b"")],
              "no method": PING[1:], "a NUL": [*PING[:1], (b"REQUEST_URI", b"\0/v2/")],
              "a line end": [*PING[:1], (b"REQUEST_URI", b"/v2/\r\nX-Injected: 1")],
              "no slash": [*PING[:1], (b"REQUEST_URI", b"v2/")],
              "an endless target": [*PING[:1], (b"REQUEST_URI", b"/v2/" + b"a" * 60_000)],
              "a length that is none": [*PING, (b"CONTENT_LENGTH", b"-1")],
              "an empty path": [*PING[:1], (b"REQUEST_URI", b"?"), (b"PATH_INFO", b"")]}


@pytest.mark.kinds("nginx")
@pytest.mark.parametrize("name", PARAMETERS)
def test_php_fpm_CVE_2019_11043_parameters_no_web_server_sends(registry, socket_of_version, name):
    before = workers.find(registry)
    answer = fastcgi.ask(socket_of_version, fastcgi.request(PARAMETERS[name]))
    assert re.search(rb"Status: (400|405|414) ", answer), answer
    assert b"\nX-Injected" not in answer
    assert workers.find(registry) == before


def test_haproxy_mux_fcgi_no_program_is_offered_over_a_network():
    """A body could be read as records by who may not speak FastCGI."""
    addresses = []
    for path in (p for folder in ("etc", "nginx", "apache") for p in (CHECKOUT / folder).rglob("*") if p.is_file()):
        text = path.read_text()
        addresses += re.findall(r"""^ListenStream=(.*)|^ *fastcgi_pass (.*);|^ *("\S+fcgi://\S+)|(spawn-fcgi .*-[ap] .*)""", text, re.M)
    assert len(addresses) >= 10   # one of systemd, one of nginx, eight of Apache
    for address in map("".join, addresses):
        assert address.startswith(("/", "unix:", '"unix:')), address


# --- Apache and nginx ---------------------------------------------------------------

@pytest.mark.kinds("apache-proxy", "apache-fcgid", "apache-cgi", "apache-htpasswd")
def test_apache_CVE_2024_24795_lengths_are_kept_and_fields_are_not_split(repository):
    """Rows: "injection"."""
    assert len(rows_of("injection")) > 50
    data, blob = repository.push_image("v1"), random_bytes(1000)
    repository.push_blobs(blob, b"")
    for path, size in ((repository.manifest("v1"), len(data)), (repository.blob(digest_of(blob)), 1000),
                       (repository.blob(digest_of(b"")), 0)):
        assert repository.client.head(path).expect(200).length == size


def spellings(name):
    """Ways to write a path into a closed repository that some reader resolves to it."""
    first, rest = name.split("/", 1)
    yield from (name, f"./{name}", f"x/../{name}", f"x/y/../../{name}", f"/{name}", f"//{name}", f"{first}//{rest}",
                f"{first}/./{rest}",
                f"{first}/x/../{rest}", f"%{ord(first[0]):02x}{first[1:]}/{rest}", f"{first}%2f{rest}", f"{first}%2F{rest}",
                f"%2e/{name}",
                f"x/%2e%2e/{name}", f"x/.%2e/{name}", f"x%2f..%2f{name}", f"x/..%2f{name}", f"x/%2e%2e%2f{name}",
                f"x\\..\\{name}", f"x/..%5c{name}",
                f"%252e/{name}", f"x/%252e%252e/{name}", f"{first}%252f{rest}", f"{first}/%2e/{rest}", f"{first};x/{rest}",
                f"{first}%00/{rest}",
                f"{first}%20/{rest}", f"{first}%0a/{rest}", f"{first}?/../{rest}", f"{first}%3f/{rest}",
                f"{first}%23/{rest}", f"{name.upper()}", f"{first}./{rest}",
                f"{first}/{rest}/../{rest}", f"x/..;/{name}", f"x/%c0%ae%c0%ae/{name}", f"{first}\t/{rest}",
                f"../v2/{name}", f"%2e%2e/v2/{name}", f"..%2fv2%2f{name}")


#: In front of the path in a request to a proxy: readers may not agree where the path begins.
HOSTS = ("http://h", "HTTPS://h:1", "http://", "http:///", "http://user:word@h", "http://[::1]", "http://h#", "http://h?",
         "http://h\\", "http://h;", "http://h%2f", "http://h/x/..", "http://h/http://h", "http:h", "//h", "ftp://h")


CLOSED = {"nginx": "location /v2/closed/ { deny all; }",
          "apache": '<Location "/v2/closed/">\nRequire all denied\n</Location>',
          "lighttpd": '$HTTP["url"] =~ "^/v2/closed/" { url.access-deny = ( "" ) }'}


def close_part_of(registry):
    """Another web server of the same make before the same programs, with a closed location in it."""
    front = registry.front
    if registry.kind.startswith("nginx"):
        return webserver.Nginx(registry.root, front.sockets, site=CLOSED["nginx"], direct=front.direct)
    if registry.kind.startswith("lighttpd"):
        return webserver.Lighttpd(registry.root, front.sockets, site=CLOSED["lighttpd"])
    return webserver.Apache(registry.root, front.sockets, way=front.way, direct=front.direct, programs=front.programs,
                            config=front.config, site=CLOSED["apache"])


@pytest.mark.kinds(*EVERY_RUN)
def test_apache_CVE_2024_38473_a_closed_part_is_closed_however_it_is_spelled(registry):
    """Web server and program read the same path, or nobody does."""
    repository = Repository(registry.client, "closed/app")
    data, blob = repository.push_image("v1"), random_bytes(200)
    repository.push_blob(blob)
    before = snapshot.take(registry.root)
    with close_part_of(registry) as front, Connection(front.port) as connection:
        for name in spellings("closed/app"):
            for method, rest in (("GET", "manifests/v1"), ("GET", f"blobs/{digest_of(blob)}"), ("GET", "tags/list"),
                                 ("GET", f"referrers/{digest_of(data)}"),
                                 ("POST", "blobs/uploads/"), ("DELETE", "manifests/v1"),
                                 ("DELETE", f"blobs/{digest_of(blob)}"), ("PUT", "manifests/v1")):
                answer = connection.ask(raw_request(method, f"/v2/{name}/{rest}", [f"Content-Type: {OCI_MANIFEST}"],
                                                    data if method == "PUT" else b""))
                assert 400 <= answer.status < 500, f"{method} {name}/{rest}: {answer}"
                assert blob not in answer.body and data not in answer.body
        for host in HOSTS:
            for method, rest in (("GET", "manifests/v1"), ("GET", f"blobs/{digest_of(blob)}"), ("POST", "blobs/uploads/")):
                answer = connection.ask(raw_request(method, f"{host}/v2/closed/app/{rest}"))
                assert blob not in answer.body and data not in answer.body, f"{method} {host}: {answer}"
    assert snapshot.difference(before, snapshot.take(registry.root)) == []


@pytest.mark.kinds("nginx-htpasswd", "apache-htpasswd")
def test_apache_CVE_2022_31813_fields_named_by_Connection_change_nothing(registry, repository):
    data = repository.push_image("v1")
    for name in ("Authorization", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Host", "Content-Type",
                 "Cookie"):
        hop = [("Connection", f"close, {name}"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.test"),
               ("X-Forwarded-For", "127.0.0.1")]
        registry.anonymous().get(repository.manifest("v1"), headers=hop).expect(401)
        answer = registry.client.get(repository.manifest("v1"), headers=hop).expect(200, 401)
        assert answer.status == 401 or answer.body == data
        answer = registry.client.post(repository.uploads, headers=hop).expect(202, 401)
        assert answer.status == 401 or answer.location.startswith(repository.uploads)   # relative: no scheme, no host


@pytest.mark.kinds("nginx", "nginx-indirect")
def test_nginx_CVE_2026_27654_the_directory_of_blobs_has_no_other_door(registry, repository):
    data = random_bytes(300)
    encoded = repository.push_blob(data).removeprefix("sha256:")
    blob, link = f"sha256/{encoded[:2]}/{encoded}/data", f"repositories/{repository.name}/_layers/sha256/{encoded}/link"
    with Connection(registry.front.port) as connection:
        for path in (f"blobs/{blob}", "blobs/", "blobs", f"blobs../blobs/{blob}", f"blobs../{link}", f"blobs..%2f{link}",
                     f"blobs/../blobs/{blob}", f"blobs/..%2f{link}",
                     f"blobs/%2e%2e/{link}", f"blobs%2f{blob}", f"blobs//{blob}", f"blob%73/{blob}",
                     f"../v2/_berth/blobs/{blob}", f"./blobs/{blob}", "error", f"blobs/{blob}?x"):
            for method in ("GET", "HEAD", "POST"):
                answer = connection.ask(raw_request(method, f"/v2/_berth/{path}", [], b"" if method == "POST" else None),
                                        method == "HEAD")
                assert answer.status in (400, 404, 405), f"{method} {path}: {answer}"
                assert data not in answer.body and encoded.encode() not in answer.body.replace(path.encode(), b"")
        for path in (f"/docker/registry/v2/blobs/{blob}", f"/docker/registry/v2/{link}",
                     f"/v2/docker/registry/v2/blobs/{blob}", f"/v2../docker/registry/v2/blobs/{blob}"):
            assert connection.ask(raw_request("GET", path)).status in (400, 404)
        # A client cannot ask for it by the field either.
        answer = connection.ask(raw_request("GET", repository.manifest("none"),
                                            [f"X-Accel-Redirect: /v2/_berth/blobs/{blob}"]))
        assert answer.status == 404
