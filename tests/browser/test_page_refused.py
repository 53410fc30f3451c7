"""Where a sandbox or a policy takes the page what it needs, the page names that cause, and the directive."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SOON_MS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
ENOUGH = {
    "default-src": "'none'",
    "script-src": "'self' blob: 'unsafe-eval'",
    "worker-src": "'self'",
    "connect-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
}


def with_policy(policy: dict[str, str]):
    """A fault: that policy."""
    value = "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
    return lambda answer: replace(answer, headers={**answer.headers, "Content-Security-Policy": value})


@pytest.mark.parametrize("allowed", ["allow-scripts", "allow-scripts allow-popups"])
@pytest.mark.parametrize("shared", [False, True], ids=["own files", "files for any origin"])
def test_a_sandboxed_frame_is_named(console, serve, lua_site, allowed, shared):
    server = serve(lua_site, isolated=False)
    if shared:  # As some hosts send: then the page's script comes, and its worker does not.
        server.faults[""] = lambda answer: replace(
            answer, headers={**answer.headers, "Access-Control-Allow-Origin": "*"}
        )
    console.page.goto(f"{server.url}runtime/")  # Any page of the site's origin, without the page's script.
    console.page.set_content(f"<iframe sandbox='{allowed}' src='{server.url}' width=700 height=600></iframe>")
    alert = console.page.frame_locator("iframe").get_by_role("alert")
    alert.wait_for(timeout=SOON_MS)
    console.page.wait_for_timeout(500)
    expect(alert).to_have_count(1)
    text = alert.inner_text()
    assert "allow-same-origin" in text
    assert "page.js" not in text


def test_a_page_that_was_opened_as_a_file_says_so(console, lua_site):
    console.page.goto((lua_site / "index.html").as_uri())
    alert = console.page.get_by_role("alert")
    alert.wait_for(timeout=SOON_MS)
    assert "opened as a file" in alert.inner_text()


def test_a_policy_with_what_is_documented_is_enough(console, serve, lua_site):
    server = serve(lua_site)
    for file in ("index.html", "worker.js"):
        server.faults[file] = with_policy(ENOUGH)
    console.open(server.url)
    assert console.text("print(6 * 7)").strip() == "42"
    assert console.problems() == []


@pytest.mark.parametrize("directive", ["worker-src", "connect-src"])
def test_a_directive_that_refuses_a_start_is_named(console, serve, lua_site, directive):
    server = serve(lua_site)
    for file in ("index.html", "worker.js"):  # A worker has the policy of its own script.
        server.faults[file] = with_policy({**ENOUGH, directive: "'none'"})
    console.open(server.url, ready=False)
    problem = console.problem("PolicyRefused")
    assert f"by {directive}" in problem["reason"]
    assert f"{directive} 'self'" in problem["hint"]
    fatal = console.page.locator(".problem.fatal")
    expect(fatal).to_have_count(1)
    expect(fatal.locator(".hint")).to_contain_text(f"{directive} 'self'")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scripts", "named"),
    [("'unsafe-inline'", "by script-src"), ("'none'", "script-src 'self' blob:")],
    ids=["only those in the page", "none"],
)
def test_a_page_whose_script_a_policy_refuses_says_so(console, serve, lua_site, scripts, named):
    server = serve(lua_site)
    server.faults["index.html"] = with_policy({**ENOUGH, "script-src": scripts})
    console.open(server.url, ready=False)
    told = console.page.get_by_role("alert").or_(console.page.locator(".unstarted"))
    expect(told).to_contain_text(named)
    expect(told).to_be_visible(timeout=10_000)
