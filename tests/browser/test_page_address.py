"""The page opens what its address asks for, and nothing in place of what is not there."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SOON_MS, make_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
ODD = "größe 100% #1 & 50%41"


@pytest.fixture(scope="module")
def site(tmp_path_factory, lua_pack):
    """Two environments with the kernel `xlua`; the second one's name has what an address escapes."""
    folder = tmp_path_factory.mktemp("address")
    packs = [folder / name for name in ("first", "odd")]
    for pack, name in zip(packs, ("first", ODD), strict=True):
        shutil.copytree(lua_pack, pack)
        manifest = json.loads((pack / "manifest.json").read_bytes())
        manifest["environment"]["name"] = name
        (pack / "manifest.json").write_text(json.dumps(manifest))
    return make_site(folder / "site", *packs, drive="none")


def opened(server) -> set[str]:
    return {path.split("/")[2] for path in server.requests if path.startswith("/packs/")}


@pytest.mark.parametrize("written", [ODD.replace("50%41", "50%2541"), f"{ODD.replace('50%41', '50%2541')}/xlua"])
def test_environment_and_its_first_kernel_are_opened_by_either_form(console, serve, site, written):
    server = serve(site)
    console.open(f"{server.url}#{written}")
    assert console.text("print(6 * 7)").strip() == "42"
    picker = console.page.get_by_role("combobox", name="Environment and kernel")
    assert picker.evaluate("select => select.selectedOptions[0].textContent").startswith(ODD)
    assert "first" not in opened(server)


@pytest.mark.parametrize("unknown", ["gone", "first/gone", "FIRST", "first/"])
def test_what_is_not_there_is_said_and_nothing_is_opened_until_it_is_chosen(console, serve, site, unknown):
    server = serve(site)
    console.open(f"{server.url}#{unknown}", ready=False)
    problem = console.problem("KernelUnknown")
    assert f'"{unknown}"' in problem["reason"]
    links = console.page.get_by_role("list", name="Environments and kernels").get_by_role("link")
    assert [text.split(" · ")[0] for text in links.all_inner_texts()] == ["first", ODD]
    assert console.execute("print(1)")["status"] == "lost"
    assert console.problems() == ["KernelUnknown"]
    assert opened(server) == set()
    links.nth(1).click()
    console.ready()
    assert "first" not in opened(server)


def test_another_address_of_an_open_page_opens_it_or_offers_to(console, serve, site):
    server = serve(site)
    console.open(server.url)
    console.page.evaluate("location.hash = '#first/xlua'")  # The same kernel.
    assert console.text("print(1)").strip() == "1"
    console.page.evaluate("location.hash = '#gone'")
    notice = console.page.locator(".notice")
    notice.get_by_text('There is no "gone".').wait_for(timeout=SOON_MS)
    console.page.go_back()
    expect(notice).to_have_count(0)
    console.page.evaluate("name => location.hash = encodeURIComponent(name)", ODD)
    notice.get_by_text(f"The address is that of {ODD}").wait_for(timeout=SOON_MS)
    assert console.text("print(2)").strip() == "2"
    with console.page.expect_navigation():
        notice.get_by_role("button", name="Open it").click()
    console.ready()
    # Nothing was run yet: nothing is lost.
    with console.page.expect_navigation(wait_until="load"):
        console.page.evaluate("location.hash = '#gone'")
    console.problem("KernelUnknown")


def test_what_stands_in_the_input_outlives_a_reload(console, serve, site):
    server = serve(site)
    console.open(server.url)
    console.editor.fill("x = [[a draft\nof two lines]]")
    console.reload()
    assert console.editor.input_value() == "x = [[a draft\nof two lines]]"
    height = console.editor.bounding_box()["height"]
    # It belongs to its kernel, and is there once.
    console.page.get_by_role("combobox", name="Environment and kernel").select_option(index=1)
    console.ready()
    assert console.editor.input_value() == ""
    assert height > console.editor.bounding_box()["height"]
    console.page.go_back()
    console.page.wait_for_function("() => document.querySelector('textarea')?.value.startsWith('x = ')")
    console.ready()
    console.editor.press("Control+Enter")
    console.reload()
    assert console.editor.input_value() == ""
