"""Copies of real packs with one thing wrong, and what the runtime has to say of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

import zstandard

from lite_env.host.engine import Engine, ErrorEnvelope, Ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAST = 5.0
"""Seconds from the moment that a failure can be known until it is told."""
_PATIENCE = 60.0
_HTML = b"<!doctype html><title>My application</title>"


class BrokenPack:
    """A copy of a pack; unchanged files are hard links."""

    def __init__(self, pack: Path, copy: Path) -> None:
        shutil.copytree(pack, copy, copy_function=os.link)
        self.path = copy
        self.manifest: dict[str, Any] = json.loads((copy / "manifest.json").read_bytes())

    @property
    def kernel(self) -> dict[str, Any]:
        return self.manifest["kernels"][0]

    def kernel_file(self, role: str) -> dict[str, Any]:
        (entry,) = (file for file in self.kernel["files"] if file["role"] == role)
        return cast("dict[str, Any]", entry)

    def file(self, which: str) -> str:
        """The path in the pack of its ``script``, ``wasm``, ``index``, ``archive`` (the first) or ``manifest``."""
        if which in {"script", "wasm"}:
            return str(self.kernel_file(which)["path"])
        if which == "index":
            return f"index-{self.manifest['index']['digest']}.json.zst"
        return f"archives/{self.manifest['archives'][0]['digest']}.tar.zst" if which == "archive" else "manifest.json"

    def remove(self, which: str) -> None:
        (self.path / self.file(which)).unlink()

    def replace(self, which: str, change: Callable[[bytes], bytes]) -> None:
        """Change a file without a word to the manifest."""
        file = self.path / self.file(which)
        content = change(file.read_bytes())
        file.unlink()
        file.write_bytes(content)

    def exchange(self, which: str, content: bytes) -> None:
        """Put other content in a file's place, and have the manifest vouch for it."""
        self.exchange_compressed(which, zstandard.compress(content), len(content))

    def exchange_compressed(self, which: str, data: bytes, raw_size: int) -> None:
        """Put other bytes in a compressed file's place, and have the manifest vouch for them."""
        self.replace(which, lambda _: data)
        entry = self.manifest["index"] if which == "index" else self.kernel_file(which)
        entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "raw_size": raw_size}
        self.save()

    def boot_with(self, position: int = 0) -> None:
        """Have an archive loaded before the kernel starts."""
        self.manifest["archives"][position]["load"] = "interpreter"
        self.kernel["start"]["interpreter"] = [position]
        self.save()

    def save(self) -> None:
        file = self.path / "manifest.json"
        file.unlink(missing_ok=True)
        file.write_text(json.dumps(self.manifest), encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One thing that is wrong with a pack.

    Attributes:
        do: what makes it wrong.
        name: of the failure that has to be told.
        which: the file that has to be named, as in `BrokenPack.file`; None for none.
        says: part of the message.
        hints: part of the hint.
        kernel: to be asked for.
    """

    do: Callable[[BrokenPack], None]
    name: str
    which: str | None
    says: str
    hints: str
    kernel: str | None = None


def _flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _change(**changes: object) -> Callable[[BrokenPack], None]:
    def do(pack: BrokenPack) -> None:
        pack.manifest |= changes
        pack.save()

    return do


def _boot_archive(do: Callable[[BrokenPack], None]) -> Callable[[BrokenPack], None]:
    def do_both(pack: BrokenPack) -> None:
        pack.boot_with()
        do(pack)

    return do_both


DAMAGES: dict[str, Damage] = {}
for _which in ("script", "wasm", "index", "archive"):
    _wrap: Callable[..., Callable[[BrokenPack], None]] = _boot_archive if _which == "archive" else (lambda do: do)
    _changes: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
        "one bit of {} changed": (_flip, "HashMismatch", "wrong content: "),
        "{} truncated": (lambda content: content[:-1], "Truncated", "truncated file: "),
        "{} too long": (lambda content: content + b"\n", "SizeMismatch", "wrong file: "),
        "a page in place of {}": (lambda _: _HTML, "HtmlInsteadOfFile", "an HTML page in place of "),
    }
    DAMAGES[f"{_which} missing"] = Damage(
        do=_wrap(lambda pack, which=_which: pack.remove(which)),
        name="FileMissing",
        which=_which,
        says='" is not ',
        hints="the pack",
    )
    for _label, (_change_file, _name, _says) in _changes.items():
        DAMAGES[_label.format(_which)] = Damage(
            do=_wrap(lambda pack, which=_which, change=_change_file: pack.replace(which, change)),
            name=_name,
            which=_which,
            says=_says,
            hints="deploy",
        )
DAMAGES |= {
    "manifest missing": Damage(
        do=lambda pack: pack.remove("manifest"),
        name="FileMissing",
        which="manifest",
        says='" is not ',
        hints="the pack",
    ),
    "manifest a page": Damage(
        do=lambda pack: pack.replace("manifest", lambda _: _HTML),
        name="ManifestInvalid",
        which="manifest",
        says='"manifest.json" is not JSON',
        hints="lite-env pack",
    ),
    "manifest with a broken entry": Damage(
        do=_change(index={"digest": "../../x"}),
        name="ManifestInvalid",
        which="manifest",
        says='"manifest.json" is invalid at index.digest: found "../../x", expected a SHA-256',
        hints="make it again",
    ),
    "format of another major version": Damage(
        do=_change(format="3.0"),
        name="UnsupportedFormat",
        which="manifest",
        says="the pack has format 3.0, this bootstrap reads 1.x and 2.x",
        hints="from one version of lite_env",
    ),
    "an unknown feature": Damage(
        do=_change(requires=["telepathy"]),
        name="UnsupportedFormat",
        which="manifest",
        says='the pack requires "telepathy"',
        hints="deploy a newer bootstrap",
    ),
    "an unknown kernel": Damage(
        do=lambda _: None,
        name="KernelUnknown",
        which="manifest",
        says='the pack has no kernel "nope"',
        hints='it has "xlua"',
        kernel="nope",
    ),
    "no kernel": Damage(
        do=_change(kernels=[]),
        name="KernelUnknown",
        which="manifest",
        says="the pack has no kernel",
        hints="add a kernel to the environment",
    ),
    "an index that is no zstd": Damage(
        do=lambda pack: pack.exchange_compressed("index", b"right hash, wrong content", raw_size=8),
        name="Undecodable",
        which="index",
        says="inflate",
        hints="make it again",
    ),
    "an index that is no JSON": Damage(
        do=lambda pack: pack.exchange("index", b"no json!"),
        name="ManifestInvalid",
        which="index",
        says="is not JSON",
        hints="make it again",
    ),
    "a module that is not WebAssembly": Damage(
        do=lambda pack: pack.exchange("wasm", b"\x7fELF right hash, wrong content"),
        name="NotWasm",
        which="wasm",
        says="is not WebAssembly",
        hints="see the kernel package",
    ),
    "a module that cannot be compiled": Damage(
        do=lambda pack: pack.exchange("wasm", b"\0asm\x01\0\0\0\xff"),
        name="CompileFailed",
        which="wasm",
        says="cannot be compiled here: CompileError",
        hints="too old",
    ),
    "a module of another kernel": Damage(
        do=lambda pack: pack.exchange("wasm", b"\0asm\x01\0\0\0"),
        name="AbiMismatch",
        which="wasm",
        says="does not fit its script: ",
        hints="different builds",
    ),
    "a script with a syntax error": Damage(
        do=lambda pack: pack.exchange("script", b"var = ;"),
        name="Undecodable",
        which="script",
        says="is not a script that ",
        hints=" ",
    ),
    "a script of no xeus kernel": Damage(
        do=lambda pack: pack.exchange("script", b"var somethingElse = 1;"),
        name="AbiMismatch",
        which="script",
        says="does not define createXeusModule",
        hints="not of the xeus family",
    ),
    "variables for a kernel that takes none": Damage(
        do=lambda pack: (pack.manifest["environment"].update(variables={"GREETING": "hi"}), pack.save()),
        name="AbiMismatch",
        which="manifest",
        says="cannot be given environment variables: GREETING is set",
        hints="remove `variables`",
    ),
}
"""Each with the pack of the Lua kernel, which starts in less than a second."""


def start_failure(engine: Engine, *, kernel: str | None = None) -> tuple[ErrorEnvelope, float]:
    """Start a pack that must not start: the fatal error, and when it came (by `monotonic`)."""
    engine.start(kernel=kernel, env={})
    deadline = monotonic() + _PATIENCE
    while monotonic() < deadline:
        envelope = engine.receive(1.0)
        assert not isinstance(envelope, Ready), "the kernel started"
        if isinstance(envelope, ErrorEnvelope) and envelope.fatal:
            return envelope, monotonic()
    raise AssertionError("the start ended in nothing")


def check(envelope: ErrorEnvelope, damage: Damage, pack: BrokenPack) -> None:
    """Name, file, message and hint are the right ones."""
    error = envelope.error
    assert error.name == damage.name, error
    assert error.file == (None if damage.which is None else pack.file(damage.which)), error
    assert damage.says in error.message, error
    assert damage.hints in (error.hint or ""), error
