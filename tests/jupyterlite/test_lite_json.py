from __future__ import annotations

import json

import pytest

from lite_env.errors import SiteError
from lite_env.jupyterlite.lite_json import read_lite_json, with_default, without_extensions, without_ours

DATA = "jupyter-config-data"


def document(default: str | None = "python") -> dict:
    return {"jupyter-lite-schema-version": 0, DATA: {} if default is None else {"defaultKernelName": default}}


def default_of(found: dict) -> str:
    return found[DATA]["defaultKernelName"]


@pytest.mark.parametrize("before", ["python", None])
def test_the_name_that_no_kernel_has_becomes_our_first_kernel(before):
    found = with_default(document(before), ["xpython", "xlua"], chosen=None, has_pyodide=False)
    assert default_of(found) == "xpython"


def test_a_kernel_of_another_extension_stays_the_default():
    for before, has_pyodide in (("python", True), ("javascript", False)):
        assert with_default(document(before), ["xlua"], chosen=None, has_pyodide=has_pyodide) == document(before)


def test_what_the_author_asks_for_is_taken_in_any_case():
    assert default_of(with_default(document("javascript"), ["xlua"], chosen="xlua", has_pyodide=True)) == "xlua"


def test_a_name_that_an_earlier_build_has_put_there_follows_the_kernels():
    before = with_default(document(), ["xpython", "xlua"], chosen=None, has_pyodide=False)
    assert with_default(before, ["xlua", "xpython"], chosen=None, has_pyodide=False) == before
    assert default_of(with_default(before, ["xlua"], chosen=None, has_pyodide=False)) == "xlua"


def test_without_us_it_is_as_it_was_before():
    before = {**document(), DATA: {**document()[DATA], "federated_extensions": [{"name": "other"}]}}
    ours = with_default(before, ["xpython"], chosen=None, has_pyodide=False)
    ours[DATA]["federated_extensions"] = [{"name": "@lite-env/kernels"}, {"name": "other"}]
    assert without_ours(ours, "@lite-env/kernels") == before


def test_a_default_that_the_author_has_changed_since_stays():
    ours = with_default(document(), ["xpython"], chosen=None, has_pyodide=False)
    ours[DATA]["defaultKernelName"] = "javascript"
    assert default_of(without_ours(ours, "@lite-env/kernels")) == "javascript"


@pytest.mark.parametrize("text", ["", "[]", '{"jupyter-config-data": 1}'])
def test_a_damaged_document_is_named(tmp_path, text):
    (tmp_path / "jupyter-lite.json").write_text(text)
    with pytest.raises(SiteError) as caught:
        read_lite_json(tmp_path)
    assert ("file", str(tmp_path / "jupyter-lite.json")) in caught.value.context


def test_it_is_read_as_it_was_written(tmp_path):
    (tmp_path / "jupyter-lite.json").write_text(json.dumps(document()))
    assert read_lite_json(tmp_path) == document()


def test_what_is_gone_is_taken_out_of_the_sites_list_and_nothing_else():
    document = {"x": 1, "jupyter-config-data": {"y": 2, "federated_extensions": [{"name": "a"}, {"name": "b"}]}}
    assert without_extensions(document, ["a"]) == {
        "x": 1,
        "jupyter-config-data": {"y": 2, "federated_extensions": [{"name": "b"}]},
    }
    assert without_extensions([], ["a"]) == []
