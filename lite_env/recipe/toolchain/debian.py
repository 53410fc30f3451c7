"""Packages of Debian, unpacked into a folder of ours: nothing is installed, nobody has to be root.

apt and dpkg do the work: they check signatures and hashes, and know the mirror and the proxy of this machine. A tree of
its own lists the packages of another release than the machine's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lite_env.errors import FetchError, MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lite_env.progress import Reporter

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_URIS = re.compile(r"^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(\S+)", re.MULTILINE)
_SAID = 15  # lines of what apt said that an error shows


@dataclass(frozen=True, kw_only=True, slots=True)
class Deb:
    """A package of Debian.

    Attributes:
        name: its own.
        version: the one that was chosen.
    """

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def is_debian() -> bool:
    """Whether this machine has what the functions here need: apt, dpkg and the keys of Debian's releases."""
    return _KEYRING.is_file() and all(shutil.which(tool) for tool in ("apt-get", "apt-cache", "dpkg-deb"))


class Tree:
    """The packages of one release, whatever the machine's own is.

    Args:
        release: its code name: ``trixie``.
        folder: a private folder for lists and downloads.
    """

    def __init__(self, release: str, folder: Path) -> None:
        self._release, self._folder = release, folder
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        sources = f"deb [signed-by={_KEYRING}] {_mirror()} {release} main\n"
        (folder / "sources.list").write_text(sources, encoding="utf-8")

    def update(self, reporter: Reporter) -> None:
        """Learn which packages the release has.

        Raises:
            FetchError: its lists cannot be had.
        """
        with reporter.task(f"reading the packages of Debian {self._release}", None, "items"):
            self._run("apt-get", "update", "--error-on=any")

    def needed(self, names: Sequence[str], *, have: Sequence[str] = ()) -> tuple[Deb, ...]:
        """The packages called `names` and all that they need, but not `have`, nor what only those bring; by name.

        Raises:
            FetchError: the release does not have them.
        """
        missing = {*self._closure(names)} - {*self._closure(have)} if have else {*self._closure(names)}
        return tuple(sorted(missing, key=lambda deb: deb.name))

    def one(self, name: str) -> Deb:
        """The package called `name` in the version that the release has."""
        said = self._run("apt-cache", "policy", name)
        found = re.search(r"Candidate: (\S+)", said)
        if found is None or found[1] == "(none)":
            raise FetchError(f"Debian {self._release} has no package {name}")
        return Deb(name=name, version=found[1])

    @contextmanager
    def fetched(self, deb: Deb, reporter: Reporter) -> Iterator[Path]:
        """The package's file, for as long as the context lasts.

        Raises:
            FetchError: it cannot be had.
        """
        with TemporaryDirectory(dir=self._folder, prefix="deb-") as name:
            folder = Path(name)
            size = self._size(deb)
            with reporter.task(f"downloading {deb.name}", size, "B") as task:
                self._run("apt-get", "download", f"{deb.name}={deb.version}", cwd=folder)
                task.advance(size or 0)
            found = list(folder.glob("*.deb"))
            if len(found) != 1:
                raise FetchError(f"apt brought {len(found)} files for {deb}, and not one")
            yield found[0]

    def unpack(self, deb: Deb, target: Path, reporter: Reporter) -> None:
        """Put the files of the package below the folder `target`."""
        with self.fetched(deb, reporter) as file:
            _call(["dpkg-deb", "--extract", str(file), str(target)])

    def _size(self, deb: Deb) -> int | None:
        found = re.search(r"^Size: (\d+)$", self._run("apt-cache", "show", f"{deb.name}={deb.version}"), re.MULTILINE)
        return int(found[1]) if found else None

    def _closure(self, names: Sequence[str]) -> Iterator[Deb]:
        said = self._run("apt-get", "install", "--simulate", "--no-install-recommends", *names)
        for name, version in re.findall(r"^Inst (\S+) \((\S+) ", said, re.MULTILINE):
            yield Deb(name=name, version=version)

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        folder = self._folder
        options = {
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            # As who calls: the folder is not another user's to write.
            "APT::Sandbox::User": "",
        }
        return _call(
            [program, *(part for key, value in options.items() for part in ("-o", f"{key}={value}")), *arguments],
            cwd=cwd,
        )


def _mirror() -> str:
    """Where this machine gets Debian's packages from."""
    for file in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        if file.suffix in (".list", ".sources") and file.is_file():
            for found in _URIS.findall(file.read_text(encoding="utf-8", errors="replace")):
                if "security" not in found:
                    return str(found)
    raise MissingToolError(
        "apt has no place to get packages from", hint="configure one in /etc/apt/sources.list.d", file="/etc/apt"
    )


def _call(command: Sequence[str], *, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_SAID:])
        raise FetchError(
            f"{Path(command[0]).name} failed with exit code {done.returncode}",
            hint="see whether `apt-get update` works on this machine",
            said=said,
        )
    return done.stdout
