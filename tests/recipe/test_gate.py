"""What must not enter a channel does not, whichever channel the kernel is in."""

from __future__ import annotations

from threading import Event

import pytest

from lite_env.errors import RecipeError
from lite_env.recipe.gate import Gate
from lite_env.recipe.model import Output, Recipe
from lite_env.store.local import LocalStore
from lite_env.store.location import CACHE_VARIABLE
from tests.channel_server import serve_channel
from tests.conda_packages import make_package
from tests.kernel_channel import ABI, make_kernel_channel, package_that_imports
from tests.prefixes import Heard
from tests.side_modules import library


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return make_kernel_channel(tmp_path / "kernels")


def output(name: str, depends=(ABI, "libz"), emscripten: str = "3.1.45") -> Output:
    return Output(
        name=name,
        version="1.0",
        build="0",
        subdir="emscripten-wasm32",
        variant={"c_compiler_version": emscripten},
        build_requirements=(),
        host_requirements=(),
        run_requirements=tuple(depends),
        sources=(),
        tests=(),
        rendered={},
    )


def ask(tmp_path, channel: str, made: Output, file) -> list[str]:
    heard = Heard()
    gate = Gate([channel], engines=(), store=LocalStore(tmp_path / "store"), reporter=heard)
    recipe = Recipe(name=made.name, folder=tmp_path, platform="emscripten-wasm32", outputs=(made,))
    gate.pass_all(recipe, {made.path: file}, [], tmp_path / f"gate-{made.name}", log=tmp_path / "log", stop=Event())
    return heard.warnings


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_an_import_that_is_nowhere_keeps_a_package_out(tmp_path, kernels, where):
    sound = package_that_imports(tmp_path, "sound", "deflate", "strlen")
    broken = package_that_imports(tmp_path, "broken", "deflate", "inflate")
    with serve_channel(kernels) as server:
        channel = kernels.as_uri() if where == "here" else server.url()
        assert ask(tmp_path, channel, output("sound"), sound) == []
        with pytest.raises(RecipeError, match="inflate"):
            ask(tmp_path, channel, output("broken"), broken)


def test_where_no_channel_has_a_kernel_it_is_a_warning(tmp_path, kernels):
    depends = ["emscripten-abi 3.1.58.*"]
    file = make_package(tmp_path, "other", files={"lib/libx.so": library(), "LICENSE": "x"}, depends=depends)
    (warning,) = ask(tmp_path, kernels.as_uri(), output("other", depends, "3.1.58"), file)
    assert "other-1.0-0.conda was not held against a kernel" in warning


def test_a_package_without_a_licence_file_is_kept_out(tmp_path, kernels):
    file = make_package(tmp_path, "bare", files={"lib/libx.so": library()}, depends=[ABI])
    with pytest.raises(RecipeError, match=r"\(license\)"):
        ask(tmp_path, kernels.as_uri(), output("bare", [ABI]), file)


def test_a_package_that_holds_the_folder_of_its_build_is_kept_out(tmp_path, kernels):
    module = library(padding=f"{tmp_path}/work/x.c".encode())
    file = make_package(tmp_path, "told", files={"lib/libx.so": module, "LICENSE": "x"}, depends=[ABI])
    with pytest.raises(RecipeError, match=r"\(host-path\)"):
        ask(tmp_path, kernels.as_uri(), output("told", [ABI]), file)
