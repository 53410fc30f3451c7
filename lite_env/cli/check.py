"""``lite-env check``: whether a package, a channel or a pack is what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_env.audit.package_file import is_package_file
from lite_env.audit.run import audit
from lite_env.audit.text import audit_as_json, audit_lines
from lite_env.cli.boundary import Answer
from lite_env.cli.console import print_json, reporter_of
from lite_env.cli.measures import SIZE
from lite_env.cli.question import answer
from lite_env.report.budget import budget_as_json, budget_lines, check_budget
from lite_env.report.size import measure
from lite_env.report.subject import read_subject
from lite_env.workflow.storage import opened_store

if TYPE_CHECKING:
    from lite_env.audit.model import Audit
    from lite_env.progress import Reporter


@click.command(name="check")
@click.argument("what", metavar="PACKAGE|CHANNEL|PACK", type=click.Path(path_type=Path))
@click.option(
    "--runtime",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="What it is to run in: a pack, a channel, an environment, or the package of a kernel.  [default: the kernels"
    " of the pack or channel; for a package, of the channel that it lies in]",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="URL",
    help="Of a PACKAGE: hold it against a kernel, and beside what it needs, out of this channel; may be repeated.",
)
@click.option("--offline", is_flag=True, help="With --channel: use the package cache and local channels only.")
@click.option(
    "--budget", type=SIZE, metavar="SIZE", help="The most bytes that may be loaded before the first cell: 25MB, 10MiB."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    what: Path,
    runtime: Path | None,
    channels: tuple[str, ...],
    offline: bool,
    budget: int | None,
    as_json: bool,
) -> None:
    """Check a package, all packages of a channel, or a pack; exit 1 if there is an error, 0 if there are but warnings.

    PACKAGE is a .conda or .tar.bz2 file, CHANNEL a folder with packages in noarch and emscripten-wasm32, PACK what
    `lite-env pack` made, or an installed environment. Each shared library is held against what it would be loaded into:
    whether its imports are there, with the same signatures; whether the libraries it needs are; whether exceptions,
    Python and Emscripten fit. Of packages also whether there is machine code, an unreplaced prefix, a licence. The
    rules are in docs/audit.md.

    With `--channel` an environment of what PACKAGE needs and a kernel is solved and installed in the cache, as
    `lite-env install` does, and PACKAGE is held against that.

    `--budget` asks another question of a pack, and that alone: what each kernel's start loads of it, as it lies there:
    manifest, index, the kernel's own files and the archives that it loads before the first cell. The page and its
    runtime are not the pack's and are not counted. Above the budget it is told which packages the bytes go to.

    \b
    Example:
      lite-env check my-channel/emscripten-wasm32/ujson-5.8.0-py311_0.conda
      lite-env check ujson-5.8.0-py311_0.conda --runtime site/env
      lite-env check ujson-5.8.0-py311_0.conda --channel https://prefix.dev/emscripten-forge-4x
      lite-env check my-channel --json
      lite-env check site/env --budget 25MB
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    if channels and (runtime is not None or budget is not None or not is_package_file(what)):
        raise click.UsageError("--channel goes with a PACKAGE, and without --runtime and --budget")
    if budget is not None and runtime is not None:
        raise click.UsageError("--runtime says nothing about a budget: give one of --runtime and --budget")
    if offline and not channels:
        raise click.UsageError("--offline goes with --channel: nothing else is fetched")
    reporter = reporter_of(ctx)
    if budget is not None:
        within = check_budget(measure(read_subject(what)), budget)
        ok, document, lines = bool(within), budget_as_json(within), budget_lines(within)
    else:
        if channels:
            found = _audit_beside(what, channels, offline=offline, reporter=reporter)
        else:
            found = audit(what, runtime=runtime, reporter=reporter)
        ok, document, lines = bool(found), audit_as_json(found), audit_lines(found)
    if as_json:
        print_json({"ok": ok, "checks": [document]})
    else:
        answer(lines)
    if not ok:
        raise Answer


def _audit_beside(package: Path, channels: tuple[str, ...], *, offline: bool, reporter: Reporter) -> Audit:
    from lite_env.workflow.kernel_environment import environment_beside  # noqa: PLC0415 - rattler is slow to import

    with (
        opened_store(package, offline=offline, reporter=reporter) as store,
        environment_beside(package, channels, offline=offline, store=store, reporter=reporter) as environment,
    ):
        return audit(package, runtime=environment, reporter=reporter)
