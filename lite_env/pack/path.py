"""Which paths may stand in a pack: relative, POSIX, without tricks; and which names can be those of files anywhere."""

from __future__ import annotations

from lite_env.prefix.tree import CONDA_META
from lite_env.spec.model import MAX_NAME_BYTES, is_long_name

# In a browser a folder is an object, of which the last is no key.
_UNSAFE = frozenset(("", ".", "..", "__proto__"))

_DEVICES = frozenset(
    ["AUX", "CON", "CONIN$", "CONOUT$", "NUL", "PRN"]
    + [f"{device}{number}" for device in ("COM", "LPT") for number in "0123456789\N{SUPERSCRIPT ONE}²³"]
)
_NOT_ON_WINDOWS = frozenset('<>:"|?*\\') | {chr(code) for code in range(32)}


def is_safe_component(name: str) -> bool:
    """Whether `name` can be one folder or file name on every system that lite-env runs on."""
    return "/" not in name and is_safe_path(name)


def is_safe_path(path: str) -> bool:
    """Whether `path` is relative, and each of its components is safe."""
    return _UNSAFE.isdisjoint(path.split("/")) and "\\" not in path and "\0" not in path


def is_of_records(path: str) -> bool:
    """Whether `path` lies where an environment keeps its records, on whatever file system takes it for that name."""
    return path.partition("/")[0].rstrip(". ").casefold() == CONDA_META


def name_fault(name: str) -> str | None:
    """Why `name` cannot be that of a folder on every system that it may be copied to; None when it can."""
    if not is_safe_component(name):
        return "it is not a single name"
    if is_long_name(name):
        return f"it has more than {MAX_NAME_BYTES} bytes"
    return windows_fault(name) or (None if name.isprintable() else "it cannot be printed")


def windows_fault(part: str) -> str | None:
    """Why a name, which is not empty, cannot be that of a file on Windows; None when it can."""
    if set(part) & _NOT_ON_WINDOWS:
        return "Windows does not allow one of its letters"
    if part[-1] in ". ":
        return "on Windows it would lose its last letter"
    # `NUL.txt` and `nul .txt` are the device, too.
    if part.partition(".")[0].rstrip().upper() in _DEVICES:
        return "Windows takes it for a device"
    return None
