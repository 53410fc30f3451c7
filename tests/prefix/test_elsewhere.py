"""What an environment holds but does not consist of is left out, or said to be missing: nothing goes without a word."""

from __future__ import annotations

import pytest

from lite_env.errors import PrefixError
from lite_env.pack.restore import unpack
from lite_env.prefix.reader import read_prefix
from tests.prefixes import SITE, WASM, Heard, Toy, kernel_package, make_prefix, put, python_package
from tests.wheels import wheel_files

HOME = "/home/somebody/src/toy"


def read(tmp_path, *toys, local=None):
    root = make_prefix(tmp_path / "env", kernel_package(), python_package(), *toys, local=local)
    heard = Heard()
    return read_prefix(root, reporter=heard), heard.warnings


def test_an_editable_installation_is_left_out_whole(tmp_path):
    files = {
        "__editable__.toy_pkg-1.0.pth": "import __editable___toy_pkg_finder; __editable___toy_pkg_finder.install()",
        "__editable___toy_pkg_finder.py": f"MAPPING = {{'toy_pkg': '{HOME}'}}",
    }
    direct = {"url": f"file://{HOME}", "dir_info": {"editable": True}}
    prefix, warnings = read(tmp_path, local=wheel_files(files=files, direct_url=direct) | {f"{SITE}/mine.py": ""})
    assert [file.path for file in prefix.files if file.path.startswith(SITE)] == [f"{SITE}/mine.py"]
    assert [package.name for package in prefix.packages] == ["python", "xeus-toy"]
    (warning,) = warnings
    assert warning.startswith("'toy-pkg' is left out: it is installed for editing, and its code lies in")
    assert warning.endswith(f"'file://{HOME}' (install it without `--editable`)")
    assert HOME.encode() not in b"".join((prefix.path / file.path).read_bytes() for file in prefix.files)
    assert "toy-pkg" not in prefix.requested


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("__editable__.toy-1.0.pth", f"{HOME}/src\n", f"{HOME}/src"),
        ("easy-install.pth", f"./inside\n{HOME}\n", HOME),
        ("conda.pth", "C:\\Users\\somebody\\toy\n", "C:\\Users\\somebody\\toy"),
        ("up.pth", "../../../../other\n", "../../../../other"),
        ("home.pth", "~/src\n", "~/src"),
        ("toy.egg-link", f"{HOME}\n.", HOME),
    ],
)
def test_a_path_file_that_leads_to_another_place_is_left_out(tmp_path, name, text, place):
    prefix, warnings = read(tmp_path, local={f"{SITE}/{name}": text})
    assert f"{SITE}/{name}" not in {file.path for file in prefix.files}
    (warning,) = warnings
    assert warning.startswith(f"'{SITE}/{name}' is left out: it adds '{place}' of this machine to the path")


@pytest.mark.parametrize("text", ["inside\n", "./inside\n", "import os\n", f"# {HOME}\n", "", "\xff"])
def test_a_path_file_that_stays_here_is_packed(tmp_path, text):
    prefix, warnings = read(tmp_path, local={f"{SITE}/a.pth": text})
    assert f"{SITE}/a.pth" in {file.path for file in prefix.files}
    assert warnings == []


def test_a_path_file_of_a_conda_package_is_as_it_was_published(tmp_path):
    prefix, warnings = read(tmp_path, Toy(name="a", files={f"{SITE}/a.pth": f"{HOME}\n"}))
    assert f"{SITE}/a.pth" in {file.path for file in prefix.files}
    assert warnings == []


def test_scripts_that_set_up_are_named(tmp_path):
    scripts = {
        "bin/.a-post-link.sh": "",
        "bin/.a-pre-link.sh": "",
        "bin/.a-pre-unlink.sh": "",
        "bin/.b-post-link.sh": "",
    }
    activation = {"etc/conda/activate.d/c.sh": "", "etc/conda/deactivate.d/c.sh": ""}
    _, warnings = read(tmp_path, Toy(name="a", files=scripts), Toy(name="c", files=activation))
    assert [warning.partition(", which is not run")[0] for warning in warnings] == [
        "a is set up by bin/.a-post-link.sh, bin/.a-pre-link.sh when it is installed",
        "c is set up by etc/conda/activate.d/c.sh when a shell enters the environment",
    ]


GLUE = "var createXeusModule = 1; WebAssembly.instantiate();"


def kernel(name, script, wasm=WASM, *, variables=None):
    package = kernel_package(f"xeus-{name}", kernel=name, argv=[f"/bin/{name}"])
    return Toy(name=package.name, files={**package.files, f"bin/{name}.js": script, f"bin/{name}.wasm": wasm})


@pytest.mark.parametrize(
    ("script", "wasm", "taken"),
    [
        (GLUE, WASM, False),
        (f'{GLUE} Module["ENV"] = ENV;', WASM, True),
        (f"{GLUE} Module.ENV = ENV;", WASM, True),
        (f"{GLUE} var ENV = {{}}; function getEnvStrings() {{}}", WASM, False),
        (f"{GLUE} Module['setenv']", WASM, True),
        (GLUE, WASM + b"\0setenv\0", True),
    ],
)
def test_a_kernel_that_cannot_be_given_variables_is_left_out(tmp_path, script, wasm, taken):
    root = make_prefix(tmp_path, kernel("a", script, wasm), kernel("b", f"{GLUE} setenv"))
    assert [kernel.name for kernel in read_prefix(root).kernels] == ["a", "b"]
    put(root, "conda-meta/state", '{"env_vars": {"GREETING": "hi"}}')
    heard = Heard()
    prefix = read_prefix(root, reporter=heard)
    assert [kernel.name for kernel in prefix.kernels] == (["a", "b"] if taken else ["b"])
    assert heard.warnings == (
        [] if taken else ["the kernel 'a' is left out: it cannot be given environment variables, and GREETING is set"]
    )


def test_where_it_is_the_only_kernel_it_is_an_error(tmp_path):
    root = make_prefix(tmp_path, kernel("a", GLUE))
    put(root, "conda-meta/state", '{"env_vars": {"GREETING": "hi"}}')
    with pytest.raises(
        PrefixError, match="the kernel 'a' cannot be given environment variables: GREETING is set"
    ) as caught:
        read_prefix(root)
    assert "remove `variables`" in caught.value.hint


@pytest.mark.network
def test_the_real_kernels_of_python_and_lua(numpy_pack, lua_pack, tmp_path):
    for name, pack in (("python", numpy_pack), ("lua", lua_pack)):
        unpack(pack, tmp_path / name)
        (tmp_path / name / "conda-meta/state").write_text('{"env_vars": {"GREETING": "hi"}}')
    assert [kernel.name for kernel in read_prefix(tmp_path / "python").kernels] == ["xpython"]
    with pytest.raises(PrefixError, match="the kernel 'xlua' cannot be given environment variables"):
        read_prefix(tmp_path / "lua")
