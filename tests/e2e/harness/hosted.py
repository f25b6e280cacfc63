# SPDX-License-Identifier: MIT
"""The bundle for shared hosting in the home of a user, set up as its instructions say."""

import os
import shutil
import subprocess
from pathlib import Path

from .berth import Berth, build_dir

#: Who owns the home, and is whom the web server runs as; of no rights anywhere else.
OWNER, GROUP = "nobody", "nogroup"
#: As the tests know an open registry; the bundle makes none.
OPEN = ("Require valid-user", "Require all granted")


def find_bundle():
    found = sorted(build_dir().glob("berth-shared-hosting-*.tar.gz"), key=os.path.getmtime)
    if not found:
        raise FileNotFoundError(f"no bundle in {build_dir()}: make shared-hosting-bundle")
    return found[-1]


class HostedBerth(Berth):
    """Attributes beside those of Berth: home, document_root. `users`: {name: password}, or None for an open registry."""

    def __init__(self, directory, settings=None, fastcgi=False, users=None, storage=None):
        super().__init__(directory, settings, owner=OWNER, start=False, storage=storage)
        self.home = self.directory / "home"
        self.document_root = self.home / "public_html"
        self.root, self.config = self.home / "berth/data", self.home / "berth/berth.conf"
        self.programs = self.home / "berth/bin"
        self.settings["root"] = self.root
        self.fastcgi, self.users = fastcgi, users

    def __enter__(self):
        self.directory.chmod(0o711)
        self.document_root.mkdir(parents=True)
        for path in (self.home, self.document_root):
            self.give(path)
        (self.document_root / "index.html").write_text("a site\n")
        self.unpack()
        if "token_realm" in self.settings:
            self.write_config()
            self.make_token_keys()
        self.set_up(*(["--fastcgi"] if self.fastcgi else []))
        if self.users is None:
            self.edit_htaccess(*OPEN)
        for name, password in (self.users or {}).items():
            self.write_password(name, password)
        if self.storage:
            self.storage.mount(self.root)
            self.give(self.root)
        self.write_config()
        return self

    def give(self, path):
        if os.geteuid() == 0:
            shutil.chown(path, OWNER, GROUP)

    def as_owner(self, *argv, **kwargs):
        """Run a command in the home, as its owner; its output."""
        if os.geteuid() == 0:
            kwargs = {"user": OWNER, "group": GROUP, "extra_groups": [], **kwargs}
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([str(a) for a in argv], cwd=self.home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True,
                              env={"PATH": os.environ["PATH"], "HOME": str(self.home)}, **kwargs)
        if done.returncode:
            raise RuntimeError(f"{argv} ended with {done.returncode}: {done.stdout}")
        return done.stdout

    def unpack(self):
        """As a user whose files are writable by the group, which suEXEC refuses: the bundle has to see to it. He may not
        be able to enter the checkout (under /root, say)."""
        with open(find_bundle(), "rb") as bundle:
            self.as_owner("tar", "xz", stdin=bundle, umask=0o002)

    def set_up(self, *options):
        return self.as_owner("sh", "berth/setup", *options, self.document_root, umask=0o002)

    @property
    def htaccess(self):
        return self.document_root / "v2/.htaccess"

    def edit_htaccess(self, old, new):
        text = self.htaccess.read_text()
        if old not in text:
            raise ValueError(f"no {old!r} in {self.htaccess}")
        self.htaccess.write_text(text.replace(old, new))

    def write_password(self, user, password):
        """As the instructions say."""
        path = self.home / "berth/htpasswd"
        self.as_owner("htpasswd", "-bB" if path.exists() else "-cbB", "-C", "5", path, user, password)
        path.chmod(0o644)
