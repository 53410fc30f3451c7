"""The headers that are compiled against: Emscripten's, whose releases differ little there, and CPython's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import filelock

from lite_env.errors import FetchError, MissingToolError
from lite_env.recipe.toolchain.debian import Tree, is_debian, unpack
from lite_env.recipe.toolchain.llvm import COMMAND
from lite_env.store.atomic import new_directory, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.progress import Reporter

VERSION_FILE = "debian-version"
_SYSROOT = "usr/share/emscripten/cache/sysroot"


@dataclass(frozen=True, kw_only=True, slots=True)
class Headers:
    """What is taken out of one package of Debian.

    Attributes:
        name: of what it is, for the cache.
        release, deb: where it is.
        version: what its version must begin with.
        paths: what is kept, folders among them, relative to the root.
        proof: a file that must be there.
    """

    name: str
    release: str
    deb: str
    version: str
    paths: tuple[str, ...]
    proof: str


# Not the 3.1.6 of Debian 12: its time_t has 32 bits, with which `stat` and `gmtime` are silently wrong.
EMSCRIPTEN = Headers(
    name="emscripten",
    release="trixie",
    deb="emscripten",
    version="3.1.69",
    paths=(
        f"{_SYSROOT}/include",
        *(f"{_SYSROOT}/lib/wasm32-emscripten/{name}" for name in ("crt1.o", "libc.a", "libcompiler_rt.a")),
        *(f"{_SYSROOT}/lib/wasm32-emscripten/{name}" for name in ("libc++.a", "libc++abi.a", "libdlmalloc.a")),
        "usr/share/doc/emscripten/copyright",
    ),
    proof=f"{_SYSROOT}/include/emscripten.h",
)
"""Emscripten's headers, and the static libraries that tell whether a function exists."""

SYSROOT = _SYSROOT
"""Where they lie below the folder that `fetch_headers` answers."""

PYTHONS = {
    "3.11": Headers(
        name="python3.11",
        release="bookworm",
        deb="libpython3.11-dev",
        version="3.11.",
        paths=("usr/include",),
        proof="usr/include/python3.11/Python.h",
    )
}
"""CPython's headers, by minor version."""


def fetch_headers(headers: Headers, cache: Path, reporter: Reporter) -> Path:
    """The folder that has them, out of `cache` or out of Debian's package.

    Raises:
        MissingToolError: this is no Debian, and they are not in the cache.
        FetchError: the package cannot be had, or is another than is expected.
    """
    folder = cache / f"headers-{headers.name}"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"headers-{headers.name}.lock"):
        if (folder / VERSION_FILE).is_file() and (folder / headers.proof).is_file():
            return folder
        if not is_debian():
            raise MissingToolError(
                f"the headers of {headers.name} come out of a package of Debian, and this machine has no apt",
                hint=f"run lite_env in a container of Debian 13, where `{COMMAND}` gives it the compiler too",
                expected=f"{headers.deb} {headers.version}*",
            )
        with new_directory(folder) as new:
            _unpack(headers, new, reporter)
    return folder


def _unpack(headers: Headers, new: Path, reporter: Reporter) -> None:
    tree = Tree(headers.release, new / "apt")
    tree.update(reporter)
    deb = tree.one(headers.deb)
    # Without the epoch.
    if not deb.version.rpartition(":")[2].startswith(headers.version):
        raise FetchError(
            f"Debian {headers.release} has another {headers.deb} than this lite_env was made for",
            hint="upgrade lite_env",
            found=deb.version,
            expected=f"{headers.version}*",
        )
    with tree.fetched([deb], reporter) as (file,):
        unpack(file, new, headers.paths)
    if not (new / headers.proof).is_file():
        raise FetchError(f"{deb} has no {headers.proof}", hint="upgrade lite_env")
    write_text(new / VERSION_FILE, f"{deb}\n")


def version_of(folder: Path) -> str:
    """Which package the headers in `folder` are of."""
    return (folder / VERSION_FILE).read_text(encoding="utf-8").strip()
