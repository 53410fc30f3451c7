"""Whatever is written can be read, by the Python reader and by the runtime's; unpacked and packed again it is equal."""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lite_env.bootstrap import runtime_dir
from lite_env.errors import LiteEnvError, ManifestError
from lite_env.host.find import find_node
from lite_env.pack.bytecode import Bytecode, is_source
from lite_env.pack.index import IndexedFile, IndexedLink
from lite_env.pack.owners import read_owners
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import Opened, file_key, make_profile
from lite_env.pack.reader import read_content, read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.store.digest import sha256_of_bytes
from tests.prefixes import SITE, WASM, Toy, make_prefix, put, side_module

if TYPE_CHECKING:
    from lite_env.prefix.model import Prefix

RUNTIME = runtime_dir().parent
PYTHON = "lib/python3.11"
SHARE = 0.3
"""Of the files that a start or an import opens."""
REFUSED = re.compile(
    r"contains a backslash|with a backslash|leaves the environment|cannot be that of a folder"
    r"|the path '[^']*(__proto__|Conda-Meta)[^']*' cannot be packed|which are not names of libraries"
    r"|is not a sound WebAssembly module"
)
"""What no pack can hold; everything else that is drawn here can be packed."""

# Names that something on the way may take for something else.
odd = st.sampled_from(
    [
        *("__proto__", "constructor", "toString", "hasOwnProperty", "CON", "nul.txt", "a.", " ", "...", "~", "-", "0"),
        *("a\nb", "a\\b", "\x7f", "\u00e9", "e\u0301", "\u2028", "\U0001f600", "%2e%2e", "conda-meta", "Conda-Meta"),
        *("x" * 120, "\u00e9" * 120),
    ]
)
letters = st.characters(codec="utf-8", exclude_characters="/\0\\", exclude_categories=("Cs",))
names = st.one_of(st.text("ab", min_size=1, max_size=3), st.text(letters, min_size=1, max_size=40), odd).filter(
    lambda name: name not in (".", "..")
)
texts = st.one_of(st.text(max_size=20), odd)
paths = st.one_of(
    st.lists(names, min_size=1, max_size=4).map("/".join),
    names.map(lambda name: f"{PYTHON}/{name}.py"),
    names.map(lambda name: f"{SITE}/pkg/{name}.py"),
    names.map(lambda name: f"lib/{name}.so"),
)
bodies = st.one_of(
    st.binary(max_size=700),
    st.just(b""),
    st.lists(st.sampled_from(["liba.so", "../up.so", "", "a/b.so", "lib\u00e9.so"]), max_size=2).map(
        lambda needed: side_module(*needed)
    ),
)


@dataclass(frozen=True, kw_only=True)
class KernelDraw:
    """One kernelspec; `stem` of its binaries may be another kernel's too."""

    name: str
    language: str
    stem: str
    data: bytes | None
    shared: dict[str, int]
    logo: bytes | None
    link: str | None
    display: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """An environment and how it is packed."""

    kernels: list[KernelDraw]
    files: dict[str, bytes]
    links: dict[str, str]
    executable: bool
    owned: bool
    python: str
    variables: dict[str, str]
    name: str
    order: Any
    traced: Any = field(repr=False)
    compiled: bool


kernels = st.builds(
    KernelDraw,
    name=st.one_of(st.sampled_from(["one", "two", "three"]), names),
    language=st.sampled_from(["python", "Python", "lua", ""]),
    stem=st.sampled_from(["xone", "xtwo", "x.y"]),
    data=st.one_of(st.none(), st.just(b""), st.binary(max_size=30)),
    shared=st.dictionaries(texts, st.integers(0, 1), max_size=2),
    logo=st.one_of(st.none(), st.just(b""), st.binary(max_size=30)),
    link=st.one_of(st.none(), st.sampled_from(["logo-64x64.png", "../../../../lib/nothing.png", "kernel.json"])),
    display=texts,
)
cases = st.builds(
    Case,
    kernels=st.lists(kernels, min_size=1, max_size=3, unique_by=lambda kernel: kernel.name),
    files=st.dictionaries(paths, bodies, max_size=8),
    links=st.dictionaries(paths, st.one_of(paths, st.sampled_from([".", "../x", "/etc/passwd", "a/../b"])), max_size=2),
    executable=st.booleans(),
    owned=st.booleans(),
    python=st.sampled_from(["3.11.3", "3.11.0rc1"]),
    variables=st.dictionaries(texts, texts, max_size=2),
    name=st.sampled_from(["demo"] * 20 + ["..", ".", "", "a/b", "con", "\u00e9 \U0001f600", "a\nb"]),
    order=st.sampled_from(["fused", "packages"]),
    traced=st.randoms(use_true_random=False),
    compiled=st.booleans(),
)


def environment(folder: Path, case: Case) -> None:
    """Write the environment to `folder`, as far as this file system can hold it."""
    files: dict[str, bytes | str] = {f"{PYTHON}/abc.py": "x = 1\n"}
    for kernel in case.kernels:
        document = {
            "argv": [f"@PREFIX@/bin/{kernel.stem}", kernel.display or "-f"],
            "display_name": kernel.display,
            "language": kernel.language,
            "metadata": {"shared": {name: f"lib/shared{number}.so" for name, number in kernel.shared.items()}},
        }
        place = f"share/jupyter/kernels/{kernel.name}"
        files |= {f"{place}/kernel.json": json.dumps(document), f"bin/{kernel.stem}.wasm": WASM}
        files |= {f"bin/{kernel.stem}.js": "createXeusModule", "lib/shared0.so": WASM, "lib/shared1.so": WASM}
        files |= {} if kernel.data is None else {f"bin/{kernel.stem}.data": kernel.data}
        files |= {} if kernel.logo is None else {f"{place}/logo-64x64.png": kernel.logo}
    make_prefix(folder, Toy(name="python", version=case.python, files=files))
    kept = {path for path in case.files if _put(folder, path, case.files[path])}
    if case.owned:
        make_prefix(folder, Toy(name="owner", files={path: case.files[path] for path in kept - files.keys()}))
    for path, target in case.links.items():
        relative = posixpath.relpath(target, posixpath.dirname(path)) if target in kept else target
        _put(folder, path, ("->", relative))
    for kernel in case.kernels:
        if kernel.link is not None:
            _put(folder, f"share/jupyter/kernels/{kernel.name}/logo-svg.svg", ("->", kernel.link))
    for path in sorted(kept) if case.executable else ():
        if (folder / path).is_file():
            (folder / path).chmod(0o755)
    put(folder, "conda-meta/state", json.dumps({"env_vars": case.variables, "version": 1}))


def _put(folder: Path, path: str, content: bytes | tuple[str, str]) -> bool:
    if (folder / path).is_symlink() or (folder / path).exists() or path.startswith("conda-meta"):
        return False
    with suppress(OSError, ValueError):
        put(folder, path, content)
        return True
    return False


def settings_of(read: Prefix, case: Case) -> dict[str, Any]:
    """How `case` packs the environment, as `plan_pack` takes it."""
    keys = [file_key(file.package, file.path) for file in read.files]

    def some() -> tuple[str, ...]:
        return tuple(key for key in keys if case.traced.random() < SHARE)

    profile = make_profile(
        "demo",
        kernels={kernel.name: Opened(interpreter=some(), kernel=some()) for kernel in read.kernels},
        imports={"numpy": some(), "six": some()},
        workloads={"w.py": some()},
        failed={},
    )
    sources = [file.path for file in read.files if is_source(file.path) and file.link is None]
    bytecode = Bytecode(tag="cpython-311", files={path: path.encode() for path in sources}, faults={})
    return {
        "name": case.name,
        "level": 1,
        "profile": profile,
        "order": case.order,
        "bytecode": bytecode if case.compiled else None,
    }


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_by_python(pack: Path) -> dict[str, Any]:
    """All that is in a pack, as the runtime's reader tells it."""
    manifest = read_manifest(pack)
    raw = [read_content(pack, archive) for archive in manifest.archives]
    files: dict[str, Any] = {}
    for path, entry in read_index(pack, manifest).entries.items():
        if isinstance(entry, IndexedFile):
            files[path] = sha256_of_bytes(raw[entry.archive][entry.offset : entry.offset + entry.size])
        elif isinstance(entry, IndexedLink):
            files[path] = {"link": entry.target}
    for item in manifest.contents:
        read_content(pack, item)
    assert read_owners(pack, manifest).keys() == files.keys()
    return {
        "environment": manifest.environment.name,
        "files": files,
        "kernels": [
            {
                "name": kernel.name,
                "runtime": {
                    "family": kernel.runtime.family,
                    "emscripten": kernel.runtime.emscripten,
                    "python": kernel.runtime.python,
                    "worker": kernel.runtime.worker,
                },
                "start": {"interpreter": list(kernel.start.interpreter), "kernel": list(kernel.start.kernel)},
                "files": {file.path: file.digest for file in kernel.binaries},
            }
            for kernel in manifest.kernels
        ],
    }


def read_by_the_runtime(packs: list[Path], work: Path) -> list[dict[str, Any]]:
    """The same by the runtime's own reader, all packs in one process."""
    node = str(find_node())
    script = work / "read-packs.mjs"
    build = [node, "build.mjs", "--script", "test/support/read-packs.ts", str(script)]
    subprocess.run(build, cwd=RUNTIME, check=True)
    folders = json.dumps([str(pack) for pack in packs])
    result = subprocess.run([node, str(script)], input=folders, capture_output=True, check=True, encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


@pytest.mark.node
def test_whatever_is_written_can_be_read_by_both_readers_and_comes_back_equal(tmp_path):
    expected: dict[Path, dict[str, Any]] = {}
    refused: list[str] = []

    # Not shrunk: an example takes long.
    @settings(max_examples=120, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @given(cases)
    def written(case: Case) -> None:
        work = Path(tempfile.mkdtemp(dir=tmp_path))
        environment(work / "prefix", case)
        try:
            prefix = read_prefix(work / "prefix")
            options = settings_of(prefix, case)
            write_pack(plan_pack(prefix, **options), work / "pack")
        except ManifestError:
            raise
        except LiteEnvError as error:
            # What cannot be packed is told before anything is there.
            refused.append(error.message)
            assert not (work / "pack").exists()
            return
        expected[work / "pack"] = read_by_python(work / "pack")
        unpack(work / "pack", work / "out")
        write_pack(plan_pack(read_prefix(work / "out"), **options), work / "again")
        assert tree(work / "again") == tree(work / "pack")

    written()
    assert len(expected) > 20, refused
    assert [message for message in refused if not REFUSED.search(message)] == []
    found = read_by_the_runtime(list(expected), tmp_path)
    for (pack, told), read in zip(expected.items(), found, strict=True):
        assert read == told, pack
