# SPDX-License-Identifier: MIT
"""nginx with the files of nginx/."""

import os
import shutil

from .server import CHECKOUT, PASSWORDS, WebServer, substitute


class Nginx(WebServer):
    """`buffered`: bodies of uploads are received whole before a program sees them."""

    name = "nginx"

    def __init__(self, *args, buffered=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.buffered = buffered

    def write_configuration(self):
        shutil.copytree(CHECKOUT / "nginx", self.directory / "berth", dirs_exist_ok=True)
        settings = self.directory / "berth/settings.conf"
        settings.write_text(substitute(settings.read_text(),
                                       (r"default /var/lib/berth;", f'default "{self.root}";'),
                                       (r"default /run/berth;", f'default "{self.sockets}";'),
                                       (r"default /etc/berth/policy;", f'default "{self.policy}";'),
                                       (r"default 1;", f'default "{1 if self.direct else ""}";')))
        if self.buffered:
            server = self.directory / "berth/server.conf"
            server.write_text(substitute(server.read_text(), ("fastcgi_request_buffering off;", "fastcgi_request_buffering on;")))
        conf = self.directory / "nginx.conf"
        conf.write_text(f"""\
daemon off;
{"user www-data;" if os.geteuid() == 0 else ""}
pid "{self.directory}/nginx.pid";
worker_processes 2;
error_log "{self.error_log}" notice;
events {{ worker_connections 4096; }}
http {{
    access_log "{self.access_log}";
    client_body_temp_path "{self.directory}/tmp-body";
    fastcgi_temp_path "{self.directory}/tmp-fastcgi";
    proxy_temp_path "{self.directory}/tmp-proxy";
    uwsgi_temp_path "{self.directory}/tmp-uwsgi";
    scgi_temp_path "{self.directory}/tmp-scgi";
    include berth/http.conf;
    {self.http}
    {self.server_block()}
}}
""")
        return ["nginx", "-e", self.error_log, "-p", self.directory, "-c", conf]

    def server_block(self):
        listen = f"127.0.0.1:{self.port}"
        if self.server is not None:
            return self.server.replace("@LISTEN@", listen)
        text = substitute(self.example("nginx"), (r"^ *listen \[.*\n", ""),
                          (r"listen (127\.0\.0\.1:5000|443)", f"listen {listen}"))
        if self.mode in PASSWORDS:
            text = substitute(text, (r"/etc/nginx/registry\.htpasswd;", f'"{self.directory}/htpasswd";'))
        return substitute(text, (r"^}$", self.site + "\n}"))
