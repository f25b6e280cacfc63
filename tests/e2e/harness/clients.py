# SPDX-License-Identifier: MIT
"""Real clients, each with its storage, configuration and credentials in a directory of its own."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from .process import Process, wait_for


def run(*argv, fails=False, **kw):
    """Run a client; returns what it printed. A failure shows all its words. fails=True: it has to fail."""
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, **kw)
    said = f"$ {' '.join(argv)}\n{done.stdout}{done.stderr}"
    assert (done.returncode != 0) == fails, f"exit {done.returncode}\n{said}"
    return done.stdout.strip() if not fails else done.stdout + done.stderr


class Containers:
    """podman, buildah and skopeo: one library, one storage, one file of credentials."""

    def __init__(self, directory, registry):
        self.directory, self.registry = Path(directory), registry
        self.auth = self.directory / "auth.json"
        self.storage = ["--root", self.directory / "root", "--runroot", self.directory / "run",
                        "--storage-driver", "vfs"]
        self.environment = {**os.environ, "REGISTRY_AUTH_FILE": str(self.auth), "HOME": str(self.directory),
                            "TMPDIR": str(self.directory), "BUILDAH_ISOLATION": "chroot"}
        self.environment.pop("XDG_RUNTIME_DIR", None)
        self.certificates = self.directory / "certs"
        self.certificates.mkdir(parents=True)
        self.auth.write_text('{"auths": {}}')
        if registry.ca:
            shutil.copy(registry.ca, self.certificates / "ca.crt")

    def tls(self, prefix=""):
        """The options that say how the registry is reached. skopeo copy wants them per side: prefix dest- or src-."""
        if self.registry.ca:
            return [f"--{prefix}cert-dir={self.certificates}"]
        return [f"--{prefix}tls-verify=false"]

    def login(self, user):
        """Store credentials as the login commands do."""
        return run("podman", *self.storage, "login", *self.tls(), "-u", user[0], "-p", user[1], self.registry.netloc,
                   env=self.environment)

    def podman(self, command, *argv, **kw):
        tls = self.tls() if command in ("push", "pull") else []
        return run("podman", *self.storage, command, *tls, *argv, env=self.environment, **kw)

    def buildah(self, *argv, **kw):
        return run("buildah", *self.storage, *argv, env=self.environment, **kw)

    def skopeo(self, *argv, **kw):
        return run("skopeo", *argv, env=self.environment, **kw)

    def copy_in(self, source, name, *options):
        """skopeo copy to the registry."""
        target = f"docker://{self.registry.netloc}/{name}"
        return self.skopeo("copy", "-q", *self.tls("dest-"), *options, source, target)

    def copy_out(self, name, target, *options):
        """skopeo copy from the registry."""
        return self.skopeo("copy", "-q", *self.tls("src-"), *options, f"docker://{self.registry.netloc}/{name}", target)

    def stop(self):
        # vfs copies may be large; podman may have left its storage mounted.
        run("podman", *self.storage, "system", "prune", "-af", env=self.environment)


class Docker:
    """A dockerd of our own: no network, no iptables, the vfs driver (overlay may not stack on this disk).

    It mounts things, and has a mount namespace of its own for them; `mounts` are shell commands run there first.
    """

    def __init__(self, directory, environment=None, mounts=":"):
        self.directory = Path(directory)
        self.socket = self.directory / "docker.sock"
        self.environment = {**os.environ, "DOCKER_CONFIG": str(self.directory / "config"),
                            "DOCKER_HOST": f"unix://{self.socket}", **(environment or {})}
        (self.directory / "daemon.json").write_text("{}")
        argv = ["unshare", "--mount", "sh", "-c", mounts + ' && exec "$@"', "sh", "dockerd", "--config-file", self.directory / "daemon.json",
                "--data-root", self.directory / "root", "--exec-root", self.directory / "exec",
                "--pidfile", self.directory / "pid", "-H", f"unix://{self.socket}", "--bridge=none",
                "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"]
        self.process = Process("dockerd", argv, self.directory, env=self.environment)
        try:
            wait_for(lambda: self.process.check_alive() and self.answers(), "dockerd answering", 60)
        except BaseException:
            print(self.process.tail())
            self.stop()
            raise

    def answers(self):
        return subprocess.run(["docker", "version"], env=self.environment, capture_output=True).returncode == 0

    def docker(self, *argv, **kw):
        return run("docker", *argv, env=self.environment, **kw)

    def login(self, netloc, user):
        return self.docker("login", "-u", user[0], "-p", user[1], netloc)

    def repo_digest(self, name):
        """The digest the daemon knows an image of this repository by."""
        digests = json.loads(self.docker("image", "inspect", name))[0]["RepoDigests"]
        repository = name.rsplit(":", 1)[0]
        return next(d.split("@")[1] for d in digests if d.startswith(repository + "@"))

    def stop(self):
        self.process.stop()


class Containerd:
    """A containerd of our own, for ctr; nothing is run, so it needs neither networks nor cgroups."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.socket = self.directory / "containerd.sock"
        config = self.directory / "config.toml"
        config.write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                          f'root = "{self.directory}/root"\nstate = "{self.directory}/state"\n'
                          f'[grpc]\naddress = "{self.socket}"\n')
        self.process = Process("containerd", ["containerd", "-c", config], self.directory)
        try:
            self.process.wait_until_accepting(self.socket, 60)
        except BaseException:
            print(self.process.tail())
            self.stop()
            raise

    def ctr(self, *argv, **kw):
        return run("ctr", "-a", self.socket, "-n", "test", *argv, **kw)

    def stop(self):
        self.process.stop()
