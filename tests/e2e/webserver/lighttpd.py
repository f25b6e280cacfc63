# SPDX-License-Identifier: MIT
"""lighttpd with the files of etc/lighttpd/."""

import os
import shutil

from .server import CHECKOUT, PASSWORDS, WebServer, free_port, substitute


class Lighttpd(WebServer):
    """A server of Debian's settings, which the shipped example joins as one of conf-enabled/ does: `http` comes before
    it, `site` after it, and `server` instead of it."""

    name = "lighttpd"
    FOLDER = CHECKOUT / "etc/lighttpd"
    #: As in Debian's lighttpd.conf, and what a site may have enabled.
    MODULES = ("indexfile", "access", "alias", "redirect", "rewrite", "accesslog", "deflate")

    def __init__(self, data_root, sockets, modules=MODULES, **kwargs):
        super().__init__(data_root, sockets, **kwargs)
        self.modules = modules

    def write_configuration(self):
        shutil.copytree(self.FOLDER, self.directory / "berth", dirs_exist_ok=True)
        settings = self.directory / "berth/settings.conf"
        settings.write_text(substitute(settings.read_text(),
                                       (r"/var/lib/berth", self.root), (r"/run/berth", self.sockets),
                                       (r"/etc/lighttpd/berth", self.directory / "berth")))
        (self.directory / "uploads").mkdir(exist_ok=True)
        (self.directory / "uploads").chmod(0o777)
        for log in (self.access_log, self.error_log):
            log.chmod(0o666)   # opened before lighttpd becomes another user, and after
        conf = self.directory / "lighttpd.conf"
        conf.write_text(f"""\
server.modules = ( {", ".join(f'"mod_{name}"' for name in self.modules)} )
server.upload-dirs = ( "{self.directory}/uploads" )
server.errorlog = "{self.error_log}"
accesslog.filename = "{self.access_log}"
server.compat-module-load = "disable"
{'server.username = "www-data"' if os.geteuid() == 0 else ""}
{'server.groupname = "www-data"' if os.geteuid() == 0 else ""}
server.feature-flags += ( "server.h2proto" => "enable", "server.h2c" => "enable", "server.graceful-shutdown-timeout" => 5 )
server.http-parseopts = (
    "header-strict" => "enable", "host-strict" => "enable", "host-normalize" => "enable",
    "url-normalize-unreserved" => "enable", "url-normalize-required" => "enable", "url-ctrls-reject" => "enable",
    "url-path-2f-decode" => "enable", "url-path-dotseg-remove" => "enable" )
url.access-deny = ( "~", ".inc" )
index-file.names = ( "index.php", "index.html" )
mimetype.assign = ( ".html" => "text/html", ".txt" => "text/plain" )
{self.http}
{self.server_block()}
server.modules += ( "mod_dirlisting", "mod_staticfile" )
""")
        return ["lighttpd", "-D", "-f", conf]

    def server_block(self):
        if self.server is not None:
            return f'server.bind = "127.0.0.1"\nserver.port = {self.port}\n{self.server}'
        # The example opens a port beside the one every lighttpd has.
        text = substitute(self.example("etc/lighttpd"), (r'^\$SERVER\["socket"\] == "\[.*\n', ""),
                          (r'== "(127\.0\.0\.1:5000|:443)"', f'== "127.0.0.1:{self.port}"'),
                          (r'=~ ":[0-9]+\$"', f'=~ ":{self.port}$"'),
                          (r"/etc/lighttpd/berth", self.directory / "berth"))
        if self.mode in PASSWORDS:
            text = substitute(text, (r"/etc/lighttpd/registry\.htpasswd", self.directory / "htpasswd"))
        port = f'server.bind = "127.0.0.1"\nserver.port = {free_port()}\nserver.document-root = "/nonexistent"\n'
        return port + text + self.site
