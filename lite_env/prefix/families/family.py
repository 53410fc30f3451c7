"""What a family of kernels is to the rest: the seam of its folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lite_env.prefix.model import KernelFile, KernelSpec, PrefixFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A kernelspec that may be of some family.

    Attributes:
        name: the folder's name.
        path: where its ``kernel.json`` lies, relative to `root` like all paths.
        document: what is in it, the folder of the build removed.
        program: where ``argv[0]`` lies, without the endings of its script and module; None where it has neither.
        files: all that lies in the environment.
    """

    root: Path
    name: str
    path: str
    document: Mapping[str, Any]
    program: str | None
    files: Mapping[str, PrefixFile]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognised:
    """What a family makes of a kernelspec.

    Attributes:
        files: the kernel's own binaries by role, in the order in which they are written down.
        interpreter: name of the package whose version its interpreter has; None where the kernel is the interpreter.
        worker: whether its worker runs classic scripts or modules.
    """

    files: tuple[KernelFile, ...]
    interpreter: str | None = None
    worker: Literal["classic", "module"] = "classic"


class Family(Protocol):
    """Kernels that are told, started and given variables in one way."""

    @property
    def name(self) -> str:
        """As it stands in manifests."""

    @property
    def mark(self) -> str:
        """What its kernels are known by, for people: `kernels of x: their script defines y`."""

    @property
    def example(self) -> str:
        """A package that brings one of its kernels."""

    def recognise(self, candidate: Candidate) -> Recognised | None:
        """What the files of a kernelspec are for, by role; None where it is not of this family.

        Raises:
            PrefixError: it is, and something is missing.
        """

    def takes_variables(self, root: Path, kernel: KernelSpec) -> bool:
        """Whether one of its kernels, below `root`, may have a way to be given environment variables."""
