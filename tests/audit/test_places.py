"""Where runtimes and libraries come from, and packages that are hostile."""

from __future__ import annotations

import bz2
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from lite_env.audit import audit, audit_package, read_libraries, read_runtime
from lite_env.audit.environment import read_environment
from lite_env.audit.glue import read_glue
from lite_env.audit.look import Looker
from lite_env.channel.build import build_channel
from lite_env.channel.catalog import find_definition
from lite_env.errors import ChannelError, LiteEnvError, PrefixError
from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from lite_env.store.local import open_store
from tests.audit.test_rules import ABI, EXTENSION, LICENSE, PYTHON, extension, make_channel
from tests.conda_packages import make_package
from tests.frozen import PACKS
from tests.hostile_packages import build_package, file, link, listed
from tests.prefixes import SITE, Toy, kernel_package, make_prefix, python_package
from tests.side_modules import library, main_module, script
from tests.wheels import wheel_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BROKEN = library(imports={"env.nowhere": "function v"})


def environment(folder: Path, *, local: Mapping[str, bytes | str] | None = None, **files: bytes) -> Path:
    """An installed environment with a kernel that loads libraries, a library, and a package that needs that."""
    kernel = kernel_package(language="python", depends=["emscripten-abi 3.1.45.*", "python 3.11.*"])
    main = {
        "bin/xtoy.js": script("puts"),
        "bin/xtoy.wasm": main_module(
            exports={"strlen": "function ii", "__stack_pointer": "global mutable i"}, padding=PYTHON
        ),
    }
    return make_prefix(
        folder,
        Toy(name=kernel.name, depends=kernel.depends, files={**kernel.files, **main}),
        python_package(),
        Toy(name="emscripten-abi", version="3.1.45", files={}),
        Toy(
            name="part",
            depends=["emscripten-abi"],
            files={
                "lib/libpart.so.1": library(exports={"inner": "function v"}),
                "lib/libpart.so": ("->", "libpart.so.1"),
            },
        ),
        Toy(
            name="whole",
            depends=["emscripten-abi", "part", "python 3.11.*"],
            files={"lib/libw.so": library(needed=("libpart.so",), imports={"env.inner": "function v"}), **files},
        ),
        local=local,
    )


def test_a_runtime_is_found_in_every_place(tmp_path):
    channel = make_channel(tmp_path / "channel")
    prefix = environment(tmp_path / "prefix")
    write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack")
    package = channel / "emscripten-wasm32" / "toy-kernel-1.0-0.conda"
    for place in (channel, prefix, tmp_path / "pack", package):
        runtime = read_runtime(place)
        assert (runtime.name, runtime.emscripten, runtime.python, runtime.links) == (
            "xtoy.wasm",
            "3.1.45",
            "3.11.3",
            True,
        )
        assert (runtime.exceptions, runtime.find("puts") is not None) == ("javascript", True)
        assert runtime.find("nowhere") is None
    alone = package.rename(tmp_path / package.name)
    assert (read_runtime(alone).emscripten, read_runtime(alone).python) == (None, "3.11")


def test_a_place_without_a_kernel_is_an_error(tmp_path):
    package = make_package(tmp_path, "numpy", files={"lib/libx.so": library()})
    for place in (package, tmp_path):
        with pytest.raises(ChannelError, match="there is no kernel in"):
            read_runtime(place)
    with pytest.raises(ChannelError, match="is no package, channel, pack or environment"):
        read_runtime(tmp_path / "emscripten-wasm32")


def test_of_several_runtimes_the_one_for_the_package_is_taken(tmp_path):
    channel = make_channel(tmp_path)
    older = main_module(exports={"__stack_pointer": "global mutable i"}, padding=PYTHON.replace(b"311", b"310"))
    files = {"bin/aold.js": script("puts"), "bin/aold.wasm": older} | LICENSE
    make_package(channel, "a-kernel", files=files, depends=ABI)
    for version, runtime in (("311", "xtoy.wasm"), ("310", "aold.wasm")):
        path = EXTENSION.replace("311", version).replace("3.11", f"3.{version[1:]}")
        package = make_package(
            channel, f"for-{version}", files={path: extension()} | LICENSE, depends=[*ABI, f"python 3.{version[1:]}.*"]
        )
        answer = audit(package)
        assert (answer.runtimes, answer.findings) == ((runtime,), ())
    static = {"bin/a0.js": "WebAssembly.x", "bin/a0.wasm": library(dylink=None)} | LICENSE
    make_package(channel, "a-first", files=static, depends=ABI)
    package = make_package(channel, "for-any", files={"lib/libx.so": library()} | LICENSE, depends=ABI)
    assert audit(package).runtimes == ("aold.wasm",)
    make_package(channel, "emscripten-abi", "4.0.9", noarch="generic", files=LICENSE)
    files = {"bin/new.js": script("puts"), "bin/new.wasm": older} | LICENSE
    make_package(channel, "new-kernel", files=files, depends=["emscripten-abi 4.0.9"])
    depends = ["emscripten-abi 4.0.*"]
    package = make_package(channel, "for-new", files={"lib/libx.so": library()} | LICENSE, depends=depends)
    assert (audit(package).runtimes, audit(package).findings) == (("new.wasm",), ())


def test_a_pack_and_its_environment_have_one_answer(tmp_path):
    prefix = environment(tmp_path / "prefix", **{"lib/libbroken.so": BROKEN})
    write_pack(plan_pack(read_prefix(prefix), level=1), tmp_path / "pack")
    answers = [audit(place) for place in (prefix, tmp_path / "pack")]
    for answer in answers:
        (finding,) = answer.findings
        assert (finding.rule, finding.package, finding.file) == ("import-missing", "whole", "lib/libbroken.so")
        assert (answer.libraries, answer.runtimes) == (3, ("xtoy.wasm",))
        (note,) = answer.notes
        assert "the package files are not there" in note
    assert answers[0] == answers[1]
    assert [each.name for each in read_environment(tmp_path / "pack").contents] == [
        each.name for each in read_environment(prefix).contents
    ]


def test_a_wheel_of_an_environment_says_in_its_own_way_what_it_is_for(tmp_path):
    files = {EXTENSION: extension(), f"{SITE}/_lost.cpython-311-wasm32-emscripten.so": extension("_other")}
    rows = [f"{path.removeprefix(SITE)[1:]},," for path in files]
    prefix = environment(tmp_path / "prefix", local={**wheel_files(more_rows=rows), **files})
    (finding,) = audit(prefix).findings
    assert (finding.rule, finding.package, "PyInit__lost" in finding.message) == ("python-abi", "toy-pkg", True)


def test_frozen_packs_of_every_format_can_be_checked():
    packs = sorted(path.parent for path in PACKS.glob("*/*/manifest.json"))
    assert len(packs) > 2
    for pack in packs:
        assert audit(pack).packages


def test_what_a_package_depends_on_may_lie_with_its_runtime(tmp_path):
    channel = make_channel(tmp_path / "channel")
    make_package(channel, "zlib", files={"lib/libz.so": library(exports={"deflate": "function v"})})
    needing = library(needed=("libz.so",), imports={"env.deflate": "function v"})
    package = make_package(tmp_path / "mine", "ours", files={"lib/libx.so": needing} | LICENSE, depends=[*ABI, "zlib"])
    assert audit(package, runtime=channel).findings == ()
    assert audit(tmp_path / "mine", runtime=channel).findings == ()
    (finding,) = [each for each in audit(tmp_path / "mine").findings if each.severity == "error"]
    assert finding.rule == "needed"


def test_what_a_package_needs_may_lie_in_the_environment_of_its_runtime(tmp_path):
    prefix = environment(tmp_path / "prefix")
    needing = library(needed=("libpart.so",), imports={"env.inner": "function v"})
    package = make_package(tmp_path, "ours", files={"lib/libx.so": needing} | LICENSE, depends=[*ABI, "part"])
    alone = package.rename(tmp_path / package.name)
    assert (audit(alone, runtime=prefix).findings, audit(alone, runtime=prefix).notes) == ((), ())


def test_a_kernel_that_says_nothing_of_its_emscripten_is_of_none(tmp_path):
    channel = make_channel(tmp_path)
    files = {"bin/a0.js": "WebAssembly.x", "bin/a0.wasm": library(dylink=None)}
    assert read_runtime(make_package(channel, "older", files=files)).emscripten is None


def test_the_interface_of_the_library(tmp_path):
    channel = make_channel(tmp_path)
    package = make_package(channel, "ours", files={"lib/libx.so": BROKEN} | LICENSE, depends=ABI)
    (finding,) = audit_package(package, runtime=read_runtime(channel), libraries=read_libraries(ABI, [channel]))
    assert (finding.rule, finding.severity, finding.package) == ("import-missing", "error", "ours-1.0-0.conda")
    assert audit_package(package) == ()


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_a_hostile_package_is_an_error(tmp_path, suffix):
    for members in (
        [listed("../x"), file("../x")],
        [listed(links=["lib/x"]), link("lib/x", "/etc/passwd")],
        [file("info/paths.json", b"[]"), file("a")],
        [file("info/paths.json", b'{"paths": [1]}'), file("a")],
        [file("info/paths.json", b"\xff"), file("a")],
    ):
        build_package(tmp_path, "file:///x", members, suffix=suffix)
        with pytest.raises(LiteEnvError):
            audit(tmp_path / "noarch" / f"evil-1.0-0{suffix}")


def test_a_broken_package_of_a_channel_keeps_no_other_from_being_checked(tmp_path):
    channel = make_channel(tmp_path)
    make_package(channel, "ours", files={"lib/libx.so": BROKEN} | LICENSE, depends=[*ABI, "evil"])
    build_package(channel, "file:///x", [listed("lib/../../x"), file("lib/../../x")])
    (channel / "noarch" / "torn-1.0-0.conda").write_bytes(b"PK")
    answer = audit(channel)
    found = [(each.package, each.rule, each.severity) for each in answer.findings]
    assert found == [
        ("evil-1.0-0.conda", "payload", "error"),
        ("torn-1.0-0.conda", "payload", "error"),
        ("ours-1.0-0.conda", "import-missing", "error"),
    ]
    assert "which is not below the environment" in answer.findings[0].message
    assert len(answer.packages) == 6


def test_a_package_of_the_older_kind_is_read(tmp_path):
    build_package(
        tmp_path, "file:///x", [listed("lib/libx.so"), file("lib/libx.so", b"\x7fELF")], name="old", suffix=".tar.bz2"
    )
    assert "native" in {finding.rule for finding in audit(tmp_path / "noarch" / "old-1.0-0.tar.bz2").findings}


def test_a_file_that_is_no_package_is_an_error(tmp_path):
    path = tmp_path / "a-1-0.conda"
    for data in (b"", b"PK\x03\x04", zipped({"metadata.json": b"{}"}), bz2.compress(b"x")):
        path.write_bytes(data)
        with pytest.raises(PrefixError, match=r"a-1-0\.conda"):
            audit(path)


def test_a_package_that_says_it_is_another_is_an_error(tmp_path):
    package = make_package(tmp_path, "ours")
    other = package.rename(package.with_name("theirs-1.0-0.conda"))
    with pytest.raises(PrefixError, match="says that its name is"):
        audit(other)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("var wasmImports={a:_a,b,$c:x.y};", {"a", "b", "$c"}),
        ('var asmLibraryArg = {\n  /** @export */\n  "a": _a,\n  b: _b,\n};', {"a", "b"}),
        ("wasmImports={};wasmImports={a:_a}", {"a"}),
        ("wasmImports={a:_a,b:_b,c};_b.stub = true;c.stub=!0", {"a"}),
        ("wasmImports={a:function(){}}", None),
        ("wasmImports={a:_a", None),
        ("var imports={a:_a}", None),
    ],
)
def test_names_of_a_script(text, names):
    glue = read_glue(f"WebAssembly;{text}".encode())
    assert glue is not None
    assert glue.names == names
    assert read_glue(text.encode()) is None


def test_the_last_file_of_a_path_counts():
    looker = Looker(["/work/me"])
    looker.see("./lib/a.so", b"\x7fELF /work/me")
    looker.see("lib/a.so", library())
    facts = looker.facts()
    assert [(each.path, each.form) for each in facts["binaries"]] == [("lib/a.so", "WebAssembly")]
    assert facts["host_paths"] == {}


def built(name: str) -> Path:
    return build_channel(find_definition(name), store=open_store()).path


@pytest.mark.network
def test_the_real_channel_of_2023_has_no_error():
    answer = audit(built("emscripten-forge-2023"))
    assert [finding for finding in answer.findings if finding.severity == "error"] == []
    assert (answer.libraries, answer.runtimes, answer.notes) == (19, ("xpython_wasm.wasm",), ())
    assert {finding.rule for finding in answer.findings} == {"host-path", "license"}


@pytest.mark.network
def test_the_real_runtime_of_2023_is_read_as_it_is(tmp_path):
    runtime = read_runtime(built("emscripten-forge-2023"))
    assert (runtime.emscripten, runtime.python) == ("3.1.45", "3.11.3")
    assert (len(runtime.exports), len(runtime.names)) == (10_744, 1334)
    assert (runtime.exceptions, runtime.setjmp) == ("javascript", "javascript")
    # What clang 19 emits, and this runtime lacks, would fail in a call.
    package = make_package(
        tmp_path,
        "ours",
        files={
            "lib/libx.so": library(
                imports={"env.__wasm_setjmp": "function viii", "env.PyLong_FromLong": "function ij"}
            ),
            "lib/liby.so": library(imports={"env.saveSetjmp": "function iiiii", "env.PyLong_FromLong": "function ii"}),
        }
        | LICENSE,
        depends=ABI,
    )
    rules = [(each.rule, each.file) for each in audit_package(package, runtime=runtime)]
    assert rules == [("import-signature", "lib/libx.so"), ("exceptions", "lib/libx.so")]


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(("name", "libraries"), [("pyodide-0.27", 278), ("pyodide-314", 2)])
def test_the_real_channels_of_pyodide_have_no_error(name, libraries):
    answer = audit(built(name))
    assert [finding for finding in answer.findings if finding.severity == "error"] == []
    assert (answer.libraries, answer.notes) == (libraries, ())
    assert {each.rule for each in answer.findings} <= {"host-path", "license", "import-missing"}


@pytest.mark.network
@pytest.mark.slow
def test_a_real_package_does_not_fit_another_runtime():
    package = built("pyodide-0.27") / "emscripten-wasm32" / "scipy-1.14.1-py312_0.conda"
    answer = audit(package, runtime=built("pyodide-314"))
    rules = {finding.rule for finding in answer.findings if finding.severity == "error"}
    assert rules == {"import-missing", "exceptions", "python-abi", "emscripten-abi"}
