"""Which widget library in a kernel fits which lab extension in the site; pure.

The library and the extension talk about models by the version of a protocol: a manager that does not know the kernel's
shows "Error displaying widget" in place of each, and the build is where that can be said first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIBRARY = "ipywidgets"
MANAGER = "@jupyter-widgets/jupyterlab-manager"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Fit:
    manager: int
    package: str


# By the library's major version: the manager's, and what to ask for to have it.
_FITS = {
    7: _Fit(manager=3, package="jupyterlab_widgets>=1,<2"),
    8: _Fit(manager=5, package="jupyterlab_widgets>=3,<4"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered:
    """An extension that the site will have: its version, and where it comes from."""

    version: str
    origin: str


def widget_notes(environment: str, packages: Mapping[str, str], extensions: Mapping[str, Offered]) -> Iterator[str]:
    """What of the widgets of an environment will not be seen in the site, and what to change.

    Args:
        environment: its name.
        packages: versions by name.
        extensions: all that the site will have, by name.
    """
    version = packages.get(LIBRARY)
    fit = _FITS.get(_major(version)) if version else None
    if version is None or fit is None:
        return
    there = extensions.get(MANAGER)
    if there is None:
        yield (
            f"the environment '{environment}' has {LIBRARY} {version}, but the site has no '{MANAGER}', without which"
            f" no widget is shown: put `{fit.package}` into the environment, or install it beside jupyterlite-core"
        )
    elif _major(there.version) != fit.manager:
        other = next((str(major) for major, known in _FITS.items() if known.manager == _major(there.version)), None)
        instead = f", or `{LIBRARY}={other}` into the environment" if other else ""
        yield (
            f"the environment '{environment}' has {LIBRARY} {version}, whose widgets '{MANAGER}' {fit.manager} shows,"
            f" and the site has {there.version} ({there.origin}): put `{fit.package}` there{instead}"
        )


def _major(version: str) -> int:
    first = version.lstrip("v").partition(".")[0]
    return int(first) if first.isdecimal() else -1
