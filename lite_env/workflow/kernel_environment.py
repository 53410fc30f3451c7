"""An environment with packages that somebody wants to try, and a kernel of Python that fits them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml

from lite_env.audit.package_file import read_package_file
from lite_env.errors import ChannelError, SolveError
from lite_env.lock.file import lock_path, read_lock
from lite_env.prefix.families import example_packages
from lite_env.progress import SILENT
from lite_env.workflow.install import cached_environment, cached_place
from lite_env.workflow.lock import LockOptions, lock_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lite_env.progress import Reporter
    from lite_env.store.protocol import Store


def lock_beside_kernel(
    folder: Path, channels: Sequence[str], specs: Sequence[str], *, offline: bool = False, store: Store
) -> Path:
    """Lock an environment with a kernel of Python and what answers `specs`; the answer is its environment file.

    Args:
        folder: an empty one for it; it is made.
        channels: names, URLs or paths, the first one first.
        specs: match specs.
        offline: open no connection.
        store: keeps the sources of local channels.

    Raises:
        SolveError: no kernel of any family fits.
        LiteEnvError: as `lock_environment`.
    """
    failed: SolveError | None = None
    for kernel in example_packages():
        file = folder / kernel / "environment.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        document = {"name": "test", "dependencies": [*specs, kernel]}
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        try:
            lock_environment(file, options=LockOptions(channels=tuple(channels), offline=offline), store=store)
        except SolveError as error:
            failed = failed or error
        else:
            return file
    raise failed or SolveError("there is no family of kernels")


@contextmanager
def environment_beside(
    package: Path, channels: Sequence[str], *, offline: bool = False, store: Store, reporter: Reporter = SILENT
) -> Iterator[Path]:
    """An installed environment of what the package file needs and of a kernel that fits, in the user's cache.

    Args:
        package: a ``.conda`` or ``.tar.bz2`` file; it is not installed itself.
        channels: names, URLs or paths that have the rest, the first one first.
        offline: open no connection.
        store: keeps what is fetched.
        reporter: told of what is fetched.

    Raises:
        ChannelError: the channels have no kernel that what it needs goes with.
        LiteEnvError: a channel or a package cannot be read.
    """
    depends = read_package_file(package).package.depends
    with TemporaryDirectory() as name:
        try:
            file = lock_beside_kernel(Path(name), channels, depends, offline=offline, store=store)
        except SolveError as error:
            raise ChannelError(
                f"there is no environment with what {package.name} needs and a kernel to check it against",
                hint=f"name channels that have it, and a kernel ({' or '.join(example_packages())})",
                said=error.message,
            ) from error
        lock = read_lock(lock_path(file))
    with cached_environment(lock, offline=offline, store=store, reporter=reporter):
        yield cached_place(lock)
