"""Kernels of a user's own in JupyterLite: their names and pictures, and start-up code that runs or fails."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlite.applications import make_lite
from tests.own_kernels import picture

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]

HELLO = "hello from /share/jupyter/kernels/lab/startup.txt\n"
CODE = "share/jupyter/kernels/broken/startup.txt"


@pytest.fixture(scope="module")
def own_lite(tmp_path_factory, own_packs):
    return make_lite(tmp_path_factory.mktemp("own") / "site", own_packs.good, own_packs.bad)


def test_the_launcher_offers_it_by_its_name_and_with_its_picture(own_lite, serve, lab):
    found = lab(serve(own_lite)).open()
    found.page.evaluate("jupyterapp.commands.execute('launcher:create')")
    card = found.page.locator(".jp-LauncherCard[data-category='Notebook']", has_text="Our lab")
    card.wait_for()
    source = card.locator("img").get_attribute("src")
    shown = found.page.evaluate("async url => (await fetch(url)).text()", source)
    assert shown == picture("lab")
    assert card.locator("img").evaluate("image => image.complete && image.naturalWidth > 0")


def test_its_start_up_code_has_run_before_the_first_cell_and_after_each_restart(own_lite, serve, lab):
    found = lab(serve(own_lite)).open().notebook("lab")
    first = found.run("print(answer)")
    assert (first.error, first.stream()) == (None, f"{HELLO}42\n")
    assert found.text("answer += 1\nprint(answer)") == "43\n"
    found.restart()
    assert found.text("print(answer)") == f"{HELLO}42\n"
    assert found.faults == []


def test_the_first_cell_is_the_first_that_is_counted(own_lite, serve, lab):
    found = lab(serve(own_lite)).open().notebook("lab")
    assert [found.run("answer").outputs[-1]["execution_count"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize(
    ("kernel", "shown"), [("lab", HELLO.strip()), ("broken", "NameError: name 'nowhere' is not defined")]
)
def test_consoles_have_it_too(own_lite, serve, lab, kernel, shown):
    page = lab(serve(own_lite)).open().page
    page.evaluate(
        "async name => void (await jupyterapp.commands.execute('console:create', { kernelPreference: { name } }))",
        kernel,
    )
    editor = page.locator(".jp-CodeConsole-promptCell .cm-content")
    editor.click()
    editor.fill("print('answer', answer)")
    editor.press("Shift+Enter")
    page.locator(".jp-CodeConsole-content .jp-OutputArea-output", has_text=shown).first.wait_for()
    if kernel == "lab":
        page.locator(".jp-CodeConsole-content .jp-OutputArea-output", has_text="answer 42").first.wait_for()


def test_other_kernels_have_it_in_their_language_or_not_at_all(own_lite, serve, lab):
    found = lab(serve(own_lite)).open()
    assert found.notebook("luck").text("print(answer)").split() == ["hello", "from", "Lua", "42"]
    assert found.notebook("plain").run("answer").error["ename"] == "NameError"


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
def test_where_it_fails_each_cell_shows_its_traceback_and_its_file(own_lite, serve, lab, isolated):
    found = lab(serve(own_lite, isolated=isolated)).open().notebook("broken")
    for _ in range(2):
        error = found.run("print('never')").error
        assert error["ename"] == "StartupFailed"
        traceback = "\n".join(error["traceback"])
        for part in (
            "NameError: name 'nowhere' is not defined",
            f"File /{CODE}:5, in begin()",
            "what to do: mend the file",
        ):
            assert part in traceback, traceback
    found.restart()
    assert found.run("1").error["ename"] == "StartupFailed"


def test_a_question_in_it_is_no_end_of_waiting(own_lite, serve, lab):
    error = lab(serve(own_lite)).open().notebook("asking").run("1").error
    assert "This frontend does not support input requests" in "\n".join(error["traceback"])


def test_where_no_cell_waits_a_dialog_says_it_without_its_traceback(own_lite, serve, lab):
    found = lab(serve(own_lite)).open().notebook("broken")
    dialog = found.until(lambda: found.dialogs)[0]
    assert "Our broken does not run" in dialog
    assert "NameError: name 'nowhere' is not defined" in dialog
    assert "begin()" not in dialog
