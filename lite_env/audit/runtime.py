"""What a main module gives to the libraries that are loaded into it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lite_env.wasm.model import GlobalType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lite_env.audit.contents import Binary, Contents
    from lite_env.audit.glue import Glue
    from lite_env.wasm.model import Export, Import, Kind, Type

_INVOKE = "invoke_"
_CATCH = "__cxa_find_matching_catch_"
# What the loader works out for each library.
_BASES = ("__memory_base", "__table_base")
_EXCEPTION_TAG, _LONGJMP_TAG = "__cpp_exception", "__c_longjmp"


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbol:
    """What a name is bound to.

    Attributes:
        kind: None where only its name is known.
        type: None where it is not known.
        home: who gives it, for messages.
    """

    kind: Kind | None
    type: Type
    home: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """A main module and its script.

    Attributes:
        name: what it is called in answers, by its module.
        emscripten: version of Emscripten it was built with, where a package tells.
        python: its Python, where it is one: as exact as is known, at least ``3.11``.
        exports: what the main module exports, by name.
        imports: what it imports itself: what of the script's functions has which signature.
        names: of the script's import object.
        invokes, catches: as in `Glue`.
        links: whether it can load libraries at all.
    """

    name: str
    emscripten: str | None
    python: str | None
    exports: Mapping[str, Export] = field(repr=False)
    imports: Mapping[str, Import] = field(repr=False)
    names: frozenset[str] = field(repr=False)
    invokes: bool
    catches: bool
    links: bool

    def find(self, name: str) -> Symbol | None:
        """What the loader binds an import of ``env`` to, without other libraries; None where that is nothing.

        The script's own function stands before the main module's of the same name.
        """
        if name in _BASES:
            return Symbol(kind="global", type=GlobalType(value="i32", mutable=False), home="the loader")
        if name in self.names:
            known = self.imports.get(name)
            return Symbol(
                kind=known.kind if known else None, type=known.type if known else None, home=f"{self.name}'s script"
            )
        if name in self.exports:
            export = self.exports[name]
            return Symbol(kind=export.kind, type=export.type, home=self.name)
        if (name.startswith(_INVOKE) and self.invokes) or (name.startswith(_CATCH) and self.catches):
            return Symbol(kind="function", type=None, home=f"{self.name}'s loader")
        return None

    @property
    def exceptions(self) -> Literal["javascript", "wasm"] | None:
        """How C++ exceptions are thrown in it; None where they are not."""
        if self.find(_EXCEPTION_TAG) is not None:
            return "wasm"
        return "javascript" if self.invokes and self.catches else None

    @property
    def setjmp(self) -> Literal["javascript", "wasm"] | None:
        """How `longjmp` works in it; None where it does not."""
        if self.find(_LONGJMP_TAG) is not None:
            return "wasm"
        return "javascript" if self.find("emscripten_longjmp") is not None else None


def make_runtime(
    binary: Binary, glue: Glue, *, emscripten: str | None = None, python: str | None = None
) -> Runtime | None:
    """The runtime of a main module and its script; None where the module is not sound.

    Args:
        binary: the main module.
        glue: what its script tells.
        emscripten: the version, where it is known.
        python: the exact version of the environment's Python, where that is known; whether the module has one, and
            of which minor version, it tells itself.
    """
    module = binary.module
    if module is None:
        return None
    exact = python if python and binary.python and python.split(".")[:2] == binary.python.split(".") else None
    return Runtime(
        name=posixpath.basename(binary.path),
        emscripten=emscripten,
        python=exact or binary.python,
        exports=module.exports,
        imports={each.name: each for each in module.imports if not each.module.startswith("GOT.")},
        names=glue.names or frozenset(),
        invokes=glue.invokes,
        catches=glue.catches,
        links=module.dylink is not None and glue.names is not None,
    )


def main_modules(contents: Contents) -> Iterator[tuple[Binary, Glue]]:
    """The main modules of a package, each with the script that lies beside it."""
    for binary in contents.binaries:
        stem, dot, ending = binary.path.rpartition(".")
        glue = next(
            (contents.glues[path] for end in ("js", "mjs") if (path := f"{stem}.{end}") in contents.glues), None
        )
        if dot and ending == "wasm" and glue is not None:
            yield binary, glue
