# SPDX-License-Identifier: MIT
"""Tokens as forgers make them, on every route there is: each is refused, and nothing comes of it. What is good stays good
beside them. The parser is tested with many more; this is what a web server hands over to it."""

import json

import pytest

from access.cells import cells, read_tables
from access.verdict import code_of
from access.world import A, ACCESS, ADMIN, MARK, OUTSIDE, PASSWORDS, World, basic_field, bearer_field, scopes_for
from harness import jwt, snapshot
from harness.content import digest_of
from harness.raw import Connection, request
from harness.registry import Registry

pytestmark = pytest.mark.kinds("nginx-bearer")


def secret_key(secret, kid=None):
    return jwt.Key("HS256", secret=secret, kid=kid)


def forgeries(world):
    """{what it is: fields of a request}"""
    own, claims = world.own_key(), world.claims(ADMIN)
    good = own.token(claims)
    header, payload, signature = good.split(".")
    mine = jwt.elliptic_key(own.kid)
    tokens = {
        "no signature, alg none": f"{jwt.encode({'alg': 'none', 'typ': 'JWT'})}.{jwt.encode(claims)}.",
        "no signature, alg NONE": f"{jwt.encode({'alg': 'NONE', 'typ': 'JWT'})}.{jwt.encode(claims)}.",
        "alg none with the signature of another": f"{jwt.encode({'alg': 'none'})}.{jwt.encode(claims)}.{signature}",
        "without its signature": f"{header}.{payload}.",
        "without its last part": f"{header}.{payload}",
        "truncated": good[:-1],
        "longer": good + "A",
        "two tokens in one": f"{good}.{good}",
        "padded": good + "==",
        "another key of the same name": mine.token(claims),
        "a key of its own in the header": mine.token(claims, jwk=mine.public_jwk()),
        "a certificate of its own in the header": mine.token(
            claims, x5c=["".join(mine.certificate().splitlines()[1:-1])]),
        "an address of keys in the header": mine.token(claims, jku="https://127.0.0.1:1/keys", kid="x"),
        "kid of a file": secret_key(b"", "../../../../dev/null").token(claims),
        "kid of a query": secret_key(b"x", "' UNION SELECT 'x").token(claims),
        "critical extensions": own.token(claims, crit=["exp"]),
        "expired": own.token(world.claims(ADMIN, expires=-1)),
        "never expires": own.token(world.claims(ADMIN, exp=None)),
        "expires as a text": own.token(world.claims(ADMIN, exp="4102444800")),
        "not yet": own.token(world.claims(ADMIN, expires=9000, nbf=claims["exp"] + 3600)),
        "another service": own.token(world.claims(ADMIN, aud="elsewhere.example")),
        "no service": own.token(world.claims(ADMIN, aud=None)),
        "no issuer": own.token(world.claims(ADMIN, iss=None)),
        "issuer of others": own.token(world.claims(ADMIN, OUTSIDE)),
        "other rights, the same signature": f"{header}.{jwt.encode(world.claims('mallory'))}.{signature}",
        "rights as a text": own.token(world.claims(ADMIN, access="*")),
        "a password": jwt.encode(f"{ADMIN}:{PASSWORDS[ADMIN]}".encode()),
        "nothing": "",
    }
    for name, secret in (("PEM", own.public_pem()), ("PEM without its end", own.public_pem().strip()),
                         ("DER", own.public_der()), ("JWK", json.dumps(own.public_jwk()).encode()),
                         ("point", own.public_der()[-65:]), ("empty secret", b"")):
        tokens[f"HS256 with the public key as {name}"] = secret_key(secret, own.kid).token(claims)
    found = {why: [bearer_field(token)] for why, token in tokens.items()}
    bad = tokens["another key of the same name"]
    found.update({
        "good behind bad": [bearer_field(bad), bearer_field(good)],
        "bad behind good": [bearer_field(good), bearer_field(bad)],
        "good twice": [bearer_field(good), bearer_field(good)],
        "two in one field": [f"Authorization: Bearer {good}, Bearer {bad}"],
        "a password and a token": [basic_field(ADMIN, PASSWORDS[ADMIN]), bearer_field(good)],
        "in the name of Basic": [f"Authorization: Basic {good}"],
        "in no name": [f"Authorization: {good}"],
        "in another field": [f"Proxy-Authorization: Bearer {good}", f"X-Authorization: Bearer {good}"],
        "in a field like it": [f"Authorization_: Bearer {good}", f"Http-Authorization: Bearer {good}"],
        "in a cookie": [f"Cookie: token={good}; Authorization=Bearer {good}"],
        "said by oneself": [f"Remote-User: {ADMIN}", f"REMOTE_USER: {ADMIN}", f"Remote_User: {ADMIN}"],
    })
    return found


@pytest.fixture(scope="module")
def world():
    with Registry("nginx-bearer", access=ACCESS) as registry:
        yield World(registry)


def of_each_route(world):
    """One request for each route and method of the tables that asks for a token."""
    found = {}
    for cell in cells(world):
        if cell.need not in (None, "login", "public") and cell.name == A and cell.thing == "own":
            found.setdefault((cell.path, cell.method), cell)
    assert {path for path, needs in read_tables().items() if not path.startswith("/token")} == {path for path, _ in found}
    return list(found.values())


def test_a_forged_token_is_good_for_nothing(world):
    before, complaints = snapshot.take(world.registry.root), []
    forged = forgeries(world)
    with Connection(world.registry.front.port, world.registry.ca) as connection:
        for why, fields in forged.items():
            for cell in of_each_route(world):
                answer = connection.ask(cell.data(fields), cell.method == "HEAD")
                refused = answer.status == 401 or (answer.status == 400 and len(fields) == 2)
                told = cell.method == "HEAD" or answer.status == 400 or code_of(answer) == "UNAUTHORIZED"
                asked = answer.status == 400 or jwt.parse_challenge(answer.value("www-authenticate"))["realm"] == world.realm
                if not (refused and told and asked) or MARK.encode() in answer.body:
                    complaints.append(f"{why}: {cell}: {answer}")
    assert not complaints, f"{len(complaints)}\n" + "\n".join(complaints[:20])
    assert len(forged) >= 40
    changes = snapshot.difference(before, snapshot.take(world.registry.root))
    assert not changes, "\n".join(changes)


def test_what_is_good_is_good_among_what_is_not(world):
    """So that the others are refused for what is wrong with them."""
    token = world.own_key().token(world.claims(ADMIN))
    with Connection(world.registry.front.port, world.registry.ca) as connection:
        for fields in ([bearer_field(token)], [f"authorization: bearer {token}"], [f"Authorization: BEARER  {token} "],
                       [bearer_field(world.certified.token(world.claims(ADMIN, OUTSIDE)))],
                       [bearer_field(world.own_key().token(world.claims(ADMIN, aud=["x", world.service])))]):
            answer = connection.ask(request("GET", f"/v2/{A}/blobs/{digest_of(world.contents[A].layer)}", fields))
            assert answer.status == 200 and answer.body == world.contents[A].layer, f"{fields} {answer}"


def test_a_token_is_no_way_to_another_token(world):
    """Where tokens are given out, names and passwords count, and nothing else is a name."""
    good = world.fetch(ADMIN, *scopes_for([A]))
    with Connection(world.registry.front.port, world.registry.ca) as connection:
        for why, fields in {**forgeries(world), "a good token": [bearer_field(good)]}.items():
            for method in ("GET", "POST"):
                data = request(method, f"/token?service={world.service}&scope=repository:{A}:pull,push", fields,
                               b"" if method == "POST" else None)
                answer = connection.ask(data)
                if answer.status == 200:   # as nobody, who says nothing in Authorization
                    said = jwt.payload_of(json.loads(answer.body)["token"])
                    assert said.get("sub", "") == "" and not said["access"], f"{why}: {said}"
                else:
                    assert answer.status in (400, 401), f"{why}: {answer}"
