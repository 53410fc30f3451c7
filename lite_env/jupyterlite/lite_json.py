"""The site's ``jupyter-lite.json``, which every addon reads and writes: its default kernel, and its extensions.

Its own text says ``python``, a kernel that only jupyterlite-pyodide-kernel has. What was put in its place is noted
beside it, so that a later build knows that it was put there, and not by the site's author.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lite_env.errors import SiteError
from lite_env.store.atomic import write_text
from lite_env.store.text import Origin, parse_json, read_bounded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE = "jupyter-lite.json"
SITE = "lite-env/api/site.json"
"""Where the names of our kernels stand."""
BUILT_IN = "python"
"""What JupyterLite's own text names."""
PYODIDE = "extensions/@jupyterlite/pyodide-kernel-extension"
"""The folder of the extension that has such a kernel."""

_DATA, _DEFAULT = "jupyter-config-data", "defaultKernelName"
_SETTINGS, _PLUGIN = "litePluginSettings", "@lite-env/kernels:kernels"
_EXTENSIONS = "federated_extensions"


def read_lite_json(output: Path) -> dict[str, Any]:
    """The document.

    Raises:
        SiteError: it is missing or damaged.
    """
    path = output / FILE
    origin = Origin(
        what="the site's configuration", error=SiteError, file=str(path), hint="build the site again with `--force`"
    )
    if not path.is_file():
        raise origin.fault("there is none")
    document = parse_json(read_bounded(path, origin), origin)
    if not isinstance(document, dict) or not isinstance(document.setdefault(_DATA, {}), dict):
        raise origin.fault("it is not what JupyterLite writes")
    return document


def write_lite_json(output: Path, document: dict[str, Any]) -> None:
    """Write it as JupyterLite does."""
    write_text(output / FILE, json.dumps(document, sort_keys=True, indent=2))


def named_default(output: Path, chosen: str | None) -> dict[str, Any]:
    """The document of the site at `output` with the default kernel that it is to have.

    Raises:
        SiteError: it, or the site's list of our kernels, cannot be read.
    """
    document = read_lite_json(output)
    path = output / SITE
    origin = Origin(what="the site's list of kernels", error=SiteError, file=str(path), hint="build the site again")
    site = parse_json(read_bounded(path, origin), origin) if path.is_file() else {}
    names = [kernel["name"] for kernel in site.get("kernels", ())]
    if not names:
        return document
    return with_default(document, names, chosen=chosen, has_pyodide=(output / PYODIDE).is_dir())


def is_default_named(output: Path, chosen: str | None) -> bool:
    """Whether the site names the default kernel that it is to have."""
    return named_default(output, chosen) == read_lite_json(output)


def with_default(
    document: dict[str, Any], names: Sequence[str], *, chosen: str | None, has_pyodide: bool
) -> dict[str, Any]:
    """The document with the default kernel that the site is to have.

    Args:
        document: as it is.
        names: of our kernels, in their order.
        chosen: what the site's author has asked for.
        has_pyodide: whether the site has a kernel of the name that JupyterLite takes for granted.
    """
    data = document[_DATA]
    current = data.get(_DEFAULT, BUILT_IN)
    is_ours = current == _put(data)
    if chosen is None and not (current == BUILT_IN and not has_pyodide) and not is_ours:
        # Somebody else's word, or a kernel that somebody else brings.
        return document
    wanted = chosen or (current if is_ours and current in names else names[0])
    return _changed(document, wanted)


def without_ours(document: dict[str, Any], extension: str) -> dict[str, Any]:
    """The document without what builds with us have put into it."""
    data = dict(without_extensions(document, (extension,))[_DATA])
    if data.get(_DEFAULT) is not None and data[_DEFAULT] == _put(data):
        data[_DEFAULT] = BUILT_IN
    settings = {name: value for name, value in (data.get(_SETTINGS) or {}).items() if name != _PLUGIN}
    data[_SETTINGS] = settings
    if not settings:
        del data[_SETTINGS]
    return {**document, _DATA: data}


def without_extensions(document: Any, gone: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    """The document without the extensions `gone`; JupyterLite's addon never takes one out itself."""
    data = document.get(_DATA) if isinstance(document, dict) else None
    listed = data.get(_EXTENSIONS) if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(listed, list):
        return document
    kept = [each for each in listed if not (isinstance(each, dict) and each.get("name") in gone)]
    return {**document, _DATA: {**data, _EXTENSIONS: kept}}


def extension_names(document: dict[str, Any]) -> tuple[str, ...]:
    """The prebuilt extensions that pages load."""
    found = document[_DATA].get(_EXTENSIONS)
    return tuple(str(each.get("name")) for each in found or () if isinstance(each, dict))


def _put(data: dict[str, Any]) -> str | None:
    """The name that an earlier build has put there."""
    settings = data.get(_SETTINGS)
    ours = settings.get(_PLUGIN) if isinstance(settings, dict) else None
    name = ours.get(_DEFAULT) if isinstance(ours, dict) else None
    return name if isinstance(name, str) else None


def _changed(document: dict[str, Any], name: str) -> dict[str, Any]:
    data = document[_DATA]
    settings = {**(data.get(_SETTINGS) or {}), _PLUGIN: {_DEFAULT: name}}
    return {**document, _DATA: {**data, _DEFAULT: name, _SETTINGS: settings}}
