"""``lite-env pack``: an environment into lazily loaded archives."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec
from click.core import ParameterSource

from lite_env.cli.console import print_json, reporter_of, say
from lite_env.pack.mounts import parse_mount
from lite_env.pack.plan import DEFAULT_LEVEL
from lite_env.site.xeus_layout import pack_xeus
from lite_env.workflow.lock import LockPolicy
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment, plan_environment
from lite_env.workflow.storage import opened_store

if TYPE_CHECKING:
    from lite_env.pack.layout import Order
    from lite_env.pack.manifest import Manifest
    from lite_env.progress import Reporter
    from lite_env.site.xeus_layout import XeusLayout
    from lite_env.workflow.pack import Decisions, Packed
    from lite_env.workflow.report import PackReport

Layout = Literal["native", "xeus"]

_MEGABYTE = 1_000_000


@click.command(name="pack")
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the pack.")
@click.option("--name", help="Name of the environment; by default what SOURCE says.")
@click.option(
    "--level", type=click.IntRange(1, 22), default=DEFAULT_LEVEL, show_default=True, help="zstd level: 3 is fast."
)
@click.option(
    "--filter",
    "filter_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML file with rules for what to drop or keep, added to the default ones.",
)
@click.option(
    "--profile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Follow this profile instead of tracing.",
)
@click.option("--no-trace", is_flag=True, help="Do not start the kernel to see what it opens.")
@click.option("--no-bytecode", is_flag=True, help="Pack sources only: smaller, but each start compiles them.")
@click.option(
    "--debug-ranges",
    is_flag=True,
    help="Let bytecode know columns, not lines alone: tracebacks mark expressions in packages; a third larger.",
)
@click.option(
    "--order",
    "order",
    type=click.Choice(["fused", "packages"]),
    default="fused",
    show_default=True,
    help="What is loaded at once in one archive, or in one a package, which environments share.",
)
@click.option(
    "--layout",
    type=click.Choice(["native", "xeus"]),
    default="native",
    show_default=True,
    help="How it is served: as a pack, or as jupyterlite-xeus 5 reads it; then OUTPUT is a site's folder `xeus`.",
)
@click.option(
    "--mount",
    "mounts",
    multiple=True,
    metavar="HOST:/PATH",
    help="Pack the file or folder HOST of this machine too; kernels see it at /PATH.",
)
@click.option("--no-check", is_flag=True, help="Write the pack even if a kernel does not start from it.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Kernels at once; by default as many as cores and free memory allow.",
)
@click.option("--environment", metavar="NAME", help="Of a pixi.lock: which environment.  [default: default]")
@click.option("--locked", is_flag=True, help="Need a lock that answers the environment file; change none.")
@click.option("--frozen", is_flag=True, help="Take the lock beside the environment file as it is.")
@click.option("--offline", is_flag=True, help="Use the caches and local channels only.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do none of it.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the result as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    source: Path | None,
    output: Path,
    name: str | None,
    level: int,
    filter_files: tuple[Path, ...],
    profile: Path | None,
    no_trace: bool,
    no_bytecode: bool,
    debug_ranges: bool,
    order: Order,
    layout: Layout,
    mounts: tuple[str, ...],
    no_check: bool,
    jobs: int | None,
    environment: str | None,
    locked: bool,
    frozen: bool,
    offline: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Pack SOURCE for the browser.

    SOURCE is an environment file, a lock file (conda-lock.yml, pixi.lock, an @EXPLICIT list) or an installed
    environment; whatever steps are missing are done. Without SOURCE it is the environment file in this folder. Each
    kernel is started once from the pack, in Node.js: when one does not start, nothing is written. What did not change
    since it was packed is copied out of the cache.

    With `--layout xeus` the folder of one environment is written below OUTPUT, and its kernels into OUTPUT's
    `kernels.json`; other environments there stay. The extension of jupyterlite-xeus serves them, with its addon off.

    \b
    Example:
      lite-env pack environment.yml -o site/env
      lite-env pack --locked --profile env.profile.json -o site/env
      lite-env pack pixi.lock --environment docs -o site/env
      lite-env pack environment.yml -o site/env --level 9 --jobs 1
      lite-env pack environment.yml -o site/env --dry-run
      lite-env pack environment.yml -o site/env --mount data:/data
      lite-env pack environment.yml --layout xeus -o _output/xeus
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    if profile is not None and no_trace:
        raise click.UsageError("`--profile` and `--no-trace` exclude each other")
    if locked and frozen:
        raise click.UsageError("`--locked` and `--frozen` exclude each other")
    options = PackOptions(
        name=name,
        level=level,
        filter_files=filter_files,
        bytecode=not no_bytecode,
        debug_ranges=debug_ranges,
        trace=not no_trace,
        profile=profile,
        order=order,
        check=not no_check,
        jobs=jobs,
        locking=LockPolicy.LOCKED if locked else LockPolicy.FROZEN if frozen else LockPolicy.UPDATE,
        offline=offline,
        mounts=tuple(parse_mount(text) for text in mounts),
        environment=environment,
    )
    source = source or Path()
    if layout == "xeus":
        _refuse_native(ctx)
    with opened_store(source, offline=offline, reporter=reporter) as store:
        if layout == "xeus":
            _tell_xeus(pack_xeus(source, output, options, store=store, reporter=reporter), reporter, as_json=as_json)
        elif dry_run:
            decisions = plan_environment(source, output, options, store=store, reporter=reporter)
            _print_decisions(decisions, reporter, as_json=as_json)
        else:
            packed = pack_environment(source, output, options, store=store, reporter=reporter)
            _tell_packed(packed, output, reporter, as_json=as_json)


def _tell_packed(packed: Packed, output: Path, reporter: Reporter, *, as_json: bool) -> None:
    if as_json:
        figures = {
            "manifest": str(output / "manifest.json"),
            "again": packed.again,
            "bytecode": packed.manifest.bytecode,
            "packed_size": packed.manifest.total_size,
            "profile": packed.manifest.profile,
        }
        print_json(msgspec.to_builtins(packed.report) | figures)
    reporter.note(summary(packed.report, packed.manifest))


def _refuse_native(ctx: click.Context) -> None:
    """Refuse what jupyterlite-xeus has no place for, when it was asked for."""
    for name in ("dry_run", "profile", "order", "level", "debug_ranges"):
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"`{option}` is of the native layout: leave it out with `--layout xeus`")


def _tell_xeus(written: XeusLayout, reporter: Reporter, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(written) | {"folder": str(written.folder)})
    reporter.note(xeus_summary(written))


def xeus_summary(written: XeusLayout) -> str:
    """The closing line of figures; sizes in MB of 10**6 bytes."""
    return (
        f"{written.packages} archives, {written.files} files, {written.raw_size / _MEGABYTE:.1f} MB,"
        f" {written.size / _MEGABYTE:.1f} MB packed in '{written.folder}'; kernels: {', '.join(written.kernels)}"
    )


def _print_decisions(decisions: Decisions, reporter: Reporter, *, as_json: bool) -> None:
    report = decisions.report
    if as_json:
        steps = [{"step": step.name, "taken": step.taken, "how": step.how} for step in decisions.steps]
        print_json({"steps": steps} | (msgspec.to_builtins(report) if report else {}))
    else:
        for step in decisions.steps:
            say(f"{'' if step.taken else 'no '}{step.name}: {step.how}")
        for line in dropped_lines(report) if report else ():
            say(line)
    if report is not None:
        reporter.note(summary(report, None))


def summary(report: PackReport, manifest: Manifest | None) -> str:
    """The closing line of figures; sizes in MB of 10**6 bytes."""
    parts = [f"{report.packages} packages", f"{report.files} files", f"{report.raw_size / _MEGABYTE:.1f} MB"]
    if manifest is not None:
        kernels = sum(file.size for file in manifest.binaries) / _MEGABYTE
        parts.append(f"{manifest.total_size / _MEGABYTE:.1f} MB packed ({kernels:.1f} MB of it kernels)")
    parts.append(f"{len(report.archives)} archives")
    dropped = sum(file.size for file in report.dropped)
    return f"{', '.join(parts)}; {len(report.dropped)} files ({dropped / _MEGABYTE:.1f} MB) dropped"


def dropped_lines(report: PackReport) -> list[str]:
    """What was dropped, a line a rule, the most bytes first."""
    count: Counter[str] = Counter(file.rule for file in report.dropped)
    size: Counter[str] = Counter()
    reasons = {file.rule: file.reason for file in report.dropped}
    for file in report.dropped:
        size[file.rule] += file.size
    return [
        f"{size[rule] / _MEGABYTE:8.2f} MB {count[rule]:6d} files  {rule}: {reasons[rule]}"
        for rule in sorted(count, key=lambda rule: (-size[rule], rule))
    ]
