"""``import-signature``: a library imports something as another type than it has.

An engine refuses to instantiate a library whose import is a WebAssembly function, a global or a tag of another type.
A function of JavaScript takes anything, and gets wrong arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.runtime import Symbol
    from lite_env.audit.subject import Subject
    from lite_env.wasm.model import Import

_GOT = ("GOT.mem", "GOT.func")


def _find(subject: Subject) -> Iterator[Fault]:
    if subject.runtime is None:
        return
    for binary, module, scope in subject.bound(subject.runtime):
        for each in module.imports:
            symbol = scope.find(each.name)
            if symbol is None or each.module in _GOT or _fits(each, symbol):
                continue
            yield Fault(
                file=binary.path,
                message=f"it imports '{each.name}' as {_shown(each)}, and that of {symbol.home} is {_shown(symbol)}",
                hint="compile it with the headers and the Emscripten of the runtime; in C, declare the function",
            )


def _fits(wanted: Import, symbol: Symbol) -> bool:
    if symbol.kind is None:
        # Of a script's name it is known that it is there; all but tables and memories of that kind are functions.
        return True
    return wanted.kind == symbol.kind and (wanted.type is None or symbol.type is None or wanted.type == symbol.type)


def _shown(what: Import | Symbol) -> str:
    return f"{what.kind} {what.type}" if what.type is not None else f"{what.kind}"


RULE = Rule(
    id="import-signature",
    checks="whether what libraries import has the signature that they expect",
    find=_find,
    needs=frozenset({"runtime"}),
)
