# SPDX-License-Identifier: MIT
"""`berth check --web` of the bundle against a shared host: nothing to find as its instructions leave it, and the word that its
table of remedies begins with where the host lacks something.
"""

import subprocess

import pytest

import webserver
from harness.hosted import GROUP, OWNER
from harness.registry import Registry

#: A host that lets pass what forms need.
NO_PUT = "<Location />\n<Limit PUT PATCH DELETE>\nRequire all denied\n</Limit>\n</Location>"


@pytest.fixture(scope="module")
def shared():
    with Registry("htaccess-htpasswd") as registry:
        yield registry


@pytest.fixture
def registry(shared):
    """As step 3 of the instructions leaves it."""
    shared.berth.set_up()
    return shared


def findings(registry, server):
    """What the check of the bundle is not content with: the first words of its lines, and all of the text."""
    user, password = webserver.USER
    argv = [registry.berth.programs / "berth", "check", "--web", server.url, "--user", user, "--ca", server.ca]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={"PATH": "/usr/bin:/bin", "BERTH_PASSWORD": password}, timeout=240)
    found = [line.split()[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith(("wrong ", "warning "))]
    assert done.returncode == ("\nwrong " in done.stdout), done
    return found, done.stdout


@pytest.mark.parametrize("fastcgi", [False, True])
def test_nothing_is_wrong_as_the_instructions_leave_it(registry, fastcgi):
    registry.berth.set_up(*(["--fastcgi"] if fastcgi else []))
    assert findings(registry, registry.front)[0] == []


@pytest.mark.parametrize("found, says, how", [
    (["registry"], "403", {"allowed": "None"}),
    (["registry"], "500", {"allowed": "FileInfo AuthConfig"}),
    (["user"], "403", {"options": "None"}),
    (["user"], "401", {"http": "RequestHeader unset Authorization early"}),
    (["requests"], "PATCH", {"http": NO_PUT}),
    (["requests", "lengths"], "GET", {"without": ["cgid"]}),
    (["registry"], "Docker-Distribution-Api-Version", {"without": ["headers"]}),
], ids=["no .htaccess", "no Options", "no links", "no Authorization", "no PUT", "no CGI", "no mod_headers"])
def test_what_the_host_lacks_is_found(registry, found, says, how):
    with webserver.Hosting(registry.root, registry.berth.home, (OWNER, GROUP), mode="htpasswd", **how) as host:
        names, text = findings(registry, host)
    assert names == found and says in text


@pytest.mark.parametrize("found, line", [("lengths", "SetEnv ap_trust_cgilike_cl 1"), ("body", "LimitRequestBody 0")])
def test_a_line_that_went_missing_is_found_and_named(registry, found, line):
    registry.berth.edit_htaccess(line, f"# {line}")
    names, text = findings(registry, registry.front)
    assert names == [found] and f".htaccess: {line}" in text
