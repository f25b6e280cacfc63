# SPDX-License-Identifier: MIT
"""Apache with the files of apache/."""

import os
import re
import shutil

from .server import CHECKOUT, PASSWORDS, WebServer, substitute


class Apache(WebServer):
    """`way` is a key of WAYS. Those that let Apache start the programs want `programs` and `config` instead of sockets.
    `modules` are loaded as well."""

    name = "apache2"
    #: {way: (the file of apache/, the modules it is tried with)}
    WAYS = {
        "proxy": ("proxy.conf", ["proxy", "proxy_fcgi"]),
        "proxy-xsendfile": ("proxy.conf", ["proxy", "proxy_fcgi", "xsendfile"]),
        "fcgid": ("fcgid.conf", ["fcgid", "cgid"]),
        "fcgid-alone": ("fcgid.conf", ["fcgid"]),
        "cgi": ("cgi.conf", ["cgid"]),
    }
    MODULES = ("authn_core authz_core authz_user authz_host auth_basic authn_file access_compat alias rewrite dir mime env "
               "headers setenvif filter deflate reqtimeout autoindex negotiation").split()

    def __init__(self, data_root, sockets="/nonexistent", way="proxy", programs=None, config=None, modules=(), **kwargs):
        super().__init__(data_root, sockets, **kwargs)
        self.include, self.more_modules = self.WAYS[way]
        self.more_modules = [*self.more_modules, *modules]
        self.way, self.programs, self.config = way, programs, config

    def write_configuration(self):
        shutil.copytree(CHECKOUT / "apache", self.directory / "berth", dirs_exist_ok=True)
        settings = self.directory / "berth/settings.conf"
        pairs = [(r"^Define BERTH_ROOT .*", f'Define BERTH_ROOT "{self.root}"'),
                 (r"^Define BERTH_SOCKETS .*", f'Define BERTH_SOCKETS "{self.sockets}"')]
        pairs.append((r"^Define BERTH_POLICY .*", f'Define BERTH_POLICY "{self.policy}"'))
        if not self.direct:
            pairs.append((r"^Define BERTH_DIRECT .*\n", ""))
        if self.programs:
            pairs += [(r"^Define BERTH_PROGRAMS .*", f'Define BERTH_PROGRAMS "{self.programs}"'),
                      (r"^Define BERTH_CONFIG .*", f'Define BERTH_CONFIG "{self.config}"')]
        settings.write_text(substitute(settings.read_text(), *pairs))
        # Where mod_fcgid keeps its sockets and the bodies of uploads, as the server's user.
        (self.directory / "fcgid").mkdir(exist_ok=True)
        (self.directory / "fcgid").chmod(0o777)
        conf = self.directory / "apache2.conf"
        conf.write_text(f"""\
ServerRoot "{self.directory}"
ServerName localhost
PidFile "{self.directory}/apache2.pid"
DefaultRuntimeDir "{self.directory}"
{self.modules()}
{"User www-data" if os.geteuid() == 0 else ""}
{"Group www-data" if os.geteuid() == 0 else ""}
TypesConfig /etc/mime.types
ErrorLog "{self.error_log}"
CustomLog "{self.access_log}" "%h %l %u %t \\"%r\\" %>s %b"
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
<Directory />
    AllowOverride None
    Require all denied
</Directory>
{self.http}
{self.server_block()}
""")
        return ["apache2", "-D", "FOREGROUND", "-f", conf]

    def modules(self):
        names = ["mpm_event", *self.MODULES, *(["ssl", "socache_shmcb"] if self.tls else [])]
        names += self.more_modules
        lines = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in names]
        if "fcgid" in names:
            lines += [f'FcgidIPCDir "{self.directory}/fcgid"', f'FcgidProcessTableFile "{self.directory}/fcgid/shm"']
        return "\n".join(lines)

    def server_block(self):
        listen = f"127.0.0.1:{self.port}"
        if self.server is not None:
            text = f"Listen {listen}\n" + self.server.replace("@LISTEN@", listen)
        else:
            text = f"Listen {listen}\n" + re.sub(r"^Listen .*\n", "", self.example("apache"), flags=re.M)
            text = substitute(text, (r"<VirtualHost .*>", f"<VirtualHost {listen}>"),
                              (r"^</VirtualHost>", self.site + "\n</VirtualHost>"))
            if self.mode in PASSWORDS:
                text = substitute(text, (r"/etc/apache2/registry\.htpasswd", self.directory / "htpasswd"))
        if self.server is None:
            text = substitute(text, (r"Include berth/proxy\.conf", f"Include berth/{self.include}"))
        return text
