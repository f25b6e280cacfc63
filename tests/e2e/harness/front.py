# SPDX-License-Identifier: MIT
"""A Berth behind a web server with the shipped configuration: one function for each way to run it.

Each returns (berth, web server), both not yet started.
"""

from functools import partial

import webserver

from .access import TokenServer, token_settings
from .berth import Berth
from .hosted import GROUP, OWNER, HostedBerth


def on_nginx(registry, **web):
    berth = Berth(registry.directory, registry.settings, storage=registry.storage)
    return berth, webserver.Nginx(berth.root, berth.sockets, **web)


def on_apache_proxy(registry, **web):
    berth = Berth(registry.directory, registry.settings, storage=registry.storage)
    return berth, webserver.Apache(berth.root, berth.sockets, **web)


def on_apache_alone(registry, **web):
    """Apache starts the programs itself, as its own user."""
    berth = Berth(registry.directory, registry.settings, owner="www-data", start=False, storage=registry.storage)
    return berth, webserver.Apache(berth.root, programs=berth.programs, config=berth.config, **web)


def on_lighttpd(registry, **web):
    berth = Berth(registry.directory, registry.settings, storage=registry.storage)
    return berth, webserver.Lighttpd(berth.root, berth.sockets, **web)


def on_hosting(registry, fastcgi=False, **web):
    """The bundle for shared hosting; open, as other kinds are, unless the mode asks for passwords."""
    mode = web.get("mode", "plain")
    users = {**dict([webserver.USER]), **web["users"]} if mode in webserver.PASSWORDS else None
    berth = HostedBerth(registry.directory, registry.settings, fastcgi=fastcgi, users=users,
                        storage=registry.storage)
    return berth, webserver.Hosting(berth.root, berth.home, (OWNER, GROUP), **web)


#: "indirect": the direct rule is switched off, so that programs answer for every blob. "fcgid-alone" has no mod_cgid for
#: uploads. "policy": users with passwords, and a policy; "bearer": with
#: tokens as well. harness.access says who they are.
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
    "nginx-policy": partial(on_nginx, mode="htpasswd"),
    "nginx-bearer": partial(on_nginx, mode="bearer"),
    "apache-proxy-policy": partial(on_apache_proxy, mode="htpasswd"),
    "apache-proxy-bearer": partial(on_apache_proxy, mode="bearer"),
    "apache-fcgid-policy": partial(on_apache_alone, way="fcgid", mode="htpasswd"),
    "apache-fcgid-bearer": partial(on_apache_alone, way="fcgid", mode="bearer"),
    "apache-cgi-bearer": partial(on_apache_alone, way="cgi", mode="bearer"),
    "lighttpd-policy": partial(on_lighttpd, mode="htpasswd"),
    "lighttpd-bearer": partial(on_lighttpd, mode="bearer"),
    "htaccess-policy": partial(on_hosting, mode="htpasswd"),
    "htaccess-bearer": partial(on_hosting, mode="bearer"),
}


#: Where bodies of uploads are received whole before a program sees them.
SPOOLED = ("nginx-buffered", "apache-fcgid-alone")


def start_front(registry):
    """Start programs and web server for a Registry, and tell it how they are reached."""
    web = {"directory": registry.directory / "web", "policy": registry.policy, "users": dict(registry.access.users),
           **registry.web}
    registry.berth, front = FRONTS[registry.kind](registry, **web)
    if registry.is_limited:
        registry.write_policy(registry.access.policy)
        registry.berth.settings["policy"] = registry.policy
    if registry.kind.endswith("-bearer"):
        path = "/v2/_token" if registry.kind.startswith("htaccess") else "/token"
        registry.berth.settings.update(token_settings(registry.directory, front.url, path))
        registry.tokens = TokenServer(front.url, path, registry.berth.settings["token_service"], front.ca)
    registry.stack.enter_context(registry.berth)
    registry.front = registry.stack.enter_context(front)
    registry.user, registry.ca = front.user, front.ca
