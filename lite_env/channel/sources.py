"""Getting the sources of a channel: from the cache, from the package index through pip, or from a URL."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import FetchError
from lite_env.progress import SILENT
from lite_env.store.digest import sha256_of_file
from lite_env.store.download import Retry, download
from lite_env.store.lock import held
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from lite_env.channel.model import Source
    from lite_env.progress import Reporter, Task
    from lite_env.store.protocol import Store

_POLL = 0.2  # seconds between two looks at how far pip is
_ATTEMPTS = 3


def fetch_source(
    source: Source,
    *,
    store: Store,
    downloads: Path,
    offline: bool = False,
    retry: Retry | None = None,
    reporter: Reporter = SILENT,
) -> bytes:
    """The file of `source`, checked by size and sha256; from `store`, or fetched into it.

    Of several processes that want one source, one fetches it, and the others wait and take it from the store.

    Args:
        source: what to get.
        store: where it is kept.
        downloads: the folder where what is not whole yet grows; a later run goes on from there.
        offline: only look into the store.
        retry: how often and when to try again.
        reporter: told of bytes.

    Raises:
        FetchError: no place gave it; the message has the reason of each place.
    """
    found = store.read(source.sha256)
    if found is not None:
        return found
    if offline:
        raise FetchError(
            f"offline, and the source {source.file} is not in the cache",
            hint="run the same command once without --offline",
        )
    retry = retry or Retry(attempts=_ATTEMPTS, first=1.0)
    downloads.mkdir(parents=True, exist_ok=True)

    def say() -> None:
        reporter.note(f"waiting for another process that fetches {source.file}", passing=True)

    try:
        with held(downloads / f"{source.sha256}.source.lock", waiting=say) as waited:
            found = store.read(source.sha256) if waited else None
            if found is None:
                found = _fetch(source, downloads, retry, reporter)
                store.write(found, kind="source", vouched=True)
            return found
    except TimeoutError as error:
        raise FetchError(
            f"the source {source.file} could not be fetched: {error}",
            hint="look what the other process does, and end it if it hangs; then the same command again",
        ) from error


def _fetch(source: Source, downloads: Path, retry: Retry, reporter: Reporter) -> bytes:
    failures: list[FetchError] = []
    if source.pip:
        try:
            return _fetch_by_pip(source, source.pip, downloads=downloads, retry=retry, reporter=reporter)
        except FetchError as error:
            failures.append(error)
    for url in source.urls:
        target = downloads / f"{source.sha256}.whole"
        try:
            download(
                url,
                target,
                sha256=source.sha256,
                size=source.size,
                partial=downloads / source.sha256,
                retry=retry,
                reporter=reporter,
            )
        except FetchError as error:
            failures.append(error)
        else:
            return _taken(target)
    raise _combined(source, failures)


def _taken(file: Path) -> bytes:
    data = file.read_bytes()
    file.unlink()
    return data


def _combined(source: Source, failures: list[FetchError]) -> FetchError:
    if len(failures) == 1:
        return failures[0]
    return FetchError(
        f"none of the {len(failures)} places has the source {source.file}",
        hint=failures[-1].hint,
        **{f"place_{number}": failure.message for number, failure in enumerate(failures, 1)},
    )


def _fetch_by_pip(source: Source, wanted: str, *, downloads: Path, retry: Retry, reporter: Reporter) -> bytes:
    prefix = f".pip-{source.sha256[:16]}-"
    # Of runs that were killed: the lock says that none is running.
    for left in downloads.glob(f"{prefix}*"):
        remove_tree(left)
    with tempfile.TemporaryDirectory(dir=downloads, prefix=prefix) as name:
        folder = Path(name)
        with reporter.task(f"downloading {source.file}", source.size, "B") as task:
            for attempt in range(1, retry.attempts + 1):
                output = _run_pip(wanted, folder, task)
                file = folder / "wheels" / source.file
                if file.is_file():
                    break
                if attempt == retry.attempts or not _worth_another_try(output):
                    raise _pip_error(
                        source, wanted, output, sorted(path.name for path in (folder / "wheels").glob("*"))
                    )
                retry.pause(attempt)
        _check(source, file, wanted)
        return _taken(file)


def _run_pip(wanted: str, folder: Path, task: Task) -> str:
    """Let pip download `wanted` into ``wheels``; the answer is what it said."""
    scratch, wheels, log = folder / "scratch", folder / "wheels", folder / "log"
    for path in (scratch, wheels):
        path.mkdir(exist_ok=True)
    # Our own cache keeps the file, so pip need not keep it too. Only wheels: nothing that would run code to be had.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--dest", str(wheels), wanted]
    seen = 0
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(scratch),
        )
        try:
            while process.poll() is None:
                time.sleep(_POLL)
                seen = _report(seen, scratch, task)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    _report(seen, wheels, task)
    return log.read_text(errors="replace")


def _environment(scratch: Path) -> dict[str, str]:
    # pip keeps the user's configuration (index, proxy, certificates); only its scratch folder is ours.
    return os.environ | {"TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}


def _report(seen: int, folder: Path, task: Task) -> int:
    """Tell how much has arrived; pip has no progress that a program can read in all its versions."""
    size = 0
    for path in folder.rglob("*.whl"):
        try:
            size += path.stat().st_size
        except FileNotFoundError:  # pip moved it just now
            return seen
    task.advance(max(0, size - seen))
    return max(seen, size)


def _worth_another_try(output: str) -> bool:
    lasting = ("No matching distribution", "No module named pip", "Invalid requirement", "no such option")
    return not any(text in output for text in lasting)


def _pip_error(source: Source, wanted: str, output: str, got: list[str]) -> FetchError:
    if "No module named pip" in output:
        return FetchError(
            f"{source.file} is fetched with pip, and this Python has none",
            hint=f"install it: `{sys.executable} -m ensurepip`",
        )
    if got:
        return FetchError(
            f"`pip download {wanted}` gave another file than the definition names",
            found=", ".join(got),
            expected=source.file,
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # Without a network pip ends with "no matching distribution"; why is in its last warning before.
    warnings = [line for line in lines if line.startswith("WARNING: Retrying")]
    errors = [line for line in lines if line.startswith("ERROR:")]
    said = warnings[-1:] + errors or lines
    return FetchError(
        f"`pip download {wanted}` failed",
        hint="check the network and pip's configuration (`pip config list`)",
        pip="; ".join(said[-3:]) or "said nothing",
    )


def _check(source: Source, file: Path, place: str) -> None:
    size, found = file.stat().st_size, sha256_of_file(file)
    if (size, found) != (source.size, source.sha256):
        raise FetchError(
            f"the file {source.file} from {place} is not the one that the definition names",
            hint="it was changed where it is published, or on the way; nothing was built from it",
            found=f"sha256 {found}, {size} bytes",
            expected=f"sha256 {source.sha256}, {source.size} bytes",
        )
