"""A package and what it is to run in: what each rule is asked about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lite_env.audit.runtime import Symbol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lite_env.audit.contents import Binary, Contents
    from lite_env.audit.runtime import Runtime
    from lite_env.wasm.model import Import, Module


@dataclass(frozen=True, kw_only=True, slots=True)
class Libraries:
    """The shared libraries of other packages.

    Attributes:
        reached: those of the package's dependencies, and of theirs, by bare name.
        others: bare names in packages that it does not depend on, with the name of one of these.
    """

    reached: Mapping[str, tuple[Module, ...]] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, more: Libraries | None) -> Libraries:
        """These, and those of `more` besides."""
        if more is None:
            return self
        reached = {**more.reached, **self.reached}
        others = {**more.others, **self.others}
        return Libraries(reached=reached, others={name: others[name] for name in others if name not in reached})


def libraries_of(dependencies: Sequence[Contents], others: Mapping[str, str] | None = None) -> Libraries:
    """The libraries that `dependencies` bring; `others` are names of further ones, each with its package's."""
    reached: dict[str, tuple[Module, ...]] = {}
    for contents in dependencies:
        for name, binary in contents.named():
            if binary.module is not None:
                reached[name] = (*reached.get(name, ()), binary.module)
    return Libraries(
        reached=reached, others={name: each for name, each in (others or {}).items() if name not in reached}
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is audited.

    Attributes:
        contents: of the package.
        runtime: None where it is not known: rules that need one find nothing then.
        libraries: None where what other packages bring is not known.
    """

    contents: Contents
    runtime: Runtime | None
    libraries: Libraries | None

    def modules(self) -> Iterator[tuple[Binary, Module]]:
        """Its sound shared libraries."""
        for binary in self.contents.libraries:
            if binary.module is not None:
                yield binary, binary.module

    def needed(self, module: Module) -> Needed:
        """The libraries that `module` needs, and those that these need."""
        own: dict[str, tuple[Module, ...]] = {}
        for name, binary in self.contents.named():
            if binary.module is not None:
                own[name] = (*own.get(name, ()), binary.module)
        reached = self.libraries.reached if self.libraries is not None else {}
        modules: list[tuple[str, Module]] = []
        missing: list[str] = []
        seen: set[str] = set()
        waiting = list(module.dylink.needed if module.dylink else ())
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen.add(name)
            found = own.get(name) or reached.get(name)
            if found is None:
                missing.append(name)
                continue
            for each in found:
                modules.append((name, each))
                waiting += each.dylink.needed if each.dylink else ()
        return Needed(modules=tuple(modules), missing=tuple(missing))

    def bound(self, runtime: Runtime) -> Iterator[tuple[Binary, Module, Scope]]:
        """Its libraries, each with what its imports are bound to in `runtime`."""
        for binary, module in self.modules():
            yield binary, module, Scope(runtime=runtime, module=module, needed=self.needed(module))


@dataclass(frozen=True, kw_only=True, slots=True)
class Needed:
    """What a library's needed libraries come to: the modules with their names, and the names of those not found."""

    modules: tuple[tuple[str, Module], ...]
    missing: tuple[str, ...]


class Scope:
    """Where the loader looks for what a library imports: the runtime, needed libraries, the library itself."""

    def __init__(self, *, runtime: Runtime, module: Module, needed: Needed) -> None:
        self.runtime = runtime
        self.whole = not needed.missing
        """Whether all libraries are known, so that what is not found is nowhere."""
        self._needed = needed
        self._module = module

    def find(self, name: str) -> Symbol | None:
        """What `name` is bound to; None where that is nothing."""
        if (symbol := self.runtime.find(name)) is not None:
            return symbol
        for home, module in (*self._needed.modules, ("the library itself", self._module)):
            if (export := module.exports.get(name)) is not None:
                return Symbol(kind=export.kind, type=export.type, home=home)
        return None

    def unbound(self) -> Iterator[Import]:
        """What is bound to nothing and is not weak; nothing where a needed library is not known."""
        if not self.whole or not self.runtime.links:
            return
        for each in self._module.imports:
            if self.find(each.name) is None and not (self._module.dylink and self._module.dylink.is_weak(each.name)):
                yield each
