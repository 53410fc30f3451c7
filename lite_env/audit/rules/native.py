"""``native`` and ``noarch``: code that no browser runs, and code where there must be none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.subject import Subject

_FOREIGN = re.compile(r"\.(?:cpython-\d+[a-z]*|abi3|pypy\d+[-\w]*)-(?!wasm32-emscripten)[\w-]+\.so\Z|\.pyd\Z|\.dylib\Z")


def _find_native(subject: Subject) -> Iterator[Fault]:
    told = set()
    for binary in subject.contents.binaries:
        if binary.form in ("ELF", "Mach-O"):
            told.add(binary.path)
            yield Fault(
                file=binary.path,
                message=f"it is machine code ({binary.form}), which no browser runs",
                hint="it was compiled for the machine that built the package: cross-compile it, or leave it out",
            )
        elif binary.form == "PE":
            told.add(binary.path)
            yield Fault(
                file=binary.path,
                message="it is a program for Windows, which no browser runs",
                hint="launchers of pip and setuptools are harmless; leave out what is not needed",
                severity="warning",
            )
    for path in subject.contents.files:
        if path not in told and _FOREIGN.search(path):
            yield Fault(
                file=path,
                message="it is named as an extension module of another platform: Python will not find it",
                hint="build with _PYTHON_HOST_PLATFORM and _PYTHON_SYSCONFIGDATA_NAME of the runtime's Python",
            )


def _find_noarch(subject: Subject) -> Iterator[Fault]:
    libraries = [binary.path for binary in subject.contents.libraries if binary.form == "WebAssembly"]
    if libraries and (subject.contents.noarch or subject.contents.subdir == "noarch"):
        yield Fault(
            message=f"it is noarch, and has compiled code: {some(libraries)}",
            hint="build it for emscripten-wasm32: what is compiled fits one Emscripten only",
        )


NATIVE = Rule(id="native", checks="whether there is machine code", find=_find_native)
NOARCH = Rule(
    id="noarch",
    checks="whether noarch packages are without compiled code",
    find=_find_noarch,
    needs=frozenset({"package"}),
)
