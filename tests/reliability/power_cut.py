"""What a disk may hold after a power cut: every prefix of a program's system calls, with what was not synced lost.

A program is traced by strace; its writes, syncs and renames below one folder
are replayed on a model of a file system that promises no more than POSIX does:
bytes are safe once their file was synced, names once their folder was.
"""

import random
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,fallocate,ioctl,"
    "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,"
    "truncate,ftruncate"
)
MODES = ("all", "only what was synced", "names without bytes", "bytes without names", "torn")
LOSSY = ("writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "splice", "fallocate")
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+)", re.S)
_BEGUN = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$", re.S)
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$", re.S)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_NUMBER = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")
_AT = re.compile(r"(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>, \"((?:\\x[0-9a-f]{2})*)\"")


@dataclass
class File:
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    pending: list = field(default_factory=list)
    """`(offset, bytes)` written, or `(length, None)` cut to, since the last sync."""
    position: int = 0


@dataclass
class Folder:
    names: dict = field(default_factory=dict)
    synced: dict = field(default_factory=dict)


@dataclass
class Link:
    target: bytes


def traced(command, root, log, env=None):
    """Run a command under strace; the lines of what it did."""
    words = [
        "strace",
        "-f",
        "-y",
        "-qq",
        "-xx",
        "-s",
        str(1 << 25),
        "-o",
        log,
        "-e",
        f"trace={CALLS}",
        *command,
    ]
    done = subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(log).read_text().split("\n")


def calls(lines, *, failed=False):
    """Each finished call that succeeded (or not, too): its name, its arguments as strace wrote them, its value."""
    begun = {}
    for told in lines:
        line = told
        if found := _BEGUN.match(line):
            begun[found[1]] = found[0].removesuffix(" <unfinished ...>")
            continue
        if found := _RESUMED.match(line):
            line = begun.pop(found[1]) + found[2]
        if (found := _LINE.match(line)) and (failed or not found[4].startswith("-")):
            yield found[2], found[3], int(found[4], 0)


def _bytes(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Disk:
    """A folder as a file system would hold it, and what of it a power cut may leave."""

    def __init__(self, root):
        self.root = bytes(root)
        self.tree = self._load(Path(root))
        self.told = b""
        """What the program wrote to its standard output: its promises."""

    def _load(self, path):
        if path.is_symlink():
            return Link(bytes(path.readlink()))
        if path.is_file():
            data = path.read_bytes()
            return File(bytearray(data), data)
        names = {bytes(Path(inner.name)): self._load(inner) for inner in path.iterdir()}
        return Folder(names, dict(names))

    def apply(self, name, arguments, value):
        """Replay one call; whether it changed anything below the root."""
        if name == "write" and arguments.startswith("1<"):
            self.told += _bytes(_TEXT.search(arguments)[1])[:value]
            return False
        paths = self._paths(name, arguments)
        if not any(path == self.root or path.startswith(self.root + b"/") for path in paths):
            return False
        assert name not in LOSSY, f"{name} is not modelled: {arguments[:200]}"
        return getattr(self, f"_{name.removesuffix('64').removesuffix('at2').removesuffix('at')}")(
            paths, arguments, value
        )

    def _paths(self, name, arguments):
        if (found := _NUMBER.match(arguments)) and not name.endswith(("at", "at2")):
            return [_bytes(found[1])]
        relative = [(_bytes(folder), _bytes(path)) for folder, path in _AT.findall(arguments)]
        if relative:
            return [path if path.startswith(b"/") else folder + b"/" + path for folder, path in relative]
        plain = [_bytes(found) for found in _TEXT.findall(arguments)]
        return [path if path.startswith(b"/") else self.root + b"/" + path for path in plain]

    def _at(self, path):
        node = self.tree
        for part in path[len(self.root) :].split(b"/"):
            if part:
                node = node.names.get(part) if isinstance(node, Folder) else None
        return node

    def _above(self, path):
        folder, _, name = path.rstrip(b"/").rpartition(b"/")
        return self._at(folder), name

    def _open(self, paths, arguments, value):
        path, node = paths[0], self._at(paths[0])
        if node is None and "O_CREAT" in arguments:
            folder, name = self._above(path)
            folder.names[name] = File()
            return True
        if isinstance(node, File):
            if not re.search(r"O_RDONLY|O_APPEND", arguments):
                node.position = 0
            if "O_TRUNC" in arguments:
                return self._cut(node, 0)
        return False

    def _write(self, paths, arguments, value):
        node = self._at(paths[0])
        if node is None or paths[0].endswith(b"-shm"):
            return False
        start = node.position = max(node.position, len(node.data))  # files are written from end to end
        node.position += value
        return self._put(node, start, _bytes(_TEXT.search(arguments)[1])[:value])

    def _pwrite(self, paths, arguments, value):
        node = self._at(paths[0])
        if node is None:
            return False
        offset = int(arguments.rpartition(", ")[2])
        return self._put(node, offset, _bytes(_TEXT.search(arguments)[1])[:value])

    def _put(self, node, offset, data):
        write(node.data, offset, data)
        node.pending.append((offset, data))
        return True

    def _ftruncate(self, paths, arguments, value):
        node = self._at(paths[0])
        return node is not None and self._cut(node, int(arguments.rpartition(", ")[2]))

    def _truncate(self, paths, arguments, value):
        return self._ftruncate(paths, arguments, value)

    def _cut(self, node, length):
        write(node.data, length, None)
        node.pending.append((length, None))
        return True

    def _fsync(self, paths, arguments, value):
        node = self._at(paths[0])
        if isinstance(node, Folder):
            node.synced = dict(node.names)
        elif node is not None:
            node.synced, node.pending = bytes(node.data), []
        return False

    _fdatasync = _fsync

    def _ioctl(self, paths, arguments, value):
        assert "FICLONE" not in arguments, "reflinks are not modelled: trace on a file system without them"
        return False

    def _rename(self, paths, arguments, value):
        source, target = paths
        folder, name = self._above(source)
        node = folder.names.pop(name, None) if isinstance(folder, Folder) else None
        above, last = self._above(target)
        if isinstance(above, Folder):
            above.names[last] = node
        return True

    def _unlink(self, paths, arguments, value):
        folder, name = self._above(paths[0])
        folder.names.pop(name, None)
        return True

    _rmdir = _unlink

    def _mkdir(self, paths, arguments, value):
        folder, name = self._above(paths[0])
        folder.names[name] = Folder()
        return True

    def _link(self, paths, arguments, value):
        above, last = self._above(paths[1])
        above.names[last] = self._at(paths[0])
        return True

    def _symlink(self, paths, arguments, value):
        above, last = self._above(paths[-1])
        above.names[last] = Link(_bytes(_TEXT.findall(arguments)[0]))
        return True

    def leave(self, target, mode, seed=0):
        """Make the folder `target` what a power cut now could leave, in one of `MODES`."""
        shutil.rmtree(target, ignore_errors=True)
        self._leave(self.tree, Path(target), mode, random.Random(seed))

    def _leave(self, node, path, mode, chance):
        if isinstance(node, Folder):
            path.mkdir()
            lost = mode in {"only what was synced", "bytes without names"}
            for name, inner in (node.synced if lost else node.names).items():
                if not name.endswith(b"-shm"):
                    self._leave(inner, path / name.decode("utf-8", "surrogateescape"), mode, chance)
        elif isinstance(node, Link):
            path.symlink_to(node.target.decode())
        else:
            path.write_bytes(self._bytes_of(node, mode, chance))

    @staticmethod
    def _bytes_of(node, mode, chance):
        if mode in {"all", "bytes without names"}:
            return bytes(node.data)
        if mode != "torn" or not node.pending:
            return node.synced
        data = bytearray(node.synced)
        kept = chance.randrange(len(node.pending))
        for offset, new in node.pending[:kept]:
            write(data, offset, new)
        offset, new = node.pending[kept]
        if new is not None:
            if chance.random() < 0.5:  # the length was noted, the bytes were not
                write(data, len(data) + len(new), None)
            write(data, offset, new[: chance.randrange(len(new) + 1)])
        return bytes(data)


def write(data, offset, new):
    """Put bytes into a file's; with None, cut or lengthen it to `offset`."""
    if new is None:
        del data[offset:]
        data.extend(bytes(offset - len(data)))
    else:
        data.extend(bytes(max(0, offset - len(data))))
        data[offset : offset + len(new)] = new
