"""What is said of files that several packages bring: a warning; or an error, where a kernel would be made of both's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.errors import PrefixError
from lite_env.prefix.claims import some
from lite_env.prefix.kernelspec import kernel_of, places_named_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lite_env.prefix.claims import Conflict
    from lite_env.prefix.model import KernelSpec, PrefixFile
    from lite_env.progress import Reporter


def refuse_disputed_kernels(root: Path, files: Mapping[str, PrefixFile], conflicts: Sequence[Conflict]) -> None:
    """Refuse kernels that another package took a file from, before they are read: that would blame the kernel.

    Args:
        root: the environment.
        files: what lies in it, by path.
        conflicts: what several packages bring.

    Raises:
        PrefixError: names the packages.
    """
    disputed = {
        path: conflict for conflict in conflicts if conflict.differs for path in (conflict.path, *conflict.inside)
    }
    if not disputed:
        return
    places = files.keys() | disputed.keys()
    for spec in sorted(path for path in places if kernel_of(path) is not None):
        own = [spec] if spec in disputed else places_named_by(root / spec, places)
        for path in own:
            if path in disputed:
                raise _kernel_error(disputed[path], str(kernel_of(spec)), path)


def tell_conflicts(conflicts: Sequence[Conflict], kernels: Iterable[KernelSpec], reporter: Reporter) -> None:
    """Say which packages bring the same files.

    Raises:
        PrefixError: one of them is a kernel's own: a kernel made of two packages' files is nobody's.
    """
    own = {path: kernel for kernel in kernels for path in kernel.paths}
    for conflict in conflicts:
        for path in (conflict.path, *conflict.inside):
            if path in own and conflict.differs:
                raise _kernel_error(conflict, own[path].name, path)
    by_packages: dict[tuple[tuple[str, ...], tuple[str, ...], bool], list[str]] = {}
    for conflict in conflicts:
        key = (conflict.stands, conflict.others, bool(conflict.inside))
        by_packages.setdefault(key, []).append(conflict.path)
    for (stands, others, crossing), paths in sorted(by_packages.items()):
        how = ", as a file and as a folder" if crossing else ""
        names = _and((*stands, ", ".join(others))) if stands else _and(others)
        result = f"what {_and(stands)} brings stands" if stands else "nothing of it is there"
        reporter.warn(f"{names} both bring {some(paths)}{how}: {result}")


def _kernel_error(conflict: Conflict, kernel: str, path: str) -> PrefixError:
    if conflict.inside:
        what = f"'{conflict.path}', a {'file' if path == conflict.path else 'folder'} of the kernel '{kernel}',"
        message = f"{what} is brought as a file and as a folder by several packages"
    else:
        message = f"'{conflict.path}' of the kernel '{kernel}' is brought by several packages"
    stands = "which stands" if conflict.inside else "whose file lies there"
    lies = f"by {_and(conflict.stands)}, {stands}, and by {', '.join(conflict.others)}"
    return PrefixError(
        f"{message}: {lies if conflict.stands else f'by {_and(conflict.others)}, of which none stands'}",
        hint="remove one of the packages from the environment file",
        file=conflict.path,
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
