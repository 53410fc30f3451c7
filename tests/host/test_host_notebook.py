from __future__ import annotations

import json

import nbformat
import pytest

from lite_env.errors import HostError
from lite_env.host.client import KernelClient
from lite_env.host.notebook import execute_notebook, read_notebook, write_notebook
from tests.fakes import FakeEngine, FakeKernel

OUT = ("stream", {"name": "stdout", "text": "out\n"})
FAIL = [
    ("error", {"ename": "E", "evalue": "v", "traceback": ["t"]}),
    ("reply", {"status": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}),
]


class Warnings:
    def __init__(self):
        self.warnings = []

    def note(self, message, *, passing=False):
        pass

    def warn(self, message, *, passing=False):
        self.warnings.append(message)

    def task(self, label, total, unit):
        raise AssertionError(label)


@pytest.fixture
def client():
    cells = {
        "out": [OUT],
        "fail": list(FAIL),
        "show": [("display_data", {"data": {"text/plain": "1"}, "transient": {"display_id": "d"}})],
        "update": [("update_display_data", {"data": {"text/plain": "2"}, "transient": {"display_id": "d"}})],
        "odd": [("display_data", {"data": {"text/plain": 5}})],
    }
    engine = FakeEngine(FakeKernel(cells))
    engine.start(kernel=None, env={})
    kernel = KernelClient(engine)
    kernel.wait_until_ready(timeout=1)
    return kernel


def notebook(*sources: str, tags: dict[str, list[str]] | None = None):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell in cells:
        cell.metadata["tags"] = (tags or {}).get(cell.source, [])
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# title"), *cells])


def texts(cell) -> list[str]:
    return [output.get("text") or output.get("ename") for output in cell.outputs]


def test_cells_are_run_in_order_and_their_outputs_kept(client):
    document = notebook("out", "", "nothing", "out")
    outcome = execute_notebook(client, document)
    assert (outcome.executed, outcome.failed_cell, outcome.failure) == (3, None, None)
    assert [texts(cell) for cell in document.cells[1:]] == [["out\n"], [], [], ["out\n"]]
    assert [cell.execution_count for cell in document.cells[1:]] == [1, None, 2, 3]
    assert document.metadata.language_info == {"name": "fake", "file_extension": ".x"}
    nbformat.validate(document)


def test_the_first_failing_cell_ends_the_run_and_old_outputs_are_dropped(client):
    document = notebook("out", "fail", "out")
    document.cells[3].outputs = [nbformat.v4.new_output("stream", name="stdout", text="old")]
    document.cells[3].execution_count = 7
    told = []
    outcome = execute_notebook(client, document, on_result=lambda index, result: told.append((index, result.ename)))
    assert (outcome.executed, outcome.failed_cell) == (2, 2)
    assert outcome.failure is not None
    assert outcome.failure.ename == "E"
    assert told == [(1, ""), (2, "E")]
    assert [texts(cell) for cell in document.cells[1:]] == [["out\n"], ["E"], []]
    assert document.cells[3].execution_count is None


def test_errors_can_be_allowed_for_all_cells(client):
    document = notebook("fail", "out")
    told = []
    outcome = execute_notebook(client, document, allow_errors=True, on_result=lambda *cell: told.append(cell))
    assert (outcome.executed, outcome.failed_cell) == (2, None)
    assert [(index, result.status) for index, result in told] == [(1, "error"), (2, "ok")]
    assert [texts(cell) for cell in document.cells[1:]] == [["E"], ["out\n"]]


def test_a_cell_may_say_that_it_fails(client):
    document = notebook("fail", "out", tags={"fail": ["raises-exception"]})
    assert execute_notebook(client, document).executed == 2


def test_an_interrupted_cell_ends_the_run_even_if_errors_are_allowed(client):
    document = notebook("fail", "out")
    outcome = execute_notebook(
        client, document, allow_errors=True, on_output=lambda message: message.type == "error" and client.interrupt()
    )
    assert outcome.failed_cell == 1
    assert outcome.failure is not None
    assert outcome.failure.interrupted


def test_a_later_cell_updates_what_an_earlier_one_shows(client):
    document = notebook("show", "update")
    execute_notebook(client, document)
    assert document.cells[1].outputs[0].data == {"text/plain": "2"}


def test_outputs_are_shown_while_they_come(client):
    seen = []
    execute_notebook(client, notebook("out"), on_output=seen.append)
    assert [m.type for m in seen] == ["stream"]


def test_the_outputs_so_far_survive_the_kernel(client):
    document = notebook("out", "die")
    engine = client._engine
    answer = engine._answer

    def die(envelope):
        message = getattr(envelope, "message", None)
        if message is not None and message.content.get("code") == "die":
            return [HostError("gone")]
        return answer(envelope)

    engine._answer = die
    with pytest.raises(HostError, match="gone"):
        execute_notebook(client, document)
    assert texts(document.cells[1]) == ["out\n"]


def test_a_notebook_is_read_run_and_written(client, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(nbformat.writes(notebook("out")), encoding="utf-8")
    document = read_notebook(path)
    execute_notebook(client, document)
    write_notebook(document, tmp_path / "sub" / "done.ipynb")
    text = (tmp_path / "sub" / "done.ipynb").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text)["cells"][1]["outputs"][0]["text"] == ["out\n"]
    assert read_notebook(tmp_path / "sub" / "done.ipynb") == document


def test_an_old_notebook_is_brought_to_version_4(tmp_path):
    cell = {
        "cell_type": "code",
        "input": ["1"],
        "outputs": [],
        "language": "python",
        "metadata": {},
        "collapsed": False,
    }
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(old))
    document = read_notebook(path)
    assert document.nbformat == 4
    assert document.cells[0].source == "1"


def test_a_cell_without_id_is_a_warning(tmp_path):
    document = json.loads(nbformat.writes(notebook("1")))
    del document["cells"][0]["id"]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(document))
    reporter = Warnings()
    read_notebook(path, reporter=reporter)
    assert len(reporter.warnings) == 1
    assert "id" in reporter.warnings[0]
    assert str(path) in reporter.warnings[0]


CELL = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}
WHOLE = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("print(1)", "the notebook is not JSON: Expecting value"),
        ("", "the notebook is not JSON"),
        ("[]", "the notebook is not valid"),
        ("{}", "the notebook is not valid"),
        ('{"nbformat": 99}', "the notebook is not valid: Unsupported nbformat version 99"),
        (json.dumps({**WHOLE, "cells": [CELL]}), "the notebook is not valid: cells[0]: "),
        (json.dumps({**WHOLE, "cells": {}}), "the notebook is not valid"),
        (json.dumps({"nbformat": 4, "nbformat_minor": 4}), "the notebook is not valid"),
    ],
)
def test_what_is_no_notebook_is_refused_with_its_reason(tmp_path, text, message):
    path = tmp_path / "n.ipynb"
    path.write_text(text)
    with pytest.raises(HostError) as caught:
        read_notebook(path)
    assert caught.value.message.startswith(message)
    assert "\n" not in caught.value.message
    assert dict(caught.value.context)["file"] == str(path)
    assert "opens?" in str(caught.value.hint)


def test_a_notebook_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(HostError, match="the notebook cannot be read"):
        read_notebook(tmp_path / "none.ipynb")
    (tmp_path / "latin.ipynb").write_bytes(b"\xff\xfe")
    with pytest.raises(HostError, match="the notebook is not UTF-8 text"):
        read_notebook(tmp_path / "latin.ipynb")


def test_an_output_that_is_no_output_is_not_written(client, tmp_path):
    document = notebook("odd")
    execute_notebook(client, document)
    path = tmp_path / "n.ipynb"
    with pytest.raises(HostError, match="the executed notebook is not valid") as caught:
        write_notebook(document, path)
    assert "cells[1].outputs[0]" in caught.value.message
    assert not path.exists()


def test_a_notebook_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="the notebook cannot be written"):
        write_notebook(notebook("1"), tmp_path / "file" / "n.ipynb")
