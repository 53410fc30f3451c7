"""Where clang and lld come from: this machine has them, or they are unpacked into the cache."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from lite_env.errors import MissingToolError
from lite_env.recipe.toolchain.debian import Tree, is_debian, unpack
from lite_env.store.atomic import new_directory
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from lite_env.progress import Reporter

MAJOR = "19"
"""The LLVM that packages are built with: Debian 12 and 13 both have it, in the same version."""

COMMAND = f"apt-get install --no-install-recommends clang-{MAJOR} lld-{MAJOR} llvm-{MAJOR} ninja-build"
"""What gives a machine all that a build needs of it."""

_TOOLS = ("clang", "clang++", "wasm-ld", "llvm-ar", "llvm-ranlib", "llvm-nm", "llvm-strip", "llvm-objcopy")
_SYSTEM = Path(f"/usr/lib/llvm-{MAJOR}/bin")
_NINJA = Path("/usr/bin/ninja")
_DEBS = (f"clang-{MAJOR}", f"lld-{MAJOR}", f"llvm-{MAJOR}", "ninja-build")
_KEPT = (
    *(f"usr/lib/llvm-{MAJOR}/bin/{name}" for name in (*_TOOLS, f"clang-{MAJOR}", "lld", "llvm-ar")),
    f"usr/lib/llvm-{MAJOR}/lib",
    "usr/lib/clang",
    *(f"usr/lib/{machine}-linux-gnu" for machine in ("x86_64", "aarch64", "powerpc64le")),
    "usr/bin/ninja",
)
_VERSION = re.compile(r"\bversion (\S+)")
# The folders of libraries are the machine's: no program of it sees them but those that are started here.
_WRAPPER = """#!/bin/sh
LD_LIBRARY_PATH="{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}" exec "{program}" "$@"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Llvm:
    """The compiler and what belongs to it.

    Attributes:
        folders: of programs, for PATH: ``clang``, ``clang++``, ``wasm-ld``, ``llvm-ar``, …, and ``ninja``.
        version: what clang says of itself.
    """

    folders: tuple[Path, ...]
    version: str


def find_llvm(cache: Path, reporter: Reporter) -> Llvm:
    """The compiler of this machine; where there is none, Debian's, unpacked into the folder `cache`.

    Raises:
        MissingToolError: there is none, and this is no Debian.
        FetchError: its packages cannot be had.
    """
    if all((_SYSTEM / tool).exists() for tool in _TOOLS) and _NINJA.exists():
        return _checked((_SYSTEM, _NINJA.parent))
    folder = cache / f"llvm-{MAJOR}"
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"llvm-{MAJOR}.lock"):
        # What it takes from the machine, which had it already, may have gone since.
        if not _runs(folder / "bin" / "ninja") or not _runs(folder / "bin" / "clang"):
            if not is_debian():
                raise MissingToolError(
                    f"to build packages takes clang, lld and more of LLVM {MAJOR}, and this machine has none",
                    hint=f"on Debian 12 or 13 they come by themselves, or as root: `{COMMAND}`. Elsewhere run"
                    " lite_env in a container of Debian 13",
                    expected=str(_SYSTEM),
                )
            remove_tree(folder)
            _unpack(folder, reporter)
    return _checked((folder / "bin",))


def _runs(program: Path) -> bool:
    if not program.exists():
        return False
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


def _unpack(folder: Path, reporter: Reporter) -> None:
    with new_directory(folder) as new:
        release = _release()
        tree = Tree(release or "trixie", new / "apt", here=release is not None)
        tree.update(reporter)
        root = new / "root"
        wanted = [deb for deb in tree.needed(_DEBS) if not _is_left_out(deb.name)]
        with tree.fetched(wanted, reporter) as files, reporter.task("unpacking LLVM", len(files), "items") as task:
            for file in files:
                unpack(file, root, _KEPT)
                task.advance(1)
        _write_wrappers(root, new / "bin", final=folder / "root")
        remove_tree(new / "apt")


def _is_left_out(name: str) -> bool:
    """Of what apt counts as needed: what only native code needs, and LLVM's own Python."""
    return name.startswith(("libobjc", "libgcc-", "libstdc++-", "libc6", "libc-dev", "linux-libc", "python3"))


def _write_wrappers(root: Path, programs: Path, *, final: Path) -> None:
    programs.mkdir()
    folders = [path for path in sorted(root.glob("usr/lib/*-linux-gnu*")) if path.is_dir()]
    libraries = ":".join(str(final / path.relative_to(root)) for path in folders)
    for program in (*(f"usr/lib/llvm-{MAJOR}/bin/{name}" for name in _TOOLS), "usr/bin/ninja"):
        # apt brings nothing that the machine has already.
        place = final if os.path.lexists(root / program) else Path("/")
        wrapper = programs / Path(program).name
        wrapper.write_text(_WRAPPER.format(libraries=libraries, program=place / program), encoding="utf-8")
        wrapper.chmod(0o755)


def _release() -> str | None:
    """The release that this machine is of, where it is one that has this LLVM."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r"^VERSION_CODENAME=(\w+)$", text, re.MULTILINE)
    return found[1] if found and found[1] in ("bookworm", "trixie") else None


def _checked(folders: tuple[Path, ...]) -> Llvm:
    clang = folders[0] / "clang"
    done = subprocess.run([clang, "--version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(done.stdout)
    if done.returncode or found is None or found[1].partition(".")[0] != MAJOR:
        raise MissingToolError(
            f"{clang} is not clang {MAJOR}",
            hint=f"`{COMMAND}` brings it",
            found=(done.stdout or done.stderr).strip().partition("\n")[0],
            expected=f"version {MAJOR}",
        )
    return Llvm(folders=folders, version=found[1])
