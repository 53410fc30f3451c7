"""Small locks for tests: conda packages and wheels, by what they need."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from lite_env.lock.file import write_lock
from lite_env.lock.model import LockedPackage, LockedPip, Lockfile, WheelSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHANNEL = "https://prefix.dev/emscripten-forge-4x"


def sha256_of(text: str) -> str:
    """A digest that stands for a file's."""
    return hashlib.sha256(text.encode()).hexdigest()


def conda(name: str, version: str = "1.0", *depends: str, **changes: Any) -> LockedPackage:
    """A package of a channel."""
    build = str(changes.get("build", "h0_0"))
    subdir = str(changes.get("subdir", "noarch"))
    channel = str(changes.get("channel", CHANNEL))
    file_name = f"{name}-{version}-{build}.conda"
    fields: dict[str, Any] = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "subdir": subdir,
        "file_name": file_name,
        "url": f"{channel}/{subdir}/{file_name}",
        "channel": channel,
        "sha256": sha256_of(file_name),
        "size": 1000 * len(file_name),
        "depends": tuple(sorted(depends)),
        "license": "BSD-3-Clause",
    }
    return LockedPackage(**fields | changes)


def wheel(name: str, version: str = "1.0", *depends: str, **changes: Any) -> LockedPackage:
    """A wheel of the pip section."""
    file_name = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    fields: dict[str, Any] = {
        "name": name,
        "version": version,
        "build": "py3-none-any",
        "build_number": 0,
        "subdir": "noarch",
        "file_name": file_name,
        "url": f"https://files.example.org/{file_name}",
        "channel": "",
        "sha256": sha256_of(file_name),
        "size": 1000 * len(file_name),
        "depends": tuple(sorted(depends)),
        "license": "MIT",
        "manager": "wheel",
        "wheel": WheelSource(kind="index"),
    }
    return LockedPackage(**fields | changes)


def write(path: Path, packages: Sequence[LockedPackage], requested: Sequence[str] = (), **changes: Any) -> Path:
    """Write a lock of `packages` to `path`."""
    fields: dict[str, Any] = {
        "name": "demo",
        "channels": (CHANNEL,),
        "packages": tuple(sorted(packages, key=lambda package: package.name)),
        "requested": tuple(sorted(requested)),
        "variables": (),
        "spec_digest": sha256_of("environment.yml"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lock(Lockfile(**fields | changes), path)
    return path


def science(path: Path, *, later: bool = False) -> Path:
    """A lock as it might be, now or later.

    It has conda packages, wheels of an index and from here, a package that nothing needs, one that is not there.
    """
    native = {"subdir": "emscripten-wasm32"}
    asked = WheelSource(kind="index", requested=True)
    packages = [
        conda("emscripten-abi", "4.0.9", build="h1_0", license="MIT", **native),
        conda(
            *("python", "3.13.1", "emscripten-abi 4.0.9.*", "__unix"),
            **native,
            build="h3_cp313" if later else "h2_cp313",
            license="Python-2.0",
            size=9_876_543,
        ),
        conda("xeus-python", "0.17.4", "python 3.13.*", "python_abi 3.13.* *_cp313", **native),
        conda("python_abi", "3.13", build="0_cp313", license=None, md5="0f" * 16),
        conda("numpy", "2.2.6", "python >=3.13,<3.14.0a0", "python_abi 3.13.* *_cp313", **native),
        conda("python-dateutil", "2.9.0", "python >=3.9", "six >=1.5", license="Apache-2.0 OR BSD-3-Clause"),
        conda("pytz", "2025.2", "python", license="MIT License (as is)"),
        conda("six", "1.17.0", "python"),
        conda("typing_extensions", "4.12.2", "python >=3.8", license="PSF-2.0"),
        wheel("widgetsnbextension", "4.0.14"),
        wheel(
            "ours",
            "0.1",
            "numpy",
            url=path.absolute().parent.as_uri(),
            wheel=WheelSource(kind="project", requested=True),
        ),
    ]
    needs = ("comm", "typing-extensions", "widgetsnbextension ~=4.0")
    packages.append(wheel("ipywidgets", "8.1.8" if later else "8.1.7", *needs, license="BSD", wheel=asked))
    if later:
        packages.append(conda("polars", "1.30", "python >=3.9", size=12_345_678, **native))
    else:
        packages.append(conda("left-over", "0.1", "python"))
    depends = ("numpy >=1.26", "python-dateutil >=2.8.2", "pytz")
    sha256 = sha256_of("built anew" if later else "pandas")
    packages.append(conda("pandas", "2.3.1", *depends, **native, sha256=sha256))
    return write(
        path,
        packages,
        ["xeus-python", "pandas >=2", "polars" if later else "numpy"],
        name="science",
        pip=LockedPip(requirements=("./ours", "ipywidgets>=8")),
    )
