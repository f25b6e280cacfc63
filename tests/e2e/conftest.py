# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests.

Programs come from BERTH_BUILD (a build tree or an installed prefix; ./build by default). A test that
asks for `registry` runs once for each kind of web server; --kinds chooses others, a mark `kinds` on the test narrows it.
"""

import contextlib
import re
import secrets
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.registry import CONFORMANCE_KINDS, KINDS, MORE_CONFORMANCE_KINDS, Registry  # noqa: E402
from harness.repository import Repository  # noqa: E402

#: Files whose tests look at what all kinds of registry answered.
SIDE_BY_SIDE = ("test_corpus", "test_hostile")
#: How the groups of tests begin that take minutes.
LONG = ("quickstart", "clients", "test_powercut", "test_mutants", "test_corpus", "test_access_matrix", "test_hostile",
        "test_access_policy_live", "test_collecting")


def pytest_addoption(parser):
    parser.addoption("--kinds", help=f"comma list of {', '.join(KINDS)}; replaces what tests choose by themselves")


def pytest_configure(config):
    # Being told to stop is like Ctrl-C: everything the tests started is stopped first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line("markers", "kinds(name, ...): the kinds of registry this test is for")
    config.addinivalue_line("markers", "slow: takes minutes or gigabytes; left out by -m 'not slow'")
    config.addinivalue_line("markers", "settings(key=value): configuration of the registry this test runs on")


def kinds_of(definition, config):
    asked = config.getoption("--kinds")
    if asked:
        kinds = asked.split(",")
        unknown = set(kinds) - set(KINDS)
        if unknown:
            raise pytest.UsageError(f"--kinds: no {', '.join(unknown)}; there are {', '.join(KINDS)}")
        return kinds
    mark = definition.get_closest_marker("kinds")
    if mark:
        return mark.args
    return (*CONFORMANCE_KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE_CONFORMANCE_KINDS))


def pytest_generate_tests(metafunc):
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", kinds_of(metafunc.definition, metafunc.config), scope="session")


def worker_of(item):
    """What one of several workers (pytest -n 4 --dist loadgroup) does in a row: podman, buildah and skopeo share a cache of
    the machine; others share what is slow to start or to look at."""
    if {"stranger", "docker_daemon", "containerd"} & set(item.fixturenames):
        return "clients"
    if "tests/quickstart" in item.path.as_posix():
        return "quickstart"
    if item.path.stem in SIDE_BY_SIDE or not hasattr(item, "callspec"):
        return item.path.stem
    return f"{item.path.stem} {item.callspec.params.get('kind', '')}"


def group_of(item):
    return item.get_closest_marker("xdist_group").args[0]


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items):
    """Groups for the workers, and the longest first, so that none of them begins when all else is done."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(worker_of(item)))
    yield
    first = {}
    for i, item in enumerate(items):
        first.setdefault(group_of(item), i)
    items.sort(key=lambda item: (not group_of(item).startswith(LONG), first[group_of(item)]))


@pytest.fixture
def kinds(request):
    """All the kinds this test is for, for one that looks at them side by side."""
    return kinds_of(request.node, request.config)


@pytest.fixture(scope="session")
def running():
    """Registries that tests share, started when first asked for; all stopped at the end, however it comes."""
    registries = {}
    with contextlib.ExitStack() as stack:
        def get(kind, **settings):
            key = (kind, *sorted(settings.items()))
            if key not in registries:
                registries[key] = stack.enter_context(Registry(kind, **settings))
            return registries[key]
        yield get


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    item.failed = call.when == "call" and outcome.get_result().failed


@pytest.fixture
def registry(kind, running, request):
    """The registry a test runs on, with the settings of its mark. Shared: use `repository` for content of your own."""
    mark = request.node.get_closest_marker("settings")
    shared = running(kind, **(mark.kwargs if mark else {}))
    yield shared
    if request.node.failed:
        shared.print_logs()


@pytest.fixture
def own_registry(kind, request):
    """A registry for this test alone, whose settings it may change and whose data it may count."""
    mark = request.node.get_closest_marker("settings")
    with Registry(kind, **(mark.kwargs if mark else {})) as own:
        yield own
        if request.node.failed:
            own.print_logs()


@pytest.fixture
def client(registry):
    return registry.client


def unique_name(request):
    """A repository name that says which test it belongs to."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_").lower()).strip("-")
    return f"e2e/{words[:40].strip('-')}/{secrets.token_hex(4)}"


@pytest.fixture
def repository(registry, request):
    """An empty repository of this test's own."""
    return Repository(registry.client, unique_name(request))


@pytest.fixture
def other_repository(registry, request):
    """A second empty repository on the same registry."""
    return Repository(registry.client, unique_name(request) + "-other")


from harness.clientfixtures import containerd, containers, docker, docker_daemon, stranger  # noqa: E402,F401
