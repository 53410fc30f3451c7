"""``constructors``: a library has static constructors, and nobody runs them.

The loader calls the export ``__wasm_call_ctors`` once; where it is not exported, it goes on without. The linker puts
that function in front of all others, and it does nothing but call the constructors, so that it is told even without a
name. A library that has none has no such function, or an empty one, and nothing is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.subject import Subject

_CONSTRUCTORS = "__wasm_call_ctors"


def _find(subject: Subject) -> Iterator[Fault]:
    for binary, module in subject.modules():
        if _CONSTRUCTORS not in module.exports and module.first_export is None and module.constructors:
            yield Fault(
                file=binary.path,
                message=f"its static constructors never run: '{_CONSTRUCTORS}' is not exported",
                hint=f"link with --export-if-defined={_CONSTRUCTORS}",
            )


RULE = Rule(id="constructors", checks="whether static constructors run", find=_find)
