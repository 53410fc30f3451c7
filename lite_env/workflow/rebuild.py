"""A pack that was written before, written again out of the store: nothing is read but what decides about it.

A record lies under all that decides the bytes of a pack; it names each of its files by digest, and what was told of it.
Only a pack that is whole is recorded: all that was asked for is there, and would come the same the next time.
"""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lite_env.errors import ManifestError
from lite_env.host.find import node_version
from lite_env.pack.reader import MANIFEST, parse_manifest
from lite_env.pack.writer import check_output, generator
from lite_env.store.atomic import new_directory
from lite_env.store.protocol import key_of
from lite_env.store.results import AT_ONCE
from lite_env.store.typed import decode_json
from lite_env.workflow.report import PackReport
from lite_env.workflow.start import runtime_digest
from lite_env.workflow.toolchain import code_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lite_env.lock.model import Lockfile
    from lite_env.pack.manifest import Manifest
    from lite_env.store.protocol import Key, Store
    from lite_env.workflow.inputs import Inputs
    from lite_env.workflow.options import PackOptions

_FORM = 1
_FILE = "file:"
_REPORT, _TOLD = "report", "told"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was said while a pack was made, in order, and what may be otherwise elsewhere.

    Attributes:
        lines: (whether it was a warning, text).
        node: the version of the Node.js in which programs failed; empty when none did.
    """

    lines: tuple[tuple[bool, str], ...]
    node: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A pack that can be written again.

    Attributes:
        files: SHA-256 by path, as its manifest says.
        manifest: of the pack.
        report: what was planned.
        told: what was said.
    """

    files: dict[str, str]
    manifest: Manifest
    report: PackReport
    told: Told


def content_of(inputs: Inputs, fingerprint: str | None) -> list[object] | None:
    """What an environment holds, as a part of a key: its packages, or its folder's state; None where none is known.

    Args:
        inputs: with a lock, or of an installed environment.
        fingerprint: of the installed environment.
    """
    if inputs.lock is not None:
        return ["lock", _lock_content(inputs.lock)]
    if fingerprint is not None:
        return ["prefix", str(inputs.source.resolve()), fingerprint]
    return None


def pack_key(content: list[object], inputs: Inputs, options: PackOptions) -> Key:
    """The key of a pack: everything that decides its bytes, and what is told of it."""
    settings = [
        options.name,
        options.order,
        options.bytecode,
        options.debug_ranges,
        options.trace,
        inputs.profile.digest if inputs.profile else None,
        inputs.mounted.content,
        inputs.mounted.empty,
        inputs.preload,
        # Kernels find in another Node.js another WebAssembly, of which the snapshot is.
        node_version() if options.snapshot else None,
    ]
    # Of the file of a rule its name: elsewhere it lies elsewhere.
    rules = [dataclasses.asdict(rule) | {"origin": Path(rule.origin).name} for rule in inputs.filters.rules]
    workloads = [dataclasses.asdict(workload) for workload in inputs.workloads]
    made_by = [_FORM, generator(options.level), code_digest(), runtime_digest()]
    return key_of("pack", made_by, content, settings, rules, workloads)


def find_pack(key: Key, store: Store) -> Recorded | None:
    """The pack that was recorded under `key`, if its programs would do here what they did then.

    Nobody vouches for a record: its paths are written where they are those of a manifest that passes all that reading
    a pack asks, and otherwise there is none.
    """
    results = store.recall(key)
    if results is None or not {_REPORT, _TOLD} <= results.keys():
        return None
    report, told = store.read(results[_REPORT]), store.read(results[_TOLD])
    if report is None or told is None:
        return None
    files = {name.removeprefix(_FILE): digest for name, digest in results.items() if name.startswith(_FILE)}
    manifest = _manifest_of(files, store)
    try:
        heard, plan = decode_json(told, Told), decode_json(report, PackReport)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if manifest is None:
        return None
    if heard.node and node_version() not in ("", heard.node):
        return None
    return Recorded(files=files, manifest=manifest, report=plan, told=heard)


def write_again(
    recorded: Recorded,
    output: Path,
    *,
    root: Path | None,
    store: Store,
    check: Callable[[Path, Manifest], None] | None = None,
) -> Manifest | None:
    """Write the pack out of the store, each file checked as it is copied; None when one of them is lost or damaged.

    Args:
        recorded: the pack.
        output: its folder, which is replaced in one step.
        root: of the installed environment, if there is one.
        store: holds the files.
        check: as of `write_pack`.

    Raises:
        PackError: `output` is something else than a pack.
    """
    check_output(output, root)

    def copy(staging: Path, path: str, digest: str) -> bool:
        data = store.read(digest)
        if data is not None:
            target = staging / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return data is not None

    try:
        with new_directory(output) as staging, ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            if not all(pool.map(lambda item: copy(staging, *item), recorded.files.items())):
                raise _LostError  # noqa: TRY301 - the folder is not to be exchanged
            if check is not None:
                check(staging, recorded.manifest)
    except _LostError:
        return None
    return recorded.manifest


def record_pack(key: Key, pack: Path, manifest: Manifest, report: PackReport, told: Told, *, store: Store) -> None:
    """Keep what `pack` consists of under `key`."""
    paths = {MANIFEST, *(item.path for item in manifest.contents)}
    results = {f"{_FILE}{path}": store.write((pack / path).read_bytes(), kind="pack", vouched=True) for path in paths}
    results[_REPORT] = store.write(msgspec.json.encode(report), kind="pack")
    results[_TOLD] = store.write(msgspec.json.encode(told), kind="pack")
    store.record(key, results)


def told_of(lines: tuple[tuple[bool, str], ...], *, failed: bool) -> Told:
    """What was said of a pack; with the Node.js here, when programs `failed` in it."""
    return Told(lines=lines, node=node_version() if failed else "")


class _LostError(Exception):
    """A file of a recorded pack is not in the store any more."""


def _manifest_of(files: Mapping[str, str], store: Store) -> Manifest | None:
    """The manifest among `files`, when it can be read and names all the others, with their hashes."""
    data = store.read(files.get(MANIFEST, ""))
    if data is None:
        return None
    try:
        manifest = parse_manifest(data, _nothing_beside)
    except ManifestError:
        return None
    named = {item.path: item.sha256 for item in manifest.contents}
    return manifest if files == {**named, MANIFEST: files[MANIFEST]} else None


def _nothing_beside(path: str) -> bytes:
    # Only manifests of format 1.0 ask for it, which are written no more.
    raise ManifestError(f"'{path}' has no hash", file=path)


def _lock_content(lock: Lockfile) -> list[object]:
    """All of a lock but the places where its packages are fetched, which decide nothing."""
    places = {"url", "channel", "size", "md5"}
    packages = [
        {name: value for name, value in dataclasses.asdict(package).items() if name not in places}
        for package in lock.packages
    ]
    return [lock.name, sorted(lock.requested), sorted(lock.variables), packages]
