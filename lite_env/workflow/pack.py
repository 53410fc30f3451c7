"""From an environment file, a lock file or an installed environment to a pack: whatever steps are missing are done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_env.pack.filters import read_filter, read_project_filter
from lite_env.pack.layout import DEFAULT_LEVEL, plan_pack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.progress import SILENT

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.pack.layout import PackPlan
    from lite_env.pack.manifest import Manifest
    from lite_env.progress import Reporter


@dataclass(frozen=True, kw_only=True, slots=True)
class PackOptions:
    """How to pack.

    Attributes:
        name: of the environment; None for what the source says.
        level: of zstd, 1 to 22.
        filter_files: users' rules, added to the default ones and to those of a ``pyproject.toml`` beside the source.
        offline: open no connection.
    """

    name: str | None = None
    level: int = DEFAULT_LEVEL
    filter_files: tuple[Path, ...] = ()
    offline: bool = False


def plan_environment(source: Path, options: PackOptions, *, reporter: Reporter = SILENT) -> PackPlan:
    """Do what comes before the packing of `source`, and decide what the pack will be."""
    prefix = read_prefix(source, reporter=reporter)
    folder = source if source.is_dir() else source.parent
    filters = sum((read_filter(file) for file in options.filter_files), start=read_project_filter(folder))
    return plan_pack(prefix, name=options.name, filters=filters, level=options.level)


def pack_environment(
    source: Path, output: Path, options: PackOptions, *, reporter: Reporter = SILENT
) -> tuple[PackPlan, Manifest]:
    """Pack `source` into the folder `output`."""
    plan = plan_environment(source, options, reporter=reporter)
    for warning in plan.warnings:
        reporter.warn(warning)
    return plan, write_pack(plan, output, reporter=reporter)
