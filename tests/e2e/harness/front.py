# SPDX-License-Identifier: MIT
"""A Berth behind a web server with the shipped configuration."""

import webserver

from .berth import Berth

NGINX_MODES = {"nginx": "plain", "nginx-indirect": "plain", "nginx-tls": "tls", "nginx-htpasswd": "htpasswd"}


def start_front(registry):
    """Start programs and web server for a Registry, and tell it how they are reached."""
    enter = registry.stack.enter_context
    web = {"directory": registry.directory / "web"}
    if registry.kind == "apache-fcgid":
        # mod_fcgid starts the programs itself, as the web server's user.
        berth = enter(Berth(registry.directory, registry.settings, owner="www-data", start=False,
                            storage=registry.storage))
        front = webserver.Apache(berth.root, module="fcgid", programs=berth.programs, config=berth.config, **web)
    else:
        berth = enter(Berth(registry.directory, registry.settings, storage=registry.storage))
        if registry.kind.startswith("apache-"):
            mode = registry.kind.removeprefix("apache-").replace("proxy", "plain")
            front = webserver.Apache(berth.root, berth.sockets, module="proxy", mode=mode, **web)
        else:
            front = webserver.Nginx(berth.root, berth.sockets, mode=NGINX_MODES[registry.kind],
                                    direct=registry.kind != "nginx-indirect", **web)
    registry.berth, registry.front = berth, enter(front)
    registry.user, registry.ca = front.user, front.ca
