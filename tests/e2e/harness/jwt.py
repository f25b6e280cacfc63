# SPDX-License-Identifier: MIT
"""Tokens made by hand, good and bad, with nothing but the openssl command line: what another server would issue, and what a
forger would."""

import base64
import hashlib
import hmac
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

#: "prime256v1", as a DER object identifier.
P256 = bytes.fromhex("06082a8648ce3d030107")


def openssl(*argv, data=None):
    return subprocess.run(["openssl", *map(str, argv)], input=data, check=True, capture_output=True).stdout


def encode(data):
    """base64url without padding; a document becomes JSON first."""
    if not isinstance(data, bytes):
        data = json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def payload_of(token):
    return json.loads(decode(token.split(".")[1]))


class Key:
    """Something that signs. `algorithm` is what a header has to say for it."""

    def __init__(self, algorithm, pem=None, secret=None, kid=None):
        self.algorithm, self.pem, self.secret, self.kid = algorithm, pem, secret, kid

    def sign(self, data):
        if self.algorithm == "HS256":
            return hmac.new(self.secret, data, hashlib.sha256).digest()
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.pem)
            file.flush()
            signature = openssl("dgst", "-sha256", "-sign", file.name, data=data)
        return raw_signature(signature) if self.algorithm == "ES256" else signature

    def token(self, claims, **header):
        """A whole token; a member of the header that is None is left out."""
        header = {"typ": "JWT", "alg": self.algorithm, "kid": self.kid, **header}
        return self.compact({k: v for k, v in header.items() if v is not None}, claims)

    def compact(self, header, claims):
        signed = f"{encode(header)}.{encode(claims)}"
        return f"{signed}.{encode(self.sign(signed.encode()))}"

    def public_der(self):
        return openssl("pkey", "-pubout", "-outform", "DER", data=self.pem)

    def public_pem(self):
        return openssl("pkey", "-pubout", data=self.pem)

    def public_jwk(self):
        named = {"kid": self.kid} if self.kid else {}
        if self.algorithm == "ES256":
            point = self.public_der()[-64:]
            return {"kty": "EC", "crv": "P-256", "x": encode(point[:32]), "y": encode(point[32:]), **named}
        modulus = openssl("rsa", "-noout", "-modulus", data=self.pem).decode().strip().partition("=")[2]
        return {"kty": "RSA", "n": encode(bytes.fromhex(modulus)), "e": "AQAB", **named}

    def certificate(self):
        """A certificate of this key, signed by itself."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.pem)
            file.flush()
            return openssl("req", "-x509", "-key", file.name, "-days", "2", "-subj", "/CN=tokens").decode()


def raw_signature(der):
    """The two numbers of an ECDSA signature, 32 bytes each (RFC 7518, 3.4)."""
    numbers, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big"))
        at += 2 + length
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def elliptic_key(kid=None):
    pem = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    return Key("ES256", pem, kid=kid)


def rsa_key(kid=None):
    return Key("RS256", openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"), kid=kid)


def der(tag, *parts):
    body = b"".join(parts)
    assert len(body) < 128
    return bytes([tag, len(body)]) + body


def from_jwk(jwk):
    """The key of a JWK with its secret part: one on P-256, or a secret."""
    if jwk["kty"] == "oct":
        return Key("HS256", secret=decode(jwk["k"]), kid=jwk.get("kid"))
    assert (jwk["kty"], jwk["crv"]) == ("EC", "P-256"), jwk["kty"]
    x, y, d = (decode(jwk[name]) for name in "xyd")
    # RFC 5915
    private = der(0x30, der(2, b"\1"), der(4, d), der(0xa0, P256), der(0xa1, der(3, b"\0\4", x, y)))
    return Key("ES256", openssl("pkey", "-inform", "DER", data=private), kid=jwk.get("kid"))


def signing_key(path):
    """The key a registry signs with now, out of its own file."""
    return from_jwk(json.loads(Path(path).read_text())["keys"][0])


def claims(issuer, service, subject, grants, expires=300, catalog=False, **more):
    """What a token says; `grants` is {repository: actions}. None takes a claim out."""
    now = int(time.time())
    access = [{"type": "repository", "name": name, "actions": list(actions)} for name, actions in grants.items()]
    if catalog:
        access.append({"type": "registry", "name": "catalog", "actions": ["*"]})
    said = {"iss": issuer, "sub": subject, "aud": service, "exp": now + expires, "nbf": now - 10, "iat": now - 10,
            "jti": hashlib.sha256(str(time.time_ns()).encode()).hexdigest()[:16], "access": access, **more}
    return {name: value for name, value in said.items() if value is not None}


CHALLENGE = re.compile(r'Bearer ((?:[a-z_]+="[^"\\]*")(?:,[a-z_]+="[^"\\]*")*)')


def parse_challenge(value):
    """{parameter: value} of a Bearer challenge, which has to be one as every client reads it."""
    match = CHALLENGE.fullmatch(value or "")
    assert match, f"not a Bearer challenge: {value!r}"
    pairs = re.findall(r'([a-z_]+)="([^"]*)"', match[1])
    assert len(pairs) == len(dict(pairs)), value
    return dict(pairs)
