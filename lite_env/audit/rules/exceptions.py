"""``exceptions``: exceptions and `setjmp` of another kind than the runtime's.

Emscripten throws in two ways, and a whole program is built for one: through JavaScript (``invoke_*``,
``__cxa_find_matching_catch_*``) or by WebAssembly's own exceptions (the tag ``__cpp_exception``). `setjmp` goes with
them: through ``emscripten_longjmp``, or by the tag ``__c_longjmp``. From LLVM 19 on compilers call ``__wasm_setjmp``
for both, which runtimes before Emscripten 3.1.60 or so lack, whose own are ``saveSetjmp`` and ``testSetjmp``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.runtime import Runtime
    from lite_env.audit.subject import Subject

# What a compiler emits for each way; what it is called; what to do.
_WAYS = (
    (
        re.compile(r"invoke_\w+|__cxa_find_matching_catch(?:_\d+)?|__resumeException|llvm_eh_typeid_for"),
        "C++ exceptions through JavaScript",
        "exceptions",
    ),
    (
        re.compile(r"__cpp_exception|__wasm_lpad_context|_Unwind_(?:CallPersonality|RaiseException)"),
        "C++ exceptions of WebAssembly",
        "exceptions",
    ),
    (re.compile(r"emscripten_longjmp(?:_jmpbuf)?|saveSetjmp|testSetjmp"), "setjmp through JavaScript", "setjmp"),
    (re.compile(r"__c_longjmp|__wasm_longjmp"), "setjmp of WebAssembly", "setjmp"),
    (re.compile(r"__wasm_setjmp(?:_test)?"), "setjmp as LLVM 19 and later compile it", "shim"),
)
_EXCEPTION_FLAGS = {
    "javascript": "compile with -fexceptions (with clang alone: -mllvm -enable-emscripten-cxx-exceptions)",
    "wasm": "compile with -fwasm-exceptions",
    None: "this runtime has no C++ exceptions: compile with -fno-exceptions, or for another runtime",
}
_SETJMP_FLAGS = {
    "javascript": "compile with -sSUPPORT_LONGJMP=emscripten (with clang alone: -mllvm -enable-emscripten-sjlj)",
    "wasm": "compile with -sSUPPORT_LONGJMP=wasm (with clang alone: -mllvm -wasm-enable-sjlj)",
    None: "this runtime has no setjmp: compile for another one",
}
_SHIM = "compile with the Emscripten version of the runtime, or link the functions into the library"


def is_of_exceptions(name: str) -> bool:
    """Whether an import is one of those that exceptions and `setjmp` are compiled to."""
    return any(pattern.fullmatch(name) for pattern, _, _ in _WAYS)


def _find(subject: Subject) -> Iterator[Fault]:
    if subject.runtime is None:
        return
    for binary, _, scope in subject.bound(subject.runtime):
        names = list(dict.fromkeys(each.name for each in scope.unbound()))
        for pattern, way, kind in _WAYS:
            if found := [name for name in names if pattern.fullmatch(name)]:
                yield Fault(
                    file=binary.path,
                    message=f"it is compiled for {way}, which {subject.runtime.name} lacks: {some(found)}",
                    hint=_hint(kind, subject.runtime),
                )


def _hint(kind: str, runtime: Runtime) -> str:
    if kind == "exceptions":
        return _EXCEPTION_FLAGS[runtime.exceptions]
    return _SETJMP_FLAGS[runtime.setjmp] if kind == "setjmp" else _SHIM


RULE = Rule(
    id="exceptions",
    checks="whether exceptions and setjmp are those of the runtime",
    find=_find,
    needs=frozenset({"runtime"}),
)
