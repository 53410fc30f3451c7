"""``needed``: a library names other libraries that will not be there.

``dylink.0`` names them bare (``libz.so``); they have to lie in the package or in what it depends on.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.contents import Binary
    from lite_env.audit.subject import Subject
    from lite_env.wasm.model import Module


def _find(subject: Subject) -> Iterator[Fault]:
    own = {name for name, _ in subject.contents.named()}
    for binary, module in subject.modules():
        needed = module.dylink.needed if module.dylink else ()
        yield from _malformed(binary, needed)
        if subject.libraries is None:
            continue
        absent = [name for name in dict.fromkeys(needed) if name not in own and name not in subject.libraries.reached]
        for name in absent:
            yield _absent(binary, name, subject.libraries.others.get(name))
        yield from _beyond(binary, module, subject, absent)


def _malformed(binary: Binary, needed: tuple[str, ...]) -> Iterator[Fault]:
    placed = [name for name in dict.fromkeys(needed) if "/" in name or "\\" in name]
    if placed:
        yield Fault(
            file=binary.path,
            message=f"it needs {some(placed)}: a path of the machine that linked it, and no bare name",
            hint="link with -L DIR -l NAME, not with the library's path",
        )
    twice = [name for name, count in Counter(needed).items() if count > 1]
    if twice:
        yield Fault(
            file=binary.path,
            message=f"it names {some(twice)} more than once",
            hint="name it once when linking",
            severity="warning",
        )
    if binary.path.rpartition("/")[2] in needed:
        yield Fault(file=binary.path, message="it needs itself", hint="do not link it against itself")


def _absent(binary: Binary, name: str, other: str | None) -> Fault:
    if other is not None:
        return Fault(
            file=binary.path,
            message=f"it needs '{name}', which '{other}' brings, and the package does not depend on that",
            hint=f"add {other} to the package's run requirements",
        )
    return Fault(
        file=binary.path,
        message=f"it needs '{name}', which neither the package nor what it depends on brings",
        hint="depend on the package that brings it, or link it statically",
    )


def _beyond(binary: Binary, module: Module, subject: Subject, told: list[str]) -> Iterator[Fault]:
    """What the libraries that it needs need in turn."""
    missing = [name for name in subject.needed(module).missing if name not in told]
    if missing:
        yield Fault(
            file=binary.path,
            message=f"a library that it needs needs {some(missing)}, which nothing that the package depends on brings",
            hint="the package of that library lacks a dependency",
        )


RULE = Rule(id="needed", checks="whether the libraries are there that libraries need", find=_find)
