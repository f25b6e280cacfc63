# SPDX-License-Identifier: MIT
"""Who may do what on a registry under test: users with passwords, a policy, Bearer tokens."""

import base64
import json
import re
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from .client import Client

#: Seconds for which a token that was fetched is used again; Berth's are good for a minute at least.
TOKEN_USED_FOR = 30
EVERYTHING = "pull,push,delete"
#: The last part that looks like an end point decides where the name of a repository ends.
END_POINT = re.compile(r"/v2/(.+)/(?:manifests/[^/]+|blobs/[^/]+|tags/list|referrers/[^/]+|blobs/uploads/.*)")


@dataclass(frozen=True)
class Access:
    """`users`: pairs of name and password, beside webserver.USER, who is the user of the registry's own client. `policy`:
    the text of the policy; by default that user may do everything."""

    users: tuple = ()
    policy: str = "[*]\nalice = admin\n"


def token_settings(directory, url, path):
    """Keys of berth.conf for a registry at this URL that gives out tokens itself, at this path."""
    return {"token_realm": url + path, "token_service": url.partition("://")[2],
            "token_keys": directory / "keys/token-keys"}


class TokenServer:
    """/token of a registry, as clients ask it. `user`: (name, password), or None for nobody."""

    def __init__(self, url, path, service, ca=None):
        self.client, self.path, self.service = Client(url, ca=ca), path, service

    def ask(self, user=None, *scopes, method="GET", **query):
        """The answer as it comes."""
        values = [("service", self.service), *(("scope", scope) for scope in scopes), *query.items()]
        fields = [("Authorization", basic(user))] if user else []
        if method == "GET":
            return self.client.get(f"{self.path}?" + urlencode(values), headers=fields)
        form = urlencode(values).encode()
        return self.client.post(self.path, form, headers=fields, type="application/x-www-form-urlencoded")

    def fetch(self, user=None, *scopes, **query):
        """The token."""
        document = self.ask(user, *scopes, **query).expect(200).json()
        assert document["token"] == document.get("access_token", document["token"])
        return document["token"]

    def keys(self):
        return json.loads(self.client.get(f"{self.path}/jwks").expect(200).body)


class TokenClient(Client):
    """Shows a token with each request, as clients do that have understood a challenge: one for all of its repository."""

    def __init__(self, url, server, user=None, ca=None):
        super().__init__(url, user, ca)
        self.server, self.tokens = server, {}

    def authorization(self, path):
        scopes = scopes_of(path)
        token, fetched = self.tokens.get(scopes, (None, 0))
        if time.monotonic() - fetched > TOKEN_USED_FOR:
            token = self.server.fetch(self.user, *scopes)
            self.tokens[scopes] = token, time.monotonic()
        return "Bearer " + token


def basic(user):
    return "Basic " + base64.b64encode(":".join(user).encode()).decode()


def scopes_of(path):
    """What a client asks for before a request to this path."""
    path, _, query = path.partition("?")
    if path.startswith("/v2/_catalog"):
        return ("registry:catalog:*",)
    found = END_POINT.fullmatch(path)
    if found:
        sources = [unquote(value[5:]) for value in query.split("&") if value.startswith("from=")]
        return (f"repository:{found[1]}:{EVERYTHING}", *(f"repository:{source}:pull" for source in sources))
    return ()
