"""Finds modules that are not loaded as they would be elsewhere."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# Modules that this Python lacks or that are made for other kernels: what stands for them, and what they were made of.
_STAND_INS = {
    "ssl": ("tls", "_ssl"),
    "lzma": ("nolzma", "_lzma"),
    "urllib3.contrib.emscripten": ("nothing", None),
    "pip._vendor.urllib3.contrib.emscripten": ("nothing", None),
}


class _Then:
    """Loads a module as it would be loaded, and does something with it."""

    def __init__(self, loader: Any, then: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> Any:
        """The loader's own."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run it, and what comes then."""
        self._loader.exec_module(module)
        self._then(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def find(finder: Any, name: str, path: Any, then: Callable[[ModuleType], None] | None) -> Any:
    """For the finder that asks: a stand-in, or what others find, which is mended when it is loaded (or `then`)."""
    text, needed = _STAND_INS.get(name, ("", None))
    if text and not (needed and _is_there(needed)):
        return finder.stand_in(name, text)
    for other in sys.meta_path:
        search = getattr(other, "find_spec", None)
        spec = search(name, path) if other is not finder and search else None
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, then or _mend)
            return spec
    return None


def _is_there(name: str) -> bool:
    return name in sys.builtin_module_names or find_spec(name) is not None


def _mend(module: ModuleType) -> None:
    from lite_env_network import clients

    clients.mend(module)
