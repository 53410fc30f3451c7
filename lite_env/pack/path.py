"""Which paths may stand in a pack: relative, POSIX, without tricks."""

from __future__ import annotations


def is_safe_component(name: str) -> bool:
    """Whether `name` can be one folder or file name on every system that lite-env runs on."""
    return name not in ("", ".", "..") and not any(letter in name for letter in "/\\\0")


def is_safe_path(path: str) -> bool:
    """Whether `path` is relative, and each of its components is safe."""
    return all(is_safe_component(part) for part in path.split("/"))
