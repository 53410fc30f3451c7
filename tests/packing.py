"""Packs with the user's store, which in tests is the session's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.progress import SILENT
from lite_env.store.local import open_store
from lite_env.workflow import pack as pack_module

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.workflow.options import PackOptions
    from lite_env.workflow.pack import Packed


def pack_environment(
    source: Path, output: Path, options: PackOptions | None = None, *, reporter: Reporter = SILENT
) -> Packed:
    """`pack_environment` as the command line calls it."""
    return pack_module.pack_environment(source, output, options, store=open_store(), reporter=reporter)
