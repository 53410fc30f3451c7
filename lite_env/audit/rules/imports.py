"""``import-missing``: a library imports what nobody exports.

The loader gives a stand-in for a function that it does not find, which throws when it is called; there is none for a
table, a memory, a global or a tag, without which the library cannot be loaded, nor for an address in ``GOT.mem`` or
``GOT.func``, for which `dlopen` ends with an error. What is weak may be missing. (Emscripten,
``src/library_dylink.js``: ``loadWebAssemblyModule``, ``reportUndefinedSymbols``.)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.audit.rules.exceptions import is_of_exceptions
from lite_env.audit.rules.rule import Fault, Rule, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.subject import Subject

# The library of f2c: input and output, arithmetic, and the main program that a library has not.
_OF_F2C = re.compile(
    r"MAIN__|s_[rw]s[a-z]{2}|e_[rw]s[a-z]{2}|do_[lfu]io|s_(?:stop|paus|copy|cat|cmp)|[dr]_lg10"
    r"|pow_(?:dd|di|ri|ii|ci|zi|zz)|i_(?:len|indx|nint|dnnt)|[dr]_(?:sign|nint|int|mod|imag|cnjg)"
)
_GOT = ("GOT.mem", "GOT.func")


def _find(subject: Subject) -> Iterator[Fault]:
    if subject.runtime is None:
        return
    for binary, _, scope in subject.bound(subject.runtime):
        unbound = [each for each in scope.unbound() if not is_of_exceptions(each.name)]
        addresses = dict.fromkeys(each.name for each in unbound if each.module in _GOT)
        functions = dict.fromkeys(each.name for each in unbound if each.module not in _GOT and each.kind == "function")
        objects = dict.fromkeys(each.name for each in unbound if each.module not in _GOT and each.kind != "function")
        where = f"neither {subject.runtime.name} nor a needed library exports"
        hint = "link what defines it into the library, or name the library that does with -l when linking"
        if objects:
            yield Fault(file=binary.path, message=f"it cannot be loaded: {where} {some(objects)}", hint=hint)
        if addresses:
            message = (
                f"dlopen fails: it takes the address of {some(addresses)}, which {where.replace(' exports', '')} has"
            )
            yield Fault(file=binary.path, message=message, hint=hint)
        of_f2c = [name for name in functions if _OF_F2C.fullmatch(name)]
        others = [name for name in functions if name not in of_f2c and name not in addresses]
        if others:
            message = f"a call fails when it is made: {where} {some(others)}"
            yield Fault(file=binary.path, message=message, hint=hint)
        if of_f2c:
            yield Fault(
                file=binary.path,
                message=f"a call fails when it is made: {where} {some(of_f2c)}, which are of Fortran's own library",
                hint="harmless where Fortran would only print or stop there; else link libf2c into the library",
                severity="warning",
            )


RULE = Rule(
    id="import-missing",
    checks="whether the runtime has what libraries import",
    find=_find,
    needs=frozenset({"runtime"}),
)
