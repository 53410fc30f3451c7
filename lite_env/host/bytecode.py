"""Compiles an environment's modules with its own packed interpreter: one compiler, equal bytes on every machine.

Files are ``.pyc`` with an unchecked hash (PEP 552): nothing of a clock is in them, and an import does not open the
source. The code in them has the canonical form of :mod:`lite_env.host.marshal_form`.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from importlib.resources import files as resource_files
from typing import TYPE_CHECKING

from lite_env.errors import HostError
from lite_env.host.engine import AskRead, ReadEnvelope
from lite_env.host.marshal_form import canonical
from lite_env.host.network import SEALED
from lite_env.host.run import RunOptions, start_kernel
from lite_env.pack.bytecode import Bytecode
from lite_env.store.text import Origin, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lite_env.host.client import KernelClient

FORM = 2
"""Raised when what is compiled here becomes other bytes: part of the key under which bytecode is kept."""

COMPILE_SECONDS = 600.0
"""Time limit for the modules that are compiled at once."""

_SCRIPT = "compile_in_kernel.py"
_OUTPUT = "/tmp/lite-env-bytecode"  # noqa: S108 - in the kernel's own file system
_UNCHECKED_HASH = 1  # PEP 552: bit 0 says that there is a hash, bit 1 that it is to be checked
_AT_ONCE = 200  # modules; what a kernel answers at once is in its memory three times
_MOST_OPTIMISED = 2  # for `compile`; the interpreter takes any number, and names files by it
_REPORT = "pack with --no-bytecode, and report this"
_INTEGER = re.compile(r"\s*[+-]?[0-9]+\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Compilation:
    """How to compile: all that decides about bytecode besides the source and the interpreter.

    Attributes:
        kernel: name of the kernel that compiles.
        optimize: the level (``-O``) at which the environment's interpreter will run, and look for bytecode.
        debug_ranges: whether the code knows the columns of its source (PEP 657), and not its lines alone.
    """

    kernel: str
    optimize: int = 0
    debug_ranges: bool = False

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """Of the compiling kernel; empty ones are as if they were not set.

        Python's own switches; what users compile, their cells, is not touched by them.
        """
        return (("PYTHONNODEBUGRANGES", "" if self.debug_ranges else "1"), ("PYTHONOPTIMIZE", ""))


def optimize_level(variables: Mapping[str, str]) -> int:
    """The level of optimisation of an interpreter that is started with `variables`.

    As CPython reads ``PYTHONOPTIMIZE``: a number is the level, any other text means 1.
    """
    text = variables.get("PYTHONOPTIMIZE", "")
    if not text:
        return 0
    level = int(text) if _INTEGER.match(text) else 1
    return level if level >= 0 else 1


def compile_packages(
    pack: Path,
    packages: Mapping[str, Sequence[str]],
    how: Compilation,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[str, Bytecode | HostError]]:
    """Compile the sources of each of `packages` in one started kernel of `pack`.

    A package that the kernel does not survive ends the sequence: its error comes in the place of its bytecode.

    Args:
        pack: holds the sources; its environment must have no variables, which could change what is compiled.
        packages: prefix-relative paths of modules by the name of their package.
        how: the kernel and its settings.
        advance: told how many files were compiled; may raise to end the work.

    Raises:
        HostError: the kernel does not start, or does not compile.
    """
    # What is compiled must not follow from start-up code.
    options = RunOptions(kernel=how.kernel, env=how.variables, network=SEALED, startup=False)
    with start_kernel(pack, options=options) as running:
        client = running.client
        _run(client, resource_files("lite_env.host").joinpath(_SCRIPT).read_text("utf-8"))
        for name, sources in packages.items():
            parts: list[Bytecode] = []
            try:
                for start in range(0, len(sources), _AT_ONCE):
                    some = sources[start : start + _AT_ONCE]
                    parts.append(_compile(client, some, how.optimize))
                    advance(len(some))
            except HostError as error:
                yield name, error
                return
            yield name, together(parts)


def together(parts: Sequence[Bytecode]) -> Bytecode:
    """All of `parts` as one."""
    return Bytecode(
        tag=next((part.tag for part in parts if part.tag), ""),
        files={path: data for part in parts for path, data in part.files.items()},
        faults={path: fault for part in parts for path, fault in part.faults.items()},
    )


def _compile(client: KernelClient, sources: Sequence[str], optimize: int) -> Bytecode:
    # As a literal: the paths are ASCII in JSON, and JSON texts are Python texts.
    names = json.dumps(json.dumps(list(sources)))
    _run(client, f"_lite_env_compile({names}, {min(optimize, _MOST_OPTIMISED)}, {_OUTPUT!r})")
    answer = client.ask(AskRead(path=_OUTPUT), ReadEnvelope)
    if answer.data is None:
        raise HostError("the kernel compiled, but its result is not there", hint="this is a bug of lite-env")
    return parse_result(answer.data, optimize=optimize)


def _run(client: KernelClient, code: str) -> None:
    result = client.execute(code, timeout=COMPILE_SECONDS)
    if result.status != "ok":
        raise HostError(
            f"the kernel cannot compile its modules: {result.ename}: {result.evalue}",
            hint="pack with --no-bytecode",
            traceback="\n    ".join(result.traceback) or None,
        )


def parse_result(data: bytes, *, optimize: int = 0) -> Bytecode:
    """Read what the script in the kernel wrote: a line of JSON, then the codes one after the other.

    Raises:
        HostError: it is not that.
    """
    head, _, bodies = data.partition(b"\n")
    files: dict[str, bytes] = {}
    faults: dict[str, str] = {}
    try:
        document = parse_json(head, Origin(what="the kernel's bytecode", error=HostError, hint=_REPORT))
        magic = bytes.fromhex(document["magic"])
        at = 0
        for path, source_hash, size, fault in document["files"]:
            if fault is not None:
                faults[path] = fault
                continue
            header = magic + struct.pack("<I", _UNCHECKED_HASH) + bytes.fromhex(source_hash)
            files[path] = header + canonical(bodies[at : at + size])
            at += size
        tag = str(document["tag"]) + (f".opt-{optimize}" if optimize else "")
        return Bytecode(tag=tag, files=files, faults=faults)
    except (ValueError, KeyError, TypeError) as error:
        raise HostError(f"the kernel's bytecode cannot be read: {error}", hint=_REPORT) from error
