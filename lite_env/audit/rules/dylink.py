"""``dylink``: a file that is named as a shared library is none that a loader takes.

The loader reads the section ``dylink.0`` (or the older ``dylink``), which must be the first one, and gives the library
memory and table slots of the main module's, whose memory it has to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule, has_libraries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.subject import Subject
    from lite_env.wasm.model import Module

_LINK = "link it as a side module: emcc -sSIDE_MODULE, or wasm-ld -shared"
_MOST_ALIGNMENT = 16  # as a power of two: a page


def _find(subject: Subject) -> Iterator[Fault]:
    runtime = subject.runtime
    if runtime is not None and not runtime.links and has_libraries(subject.contents):
        yield Fault(
            message=f"it has shared libraries, and {runtime.name} loads none: it is linked statically",
            hint="for another runtime, name it with --runtime; else this package cannot be used",
        )
    for binary in subject.contents.libraries:
        if binary.form == "WebAssembly":
            reason = binary.fault or (binary.module and _reason(binary.module))
            if reason:
                yield Fault(file=binary.path, message=f"it is no shared library: {reason}", hint=_LINK)
        elif binary.form == "unknown":
            yield Fault(
                file=binary.path,
                message="it is named as a shared library, and is no WebAssembly module",
                hint="leave it out of the package, or give it another name",
            )


def _reason(module: Module) -> str | None:
    """What of a sound module a loader does not take."""
    dylink = module.dylink
    if dylink is None:
        return "it has no section 'dylink.0'"
    if not module.dylink_first:
        return f"its section '{dylink.section}' is not the first one, where alone it is looked for"
    if dylink.memory is None:
        return f"its section '{dylink.section}' does not tell how much memory it needs"
    if max(dylink.memory.alignment, dylink.memory.table_alignment) > _MOST_ALIGNMENT:
        return f"it wants memory or table aligned at more than 2**{_MOST_ALIGNMENT}"
    return "it brings a memory of its own" if module.own_memory else None


RULE = Rule(id="dylink", checks="whether shared libraries can be loaded", find=_find)
