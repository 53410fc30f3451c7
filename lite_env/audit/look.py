"""From the bytes of a package's files to the facts that rules look at."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from lite_env.audit.contents import Binary
from lite_env.audit.glue import read_glue
from lite_env.errors import WasmError
from lite_env.wasm.dylink import is_library, is_wasm
from lite_env.wasm.module import read_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_env.audit.contents import Form
    from lite_env.audit.glue import Glue

# Homes and work folders of machines that build. What Emscripten itself calls a home is none.
_BUILD_PATH = re.compile(
    rb"/(?:home/(?!web_user/)[\w.-]+|Users/[\w.-]+|root|feedstock_root|croot|__w|tmp/(?:pip-|build-|tmp)[\w.-]+)"
    rb"/[\w./+@~-]{2,100}"
)
# As conda-build, rattler-build and conda-forge write the prefix that an installer is to replace.
_PLACEHOLDERS = (b"_placehold" * 4, b"anaconda1anaconda2anaconda3")
# The tag of its bytecode, which stands in every Python.
_PYTHON = re.compile(rb"cpython-(3)(\d{1,2})(?!\d)")
_LICENSE = re.compile(r"(?i)(?:\A|[._-])(?:un)?licen[cs]es?(?:\W|_|\Z)|\A(?:copying|copyright|notice|legal)(?:\W|_|\Z)")
_CODE = (".py", ".pyi", ".pyc", ".so", ".js", ".c", ".h")
_MACH = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_FAT_MACH, _FIRST_JAVA = b"\xca\xfe\xba\xbe", 45
_PE_OFFSET = 0x3C


class Looker:
    """Takes a package's files one after the other, and keeps what is to be known of them.

    Args:
        host_paths: paths of this machine that are to be in no package.
    """

    def __init__(self, host_paths: Sequence[str] = ()) -> None:
        self._host_paths = [(path, path.encode()) for path in host_paths]
        self._binaries: dict[str, Binary] = {}
        self._glues: dict[str, Glue] = {}
        self._placeholders: set[str] = set()
        self._hosts: dict[str, tuple[str, ...]] = {}

    def see(self, path: str, data: bytes) -> None:
        """Look at a file; the last one of a path counts."""
        path = path.removeprefix("./")
        for known in (self._binaries, self._glues, self._hosts):
            known.pop(path, None)
        form = _form(data)
        if form is not None or is_library(path):
            self._binaries[path] = _binary(path, data, form or "unknown")
        elif path.endswith((".js", ".mjs")) and (glue := read_glue(data)) is not None:
            self._glues[path] = glue
        if any(placeholder in data for placeholder in _PLACEHOLDERS):
            self._placeholders.add(path)
        if found := tuple(path for path, raw in self._host_paths if raw in data):
            self._hosts[path] = found

    def facts(self, *, prefix_paths: Sequence[str] = ()) -> dict[str, Any]:
        """What was seen, as arguments of `Contents`; `prefix_paths` are recorded as holding a placeholder."""
        return {
            "binaries": tuple(self._binaries[path] for path in sorted(self._binaries)),
            "glues": {path: self._glues[path] for path in sorted(self._glues)},
            "placeholders": tuple(sorted(self._placeholders.difference(prefix_paths))),
            "host_paths": {path: self._hosts[path] for path in sorted(self._hosts)},
        }


def is_license(path: str) -> bool:
    """Whether a file of a package is a licence, by its name or its folder's."""
    folders, _, name = path.rpartition("/")
    if name.endswith(_CODE):
        return False
    return "licenses" in folders.split("/") or _LICENSE.search(name) is not None


def _form(data: bytes) -> Form | None:
    if is_wasm(data):
        return "WebAssembly"
    if data.startswith(b"\x7fELF"):
        return "ELF"
    # A class of Java begins as a fat file of Mach-O; where that counts its parts, it has its version.
    if data.startswith(_MACH) or (data.startswith(_FAT_MACH) and int.from_bytes(data[4:8], "big") < _FIRST_JAVA):
        return "Mach-O"
    place = int.from_bytes(data[_PE_OFFSET : _PE_OFFSET + 4], "little")
    if data.startswith(b"MZ") and data[place : place + 4] == b"PE\0\0":
        return "PE"
    return None


def _binary(path: str, data: bytes, form: Form) -> Binary:
    if form != "WebAssembly":
        return Binary(path=path, form=form)
    try:
        module = read_module(data, path)
    except WasmError as error:
        return Binary(path=path, form=form, fault=error.message)
    found = dict.fromkeys(match[0].decode("ascii", "replace") for match in _BUILD_PATH.finditer(data))
    versions = Counter(_PYTHON.findall(data))
    return Binary(
        path=path,
        form=form,
        module=module,
        build_paths=tuple(found),
        python=b".".join(versions.most_common(1)[0][0]).decode() if versions else None,
    )
