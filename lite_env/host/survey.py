"""Which submodules a package has for everybody, and which files the import of each of them opens.

A kernel for each of them would take minutes. Therefore one kernel imports them all, one after the other, and a script
in it (:mod:`lite_env.host.survey_in_kernel`) keeps which module was loaded because of which, and which files were
opened meanwhile. What the import of one opens is then what it, and all that it needs, have opened. What the script does
not see is missing, and loads when it is opened.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from importlib.resources import files as resource_files
from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import HostError
from lite_env.host.engine import AskRead, ReadEnvelope
from lite_env.pack.submodules import all_files
from lite_env.store.text import Origin, convert, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lite_env.host.client import KernelClient

_SCRIPT = "survey_in_kernel.py"
_OUTPUT = "/tmp/lite-env-survey"  # noqa: S108 - in the kernel's own file system
_HINT = "report this, with the name of the package"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A module that was loaded: the modules that it needs for that, and the files that were opened for it itself."""

    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What the import of a package's submodules opens, besides what its own import had opened.

    Attributes:
        modules: all that were loaded, of other packages too, by name.
        names: the submodules that everybody may import, and that can be imported.
        opened: all files that were opened meanwhile, prefix-relative.
    """

    modules: dict[str, Loaded] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()

    def files(self, name: str) -> frozenset[str]:
        """What the import of the submodule `name` opens."""
        return all_files(name, self.modules)


class _Answer(msgspec.Struct, frozen=True):
    """What the script writes: for each module its needs and files, absolute."""

    modules: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    names: tuple[str, ...]


def survey_package(client: KernelClient, package: str, *, seconds: float) -> bytes | None:
    """Import the submodules of `package`, which the kernel has imported; the script's answer, None where it failed.

    Raises:
        HostError: the kernel does not survive it, or takes longer than `seconds`.
    """
    script = resource_files("lite_env.host").joinpath(_SCRIPT).read_text("utf-8")
    client.execute(f"{script}\n\n_lite_env_survey({package!r}, {_OUTPUT!r})\n", timeout=seconds)
    # However the cell ends: some module of C sets an error that nobody can catch, and the survey went on.
    return client.ask(AskRead(path=_OUTPUT), ReadEnvelope).data


def read_survey(
    data: bytes, opened: Sequence[str], before: Iterable[str], needed: Mapping[str, Sequence[str]]
) -> Survey:
    """What the script in the kernel wrote.

    Args:
        data: its file.
        opened: what the runtime has seen opened meanwhile, in that order, prefix-relative.
        before: what had been opened before.
        needed: names of the shared libraries that a shared library needs, by its path.

    Raises:
        HostError: it is not such a file.
    """
    origin = Origin(what="what the kernel tells of its modules", error=HostError, hint=_HINT)
    answer = convert(parse_json(data, origin), _Answer, origin)
    known = frozenset((*opened, *before))
    found: dict[str, set[str]] = {}
    for name, (_, paths) in answer.modules.items():
        found[name] = {file for path in paths if (file := path.lstrip("/")) in known}
    _add_unseen(found, opened)
    _add_libraries(found, known, needed)
    return Survey(
        modules={
            name: Loaded(needs=needs, files=tuple(sorted(found[name]))) for name, (needs, _) in answer.modules.items()
        },
        names=answer.names,
        opened=tuple(opened),
    )


def _add_unseen(found: Mapping[str, set[str]], opened: Sequence[str]) -> None:
    """Add files that Python has not opened itself to the modules whose file was opened before them."""
    users: dict[str, list[str]] = defaultdict(list)
    for name, files in found.items():
        for file in files:
            users[file].append(name)
    last: list[str] = []
    for file in opened:
        last = users.get(file, last)
        for name in last:
            found[name].add(file)


def _add_libraries(found: Mapping[str, set[str]], known: frozenset[str], needed: Mapping[str, Sequence[str]]) -> None:
    """Add the shared libraries that others need: the first that needs one opens it, and another import may be first."""
    by_name = {path.rpartition("/")[2]: path for path in sorted(known, reverse=True)}
    for files in found.values():
        ahead = [file for file in files if file in needed]
        while ahead:
            wanted = {by_name[name] for name in needed.get(ahead.pop(), ()) if name in by_name}
            ahead.extend(wanted - files)
            files.update(wanted)
