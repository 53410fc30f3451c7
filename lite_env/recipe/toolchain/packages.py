"""The toolchain as conda packages: ``compiler('c')`` and ``cross-python_…`` in a recipe are solved for as ever."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.channel.assemble import assemble
from lite_env.channel.model import PackageDefinition
from lite_env.channel.stage import StagedFile
from lite_env.errors import ChannelError
from lite_env.recipe.toolchain.headers import SYSROOT
from lite_env.recipe.toolchain.numpy import VERSION
from lite_env.store.removal import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lite_env.recipe.toolchain.abi import Abi
    from lite_env.recipe.toolchain.llvm import Llvm
    from lite_env.recipe.toolchain.python import BuildPython

FILES = Path(__file__).parent / "files"
COMPILER = "emscripten_emscripten-wasm32"
"""What ``compiler('c')`` renders to where ``c_compiler`` is ``emscripten``."""

CROSS_PYTHON = "cross-python_emscripten-wasm32"
"""What gives a build the Python that it is for."""

_TIMESTAMP = datetime(2026, 11, 1, tzinfo=UTC)
_TOOLS = {
    "emar": "llvm-ar",
    "emranlib": "llvm-ranlib",
    "emnm": "llvm-nm",
    "emstrip": "llvm-strip",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Content:
    path: str
    data: bytes
    executable: bool = False


def compiler_package(abi: Abi, headers: Path, llvm: Llvm, output: Path, scratch: Path) -> Path:
    """Write the package of the compiler for `abi` into the folder `output`.

    Args:
        abi: what is built for.
        headers: Emscripten's.
        llvm: compiles what every side module is linked with.
        output: of the channel's ``noarch``.
        scratch: an empty folder.
    """
    shims = scratch / "shims.o"
    flags = ["--target=wasm32-unknown-emscripten", "-mcpu=mvp", "-O2", "-fPIC", "-fno-ident", "-ffreestanding"]
    done = subprocess.run(
        [llvm.folders[0] / "clang", *flags, "-c", FILES / "shims.c", "-o", shims],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChannelError(
            "clang cannot compile for wasm32", hint="install another build of it", said=done.stderr.strip()
        )
    driver = b"#!/usr/bin/env python3\n" + (FILES / "emcc.py").read_bytes()
    about = {"emscripten": abi.emscripten, "exceptions": abi.exceptions}
    contents = [
        *_tree(headers / SYSROOT, "share/emscripten/sysroot"),
        _Content(path="share/emscripten/abi.json", data=json.dumps(about, sort_keys=True).encode() + b"\n"),
        _Content(path="share/emscripten/shims.o", data=shims.read_bytes()),
        *(_Content(path=f"bin/{name}", data=driver, executable=True) for name in ("emcc", "em++")),
        *(
            _Content(path=f"bin/{name}", data=_file("llvm-tool.sh", TOOL=tool), executable=True)
            for name, tool in _TOOLS.items()
        ),
        _Content(
            path="etc/conda/activate.d/emscripten.sh", data=_file("activate-emscripten.sh", VERSION=abi.emscripten)
        ),
        _Content(
            path="share/licenses/emscripten/copyright",
            data=(headers / "usr/share/doc/emscripten/copyright").read_bytes(),
        ),
    ]
    next_tiny = abi.emscripten.rpartition(".")[0] + "." + str(int(abi.emscripten.rpartition(".")[2]) + 1)
    return _assembled(
        contents,
        PackageDefinition(
            name=COMPILER,
            version=abi.emscripten,
            build="lite_env_0",
            build_number=0,
            subdir="noarch",
            noarch="generic",
            license="MIT OR NCSA",
            summary="Emscripten's headers, and stock clang in place of its compiler",
            home="https://emscripten.org/",
            depends=("python",),
        ),
        output,
        scratch,
        run_exports={"strong": (f"emscripten-abi >={abi.emscripten},<{next_tiny}.0a0",)},
    )


def cross_python_package(minor: str, headers: Path, output: Path, scratch: Path) -> Path:
    """Write the package that makes a build one for Python `minor` into the folder `output`."""
    include = headers / "usr/include" / f"python{minor}"
    native = next((headers / "usr/include").glob(f"*-linux-gnu/python{minor}/pyconfig.h"))
    root = f"share/cross-python/include/python{minor}"
    contents = [
        *(content for content in _tree(include, root) if content.path != f"{root}/pyconfig.h"),
        _Content(path=f"{root}/pyconfig.h.in", data=native.read_bytes()),
        *(
            _Content(path=f"share/cross-python/{name}", data=(FILES / name).read_bytes())
            for name in ("configure_python.py", "run_cython.py")
        ),
        _Content(
            # After the compiler's: activation goes by name.
            path="etc/conda/activate.d/z-cross-python.sh",
            data=_file("activate-cross-python.sh", PYTHON=minor),
        ),
    ]
    major, _, small = minor.partition(".")
    return _assembled(
        contents,
        PackageDefinition(
            name=CROSS_PYTHON,
            version=minor,
            build="lite_env_0",
            build_number=0,
            subdir="noarch",
            noarch="generic",
            license="Python-2.0",
            summary=f"The headers of Python {minor}, and what makes a build one for it",
            home="https://www.python.org/",
            depends=(f"python {minor}.*",),
        ),
        output,
        scratch,
        run_exports={"strong": (f"python >={minor},<{major}.{int(small) + 1}.0a0",)},
    )


def build_python_package(python: BuildPython, output: Path, scratch: Path) -> Path:
    """Write the package ``python`` of the machine that builds into the folder `output`: a way to the one it has."""
    minor = python.minor
    home = python.program.parent
    launcher = f'#!/bin/bash\nexec -a "$0" "{python.program}" "$@"\n'.encode()
    contents = [
        _Content(path="pyvenv.cfg", data=f"home = {home}\ninclude-system-site-packages = false\n".encode()),
        *(
            _Content(path=f"bin/{name}", data=launcher, executable=True)
            for name in ("python", "python3", f"python{minor}")
        ),
        _Content(path=f"lib/python{minor}/site-packages/README.txt", data=b"Of the machine that builds.\n"),
    ]
    return _assembled(
        contents,
        PackageDefinition(
            name="python",
            version=python.version,
            build="of_this_machine_0_cpython",
            build_number=0,
            subdir=python.subdir,
            license="Python-2.0",
            summary="The Python of the machine that builds",
            home="https://www.python.org/",
        ),
        output,
        scratch,
    )


def build_numpy_package(
    python: BuildPython, files: Sequence[tuple[str, bytes, bool]], output: Path, scratch: Path
) -> Path:
    """Write the package ``numpy`` of the machine that builds into the folder `output`."""
    site = f"lib/python{python.minor}/site-packages"
    major, _, small = python.minor.partition(".")
    return _assembled(
        [_Content(path=f"{site}/{path}", data=data, executable=executable) for path, data, executable in files],
        PackageDefinition(
            name="numpy",
            version=VERSION,
            build=f"py{major}{small}_for_builds_0",
            build_number=0,
            subdir=python.subdir,
            license="BSD-3-Clause",
            summary="numpy for builds: the machine's, with headers for wasm32",
            home="https://numpy.org/",
            depends=(f"python {python.minor}.*",),
        ),
        output,
        scratch,
    )


def _assembled(
    contents: Iterable[_Content],
    package: PackageDefinition,
    output: Path,
    scratch: Path,
    run_exports: Mapping[str, tuple[str, ...]] | None = None,
) -> Path:
    staged = []
    folder = scratch / package.file_name
    folder.mkdir()
    for number, content in enumerate(sorted(contents, key=lambda content: content.path)):
        file = folder / f"{number:06}"
        file.write_bytes(content.data)
        file.chmod(0o755 if content.executable else 0o644)
        staged.append(StagedFile(path=content.path, file=file))
    output.mkdir(parents=True, exist_ok=True)
    made = assemble(package, staged, output=output, timestamp=_TIMESTAMP, run_exports=run_exports or {})
    remove_tree(folder)
    return made.replace(output / package.file_name)


def _tree(folder: Path, target: str) -> Iterator[_Content]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield _Content(path=f"{target}/{path.relative_to(folder).as_posix()}", data=path.read_bytes())


def _file(name: str, **values: str) -> bytes:
    text = (FILES / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text.encode()
