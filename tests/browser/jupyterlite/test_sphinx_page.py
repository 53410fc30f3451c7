"""Pages of jupyterlite-sphinx whose live cells run our kernel."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import TimeoutError  # noqa: A004 - its own

from tests.browser.jupyterlite.applications import example_environment
from tests.sphinx_docs import sphinx

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.node,
    pytest.mark.slow,
]

PAGE = """\
Live
====

.. replite::
   :kernel: xpython

   import numpy
   print(int(numpy.arange(5).sum()) * 100)

.. try_examples::

   >>> import numpy
   >>> print(int(numpy.arange(6).sum()) * 100)
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """What Sphinx makes of a page with both directives and of an environment file."""
    docs = tmp_path_factory.mktemp("sphinx") / "docs"
    docs.mkdir()
    (docs / "conf.py").write_text('extensions = ["jupyterlite_sphinx"]\njupyterlite_dir = "."\n')
    (docs / "index.rst").write_text(PAGE)
    (docs / "environment.yml").write_text(example_environment("numpy"))
    done = sphinx(docs)
    assert done.returncode == 0, done.stderr
    return docs.parent / "html"


@pytest.fixture
def page(pages, serve, context):
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{serve(pages, isolated=False).url}index.html")
    return page


def test_a_replite_runs_the_code_of_its_page(page):
    button = page.locator(".jupyterlite_sphinx_try_it_button")
    if button.count():
        button.first.click()
    frame = page.frame_locator("iframe").first
    frame.locator(".jp-CodeConsole .jp-OutputArea-output").filter(has_text="1000").wait_for()
    assert frame.locator(".jp-Dialog").count() == 0


def test_an_example_of_a_docstring_is_opened_as_a_notebook_and_run(page):
    page.locator(".try_examples_button").first.click()
    frame = page.frame_locator("iframe[src*='path=']").first
    # Sphinx's own page lies over what is clicked; and a key that comes before the notebook is ready goes nowhere.
    cell = frame.locator(".jp-CodeCell .cm-content").first
    output = frame.locator(".jp-OutputArea-output").filter(has_text="1500").first
    for _ in range(10):
        cell.press("Shift+Enter")
        with contextlib.suppress(TimeoutError):
            output.wait_for(timeout=6_000)
            break
    assert output.is_visible()
    assert frame.locator(".jp-Dialog").count() == 0
