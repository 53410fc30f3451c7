"""Each rule finds what it is for in a package that has it, and nothing in one that has not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lite_env.audit import audit, audit_package, read_libraries, read_runtime
from lite_env.audit.rules import RULES
from tests.conda_packages import make_package
from tests.hostile_packages import build_package, file, listed
from tests.prefixes import SITE, WASM, section
from tests.side_modules import library, main_module, script

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lite_env.audit import Finding, Runtime

LICENSE = {"share/doc/LICENSE": "text"}
ABI = ("emscripten-abi 3.1.45.*",)
PYTHON = b"\0cpython-311\0"
MAIN = {"strlen": "function ii", "run": "function vi", "stdout": "global i", "__stack_pointer": "global mutable i"}
EXTENSION = f"{SITE}/fast/_x.cpython-311-wasm32-emscripten.so"


def make_channel(folder: Path, *, wasm_exceptions: bool = False) -> Path:
    """A channel with a kernel: its main module exports `MAIN`, its script has `puts` and `emscripten_longjmp`."""
    tags: dict[str, str] = {"__cpp_exception": "tag vi", "__c_longjmp": "tag vi"} if wasm_exceptions else {}
    names = ("puts", "twice") if wasm_exceptions else ("puts", "twice", "emscripten_longjmp")
    module = main_module(exports=MAIN | tags, imports={"env.puts": "function ii"}, padding=PYTHON)
    make_package(
        folder,
        "toy-kernel",
        files={"bin/xtoy.js": script(*names, invokes=not wasm_exceptions), "bin/xtoy.wasm": module} | LICENSE,
        depends=[*ABI, "python"],
    )
    make_package(folder, "python", "3.11.3", files=LICENSE)
    make_package(folder, "emscripten-abi", "3.1.45", files=LICENSE, noarch="generic")
    return folder


@pytest.fixture(scope="module")
def channel(tmp_path_factory) -> Path:
    return make_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture(scope="module")
def runtime(channel) -> Runtime:
    return read_runtime(channel)


@pytest.fixture(scope="module")
def wasm_runtime(tmp_path_factory) -> Runtime:
    """One whose exceptions are those of WebAssembly."""
    return read_runtime(make_channel(tmp_path_factory.mktemp("channel"), wasm_exceptions=True))


@pytest.fixture
def check(channel, runtime, tmp_path):
    def do(
        files: Mapping[str, bytes | str],
        *,
        depends: tuple[str, ...] = ABI,
        licensed: bool = True,
        against: Runtime = runtime,
        channels: tuple[Path, ...] = (channel,),
        host_paths: tuple[str, ...] = (),
        **record: str | None,
    ) -> list[Finding]:
        package = make_package(
            tmp_path, "ours", files={**(LICENSE if licensed else {}), **files}, depends=depends, **record
        )
        libraries = read_libraries(depends, channels)
        return list(audit_package(package, runtime=against, libraries=libraries, host_paths=host_paths))

    return do


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    assert finding.hint
    assert finding.package == "ours-1.0-0.conda"
    return finding


def test_a_sound_library_has_nothing_wrong(check):
    sound = library(
        imports={
            "env.strlen": "function ii",
            "env.puts": "function ii",
            "env.twice": "function jd",  # a script's name whose signature nothing tells
            "GOT.mem.stdout": "global mutable i",
            "GOT.func.strlen": "global mutable i",
            "env.invoke_viii": "function viiii",
            "env.__cxa_find_matching_catch_3": "function ii",
            "env.emscripten_longjmp": "function vii",
            "env.own": "function v",
            "env.maybe": "function v",
            "GOT.func.maybe": "global mutable i",
        },
        exports={"own": "function v"},
        weak=("maybe",),
        constructors=2,
    )
    assert check({"lib/libx.so": sound, "lib/libold.so": library(dylink="dylink")}) == []


@pytest.mark.parametrize(
    ("imported", "what", "message"),
    [
        ("env.nowhere", "function ii", "a call fails when it is made: neither xtoy.wasm nor a needed library exports"),
        ("env.nowhere", "global i", "it cannot be loaded"),
        ("env.nowhere", "tag vi", "it cannot be loaded"),
        ("GOT.mem.nowhere", "global mutable i", "dlopen fails: it takes the address of 'nowhere'"),
        ("GOT.func.nowhere", "global mutable i", "dlopen fails: it takes the address of 'nowhere'"),
    ],
)
def test_what_nobody_exports_is_missing(check, imported, what, message):
    finding = only(check({"lib/libx.so": library(imports={imported: what})}))
    assert (finding.rule, finding.severity, finding.file) == ("import-missing", "error", "lib/libx.so")
    assert message in finding.message
    assert "'nowhere'" in finding.message


def test_what_fortran_would_print_with_is_a_warning(check):
    finding = only(check({"lib/libx.so": library(imports={"env.s_wsle": "function ii"})}))
    assert (finding.rule, finding.severity) == ("import-missing", "warning")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("strlen", "function iii"),  # of the main module
        ("puts", "function jj"),  # of the script, as the main module imports it
        ("stdout", "function ii"),
        ("run", "tag vi"),
        ("__stack_pointer", "global i"),
        ("__memory_base", "global mutable i"),
        ("own", "function ii"),
    ],
)
def test_another_signature_is_an_error(check, name, what):
    findings = check({"lib/libx.so": library(imports={f"env.{name}": what}, exports={"own": "function v"})})
    finding = only(findings)
    assert (finding.rule, finding.severity) == ("import-signature", "error")
    assert f"'{name}'" in finding.message


@pytest.mark.parametrize(
    ("name", "what", "way", "hint"),
    [
        ("__cpp_exception", "tag vi", "C++ exceptions of WebAssembly", "-fexceptions"),
        ("__c_longjmp", "tag vi", "setjmp of WebAssembly", "-enable-emscripten-sjlj"),
        ("saveSetjmp", "function iiiii", "setjmp through JavaScript", "-sSUPPORT_LONGJMP=emscripten"),
        ("__wasm_setjmp", "function viii", "setjmp as LLVM 19 and later compile it", "link the functions into"),
        ("__wasm_setjmp_test", "function iii", "setjmp as LLVM 19 and later compile it", "link the functions into"),
    ],
)
def test_exceptions_of_another_kind_are_told_as_such(check, name, what, way, hint):
    finding = only(check({"lib/libx.so": library(imports={f"env.{name}": what})}))
    assert (finding.rule, finding.severity) == ("exceptions", "error")
    assert way in finding.message
    assert hint in finding.hint


@pytest.mark.parametrize("name", ["invoke_vi", "__cxa_find_matching_catch_2", "emscripten_longjmp"])
def test_exceptions_through_javascript_do_not_fit_a_runtime_without(check, wasm_runtime, name):
    assert (wasm_runtime.exceptions, wasm_runtime.setjmp) == ("wasm", "wasm")
    finding = only(check({"lib/libx.so": library(imports={f"env.{name}": "function vii"})}, against=wasm_runtime))
    assert (finding.rule, finding.severity) == ("exceptions", "error")
    assert "wasm" in finding.hint
    tags = {"env.__cpp_exception": "tag vi", "env.__c_longjmp": "tag vi"}
    assert check({"lib/libx.so": library(imports=tags)}, against=wasm_runtime) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (library(dylink=None), "it has no section 'dylink.0'"),
        (library(dylink_last=True), "is not the first one"),
        (library(with_memory=False), "a memory of its own"),
        (WASM + section("dylink.0", b""), "does not tell how much memory"),
        (WASM + section("dylink.0", b"\x01\x04\x04\x40\x00\x00"), "aligned at more than"),
        (library()[:-3], "is not a sound WebAssembly module"),
        (b"INPUT(libreal.so)", "is no WebAssembly module"),
    ],
    ids=["none", "not first", "memory", "no memory info", "alignment", "truncated", "text"],
)
def test_what_is_no_library_is_told(check, data, message):
    finding = only(check({"lib/libx.so": data}))
    assert (finding.rule, finding.severity) == ("dylink", "error")
    assert message in finding.message


def test_a_runtime_that_loads_no_libraries_is_told(check, tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    files = {"bin/xlua.js": "WebAssembly.x", "bin/xlua.wasm": library(dylink=None)}
    against = read_runtime(make_package(folder, "static", files=files))
    finding = only(check({"lib/libx.so": library(imports={"env.nowhere": "function v"})}, against=against))
    assert finding.rule == "dylink"
    assert "it is linked statically" in finding.message


def test_a_needed_library_has_to_be_there(check, channel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("more")
    part = library(exports={"deflate": "function iii"}, needed=("libpart.so",))
    make_package(folder, "zlib", files={"lib/libz.so.1": part}, links={"lib/libz.so": "libz.so.1"}, depends=["part"])
    make_package(folder, "part", files={"lib/libpart.so": library(exports={"inner": "function v"})})
    make_package(folder, "lone", files={"lib/liblone.so": library(needed=("libgone.so",))})
    imports = {"env.deflate": "function iii", "env.inner": "function v"}
    channels = (channel, folder)
    needs = {"lib/libx.so": library(imports=imports, needed=("libz.so",))}

    assert check(needs, depends=(*ABI, "zlib"), channels=channels) == []
    finding = only(check(needs, channels=channels))
    assert (finding.rule, finding.severity) == ("needed", "error")
    assert "which 'zlib' brings" in finding.message
    assert "add zlib" in finding.hint
    finding = only(check(needs))
    assert "neither the package nor what it depends on brings" in finding.message
    wrong = {"lib/libx.so": library(imports={"env.deflate": "function v"}, needed=("libz.so",))}
    finding = only(check(wrong, depends=(*ABI, "zlib"), channels=channels))
    assert (finding.rule, "that of libz.so is" in finding.message) == ("import-signature", True)
    lone = {"lib/libx.so": library(needed=("liblone.so",))}
    finding = only(check(lone, depends=(*ABI, "lone"), channels=channels))
    assert "a library that it needs needs 'libgone.so'" in finding.message
    own = {"lib/libx.so": library(needed=("libown.so",), imports={"env.mine": "function v"})}
    assert check({**own, "lib/deep/libown.so": library(exports={"mine": "function v"})}) == []


@pytest.mark.parametrize(
    ("needed", "severity", "message"),
    [
        (("/home/me/libz.so",), "error", "a path of the machine that linked it"),
        (("libx.so",), "error", "it needs itself"),
        (("liby.so", "liby.so"), "warning", "more than once"),
    ],
)
def test_names_of_needed_libraries_are_bare_and_of_others(check, needed, severity, message):
    findings = check({"lib/libx.so": library(needed=needed), "lib/liby.so": library()})
    assert ("needed", severity) in {(each.rule, each.severity) for each in findings if message in each.message}


def test_constructors_that_nobody_runs_are_told_and_only_these(check):
    finding = only(check({"lib/libx.so": library(constructors=2, exported=None)}))
    assert (finding.rule, finding.severity) == ("constructors", "error")
    assert "static constructors never run" in finding.message
    assert "--export-if-defined=__wasm_call_ctors" in finding.hint
    # What is first may be an ordinary function, and what is called so may lie elsewhere.
    assert check({"lib/libx.so": library(constructors=2, exported="run")}) == []
    elsewhere = library(constructors=2, exported=None, exports={"__wasm_call_ctors": "function v"})
    assert check({"lib/libx.so": elsewhere}) == []
    # A library in C has an empty one, or none.
    assert check({"lib/libx.so": library(constructors=0, exported=None)}) == []
    assert check({"lib/libx.so": library(constructors=None)}) == []


@pytest.mark.parametrize(
    ("head", "form"),
    [(b"\x7fELF\x02\x01\x01", "ELF"), (b"\xcf\xfa\xed\xfe\x07", "Mach-O"), (b"\xca\xfe\xba\xbe\0\0\0\x02", "Mach-O")],
)
def test_machine_code_is_an_error(check, head, form):
    for path in ("bin/tool", "lib/libx.so"):
        finding = only(check({path: head + bytes(60)}))
        assert (finding.rule, finding.severity, finding.file) == ("native", "error", path)
        assert form in finding.message


def test_a_launcher_for_windows_is_a_warning_and_a_class_of_java_is_nothing(check):
    launcher = b"MZ".ljust(0x3C, b"\0") + (0x40).to_bytes(4, "little") + b"PE\0\0"
    finding = only(check({"lib/t64.exe": launcher, "share/A.class": b"\xca\xfe\xba\xbe\0\0\0\x34", "a/b": b"MZ"}))
    assert (finding.rule, finding.severity, finding.file) == ("native", "warning", "lib/t64.exe")


def test_a_module_named_for_another_platform_is_an_error(check):
    path = f"{SITE}/_x.cpython-311-x86_64-linux-gnu.so"
    findings = check({path: library(exports={"PyInit__x": "function i"})}, depends=(*ABI, "python 3.11.*"))
    finding = only(findings)
    assert (finding.rule, finding.severity, finding.file) == ("native", "error", path)


def test_noarch_is_without_compiled_code(check):
    finding = only(check({"lib/libx.so": library()}, noarch="generic"))
    assert (finding.rule, finding.severity) == ("noarch", "error")
    assert "'lib/libx.so'" in finding.message


def extension(name: str = "_x") -> bytes:
    return library(exports={f"PyInit_{name}": "function i"})


def test_an_extension_module_is_for_the_runtimes_python(check):
    assert check({EXTENSION: extension()}, depends=(*ABI, "python >=3.11,<3.12.0a0")) == []
    other = EXTENSION.replace("311", "312").replace("3.11", "3.12")
    findings = check({other: extension()}, depends=(*ABI, "python 3.12.*"))
    assert "xtoy.wasm has Python 3.11.3" in only(findings).message
    assert only(findings).rule == "python-abi"


def test_an_extension_module_fits_what_it_depends_on(check):
    finding = only(check({EXTENSION: extension()}))
    assert (finding.rule, finding.severity) == ("python-abi", "error")
    assert "does not depend on python" in finding.message
    finding = only(check({EXTENSION: extension()}, depends=(*ABI, "python 3.12.*")))
    assert "depends on 'python 3.12.*'" in finding.message
    mixed = {EXTENSION: extension(), f"{SITE}/_y.cpython-310-wasm32-emscripten.so": extension("_y")}
    messages = [each.message for each in check(mixed, depends=(*ABI, "python"))]
    assert "it has files for Python 3.10 and 3.11" in messages


def test_an_extension_module_exports_what_starts_it(check):
    finding = only(check({EXTENSION: extension("_other")}, depends=(*ABI, "python 3.11.*")))
    assert (finding.rule, finding.file) == ("python-abi", EXTENSION)
    assert "'PyInit__x'" in finding.message
    stable = f"{SITE}/_y.abi3.so"
    assert only(check({stable: library()}, depends=(*ABI, "python"))).file == stable


def test_emscripten_is_that_of_the_runtime(check):
    finding = only(check({"lib/libx.so": library()}, depends=("emscripten-abi 4.0.9 x_0",)))
    assert (finding.rule, finding.severity) == ("emscripten-abi", "error")
    assert "xtoy.wasm is of Emscripten 3.1.45" in finding.message
    finding = only(check({"lib/libx.so": library()}, depends=()))
    assert (finding.rule, finding.severity) == ("emscripten-abi", "warning")
    assert check({"share/x": "no library"}, depends=()) == []


def test_paths_of_a_machine_are_told(check):
    built = library(padding=b"\0/home/conda/feedstock_root/x.c\0/home/conda/feedstock_root/y.c\0/home/web_user/zip\0")
    finding = only(check({"lib/libx.so": built}))
    assert (finding.rule, finding.severity) == ("host-path", "warning")
    assert finding.message.endswith("'/home/conda/feedstock_root/x.c' and 1 more")
    finding = only(check({"share/config.txt": "prefix=/work/build-7/x"}, host_paths=("/work/build-7",)))
    assert (finding.rule, finding.severity, finding.file) == ("host-path", "error", "share/config.txt")


def test_a_prefix_that_no_installer_replaces_is_an_error(check):
    lost = "/opt/_h_env" + "_placehold" * 8
    finding = only(check({"bin/tool": f"#!{lost}/bin/python"}))
    assert (finding.rule, finding.severity, finding.file) == ("prefix-placeholder", "error", "bin/tool")
    recorded = "/placehold" + "_placehold" * 8
    assert "/placehold_placehold_placehold_placehold" in recorded
    assert check({"bin/tool": f"#!{recorded}/bin/python"}) == []


def test_a_licence_has_a_name_and_a_text(check):
    finding = only(check({"share/x": "x"}, licensed=False))
    assert (finding.rule, finding.severity) == ("license", "warning")
    assert "no file with its licence" in finding.message
    assert "names no licence" in only(check({}, license=None)).message
    for path in ("a/LICENCE.txt", "a/COPYING", "x.dist-info/licenses/AUTHORS", "a/LICENSE_DEJAVU", "UNLICENSE"):
        assert check({path: "text"}, licensed=False) == []
    assert check({"a/license_manager.py": "x", "licensed/x": "x"}, licensed=False) != []


def test_what_a_package_lists_is_in_it(tmp_path):
    members = [listed("share/a", "share/LICENSE", sha256="0" * 64), file("share/a"), file("share/b")]
    build_package(tmp_path, "file:///x", members)
    (path,) = (tmp_path / "noarch").iterdir()
    messages = [each.message for each in audit_package(path) if each.rule == "payload"]
    assert "it lists 'share/LICENSE', and lacks that" in messages
    assert "'share/a' is not what its list has the SHA-256 of" in messages


def test_what_is_too_large_to_be_read_is_told(check, monkeypatch):
    monkeypatch.setattr("lite_env.lock.conda.archives._MOST_IN_MEMORY", 1000)
    finding = only(check({"lib/libx.so": bytes(1001), "share/x": bytes(1000)}))
    assert (finding.rule, finding.severity) == ("payload", "error")
    assert finding.message.startswith("'lib/libx.so' was not looked at")


def test_every_rule_is_tried_here():
    tried = Path(__file__).read_text("utf-8")
    assert [rule.id for rule in RULES if f'"{rule.id}"' not in tried] == []


def test_a_channel_is_held_against_its_own_kernel(channel):
    answer = audit(channel)
    assert (bool(answer), answer.findings, answer.notes) == (True, (), ())
    assert len(answer.packages) == 3
