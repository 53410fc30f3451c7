"""``lite-env lock``: what exactly an environment file comes to."""

from __future__ import annotations

from pathlib import Path

import click

from lite_env.cli.boundary import Answer
from lite_env.cli.console import print_json, reporter_of, say
from lite_env.lock.file import lock_path
from lite_env.spec.environment import find_environment_file
from lite_env.spec.settings import whole_date
from lite_env.store.plain import bounded
from lite_env.workflow.lock import LockOptions, LockResult, check_lock, lock_environment
from lite_env.workflow.storage import opened_store


@click.command(name="lock")
@click.argument("environments", nargs=-1, metavar="[ENVIRONMENT_YML]...", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The lock file; only with one environment file.")
@click.option("--channel", "channels", multiple=True, metavar="URL", help="Take packages from here, not as listed.")
@click.option("--check", is_flag=True, help="Say whether the lock still answers the file; exit 1 if not.")
@click.option("--upgrade", is_flag=True, help="Take the newest of everything, not what is locked.")
@click.option("--upgrade-package", "upgrade_packages", multiple=True, metavar="NAME", help="The same for one package.")
@click.option("--exclude-newer", metavar="DATE", help="Of the pip section: only what was published before this date.")
@click.option("--offline", is_flag=True, help="Use cached package lists and local channels only.")
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    environments: tuple[Path, ...],
    output: Path | None,
    channels: tuple[str, ...],
    check: bool,
    upgrade: bool,
    upgrade_packages: tuple[str, ...],
    exclude_newer: str | None,
    offline: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Solve environment files for emscripten-wasm32 and write the exact packages, with hashes, into lock files.

    Of a folder, and without an argument of the current one, the environment.yml is locked. The lock of
    environment.yml is conda-lock.yml beside it, that of NAME.yml is NAME.conda-lock.yml. A lock that is there changes
    as little as possible.

    Channels that want credentials are asked with what rattler's store has (RATTLER_AUTH_FILE, keyring,
    ~/.rattler/credentials.json, .netrc) or what stands in their address; no lock holds any.

    \b
    Example:
      lite-env lock environment.yml
      lite-env lock --upgrade-package numpy
      lite-env lock --check
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    files = tuple(find_environment_file(file) if file.is_dir() else file for file in environments or (Path(),))
    if output is not None and len(files) > 1:
        raise click.UsageError("--output names one lock file, but there are several environment files")
    if check and (upgrade or upgrade_packages or dry_run):
        raise click.UsageError(
            "--check changes nothing: it does not go with --upgrade, --upgrade-package and --dry-run"
        )
    if check:
        _check(ctx, files, output, channels, as_json=as_json)
        return
    options = LockOptions(
        channels=channels,
        upgrade=upgrade,
        upgrade_packages=upgrade_packages,
        offline=offline,
        dry_run=dry_run,
        exclude_newer=_date(exclude_newer),
    )
    reporter = reporter_of(ctx)
    results = []
    for file in files:
        with opened_store(file, offline=offline, reporter=reporter) as store:
            results.append(lock_environment(file, output=output, options=options, store=store, reporter=reporter))
    if as_json:
        print_json([_to_json(result) for result in results])
        return
    for result in results:
        for line in result.diff.lines():
            say(bounded(line))
        state = "written" if result.written else "not written (dry run)" if dry_run else "unchanged"
        reporter.note(f"{result.path}: {len(result.lock.packages)} packages, {result.diff.summary()}; {state}")


def _date(text: str | None) -> str | None:
    try:
        return whole_date(text) if text else None
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", param_hint="--exclude-newer") from error


def _check(
    ctx: click.Context, files: tuple[Path, ...], output: Path | None, channels: tuple[str, ...], *, as_json: bool
) -> None:
    reporter = reporter_of(ctx)
    answers = {
        str(output or lock_path(file)): check_lock(file, lock_file=output, channels=channels, reporter=reporter)
        for file in files
    }
    if as_json:
        print_json([{"lock": path, "answers": bool(a), "differences": a.differences} for path, a in answers.items()])
    else:
        for path, answer in answers.items():
            say(f"{path}: {'answers its environment file' if answer else 'does not answer its environment file'}")
            for difference in answer.differences:
                say(f"  {bounded(difference)}")
    if not all(answers.values()):
        raise Answer


def _to_json(result: LockResult) -> dict[str, object]:
    return {
        "lock": str(result.path),
        "written": result.written,
        "packages": [
            {"name": p.name, "version": p.version, "build": p.build, "subdir": p.subdir, "sha256": p.sha256}
            for p in result.lock.packages
        ],
        "added": [package.name for package in result.diff.added],
        "removed": [package.name for package in result.diff.removed],
        "changed": [new.name for _, new in result.diff.changed],
    }
