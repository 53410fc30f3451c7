"""Which kernel of a pack runs a piece of code: the one it names, else one of its language; decided, not done."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from lite_env.errors import HostError
from lite_env.prefix.families import example_package

if TYPE_CHECKING:
    from lite_env.pack.manifest import Kernel, Manifest

_BY_SUFFIX = {
    ".cc": "c++",
    ".cpp": "c++",
    ".cxx": "c++",
    ".jl": "julia",
    ".js": "javascript",
    ".lua": "lua",
    ".py": "python",
    ".r": "r",
    ".sql": "sql",
}
_SYNONYMS = {"cpp": "c++", "ipython": "python", "js": "javascript", "sqlite": "sql", "sqlite3": "sql"}
_EDITION = re.compile(r"(?<=[a-z+])\d+$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is known of the kernel that some code is for.

    Attributes:
        code: what the code is, for messages.
        name: the kernel that the user insists on; None leaves it to the rest.
        spec: the kernelspec that a notebook names.
        language: that the code is written in; None when that is not known.
        strict: whether code is refused that no kernel speaks, or of which nothing is known where there are several
            kernels; else the first kernel gets it.
    """

    code: str = "the code"
    name: str | None = None
    spec: str | None = None
    language: str | None = None
    strict: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A kernel, and what the user should know of why it is this one: a note or a warning."""

    kernel: Kernel
    note: str | None = None
    warning: str | None = None


def choose_kernel(manifest: Manifest, name: str | None) -> Kernel:
    """The kernel called `name`, or the first.

    Raises:
        HostError: there is none, or none of that name; the message lists those there are.
    """
    return choose(manifest, Wish(name=name)).kernel


def choose(manifest: Manifest, wish: Wish) -> Choice:
    """The kernel for `wish`: by the user's word, by the kernelspec's name, by the language, else the first.

    Raises:
        HostError: there is no kernel, none of the name that the user gave, or none that suits a notebook; lists them.
    """
    kernels = manifest.kernels
    if not kernels:
        raise HostError(
            "the pack has no kernel",
            hint=f"add a kernel to the environment, such as `{example_package()}`, and pack it again",
            environment=manifest.environment.name,
        )
    if wish.name is not None:
        return _insisted(manifest, wish, wish.name)
    for kernel in kernels:
        if wish.spec is not None and kernel.name.casefold() == wish.spec.casefold():
            return Choice(kernel=kernel)
    speaking = [kernel for kernel in kernels if same_language(kernel.language, wish.language)]
    if speaking:
        return Choice(kernel=speaking[0], note=_several(speaking))
    if wish.strict and (wish.spec is not None or wish.language is not None):
        asked = " ".join(filter(None, (wish.spec and repr(wish.spec), wish.language and f"({wish.language})")))
        raise HostError(
            f"the pack has no kernel for {wish.code}, which asks for {asked}",
            hint=f"it has: {list_kernels(manifest)}; `--kernel NAME` runs it in one of them all the same",
            environment=manifest.environment.name,
        )
    if wish.strict and len(kernels) > 1:
        raise HostError(
            f"{wish.code} does not say which kernel it is for, and the pack has several",
            hint=f"choose one with `--kernel NAME`: {list_kernels(manifest)}",
            environment=manifest.environment.name,
        )
    return Choice(kernel=kernels[0], note=_several(kernels), warning=_mismatch(kernels[0], wish))


def same_language(first: str | None, second: str | None) -> bool:
    """Whether two names mean one language, whatever their case, edition (``C++17``) or usual short form."""
    return first is not None and second is not None and _plain(first) == _plain(second)


def language_of_file(name: str) -> str | None:
    """The language that a file's name tells; None when it tells none."""
    return _BY_SUFFIX.get(PurePath(name).suffix.lower())


def list_kernels(manifest: Manifest) -> str:
    """The pack's kernels in one line, each with its language."""
    return ", ".join(f"{kernel.name} ({kernel.language})" for kernel in manifest.kernels)


def _insisted(manifest: Manifest, wish: Wish, name: str) -> Choice:
    for kernel in manifest.kernels:
        if kernel.name == name:
            return Choice(kernel=kernel, warning=_mismatch(kernel, wish))
    raise HostError(
        f"the pack has no kernel called {name!r}",
        hint=f"it has: {list_kernels(manifest)}",
        environment=manifest.environment.name,
    )


def _mismatch(kernel: Kernel, wish: Wish) -> str | None:
    if wish.language is None or same_language(kernel.language, wish.language):
        return None
    return f"{wish.code} is {wish.language}, but the kernel {kernel.name} speaks {kernel.language}"


def _several(kernels: tuple[Kernel, ...] | list[Kernel]) -> str | None:
    if len(kernels) == 1:
        return None
    others = ", ".join(kernel.name for kernel in kernels[1:])
    return f"running in {kernels[0].name} ({kernels[0].language}); `--kernel` takes another one: {others}"


def _plain(language: str) -> str:
    plain = _EDITION.sub("", language.strip().casefold())
    return _SYNONYMS.get(plain, plain)
