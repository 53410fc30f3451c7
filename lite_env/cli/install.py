"""``lite-env install``: an environment from its lock."""

from __future__ import annotations

from pathlib import Path

import click

from lite_env.cli.console import print_json, reporter_of
from lite_env.lock.file import read_lock
from lite_env.workflow.install import install_environment
from lite_env.workflow.storage import opened_store

_MEGABYTE = 1_000_000


@click.command(name="install")
@click.argument("lockfile", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--prefix", required=True, type=click.Path(path_type=Path), help="Folder of the environment.")
@click.option("--environment", metavar="NAME", help="Of a pixi.lock: which environment.  [default: default]")
@click.option("--offline", is_flag=True, help="Use the package cache and local channels only.")
@click.option("--json", "as_json", is_flag=True, help="Print what was installed as JSON.")
@click.pass_context
def command(
    ctx: click.Context, *, lockfile: Path, prefix: Path, environment: str | None, offline: bool, as_json: bool
) -> None:
    """Install exactly what LOCKFILE says into a folder, every package verified by its hash.

    LOCKFILE is a conda-lock.yml, a pixi.lock (version 6 or 7) or an @EXPLICIT list of packages.

    \b
    Example:
      lite-env install conda-lock.yml --prefix env
      lite-env install pixi.lock --environment docs --prefix env
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    with opened_store(lockfile, offline=offline, reporter=reporter) as store:
        lock = read_lock(lockfile, environment=environment, offline=offline, store=store, reporter=reporter)
        installed = install_environment(lock, prefix, offline=offline, store=store, reporter=reporter)
    size = sum(file.size for file in installed.files)
    if as_json:
        print_json(
            {
                "name": installed.name,
                "prefix": str(prefix),
                "packages": [f"{package.name}-{package.version}-{package.build}" for package in installed.packages],
                "kernels": [kernel.name for kernel in installed.kernels],
                "files": len(installed.files),
                "size": size,
                "emscripten": installed.emscripten,
                "python": installed.python,
            }
        )
    reporter.note(
        f"{len(installed.packages)} packages, {len(installed.files)} files, {size / _MEGABYTE:.1f} MB"
        f" in '{prefix}'; kernels: {', '.join(kernel.name for kernel in installed.kernels) or 'none'}"
    )
