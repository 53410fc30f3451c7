"""Packs with the user's store, which in tests is the session's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.pack.restore import unpack
from lite_env.progress import SILENT
from lite_env.store.local import open_store
from lite_env.workflow import pack as pack_module
from lite_env.workflow.options import PackOptions

if TYPE_CHECKING:
    from pathlib import Path

    from lite_env.progress import Reporter
    from lite_env.workflow.pack import Packed


def pack_environment(
    source: Path, output: Path, options: PackOptions | None = None, *, reporter: Reporter = SILENT
) -> Packed:
    """`pack_environment` as the command line calls it."""
    return pack_module.pack_environment(source, output, options, store=open_store(), reporter=reporter)


def pack_as_module(pack: Path, script: str, folder: Path) -> Path:
    """A pack of the same kernel, its `script` an ECMAScript module, as newer Emscripten makes them."""
    unpack(pack, folder / "prefix")
    glue = folder / "prefix" / script
    glue.write_text(f"{glue.read_text()}\nexport default createXeusModule;\n")
    pack_environment(folder / "prefix", folder / "pack", PackOptions(name="module", level=3))
    return folder / "pack"
