"""Packs as a prebuilt extension of their own, which any JupyterLite site takes from ``share/jupyter/labextensions``.

Everything lies in the extension's folder, so JupyterLite copies it as it copies any other, without lite_env.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.bootstrap import runtime_dir
from lite_env.errors import SiteError
from lite_env.site.environments import read_environments
from lite_env.site.extension import PACKAGE, extension_files
from lite_env.site.keep import Keeping, current_time
from lite_env.site.lite_kernels import FRESH, SITE_FILE, encode_lite_site, make_lite_site
from lite_env.site.plan import check_apart, compare, made_file, pack_files, runtime_files
from lite_env.site.record import RECORD, read_record
from lite_env.site.runtime import read_runtime
from lite_env.site.share import share

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.site.plan import SitePlan

SHARE = "share/jupyter/labextensions/"
CONTENT = "lite-env/"
"""Where packs and runtime lie in the extension's folder."""


def plan_labextension(
    packs: Sequence[Path],
    output: Path,
    *,
    package: str,
    default_kernel: str | None = None,
    runtime: Path | None = None,
) -> SitePlan:
    """Decide what it takes to have `packs` as an extension below ``output/share``; nothing is written.

    Args:
        packs: in the order in which their kernels are offered.
        output: what is to become a prefix, or the data files of a wheel.
        package: the extension's name; not that of sites that lite_env builds, beside which it may lie.
        default_kernel: of notebooks whose own kernel is not there.
        runtime: the built browser runtime; by default the one that is installed.

    Raises:
        ManifestError: one of the packs is broken or incomplete.
        SiteError: the packs cannot be of one site, or the name is none of a package.
    """
    if package == PACKAGE:
        raise SiteError(
            f"'{package}' is the name of the extension that `jupyter lite build` itself makes",
            hint="choose another one with `--name @SCOPE/NAME`: a site may have both",
        )
    environments = read_environments(packs)
    check_apart(output, packs)
    directory = runtime_dir() if runtime is None else runtime
    browser = read_runtime(directory, "notebooks")
    site = make_lite_site(environments, runtime=browser.folder, default=default_kernel)
    folder = f"{SHARE}{package}/"
    # The name is looked at before paths are made of it.
    extension = extension_files(site, folder=folder, content=folder + CONTENT, runtime=directory, package=package)
    files = [
        *runtime_files(browser, folder + CONTENT),
        *pack_files(environments, share(environments), folder + CONTENT + FRESH),
        made_file(folder + CONTENT + SITE_FILE, encode_lite_site(site)),
        *extension,
    ]
    record = folder + CONTENT + RECORD
    before = read_record(output, record)
    # Nobody visits this folder: sites are made of it.
    keeping = Keeping(seconds=0, now=current_time())
    return compare(
        output, files, before, build=site.build, environments=environments, keeping=keeping, record_path=record
    )
