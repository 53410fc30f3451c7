"""Compiles an environment's modules with its own packed interpreter: one compiler, equal bytes on every machine.

Files are ``.pyc`` with an unchecked hash (PEP 552): nothing of a clock is in them, and an import does not open the
source. The code in them has the canonical form of :mod:`lite_env.host.marshal_form`.
"""

from __future__ import annotations

import json
import struct
from importlib.resources import files as resource_files
from typing import TYPE_CHECKING

from lite_env.errors import HostError
from lite_env.host.engine import AskRead, ReadEnvelope
from lite_env.host.marshal_form import canonical
from lite_env.host.run import RunOptions, start_kernel
from lite_env.pack.bytecode import Bytecode
from lite_env.store.text import Origin, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lite_env.host.client import KernelClient
    from lite_env.progress import Task

FORM = 1
"""Raised when what is compiled here becomes other bytes: part of the key under which bytecode is kept."""

COMPILE_SECONDS = 600.0
"""Time limit for the modules of one package."""

_SCRIPT = "compile_in_kernel.py"
_OUTPUT = "/tmp/lite-env-bytecode"  # noqa: S108 - in the kernel's own file system
_UNCHECKED_HASH = 1  # PEP 552: bit 0 says that there is a hash, bit 1 that it is to be checked


def compile_packages(
    pack: Path, packages: Mapping[str, Sequence[str]], *, debug_ranges: bool = False, task: Task | None = None
) -> Iterator[tuple[str, Bytecode | HostError]]:
    """Compile the sources of each of `packages` in one started kernel of `pack`.

    A package that the kernel does not survive ends the sequence: its error comes in the place of its bytecode.

    Args:
        pack: holds the sources.
        packages: prefix-relative paths of modules by the name of their package.
        debug_ranges: whether the code knows the columns of its source (PEP 657), and not its lines alone.
        task: advanced by one with each file.

    Raises:
        HostError: the kernel does not start.
    """
    # Python's own switch; what users compile, their cells, is not touched by it.
    env = () if debug_ranges else (("PYTHONNODEBUGRANGES", "1"),)
    with start_kernel(pack, options=RunOptions(env=env)) as running:
        client = running.client
        _run(client, resource_files("lite_env.host").joinpath(_SCRIPT).read_text("utf-8"))
        for name, sources in packages.items():
            try:
                compiled = _compile(client, sources)
            except HostError as error:
                yield name, error
                return
            yield name, compiled
            if task is not None:
                task.advance(len(sources))


def _compile(client: KernelClient, sources: Sequence[str]) -> Bytecode:
    # As a literal: the paths are ASCII in JSON, and JSON texts are Python texts.
    _run(client, f"_lite_env_compile({json.dumps(json.dumps(list(sources)))}, {_OUTPUT!r})")
    answer = client.ask(AskRead(path=_OUTPUT), ReadEnvelope)
    if answer.data is None:
        raise HostError("the kernel compiled, but its result is not there", hint="this is a bug of lite-env")
    return parse_result(answer.data)


def _run(client: KernelClient, code: str) -> None:
    result = client.execute(code, timeout=COMPILE_SECONDS)
    if result.status != "ok":
        raise HostError(
            f"the kernel cannot compile its modules: {result.ename}: {result.evalue}",
            hint="pack with --no-bytecode",
            traceback="\n    ".join(result.traceback) or None,
        )


def parse_result(data: bytes) -> Bytecode:
    """Read what the script in the kernel wrote: a line of JSON, then the codes one after the other.

    Raises:
        HostError: it is not that.
    """
    head, _, bodies = data.partition(b"\n")
    files: dict[str, bytes] = {}
    faults: dict[str, str] = {}
    try:
        document = parse_json(head, Origin(what="the kernel's bytecode", error=HostError))
        magic = bytes.fromhex(document["magic"])
        at = 0
        for path, source_hash, size, fault in document["files"]:
            if fault is not None:
                faults[path] = fault
                continue
            header = magic + struct.pack("<I", _UNCHECKED_HASH) + bytes.fromhex(source_hash)
            files[path] = header + canonical(bodies[at : at + size])
            at += size
        return Bytecode(tag=str(document["tag"]), files=files, faults=faults)
    except (ValueError, KeyError, TypeError) as error:
        raise HostError(
            f"the kernel's bytecode cannot be read: {error}", hint="pack with --no-bytecode, and report this"
        ) from error
