# SPDX-License-Identifier: MIT
"""The running programs of a registry and what they use, out of /proc."""

import os
from pathlib import Path


def find(registry):
    """{process id: name of the program} of all that run now, whoever started them."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                program = Path(os.readlink(entry / "exe"))
            except OSError:
                continue   # gone, or not ours to look at
            if program.parent == registry.berth.programs:
                found[int(entry.name)] = program.name
    return found


def private_bytes(pid):
    """Memory that this process alone has and has written to."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Private_Dirty:")) * 1024


def bytes_read(pid):
    """All that read calls have returned, from files and sockets."""
    with open(f"/proc/{pid}/io") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("rchar:"))
