"""Charts of libraries that a pip section brings, drawn by JupyterLab itself or by what the library brings."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlite.applications import built_site
from tests.conftest import EXAMPLES

pytestmark = [pytest.mark.browser, pytest.mark.network, pytest.mark.slow]

ENVIRONMENT = f"""\
name: charts
channels: [{EXAMPLES.parent / "channels" / "pyodide-0.27"}]
dependencies:
  - pyodide-kernel
  - pandas
  - jinja2
  - pip:
      - altair>=5,<6
      - plotly>=5,<6
      - nbformat
"""
ALTAIR = """\
import altair, pandas
altair.renderers.enable('mimetype')  # By JupyterLab itself; the default asks a server for its scripts.
altair.Chart(pandas.DataFrame({'x': ['a', 'b'], 'y': [1, 3]})).mark_bar().encode(x='x', y='y')
"""
PLOTLY = """\
import plotly.graph_objects as go
go.Figure(go.Bar(x=['a', 'b'], y=[1, 3])).show('plotly_mimetype')
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    lite = tmp_path_factory.mktemp("charts") / "lite"
    lite.mkdir()
    (lite / "environment.yml").write_text(ENVIRONMENT)
    return built_site(lite)


def test_a_chart_of_altair_is_drawn(site, serve, lab):
    found = lab(serve(site)).open().notebook("python")
    cell = found.run(ALTAIR)
    assert cell.error is None, cell
    drawn = found.page.locator(".jp-OutputArea-output .vega-embed").locator("canvas, svg, img").first
    drawn.wait_for()
    assert found.faults == []


def test_a_figure_of_plotly_is_drawn_by_the_extension_that_it_brings(site, serve, lab):
    found = lab(serve(site)).open().notebook("python")
    cell = found.run(PLOTLY)
    assert cell.error is None, cell
    found.page.locator(".js-plotly-plot .bars .point path").nth(1).wait_for()
