"""The one module that imports rattler_build: files and a record in, a ``.conda`` file out."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from lite_env.channel.conda_file import complete_package
from lite_env.errors import ChannelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from lite_env.channel.model import PackageDefinition
    from lite_env.channel.stage import StagedFile

_LEVEL = 9
# One thread: how many there are changes the compressed bytes.
_THREADS = 1


def require_assembler() -> None:
    """Refuse early, before anything is downloaded, when the optional dependency is missing.

    Raises:
        ChannelError: rattler_build is not installed.
    """
    if find_spec("rattler_build") is None:
        raise ChannelError(
            "building a channel needs py-rattler-build, which is not installed",
            hint='pip install "lite-env[channels]"',
        )


def assemble(
    package: PackageDefinition,
    files: Sequence[StagedFile],
    *,
    output: Path,
    timestamp: datetime,
    run_exports: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Path:
    """Write the package into the folder `output` and say where it is; equal input gives equal bytes.

    Raises:
        ChannelError: the record or the files are not those of a conda package.
    """
    require_assembler()
    import rattler_build  # noqa: PLC0415 - optional, and 85 MB

    try:
        entries = [rattler_build.FileEntry.from_paths(file.file, file.path) for file in files]
        built = rattler_build.assemble_package(
            name=package.name,
            version=package.version,
            target_platform=package.subdir,
            build_string=package.build,
            output_dir=output,
            # In our order: a folder would be read in the order of the file system.
            files=entries,
            homepage=package.home,
            license=package.license,
            summary=package.summary,
            depends=package.depends,
            constrains=package.constrains,
            build_number=package.build_number,
            noarch=package.noarch,
            compression_level=_LEVEL,
            compression_threads=_THREADS,
            timestamp=timestamp,
            detect_prefix=False,
        )
    except BaseException as error:
        # rattler raises PanicException, a BaseException, on misuse; Ctrl-C goes through.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ChannelError(f"{package.file_name} could not be assembled: {error}", line=package.line) from error
        raise
    path = Path(built.path)
    complete_package(
        path,
        prefix_paths={file.path for file in files if file.has_prefix},
        noarch_python=package.noarch == "python",
        entry_points=package.entry_points,
        run_exports=run_exports,
        timestamp=timestamp,
    )
    return path
