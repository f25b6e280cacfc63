# SPDX-License-Identifier: MIT
"""Apache as on a shared host: nothing of Berth is in its configuration, and a user can say a little in .htaccess.

It runs as the user whose home it serves, so that programs do, without the suEXEC of a real host.
"""

import os
import shutil

from .server import WebServer

#: What the bundle says it needs, and no more.
ALLOWED = "FileInfo AuthConfig Options=ExecCGI"


class Hosting(WebServer):
    """`allowed` is the AllowOverride of the host, `options` its Options, `http` more of its configuration."""

    name = "apache2"
    MODULES = ("mpm_event authn_core authz_core authz_user authz_host auth_basic authn_file access_compat alias rewrite dir mime "
               "env headers setenvif filter deflate reqtimeout autoindex negotiation cgid fcgid").split()

    def __init__(self, data_root, home, owner, allowed=ALLOWED, options="SymLinksIfOwnerMatch", without=(), **kwargs):
        super().__init__(data_root, "/nonexistent", **kwargs)
        self.home, self.owner, self.allowed, self.options = home, owner, allowed, options
        self.without = without

    def write_configuration(self):
        conf = self.directory / "apache2.conf"
        names = [name for name in self.MODULES + (["ssl", "socache_shmcb"] if self.tls else []) if name not in self.without]
        tls = f"""
SSLEngine on
SSLCertificateFile "{self.directory}/fullchain.pem"
SSLCertificateKeyFile "{self.directory}/privkey.pem"
""" if self.tls else ""
        conf.write_text("\n".join(f"LoadModule {n}_module /usr/lib/apache2/modules/mod_{n}.so" for n in names) + f"""
ServerRoot "{self.directory}"
ServerName localhost
Listen 127.0.0.1:{self.port}
PidFile "{self.directory}/apache2.pid"
DefaultRuntimeDir "{self.directory}"
<IfModule mod_cgid.c>
    ScriptSock "{self.directory}/cgid"
</IfModule>
<IfModule mod_fcgid.c>
    FcgidIPCDir "{self.directory}/fcgid"
    FcgidProcessTableFile "{self.directory}/fcgid/shm"
</IfModule>
TypesConfig /etc/mime.types
ErrorLog "{self.error_log}"
CustomLog "{self.access_log}" "%h %l %u %t \\"%r\\" %>s %b"
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
TraceEnable off
{tls}
DocumentRoot "{self.home}/public_html"
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory "{self.home}/public_html">
    AllowOverride {self.allowed}
    Options {self.options}
    Require all granted
</Directory>
<Files ".ht*">
    Require all denied
</Files>
{self.http}
""")
        (self.directory / "fcgid").mkdir(exist_ok=True)
        return [*self.become_owner(), "apache2", "-D", "FOREGROUND", "-f", conf]

    def become_owner(self):
        """Words that start a command as the owner of the home; everything of the server is given to him."""
        if os.geteuid() != 0:
            return []
        user, group = self.owner
        for path in (self.directory, *self.directory.iterdir()):
            shutil.chown(path, user, group)
        return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--pdeathsig=TERM", "--"]
