"""Further wheels in both Pyodides by `%pip`, micropip and piplite, from an index and by address; Node and Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.host.test_third_kernel import ENGINES
from tests.package_index import BuiltWheel, build_wheel, serve_index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lite_env.host.client import KernelClient
    from tests.package_index import PackageIndex

pytestmark = [pytest.mark.slow, pytest.mark.network]

# The environment brings traitlets, and leaf is nowhere but in the index.
NEEDS = ("leaf>=2", "traitlets")
IMPORTED = "import {name}, leaf, traitlets\nprint({name}.version, leaf.version)"


@pytest.fixture(scope="module", params=["science_pack", "newest_pack"])
def pack(request) -> Path:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request) -> str:
    return request.param


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    with serve_index(build_wheel("leaf", "1.0"), build_wheel("leaf", "2.1")) as served:
        served.absolute = True  # micropip 0.9 takes no other addresses in JSON.
        yield served


@pytest.fixture
def client(engine, pack) -> Iterator[KernelClient]:
    with start_kernel(pack, options=RunOptions(engine=engine)) as running:
        yield running.client


def run(client: KernelClient, code: str) -> str:
    """What a cell prints; one that fails fails the test with its traceback."""
    result = client.execute(code, timeout=120)
    assert result.status == "ok", "\n".join(result.traceback)
    return "".join(output.content.get("text", "") for output in result.outputs)


def tree(name: str) -> BuiltWheel:
    return build_wheel(name, requires=NEEDS)


INSTALLS = {
    "pip": "%pip install --index-url {index} {what}",
    "micropip": "import micropip\nawait micropip.install({what!r}, index_urls={index!r})",
    "piplite": "import piplite\nawait piplite.install([{what!r}], index_urls={index!r})",
}


@pytest.mark.parametrize("way", INSTALLS)
def test_a_wheel_is_installed_with_what_the_environment_lacks_and_imported(client, index, way):
    index.add(tree("of-an-index"), tree("by-address"))
    by_address = f"http://127.0.0.1:{index.port}/files/{tree('by-address').file_name}"
    for name, what in (("of_an_index", "of-an-index"), ("by_address", by_address)):
        code = INSTALLS[way].format(index=index.url.rstrip("/"), what=what)
        assert run(client, f"{code}\n{IMPORTED.format(name=name)}").endswith("1.0 2.1\n")
    assert "/files/leaf-1.0-py3-none-any.whl" not in index.asked
    assert not [path for path in index.asked if "traitlets" in path]
    versions = "import importlib.metadata as m\nprint(m.version('leaf'), m.requires('of-an-index'))"
    assert run(client, versions) == "2.1 ['leaf>=2', 'traitlets']\n"


def test_what_micropip_has_installed_is_there_for_pip_and_the_other_way_round(client, index):
    index.add(build_wheel("on-leaf", requires=["leaf"]), build_wheel("twig"), build_wheel("on-twig", requires=["twig"]))
    run(client, f"import micropip\nawait micropip.install('leaf', index_urls={index.url.rstrip('/')!r})")
    assert "leaf" in run(client, "%pip list")
    assert "Successfully installed on-leaf-1.0 twig-1.0\n" in run(client, f"%pip install -i {index.url} on-leaf twig")
    before = len(index.asked)
    run(client, f"await micropip.install('on-twig', index_urls={index.url.rstrip('/')!r})\nimport on_twig")
    assert not [path for path in index.asked[before:] if path.endswith("/twig/")]
    assert run(client, "print(on_twig.version)") == "1.0\n"


def test_a_restart_forgets_it(engine, pack, index):
    for _ in range(2):
        with start_kernel(pack, options=RunOptions(engine=engine)) as running:
            assert running.client.execute("import leaf").ename == "ModuleNotFoundError"
            run(running.client, f"%pip install -q -i {index.url} leaf\nimport leaf")


def test_without_an_index_pip_says_what_the_environment_file_lacks(client):
    result = client.execute("%pip install leaf")
    assert (result.status, result.ename) == ("error", "InstallFailed")
    said = "\n".join(result.traceback)
    assert '"leaf" is not in the environment, and no package index is known' in said
    assert "PIP_INDEX_URL under `variables:` of the environment file" in said


def test_a_command_within_a_block_is_refused_when_it_is_reached(client):
    assert run(client, "if False:\n    %pip install leaf\nprint('on')") == "on\n"
    result = client.execute("if True:\n    %pip install leaf")
    assert (result.status, result.ename) == ("error", "RuntimeError")
    assert "`%pip install leaf` is within a block" in result.evalue
