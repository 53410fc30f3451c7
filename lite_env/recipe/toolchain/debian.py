"""Packages of Debian, unpacked into a folder of ours: nothing is installed, nobody has to be root.

apt and dpkg do the work: they check signatures and hashes, and know the mirror and the proxy of this machine. A tree of
its own lists the packages of another release than the machine's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lite_env.errors import FetchError, MissingToolError
from lite_env.store.download import arrived

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lite_env.progress import Reporter, Task

_STATUS = Path("/var/lib/dpkg/status")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_URIS = re.compile(r"^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(\S+)", re.MULTILINE)
_POLL = 0.3  # seconds between two looks at how far apt is
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
        here: whether what this machine has installed counts as there; it must be of the same release then.
    """

    def __init__(self, release: str, folder: Path, *, here: bool = False) -> None:
        self._release, self._folder = release, folder
        self._status = _STATUS if here else folder / "status"
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

    def needed(self, names: Sequence[str]) -> tuple[Deb, ...]:
        """The packages called `names` and all that they need, without what is there; by name.

        Raises:
            FetchError: the release does not have them.
        """
        said = self._run("apt-get", "install", "--simulate", "--no-install-recommends", *names)
        found = re.findall(r"^Inst (\S+)(?: \[\S+\])? \((\S+) ", said, re.MULTILINE)
        return tuple(Deb(name=name, version=version) for name, version in sorted(found))

    def one(self, name: str) -> Deb:
        """The package called `name` in the version that the release has.

        Raises:
            FetchError: it has none.
        """
        said = self._run("apt-cache", "policy", name)
        found = re.search(r"Candidate: (\S+)", said)
        if found is None or found[1] == "(none)":
            raise FetchError(f"Debian {self._release} has no package {name}")
        return Deb(name=name, version=found[1])

    @contextmanager
    def fetched(self, debs: Sequence[Deb], reporter: Reporter) -> Iterator[tuple[Path, ...]]:
        """The packages' files, for as long as the context lasts.

        Raises:
            FetchError: one cannot be had.
        """
        wanted = [f"{deb.name}={deb.version}" for deb in debs]
        with TemporaryDirectory(dir=self._folder, prefix="deb-") as name:
            folder = Path(name)
            sizes = re.findall(r"^Size: (\d+)$", self._run("apt-cache", "show", *wanted), re.MULTILINE)
            label = f"downloading {debs[0].name}" + (f" and {len(debs) - 1} more" if len(debs) > 1 else "")
            with reporter.task(label, sum(map(int, sizes)), "B") as task:
                self._download(wanted, folder, task)
            found = tuple(sorted(folder.glob("*.deb")))
            if len(found) != len(debs):
                raise FetchError(f"apt brought {len(found)} files, and not {len(debs)}", found=" ".join(wanted))
            yield found

    def _download(self, wanted: Sequence[str], folder: Path, task: Task) -> None:
        """Let apt download into `folder`, telling how far it is by what lies there."""
        seen = 0
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self._run, "apt-get", "download", *wanted, cwd=folder)
            while not running.done():
                wait([running], timeout=_POLL)
                size = arrived(folder) or seen
                task.advance(max(0, size - seen))
                seen = max(seen, size)
        running.result()

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        folder = self._folder
        options = {
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": self._status,
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


def unpack(file: Path, target: Path, paths: Sequence[str] = ()) -> None:
    """Put what is in a package's file below the folder `target`.

    Args:
        file: a ``.deb``.
        target: a folder; it is made.
        paths: what is wanted of it, relative to the root; all by default. What is not there is left out.

    Raises:
        FetchError: the file is broken.
    """
    target.mkdir(parents=True, exist_ok=True)
    if not paths:
        _call(["dpkg-deb", "--extract", str(file), str(target)])
        return
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(file)], stdout=subprocess.PIPE) as content:
        command = ["tar", "--extract", "--directory", str(target), *(f"./{path}" for path in paths)]
        subprocess.run(command, stdin=content.stdout, stderr=subprocess.DEVNULL, check=False)


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
