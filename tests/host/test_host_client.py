from __future__ import annotations

import re
from datetime import datetime
from threading import Event, Timer

import pytest

from lite_env.errors import HostError, KernelStartError, KernelTimeoutError
from lite_env.host import client as client_module
from lite_env.host.client import KernelClient
from lite_env.host.engine import AskFigures, AskRead, Interrupt, Log, MessageEnvelope, ReadEnvelope
from lite_env.host.figures import Figures
from lite_env.host.request import InputRequest
from tests.fakes import FIGURES, FakeEngine, FakeKernel, idle, message


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(client_module, "_SLICE", 0.01)
    monkeypatch.setattr(client_module, "_INTERRUPT_GRACE", 0.05)
    monkeypatch.setattr(client_module, "_REST_GRACE", 0.05)


def started(answer=None, **options) -> tuple[KernelClient, FakeEngine]:
    engine = FakeEngine(answer or FakeKernel())
    engine.start(kernel="fake", env={})
    client = KernelClient(engine, **options)
    client.wait_until_ready(timeout=1)
    return client, engine


def sent(engine: FakeEngine, kind: str):
    return [e.message for e in engine.posted if isinstance(e, MessageEnvelope) and e.message.type == kind]


def stream(text: str, name: str = "stdout"):
    return ("stream", {"name": name, "text": text})


class OnlyWhenAsked(FakeKernel):
    """Answers a cell with what a function makes of the request."""

    def __init__(self, answer):
        super().__init__()
        self._answer = answer

    def _execute(self, request):
        return self._answer(request)


def test_ready_carries_kernel_and_figures_and_progress_is_passed_on():
    engine = FakeEngine()
    progress = {"type": "progress", "phase": "archive", "file": "archives/a", "loaded": 5, "total": 10}
    engine.deliver(progress, {"type": "ready", "kernel": "k", "figures": FIGURES})
    seen = []
    ready = KernelClient(engine).wait_until_ready(timeout=1, on_progress=seen.append)
    assert ready.kernel == "k"
    assert ready.figures == Figures(**FIGURES)
    assert [(p.file, p.loaded, p.total) for p in seen] == [("archives/a", 5, 10)]


def test_a_start_that_takes_too_long_says_how_far_it_came():
    engine = FakeEngine()
    engine.deliver(
        {"type": "progress", "phase": "archive", "file": "archives/a", "loaded": 5, "total": 10},
        {"type": "log", "level": "warn", "text": "slow"},
    )
    with pytest.raises(KernelTimeoutError, match=r"did not start within 0\.05 seconds") as caught:
        KernelClient(engine).wait_until_ready(timeout=0.05)
    assert dict(caught.value.context) == {"last_phase": "archive archives/a", "log": "warn: slow"}


def test_a_start_in_which_nothing_happens_says_so():
    with pytest.raises(KernelTimeoutError) as caught:
        KernelClient(FakeEngine()).wait_until_ready(timeout=0.02)
    assert dict(caught.value.context) == {"last_phase": "nothing has been loaded"}


def test_a_failed_start_carries_what_the_runtime_says():
    engine = FakeEngine()
    failure = {"name": "HashMismatch", "message": "other bytes", "file": "archives/a", "hint": "publish again"}
    engine.deliver({"type": "error", "error": failure, "fatal": True})
    with pytest.raises(KernelStartError, match="the kernel cannot start: other bytes") as caught:
        KernelClient(engine).wait_until_ready(timeout=1)
    assert caught.value.hint == "publish again"
    assert dict(caught.value.context) == {"file": "archives/a", "reported_as": "HashMismatch"}


def test_an_engine_that_dies_during_the_start_ends_it_at_once_with_the_log():
    engine = FakeEngine()
    engine.deliver({"type": "log", "level": "error", "text": "oom"}, HostError("gone", hint="h", stderr="x"))
    with pytest.raises(HostError, match="gone") as caught:
        KernelClient(engine).wait_until_ready(timeout=60)
    assert caught.value.hint == "h"
    assert dict(caught.value.context) == {"stderr": "x", "log": "error: oom"}


def test_a_request_has_a_whole_header():
    client, engine = started()
    client.execute("1")
    client.execute("2")
    first, second = (m.header for m in sent(engine, "execute_request"))
    assert first["msg_id"] != second["msg_id"]
    assert first["session"] == second["session"]
    assert first["version"] == "5.3"
    assert first["username"] == "lite_env"
    assert datetime.fromisoformat(first["date"]).tzinfo is not None
    assert re.fullmatch(r"[0-9a-f]{32}", first["msg_id"])


def test_outputs_come_at_once_and_in_the_result():
    shown = [stream("a"), ("execute_result", {"data": {"text/plain": "2"}, "execution_count": 1})]
    client, _ = started(FakeKernel({"1+1": shown}))
    seen = []
    result = client.execute("1+1", on_output=seen.append)
    assert result.status == "ok"
    assert result.execution_count == 1
    assert [m.type for m in seen] == ["stream", "execute_result"]
    assert result.outputs == tuple(seen)


def test_a_failing_cell_has_name_value_and_traceback():
    reply = ("reply", {"status": "error", "ename": "ValueError", "evalue": "no", "traceback": ["a", "b"]})
    client, _ = started(FakeKernel({"x": [("error", {"ename": "ValueError"}), reply]}))
    result = client.execute("x")
    assert (result.status, result.ename, result.evalue, result.traceback) == ("error", "ValueError", "no", ("a", "b"))
    assert not result.interrupted


@pytest.mark.parametrize(("status", "expected"), [("aborted", "aborted"), ("abort", "error"), (None, "error")])
def test_a_cell_that_did_not_end_well_is_never_ok(status, expected):
    client, _ = started(FakeKernel({"x": [("reply", {"status": status})]}))
    assert client.execute("x").status == expected


def test_idle_before_the_reply_and_outputs_after_it_are_waited_for():
    def answer(request):
        return [
            idle(request),
            message(request, "execute_reply", {"status": "ok"}, channel="shell"),
            message(request, "stream", {"name": "stdout", "text": "late"}),
        ]

    client, _ = started(OnlyWhenAsked(answer))
    assert [m.content["text"] for m in client.execute("x").outputs] == ["late"]


def test_a_reply_alone_is_enough_once_the_runtime_is_done_with_the_cell():
    client, _ = started(
        OnlyWhenAsked(lambda request: [message(request, "execute_reply", {"status": "ok"}, channel="shell")])
    )
    assert client.execute("x").status == "ok"


def test_idle_without_a_reply_is_an_error_and_no_hang():
    client, _ = started(OnlyWhenAsked(lambda request: [idle(request)]))
    with pytest.raises(HostError, match="ended a cell without a reply"):
        client.execute("x")


def test_a_cell_is_not_done_before_the_runtime_is_done_with_it():
    requests = []

    def answer(request):
        requests.append(request)
        return [message(request, "execute_reply", {"status": "ok"}, channel="shell"), idle(request)]

    kernel = OnlyWhenAsked(answer)

    def late(envelope):
        answers = list(kernel(envelope))
        if isinstance(envelope, AskFigures):
            text = message(requests[0], "stream", {"name": "stdout", "text": "awaited"})
            answers.insert(0, text)
        return answers

    client, _ = started(late)
    assert [m.content["text"] for m in client.execute("x").outputs] == ["awaited"]


def test_late_outputs_go_to_the_cell_that_made_them_and_foreign_ones_to_none():
    earlier = []

    def answer(request):
        answers = [message(request, "execute_reply", {"status": "ok"}, channel="shell"), idle(request)]
        if request.content["code"] == "second":
            answers.insert(0, message(earlier[0], "stream", {"name": "stdout", "text": "of the first"}))
            foreign = message(request, "stream", {"name": "stdout", "text": "foreign"})
            foreign["message"]["parent_header"] = {"msg_id": "unknown"}
            answers.insert(0, foreign)
            answers.insert(0, message(request, "stream", {"name": "stdout", "text": "of the second"}))
        earlier.append(request)
        return answers

    client, _ = started(OnlyWhenAsked(answer))
    first, second = [], []
    client.execute("first", on_output=first.append)
    client.execute("second", on_output=second.append)
    assert [m.content["text"] for m in first] == ["of the first"]
    assert [m.content["text"] for m in second] == ["of the second"]


def test_drain_hands_on_what_has_come():
    client, engine = started()
    seen = []
    client.execute("x", on_output=seen.append)
    engine.deliver(message(sent(engine, "execute_request")[0], "stream", {"name": "stdout", "text": "late"}))
    assert seen == []
    client.drain()
    assert [m.content["text"] for m in seen] == ["late"]


def test_an_observer_sees_every_message():
    seen = []
    client, _ = started(FakeKernel({"x": [stream("a")]}), on_message=seen.append)
    client.execute("x")
    assert [m.type for m in seen] == ["status", "stream", "execute_reply", "status"]


@pytest.mark.parametrize("secret", [True, False])
def test_input_is_answered_on_stdin_under_the_question(secret):
    def answer(request):
        return [message(request, "input_request", {"prompt": "name? ", "password": secret}, channel="stdin")]

    kernel = OnlyWhenAsked(answer)

    def whole(envelope):
        answers = list(kernel(envelope))
        if isinstance(envelope, MessageEnvelope) and envelope.message.type == "input_reply":
            request = sent(engine, "execute_request")[0]
            answers += [message(request, "execute_reply", {"status": "ok"}, channel="shell"), idle(request)]
        return answers

    client, engine = started(whole)
    asked = []

    def on_input(question):
        assert client.asking
        asked.append(question)
        return "Ada"

    assert client.execute("input()", on_input=on_input).status == "ok"
    assert not client.asking
    assert asked == [InputRequest(prompt="name? ", password=secret)]
    (reply,) = sent(engine, "input_reply")
    assert reply.channel == "stdin"
    assert reply.content == {"status": "ok", "value": "Ada"}
    assert reply.parent_header["msg_type"] == "input_request"
    assert sent(engine, "execute_request")[0].content["allow_stdin"] is True


def test_input_without_a_user_is_an_error():
    kernel = OnlyWhenAsked(lambda r: [message(r, "input_request", {"prompt": "q"}, channel="stdin")])
    client, engine = started(kernel)
    with pytest.raises(HostError, match="nobody to answer") as caught:
        client.execute("input()")
    assert dict(caught.value.context) == {"prompt": "q"}
    assert sent(engine, "execute_request")[0].content["allow_stdin"] is False


def test_ctrl_c_at_a_question_interrupts_the_kernel_and_answers_nothing():
    kernel = OnlyWhenAsked(lambda r: [message(r, "input_request", {"prompt": ""}, channel="stdin")])

    def whole(envelope):
        answers = list(kernel(envelope))
        if isinstance(envelope, Interrupt):
            request = sent(engine, "execute_request")[0]
            reply = {"status": "error", "ename": "KeyboardInterrupt"}
            answers += [message(request, "execute_reply", reply, channel="shell"), idle(request)]
        return answers

    def on_input(_):
        raise KeyboardInterrupt

    client, engine = started(whole)
    result = client.execute("input()", on_input=on_input)
    assert (result.status, result.interrupted) == ("error", True)
    assert sent(engine, "input_reply") == []
    assert not client.asking


def test_interrupted_belongs_to_one_cell():
    client, engine = started()
    client.interrupt()
    assert engine.posted[-1] == Interrupt()
    assert not client.execute("x").interrupted


def test_a_cell_past_its_limit_is_interrupted_and_reported():
    def whole(envelope):
        if isinstance(envelope, Interrupt):
            request = sent(engine, "execute_request")[0]
            error = message(request, "error", {"traceback": ["where"]})
            reply = message(request, "execute_reply", {"status": "error"}, channel="shell")
            return [error, reply, idle(request), {"type": "figures", "figures": FIGURES}]
        return []

    client, engine = started(whole)
    seen = []
    with pytest.raises(KernelTimeoutError, match=r"the cell ran longer than 0\.03 seconds") as caught:
        client.execute("loop", timeout=0.03, on_output=seen.append)
    assert dict(caught.value.context) == {"kernel": "was interrupted"}
    assert [m.type for m in seen] == ["error"]


def test_a_kernel_that_ignores_the_interrupt_is_reported_too():
    client, engine = started(lambda _: [])
    with pytest.raises(KernelTimeoutError) as caught:
        client.execute("loop", timeout=0.02)
    assert dict(caught.value.context) == {"kernel": "does not react to an interrupt"}
    assert Interrupt() in engine.posted


def test_the_time_a_user_takes_is_not_the_cells(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(client_module, "monotonic", lambda: now[0])

    kernel = OnlyWhenAsked(lambda r: [message(r, "input_request", {"prompt": ""}, channel="stdin")])

    def whole(envelope):
        answers = list(kernel(envelope))
        if isinstance(envelope, MessageEnvelope) and envelope.message.type == "input_reply":
            request = sent(engine, "execute_request")[0]
            answers += [message(request, "execute_reply", {"status": "ok"}, channel="shell"), idle(request)]
        return answers

    def on_input(_):
        now[0] += 1000
        return ""

    client, engine = started(whole)
    assert client.execute("input()", on_input=on_input, timeout=10).status == "ok"


def test_an_engine_that_dies_in_a_cell_ends_it_at_once():
    client, _ = started(lambda _: [HostError("the process ended")])
    with pytest.raises(HostError, match="the process ended"):
        client.execute("x")


def test_a_trap_after_the_start_is_no_start_error():
    failure = {"name": "KernelFailed", "message": "unreachable", "file": None, "hint": None}
    client, _ = started(lambda _: [{"type": "error", "error": failure, "fatal": True}])
    with pytest.raises(HostError, match="the kernel has stopped: unreachable") as caught:
        client.execute("x")
    assert not isinstance(caught.value, KernelStartError)


def test_whatever_is_asked_after_a_fatal_failure_ends_at_once():
    failure = {"name": "KernelFailed", "message": "unreachable", "file": None, "hint": None}
    client, engine = started(lambda _: [])
    engine.deliver({"type": "error", "error": failure, "fatal": True})
    asked = (
        client.drain,
        lambda: client.execute("x", timeout=0.02),
        lambda: client.kernel_info(timeout=0.02),
        lambda: client.figures(timeout=0.02),
        client.drain,
    )
    for ask in asked:
        with pytest.raises(HostError, match="the kernel has stopped: unreachable"):
            ask()


def test_a_failure_that_is_not_fatal_goes_to_the_log():
    failure = {"name": "Offline", "message": "no network", "file": "archives/a", "hint": None}
    logged = []
    client, engine = started(on_log=logged.append)
    engine.deliver(
        {"type": "error", "error": failure, "fatal": False}, {"type": "log", "level": "info", "text": "hello"}
    )
    client.drain()
    assert logged == [
        Log(level="error", text="Offline: no network (archives/a)"),
        Log(level="info", text="hello"),
    ]


def test_kernel_info_complete_and_inspect_give_the_replys_content():
    client, _ = started()
    assert client.kernel_info()["language_info"]["name"] == "fake"
    assert client.complete("pri", 3)["asked"] == {"code": "pri", "cursor_pos": 3}
    assert client.inspect("print", 5, detail=1)["asked"] == {"code": "print", "cursor_pos": 5, "detail_level": 1}


def test_a_question_that_gets_no_answer_ends():
    client, _ = started(lambda _: [])
    with pytest.raises(KernelTimeoutError, match=r"did not answer a kernel_info_request within 0\.02 seconds"):
        client.kernel_info(timeout=0.02)
    with pytest.raises(KernelTimeoutError, match=r"did not give its figures within 0\.02 seconds"):
        client.figures(timeout=0.02)


def test_figures_are_those_that_were_asked_for():
    figures = iter([{**FIGURES, "files": 1}, {**FIGURES, "files": 2}])
    client, _ = started(lambda e: [{"type": "figures", "figures": next(figures)}] if isinstance(e, AskFigures) else [])
    assert client.figures().files == 1
    assert client.figures().files == 2


def test_a_late_file_is_not_taken_for_the_next_one():
    client, engine = started(lambda _: [])
    engine.deliver(
        {"type": "read", "path": "/first", "data": "MQ=="}, {"type": "read", "path": "/second", "data": "Mg=="}
    )
    assert client.ask(AskRead(path="/second"), ReadEnvelope, timeout=1).data == b"2"


def test_shutdown_waits_for_the_answer_but_not_for_ever():
    client, engine = started()
    client.shutdown()
    (request,) = sent(engine, "shutdown_request")
    assert (request.channel, request.content) == ("control", {"restart": False})
    silent, _ = started(lambda _: [])
    silent.shutdown(timeout=0.02)


def test_whoever_sets_the_event_ends_a_cell_that_runs():
    stop = Event()
    client, _ = started(OnlyWhenAsked(lambda _: []), stop=stop)
    timer = Timer(0.1, stop.set)
    timer.start()
    with pytest.raises(HostError, match="was ended"):
        client.execute("while True: pass", timeout=30)
    timer.join()
