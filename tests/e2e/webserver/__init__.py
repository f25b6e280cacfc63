# SPDX-License-Identifier: MIT
"""nginx, Apache and lighttpd with the shipped configurations, in a directory of their own, on a free port of 127.0.0.1.

    with Nginx(data_root="/srv/data", sockets="/srv/run", mode="htpasswd") as web:
        requests.get(web.url + "/v2/")

The files of nginx/, apache/ and etc/lighttpd/ are used as they are; only the settings an administrator would edit are set: paths, port,
certificate. `server` replaces the shipped example server by one of the test's own ("@LISTEN@" stands for its address).
"""

from .apache import Apache
from .hosting import Hosting
from .lighttpd import Lighttpd
from .nginx import Nginx
from .server import CHECKOUT, MODES, PASSWORDS, USER, free_port, make_client_certificate, run, substitute

__all__ = ["CHECKOUT", "MODES", "PASSWORDS", "USER", "Apache", "Hosting", "Lighttpd", "Nginx", "free_port",
           "make_client_certificate", "run", "substitute"]
