# SPDX-License-Identifier: MIT
"""Everything a registry can be asked about a tree, so that two of them can be compared without choosing samples."""

from . import content
from .paging import walk

#: As clients send it; a type of its own is there for whoever serves it.
ACCEPT = [("Accept", t) for t in (content.OCI_MANIFEST, content.OCI_INDEX, content.DOCKER_MANIFEST,
                                  content.DOCKER_LIST, "application/json", "*/*")]


def catalog(client):
    return [name for page in walk(client, "/v2/_catalog?n=100", lambda d: d["repositories"] or []) for name in page]


def tags(client, name):
    """The sorted tags, or the error's code. An emptied list is null in docker-registry, and a repository without
    the directory unknown to it."""
    answer = client.get(f"/v2/{name}/tags/list").expect(200, 404)
    if answer.status == 404:
        return answer.json()["errors"][0]["code"]
    return sorted(answer.json()["tags"] or [])


def manifest(client, name, reference):
    """HEAD and GET agree; what they say, or the status and code of the error."""
    path = f"/v2/{name}/manifests/{reference}"
    got, head = client.get(path, headers=ACCEPT), client.head(path, headers=ACCEPT)
    return check_both(got, head, "Content-Type")


def blob(client, name, digest):
    path = f"/v2/{name}/blobs/{digest}"
    got, head = client.get(path), client.head(path)
    said = check_both(got, head, "Content-Type")
    if got.status == 200 and len(got.body) > 3:
        part = client.get(path, headers=[("Range", "bytes=1-3")]).expect(206)
        assert part.body == got.body[1:4], str(part)
        assert part.header("Content-Range") == f"bytes 1-3/{len(got.body)}", str(part)
    return said


def check_both(got, head, type_header):
    got.expect(200, 404), head.expect(200, 404)
    assert got.status == head.status, f"{got}\n{head}"
    if got.status != 200:
        return got.status
    for name in (type_header, "Content-Length", "Docker-Content-Digest"):
        assert got.header(name) == head.header(name), f"{got}\n{head}"
    assert got.length == len(got.body), str(got)
    algorithm = got.digest.split(":")[0]
    assert content.digest_of(got.body, algorithm) == got.digest, str(got)
    return got.header(type_header), got.digest, got.body


def everything(client, tree):
    """{what was asked: what was answered} for each repository, tag, revision and layer there is on disk."""
    answers = {"catalog": catalog(client)}
    for name in tree.repositories():
        answers["tags", name] = tags(client, name)
        for reference in tree.tags(name) + tree.revisions(name):
            answers["manifest", name, reference] = manifest(client, name, reference)
        for digest in tree.layers(name):
            answers["blob", name, digest] = blob(client, name, digest)
    return answers
