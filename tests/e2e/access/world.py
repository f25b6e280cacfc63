# SPDX-License-Identifier: MIT
"""A registry with a policy, people and repositories: private ones of two teams, and one everybody may read."""

import json

from harness import jwt
from harness.access import Access, basic
from harness.content import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, descriptor, digest_of, encode
from harness.process import wait_for
from harness.repository import Repository
from webserver import USER

from .policy import Policy

ADMIN = USER[0]
#: Everybody who has a password.
PASSWORDS = {ADMIN: USER[1], "reader": "reads it", "pusher": "pushes it", "other": "is of b", "guest": "knows one"}
#: A server of tokens that is trusted.
OUTSIDE = "https://elsewhere.example/tokens"

POLICY = Policy(
    groups={"team-a": ["reader", "pusher"], "team-b": ["other"], "everyone-b": ["@team-b"]},
    sections={
        "team-a/*": {"@team-a": "pull, catalog", "pusher": "pull, push, catalog", ADMIN: "admin"},
        "team-b/*": {"@everyone-b": "pull, push, delete, catalog", "guest": "pull", ADMIN: "admin"},
        "open/*": {"$anonymous": "pull", "$authenticated": "pull, catalog", "guest": "", "pusher": "pull, push",
                   ADMIN: "admin"},
        "*": {ADMIN: "admin"},
    })

A, B, OPEN = "team-a/app", "team-b/app", "open/app"
#: Names of nothing, as long as those of something, so that lengths may not differ either.
NO_A, NO_B = "team-a/xyz", "team-b/xyz"
NAMES = (A, B, OPEN, NO_A, NO_B)
#: In every byte that is somebody's.
MARK = "berth-secret"
TAG, NO_TAG = "v1", "w1"


class Content:
    """What a repository of the world holds: `layer`, `config`, `manifest`, `signature` (refers to it), and `partial`, what
    an upload under way has got."""

    def __init__(self, name):
        mark = f"{MARK} of {name}"
        self.name, self.tag, self.uuid = name, TAG, None
        self.config = encode({"os": "linux", "of": mark})
        self.layer = f"a layer, {mark}, ".encode() * 400
        self.manifest = encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "annotations": {"of": mark},
                                "config": descriptor(self.config, OCI_CONFIG),
                                "layers": [descriptor(self.layer, OCI_LAYER)]})
        self.signature = encode({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/x-signature",
                                 "annotations": {"of": mark}, "config": descriptor(self.config, OCI_CONFIG),
                                 "layers": [descriptor(self.layer, OCI_LAYER)],
                                 "subject": descriptor(self.manifest, OCI_MANIFEST)})
        self.partial = f"half a layer, {mark}".encode()

    def push(self, registry, client):
        repository = Repository(client, self.name)
        repository.push_blobs(self.config, self.layer)
        repository.put_manifest(self.manifest, self.tag)
        repository.put_manifest(self.signature)
        # Asking makes the index, but not before the clock has gone on from what it indexes.
        index = registry.path("repositories", self.name, "_berth/referrers/scanned")
        wait_for(lambda: len(repository.list_referrers(digest_of(self.manifest))) == 1 and index.exists(), "the index")
        location = repository.start_upload().location
        location = client.patch(location, self.partial, type="application/octet-stream").expect(202).location
        self.uuid = location.partition("?")[0].rpartition("/")[2]


def basic_field(user, password):
    return "Authorization: " + basic((user, password))


def bearer_field(token):
    return "Authorization: Bearer " + token


def scopes_for(names, actions="pull,push,delete"):
    return [f"repository:{name}:{actions}" for name in names]


ACCESS = Access(users=tuple(PASSWORDS.items())[1:], policy=POLICY.text())


class World:
    """A registry that was started with ACCESS, and all of it. `contents` is {name: Content}."""

    def __init__(self, registry):
        self.registry, self.bearer, self.policy = registry, registry.tokens is not None, POLICY
        if self.bearer:
            self.trust()
        self.admin = registry.client
        self.contents = {name: Content(name) for name in (A, B, OPEN)}
        for content in self.contents.values():
            content.push(registry, self.admin)

    def trust(self):
        """Another server of tokens as well, known by a certificate and by a set of keys."""
        directory = self.registry.directory
        self.certified, self.listed, self.foreign = jwt.rsa_key(), jwt.elliptic_key("listed"), jwt.elliptic_key("listed")
        (directory / "trusted.pem").write_text(self.certified.certificate())
        (directory / "trusted.jwks").write_text(json.dumps({"keys": [self.listed.public_jwk()]}))
        self.registry.reconfigure(trusted_issuer=OUTSIDE, trusted_certificates=directory / "trusted.pem",
                                  trusted_jwks=directory / "trusted.jwks")

    @property
    def realm(self):
        return self.registry.berth.settings["token_realm"]

    @property
    def service(self):
        return self.registry.berth.settings.get("token_service", "nobody")

    def fetch(self, user, *scopes):
        """A token for a user of PASSWORDS, or for nobody."""
        return self.registry.tokens.fetch((user, PASSWORDS[user]) if user else None, *scopes)

    def own_key(self):
        return jwt.signing_key(self.registry.berth.settings["token_keys"])

    def claims(self, subject, issuer="berth", **more):
        """What a token of the registry would say that is good for everything."""
        everything = {name: ("pull", "push", "delete") for name in NAMES}
        return jwt.claims(issuer, self.service, subject, everything, catalog=True, **more)

    def identities(self):
        return list(self.bearers() if self.bearer else self.named())

    def named(self):
        """Where the web server asks for a password."""
        yield Identity("anonymous")
        yield Identity("wrong password", basic_field("reader", PASSWORDS["pusher"]))
        yield Identity("a token", "Authorization: Bearer x.y.z")
        for user, password in PASSWORDS.items():
            yield Identity(user, basic_field(user, password), subject=user)

    def bearers(self):
        yield Identity("anonymous")
        yield Identity("wrong password", basic_field("reader", PASSWORDS["pusher"]), login_fails=True)
        for user in ("guest", "pusher"):
            yield Identity(f"password of {user}", basic_field(user, PASSWORDS[user]), login=user)
        everywhere = {name: frozenset({"pull", "push", "delete"}) for name in NAMES}
        for user in (*PASSWORDS, None):
            asked = [*scopes_for(NAMES), "registry:catalog:*"]
            yield Identity(user or "nobody", bearer_field(self.fetch(user, *asked)), subject=user or "",
                           grants=everywhere)
        narrow = self.fetch("pusher", *scopes_for([A, NO_A], "pull"))
        yield Identity("a token to pull", bearer_field(narrow), subject="pusher",
                       grants={name: frozenset({"pull"}) for name in (A, NO_A)}, catalog=False)
        yield Identity("a token for nothing", bearer_field(self.fetch("pusher")), subject="pusher", grants={},
                       catalog=False)
        for user, key, how in (("pusher", self.certified, "certificate"), ("reader", self.listed, "set of keys")):
            token = key.token(self.claims(user, OUTSIDE))
            yield Identity(f"outside, by {how}", bearer_field(token), subject=user, grants=everywhere)
        own = self.own_key()
        for why, token in (("expired", own.token(self.claims(ADMIN, expires=-1))),
                           ("another issuer", self.certified.token(self.claims(ADMIN, "https://untrusted.example"))),
                           ("our issuer, their key", self.certified.token(self.claims(ADMIN))),
                           ("their issuer, our key", own.token(self.claims(ADMIN, OUTSIDE))),
                           ("a foreign key", self.foreign.token(self.claims(ADMIN, OUTSIDE)))):
            yield Identity(why, bearer_field(token), shows_token=True, login_fails=True)


class Identity:
    """Who asks. `subject` is the name the registry goes by ("" without one), None where nobody is let in; a token is good
    for `grants` at most, {repository: rights}, where there is one."""

    def __init__(self, title, field=None, subject=None, grants=None, catalog=True, shows_token=False, login=None,
                 login_fails=False):
        self.title, self.fields = title, (field,) if field else ()
        self.subject, self.grants, self.catalog = subject, grants, catalog
        self.shows_token = shows_token or grants is not None
        self.login = login                                     # whom /token gives a token
        self.login_fails = login_fails or grants is not None   # /token wants a password, and this is another thing

    def __str__(self):
        return self.title

    def rights(self, policy, name):
        """In a repository: what the policy grants, and the token as well."""
        rights = policy.rights(self.subject, name)
        if self.grants is None:
            return rights
        return rights & (self.grants.get(name, frozenset()) | ({"catalog"} if self.catalog else frozenset()))

    def may_list(self, policy):
        return self.catalog and policy.grants_somewhere(self.subject, "catalog")
