# SPDX-License-Identifier: MIT
"""What it costs to know who asks: a token and a policy, or a password that is checked with each request."""

import contextlib
import os
import shutil

from measure import Row, interleave, run
from pulls import hammer
from scene import NAME, Server

import webserver
from harness import jwt
from harness.access import basic
from harness.berth import Berth
from harness.client import Client
from harness.repository import Repository
from webserver import USER

SERVICE = "bench.test"
#: As a team has it: the decision is by one section of some.
POLICY = f"""
[groups]
team = {USER[0]}, bob, carol
[bench/*]
@team = pull, push
""" + "".join(f"[team-{number}/*]\n@team = pull\n" for number in range(50))
#: htpasswd -C 5, which is what it does without a word.
COST = 5


class TokenClient(Client):
    def __init__(self, url, token, ca):
        super().__init__(url, ca=ca)
        self.token = token

    def authorization(self, path):
        return "Bearer " + self.token


@contextlib.contextmanager
def with_tokens(scene, mode="plain"):
    """A registry of its own, with a policy and tokens, and the small file at /small; (server, token)."""
    directory = scene.directory / f"tokens-{mode}"
    directory.mkdir()
    (directory / "policy").write_text(POLICY)
    (directory / "policy").chmod(0o644)
    settings = {"policy": directory / "policy", "token_realm": "http://127.0.0.1/token", "token_service": SERVICE,
                "token_keys": directory / "keys/token-keys"}
    site = f'access_log off; location = /small {{ root "{scene.files}"; }}'
    with Berth(directory, settings) as programs, webserver.Nginx(
            programs.root, programs.sockets, mode=mode, directory=directory / "web", site=site, direct=False) as nginx:
        key = jwt.signing_key(settings["token_keys"])
        token = key.token(jwt.claims("berth", SERVICE, USER[0], {NAME: ["pull", "push"]}, expires=86400))
        server = Server(nginx.url, [nginx.pid, *(pool.pid for pool in programs.pools.values())], programs.root, nginx.ca)
        server.client = TokenClient(nginx.url, token, nginx.ca)
        server.repository = Repository(server.client, NAME)
        yield server, token


@contextlib.contextmanager
def with_passwords(scene):
    """The open registry behind an nginx that asks for a password."""
    directory = scene.directory / "passwords"
    directory.mkdir()
    run("htpasswd", "-cbB", "-C", COST, directory / "htpasswd", *USER)
    shutil.chown(directory / "htpasswd", "www-data" if os.geteuid() == 0 else None)
    site = f'access_log off; auth_basic "bench"; auth_basic_user_file "{directory}/htpasswd";'
    with webserver.Nginx(scene.programs.root, scene.programs.sockets, directory=directory / "web", site=site) as nginx:
        yield Server(nginx.url, [nginx.pid, *scene.pools], scene.programs.root)


def authorized(scene, options):
    return [*plain(scene, options), *encrypted(scene, options)]


def encrypted(scene, options):
    """As the shipped example has it: nobody shows tokens without TLS."""
    with with_tokens(scene, "tls") as (tokens, token):
        scene.fill_registry(tokens)
        blob = tokens.repository.blob(scene.small_digest)
        b = interleave("GET blob 64 KiB with TLS, who asks", options.rounds, {
            "static": lambda: hammer(scene, tokens, "/small", options),
            "token": lambda: hammer(scene, tokens, blob, options, authorization="Bearer " + token)})
    return [row("GET blob 64 KiB, with TLS and a token", b, "token", "static", ">= 0.4 x"),
            cpu("GET blob 64 KiB, TLS, token, CPU", b, "token", "static")]


def plain(scene, options):
    with with_tokens(scene) as (tokens, token), with_passwords(scene) as passwords:
        scene.fill_registry(tokens)
        shown = {"authorization": "Bearer " + token}
        password = {"authorization": basic(USER)}
        manifest, blob = tokens.repository.manifest("v1"), tokens.repository.blob(scene.small_digest)
        m = interleave("GET manifest by tag, who asks", options.rounds, {
            "open": lambda: hammer(scene, scene.berth, manifest, options),
            "token": lambda: hammer(scene, tokens, manifest, options, **shown),
            "password": lambda: hammer(scene, passwords, manifest, options, **password)})
        b = interleave("GET blob 64 KiB, who asks", options.rounds, {
            "static": lambda: hammer(scene, scene.static, "/small", options),
            "token": lambda: hammer(scene, tokens, blob, options, **shown),
            "password": lambda: hammer(scene, passwords, blob, options, **password)})
    return [row("GET manifest by tag, with a token", m, "token", "open", ">= 0.6 x"),
            row(f"GET manifest by tag, with a password (bcrypt {COST})", m, "password", "open", ""),
            row("GET blob 64 KiB, with a token", b, "token", "static", ">= 0.4 x"),
            row(f"GET blob 64 KiB, with a password (bcrypt {COST})", b, "password", "static", ""),
            *(cpu(f"{work}, {way}, CPU", s, way, other) for work, s, other in (
                ("GET manifest by tag", m, "open"), ("GET blob 64 KiB", b, "static")) for way in ("token", "password"))]


def row(work, s, way, other, goal):
    return Row(work, f"{s.median(way, 'rate'):.0f}/s", f"{other} {s.median(other, 'rate'):.0f}/s", s.ratio(way, other, "rate"),
               goal)


def cpu(work, s, way, other):
    return Row(work, f"{s.median(way, 'cpu'):.0f} us", f"{other} {s.median(other, 'cpu'):.0f} us", s.ratio(way, other, "cpu"), "")
