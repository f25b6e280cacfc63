# SPDX-License-Identifier: MIT
"""What all web servers have in common: a directory, a port, a process, certificates and passwords."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness.process import die_with_parent, free_port

CHECKOUT = Path(__file__).resolve().parents[3]
USER = ("alice", "s3cret pass")
MODES = ("plain", "tls", "htpasswd", "bearer", "certificates")
#: With a file of passwords.
PASSWORDS = ("htpasswd", "bearer")


def run(*argv, **kwargs):
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True, **kwargs).stdout


def make_certificates(directory):
    """A root, an intermediate and a server certificate: ca.pem to trust, fullchain.pem and privkey.pem to serve."""
    d = Path(directory)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    # Newer clients want to read in a CA's certificate that it may sign.
    run("openssl", "req", "-x509", *key, "-days", "2", "-subj", "/CN=test root",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", d / "ca.key", "-out", d / "ca.pem")
    for name, issuer, extensions in (
            ("middle", "ca", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=keyCertSign,cRLSign\n"),
            ("server", "middle", "subjectAltName=DNS:localhost,DNS:registry.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")):
        (d / f"{name}.ext").write_text(extensions)
        run("openssl", "req", *key, "-subj", f"/CN=test {name}", "-keyout", d / f"{name}.key", "-out", d / f"{name}.csr")
        run("openssl", "x509", "-req", "-in", d / f"{name}.csr", "-CA", d / f"{issuer}.pem", "-CAkey", d / f"{issuer}.key",
            "-CAcreateserial", "-days", "2", "-extfile", d / f"{name}.ext", "-out", d / f"{name}.pem")
    (d / "fullchain.pem").write_text((d / "server.pem").read_text() + (d / "middle.pem").read_text())
    (d / "server.key").rename(d / "privkey.pem")


def make_client_certificate(directory, name, subject, ca="ca"):
    """<name>.pem, with its key, signed by the root of make_certificates or by another that is made here."""
    d = Path(directory)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    if not (d / f"{ca}.key").exists():
        run("openssl", "req", "-x509", *key, "-days", "2", "-subj", "/CN=test root", "-keyout", d / f"{ca}.key",
            "-out", d / f"{ca}.pem")
    run("openssl", "req", *key, "-utf8", "-subj", subject, "-keyout", d / f"{name}.key", "-out", d / f"{name}.csr")
    signed = run("openssl", "x509", "-req", "-in", d / f"{name}.csr", "-CA", d / f"{ca}.pem", "-CAkey", d / f"{ca}.key",
                 "-CAcreateserial", "-days", "2")
    (d / f"{name}.pem").write_text(signed + (d / f"{name}.key").read_text())
    return d / f"{name}.pem"


def write_password_file(path, users):
    """A file as htpasswd makes it, for {name: password}."""
    passwords = "".join(password + "\n" for password in users.values())
    hashed = run("openssl", "passwd", "-6", "-stdin", input=passwords).split()
    Path(path).write_text("".join(f"{user}:{line}\n" for user, line in zip(users, hashed, strict=True)))


def substitute(text, *pairs):
    """Replace each pattern; one that fits nothing means that the shipped file has changed and this module has not."""
    for pattern, replacement in pairs:
        text, count = re.subn(pattern, lambda _, r=str(replacement): r, text, flags=re.M)
        if not count:
            raise ValueError(f"nothing fits {pattern!r}")
    return text


class WebServer:
    """One web server. Attributes: url, port, pid, root, access_log, error_log, ca, user.

    `users`: more that have a password than `user`, who is the one of the registry's own client. `policy`: where a policy
    would be."""

    name = None

    def __init__(self, data_root, sockets, mode="plain", direct=True, site="", server=None, http="", user=USER,
                 users=None, policy=None, directory=None):
        if mode not in MODES:
            raise ValueError(f"no mode {mode}; there are {', '.join(MODES)}")
        self.root, self.sockets, self.mode, self.direct = Path(data_root), Path(sockets), mode, direct
        self.site, self.server, self.http = site, server, http
        self.users = {**dict([user]), **(users or {})}
        self.own_directory = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix="berth-web-")) if directory is None else Path(directory)
        self.policy = Path(policy) if policy else self.directory / "policy"
        self.port = free_port()
        self.tls = mode != "plain" and server is None
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self.ca = str(self.directory / "ca.pem") if self.tls else None
        self.user = user if mode in PASSWORDS else None
        self.access_log = self.directory / "access.log"
        self.error_log = self.directory / "error.log"
        self.output = self.directory / "output.log"
        self.child = None

    def __enter__(self):
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o755)
            for log in (self.access_log, self.error_log, self.output):
                log.touch()
            if self.tls:
                make_certificates(self.directory)
            if self.mode in PASSWORDS:
                write_password_file(self.directory / "htpasswd", self.users)
                (self.directory / "htpasswd").chmod(0o644)
            self.start(self.write_configuration())
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, argv):
        with open(self.output, "ab") as out:
            self.child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          start_new_session=True, preexec_fn=die_with_parent)
        deadline = time.monotonic() + 30
        while not self.is_accepting():
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not start:\n{self.output.read_text()}{self.error_log.read_text()}")
            time.sleep(0.02)

    def is_accepting(self):
        with contextlib.closing(socket.socket()) as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def pid(self):
        return self.child.pid

    def logs(self):
        return [self.error_log, self.output]

    def stop(self, sig=signal.SIGTERM, seconds=20):
        if self.child is None:
            return
        if self.child.poll() is None:
            self.child.send_signal(sig)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def __exit__(self, *_):
        self.stop()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def example(self, folder):
        """The shipped example of this mode with this machine's port and files in it."""
        text = (CHECKOUT / folder / f"example-{self.mode}.conf").read_text()
        if self.tls:
            text = substitute(text, (r"/etc/ssl/registry/fullchain\.pem", self.directory / "fullchain.pem"),
                              (r"/etc/ssl/registry/privkey\.pem", self.directory / "privkey.pem"))
        if self.mode == "certificates":
            text = substitute(text, (r"/etc/ssl/registry/clients\.pem", self.directory / "ca.pem"))
        return text
