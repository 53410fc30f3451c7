from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from lite_env.recipe.publish import as_published, has_package, publish
from lite_env.store.digest import sha256_of_bytes
from lite_env.store.lock import held
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


def test_an_index_that_is_broken_is_made_anew(tmp_path, made):
    publish(tmp_path, made)
    index = tmp_path / "emscripten-wasm32" / "repodata.json"
    before = index.read_bytes()
    for broken in ("{", "[]", '{"packages.conda": {"a": 1}}'):
        index.write_text(broken, encoding="utf-8")
        assert publish(tmp_path, {}) == ()
        assert index.read_bytes() == before


@pytest.mark.parametrize("known", [True, False], ids=["named by the index", "unknown to it"])
@pytest.mark.parametrize("place", ["info-", "pkg-"])
def test_a_package_that_is_damaged_is_told_left_where_it_is_and_named_no_longer(tmp_path, made, known, place):
    (path, data), (other, _) = sorted(made.items())
    publish(tmp_path, made)
    assert has_package(tmp_path, path, sha256_of_bytes(data))
    damaged = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        part = next(part for part in archive.infolist() if part.filename.startswith(place))
    damaged[part.header_offset + 30 + len(part.filename) + part.compress_size // 2] ^= 0xFF
    (tmp_path / path).write_bytes(damaged)
    if not known:
        for index in tmp_path.glob("*/repodata.json"):
            index.unlink()
    (lost,) = publish(tmp_path, {})
    assert lost.path == path
    assert "is damaged" in lost.reason
    assert not has_package(tmp_path, path, sha256_of_bytes(data))
    assert (tmp_path / path).read_bytes() == bytes(damaged)
    records = json.loads((tmp_path / "emscripten-wasm32" / "repodata.json").read_bytes())["packages.conda"]
    assert list(records) == [other.rpartition("/")[2]]
    # And it is made good by what is published anew.
    assert publish(tmp_path, {path: data}) == ()
    assert has_package(tmp_path, path, sha256_of_bytes(data))


def test_a_package_that_another_sound_one_has_replaced_is_indexed_as_it_is(tmp_path, made):
    path = min(made)
    publish(tmp_path, made)
    make_package(tmp_path / "other", "a", depends=["b"])
    (file,) = (tmp_path / "other").rglob("*.conda")
    (tmp_path / path).write_bytes(file.read_bytes())
    assert publish(tmp_path, {}) == ()
    records = json.loads((tmp_path / "emscripten-wasm32" / "repodata.json").read_bytes())["packages.conda"]
    assert records[file.name]["depends"] == ["b"]


def test_a_package_that_is_gone_is_told(tmp_path, made):
    publish(tmp_path, made)
    path = min(made)
    (tmp_path / path).unlink()
    assert [(lost.path, lost.reason) for lost in publish(tmp_path, {})] == [(path, "is gone")]
    assert publish(tmp_path, {}) == ()


def test_what_a_channel_would_be_is_seen_without_writing_to_it(tmp_path, made):
    with as_published(tmp_path / "nowhere") as view:
        assert json.loads((view / "noarch" / "repodata.json").read_bytes())["packages.conda"] == {}
    assert not (tmp_path / "nowhere").exists()
    channel = tmp_path / "channel"
    publish(channel, made)
    index = channel / "emscripten-wasm32" / "repodata.json"
    expected = index.read_bytes()
    index.unlink()
    before = tree(channel)
    with as_published(channel) as view:
        assert (view / "emscripten-wasm32" / "repodata.json").read_bytes() == expected
    assert tree(channel) == before


def test_who_publishes_waits_for_who_does_already(tmp_path, made):
    channel = tmp_path / "channel"
    publish(channel, {})
    with ThreadPoolExecutor(1) as pool, held(channel / ".index.lock"):
        waiting = pool.submit(publish, channel, made)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=1)
        assert not list(channel.rglob("*.conda"))
    assert waiting.result() == ()
    assert all(has_package(channel, path, sha256_of_bytes(data)) for path, data in made.items())
