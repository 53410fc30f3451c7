from __future__ import annotations

import json

import pytest

from lite_env.errors import ChannelError
from lite_env.recipe.publish import has_package, publish
from lite_env.store.digest import sha256_of_bytes
from tests.conda_packages import make_package
from tests.trees import tree


@pytest.fixture
def made(tmp_path):
    """Contents of packages, by path in a channel."""
    for name in ("a", "b"):
        make_package(tmp_path / "made", name)
    return {f"emscripten-wasm32/{file.name}": file.read_bytes() for file in (tmp_path / "made").rglob("*.conda")}


def test_a_channel_grows_and_says_so(tmp_path, made):
    channel = tmp_path / "channel"
    publish(channel, {})
    assert json.loads((channel / "noarch" / "repodata.json").read_bytes())["packages.conda"] == {}
    for count, (path, data) in enumerate(sorted(made.items()), 1):
        assert not has_package(channel, path, sha256_of_bytes(data))
        publish(channel, {path: data})
        assert has_package(channel, path, sha256_of_bytes(data))
        assert (
            len(json.loads((channel / "emscripten-wasm32" / "repodata.json").read_bytes())["packages.conda"]) == count
        )
    assert not has_package(channel, path, "0" * 64)


def test_the_order_in_which_packages_come_decides_nothing(tmp_path, made):
    publish(tmp_path / "at once", made)
    for path, data in sorted(made.items(), reverse=True):
        publish(tmp_path / "one by one", {path: data})
    assert tree(tmp_path / "at once") == tree(tmp_path / "one by one")


def test_a_package_that_is_gone_is_not_there(tmp_path, made):
    path, data = next(iter(made.items()))
    publish(tmp_path, {path: data})
    (tmp_path / path).unlink()
    assert not has_package(tmp_path, path, sha256_of_bytes(data))


def test_an_index_that_is_broken_is_told(tmp_path, made):
    path, data = next(iter(made.items()))
    publish(tmp_path, {path: data})
    (tmp_path / "emscripten-wasm32" / "repodata.json").write_text("{", encoding="utf-8")
    with pytest.raises(ChannelError, match="index of the channel is broken"):
        has_package(tmp_path, path, sha256_of_bytes(data))
