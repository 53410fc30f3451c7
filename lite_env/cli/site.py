"""``lite-env site``: packs as a static site with a console page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from lite_env.cli.console import print_json, reporter_of, say
from lite_env.cli.measures import DURATION
from lite_env.site.build import make_site
from lite_env.site.keep import KEEP
from lite_env.site.plan import FOLDERS, SiteOptions, plan_site
from lite_env.site.previous import read_previous
from lite_env.site.record import RECORD
from lite_env.site.summary import plan_as_json, plan_lines, summary
from lite_env.site.upload import refuse_published, write_upload_list

if TYPE_CHECKING:
    from lite_env.progress import Reporter
    from lite_env.site.plan import SitePlan


@click.command(name="site")
@click.argument("packs", metavar="PACK...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the site.")
@click.option(
    "--drive",
    type=click.Choice(["browser", "none"]),
    default="browser",
    show_default=True,
    help="Where a kernel's /drive is: in the browser's storage, or nowhere.",
)
@click.option("--base", default="/", show_default=True, metavar="PATH", help="Where it will be served, for `_headers`.")
@click.option("--no-isolation", is_flag=True, help="Do not ask for cross-origin isolation in `_headers`.")
@click.option("--no-snapshots", is_flag=True, help="Start kernels plainly, and leave no copy of them in browsers.")
@click.option("--force", is_flag=True, help="Also write into a folder that holds other files; they stay.")
@click.option(
    "--keep",
    type=DURATION,
    default=f"{KEEP // 86400}d",
    show_default=True,
    metavar="DURATION",
    help="How long what this build does not need any more stays, for visitors of earlier ones; 0 removes it at once.",
)
@click.option(
    "--previous",
    "place",
    metavar="DIR|URL",
    help="What is deployed now, where -o is a fresh folder: its visitors' files are carried over.",
)
@click.option(
    "--upload-list",
    "uploads",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write what is to be uploaded, in which order, with its headers.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the result as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    *,
    packs: tuple[Path, ...],
    output: Path,
    drive: Literal["browser", "none"],
    base: str,
    no_isolation: bool,
    no_snapshots: bool,
    force: bool,
    keep: int,
    place: str | None,
    uploads: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a static site of one PACK or several: a page with a console, for any host of files.

    All its URLs are relative, so it works in any folder of any host. A site that is made again takes only what has
    changed. What only earlier builds had stays for a while, and is then removed by the next build; other files in the
    folder are left alone.

    \b
    Example:
      lite-env site build/numpy build/lua -o public
      lite-env site build/numpy -o public --keep 30d
      lite-env site build/numpy -o fresh --previous https://example.org/demo/ --upload-list uploads.json
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    reporter = reporter_of(ctx)
    options = SiteOptions(
        drive=drive,
        base=base,
        isolation=not no_isolation,
        snapshots=not no_snapshots,
        force=force,
        keep=keep,
    )
    if uploads is not None:
        refuse_published(uploads, output)
    previous = read_previous(place, RECORD, FOLDERS, reporter=reporter) if place is not None else None
    plan = (
        plan_site(packs, output, options, previous=previous)
        if dry_run
        else make_site(packs, output, options, previous=previous, reporter=reporter)
    )
    if uploads is not None and not dry_run:
        write_upload_list(plan, uploads)
    tell_plan(plan, reporter, dry_run=dry_run, as_json=as_json)


def tell_plan(plan: SitePlan, reporter: Reporter, *, dry_run: bool, as_json: bool) -> None:
    """Say what was done, or what would be."""
    if as_json:
        print_json(plan_as_json(plan))
    elif dry_run:
        for line in plan_lines(plan):
            say(line)
    reporter.note(summary(plan))
