"""What a stock clang 19 and its linker made (``compiled/renew.sh``), held against the real runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lite_env.audit import audit_package, read_libraries, read_runtime
from lite_env.channel.build import build_channel
from lite_env.channel.catalog import find_definition
from lite_env.store.local import open_store
from lite_env.wasm.module import read_module
from tests.audit.test_rules import LICENSE
from tests.conda_packages import make_package

if TYPE_CHECKING:
    from lite_env.audit import Runtime

COMPILED = Path(__file__).parent / "compiled"
LIBRARIES = {path.name: path.read_bytes() for path in sorted(COMPILED.glob("*.so"))}


def built(name: str) -> Path:
    return build_channel(find_definition(name), store=open_store()).path


def faults(folder: Path, runtime: Runtime) -> dict[str, set[str]]:
    """The rules that each library breaks in `runtime`."""
    package = make_package(
        folder,
        "compiled",
        files={f"lib/{name}": data for name, data in LIBRARIES.items()} | LICENSE,
        depends=["emscripten-abi"],
    )
    found: dict[str, set[str]] = {name: set() for name in LIBRARIES}
    for finding in audit_package(package, runtime=runtime, libraries=read_libraries([], [])):
        assert finding.file is not None
        found[finding.file.removeprefix("lib/")].add(finding.rule)
    return {name: rules for name, rules in found.items() if rules}


def test_the_linker_puts_constructors_in_front_of_all_functions():
    modules = {name: read_module(data, name) for name, data in LIBRARIES.items()}
    assert len(modules) == 7
    assert {name: module.constructors for name, module in modules.items()} == dict.fromkeys(modules, 0) | {
        "constructor.so": 1,
        "constructor-lost.so": 1,
    }
    assert {name for name, module in modules.items() if module.first_export is None} == {
        "constructor-lost.so",
        "plain.so",
    }


@pytest.mark.network
def test_in_a_runtime_whose_exceptions_go_through_javascript(tmp_path):
    runtime = read_runtime(built("emscripten-forge-2023"))
    assert faults(tmp_path, runtime) == {
        "catch-wasm.so": {"exceptions"},
        "constructor-lost.so": {"constructors"},
        "jump-javascript.so": {"exceptions"},
        "jump-wasm.so": {"exceptions"},
    }


@pytest.mark.network
@pytest.mark.slow
def test_in_a_runtime_whose_exceptions_are_those_of_webassembly(tmp_path):
    assert faults(tmp_path, read_runtime(built("pyodide-314"))) == {
        "catch-javascript.so": {"exceptions"},
        "constructor-lost.so": {"constructors"},
        "jump-javascript.so": {"exceptions"},
    }
