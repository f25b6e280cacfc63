# SPDX-License-Identifier: MIT
"""What a disk may hold after a power cut: from the record of a tree's operations to the states it may be left in.

Three kinds of file system, from kind to cruel. In all of them the bytes of a file are safe only when an fsync of that
file came after the write; otherwise each write may be there, be away, be there in some blocks only (the others zero or
old), with the length grown or not. Lengths that grow are no part of a journal: the blocks may have come late
(delayed allocation). An mtime that was not synced is the old one.

ordered   ext4, XFS. Changes of names and lengths and times (the metadata) get to disk in the order in which they were
          made: what is there after the cut is the tree as it was at some moment. An fsync of a file or directory takes
          that moment behind the last change that touched it. So a synced file brings along the directories made before
          it, and a rename that is not synced is seen at both names never, at neither never.
tree-log  btrfs. An fsync of a file or directory makes its own name durable and those of the directories above, and of
          a directory the names in it; all other names are left or not, each for itself.
strict    ext2, or what POSIX promises: an fsync of a directory makes the names in it durable, nothing else does, and
          each name is old or new for itself. An unsynced rename may be seen at both names or at neither.
"""

import hashlib

MODELS = ("ordered", "tree-log", "strict")
BLOCK = 4096


class Node:
    """A file or directory. `names`: of a directory, what each name meant, [(line, child or None)]."""

    def __init__(self, number, is_directory):
        self.number, self.is_directory = number, is_directory
        self.names = {}    # name: [(line, Node or None)]
        self.changes = []  # of a file: [(line, "W", offset, bytes) or (line, "T", length)]
        self.times = []    # [(line, mtime)]
        self.syncs = []    # lines
        self.base = b""    # bytes at the start of the record
        self.parent = None  # (directory, name): the latest


def content_after(base, changes):
    data = bytearray(base)
    for _, kind, *what in changes:
        if kind == "T":
            length = what[0]
            del data[length:]
            data.extend(bytes(length - len(data)))
        else:
            offset, new = what
            data.extend(bytes(max(0, offset - len(data))))
            data[offset:offset + len(new)] = new
    return bytes(data)


class History:
    """The record, replayed. `snapshot` is the tree when it began, {path: bytes, None for a directory}.

    Lines in `without` are left out: fsyncs that are said not to have been made.
    """

    def __init__(self, lines, snapshot, inodes, without=()):
        self.lines, self.nodes, self.by_inode = lines, [], {}
        self.metadata = []                            # lines that change names, lengths or times
        self.touched = {}                             # node number: the last such line
        self.forced = []                              # (line, metadata line): durable since
        self.name_syncs = {}                          # (directory number, name): [lines] of the tree-log model
        self.root = self.node(inodes[""], True)
        for path, data in sorted(snapshot.items()):
            self.place_initial(path, data, inodes[path])
        for i, line in enumerate(lines):
            if i not in without:
                getattr(self, "do_" + line.kind)(i, line)

    def node(self, inode, is_directory):
        node = Node(len(self.nodes), is_directory)
        self.nodes.append(node)
        self.by_inode[inode] = node
        return node

    def place_initial(self, path, data, inode):
        parent, _, name = path.rpartition("/")
        at = self.root
        for part in parent.split("/") if parent else ():
            at = at.names[part][-1][1]
        node = self.node(inode, data is None)
        node.base, node.times = data or b"", [(-1, 10 ** 18)]
        self.enter(-1, at, name, node)

    def enter(self, i, directory, name, node):
        directory.names.setdefault(name, [(-2, None)]).append((i, node))
        if node is not None:
            node.parent = (directory, name)

    def changed(self, i, *nodes):
        self.metadata.append(i)
        for node in nodes:
            self.touched[node.number] = i

    def directory_of(self, line, field="directory"):
        return self.by_inode.get(getattr(line, field))

    def do_C(self, i, line):
        directory = self.directory_of(line)
        if directory is None:
            return  # beside the root
        node = self.node(line.inode, line.kind == "M")
        node.times.append((i, line.time))
        directory.times.append((i, line.time))
        self.enter(i, directory, line.name, node)
        self.changed(i, directory, node)

    do_M = do_C

    def do_L(self, i, line):
        directory = self.directory_of(line)
        if directory is not None:
            self.enter(i, directory, line.name, self.by_inode[line.inode])
            self.changed(i, directory, self.by_inode[line.inode])

    def do_R(self, i, line):
        source, target = self.directory_of(line), self.directory_of(line, "to_directory")
        if source is None or target is None:
            return
        node = self.by_inode[line.inode]
        self.enter(i, source, line.name, None)
        self.enter(i, target, line.to_name, node)
        source.times.append((i, line.time))
        target.times.append((i, line.to_time))
        self.changed(i, source, target, node)

    def do_U(self, i, line):
        directory = self.directory_of(line)
        if directory is None:
            return
        node = directory.names[line.name][-1][1]
        self.enter(i, directory, line.name, None)
        directory.times.append((i, line.time))
        self.changed(i, directory, node)

    def do_W(self, i, line):
        node = self.by_inode.get(line.inode)
        if node is not None:
            node.changes.append((i, "W", line.offset, line.data))
            node.times.append((i, line.time))

    def do_T(self, i, line):
        node = self.by_inode.get(line.inode)
        if node is not None:
            node.changes.append((i, "T", line.length))
            node.times.append((i, line.time))
            self.changed(i, node)

    def do_t(self, i, line):
        node = self.by_inode.get(line.inode)
        if node is not None:
            node.times.append((i, line.time))
            self.changed(i, node)

    def do_F(self, i, line):
        node = self.by_inode.get(line.inode)
        if node is None:
            return
        node.syncs.append(i)
        if node.number in self.touched:
            self.forced.append((i, self.touched[node.number]))
        at = node
        while at.parent is not None:
            self.name_syncs.setdefault((at.parent[0].number, at.parent[1]), []).append(i)
            at = at.parent[0]

    def do_A(self, i, line):
        pass

    def describe(self, inode, line):
        """The path of what has this inode, as far as the record goes before `line`."""
        found = [""]

        def walk(directory, prefix):
            for name, meant in directory.names.items():
                node = next(n for i, n in reversed(meant) if i < line)
                if node is not None:
                    if node is self.by_inode[inode]:
                        found[0] = prefix + name
                    walk(node, prefix + name + "/")
        walk(self.root, "")
        return found[0] or "the root"

    def final_tree(self):
        """{path: bytes, None for a directory}: all of it done."""
        tree = {}

        def walk(directory, prefix):
            for name, meant in directory.names.items():
                node = meant[-1][1]
                if node is None:
                    continue
                tree[prefix + name] = None if node.is_directory else content_after(node.base, node.changes)
                if node.is_directory:
                    walk(node, prefix + name + "/")
        walk(self.root, "")
        return tree


def last_before(lines, limit):
    """The last of ascending `lines` that is below `limit`, or -1."""
    found = -1
    for line in lines:
        if line >= limit:
            break
        found = line
    return found


class File:
    """The bytes a file may have after the cut: options[0] is what is certain, options[-1] all that was written."""

    def __init__(self, node, cut, limit, random):
        synced = last_before(node.syncs, cut)
        safe = [c for c in node.changes if c[0] < max(synced, 0)]
        late = [c for c in node.changes if max(synced, 0) <= c[0] < cut and (c[1] == "W" or c[0] <= limit)]
        base = content_after(node.base, safe)
        self.options = [base]
        for option in tear(base, late, random):
            if option not in self.options:
                self.options.append(option)
        whole = content_after(base, late)
        if whole in self.options:
            self.options.remove(whole)
        self.options.append(whole)
        self.mtime = max([t for t in node.times if t[0] < max(synced, 0)] or node.times[:1])[1]


def tear(base, late, random):
    """Some of the ways in which unsynced changes may be half there."""
    if not late:
        return
    whole = content_after(base, late)
    yield base
    # The length without the bytes.
    yield base[:len(whole)] + bytes(max(0, len(whole) - len(base)))
    # A length in between.
    if len(whole) > len(base):
        yield whole[:len(base) + (len(whole) - len(base)) // 2]
    # Each change there or not, and what is there in some blocks only.
    some = [c for c in late if random.random() < 0.5]
    data = bytearray(content_after(base, some))
    old = base + bytes(max(0, len(data) - len(base)))
    for at in range(0, len(data), BLOCK):
        if random.random() < 0.5:
            data[at:at + BLOCK] = old[at:min(at + BLOCK, len(data))]
    yield bytes(data)


class Cut:
    """The states after a cut before line `line`, in one model."""

    def __init__(self, history, model, line, random):
        self.history, self.model, self.line, self.random = history, model, line, random
        self.files, self.known = {}, {}
        self.moments = [line]
        if model == "ordered":
            least = max([m for f, m in history.forced if f < line], default=-1)
            self.moments = [least] + [m for m in history.metadata if least < m < line]

    def meanings(self, directory, name):
        """What the name may mean on disk, from the certain to the latest. Not for the ordered model."""
        key = directory.number, name
        if key in self.known:
            return self.known[key]
        syncs = [last_before(directory.syncs, self.line)]
        if self.model == "tree-log":
            syncs.append(last_before(self.history.name_syncs.get((directory.number, name), ()), self.line))
        durable, meant = max(syncs), directory.names[name]
        first = max(i for i, entry in enumerate(meant) if entry[0] < max(durable, 0))
        self.known[key] = [node for line, node in meant[first:] if line < self.line]
        return self.known[key]

    def file(self, node, limit):
        if (node.number, limit) not in self.files:
            self.files[node.number, limit] = File(node, self.line, limit, self.random)
        return self.files[node.number, limit]

    def choices(self, moment):
        """{what can be chosen: how many ways}, names as (directory, name), bytes as the file's number."""
        found = {}
        reached = set()

        def walk(directory):
            if directory.number in reached:
                return
            reached.add(directory.number)
            for name, meant in directory.names.items():
                if self.model == "ordered":
                    nodes = [next(n for i, n in reversed(meant) if i <= moment)]
                else:
                    nodes = self.meanings(directory, name)
                    if len(nodes) > 1:
                        found[directory.number, name] = len(nodes)
                for node in nodes:
                    if node is not None and node.is_directory:
                        walk(node)
                    elif node is not None and len(self.file(node, moment).options) > 1:
                        found[node.number] = len(self.file(node, moment).options)
        walk(self.history.root)
        return found

    def tree(self, moment, chosen):
        """{path: (bytes or None, mtime)}; what `chosen` does not name is the latest."""
        tree, above = {}, set()

        def walk(directory, prefix):
            above.add(directory.number)
            for name, meant in directory.names.items():
                if self.model == "ordered":
                    node = next(n for i, n in reversed(meant) if i <= moment)
                else:
                    node = self.meanings(directory, name)[chosen.get((directory.number, name), -1)]
                if node is None or node.number in above:
                    continue  # or a directory within itself, which a check of the disk would undo
                if node.is_directory:
                    tree[prefix + name] = (None, directory_time(node, self.line))
                    walk(node, prefix + name + "/")
                else:
                    file = self.file(node, moment)
                    tree[prefix + name] = (file.options[chosen.get(node.number, -1)], file.mtime)
            above.discard(directory.number)
        walk(self.history.root, "")
        return tree

    def states(self, samples):
        """Descriptions (moment, chosen) of states: the systematic ones, and `samples` at random for each moment."""
        for moment in self.moments:
            ways = self.choices(moment)
            first = {what: 0 for what in ways}
            yield moment, first
            yield moment, {}
            for what, count in ways.items():
                for way in range(count - 1):
                    yield moment, {what: way}
                for way in range(1, count):
                    yield moment, {**first, what: way}
            for _ in range(samples if len(ways) > 1 else 0):
                yield moment, {what: self.random.randrange(count) for what, count in ways.items()}


def directory_time(node, cut):
    return max([t for t in node.times if t[0] < cut] or [(0, 10 ** 18)])[1]


def hash_of(data, known={}):
    """SHA-256 in hexadecimal, remembered: the same bytes come again in most states."""
    if data not in known:
        known[data] = hashlib.sha256(data).hexdigest()
    return known[data]
