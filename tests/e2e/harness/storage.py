# SPDX-License-Identifier: MIT
"""Small file systems of their own for a registry's data, which can be filled to the last byte or inode. Needs root."""

import contextlib
import os
import subprocess

import pytest

from .process import wait_for

BLOCK = 4096


def run(*argv):
    return subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True)


class Storage:
    """A file system to be mounted on the data directory before the programs start."""

    def __init__(self, kind="tmpfs", size="16m", inodes=4000):
        self.kind, self.size, self.inodes = kind, size, inodes
        self.root = self.image = None
        self.free_files = 0

    def mount(self, root):
        """Skips the test where nobody may mount, as in most containers; any other failure is one."""
        if os.geteuid() != 0:
            pytest.skip("needs root, to mount a small file system")
        try:
            if self.kind == "tmpfs":
                run("mount", "-t", "tmpfs", "-o", f"size={self.size},nr_inodes={self.inodes}", "berth-test", root)
            else:
                self.image = root.with_name("data.img")
                run("truncate", "-s", self.size, self.image)
                run("mkfs.ext4", "-q", "-b", BLOCK, "-m", "0", "-N", self.inodes, self.image)
                run("mount", "-o", "loop", self.image, root)
        except subprocess.CalledProcessError as problem:
            if any(words in problem.stderr.lower() for words in ("permission denied", "set up loop", "setup loop")):
                pytest.skip(f"nothing can be mounted here: {problem.stderr.strip()}")
            raise RuntimeError(problem.stderr) from problem
        self.root = root
        if self.kind == "ext4":
            (root / "lost+found").rmdir()

    def unmount(self):
        """Once the programs have let go of it."""
        if self.root is None:
            return
        wait_for(lambda: subprocess.run(["umount", str(self.root)], capture_output=True).returncode == 0, "umount")
        self.root = None

    def remount(self, how):
        run("mount", "-o", f"remount,{how}", self.root)

    @property
    def filler(self):
        return self.root / "filler"

    def fill_bytes(self, blocks=0):
        """Use up all space, but for so many blocks."""
        with open(self.filler, "ab") as f:
            # What was deleted lately comes free only when the journal is written.
            os.sync()
            while os.statvfs(self.root).f_bavail > 0:
                for piece in (1 << 20, 1 << 16, BLOCK):
                    with contextlib.suppress(OSError):
                        while True:
                            os.posix_fallocate(f.fileno(), f.seek(0, os.SEEK_END), piece)
                os.sync()
            f.truncate(f.seek(0, os.SEEK_END) - blocks * BLOCK)
        os.sync()

    def fill_inodes(self, inodes=0):
        """Use up all inodes, but for so many."""
        directory = self.root / "fillers"
        directory.mkdir(exist_ok=True)
        names = sorted(directory.iterdir())
        with contextlib.suppress(OSError):
            while True:
                name = directory / f"{len(names):06}"
                name.touch(exist_ok=False)
                names.append(name)
        for name in names[len(names) - inodes:] if inodes else ():
            name.unlink()

    def free(self):
        """All of it is there again."""
        with contextlib.suppress(FileNotFoundError):
            self.filler.unlink()
        with contextlib.suppress(FileNotFoundError):
            for name in (self.root / "fillers").iterdir():
                name.unlink()
            (self.root / "fillers").rmdir()
