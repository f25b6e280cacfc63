# SPDX-License-Identifier: MIT
"""What a data directory holds: every name and all bytes, to compare before and after. Times are left out, as asking for
something may renew its lease."""

import hashlib
import os

#: Longer files are told by their length and by the disk they take: those of the tests are holes.
BYTES_MAX = 64 * 1024 * 1024


def take(root):
    """{path below docker/registry/v2: what it is}, without the driver's locks, which say nothing."""
    top = os.path.join(root, "docker/registry/v2")
    seen = {}
    walk(top, "", seen)
    return seen


def walk(directory, prefix, seen):
    """Returns whether the directory says something to anyone. A place for uploads that has none does not, nor does what
    only leads to such a place: registry:2 leaves both behind as well. What goes while it is looked at is not there."""
    try:
        entries = list(os.scandir(directory))
    except FileNotFoundError:
        return False
    speaks = not entries and not prefix.endswith("/_uploads/")
    for entry in entries:
        path = prefix + entry.name
        if path == "_berth/locks":
            continue
        if not entry.is_dir(follow_symlinks=False):
            try:
                seen[path] = describe(entry)
            except FileNotFoundError:
                continue
        elif walk(entry.path, path + "/", seen):
            seen[path] = "directory"
        else:
            continue
        speaks = True
    return speaks


def describe(entry):
    if not entry.is_file(follow_symlinks=False):
        return f"of another kind, {entry.stat(follow_symlinks=False).st_mode:o}"
    status = entry.stat()
    if status.st_size > BYTES_MAX:
        return f"{status.st_size} bytes in {status.st_blocks} blocks"
    with open(entry.path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def difference(before, after):
    """What came, went and changed, as lines; none when nothing did."""
    lines = [f"gone: {path}" for path in before.keys() - after.keys()]
    lines += [f"new: {path}" for path in after.keys() - before.keys()]
    lines += [f"changed: {path}" for path in before.keys() & after.keys() if before[path] != after[path]]
    return sorted(lines)
