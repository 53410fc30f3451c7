"""``lite-env labextension``: packs as a prebuilt extension for the JupyterLite sites of others."""

from __future__ import annotations

from pathlib import Path

import click

from lite_env.cli.console import reporter_of
from lite_env.cli.site import tell_plan
from lite_env.site.build import write_site
from lite_env.site.labextension import plan_labextension


@click.command(name="labextension")
@click.argument("packs", metavar="PACK...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder that gets `share/`.")
@click.option("--name", "package", required=True, metavar="@SCOPE/NAME", help="The extension's name.")
@click.option("--kernel", "default_kernel", metavar="NAME", help="For notebooks whose own kernel is not there.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the result as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    packs: tuple[Path, ...],
    output: Path,
    package: str,
    default_kernel: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make one PACK or several an extension that any JupyterLite site can take.

    It lies below `share/jupyter/labextensions` of the folder: in the data files of a wheel it is installed beside
    jupyterlite-core, and `jupyter lite build` copies it, without lite-env.

    \b
    Example:
      lite-env labextension build/numpy --name @my-org/kernels -o build/share-me
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    plan = plan_labextension(packs, output, package=package, default_kernel=default_kernel)
    if not dry_run:
        write_site(plan, reporter=reporter)
    tell_plan(plan, reporter, dry_run=dry_run, as_json=as_json)
