"""Every parser of text that strangers write: valid seeds, and what is done with an input."""

from __future__ import annotations

import json
import marshal
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from lite_env.audit.look import Looker
from lite_env.channel.definition import parse_definition
from lite_env.channel.state import read_built
from lite_env.errors import FetchError, LiteEnvError
from lite_env.host.bytecode import parse_result
from lite_env.host.engine import decode_envelope
from lite_env.host.notebook import read_notebook
from lite_env.lock.conda.records import satisfies, unsatisfied
from lite_env.lock.conda_lock import dump_lock
from lite_env.lock.conda_lock_reader import parse_lock
from lite_env.lock.contents import FILES, LINK, PATHS, contents_of
from lite_env.lock.explicit import parse_explicit
from lite_env.lock.explicit_fetch import with_index
from lite_env.lock.file import read_lock
from lite_env.lock.kept import place_of
from lite_env.lock.pixi import dump_pixi
from lite_env.lock.pixi_reader import parse_pixi
from lite_env.lock.pylock import parse_pylock
from lite_env.lock.wheel import marker_environment, needed, split_wheel_name
from lite_env.pack.files import read_pack_file
from lite_env.pack.filters import parse_filter, read_project_filter
from lite_env.pack.index import decode_index
from lite_env.pack.limits import MAX_STORED_SIZE
from lite_env.pack.plan import plan_pack
from lite_env.pack.profile import parse_profile
from lite_env.pack.reader import parse_manifest
from lite_env.pack.writer import write_pack
from lite_env.prefix.kernelspec import find_kernels
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.record import read_own_record, read_packages, read_requested, read_variables
from lite_env.recipe.convert.report import Report
from lite_env.recipe.convert.variants import convert_variants
from lite_env.recipe.convert.work import convert_text
from lite_env.report.cyclonedx import cyclonedx
from lite_env.report.difference import compare, difference_as_json
from lite_env.report.earlier import read_earlier, read_filtered
from lite_env.report.graph import make_graph
from lite_env.report.html import report_html
from lite_env.report.markdown import report_markdown
from lite_env.report.size import measure
from lite_env.report.subject import read_subject
from lite_env.report.text import diff_lines, report_lines
from lite_env.report.tree import tree_lines, tree_rows
from lite_env.report.why import ways_to, why_lines
from lite_env.site.keep import Keeping, plan_leaving
from lite_env.site.plan import FOLDERS
from lite_env.site.previous import read_previous
from lite_env.site.record import RECORD, read_record
from lite_env.spec.channels import resolve_channel
from lite_env.spec.environment import read_environment
from lite_env.spec.matchspec import name_of, split_channel
from lite_env.spec.pip import PipLineError, parse_line, split_git
from lite_env.spec.pip_reader import PipLine, read_section
from lite_env.spec.selectors import apply_comment_selectors, evaluate, key_selector
from lite_env.spec.settings import read_project_workloads
from lite_env.store.protocol import FORGETFUL
from lite_env.wasm.module import read_module
from lite_env.workflow.workload import read_workloads
from tests.locks import conda
from tests.prefixes import SITE, Toy, kernel_package, make_prefix, put, python_package
from tests.side_modules import library, script
from tests.wheels import wheel_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from lite_env.lock.model import LockedPackage
    from lite_env.recipe.convert.model import Format
    from lite_env.report.subject import Subject

CORPUS = Path(__file__).parents[1] / "spec" / "corpus"
LOCKS = Path(__file__).parents[1] / "lock" / "corpus"
PACKS = Path(__file__).parents[1] / "packs"
RECIPES = Path(__file__).parents[1] / "recipe" / "convert" / "corpus" / "accepted"
CHANNELS = Path(__file__).parents[2] / "channels"
SHA = "ab" * 32
INDEX = {
    "name": "numpy",
    "version": "1.10",
    "build": "0",
    "build_number": 0,
    "subdir": "noarch",
    "depends": ["python >=3.11"],
    "constrains": ["x >=1"],
    "license": "BSD",
    "noarch": "python",
    "timestamp": 1700000000000,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Parser:
    """`parse` takes an input to its end, in a folder of its own; anything but `LiteEnvError` is a fault."""

    form: str
    seeds: list[bytes]
    parse: Callable[[bytes], object]


def make_parsers(folder: Path) -> dict[str, Parser]:
    """All parsers; what they need on disk is made in `folder`."""
    prefix = make_prefix(
        folder / "prefix",
        kernel_package(language="python", depends=["python 3.11.*"], metadata={"debugger": False}),
        python_package(),
        Toy(
            name="numpy", depends=["python 3.11.*"], files={"lib/x.so.1": ("->", "x.so"), "lib/x.so": "x", "bin/n": "y"}
        ),
    )
    pack = folder / "pack"
    write_pack(plan_pack(read_prefix(prefix), level=1), pack)
    manifest = (pack / "manifest.json").read_bytes()
    return {
        **_of_specs(folder),
        **_of_locks(folder),
        **_of_prefixes(folder, prefix),
        **_of_packs(folder, manifest),
        **_of_kernels(folder),
        **_of_channels(folder),
        **_of_reports(folder, pack),
        **_of_recipes(),
        **_of_modules(),
    }


def _of_modules() -> dict[str, Parser]:
    whole = library(
        imports={"env.puts": "function ii", "GOT.mem.stdout": "global mutable i", "env.__cpp_exception": "tag vi"},
        exports={"add": "function iii", "answer": "global i", "__c_longjmp": "tag vi"},
        needed=("libz.so",),
        weak=("puts",),
        constructors=2,
    )

    def parse_seen(data: bytes) -> None:
        looker = Looker(["/home/x"])
        for name in ("lib/a.so", "bin/a.wasm", "bin/a.js"):
            looker.see(name, data)
        facts = looker.facts()
        assert {binary.path for binary in facts["binaries"]} >= {"lib/a.so"}

    return {
        "module": Parser(
            form="text", seeds=[whole, library(dylink="dylink")], parse=lambda data: read_module(data, "a.so")
        ),
        "seen": Parser(form="text", seeds=[whole, script("puts", "stdout").encode()], parse=parse_seen),
    }


def _of_specs(folder: Path) -> dict[str, Parser]:
    environment = folder / "environment.yml"

    def parse_environment(data: bytes) -> None:
        environment.write_bytes(data)
        spec = read_environment(environment)
        unsatisfied(spec.requirements, ())

    def parse_settings(data: bytes) -> None:
        (folder / "pyproject.toml").write_bytes(data)
        with suppress(LiteEnvError):
            read_project_workloads(folder)
        read_project_filter(folder).dropped_by("lib/python3.11/site-packages/a/b.py", "a")

    def parse_filter_(data: bytes) -> None:
        rules = parse_filter(data.decode("utf-8", "replace"), origin="filters.yaml").for_packages(["a"])
        for path in ("a/" * 100 + "b", "a" * 300, "lib/python3.11/site-packages/numpy/tests/test_x.py"):
            rules.dropped_by(path, "numpy")

    def parse_pip(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        for line in text.split("\n"):
            with suppress(PipLineError):
                parse_line(line)
            with suppress(PipLineError):
                split_git(line)
            split_wheel_name(line)
            needed((line,), marker_environment("3.11.3"))
        (folder / "requirements.txt").write_bytes(data)
        # What the seeds name is not there.
        with suppress(LiteEnvError):
            read_section([PipLine(text="-r requirements.txt", file=folder / "environment.yml", line=1)], folder)

    def parse_words(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        apply_comment_selectors(text)
        for word in text.split("\n"):
            with suppress(ValueError):
                evaluate(word)
            with suppress(ValueError):
                key_selector(word)
            with suppress(ValueError):
                resolve_channel(word, folder)
            name_of(word)
            split_channel(word)
            satisfies(word, name="a", version="1", build="0", build_number=0, subdir="noarch")

    return {
        "environment": Parser(
            form="yaml",
            seeds=[
                file.read_bytes()
                for file in sorted(CORPUS.glob("*.yml"))
                # What is changed value by value must be YAML to begin with.
                if file.stem
                in ("anchors", "binder", "build_strings", "channels_of_dependencies", "everything", "selectors")
            ],
            parse=parse_environment,
        ),
        "settings": Parser(
            form="toml",
            seeds=[
                (
                    b"[tool.lite-env]\ntrace = ['a.py', \"b.ipynb\"]\n"
                    b"[[tool.lite-env.filters]]\nid = 'x'\ndrop = ['a/', '**/*.b']\n"
                ),
                (
                    b"[project]\nname = 'x'\nversion = '1'\nx = {a = [1, 2.5, 2024-01-01, true]}\n"
                    b"[tool]\nlite-env.trace = []\n"
                ),
            ],
            parse=parse_settings,
        ),
        "filters": Parser(
            form="yaml",
            seeds=[
                (
                    b"rules:\n- id: fonts\n  drop: ['share/fonts/', '**/*.{ttf,otf}']\n  reason: no\n  unless: [a, b]\n"
                    b"- keep: lib/*/x?/**/y\n  package: numpy\n  reason: used\n"
                )
            ],
            parse=parse_filter_,
        ),
        "pip": Parser(
            form="text",
            seeds=[
                (
                    b"requests[socks] >=2,<3 ; python_version < '3.12'  # why\n-i https://h/simple\n--pre\n"
                    b'-c "a b.txt"\n'
                    b"./a-1-py3-none-any.whl[x] ; os_name == 'posix'\n-e ../..\nfile:///a/b-1-py3-none-any.whl\n"
                ),
                (
                    b"git+https://h/p.git@v1.0#subdirectory=a/b&egg=c\nname @ git+ssh://git@h/p\n--find-links=./w\n"
                    b"a==1 --hash=sha256:" + SHA.encode() + b"\nhttps://h/a-1-py3-none-any.whl#sha256=0\n${X}\n"
                ),
            ],
            parse=parse_pip,
        ),
        "pylock": Parser(
            form="text",
            seeds=[
                (
                    b'lock-version = "1.0"\ncreated-by = "uv"\n[[packages]]\nname = "a"\nversion = "1"\n'
                    b"wheels = [{ url = "
                    b'"https://u:p@h/a-1-py3-none-any.whl?x#y", size = 3, hashes = { sha256 = "'
                    + SHA.encode()
                    + b'" } }]\n'
                    b'[[packages]]\nname = "b"\narchive = { path = "/x/b-1-py3-none-any.whl", hashes = {} }\n'
                )
            ],
            parse=lambda data: parse_pylock(data.decode("utf-8", "replace"), folder),
        ),
        "words": Parser(
            form="text",
            seeds=[
                b"not (win or osx) and unix\nsel(linux)\n- pip:  # [win]\n  - x\n- y  # [unix and not wasm32]\n",
                b"conda-forge::numpy >=1.25,<2\nchannel/noarch::x[version='>=1', build=*_0]\nnumpy=1.25=py311_2\n",
                b"https://h:80/t/x/c\n./c\n~/c\nfile:///c/d\nconda-forge/label/dev\npkgs/main\nhttps://u:p@[::1]:9/c\n",
            ],
            parse=parse_words,
        ),
    }


def _of_locks(folder: Path) -> dict[str, Parser]:
    def parse_lock_(data: bytes) -> None:
        path = folder / "conda-lock.yml"
        path.write_bytes(data)
        lock = read_lock(path)
        unsatisfied([], lock.conda)
        _ask(read_subject(path))
        again = replace(lock, spec_digest=SHA)
        assert parse_lock(dump_lock(again, folder=folder), path).packages == lock.packages

    def parse_pixi_(data: bytes) -> None:
        path = folder / "pixi.lock"
        path.write_bytes(data)
        lock = read_lock(path)
        unsatisfied([], lock.conda)
        _ask(read_subject(path))
        for version in (6, 7):
            again = parse_pixi(dump_pixi(lock, version=version), path)
            assert [_identity(each) for each in again.packages] == [_identity(each) for each in lock.packages]

    def parse_list(data: bytes) -> None:
        path = folder / "explicit.txt"
        path.write_bytes(data)
        with suppress(FetchError):
            read_lock(path, offline=True, store=FORGETFUL)
        for each in parse_explicit(data.decode("utf-8", "replace"), path):
            # Nothing of a list gets out of the folder where its packages are put.
            assert place_of(conda(each.name, each.version, build=each.build), folder).parent == folder

    return {
        "lock": Parser(form="yaml", seeds=[_lock()], parse=parse_lock_),
        "pixi": Parser(
            form="yaml",
            seeds=_kept("pixi", "version_6", "wheel", "named_platform", "several_environments", "path_relative"),
            parse=parse_pixi_,
        ),
        "explicit": Parser(
            form="text",
            seeds=_kept("explicit", "sha256", "md5_and_none", "path", "path_as_url", "token"),
            parse=parse_list,
        ),
        "package": Parser(
            form="json", seeds=[_json(INDEX)], parse=lambda data: with_index(conda("numpy", "1.10", build="0"), data)
        ),
    }


def _kept(folder: str, *names: str) -> list[bytes]:
    """Files of the corpus of locks, by their names, each of which is there."""
    form = {"pixi": "lock", "explicit": "txt"}[folder]
    return [(LOCKS / folder / f"{name}.{form}").read_bytes() for name in sorted(names)]


def _identity(package: LockedPackage) -> tuple[object, ...]:
    return package.name, package.url, package.sha256, package.build_number, package.noarch, package.depends


def _lock() -> bytes:
    from lite_env.lock.conda_lock import content_hash  # noqa: PLC0415
    from lite_env.lock.model import LockedPackage, Lockfile  # noqa: PLC0415

    package = LockedPackage(
        name="numpy",
        version="1.10",
        build="py311_2",
        build_number=2,
        subdir="noarch",
        sha256=SHA,
        file_name="numpy-1.10-py311_2.conda",
        url="https://h/c/noarch/numpy-1.10-py311_2.conda",
        channel="https://h/c",
        md5="cd" * 16,
        size=12,
        depends=("python >=3.11", "six"),
        noarch="python",
        constrains=("x >=1",),
        license="BSD",
        timestamp=1,
    )
    wheel = LockedPackage(
        name="six",
        version="1.16",
        build="py3-none-any",
        build_number=0,
        subdir="noarch",
        sha256=SHA,
        file_name="six-1.16-py3-none-any.whl",
        url="https://h/six-1.16-py3-none-any.whl",
        channel="",
        depends=("numpy >=1",),
        manager="wheel",
    )
    lock = Lockfile(
        name="demo",
        channels=("https://h/c",),
        packages=(package, wheel),
        requested=("numpy",),
        variables=(("A", "1"),),
        spec_digest=SHA,
        sources=(Path("/p/environment.yml"),),
        file=Path("/p/l"),
    )
    # Without our own part nothing holds the packages together, and changes of them get further.
    document = yaml.safe_load(dump_lock(lock, folder=Path("/p")))
    del document["metadata"]["custom_metadata"]
    assert content_hash((package, wheel))
    return yaml.safe_dump(document).encode()


def _of_prefixes(folder: Path, prefix: Path) -> dict[str, Parser]:
    records = folder / "records"

    def parse_record(data: bytes) -> None:
        put(records, "conda-meta/a-1-0.json", data)
        with suppress(LiteEnvError):
            read_requested(records)
        read_packages(records)

    def parse_notes(data: bytes) -> None:
        for name in ("state", "lite-env", "history"):
            put(records, f"conda-meta/{name}", data)
        put(records, "conda-meta/a-1-0.json", b"{}")
        with suppress(LiteEnvError):
            read_variables(records)
        with suppress(LiteEnvError):
            read_own_record(records)
        with suppress(LiteEnvError):
            read_requested(records)
        (records / "conda-meta" / "lite-env").unlink()
        read_requested(records)

    files = read_prefix(prefix).files
    by_path = {file.path: file for file in files} if not isinstance(files, dict) else files
    (kernel_json,) = prefix.glob("share/jupyter/kernels/*/kernel.json")
    kernel = kernel_json.read_bytes()

    def parse_kernel(data: bytes) -> None:
        kernel_json.write_bytes(data)
        try:
            find_kernels(prefix, by_path)
        finally:
            kernel_json.write_bytes(kernel)

    wheels = make_prefix(folder / "wheels", kernel_package(), local=wheel_files(direct_url={"url": "file:///x"}))
    texts = sorted(path for path in wheels.rglob("*.dist-info/*") if path.is_file())

    def parse_wheel(data: bytes) -> None:
        for path in (*texts, wheels / SITE / "x.pth"):
            if path.name in ("METADATA", "RECORD", "WHEEL", "direct_url.json", "x.pth"):
                kept = path.read_bytes() if path.exists() else b""
                path.write_bytes(data)
                with suppress(LiteEnvError):
                    read_prefix(wheels)
                path.write_bytes(kept)

    def parse_lists(data: bytes) -> None:
        for name in (PATHS, FILES, LINK):
            # What these lists are read for tells whatever goes wrong as a damaged package.
            with suppress(ValueError, TypeError, KeyError, AttributeError, LiteEnvError):
                contents_of({name: data, **({} if name == FILES else {FILES: b"a"})}, ["a"], {}, [])

    record = {
        "name": "a",
        "version": "1",
        "build": "0",
        "build_number": 0,
        "subdir": "noarch",
        "depends": ["b >=1", "c"],
        "files": ["lib/x", "bin/y"],
        "sha256": SHA,
        "license": "MIT",
        "requested_specs": ["a"],
        "fn": "a-1-0.conda",
        "paths_data": {"paths": [{"_path": "lib/x", "sha256": SHA, "size_in_bytes": 1}], "paths_version": 1},
    }
    paths = {"paths": [{"_path": "a", "path_type": "hardlink", "sha256": SHA, "size_in_bytes": 1}], "paths_version": 1}
    return {
        "record": Parser(form="json", seeds=[_json(record)], parse=parse_record),
        "notes": Parser(
            form="text",
            seeds=[
                _json({"env_vars": {"A": "1", "B": "***unset***"}, "version": 1}),
                _json({"lock_digest": SHA, "name": "x", "requested": ["a", "b >=1"], "version": 1}),
                b"==> 2024-01-01 <==\n# update specs: ['numpy >=1', \"python=3.11\"]\n# remove specs: [a]\n",
            ],
            parse=parse_notes,
        ),
        "kernel": Parser(form="json", seeds=[kernel], parse=parse_kernel),
        "wheel": Parser(form="text", seeds=[path.read_bytes() for path in texts], parse=parse_wheel),
        "lists": Parser(
            form="json",
            seeds=[_json(paths), _json({"noarch": {"type": "python", "entry_points": ["a = b:c"]}})],
            parse=parse_lists,
        ),
    }


def _of_packs(folder: Path, manifest: bytes) -> dict[str, Parser]:
    kept = PACKS / "1.0" / "python"

    def beside(path: str) -> bytes:
        return read_pack_file(kept, path, limit=MAX_STORED_SIZE)

    def parse_record(data: bytes) -> None:
        (folder / RECORD).write_bytes(data)
        previous = read_previous(str(folder), RECORD, FOLDERS)
        keeping = Keeping(seconds=60, now=datetime(2026, 11, 27, tzinfo=UTC), previous=previous)
        plan_leaving(folder, {"packs/e/manifest.json"}, None, keeping)
        plan_leaving(folder, {"packs/e/manifest.json"}, read_record(folder), keeping)

    index = {
        "format": "1.0",
        "needed": {"lib/a.so": ["libb.so"]},
        "tree": {"lib": {"x.py": [10, 0, 512], "run": [5, 0, 1024, 1], "a.so.1": "a.so", "a.so": [1, 1, 512]}},
    }
    profile = {
        "format": "1.0",
        "environment": "e",
        "interpreter": ["p:a"],
        "kernel": ["p:b"],
        "imports": {"numpy": ["n:c"]},
        "workloads": {"w.py": ["n:d"]},
        "failed": {"scipy": "ImportError: no"},
    }
    told = {"size": 1, "sha256": SHA}
    files = {"a/b": told, "packs/e/manifest.json": told, f"packs/e/archives/{SHA}.tar.zst": told}
    old = {f"files/{SHA}.js.zst": told | {"since": "2026-11-26T10:00:00Z"}}
    record = {"format": 1, "generator": "x", "build": "b", "files": files, "old": old}
    return {
        "manifest": Parser(
            form="json",
            seeds=[manifest, (kept / "manifest.json").read_bytes()],
            parse=lambda data: parse_manifest(data, beside, file="manifest.json"),
        ),
        "index": Parser(form="json", seeds=[_json(index)], parse=lambda data: decode_index(data, [4096, 4096])),
        "profile": Parser(form="json", seeds=[_json(profile)], parse=lambda data: parse_profile(data, file="x.json")),
        "site": Parser(form="json", seeds=[_json(record)], parse=parse_record),
    }


def _of_kernels(folder: Path) -> dict[str, Parser]:
    def parse_notebook(data: bytes) -> None:
        path = folder / "n.ipynb"
        path.write_bytes(data)
        with suppress(LiteEnvError):
            read_notebook(path)
        read_workloads([path])

    def parse_code(data: bytes) -> None:
        path = folder / "n.py"
        path.write_bytes(data)
        read_workloads([path])

    output = {
        "output_type": "display_data",
        "data": {"text/plain": "x", "application/json": {"a": [1]}},
        "metadata": {},
    }
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "a",
        "metadata": {"tags": []},
        "outputs": [output],
        "source": ["1\n"],
    }
    note = {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "x", "attachments": {}}
    whole = {
        "cells": [cell, note],
        "metadata": {"kernelspec": {"name": "p", "display_name": "P"}, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {"cells": [{"cell_type": "code", "input": "1", "outputs": [], "language": "python"}], "metadata": {}}
        ],
    }
    message = {
        "type": "message",
        "message": {
            "channel": "iopub",
            "header": {"msg_type": "stream", "msg_id": "a"},
            "parent_header": {},
            "metadata": {},
            "content": {"text": "x"},
        },
    }
    code = marshal.dumps(compile("x = 1", "a.py", "exec"))
    codes = {
        "magic": "a70d0d0a",
        "tag": "cpython-311",
        "files": [["a.py", "ab" * 8, len(code), None], ["b.py", "", 0, "SyntaxError"]],
    }
    return {
        "notebook": Parser(form="json", seeds=[_json(whole), _json(old)], parse=parse_notebook),
        "code": Parser(form="text", seeds=[b"import numpy\nprint(1)\n"], parse=parse_code),
        "envelope": Parser(form="json", seeds=[_json(message)], parse=decode_envelope),
        "bytecode": Parser(form="text", seeds=[json.dumps(codes).encode() + b"\n" + code], parse=parse_result),
    }


def _of_channels(folder: Path) -> dict[str, Parser]:
    definitions = [file.read_bytes() for file in sorted(CHANNELS.glob("*/channel.yaml"))]
    definition = parse_definition(definitions[0].decode(), folder / "channel.yaml", digest=SHA)
    state = {"builder": 1, "definition": SHA, "files": [{"path": "a.conda", "sha256": SHA, "size": 1}], "name": "x"}

    def parse_state(data: bytes) -> None:
        put(folder, "built/lite-env-channel.json", data)
        for file in (folder / "built").glob("*"):
            file.write_bytes(data)
        read_built(definition, folder / "built")

    return {
        "definition": Parser(
            form="yaml",
            seeds=definitions,
            parse=lambda data: parse_definition(data.decode("utf-8", "replace"), folder / "channel.yaml", digest=SHA),
        ),
        "state": Parser(form="json", seeds=[_json(state)], parse=parse_state),
    }


def _of_recipes() -> dict[str, Parser]:
    def converted(data: bytes, kind: Format) -> None:
        text, refusals, _ = convert_text(data.decode("utf-8", "replace"), kind)
        if not refusals:
            assert yaml.safe_load(text)["schema_version"] == 1

    def converted_variants(data: bytes) -> None:
        report = Report("conda_build_config.yaml")
        text = convert_variants(data.decode("utf-8", "replace"), report)
        if not report.refused():
            yaml.safe_load(text)

    return {
        "recipe": Parser(form="text", seeds=_recipes("meta.yaml"), parse=lambda data: converted(data, "conda-build")),
        "recipe_of_boa": Parser(form="yaml", seeds=_recipes("recipe.yaml"), parse=lambda data: converted(data, "boa")),
        "variants": Parser(form="text", seeds=_recipes("conda_build_config.yaml"), parse=converted_variants),
    }


def _recipes(name: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(RECIPES.glob(f"*/{name}"))]


def _ask(subject: Subject) -> None:
    """Every question that needs no files."""
    graph = make_graph(subject)
    tree_lines(tree_rows(graph))
    for name in list(graph.packages)[:3]:
        why_lines(graph, ways_to(graph, name))
        tree_rows(graph, invert=name)
    cyclonedx(subject)


def _of_reports(folder: Path, pack: Path) -> dict[str, Parser]:
    subject = read_subject(pack)
    measured = measure(subject)
    assert subject.manifest is not None
    manifest = subject.manifest
    packed = {
        "lock_digest": manifest.environment.lock_digest,
        "archives": [{"raw_size": archive.raw_size} for archive in manifest.archives],
        "dropped": [{"path": "a", "size": 1, "package": "b", "rule": "c", "reason": "d"}],
    }

    def parse_report(data: bytes) -> None:
        (folder / "report.json").write_bytes(data)
        earlier = read_earlier(folder / "report.json")
        difference = compare(earlier, measured)
        diff_lines(difference)
        difference_as_json(compare(measured, earlier))
        for render in (report_lines, report_markdown, report_html):
            render(measured, difference)

    def parse_packed(data: bytes) -> None:
        (folder / "packed.json").write_bytes(data)
        read_filtered(folder / "packed.json", manifest)

    return {
        "report": Parser(form="json", seeds=[_json(msgspec.to_builtins(measured))], parse=parse_report),
        "packed": Parser(form="json", seeds=[_json(packed)], parse=parse_packed),
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
