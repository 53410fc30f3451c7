"""Packages made of wheels and of other archives, and what a definition must say of them."""

import hashlib
from pathlib import Path

import pytest

from lite_env.channel.definition import parse_definition
from lite_env.channel.member import SourceArchive
from lite_env.channel.model import Member
from lite_env.channel.stage import stage_package
from lite_env.errors import ChannelError
from tests.channel_inputs import make_zip

PURE = "tidy-1.0-py3-none-any.whl"
NATIVE = "fast-2.0-cp312-cp312-pyodide_2024_0_wasm32.whl"

DEFINITION = """\
format: 1
name: wheels
summary: A channel for tests.
timestamp: 2024-01-02T03:04:05Z
sources:
  alone:
    pip: tidy==1.0
    file: tidy-1.0-py3-none-any.whl
    sha256: {digest}
    size: 1
  all:
    npm: "@toys/all@1.0.0"
    file: all.tgz
    sha256: {digest}
    size: 1
packages:
  - name: python
    version: "3.12.7"
    build: h0_0
    build_number: 0
    subdir: emscripten-wasm32
    license: Python-2.0
    summary: an interpreter
    home: https://example.org/
    unpack:
      lib/python3.12:
        from: all:stdlib.zip
        sha256: {stdlib}
      lib: all:libraries.zip
  - name: tidy
    version: "1.0"
    build: py_0
    build_number: 0
    subdir: noarch
    noarch: python
    license: MIT
    summary: pure
    home: https://example.org/
    depends:
      - python >=3.8
      - pure_eval
    wheel: alone
  - name: fast
    version: "2.0"
    build: py312_0
    build_number: 0
    subdir: emscripten-wasm32
    license: MIT
    summary: compiled
    home: https://example.org/
    depends:
      - emscripten-abi 3.1.58 pyodide_2024_0
      - tidy
    wheel: all:fast-2.0-cp312-cp312-pyodide_2024_0_wasm32.whl
  - name: mark
    version: "1.0"
    build: "0"
    build_number: 0
    subdir: noarch
    noarch: generic
    license: MIT
    summary: says something
    home: https://example.org/
    files: {{}}
"""
STDLIB = make_zip({"abc.py": b"x = 1\n", "json/__init__.py": b""})


def wheel(name, version, files=(), requires=()):
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {text}\n" for text in requires)
    return make_zip({f"{name}-{version}.dist-info/METADATA": metadata.encode(), **dict(files)})


def parse(change=lambda text: text):
    text = DEFINITION.format(digest="a" * 64, stdlib=hashlib.sha256(STDLIB).hexdigest())
    return parse_definition(change(text), Path("channel.yaml"), digest="d")


@pytest.fixture
def stage(tmp_path):
    """Lay out one package; its wheel, and the definition, may be changed."""

    def do(name, content=b"", *, change=lambda text: text, file=NATIVE):
        definition = parse(change)
        package = next(package for package in definition.packages if package.name == name)
        libraries = make_zip({"libfast.so": b"\0asm"})
        members = {"stdlib.zip": STDLIB, "libraries.zip": libraries, file: content}
        sources = {
            "alone": SourceArchive(content, name="alone", root="") if content else None,
            "all": SourceArchive(make_zip(members), name="all", root=""),
        }
        return {file.path: file for file in stage_package(package, sources, tmp_path, python=definition.python)}

    return do


def test_a_source_may_come_from_npm_and_be_a_package_itself():
    definition = parse()
    assert (definition.source("all").npm, definition.source("all").pip) == ("@toys/all@1.0.0", None)
    tidy = next(package for package in definition.packages if package.name == "tidy")
    assert (tidy.wheel.member, tidy.wheel.file_name) == (Member(source="alone"), PURE)
    assert definition.python == "3.12.7"


def test_archives_are_unpacked_below_their_folders(stage):
    staged = stage("python")
    assert list(staged) == ["lib/libfast.so", "lib/python3.12/abc.py", "lib/python3.12/json/__init__.py"]
    assert staged["lib/python3.12/abc.py"].file.read_bytes() == b"x = 1\n"


def test_an_unpacked_archive_that_changed_is_refused(stage):
    digest = hashlib.sha256(STDLIB).hexdigest()
    with pytest.raises(ChannelError, match=r"the member all:stdlib\.zip is not what the definition says"):
        stage("python", change=lambda text: text.replace(digest, "b" * 64))


def test_a_pure_wheel_is_laid_out_for_any_python(stage):
    files = {
        "tidy/__init__.py": b"",
        "tidy/__pycache__/x.pyc": b"",
        "tidy-1.0.data/purelib/more.py": b"",
        "tidy-1.0.data/data/share/jupyter/x.json": b"{}",
        "tidy-1.0.data/scripts/tidy": b"#!python\n",
        "tidy-1.0.data/headers/tidy.h": b"",
    }
    assert list(stage("tidy", wheel("tidy", "1.0", files))) == [
        "share/jupyter/x.json",
        "site-packages/more.py",
        "site-packages/tidy-1.0.dist-info/METADATA",
        "site-packages/tidy/__init__.py",
    ]


def test_a_compiled_wheel_is_laid_out_for_the_channels_python(stage):
    staged = stage("fast", wheel("fast", "2.0", {"_fast.so": b"\0asm"}))
    assert list(staged) == [
        "lib/python3.12/site-packages/_fast.so",
        "lib/python3.12/site-packages/fast-2.0.dist-info/METADATA",
    ]


def test_a_package_may_have_no_files_when_it_says_so(stage):
    assert stage("mark") == {}
    with pytest.raises(ChannelError, match="this package is made of nothing"):
        parse(lambda text: text.replace("    files: {}\n", ""))


def test_what_a_wheel_requires_here_has_to_be_a_dependency(stage):
    elsewhere = ("winonly; sys_platform == 'win32'", "old; python_version < '3.9'", "more; extra == 'all'")
    assert stage("tidy", wheel("tidy", "1.0", requires=(*elsewhere, "Pure.Eval >=1")))
    with pytest.raises(ChannelError, match="lacks a dependency that its wheel requires") as caught:
        stage("tidy", wheel("tidy", "1.0", requires=("browser >=2; sys_platform == 'emscripten'",)))
    assert dict(caught.value.context)["expected"] == "browser >=2"


@pytest.mark.parametrize(("name", "version"), [("other", "1.0"), ("tidy", "1.1")])
def test_a_wheel_of_something_else_is_refused(stage, name, version):
    with pytest.raises(ChannelError, match=r"tidy-1\.0-py_0\.conda is made of a wheel of something else") as caught:
        stage("tidy", wheel(name, version))
    assert dict(caught.value.context)["found"] == f"{name} {version}"


@pytest.mark.parametrize("tag", ["cp311-abi3-pyodide_2024_0_wasm32", "cp312-cp312-pyodide_2024_0_wasm32"])
def test_a_stable_interface_of_an_older_python_loads_too(stage, tag):
    file = f"fast-2.0-{tag}.whl"
    assert stage("fast", wheel("fast", "2.0"), change=lambda text: text.replace(NATIVE, file), file=file)


@pytest.mark.parametrize(
    "tag",
    [
        "cp313-cp313-pyodide_2024_0_wasm32",
        "cp313-abi3-pyodide_2024_0_wasm32",
        "cp312-cp312-pyemscripten_2026_0_wasm32",
        "cp312-cp312-manylinux_2_17_x86_64",
    ],
)
def test_a_wheel_of_another_binary_interface_is_refused(stage, tag):
    file = f"fast-2.0-{tag}.whl"
    with pytest.raises(ChannelError, match="has a wheel that does not load into it") as caught:
        stage("fast", wheel("fast", "2.0"), change=lambda text: text.replace(NATIVE, file), file=file)
    context = dict(caught.value.context)
    assert (context["found"], context["expected"]) == (tag, "cp312-cp312-pyodide_2024_0_wasm32")


def test_compiled_code_depends_on_one_binary_interface(stage):
    with pytest.raises(ChannelError, match="has compiled code, and no ABI"):
        stage(
            "fast",
            wheel("fast", "2.0"),
            change=lambda text: text.replace("emscripten-abi 3.1.58 p", "emscripten-x 1 p"),
        )


def test_compiled_code_is_not_noarch(stage):
    def compiled(text):
        return text.replace("    wheel: alone", f"    wheel: all:{NATIVE.replace('fast-2.0', 'tidy-1.0')}").replace(
            "    wheel: all:fast-2.0", "    wheel: alone #"
        )

    with pytest.raises(ChannelError, match="is noarch exactly when its wheel runs everywhere"):
        stage("tidy", wheel("tidy", "1.0"), change=compiled, file=NATIVE.replace("fast-2.0", "tidy-1.0"))


@pytest.mark.parametrize("content", [b"PK no zip", make_zip({"tidy.py": b""})])
def test_a_broken_wheel_is_refused(stage, content):
    with pytest.raises(ChannelError, match=r"the (archive|wheel) alone (is broken|has 0 METADATA, and not one)"):
        stage("tidy", content)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@toys/all@1.0.0", "all", "this is not one exact distribution"),
        ("@toys/all@1.0.0", "all@^1.0", "this is not one exact distribution"),
        ('    npm: "@toys/all@1.0.0"\n', "    npm: all@1\n    pip: all==1\n", "this source comes from two registries"),
        (
            '    npm: "@toys/all@1.0.0"',
            "    npm: all@1\n    members: https://x.org",
            "this is not the address of a folder",
        ),
        ('    npm: "@toys/all@1.0.0"', "    npm: all@1\n    members: https://x.org/", "so each needs a sha256"),
        ("wheel: alone", "wheel: all", "this is not the name of a wheel"),
        ("wheel: alone", "wheel: all:tidy.zip", "this is not the name of a wheel"),
        ("      lib: all:", "      ../lib: all:", "this path cannot be in a package"),
        ("      lib: all:libraries.zip", "      lib: 1", "this must be text|this must be a mapping"),
        ("name: python\n", "name: pyton\n", "a wheel is installed for a Python, and this channel has none"),
        ("    files: {}", "    files:\n      a: alone", "this does not name a file in a source"),
    ],
)
def test_what_is_wrong_is_said(old, new, message):
    with pytest.raises(ChannelError, match=message):
        parse(lambda text: text.replace(old, new, 1))


def test_commands_of_a_pure_wheel_are_entry_points_and_of_nothing_else():
    points = "    entry_points:\n      - tidy-up = tidy.main:run\n      - tidy = tidy:main\n"
    definition = parse(lambda text: text.replace("    wheel: alone\n", f"{points}    wheel: alone\n"))
    tidy = next(package for package in definition.packages if package.name == "tidy")
    assert tidy.entry_points == ("tidy = tidy:main", "tidy-up = tidy.main:run")
    with pytest.raises(ChannelError, match="not an entry point") as caught:
        parse(lambda text: text.replace("    wheel: alone\n", points.replace(":main\n", "\n") + "    wheel: alone\n"))
    assert dict(caught.value.context)["found"] == "tidy = tidy"
    with pytest.raises(ChannelError, match="has entry points"):
        parse(lambda text: text.replace("    unpack:\n", f"{points}    unpack:\n", 1))


def test_a_channel_without_python_says_for_which_one_its_wheels_are():
    only = DEFINITION[: DEFINITION.index("  - name: python")] + DEFINITION[DEFINITION.index("  - name: tidy") :]
    text = only[: only.index("    wheel: alone\n") + len("    wheel: alone\n")].format(digest="a" * 64)
    text = text[: text.index("  all:\n")] + text[text.index("packages:\n") :]
    with pytest.raises(ChannelError, match="this channel has none"):
        parse_definition(text, Path("channel.yaml"), digest="d")
    definition = parse_definition(f'python: "3.11"\n{text}', Path("channel.yaml"), digest="d")
    assert definition.python == "3.11"
    with pytest.raises(ChannelError, match="not a conda python"):
        parse_definition(f"python: three\n{text}", Path("channel.yaml"), digest="d")
