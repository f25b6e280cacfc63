# SPDX-License-Identifier: MIT
"""A Berth behind a web server with the shipped configuration: one function for each way to run it.

Each starts what it needs on the registry's exit stack and returns (berth, web server).
"""

from functools import partial

import webserver

from .berth import Berth
from .hosted import GROUP, OWNER, HostedBerth


def on_nginx(registry, **web):
    berth = registry.stack.enter_context(Berth(registry.directory, registry.settings, storage=registry.storage))
    return berth, webserver.Nginx(berth.root, berth.sockets, **web)


def on_apache_proxy(registry, **web):
    berth = registry.stack.enter_context(Berth(registry.directory, registry.settings, storage=registry.storage))
    return berth, webserver.Apache(berth.root, berth.sockets, module="proxy", **web)


def on_apache_fcgid(registry, **web):
    """mod_fcgid starts the programs itself, as the web server's user."""
    berth = registry.stack.enter_context(Berth(registry.directory, registry.settings, owner="www-data", start=False,
                                               storage=registry.storage))
    return berth, webserver.Apache(berth.root, module="fcgid", programs=berth.programs, config=berth.config, **web)


def on_hosting(registry, fastcgi=False, **web):
    """The bundle for shared hosting; open, as other kinds are, unless the mode is htpasswd."""
    password = webserver.USER if web.get("mode") == "htpasswd" else None
    berth = registry.stack.enter_context(HostedBerth(registry.directory, registry.settings, fastcgi=fastcgi,
                                                     password=password, storage=registry.storage))
    return berth, webserver.Hosting(berth.root, berth.home, (OWNER, GROUP), **web)


#: "nginx-indirect" has the direct rule switched off, so that programs answer for every blob.
FRONTS = {
    "nginx": on_nginx,
    "nginx-indirect": partial(on_nginx, direct=False),
    "nginx-tls": partial(on_nginx, mode="tls"),
    "nginx-htpasswd": partial(on_nginx, mode="htpasswd"),
    "apache-proxy": on_apache_proxy,
    "apache-fcgid": on_apache_fcgid,
    "apache-htpasswd": partial(on_apache_proxy, mode="htpasswd"),
    "htaccess-cgi": on_hosting,
    "htaccess-fcgid": partial(on_hosting, fastcgi=True),
    "htaccess-htpasswd": partial(on_hosting, mode="htpasswd"),
}


def start_front(registry):
    """Start programs and web server for a Registry, and tell it how they are reached."""
    registry.berth, front = FRONTS[registry.kind](registry, directory=registry.directory / "web")
    registry.front = registry.stack.enter_context(front)
    registry.user, registry.ca = front.user, front.ca
