"""What a cell shows stays inside its cell, and looks right there."""

from __future__ import annotations

import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console
from tests.site_server import SiteServer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]


@pytest.fixture(scope="module")
def server(numpy_site):
    server = SiteServer(numpy_site)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shared(chromium, server):
    """One kernel for all: none of these may change the page."""
    context = chromium.new_context(viewport={"width": 960, "height": 720})
    console = Console(context.new_page()).open(server.url)
    yield console
    assert console.faults == []
    context.close()


def show(console: Console, html: str):
    """Show HTML as the output of a cell; its box."""
    console.text(f"from IPython.display import display\ndisplay({{'text/html': {html!r}}}, raw=True)")
    return console.last_cell.locator(".outputs .html")


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        "<style>* { display: none !important } html, body, #app { visibility: hidden }</style>",
        "<p>x</p><style>:root { font-size: 40px } header, .editor, .cell { opacity: 0 }</style>",
        "<style>:host { position: fixed !important; inset: 0 !important; z-index: 9; background: red }</style>x",
        "<div style='position: fixed; inset: 0; z-index: 99; background: red'>over all</div>",
        "<div style='position: absolute; inset: -2000px; z-index: 99'>over all</div>",
        "<div style='margin: -2000px; padding: 2000px'>over all</div>",
        "<div popover style='display: block; inset: 0; width: 100vw; height: 100vh'>top</div><input autofocus>",
        "<p id=app></p><img name=liteEnv><form id=liteEnv action=/elsewhere><button>Leave</button></form>",
    ],
    ids=["hides all", "by names", "the host", "fixed", "absolute", "margins", "top layer", "names"],
)
def test_the_page_around_an_output_stays_as_it_is(shared, html):
    def page():
        return shared.page.evaluate(
            "() => ['header', '.editor', '.cell .code'].map(part => { const element = document.querySelector(part);"
            "const {display, visibility, opacity, fontSize} = getComputedStyle(element);"
            "return [display, visibility, opacity, fontSize, element.getBoundingClientRect().width] })"
        )

    shared.text("1")
    before = page()
    show(shared, html)
    assert page() == before
    shared.editor.click(timeout=3_000)  # Nothing lies over it.
    shared.page.locator("header .status").click(timeout=3_000)
    assert shared.text("print('alive')") == "alive\n"


def test_leaving_an_output_leaves_no_page(shared, server):
    address = shared.page.url
    html = (
        f"<a id=out href='{server.url}page.html'>out</a> <a id=in href='#below'>in</a><p id=below>below</p>"
        "<form action='elsewhere'><button>submit</button></form>"
    )
    box = show(shared, html)
    with shared.page.context.expect_page() as opened:
        box.locator("#out").click()
    opened.value.close()
    box.locator("#in").click()
    box.get_by_role("button", name="submit").click()
    shared.text(f"print('\\x1b]8;;{server.url}x\\x1b\\\\a link of a terminal\\x1b]8;;\\x1b\\\\')")
    with shared.page.context.expect_page() as opened:
        shared.last_cell.locator(".outputs a").click()
    opened.value.close()
    assert shared.page.url == address
    assert shared.text("print('alive')") == "alive\n"


def test_an_output_has_its_own_styles_and_the_pages_colours(shared):
    box = show(
        shared,
        "<style>:root { --own: rgb(1, 2, 3) } @media screen { html > body td { color: var(--own) } }</style>"
        "<style media='print'>td { display: none }</style><style>#T_1 .own { padding: 7px }</style>"
        "<table id='T_1'><thead><tr><th>head</th></tr></thead><tbody><tr><td class='own'>1</td></tr>"
        "<tr><td style='background: rgb(9, 9, 9)'>2</td></tr></tbody></table>"
        "<svg width='3000' height='20'><rect width='9' height='9'/></svg><p>text</p>",
    )

    def css(part, name):
        return box.locator(part).first.evaluate(f"element => getComputedStyle(element)['{name}']")

    assert css("td", "color") == "rgb(1, 2, 3)"
    assert css(".own", "padding") == "7px"
    assert css("th", "text-align") == "right" or css("th", "text-align") == "end"
    assert box.locator("svg").bounding_box()["width"] <= box.bounding_box()["width"]
    colours = []
    for scheme in ("light", "dark"):
        shared.page.emulate_media(color_scheme=scheme)
        assert css("p", "color") == shared.page.evaluate("getComputedStyle(document.body).color")
        colours.append(
            (css("p", "color"), css("tr:nth-child(2)", "background-color"), css("th", "border-bottom-color"))
        )
    shared.page.emulate_media(color_scheme="light")
    assert all(light != dark for light, dark in zip(*colours, strict=True))


WINDOWS = """
<button id=open>open</button> <a id=link target=_blank href='{url}'>link</a> <a id=click>click</a>
<script>
  const seen = [];
  MessagePort.prototype.postMessage = function (...given) {{ seen.push(this); }};
  Element.prototype.closest = () => ({{ href: '{url}', hasAttribute: () => false, getAttribute: () => '{url}' }});
  performance.now = () => 0;
  const tries = [
    () => window.open('{url}'),
    () => Object.assign(document.createElement('a'), {{ href: '{url}', target: '_blank' }}).click(),
    () => document.getElementById('link').click(),
    () => dispatchEvent(new PointerEvent('pointerup', {{ bubbles: true }})) && window.open('{url}'),
    () => document.body.append(document.createElement('iframe')) || frames[0].open('{url}'),
    () => parent.postMessage('lite-env frame', '*', [new MessageChannel().port2]),
    () => parent.postMessage({{ open: '{url}' }}, '*'),
    () => seen.forEach(port => port.postMessage({{ open: '{url}' }})),
    () => top.location = '{url}',
  ];
  for (const attempt of tries) try {{ attempt(); }} catch {{}}
  document.getElementById('open').onclick = () => {{ window.open('{url}?1'); window.open('{url}?2'); }};
</script>"""


def test_a_framed_script_opens_windows_by_a_click_only_one_each(shared, server):
    context = shared.page.context
    opened = []
    context.on("page", lambda page: opened.append(page))  # noqa: PLW0108
    address = shared.page.url
    # Entered by hand: the page has had a key pressed when the script runs.
    html = WINDOWS.format(url=f"{server.url}other")
    shared.editor.fill(f"from IPython.display import display\ndisplay({{'text/html': {html!r}}}, raw=True)")
    shared.editor.press("Control+Enter")
    frame = shared.last_cell.frame_locator("iframe")
    frame.get_by_role("button", name="open").wait_for()
    shared.page.wait_for_timeout(500)
    assert opened == []
    with context.expect_page() as first:
        frame.locator("#open").click()
    assert first.value.url.endswith("/other?1")
    with context.expect_page():
        frame.locator("#link").press("Enter")
    shared.page.wait_for_timeout(300)
    assert len(opened) == 2
    for page in opened:
        page.close()
    assert shared.page.url == address


def test_what_help_shows_and_what_c_code_writes_are_outputs(shared):
    shared.execute("import os\nos.write(1, b'from C'), os.write(2, 'Fehler ü'.encode())\n?len")
    outputs = shared.last_cell.locator(".outputs")
    expect(outputs.locator(".stream").first).to_have_text("from C")
    expect(outputs.locator(".stderr")).to_have_text("Fehler ü")
    expect(outputs.locator(".page")).to_contain_text("Return the number of items in a container.")
    shared.text("import functools")
    shared.execute("functools.reduce??")
    expect(shared.last_cell.locator(".page")).to_contain_text("Apply a function of two arguments")
    shared.execute("1 / 0\nlen?")
    shared.execute("%load_ext nothing_of_that_name\nlen?")
    expect(shared.last_cell.locator(".traceback")).to_contain_text("nothing_of_that_name")
