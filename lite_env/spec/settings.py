"""Settings of a project: the table ``[tool.lite-env]`` of its ``pyproject.toml``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lite_env.errors import SpecError
from lite_env.store.text import Origin, parse_toml, read_bounded, shown

if TYPE_CHECKING:
    from pathlib import Path

PROJECT_FILE = "pyproject.toml"


def read_project_table(folder: Path) -> dict[str, Any]:
    """The table in `folder`'s ``pyproject.toml``; empty when there is no such file or table.

    Raises:
        SpecError: the file is not TOML, or ``tool.lite-env`` is no table.
    """
    path = folder / PROJECT_FILE
    if not path.is_file():
        return {}
    origin = Origin(what=f"'{path}'", error=SpecError, file=str(path), hint="correct it, or move it away")
    table = parse_toml(read_bounded(path, origin), origin)
    where = []
    for key in ("tool", "lite-env"):
        where.append(key)
        table = table.get(key, {})
        if not isinstance(table, dict):
            raise SpecError(f"'{'.'.join(where)}' is not a table", hint="correct it", file=str(path))
    return table


def read_project_workloads(folder: Path) -> tuple[Path, ...]:
    """Programs under ``trace``: those whose opened files a pack is to be laid out for.

    Raises:
        SpecError: as `read_project_table`, or ``trace`` is no list of files that are there.
    """
    value = read_project_table(folder).get("trace", [])
    file = str(folder / PROJECT_FILE)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise SpecError(
            "'tool.lite-env.trace' is not a list of files",
            hint="for example: trace = ['warmup.py', 'demo.ipynb']",
            file=file,
        )
    for name in value:
        if not _is_file(folder / name):
            raise SpecError(
                f"'tool.lite-env.trace' names '{name}', which is not there",
                hint="paths are relative to the folder of pyproject.toml",
                file=file,
            )
    return tuple(folder / name for name in value)


def read_project_preload(folder: Path) -> tuple[str, ...] | None:
    """Modules under ``preload``: those that a snapshot of a kernel is to have imported.

    Returns:
        Their dotted names, none for an empty list; None where nothing is said.

    Raises:
        SpecError: as `read_project_table`, or it is no list of names of modules, or one is there twice.
    """
    value = read_project_table(folder).get("preload")
    if value is None:
        return None
    problem = _preload_fault(value)
    if problem is not None:
        path = folder / PROJECT_FILE
        raise SpecError(
            f"'tool.lite-env.preload' {problem}",
            hint="for example: preload = ['numpy', 'scipy.stats']; an empty list preloads nothing",
            file=str(path),
            line=_line_of("preload", path),
        )
    return tuple(value)


def is_module_name(text: str) -> bool:
    """Whether that is the dotted name of a module."""
    return all(part.isidentifier() for part in text.split("."))


def _preload_fault(value: object) -> str | None:
    if not isinstance(value, list):
        return "is not a list of modules"
    for position, name in enumerate(value):
        if not isinstance(name, str) or not is_module_name(name):
            return f"is not a list of modules: [{position}] is {shown(repr(name))}"
        if name in value[:position]:
            return f"names '{shown(name)}' twice"
    return None


def _line_of(key: str, path: Path) -> int | None:
    """Where `key` of the table stands, as far as lines tell: the reader of TOML says nothing of it."""
    inside = False
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        text = line.strip()
        if text.startswith("["):
            inside = text.partition("#")[0].strip() == "[tool.lite-env]"
        elif inside and text.partition("=")[0].strip() == key:
            return number
    return None


def read_project_date(folder: Path) -> str | None:
    """The date under ``exclude-newer``, before which everything was published that a pip section may bring.

    Returns:
        ``2024-01-01T00:00:00Z``; None where nothing is said.

    Raises:
        SpecError: as `read_project_table`, or it is no date.
    """
    value = read_project_table(folder).get("exclude-newer")
    if value is None:
        return None
    try:
        return whole_date(str(value))
    except ValueError as error:
        raise SpecError(
            f"'tool.lite-env.exclude-newer' {error}",
            hint="for example: exclude-newer = '2024-01-01'",
            file=str(folder / PROJECT_FILE),
        ) from error


def whole_date(text: str) -> str:
    """A date, or a date and a time with its zone, as a time of UTC: the same moment on every machine.

    Raises:
        ValueError: it is none; its words go on after the name of a setting.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        msg = "is no date such as 2024-01-01 or 2024-01-01T12:00:00Z"
        raise ValueError(msg) from error
    moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is too long for any.
        return False
