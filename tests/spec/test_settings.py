from __future__ import annotations

import pytest

from lite_env.errors import SpecError
from lite_env.spec.settings import read_project_preload, read_project_table, read_project_workloads


def test_without_a_file_or_a_table_there_are_no_settings(tmp_path):
    assert read_project_table(tmp_path) == {}
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert read_project_table(tmp_path) == {}
    assert read_project_workloads(tmp_path) == ()


def test_workloads_are_relative_to_the_project(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.lite-env]\ntrace = ['warmup.py', 'nb/demo.ipynb']\n")
    (tmp_path / "nb").mkdir()
    for name in ("warmup.py", "nb/demo.ipynb"):
        (tmp_path / name).touch()
    assert read_project_workloads(tmp_path) == (tmp_path / "warmup.py", tmp_path / "nb/demo.ipynb")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool", "is not TOML"),
        ("tool = 1", "'tool' is not a table"),
        ("[tool]\nlite-env = []", r"'tool\.lite-env' is not a table"),
        ("[tool.lite-env]\ntrace = 'a.py'", r"'tool\.lite-env\.trace' is not a list of files"),
        ("[tool.lite-env]\ntrace = [1]", r"'tool\.lite-env\.trace' is not a list of files"),
        ("[tool.lite-env]\ntrace = ['none.py']", r"'tool\.lite-env\.trace' names 'none\.py', which is not there"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(tmp_path, text, message):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(SpecError, match=message) as caught:
        read_project_workloads(tmp_path)
    assert dict(caught.value.context) == {"file": str(tmp_path / "pyproject.toml")}
    assert caught.value.hint


def test_modules_to_preload_are_names_in_their_order(tmp_path):
    assert read_project_preload(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[tool.lite-env]\npreload = ['numpy', 'scipy.stats']\n")
    assert read_project_preload(tmp_path) == ("numpy", "scipy.stats")
    (tmp_path / "pyproject.toml").write_text("[tool.lite-env]\npreload = []\n")
    assert read_project_preload(tmp_path) == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("'numpy'", "is not a list of modules$"),
        ("['numpy', 1]", r"is not a list of modules: \[1\] is 1"),
        ("['numpy as np']", r"is not a list of modules: \[0\] is 'numpy as np'"),
        ("['scipy..stats']", r"is not a list of modules: \[0\] is 'scipy\.\.stats'"),
        ("['']", r"is not a list of modules: \[0\] is ''"),
        ("['numpy', 'numpy']", "names 'numpy' twice"),
    ],
)
def test_what_is_no_module_is_told_with_its_line(tmp_path, value, message):
    file = tmp_path / "pyproject.toml"
    file.write_text(f"[tool.other]\npreload = 3\n\n[tool.lite-env]  # ours\n# preload = 1\npreload = {value}\n")
    with pytest.raises(SpecError, match=rf"'tool\.lite-env\.preload' {message}") as caught:
        read_project_preload(tmp_path)
    assert dict(caught.value.context) == {"file": str(file), "line": 6}
    assert caught.value.hint
