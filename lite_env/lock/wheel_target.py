"""What a wheel has to be made for, to be installed into one environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.tags import parse_tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lite_env.lock.model import LockedPackage
    from lite_env.lock.wheel import WheelName

ABI_PACKAGE = "emscripten-abi"
"""The package whose version is Emscripten's, and whose build string may be that of a platform of wheels."""

# As in https://peps.python.org/pep-0783/: a name, a year, and a number.
_MINOR = re.compile(r"cp3([0-9]{1,4})")
_BINARY_INTERFACE = re.compile(r"[a-z]+_[0-9]{4}_[0-9]+\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelTarget:
    """An environment, as the tags of wheels see it.

    Attributes:
        python: version of its Python, ``3.14.2``; empty where it has none.
        platform: ``pyemscripten_2026_0_wasm32``; None where its compiled packages are of no platform that wheels have.
    """

    python: str
    platform: str | None = None

    @property
    def tag(self) -> str | None:
        """The tag of a wheel that is compiled for it."""
        return f"{self._short}-{self._short}-{self.platform}" if self.platform else None

    @property
    def _short(self) -> str:
        return "cp" + "".join(self.python.split(".")[:2])

    def takes(self, name: WheelName) -> bool:
        """Whether it is for every platform, or compiled for this one."""
        return name.pure or any(
            tag.platform == self.platform and self._loads(tag.interpreter, tag.abi) for tag in parse_tag(name.tag)
        )

    def _loads(self, interpreter: str, abi: str) -> bool:
        if abi == "abi3":  # of this Python and all later ones
            least, ours = _MINOR.fullmatch(interpreter), _MINOR.fullmatch(self._short)
            return least is not None and ours is not None and int(least[1]) <= int(ours[1])
        return abi in (self._short, "none") and interpreter in (self._short, "py3")


def platform_of(build: str) -> str | None:
    """The platform of wheels that the build string of the ABI's package names, if it does."""
    return f"{build}_wasm32" if _BINARY_INTERFACE.match(build) else None


def target_of(packages: Iterable[LockedPackage]) -> WheelTarget:
    """The target that packages make, of which one may be Python and one the ABI's."""
    conda = {package.name: package for package in packages if package.manager == "conda"}
    python, abi = conda.get("python"), conda.get(ABI_PACKAGE)
    return WheelTarget(
        python=python.version if python else "", platform=platform_of(abi.build) if python and abi else None
    )
