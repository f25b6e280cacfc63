# SPDX-License-Identifier: MIT
"""What has to come of a request of the matrix: a refusal, by what the action needs and the policy grants, or the very bytes
that were asked for. Nothing here looks at what the programs do."""

import json

from harness import jwt
from harness.content import digest_of

from .world import MARK

#: The scope of a challenge by what an action needs.
ACTIONS = {"pull": "pull", "push": "pull,push", "delete": "delete"}
#: What may differ from answer to answer.
PASSING = ("date", "connection", "keep-alive", "content-length")


class Refusal:
    """Status and code of a refusal; `challenge` is what WWW-Authenticate has to say, None for no such field."""

    def __init__(self, status, code, challenge=None):
        self.statuses, self.code, self.challenge = status if isinstance(status, tuple) else (status,), code, challenge

    def complaint(self, cell, answer):
        if answer.status not in self.statuses:
            return f"expected {self.statuses}"
        if cell.method != "HEAD" and self.code and code_of(answer) != self.code:
            return f"expected {self.code}"
        said = answer.value("www-authenticate")
        if said is not None and said.startswith("Bearer "):
            said = jwt.parse_challenge(said)
        if said != self.challenge and self.challenge is not ANY:
            return f"expected the challenge {self.challenge}"
        if MARK.encode() in answer.body:
            return "it gives something away"
        return ""


ANY = object()
BASIC = 'Basic realm="registry"'


def code_of(answer):
    try:
        return json.loads(answer.body)["errors"][0]["code"]
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def refusal(world, who, cell):
    """What `who` is told who may not; None for who is let through."""
    if cell.path is not None and cell.path.startswith("/token"):
        return refusal_of_token(world, who, cell)
    if who.subject is None:
        return Refusal(401, "UNAUTHORIZED", challenge(world, who, cell) if world.bearer else BASIC)
    if cell.path is None:
        return Refusal((400, 404), None)
    if cell.need is None:
        return Refusal(405, "UNSUPPORTED")
    if is_granted(world, who, cell):
        return None
    if world.bearer:
        return Refusal(401, "UNAUTHORIZED", challenge(world, who, cell))
    return Refusal(403, "DENIED")


def is_granted(world, who, cell):
    if cell.need == "ping":
        return True
    if cell.need == "catalog":
        return who.may_list(world.policy)
    return cell.need in who.rights(world.policy, cell.name)


def challenge(world, who, cell):
    """Which token would do."""
    said = {"realm": world.realm, "service": world.service}
    if cell.need == "catalog":
        said["scope"] = "registry:catalog:*"
    elif cell.need in ACTIONS:
        said["scope"] = f"repository:{cell.name}:{ACTIONS[cell.need]}"
        if cell.from_name:
            said["scope"] += f" repository:{cell.from_name}:pull"
    if who.subject is not None:
        said["error"] = "insufficient_scope"
    elif who.shows_token:
        said["error"] = "invalid_token"
    return said


def refusal_of_token(world, who, cell):
    """Where tokens are given out, the web server asks for a password, and lets in those as well who show nothing."""
    if not world.bearer:
        return Refusal(404, None)
    if cell.need is None:
        return Refusal((401, 405), None, ANY)
    if cell.need == "login" and who.login_fails:
        return Refusal(401, "UNAUTHORIZED", BASIC)
    if cell.need == "login" and cell.method == "POST" and not who.login:
        # For clients that put a password into the form: they go on to show it where the web server looks.
        return Refusal(401, "UNAUTHORIZED", f'Basic realm="{world.service}"')
    return None


# --- What is given --------------------------------------------------------------------

def complaint_of_read(world, who, cell, answer):
    """What is wrong with the answer to who may read."""
    reader = READERS[cell.path]
    status, check = reader(world, who, cell)
    if answer.status != status:
        return f"expected {status}"
    if cell.method == "HEAD":
        return "a body" if answer.body else ""
    return "" if check(answer) else "not what it should say"


def nothing(_):
    return True


def missing(answer):
    return code_of(answer) in ("NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "BLOB_UPLOAD_UNKNOWN")


def has_etag(cell, value):
    return any(value.format(**cell.values) in field.format(**cell.values) for field in cell.example.fields
               if field.startswith("If-None-Match"))


def read_version(world, who, cell):
    return 200, nothing


def read_catalog(world, who, cell):
    names = [name for name in sorted(world.contents) if "catalog" in who.rights(world.policy, name)]
    if "last=" in cell.target:
        names = [name for name in names if name > cell.name]
    if "n=1" == cell.target.partition("?")[2]:
        names = names[:1]
    return 200, lambda answer: json.loads(answer.body) == {"repositories": names}


def read_tags(world, who, cell):
    if cell.name not in world.contents:
        return 404, missing
    return 200, lambda answer: json.loads(answer.body) == {"name": cell.name, "tags": [world.contents[cell.name].tag]}


def read_manifest(world, who, cell):
    held = world.contents.get(cell.name)
    if held is None or cell.target.rpartition("/")[2] not in (held.tag, digest_of(held.manifest)):
        return 404, missing
    if has_etag(cell, digest_of(held.manifest)):
        return 304, nothing
    return 200, lambda answer: answer.body == held.manifest


def read_blob(world, who, cell):
    held = world.contents.get(cell.name)
    if held is None or cell.thing != "own":
        return 404, missing
    if has_etag(cell, "{layer}"):
        return 304, nothing
    fields = " ".join(cell.example.fields) if cell.method == "GET" else ""   # RFC 9110, 14.2
    if "," in fields:
        return 206, lambda answer: held.layer[9:13] in answer.body and len(answer.body) < 1000
    if "Range" in fields:
        return 206, lambda answer: answer.body == held.layer[3:10]
    return 200, lambda answer: answer.body == held.layer


def read_referrers(world, who, cell):
    held = world.contents.get(cell.name)
    digests = [digest_of(held.signature)] if held and cell.thing == "own" else []
    return 200, lambda answer: [m["digest"] for m in json.loads(answer.body)["manifests"]] == digests


def read_upload(world, who, cell):
    return (204, nothing) if cell.name in world.contents and cell.thing == "own" else (404, missing)


def read_token(world, who, cell):
    """A token for whoever showed his password, or for nobody, good for what was asked and the policy grants."""
    user = who.login or ""
    asked = "scope=" in cell.target or cell.method == "POST"
    rights = world.policy.rights(user, cell.name) & {"pull", "push"} if asked else frozenset()
    wanted = {cell.name: rights} if rights else {}

    def check(answer):
        said = jwt.payload_of(json.loads(answer.body)["token"])
        granted = {entry["name"]: frozenset(entry["actions"]) for entry in said["access"]}
        return (said["aud"], said.get("sub", ""), granted) == (world.service, user, wanted)
    return 200, check


def read_keys(world, who, cell):
    def check(answer):
        keys = json.loads(answer.body)["keys"]
        return len(keys) == 1 and not {"d", "k"} & set(keys[0])
    return 200, check


READERS = {
    "/v2/": read_version, "/v2": read_version, "/v2/_catalog": read_catalog, "/v2/<name>/tags/list": read_tags,
    "/v2/<name>/manifests/<reference>": read_manifest, "/v2/<name>/blobs/<digest>": read_blob,
    "/v2/<name>/referrers/<digest>": read_referrers, "/v2/<name>/blobs/uploads/<uuid>": read_upload,
    "/token": read_token, "/token/jwks": read_keys,
}


def is_read(cell):
    return cell.method in ("GET", "HEAD") or cell.path == "/token"
