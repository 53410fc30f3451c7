"""Kernels of users' own: packages that bring a kernelspec, a picture and start-up code over another's program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.conda_packages import PLACEHOLDER, make_package

if TYPE_CHECKING:
    from pathlib import Path


def own_kernel(
    channel: Path,
    name: str,
    code: str | None = None,
    *,
    base: str = "xeus-python",
    program: str = "xpython_wasm",
    language: str = "python",
) -> str:
    """Write a package with the kernel `name`, and give its name; `code` is what runs before the first cell.

    Args:
        channel: its folder; call `index_channel` afterwards.
        name: of the kernel.
        code: None for none.
        base: the package that brings the program.
        program: the program, in ``bin/``.
        language: of the kernel.
    """
    folder = f"share/jupyter/kernels/{name}"
    spec = {
        "argv": [f"{PLACEHOLDER}/bin/{program}", "-f", "{connection_file}"],
        "display_name": f"Our {name}",
        "language": language,
    }
    files = {f"{folder}/logo-svg.svg": picture(name)}
    if code is not None:
        spec["metadata"] = {"lite-env": {"startup": f"{folder}/startup.txt"}}
        files[f"{folder}/startup.txt"] = code
    make_package(
        channel,
        f"our-{name}",
        files={f"{folder}/kernel.json": json.dumps(spec), **files},
        depends=[base],
        noarch="generic",
    )
    return f"our-{name}"


def picture(name: str) -> str:
    """The picture of the kernel `name`."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><title>{name}</title><path d="M0 0h8v8z"/></svg>'
