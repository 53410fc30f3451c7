"""Which paths may stand in a pack: relative, POSIX, without tricks."""

from __future__ import annotations

# In a browser a folder is an object, of which the last is no key.
_UNSAFE = frozenset(("", ".", "..", "__proto__"))


def is_safe_component(name: str) -> bool:
    """Whether `name` can be one folder or file name on every system that lite-env runs on."""
    return "/" not in name and is_safe_path(name)


def is_safe_path(path: str) -> bool:
    """Whether `path` is relative, and each of its components is safe."""
    return _UNSAFE.isdisjoint(path.split("/")) and "\\" not in path and "\0" not in path
