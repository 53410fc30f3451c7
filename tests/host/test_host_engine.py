from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_env.errors import HostError
from lite_env.host.drive_api import link_to
from lite_env.host.engine import (
    AskRead,
    AskTrace,
    Close,
    ErrorEnvelope,
    Failure,
    FiguresEnvelope,
    Interrupt,
    Log,
    Message,
    MessageEnvelope,
    Progress,
    Ready,
    Start,
    decode_envelope,
    encode_envelope,
    traceback_of,
)
from lite_env.host.figures import Figures
from lite_env.host.mailbox import Mailbox

HEADER = {"msg_id": "m1", "msg_type": "stream"}
FIGURES = {"requests": 1, "bytes": 2, "files": 3, "seconds": 0.5}


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        (
            Start(manifest="/p", kernel="k", network=("a.org", "b:1"), startup=False),
            {
                "type": "start",
                "manifest": "/p",
                "kernel": "k",
                "env": {},
                "trace": False,
                "awaitsDrive": False,
                "network": ["a.org", "b:1"],
                "startup": False,
                "snapshots": True,
                "snapshotFolder": None,
                "makeSnapshot": False,
                "snapshotFile": None,
                "shipModules": False,
            },
        ),
        (
            link_to("http://127.0.0.1:1/", "t"),
            {
                "type": "link",
                "drive": {
                    "kind": "xhr",
                    "url": "http://127.0.0.1:1/api/drive",
                    "headers": {"x-lite-env-token": "t"},
                    "driveName": "",
                    "browsingContextId": "run",
                },
                "stdin": None,
            },
        ),
        (AskTrace(), {"type": "trace"}),
        (AskRead(path="/x"), {"type": "read", "path": "/x"}),
        (Interrupt(), {"type": "interrupt"}),
        (Close(), {"type": "close"}),
        (
            MessageEnvelope(message=Message(header=HEADER, channel="shell", content={"a": "ü"})),
            {
                "type": "message",
                "message": {
                    "header": HEADER,
                    "channel": "shell",
                    "parent_header": {},
                    "metadata": {},
                    "content": {"a": "ü"},
                    "buffers": [],
                },
            },
        ),
    ],
)
def test_what_goes_to_the_runtime_is_the_contract(envelope, expected):
    assert json.loads(encode_envelope(envelope)) == expected


def test_an_envelope_is_one_line():
    envelope = Start(manifest="a\nb\u2028c", kernel=None)
    assert encode_envelope(envelope).splitlines(keepends=False)[0].count("\n") == 0
    assert "\n" not in encode_envelope(envelope)


def test_a_lone_surrogate_cannot_be_sent():
    with pytest.raises(HostError, match="cannot be written in UTF-8"):
        encode_envelope(Start(manifest="\ud800"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"type": "progress", "phase": "archive", "file": "a", "loaded": 1, "total": 2},
            Progress(phase="archive", file="a", loaded=1, total=2),
        ),
        ({"type": "ready", "kernel": "k", "figures": FIGURES}, Ready(kernel="k", figures=Figures(**FIGURES))),
        ({"type": "figures", "figures": FIGURES}, FiguresEnvelope(figures=Figures(**FIGURES))),
        ({"type": "log", "level": "warn", "text": "t"}, Log(level="warn", text="t")),
        (
            {"type": "error", "error": {"name": "n", "message": "m", "file": None, "hint": "h"}, "fatal": True},
            ErrorEnvelope(error=Failure(name="n", message="m", hint="h"), fatal=True),
        ),
        (
            {"type": "message", "message": {"header": HEADER, "parent_header": {}, "channel": "iopub"}},
            MessageEnvelope(message=Message(header=HEADER, channel="iopub")),
        ),
    ],
)
def test_what_comes_from_the_runtime_is_parsed(value, expected):
    assert decode_envelope(json.dumps(value)) == expected
    assert decode_envelope(json.dumps(value).encode()) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"type": "surprise"}', "'surprise'"),
        ('{"type": "log", "level": "shout", "text": ""}', "'shout'"),
        ('{"type": "log", "level": "warn"}', "`text`"),
        ('{"type": "log", "level": "warn", "text": "", "more": 1}', "`more`"),
        ('{"level": "warn"}', "`type`"),
        ("[]", "Expected `object`"),
        ("Segmentation fault", "malformed"),
        ('{"type": "message", "message": {"header": {"msg_id": "1"}, "channel": "shell"}}', "'msg_type'"),
        ('{"type": "message", "message": {"header": {"msg_type": "x"}, "channel": "shell"}}', "'msg_id'"),
    ],
)
def test_what_is_no_envelope_is_named(text, reason):
    with pytest.raises(HostError, match="the runtime sent something that is not understood") as caught:
        decode_envelope(text)
    assert reason in caught.value.message
    assert caught.value.context == (("received", text),)
    assert "does not belong to this version" in str(caught.value.hint)


def test_a_long_foreign_text_is_shortened():
    with pytest.raises(HostError) as caught:
        decode_envelope(b"\xff" * 5000)
    assert len(str(dict(caught.value.context)["received"])) == 201


def test_a_lone_surrogate_of_a_javascript_string_becomes_a_question_mark():
    assert decode_envelope('{"type": "log", "level": "info", "text": "a\\ud800b"}') == Log(level="info", text="a?b")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_way(text):
    sent = MessageEnvelope(message=Message(header=HEADER, channel="stdin", content={"value": text}))
    assert decode_envelope(encode_envelope(sent)) == sent


def test_a_message_without_a_parent_has_an_empty_parent_id():
    assert Message(header=HEADER, channel="iopub").parent_id == ""
    assert Message(header=HEADER, channel="iopub", parent_header={"msg_id": "p"}).parent_id == "p"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"traceback": ["a", "b"]}, ("a", "b")),
        ({"traceback": "whole"}, ("whole",)),
        ({}, ()),
        ({"traceback": None}, ()),
    ],
)
def test_a_traceback_is_a_list_or_one_text(content, expected):
    assert traceback_of(content) == expected


def test_a_mailbox_keeps_the_order_and_says_at_last_why_it_ended():
    box = Mailbox()
    assert box.take(0.0) is None
    assert box.take(0.01) is None
    box.deliver('{"type": "log", "level": "info", "text": "1"}')
    box.deliver(b'{"type": "log", "level": "info", "text": "2"}')
    box.die(HostError("gone"))
    assert [box.take(1.0), box.take(1.0)] == [Log(level="info", text="1"), Log(level="info", text="2")]
    for _ in range(2):
        with pytest.raises(HostError, match="gone"):
            box.take(1.0)


def test_a_mailbox_trusts_nothing_after_a_foreign_word():
    box = Mailbox()
    box.deliver("what?")
    box.deliver('{"type": "log", "level": "info", "text": "1"}')
    for _ in range(2):
        with pytest.raises(HostError, match="not understood"):
            box.take(1.0)
