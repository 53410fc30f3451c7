"""``lite-env cache``: what is kept on this machine, and how it gets to another one."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_env.cli.boundary import Answer
from lite_env.cli.console import print_json, reporter_of, say
from lite_env.cli.measures import DURATION, SIZE
from lite_env.errors import StoreError
from lite_env.store.bundle import export_store, import_store
from lite_env.store.care import plan_prune, prune, verify
from lite_env.store.local import open_store
from lite_env.store.location import cache_directory
from lite_env.workflow.cache_key import cache_key
from lite_env.workflow.cached import Unpacked, describe_cache, forget_unpacked, unpacked
from lite_env.workflow.options import PackOptions

if TYPE_CHECKING:
    from lite_env.store.bundle import Carried

_MEGABYTE = 1_000_000
_HOUR = 3600.0
_JOB = "6h"


@click.group("cache")
def command() -> None:
    """Look after what lite-env keeps, and carry it to another machine.

    \b
    Example:
      lite-env cache info
      lite-env cache prune --older-than 30d --max-size 5GB
      lite-env cache key environment.yml
      lite-env cache export cache.tar.zst --used
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped


@command.command("dir")
def show_directory() -> None:
    """Print the folder of the cache; LITE_ENV_CACHE_DIR moves it.

    \b
    Example:
      du -sh "$(lite-env cache dir)"
    """  # noqa: D301 - see above
    say(str(cache_directory("store").parent))


@command.command("info")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show_info(*, as_json: bool) -> None:
    """Say what the cache holds: results by their kind, and what was unpacked.

    \b
    Example:
      lite-env cache info --json
    """  # noqa: D301 - see above
    parts = describe_cache()
    if as_json:
        print_json({"directory": str(cache_directory("store").parent), "parts": [asdict(part) for part in parts]})
        return
    now = time.time()
    for part in parts:
        age = "" if part.used is None else f"  used {_ago(now - part.used)}"
        meaning = f"  {part.meaning}" if part.meaning else ""
        say(f"{part.size / _MEGABYTE:10.1f} MB {part.items:7d}  {part.name:<10}{age:<16}{meaning}".rstrip())
    say(f"{sum(part.size for part in parts) / _MEGABYTE:10.1f} MB in {cache_directory('store').parent}")


@command.command("prune")
@click.option("--older-than", type=DURATION, metavar="DURATION", help="What was not used for so long: 30d, 12h.")
@click.option("--max-size", type=SIZE, metavar="SIZE", help="Then what was used longest ago, down to this: 5GB.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def prune_cache(
    ctx: click.Context, *, older_than: int | None, max_size: int | None, dry_run: bool, as_json: bool
) -> None:
    """Remove what was not used for long; what other processes use at the moment stays.

    Nothing is lost but time: what is needed again is fetched or made again. When something was used is known to the
    hour. The caches of uv and of channels' package lists are not touched.

    \b
    Example:
      lite-env cache prune --older-than 30d
      lite-env cache prune --max-size 5GB --dry-run
    """  # noqa: D301 - see above
    if older_than is None and max_size is None:
        raise click.UsageError("say what is to go: `--older-than 30d`, `--max-size 5GB` or both")
    store = open_store()
    pruned = plan_prune(store, unpacked(), older_than=older_than, max_size=max_size)
    if not dry_run:
        # What another process uses at the moment stays, and counts as that.
        gone = forget_unpacked(item for item in pruned.others if isinstance(item, Unpacked))
        stay = sum(item.size for item in pruned.others) - sum(item.size for item in gone)
        pruned = replace(pruned, others=gone, kept=pruned.kept + stay)
        prune(store, pruned)
    figures = {
        "contents": len(pruned.entries),
        "records": len(pruned.records),
        "folders": len(pruned.others),
        "size": pruned.size,
        "kept": pruned.kept,
    }
    if as_json:
        print_json(figures | {"dry_run": dry_run})
    verb = "would be removed" if dry_run else "removed"
    reporter_of(ctx).note(
        f"{figures['contents']} contents, {figures['records']} records, {figures['folders']} folders"
        f" ({pruned.size / _MEGABYTE:.1f} MB) {verb}; {pruned.kept / _MEGABYTE:.1f} MB stay"
    )


@command.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def verify_cache(ctx: click.Context, *, as_json: bool) -> None:
    """Read every result that is kept; damaged ones are named and removed, with exit code 1.

    They are checked whenever they are used, too: this only tells what the disk does to them.

    \b
    Example:
      lite-env cache verify
    """  # noqa: D301 - see above
    reporter = reporter_of(ctx)
    verified = verify(open_store(), reporter=reporter)
    if as_json:
        print_json(asdict(verified))
    for place in verified.damaged:
        reporter.warn(f"'{place}' was damaged, and is removed")
    reporter.note(f"{verified.whole} files are whole ({verified.size / _MEGABYTE:.1f} MB)")
    if verified.damaged:
        raise Answer


@command.command("key")
@click.argument("sources", metavar="ENV...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--environment", metavar="NAME", help="Of a pixi.lock: which environment.  [default: default]")
@click.option("--prefix", "only_prefix", is_flag=True, help="Print what all keys begin with.")
@click.option("--json", "as_json", is_flag=True, help="Print both as JSON.")
@click.pass_context
def show_key(
    ctx: click.Context, *, sources: tuple[Path, ...], environment: str | None, only_prefix: bool, as_json: bool
) -> None:
    """Print the key under which a CI keeps the cache of packing ENV: the same on every machine.

    It is of the locks, of rules and programs beside them, and of the tools' versions, for packing by default options:
    for others add what you say to it. A cache under another key with the same prefix is worth restoring: what did not
    change is found in it.

    \b
    Example:
      lite-env cache key environment.yml
      lite-env cache key envs/*.yml --json
    """  # noqa: D301 - see above
    key = cache_key(sources or (Path(),), PackOptions(environment=environment))
    for source in key.unlocked:
        reporter_of(ctx).warn(
            f"'{source}' has no lock that answers it: its key says nothing of new packages in its channels"
        )
    if as_json:
        print_json({"key": key.exact, "restore_prefix": key.prefix})
    else:
        say(key.prefix if only_prefix else key.exact)


@command.command("export")
@click.argument("bundle", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--used",
    type=DURATION,
    is_flag=False,
    flag_value=_JOB,
    metavar="DURATION",
    help=f"Only what was used in the last hours: by default {_JOB}, longer than any job.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_context
def export_cache(ctx: click.Context, *, bundle: Path, used: int | None, as_json: bool) -> None:
    """Write the results that are kept to one FILE (tar in zstd): packages as they were fetched, bytecode, archives.

    With `--used` it does not grow from job to job: what this one did not need stays behind.

    \b
    Example:
      lite-env cache export cache.tar.zst
      lite-env cache export cache.tar.zst --used
      lite-env cache export cache.tar.zst --used=30d
    """  # noqa: D301 - see above
    reporter = reporter_of(ctx)
    carried = export_store(open_store(), bundle, used_within=used, reporter=reporter)
    _tell(ctx, carried, f"written to '{bundle}'", as_json=as_json)


@command.command("import")
@click.argument("bundle", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--untrusted",
    is_flag=True,
    help="Take contents, which locks and manifests vouch for, and not what the file says came of which work.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was taken as JSON.")
@click.pass_context
def import_cache(ctx: click.Context, *, bundle: Path, untrusted: bool, as_json: bool) -> None:
    """Take what `lite-env cache export` wrote into the cache; what is there already stays.

    Everything is checked as it comes. What came of which work is believed: do that with files of your own alone, and
    take others with `--untrusted`.

    \b
    Example:
      lite-env cache import cache.tar.zst
    """  # noqa: D301 - see above
    if not bundle.is_file():
        raise StoreError(f"there is no '{bundle}'", hint="name what `lite-env cache export` wrote", file=str(bundle))
    carried = import_store(open_store(), bundle, records_too=not untrusted, reporter=reporter_of(ctx))
    _tell(ctx, carried, f"taken from '{bundle}'", as_json=as_json)


def _tell(ctx: click.Context, carried: Carried, verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(carried))
    text = f"{carried.entries} contents, {carried.records} records ({carried.size / _MEGABYTE:.1f} MB) {verb}"
    reporter_of(ctx).note(text)


def _ago(seconds: float) -> str:
    if seconds < _HOUR:
        return "just now"
    return f"{seconds / _HOUR:.0f} h ago" if seconds < 48 * _HOUR else f"{seconds / (24 * _HOUR):.0f} d ago"
