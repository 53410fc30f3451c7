"""``lite-env trace``: which files a packed kernel opens, as a profile to commit and to pack by."""

from __future__ import annotations

from pathlib import Path

import click

from lite_env.cli.console import print_json, reporter_of
from lite_env.host.trace import IMPORT_SECONDS
from lite_env.pack.profile import write_profile
from lite_env.workflow.trace import trace_pack


@click.command(name="trace")
@click.argument("pack", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="A program to trace besides: .py or .ipynb; may be given again.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The profile.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=IMPORT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of each import and each cell.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Kernels at once; by default as many as cores and free memory allow.",
)
@click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    pack: Path,
    workloads: tuple[Path, ...],
    output: Path,
    timeout: float,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Trace which files the kernels of PACK open.

    Each kernel is started for real, in Node.js: the one that runs Python once for the import of each module of the
    packages that were asked for, and once for each `.py`; a notebook runs in the kernel that it names, or one of its
    language. An import that fails is a warning. The profile has the files of each start, of each import and of each
    workload, sorted; commit it beside the lock, and pack by it.

    \b
    Example:
      lite-env trace site/env --workload demo.ipynb -o env.profile.json
      lite-env pack environment.yml --profile env.profile.json -o site/env
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    profile = trace_pack(pack, workloads, seconds=timeout, jobs=jobs, reporter=reporter)
    write_profile(profile, output)
    interpreter = {file for opened in profile.kernels.values() for file in opened.interpreter}
    figures = {
        "digest": profile.digest,
        "failed": dict(profile.failed),
        "imports": {name: len(files) for name, files in profile.imports.items()},
        "interpreter": len(interpreter),
        "kernel": len(profile.boot) - len(interpreter),
        "profile": str(output),
        "workloads": {name: len(files) for name, files in profile.workloads.items()},
    }
    if as_json:
        print_json(figures)
    traced = [f"{name} {len(files)}" for name, files in (*profile.imports.items(), *profile.workloads.items())]
    reporter.note(
        f"{profile.environment}: {len(profile.boot)} files at the start; after it {', '.join(traced) or 'none'}"
    )
