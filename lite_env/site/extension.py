"""The prebuilt extension by which JupyterLite offers the kernels: three small files, made without Node.

``static/remoteEntry.<16>.js`` is the runtime's ``jupyterlite/remoteEntry.js`` behind one line that tells it the site,
as ``sw.js`` of a plain site has one. Nothing else is loaded with the page: the runtime and the packs come when a kernel
starts.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

import msgspec

from lite_env import __version__
from lite_env.errors import SiteError
from lite_env.site.plan import SiteFile
from lite_env.site.runtime import read_script
from lite_env.store.digest import sha256_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.site.lite_kernels import LiteSite

PACKAGE = "@lite-env/kernels"
"""The extension's name, with which its plugins' ids begin."""
ENTRY = "jupyterlite/remoteEntry.js"
"""Where the runtime has it."""

_NAME = re.compile(r"(?:@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*")
_DIGITS = 16  # of a SHA-256


def extension_files(
    site: LiteSite, *, folder: str, content: str, runtime: Path, package: str = PACKAGE
) -> tuple[SiteFile, ...]:
    """The files of the extension, in the order of writing: what is named by others comes before them.

    Args:
        site: what it offers.
        folder: where the package is to lie, with a final slash: ``extensions/@lite-env/kernels/``.
        content: the folder that `site`'s paths are relative to, with a final slash, told as `folder` is: ``lite-env/``.
        runtime: the built browser runtime.
        package: its name; two extensions of one site need two.

    Raises:
        SiteError: the name is none of a package, or the runtime was built without the extension.
    """
    if not is_package_name(package):
        raise SiteError(
            f"'{package}' cannot be the name of an extension",
            hint="it is an npm package's, in small letters: @scope/name or name",
        )
    script = read_script(runtime, ENTRY, "no extension for JupyterLite")
    base = posixpath.relpath(f"/{content}", f"/{folder}static") + "/"
    entry = _told(site, package, base) + script
    load = f"static/remoteEntry.{sha256_of_bytes(entry)[:_DIGITS]}.js"
    description: dict[str, Any] = {
        "name": package,
        "version": __version__,
        "description": "Kernels that lite_env has packed",
        "license": "BSD-3-Clause",
        "jupyterlab": {"extension": True, "_build": {"load": load, "extension": "./extension"}},
        "jupyterlite": {"liteExtension": True},
        "lite_env": {"build": site.build},
    }
    install = {
        "packageManager": "python",
        "packageName": "lite-env",
        "uninstallInstructions": "build the site without lite-env",
    }
    return (
        _made(folder + load, entry),
        _made(f"{folder}install.json", _json(install)),
        _made(f"{folder}package.json", _json(description)),
    )


def is_package_name(name: str) -> bool:
    """Whether it can be the name of an npm package, and so that of a folder of extensions."""
    return _NAME.fullmatch(name) is not None


def _told(site: LiteSite, package: str, base: str) -> bytes:
    told = {"package": package, "base": base, "site": msgspec.to_builtins(site)}
    return f"self.liteEnvExtension = {json.dumps(told, sort_keys=True)};\n".encode()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


def _made(path: str, content: bytes) -> SiteFile:
    return SiteFile(path=path, size=len(content), sha256=sha256_of_bytes(content), content=content)
