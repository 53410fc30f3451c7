"""Random file operations on two trees that should behave alike; runs inside the kernel.

One tree is the pack's, whose files come when they are opened; the other a plain copy in the same kind of file system.
The host imports this module as well, to make the files that both trees consist of.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import random
import shutil
import stat

FOLDERS = ("", "a", "a/deep/er", "b", "c c", "ünï")
FILE_COUNT = 2400
LARGE_EVERY = 200
CHUNK = 700


def file_list() -> dict[str, int]:
    """Every file of the tree with its size in bytes: empty, small, around block sizes, and larger than an archive."""
    sizes = random.Random(1)
    files = {}
    for number in range(FILE_COUNT):
        folder = FOLDERS[number % len(FOLDERS)]
        size = (
            1_300_000 if number % LARGE_EVERY == 7 else sizes.choice((1, 255, 256, 4096, 5000, sizes.randrange(9000)))
        )
        files["/".join(filter(None, (folder, f"f{number}.bin")))] = size
    files["empty.bin"] = 0
    return files


LINKS = {"link-to-file": "a/f1.bin", "link-to-folder": "b", "dangling": "nowhere/at/all", "a/up": "../b/f3.bin"}


def content(path: str, size: int) -> bytes:
    """The bytes of a file, from its path alone."""
    return random.Random(path).randbytes(size)


def write_plain_copy(root: str) -> None:
    """Write the same tree file by file."""
    for path, size in file_list().items():
        target = os.path.join(root, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as stream:
            stream.write(content(path, size))
        os.chmod(target, 0o644)
    for path, link in LINKS.items():
        os.symlink(link, os.path.join(root, path))


# --- operations: each gets an absolute path in one of the trees and the same random numbers as in the other --------


def read_whole(path, r, other):
    with open(path, "rb") as stream:
        return digest(stream.read())


def read_pieces(path, r, other):
    seen = []
    with open(path, "rb") as stream:
        for _ in range(3):
            seen.append(stream.seek(r.randrange(6000)))
            seen.append(digest(stream.read(r.randrange(CHUNK))))
        seen.append(stream.seek(0, os.SEEK_END))
        seen.append(stream.tell())
        if seen[-1]:
            stream.seek(-1, os.SEEK_END)
            seen.append(stream.read())
    return seen


def read_lines(path, r, other):
    with open(path, encoding="latin-1", newline="") as stream:
        return [len(line) for line in stream][:50]


def positioned_read(path, r, other):
    handle = os.open(path, os.O_RDONLY)
    try:
        return digest(os.pread(handle, r.randrange(CHUNK), r.randrange(6000))), os.fstat(handle).st_size
    finally:
        os.close(handle)


def update(path, r, other):
    with open(path, "r+b") as stream:
        stream.seek(r.randrange(5000))
        stream.write(r.randbytes(r.randrange(CHUNK)))
        stream.seek(0)
        return digest(stream.read())


def write_new(path, r, other):
    with open(path, r.choice(("wb", "w+b"))) as stream:
        return stream.write(r.randbytes(r.randrange(CHUNK)))


def write_exclusively(path, r, other):
    with open(path + r.choice(("", ".new")), "xb") as stream:
        return stream.write(b"x" * r.randrange(CHUNK))


def append(path, r, other):
    with open(path, r.choice(("ab", "a+b"))) as stream:
        stream.write(r.randbytes(r.randrange(CHUNK)))
        return stream.tell()


def truncate_path(path, r, other):
    os.truncate(path, r.choice((0, 1, 300, 5000, 20_000)))
    return os.stat(path).st_size


def truncate_open(path, r, other):
    with open(path, "r+b") as stream:
        stream.truncate(r.choice((0, 10, 4097)))
        stream.seek(0)
        return digest(stream.read())


def open_with_flags(path, r, other):
    flags = r.choice((os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_APPEND, os.O_RDONLY, os.O_RDWR | os.O_EXCL))
    handle = os.open(path, flags)
    try:
        if flags & (os.O_RDWR | os.O_WRONLY):
            os.write(handle, b"flags")
        os.lseek(handle, 0, os.SEEK_SET)
        return digest(os.read(handle, 600)) if not flags & os.O_WRONLY else os.fstat(handle).st_size
    finally:
        os.close(handle)


def map_read(path, r, other):
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return digest(bytes(mapped)), mapped.find(b"\x00\x01")


def map_write(path, r, other):
    with open(path, "r+b") as stream, mmap.mmap(stream.fileno(), 0) as mapped:
        mapped[0:1] = b"M"
        mapped.flush()
    return read_whole(path, r, other)


def two_handles(path, r, other):
    with open(path, "rb") as reader, open(path, "r+b") as writer:
        before = digest(reader.read(100))
        writer.write(r.randbytes(50))
        writer.flush()
        reader.seek(0)
        return before, digest(reader.read())


def unlink_while_open(path, r, other):
    with open(path, "rb") as stream:
        os.unlink(path)
        return digest(stream.read()), os.path.exists(path)


def status(path, r, other):
    found = os.stat(path)
    return stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), found.st_size if stat.S_ISREG(found.st_mode) else 0


def link_status(path, r, other):
    found = os.lstat(path)
    return stat.S_IFMT(found.st_mode), found.st_size if not stat.S_ISDIR(found.st_mode) else 0


def questions(path, r, other):
    return (
        os.path.exists(path),
        os.path.lexists(path),
        os.path.isfile(path),
        os.path.isdir(path),
        os.path.islink(path),
        os.access(path, os.R_OK),
        os.access(path, os.W_OK),
        os.access(path, os.X_OK),
    )


def list_folder(path, r, other):
    return sorted(os.listdir(os.path.dirname(path)))


def scan_folder(path, r, other):
    with os.scandir(os.path.dirname(path)) as entries:
        return sorted(
            (
                e.name,
                e.is_file(),
                e.is_dir(),
                e.is_symlink(),
                e.stat(follow_symlinks=False).st_size if e.is_file(follow_symlinks=False) else 0,
            )
            for e in entries
        )


def change_mode(path, r, other):
    os.chmod(path, r.choice((0o600, 0o644, 0o755)))
    return status(path, r, other)


def change_time(path, r, other):
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return os.stat(path).st_mtime, os.stat(path).st_size


def rename(path, r, other):
    os.rename(path, other)
    return os.path.exists(path), os.stat(other).st_size


def replace(path, r, other):
    os.replace(path, other)
    return read_whole(other, r, other)


def rename_then_read(path, r, other):
    target = path + ".moved"
    os.rename(path, target)
    return read_whole(target, r, other)


def unlink(path, r, other):
    os.unlink(path)
    return os.path.lexists(path)


def unlink_and_rewrite(path, r, other):
    os.unlink(path)
    with open(path, "wb") as stream:
        stream.write(b"again")
    return read_whole(path, r, other)


def make_link(path, r, other):
    link = f"{path}.link"
    os.symlink(os.path.basename(path), link)
    return os.readlink(link), digest_of(link)


def read_link(path, r, other):
    return os.readlink(path)


def make_folder(path, r, other):
    os.makedirs(f"{path}.d/one/two")
    with open(f"{path}.d/one/file", "w") as stream:
        stream.write("in a new folder")
    return sorted(os.listdir(f"{path}.d"))


def remove_folder(path, r, other):
    os.rmdir(os.path.dirname(path))


def make_existing_folder(path, r, other):
    os.mkdir(os.path.dirname(path))


def remove_tree(path, r, other):
    folder = f"{path}.tree"
    os.mkdir(folder)
    os.rename(path, f"{folder}/moved-in")
    shutil.rmtree(folder)
    return os.path.exists(folder)


def copy_file(path, r, other):
    shutil.copy(path, f"{path}.copy")
    return digest_of(f"{path}.copy")


def copy_over(path, r, other):
    shutil.copyfile(path, other)
    return digest_of(other)


def move_file(path, r, other):
    shutil.move(path, f"{path}.away")
    return digest_of(f"{path}.away")


def copy_tree(path, r, other):
    source = f"{path}.source"
    os.mkdir(source)
    os.rename(path, f"{source}/inside")
    shutil.copytree(source, f"{path}.target")
    return digest_of(f"{path}.target/inside"), sorted(os.listdir(f"{path}.target"))


OPERATIONS = (
    read_whole,
    read_pieces,
    read_lines,
    positioned_read,
    update,
    write_new,
    write_exclusively,
    append,
    truncate_path,
    truncate_open,
    open_with_flags,
    map_read,
    map_write,
    two_handles,
    unlink_while_open,
    status,
    status,
    link_status,
    questions,
    questions,
    list_folder,
    scan_folder,
    change_mode,
    change_mode,
    change_time,
    change_time,
    rename,
    rename,
    replace,
    rename_then_read,
    unlink,
    unlink,
    unlink_and_rewrite,
    make_link,
    read_link,
    make_folder,
    remove_folder,
    make_existing_folder,
    remove_tree,
    remove_tree,
    copy_file,
    copy_over,
    move_file,
    copy_tree,
)


def digest(data: bytes) -> str:
    # hashlib is not needed: a difference of one byte changes the checksum and the length.
    import zlib

    return f"{len(data)}:{zlib.crc32(data):08x}"


def digest_of(path: str) -> str:
    with open(path, "rb") as stream:
        return digest(stream.read())


def attempt(operation, root: str, path: str, other: str, seed: str):
    """What an operation gives, or which error; nothing in it depends on the tree's own place."""
    try:
        result = operation(f"{root}/{path}", random.Random(seed), f"{root}/{other}")
    except OSError as error:
        return ["error", type(error).__name__, errno.errorcode.get(error.errno or 0, str(error.errno))]
    except ValueError as error:
        return ["error", "ValueError", str(error).replace(root, "ROOT")]
    text = json.dumps(["result", result], default=lambda value: digest(bytes(value)), ensure_ascii=False)
    return json.loads(text.replace(root, "ROOT"))  # Emscripten's readlink answers an absolute path


def unfilled_asker():
    """A function that tells whether a file has no contents yet: asks the file system itself, not a model of it."""
    import pyjs

    ask = pyjs.js.Function.new(
        "path",
        "try { const { node } = Module.FS.lookupPath(path, { follow: true });"
        "      return node.contents === null && node.usedBytes > 0; } catch { return false; }",
    )
    return lambda path: bool(ask(path))


def run(lazy: str, plain: str, seed: str, count: int) -> dict:
    """Do `count` random operations on both trees and compare what each gives, and in the end both trees."""
    r = random.Random(seed)
    unfilled = unfilled_asker()
    known = sorted(file_list()) + sorted(LINKS)
    fresh = sorted(file_list())
    r.shuffle(fresh)
    met_unfilled = 0
    for number in range(count):
        operation = r.choice(OPERATIONS)
        path = fresh[-1] if fresh and r.random() < 0.75 else r.choice(known)
        other = r.choice(known)
        met_unfilled += unfilled(f"{lazy}/{path}")
        operation_seed = f"{seed}/{number}"
        ours = attempt(operation, lazy, path, other, operation_seed)
        theirs = attempt(operation, plain, path, other, operation_seed)
        if ours != theirs:
            return {
                "difference": {
                    "number": number,
                    "operation": operation.__name__,
                    "path": path,
                    "other": other,
                    "lazy": ours,
                    "plain": theirs,
                }
            }
        if fresh and fresh[-1] == path and not unfilled(f"{lazy}/{path}"):
            fresh.pop()
            known.append(path + r.choice(("", ".copy", ".moved", ".link", ".away")))
    return {"difference": compare(lazy, plain), "operations": count, "met_unfilled": met_unfilled}


def compare(lazy: str, plain: str):
    """The first difference between two trees, or None."""
    ours, theirs = list(entries(lazy)), list(entries(plain))
    for mine, other in zip(ours, theirs):
        if mine != other:
            return {"lazy": mine, "plain": other}
    return None if len(ours) == len(theirs) else {"lazy": len(ours), "plain": len(theirs)}


def entries(root: str):
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files) + folders:
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, root)
            if os.path.islink(path):
                yield inside, "link", os.readlink(path).replace(root, "ROOT")
            elif os.path.isfile(path):
                yield inside, stat.S_IMODE(os.stat(path).st_mode), digest_of(path)
            else:
                yield inside, "folder", None
