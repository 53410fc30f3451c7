"""Imports modules before a kernel is copied; none of its names stay."""

from __future__ import annotations


def _lite_env_preload(names: list[str]) -> None:
    import importlib

    del globals()["_lite_env_preload"]
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001 - a module may end the program
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            raise ImportError(f"'{name}' cannot be imported: {said}") from None
