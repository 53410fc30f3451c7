"""Git repositories: which commit a branch or tag is now, and the files of a commit. The only module that runs git."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import FetchError, MissingToolError
from lite_env.lock.uv import uv_environment
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Set where git itself has called, and of another repository then.
_OF_A_HOOK = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
# A repository is a stranger's: none of its hooks runs, and no transport that is a command.
_CAREFUL = ("-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false")


def resolve_commit(address: str, ref: str, *, offline: bool) -> str:
    """The commit that `ref` of a repository is now.

    Args:
        address: of the repository, without ``git+``.
        ref: a branch, a tag or a whole commit; empty for the default branch.
        offline: open no connection.

    Raises:
        FetchError: the repository cannot be asked, or has no such branch or tag.
        MissingToolError: there is no git.
    """
    if _COMMIT.match(ref):
        return ref
    _refuse_offline(address, offline=offline)
    told = _git(["ls-remote", "--", address, *([ref, f"{ref}^{{}}"] if ref else ["HEAD"])], Path.cwd(), address)
    found = {name: commit for commit, _, name in (line.partition("\t") for line in told.splitlines())}
    wanted = [f"refs/tags/{ref}^{{}}", f"refs/heads/{ref}", f"refs/tags/{ref}", ref] if ref else ["HEAD"]
    commit = next((found[name] for name in wanted if name in found), None)
    if commit is None or not _COMMIT.match(commit):
        raise FetchError(
            f"the repository has no branch and no tag `{shown(ref or 'HEAD')}`",
            hint="look at the spelling; a commit is written with all of its digits",
            url=address,
        )
    return commit


@contextmanager
def checkout(address: str, commit: str, *, offline: bool) -> Iterator[Path]:
    """The files of a commit, in a folder that is gone afterwards.

    Raises:
        FetchError: the repository cannot be asked, or has no such commit.
        MissingToolError: there is no git.
    """
    _refuse_offline(address, offline=offline)
    with tempfile.TemporaryDirectory(prefix="lite-env-git-") as name:
        folder = Path(name) / "sources"
        folder.mkdir()
        _git(["init", "--quiet"], folder, address)
        try:
            _git(["fetch", "--quiet", "--depth", "1", "--", address, commit], folder, address)
        except FetchError:
            # Not every server hands out a commit by its name alone.
            _git(["fetch", "--quiet", "--tags", "--", address, "+refs/heads/*:refs/heads/lite-env/*"], folder, address)
        _git(["checkout", "--quiet", "--detach", commit], folder, address)
        if (folder / ".gitmodules").is_file():
            _git(["submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1"], folder, address)
        yield folder


def _refuse_offline(address: str, *, offline: bool) -> None:
    if offline and not address.startswith("file:"):
        raise FetchError(
            "offline, and a git repository would have to be asked", hint="leave out --offline", url=address
        )


def _git(arguments: Sequence[str], folder: Path, address: str) -> str:
    environment = {name: value for name, value in uv_environment(os.environ).items() if name not in _OF_A_HOOK}
    try:
        done = subprocess.run(
            ["git", *_CAREFUL, *arguments], cwd=folder, env=environment, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise MissingToolError(
            "git is not on this machine, and the pip section names a git repository",
            hint="install git, or name a wheel of the project",
        ) from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FetchError(
            f"a git repository could not be read: {shown(lines[-1]) if lines else 'git says nothing'}",
            hint="check the address, the network, and that git may read it without asking for a password",
            url=address,
        )
    return done.stdout.decode("utf-8", "replace")
