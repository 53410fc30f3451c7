"""The console page with real kernels: what people see, type and get."""

from __future__ import annotations

import json
import re
import sys
import threading
import time

import pytest
from playwright.sync_api import expect

from lite_env.pack.manifest import PHASES
from lite_env.pack.reader import read_manifest
from tests.browser.conftest import CELL_MS, Console, file_of, make_site, picture
from tests.command_line import Command
from tests.endless import endless

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LOOP = endless("print('looping', flush=True)")


@pytest.fixture(scope="module")
def shared(chromium, numpy_site, module_server):
    """One kernel for the tests that leave it as it was."""
    context = chromium.new_context(viewport={"width": 960, "height": 720})
    console = Console(context.new_page()).open(module_server.url)
    yield console
    assert console.faults == []
    context.close()


@pytest.fixture(scope="module")
def module_server(numpy_site):
    from tests.site_server import SiteServer  # noqa: PLC0415

    server = SiteServer(numpy_site)
    server.start()
    yield server
    server.stop()


def test_the_start_is_shown_in_bytes_and_collapses(console, serve, numpy_site, numpy_pack):
    server = serve(numpy_site)
    released = threading.Event()
    server.faults[file_of(numpy_site, "packs/*/archives/*")] = lambda answer: released.wait(CELL_MS / 1000) and answer
    console.open(server.url, ready=False)
    start = console.page.locator(".start")
    start.get_by_text("xpython_wasm.wasm").wait_for()
    # The sum is known as soon as the manifest is: every file is announced before its first byte.
    manifest = read_manifest(numpy_pack)
    total = manifest.start_size(manifest.kernels[0]) + (numpy_pack / "manifest.json").stat().st_size
    start.locator(".line").get_by_text(f"of {total / 1e6:.1f} MB · ").wait_for()
    assert console.page.get_by_role("progressbar", name="Bytes loaded").is_visible()
    console.page.wait_for_timeout(500)
    picture(console.page, "start")
    released.set()
    console.ready()
    start.locator(".line").get_by_text("Ready after").wait_for()
    expect(console.page.get_by_role("progressbar").first).to_be_hidden()
    expect(start.locator(".files")).to_be_hidden()
    start.locator("summary").click()
    boot = [archive for archive in manifest.archives if archive.load in PHASES]
    expect(start.locator("li")).to_have_count(4 + len(boot))
    expect(start.locator("li:not(.done)")).to_have_text([])


def test_a_service_worker_that_is_slow_holds_no_kernel_up(console, serve, lua_site):
    server = serve(lua_site, isolated=False)
    released = threading.Event()
    server.faults["sw.js"] = lambda answer: released.wait(CELL_MS / 1000) and answer
    console.open(server.url)
    assert console.text("print(6 * 7)").strip() == "42"
    released.set()
    console.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")


def test_worker_and_manifest_are_asked_for_beside_the_pages_script(console, serve, lua_site):
    server = serve(lua_site)
    released = threading.Event()
    server.faults["page.js"] = lambda answer: released.wait(CELL_MS / 1000) and answer

    def asked(end: str) -> int:
        return sum(path.endswith(end) for path in server.requests)

    console.page.goto(server.url, wait_until="commit")
    deadline = time.monotonic() + CELL_MS / 1000
    while not (asked("worker.js") and asked("manifest.json")):
        assert time.monotonic() < deadline
        console.page.wait_for_timeout(20)
    released.set()
    console.ready()
    assert console.text("print(6 * 7)").strip() == "42"
    assert asked("manifest.json") == 1


def test_numpy_runs(shared):
    assert shared.text("import numpy as np\nnp.linspace(0, 1, 5)") == "array([0.  , 0.25, 0.5 , 0.75, 1.  ])\n"
    expect(shared.last_cell.locator(".outputs")).to_contain_text("array([0.")
    assert re.fullmatch(r"\[\d+\]", shared.last_cell.locator(".count").inner_text())


def test_streams_have_colours_and_lines_are_written_over(shared):
    shared.text(
        "import sys\nprint('\\x1b[32mgreen\\x1b[0m <b>', end='')\nprint('\\r10%\\r99%')\nprint('!', file=sys.stderr)"
    )
    outputs = shared.last_cell.locator(".outputs")
    # A line and its end are two messages.
    expect(outputs.locator(".text").first).to_have_text("99%en <b>")
    expect(outputs.locator(".stderr")).to_have_text("!")
    shared.text("print('\\x1b[31mred\\x1b[0m')")
    expect(shared.last_cell.locator(".ansi-red-fg")).to_have_text("red")


def test_the_page_of_a_question_mark_is_shown_and_what_c_code_prints(shared):
    shared.execute("import os\nos.write(1, b'from C')\nlen?")
    outputs = shared.last_cell.locator(".outputs")
    expect(outputs.locator(".stream")).to_have_text("from C")
    expect(outputs.locator(".page")).to_contain_text("Return the number of items in a container.")


def display(bundle: dict[str, str]) -> str:
    return f"from IPython.display import display\ndisplay({bundle!r}, raw=True)"


def test_html_is_shown_without_what_runs(shared):
    html = "<table><tr><td>cell</td></tr></table><img src=x onerror='window.broken = 1'><a href='javascript:1'>x</a>"
    shared.text(display({"text/html": html, "text/plain": "never"}))
    output = shared.last_cell.locator(".html")
    assert output.locator("td").inner_text() == "cell"
    assert "never" not in shared.last_cell.locator(".outputs").inner_text()
    assert shared.page.evaluate("window.broken") is None
    assert output.locator("a").get_attribute("href") is None


def test_html_with_scripts_runs_apart_from_the_page(shared):
    script = "a.textContent = 'ran'; try { parent.document.title = 'x' } catch { a.title = 'apart' }"
    html = f"<p id=a>before</p><script>{script}</script>"
    title = shared.page.title()
    shared.text(display({"text/html": html}))
    frame = shared.page.frame_locator(".cell:last-of-type iframe")
    assert frame.locator("#a").inner_text() == "ran"
    assert frame.locator("#a").get_attribute("title") == "apart"
    assert shared.page.title() == title


@pytest.mark.parametrize(
    ("bundle", "shown"),
    [
        ({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='5'/>"}, ("img", 7)),
        ({"image/png": PNG}, ("img", 1)),
        ({"text/latex": "$\\alpha$"}, ("pre", "$\\alpha$")),
        ({"application/json": '{"a": 1}', "text/plain": "plain"}, ("pre", "plain")),
        ({"application/vnd.unknown": "x"}, ("p", "this page cannot show application/vnd.unknown")),
    ],
    ids=["svg", "png", "latex", "plain", "unknown"],
)
def test_rich_outputs(shared, bundle, shown):
    shared.text(display(bundle))
    tag, expected = shown
    element = shared.last_cell.locator(f".outputs {tag}")
    if tag == "img":
        shared.page.wait_for_function("() => [...document.querySelectorAll('.cell:last-of-type img')].at(-1).complete")
        assert element.evaluate("image => image.naturalWidth") == expected
    else:
        expect(element).to_have_text(expected)


def test_displays_are_updated_and_cleared(shared):
    shared.text(
        "from IPython.display import display, clear_output\ndisplay({'text/plain': 'one'}, raw=True, display_id='d')"
    )
    number = shared.page.locator(".cell").count() - 1
    first = shared.page.locator(".cell").nth(number).locator(".outputs")
    shared.text("display({'text/plain': 'two'}, raw=True, display_id='d', update=True)")
    expect(first).to_contain_text("two")
    expect(first).not_to_contain_text("one")
    shared.text("print('gone')\nclear_output()\nprint('kept')")
    expect(shared.last_cell.locator(".outputs")).to_have_text("kept")


def test_an_error_comes_with_its_traceback(shared):
    result = shared.execute("def f(x):\n    return 1 / x\nf(0)")
    assert (result["status"], result["error"]["evalue"]) == ("error", "division by zero")
    traceback = shared.last_cell.locator(".traceback").inner_text()
    assert "return 1 / x" in traceback
    assert traceback.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "\x1b" not in traceback


def test_enter_runs_what_is_complete(shared):
    editor = shared.editor
    editor.fill("")
    editor.press_sequentially("for i in range(2):")
    editor.press("Enter")
    shared.page.wait_for_function("() => document.querySelector('textarea').value === 'for i in range(2):\\n    '")
    editor.press_sequentially("print('row', i)")
    editor.press("Shift+Enter")
    assert editor.input_value().endswith("print('row', i)\n")
    before = shared.page.locator(".cell").count()
    editor.press("Enter")
    shared.page.wait_for_function("count => document.querySelectorAll('.cell').length > count", arg=before)
    shared.last_cell.get_by_text("row 1").wait_for()
    assert editor.input_value() == ""


def test_the_arrows_walk_through_history_that_outlives_the_page(console, serve, lua_site):
    server = serve(lua_site)
    console.open(server.url)
    for code in ("x = 1", "print(x)"):
        console.editor.fill(code)
        console.editor.press("Control+Enter")
    console.page.locator(".cell.ok").nth(1).wait_for()
    console.reload()
    console.editor.fill("draft")
    seen = []
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"):
        console.editor.press(key)
        seen.append(console.editor.input_value())
    assert seen == ["print(x)", "x = 1", "x = 1", "print(x)", "draft"]


def test_tab_completes(shared):
    shared.text("alphabet = alphanumeric = 1")
    shared.editor.fill("alphab")
    shared.editor.press("Tab")
    shared.page.wait_for_function("() => document.querySelector('textarea').value === 'alphabet'")
    shared.editor.fill("1 + alpha")
    shared.editor.press("Tab")
    matches = shared.page.get_by_role("listbox", name="Completions")
    matches.wait_for()
    assert matches.get_by_role("option").all_inner_texts() == ["alphabet", "alphanumeric"]
    picture(shared.page, "completion")
    shared.editor.press("ArrowDown")
    shared.editor.press("Enter")
    assert shared.editor.input_value() == "1 + alphanumeric"
    assert not matches.is_visible()
    shared.editor.fill("")
    shared.editor.press("Tab")
    assert shared.editor.input_value() == "    "
    shared.editor.fill("")


def test_shift_tab_explains(shared):
    shared.editor.fill("len")
    shared.editor.press("Shift+Tab")
    help_region = shared.page.get_by_role("region", name="Help")
    help_region.get_by_text("Return the number of items in a container").wait_for()
    shared.editor.press("Escape")
    assert not help_region.is_visible()
    shared.editor.fill("")


def test_escape_gives_tab_back_to_the_keyboard(shared):
    shared.editor.focus()
    shared.editor.press("Escape")
    shared.editor.press("Tab")
    assert shared.page.evaluate("document.activeElement.textContent") == "Run"


def test_input_is_asked_for_in_its_place(shared):
    shared.editor.fill("import getpass\nprint([input('name? '), getpass.getpass('secret? ')])")
    shared.editor.press("Control+Enter")
    name = shared.page.get_by_role("textbox", name="name?")
    name.wait_for()
    assert shared.page.evaluate("document.activeElement.getAttribute('aria-label')") == "name?"
    name.fill("Ada Ü")
    name.press("Enter")
    secret = shared.page.locator("input[type=password]")
    secret.fill("xyz")
    secret.press("Enter")
    shared.last_cell.get_by_text("['Ada Ü', 'xyz']").wait_for()
    shown = shared.last_cell.locator(".outputs").inner_text()
    assert "name? Ada Ü" in shown
    assert "secret? •••" in shown


def test_a_running_cell_is_interrupted_by_button_and_by_key(shared):
    for interrupt in (
        lambda: shared.page.get_by_role("button", name="Interrupt").click(),
        lambda: shared.editor.press("Control+c"),
    ):
        shared.editor.fill(LOOP)
        shared.editor.press("Control+Enter")
        shared.last_cell.locator(".outputs").get_by_text("looping").wait_for()
        interrupt()
        shared.last_cell.locator(".traceback").get_by_text("KeyboardInterrupt").first.wait_for()
        shared.page.locator('.status[data-state="idle"]').wait_for()
    assert shared.text("print('alive')") == "alive\n"


def test_ctrl_c_interrupts_a_question_and_copies_what_is_selected(shared):
    shared.editor.fill("input('waiting? ')")
    shared.editor.press("Control+Enter")
    field = shared.page.get_by_role("textbox", name="waiting?")
    field.fill("selected")
    field.press("Control+a")
    field.press("Control+c")
    shared.page.wait_for_timeout(300)
    assert field.input_value() == "selected"
    field.press("ArrowRight")
    field.press("Control+c")
    shared.last_cell.locator(".traceback").get_by_text("KeyboardInterrupt").first.wait_for()
    expect(field).to_be_hidden()


def test_a_question_whose_interrupt_is_caught_is_over(shared):
    shared.editor.fill(
        "try:\n    input('first? ')\nexcept KeyboardInterrupt:\n    print('caught')\n    print([input('second? ')])"
    )
    shared.editor.press("Control+Enter")
    shared.page.get_by_role("textbox", name="first?").wait_for()
    shared.page.get_by_role("button", name="Interrupt").click()
    field = shared.page.get_by_role("textbox", name="second?")
    field.wait_for()
    expect(shared.page.locator("form.ask")).to_have_count(1)
    field.fill("typed")
    field.press("Enter")
    shared.last_cell.locator(".outputs").get_by_text("['typed']").wait_for()


def test_a_restart_begins_anew(console, serve, lua_site):
    console.open(serve(lua_site).url)
    console.text("x = 1")
    console.page.get_by_role("button", name="Restart").click()
    console.page.locator(".divider").wait_for()
    console.ready()
    assert console.text("print(x)").strip() == "nil"


def test_a_cell_that_loops_is_ended_by_a_restart(console, serve, lua_site):
    console.open(serve(lua_site).url)
    console.editor.fill("while true do end")
    console.editor.press("Control+Enter")
    console.page.locator('.status[data-state="busy"]').wait_for()
    assert console.page.get_by_role("button", name="Interrupt").is_disabled()
    console.page.get_by_role("button", name="Restart").click()
    console.page.locator(".cell.lost").get_by_text("the kernel has stopped").wait_for()
    console.ready()
    assert console.text("print('alive')").strip() == "alive"


@pytest.mark.slow
def test_one_of_several_environments_is_picked(console, serve, tmp_path, lua_pack, numpy_pack):
    server = serve(make_site(tmp_path / "site", lua_pack, numpy_pack))
    console.open(server.url)
    names = [read_manifest(pack).environment.name for pack in (lua_pack, numpy_pack)]
    picker = console.page.get_by_role("combobox", name="Environment and kernel")
    assert [option.split(" · ")[0] for option in picker.locator("option").all_inner_texts()] == names
    assert console.text("print(_VERSION)").startswith("Lua")
    with console.page.expect_navigation():
        picker.select_option(index=1)
    console.ready()
    assert console.text("import sys; print(sys.platform)") == "emscripten\n"
    assert console.page.url.endswith(f"#{names[1]}")


@pytest.mark.slow
def test_files_of_the_browsers_drive(console, serve, numpy_site, tmp_path):
    server = serve(numpy_site)
    console.open(server.url)
    console.page.get_by_text("Files on /drive").click()
    console.page.get_by_text("There are no files yet").wait_for()
    upload = tmp_path / "Zahlen ü.csv"
    upload.write_bytes(b"1;2\r\n\xff\x00")
    console.page.get_by_label("Files to upload").set_input_files(upload)
    files = console.page.get_by_role("list", name="Files").locator("li")
    files.filter(has_text=upload.name).wait_for()
    assert console.text(f"open('/drive/{upload.name}', 'rb').read()") == "b'1;2\\r\\n\\xff\\x00'\n"
    console.text(
        "import os\nos.mkdir('/drive/sub')\nprint('from the kernel', file=open('/drive/sub/out.txt', 'w'), flush=True)"
    )
    console.page.get_by_role("button", name="sub/").click()
    with console.page.expect_download() as started:
        console.page.get_by_role("button", name="out.txt", exact=True).click()
    assert started.value.suggested_filename == "out.txt"
    assert started.value.path().read_text() == "from the kernel\n"
    picture(console.page, "files")
    console.page.on("dialog", lambda dialog: dialog.accept())
    console.page.get_by_role("button", name="Delete out.txt").click()
    console.page.get_by_text("There are no files yet").wait_for()
    assert console.text("print(os.listdir('/drive/sub'))") == "[]\n"
    console.reload()
    assert console.text("import os; print(sorted(os.listdir('/drive')))") == f"['{upload.name}', 'sub']\n"


def test_without_isolation_input_and_drive_go_through_the_service_worker(console, serve, numpy_site):
    server = serve(numpy_site, isolated=False)
    console.open(server.url)
    assert console.page.evaluate("crossOriginIsolated") is False
    console.editor.fill("open('/drive/a.txt', 'w').write(input('name? '))\nprint(open('/drive/a.txt').read())")
    console.editor.press("Control+Enter")
    field = console.page.get_by_role("textbox", name="name?")
    field.fill("through the worker")
    field.press("Enter")
    console.last_cell.locator(".outputs").get_by_text("through the worker", exact=True).wait_for()
    button = console.page.get_by_role("button", name="Interrupt")
    assert button.is_disabled()
    assert "not cross-origin isolated" in button.get_attribute("title")


@pytest.mark.slow
def test_two_tabs_never_answer_each_other(context, serve, numpy_site):
    server = serve(numpy_site, isolated=False)
    tabs = [Console(context.new_page()).open(server.url) for _ in range(2)]
    for number, tab in enumerate(tabs):
        tab.editor.fill(f"print('{number}', input('tab {number}? '))")
        tab.editor.press("Control+Enter")
    for number, tab in reversed(list(enumerate(tabs))):
        field = tab.page.get_by_role("textbox", name=f"tab {number}?")
        field.fill(f"answer {number}")
        field.press("Enter")
        tab.last_cell.get_by_text(f"{number} answer {number}").wait_for()


def test_the_page_of_serve_reads_and_writes_the_hosts_folder(console, numpy_pack, tmp_path):
    folder = tmp_path / "shared folder"
    folder.mkdir()
    (folder / "daten ü.csv").write_text("1,2,3\n")
    command = Command("serve", numpy_pack, "--drive", folder, "--port", "0", "--json")
    try:
        command.wait_for(lambda: command.out().rstrip().endswith("}"))
        address = json.loads(command.out())["page"]
        console.open(address)
        assert "token" not in console.page.url
        assert console.text("print(open('/drive/daten ü.csv').read(), end='')") == "1,2,3\n"
        console.text("with open('/drive/neu.txt', 'w') as file: file.write('from the browser')")
        assert (folder / "neu.txt").read_text() == "from the browser"
        console.reload()
        assert console.text("print(open('/drive/neu.txt').read())") == "from the browser\n"
    finally:
        command.interrupt()
        command.end()


def test_every_control_has_a_name_and_a_place_in_the_order(shared):
    nameless = shared.page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, textarea, progress, img, iframe')]"
        ".filter(e => !e.closest('div.html'))"  # What a program shows is its own affair.
        ".filter(e => !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length || e.alt || e.title))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    assert shared.page.locator("[tabindex]:not([tabindex='0'])").count() == 0
    assert shared.page.locator("html").get_attribute("lang") == "en"


NUMBERS = """\
import numpy as np
x = np.linspace(0, 2 * np.pi, 60)
np.sin(x[:6]).round(3)"""
TABLE_AND_CURVE = """\
from IPython.display import HTML, SVG, display
row = "<tr><th>{}</th><td>{:.2f}</td><td>{:.2f}</td></tr>"
rows = "".join(row.format(f.__name__, f(x).mean(), f(x).std()) for f in (np.sin, np.cos))
display(HTML(f"<table><thead><tr><th></th><th>mean</th><th>std</th></tr></thead>{rows}</table>"))
points = " ".join(f"{8 * at},{30 - 24 * y:.1f}" for at, y in enumerate(np.sin(x)))
curve = f'<polyline points="{points}" fill="none" stroke="teal" stroke-width="3"/>'
SVG(f'<svg xmlns="http://www.w3.org/2000/svg" width="480" height="60">{curve}</svg>')"""
FAULT = """\
def mean(values):
    return sum(values) / len(values)

mean([])"""


@pytest.mark.slow
def test_both_colour_schemes_and_a_narrow_screen(console, serve, numpy_site):
    console.open(serve(numpy_site).url)
    for code in (NUMBERS, TABLE_AND_CURVE, FAULT):
        console.execute(code)
    console.page.set_viewport_size({"width": 960, "height": 1000})
    console.page.evaluate("scrollTo(0, 0)")
    colours = set()
    for scheme in ("light", "dark"):
        console.page.emulate_media(color_scheme=scheme)
        colours.add(console.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        picture(console.page, f"console-{scheme}")
    assert len(colours) == 2
    console.text("print('x' * 300)")
    console.page.set_viewport_size({"width": 360, "height": 640})
    assert console.page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(console.page, "console-narrow")


def test_a_page_that_fails_for_ever_does_not_grow(console, serve, lua_site):
    console.open(serve(lua_site).url)
    console.page.evaluate(
        """() => {
          for (let at = 0; at < 500; at += 1) {
            const facts = { effectiveDirective: 'img-src', disposition: 'enforce', blockedURI: `https://x.org/${at}` };
            document.dispatchEvent(new SecurityPolicyViolationEvent('securitypolicyviolation', facts));
          }
        }"""
    )
    assert len(console.problems()) == 100
    cards = console.page.locator(".problem")
    assert cards.count() == 20
    assert "https://x.org/499" in cards.last.inner_text()
    assert console.page.evaluate("globalThis.liteEnvRefused ?? null") is None


def test_a_kernel_that_is_ended_before_it_told_its_figures_is_no_fault_of_the_page(console, serve, lua_site):
    server = serve(lua_site)
    # In the moment in which it is ready its figures are asked for, and their answer cannot be there.
    console.page.add_init_script(
        """addEventListener('DOMContentLoaded', () => new MutationObserver((_, observer) => {
          if (document.querySelector('.status[data-state="idle"]')) {
            observer.disconnect();
            document.querySelectorAll('.actions button')[1].click();
            globalThis.restarted = true;
          }
        }).observe(document, { subtree: true, attributes: true, childList: true }));"""
    )
    console.open(server.url)
    assert console.text("print(1)").strip() == "1"
    assert console.page.evaluate("restarted") is True
    assert console.faults == []
