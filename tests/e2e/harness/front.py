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
    return berth, webserver.Apache(berth.root, berth.sockets, **web)


def on_apache_alone(registry, **web):
    """Apache starts the programs itself, as its own user."""
    berth = registry.stack.enter_context(Berth(registry.directory, registry.settings, owner="www-data", start=False,
                                               storage=registry.storage))
    return berth, webserver.Apache(berth.root, programs=berth.programs, config=berth.config, **web)


def on_lighttpd(registry, **web):
    berth = registry.stack.enter_context(Berth(registry.directory, registry.settings, storage=registry.storage))
    return berth, webserver.Lighttpd(berth.root, berth.sockets, **web)


def on_hosting(registry, fastcgi=False, **web):
    """The bundle for shared hosting; open, as other kinds are, unless the mode is htpasswd."""
    password = webserver.USER if web.get("mode") == "htpasswd" else None
    berth = registry.stack.enter_context(HostedBerth(registry.directory, registry.settings, fastcgi=fastcgi,
                                                     password=password, storage=registry.storage))
    return berth, webserver.Hosting(berth.root, berth.home, (OWNER, GROUP), **web)


#: "indirect": the direct rule is switched off, so that programs answer for every blob. "fcgid-alone" has no mod_cgid for
#: uploads.
FRONTS = {
    "nginx": on_nginx,
    "nginx-indirect": partial(on_nginx, direct=False),
    "nginx-buffered": partial(on_nginx, buffered=True),
    "nginx-tls": partial(on_nginx, mode="tls"),
    "nginx-htpasswd": partial(on_nginx, mode="htpasswd"),
    "apache-proxy": on_apache_proxy,
    "apache-indirect": partial(on_apache_proxy, direct=False),
    "apache-xsendfile": partial(on_apache_proxy, direct=False, way="proxy-xsendfile"),
    "apache-fcgid": partial(on_apache_alone, way="fcgid"),
    "apache-fcgid-alone": partial(on_apache_alone, way="fcgid-alone"),
    "apache-cgi": partial(on_apache_alone, way="cgi"),
    "apache-htpasswd": partial(on_apache_proxy, mode="htpasswd"),
    "htaccess-cgi": on_hosting,
    "htaccess-fcgid": partial(on_hosting, fastcgi=True),
    "htaccess-htpasswd": partial(on_hosting, mode="htpasswd"),
    "lighttpd": on_lighttpd,
    "lighttpd-htpasswd": partial(on_lighttpd, mode="htpasswd"),
}


#: Where bodies of uploads are received whole before a program sees them.
SPOOLED = ("nginx-buffered", "apache-fcgid-alone")


def start_front(registry):
    """Start programs and web server for a Registry, and tell it how they are reached."""
    registry.berth, front = FRONTS[registry.kind](registry, directory=registry.directory / "web", **registry.web)
    registry.front = registry.stack.enter_context(front)
    registry.user, registry.ca = front.user, front.ca
