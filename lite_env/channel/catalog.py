"""Finding channel definitions: a folder that is named, or one that lite_env brings."""

from __future__ import annotations

from pathlib import Path

from lite_env.channel.model import DEFINITION_FILE
from lite_env.errors import ChannelError


def shipped_definitions() -> dict[str, Path]:
    """The definitions that come with lite_env, by name.

    In a wheel they are beside this module; in the source tree they are the top-level folder ``channels/``.
    """
    here = Path(__file__).parent
    for root in (here / "definitions", here.parent.parent / "channels"):
        found = {file.parent.name: file.parent for file in sorted(root.glob(f"*/{DEFINITION_FILE}"))}
        if found:
            return found
    return {}


def find_definition(name: str) -> Path:
    """The folder for `name`: a path to one, or the name of a definition that lite_env brings.

    Raises:
        ChannelError: there is no such definition.
    """
    path = Path(name)
    if (path / DEFINITION_FILE).is_file():
        return path
    if path.name == DEFINITION_FILE and path.is_file():
        return path.parent
    shipped = shipped_definitions()
    if name in shipped:
        return shipped[name]
    raise ChannelError(
        f"there is no channel definition {name}",
        hint=f"give a folder that has a {DEFINITION_FILE}, or one of these names: " + (", ".join(shipped) or "none"),
    )


def is_shipped_in_wheel(directory: Path) -> bool:
    """Whether `directory` is inside the installed package, where nothing may be built."""
    return directory.resolve().is_relative_to((Path(__file__).parent / "definitions").resolve())
