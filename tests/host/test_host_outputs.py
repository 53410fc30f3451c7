from __future__ import annotations

from itertools import pairwise

import nbformat
from hypothesis import given
from hypothesis import strategies as st

from lite_env.host.engine import Message
from lite_env.host.outputs import CellOutputs, Displays


def said(kind: str, **content) -> Message:
    return Message(header={"msg_id": "1", "msg_type": kind}, channel="iopub", content=content)


def stream(text: str, name: str = "stdout") -> Message:
    return said("stream", name=name, text=text)


def display(text: str, display_id: str | None = None, kind: str = "display_data") -> Message:
    transient = {"display_id": display_id} if display_id else {}
    return said(kind, data={"text/plain": text}, metadata={}, transient=transient)


def outputs_of(*messages: Message) -> list[dict]:
    cell = CellOutputs(Displays())
    for message in messages:
        cell.add(message)
    return cell.items


def test_streams_of_one_name_are_joined_until_something_else_comes():
    items = outputs_of(stream("a"), stream("b"), stream("e", "stderr"), stream("c"), display("d"), stream(""))
    assert [(item["output_type"], item.get("name"), item.get("text")) for item in items] == [
        ("stream", "stdout", "ab"),
        ("stream", "stderr", "e"),
        ("stream", "stdout", "c"),
        ("display_data", None, None),
    ]


def test_a_result_has_its_number():
    (item,) = outputs_of(said("execute_result", data={"text/plain": "2"}, metadata={"a": 1}, execution_count=3))
    assert item == {
        "output_type": "execute_result",
        "data": {"text/plain": "2"},
        "metadata": {"a": 1},
        "execution_count": 3,
    }


def test_an_error_keeps_its_traceback_also_when_it_is_one_text():
    (item,) = outputs_of(said("error", ename="E", evalue="v", traceback="whole"))
    assert item == {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["whole"]}


def test_clear_output_at_once():
    assert outputs_of(stream("a"), said("clear_output", wait=False)) == []


def test_clear_output_waits_for_the_next_output():
    assert [i["text"] for i in outputs_of(stream("a"), said("clear_output", wait=True))] == ["a"]
    assert [i["text"] for i in outputs_of(stream("a"), said("clear_output", wait=True), stream("b"))] == ["b"]
    items = outputs_of(stream("a"), said("clear_output", wait=True), stream("b"), stream("c"))
    assert [i["text"] for i in items] == ["bc"]


def test_an_update_reaches_every_display_of_its_id_in_every_cell():
    displays = Displays()
    first, second = CellOutputs(displays), CellOutputs(displays)
    first.add(display("1", "x"))
    first.add(display("1", "other"))
    second.add(display("1", "x"))
    second.add(display("2", "x", kind="update_display_data"))
    assert [i["data"]["text/plain"] for i in first.items + second.items] == ["2", "1", "2"]


def test_an_update_of_something_unknown_changes_nothing():
    assert outputs_of(display("2", "x", kind="update_display_data")) == []


def test_what_leaves_nothing_in_a_notebook_is_passed_over():
    assert outputs_of(said("execute_input", code="1"), said("status", execution_state="busy")) == []


def test_an_output_does_not_change_with_the_message():
    message = display("1")
    (item,) = outputs_of(message)
    message.content["data"]["text/plain"] = "2"
    assert item["data"] == {"text/plain": "1"}


MESSAGES = st.one_of(
    st.builds(stream, st.text(max_size=3), st.sampled_from(["stdout", "stderr"])),
    st.builds(
        display,
        st.text(max_size=3),
        st.sampled_from([None, "a", "b"]),
        st.sampled_from(["display_data", "execute_result", "update_display_data"]),
    ),
    st.builds(lambda wait: said("clear_output", wait=wait), st.booleans()),
    st.builds(lambda: said("error", ename="E", evalue="", traceback=[])),
)


@given(st.lists(MESSAGES, max_size=12))
def test_any_sequence_of_outputs_makes_a_valid_notebook(messages):
    items = outputs_of(*messages)
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.from_dict(item) for item in items])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))
    names = [item.get("name") for item in items]
    assert all(a is None or a != b for a, b in pairwise(names))
