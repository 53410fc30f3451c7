"""``lite-env pack``: an environment into lazily loaded archives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from lite_env.cli.boundary import Answer, show_error
from lite_env.cli.console import print_json, reporter_of, say
from lite_env.cli.packed import (
    decisions_document,
    outcome_document,
    packed_document,
    say_decisions,
    summary,
    tell_packed,
)
from lite_env.pack.mounts import parse_mount
from lite_env.pack.plan import DEFAULT_LEVEL
from lite_env.progress import Named
from lite_env.site.xeus_layout import pack_xeus
from lite_env.workflow.crew import dask_crew
from lite_env.workflow.fleet import pack_environments
from lite_env.workflow.lock import LockPolicy
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment, plan_environment
from lite_env.workflow.storage import stores_of

if TYPE_CHECKING:
    from lite_env.pack.layout import Order
    from lite_env.progress import Reporter
    from lite_env.site.xeus_layout import XeusLayout
    from lite_env.workflow.storage import Stores

Layout = Literal["native", "xeus"]

_MEGABYTE = 1_000_000


@click.command(name="pack")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the pack; of several SOURCEs the folder in which each pack has one of its name.",
)
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
@click.option(
    "--snapshot",
    is_flag=True,
    help="Pack a copy of each started kernel too, from which browsers restore it at the first visit: larger, faster.",
)
@click.option("--no-check", is_flag=True, help="Write the pack even if a kernel does not start from it.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Kernels at once; by default as many as cores and free memory allow.",
)
@click.option("--environment", metavar="NAME", help="Of a pixi.lock: which environment.  [default: default]")
@click.option(
    "--executor",
    metavar="URL",
    help="Have the workers of the dask scheduler at tcp://HOST:PORT or tls://HOST:PORT do the work.",
)
@click.option("--locked", is_flag=True, help="Need a lock that answers the environment file; change none.")
@click.option("--frozen", is_flag=True, help="Take the lock beside the environment file as it is.")
@click.option("--offline", is_flag=True, help="Use the caches and local channels only.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do none of it.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the result as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    sources: tuple[Path, ...],
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
    snapshot: bool,
    no_check: bool,
    jobs: int | None,
    environment: str | None,
    executor: str | None,
    locked: bool,
    frozen: bool,
    offline: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Pack each SOURCE for the browser.

    SOURCE is an environment file, a lock file (conda-lock.yml, pixi.lock, an @EXPLICIT list) or an installed
    environment; whatever steps are missing are done. Without SOURCE it is the environment file in this folder. Each
    kernel is started once from the pack, in Node.js: when one does not start, nothing is written. What did not change
    since it was packed is copied out of the cache.

    Of several environments what they share is done once, and each pack is OUTPUT/NAME: that one cannot be packed keeps
    no other from it, and is told at the end. With `--executor` workers do the work, through a remote store that is
    trusted and written to (`LITE_ENV_REMOTE`).

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
      lite-env pack environment.yml -o site/env --snapshot
      lite-env pack environment.yml --layout xeus -o _output/xeus
      lite-env pack envs/*/environment.yml -o packs --executor tcp://scheduler:8786
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
        snapshot=snapshot,
        jobs=jobs,
        locking=LockPolicy.LOCKED if locked else LockPolicy.FROZEN if frozen else LockPolicy.UPDATE,
        offline=offline,
        mounts=tuple(parse_mount(text) for text in mounts),
        environment=environment,
    )
    sources = sources or (Path(),)
    stores = stores_of(sources[0], offline=offline, reporter=reporter)
    asked = _Asked(sources=sources, output=output, options=options, stores=stores, reporter=reporter, as_json=as_json)
    if layout == "xeus":
        _refuse_native(ctx)
        asked.pack_for_xeus()
    elif dry_run:
        asked.plan()
    elif executor is not None or len(asked.sources) > 1:
        asked.pack_all(executor)
    else:
        asked.pack()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What is asked for, in each of the ways in which it can be done."""

    sources: tuple[Path, ...]
    output: Path
    options: PackOptions
    stores: Stores
    reporter: Reporter
    as_json: bool

    def pack(self) -> None:
        """The one environment."""
        with self.stores() as store:
            packed = pack_environment(self.sources[0], self.output, self.options, store=store, reporter=self.reporter)
        self._print([packed_document(packed, self.output)])
        tell_packed(packed, self.reporter)

    def pack_all(self, executor: str | None) -> None:
        """Each environment into a folder of its name; a single one into the folder itself."""
        crew = None
        if executor is not None:
            crew = dask_crew(executor, self.stores.remotes, self.options.level, reporter=self.reporter)
        outcomes = pack_environments(
            self.sources, self.output, self.options, stores=self.stores, crew=crew, reporter=self.reporter
        )
        self._print([outcome_document(outcome) for outcome in outcomes])
        for outcome in outcomes:
            if outcome.packed is not None:
                tell_packed(outcome.packed, Named(self.reporter, outcome.name))
        for outcome in outcomes:
            if outcome.error is not None:
                self.reporter.warn(f"{outcome.name or outcome.source} was not packed")
                show_error(outcome.error)
        if any(outcome.error is not None for outcome in outcomes):
            raise Answer

    def plan(self) -> None:
        """Nothing but what would be done."""
        documents = []
        output = self.output if len(self.sources) == 1 else self.output / "NAME"
        for source in self.sources:
            with self.stores() as store:
                decisions = plan_environment(source, output, self.options, store=store, reporter=self.reporter)
            documents.append(decisions_document(decisions))
            if not self.as_json:
                if len(self.sources) > 1:
                    say(f"{source}:")
                say_decisions(decisions)
            if decisions.report is not None:
                self.reporter.note(summary(decisions.report, None))
        self._print(documents)

    def pack_for_xeus(self) -> None:
        """Each environment in the layout of jupyterlite-xeus."""
        documents = []
        for source in self.sources:
            with self.stores() as store:
                written = pack_xeus(source, self.output, self.options, store=store, reporter=self.reporter)
            documents.append(_xeus_document(written))
            self.reporter.note(xeus_summary(written))
        self._print(documents)

    def _print(self, documents: list[dict[str, Any]]) -> None:
        """Of several environments a list."""
        if self.as_json:
            print_json(documents[0] if len(self.sources) == 1 else documents)


def _refuse_native(ctx: click.Context) -> None:
    """Refuse what jupyterlite-xeus has no place for, when it was asked for."""
    for name in ("dry_run", "profile", "order", "level", "debug_ranges", "snapshot"):
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"`{option}` is of the native layout: leave it out with `--layout xeus`")


def _xeus_document(written: XeusLayout) -> dict[str, Any]:
    """What `--json` tells of an environment in the layout of jupyterlite-xeus."""
    return asdict(written) | {"folder": str(written.folder)}


def xeus_summary(written: XeusLayout) -> str:
    """The closing line of figures; sizes in MB of 10**6 bytes."""
    return (
        f"{written.packages} archives, {written.files} files, {written.raw_size / _MEGABYTE:.1f} MB,"
        f" {written.size / _MEGABYTE:.1f} MB packed in '{written.folder}'; kernels: {', '.join(written.kernels)}"
    )
