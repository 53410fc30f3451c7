"""The notebook of examples/science: in Node, on a site's own page, and in JupyterLite, with its figures."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.browser.conftest import Console, make_site
from tests.browser.jupyterlite.applications import built_site, example_environment
from tests.conftest import EXAMPLES
from tests.origins import Origin

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.node,
    pytest.mark.slow,
]
FILES = EXAMPLES / "science" / "files"
PENGUINS = b"species,body_mass_g\nAdelie,3700\nAdelie,3800\nGentoo,5000\nChinstrap,3733\nGentoo,5101\n"
LINE = "-6.42 degrees a kilometre, 11.81 at the sea, r = -0.998\n"
LAST = "Summit,2110,-1.9,-1.73\n"


@pytest.fixture(scope="module")
def url():
    with Origin() as origin:
        origin.files["/penguins.csv"] = ("text/csv", PENGUINS)
        yield f"{origin.url}/penguins.csv"


def notebook(url: str) -> dict[str, Any]:
    """The notebook with an address that is there."""
    document = json.loads((FILES / "altitude.ipynb").read_text("utf-8"))
    (parameters,) = [cell for cell in document["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    parameters["source"] = f"PENGUINS = {url!r}"
    return document


def sources(url: str) -> dict[str, str]:
    return {cell["id"]: cell["source"] for cell in notebook(url)["cells"] if cell["cell_type"] == "code"}


def text_of(data: dict[str, Any]) -> str:
    return "".join(data["text/plain"])


def check(outputs: dict[str, list[dict[str, Any]]]) -> None:
    """What the cells show, as a notebook keeps it."""
    texts = {key: "".join("".join(output.get("text", "")) for output in shown) for key, shown in outputs.items()}
    data = {key: [output["data"] for output in shown if "data" in output] for key, shown in outputs.items()}
    assert texts["regression"] == LINE
    assert texts["written"] == LAST
    assert ["mean", "784.14", "6.78"] in [line.split() for line in text_of(data["frame"][0]).splitlines()]
    assert any("image/png" in shown for shown in data["plot"])
    table = text_of(data["network"][0]).split()
    assert table[-9:] == ["Adelie", "2", "3750.0", "Chinstrap", "1", "3733.0", "Gentoo", "2", "5050.5"]


def test_it_runs_in_node(science_pack, tmp_path, url):
    shutil.copy(FILES / "stations.csv", tmp_path)
    outputs = {}
    with start_kernel(science_pack, options=RunOptions(drive=tmp_path)) as running:
        for key, source in sources(url).items():
            result = running.client.execute(source, timeout=120)
            assert result.status == "ok", result
            outputs[key] = [dict(output.content) for output in result.outputs]
    check(outputs)
    assert (tmp_path / "predicted.csv").read_text("utf-8").endswith(LAST)


@pytest.fixture(scope="module")
def science_site(tmp_path_factory, science_pack):
    return make_site(tmp_path_factory.mktemp("page") / "site", science_pack)


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "any host"])
def test_it_runs_on_the_page(science_site, context, serve, url, isolated):
    server = serve(science_site, isolated=isolated)
    console = Console(context.new_page()).open(server.url)
    text = (FILES / "stations.csv").read_text("utf-8")
    assert console.text(f"print(open('stations.csv', 'w').write({text!r}))") == f"{len(text)}\n"
    shown = {key: console.execute(source) for key, source in sources(url).items()}
    assert {key: result["status"] for key, result in shown.items()} == dict.fromkeys(shown, "ok")
    assert shown["regression"]["text"] == LINE
    assert shown["written"]["text"] == LAST
    assert console.page.locator(".cell img").count() == 1
    assert console.problems() == []


@pytest.fixture(scope="module")
def site(tmp_path_factory, url):
    lite = tmp_path_factory.mktemp("science") / "lite"
    shutil.copytree(FILES, lite / "files")
    (lite / "environment.yml").write_text(example_environment("science"))
    (lite / "files" / "altitude.ipynb").write_text(json.dumps(notebook(url)))
    return built_site(lite)


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "any host"])
def test_it_runs_in_jupyterlite(site, serve, lab, isolated):
    found = lab(serve(site, isolated=isolated)).open("altitude.ipynb")
    assert found.dialogs == []
    found.until(lambda: found.page.evaluate("jupyterapp.shell.currentWidget?.sessionContext?.isReady"))
    found.page.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-cells')")
    cells = "jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"
    found.until(lambda: found.page.evaluate(cells)[-1].get("outputs"), 180_000)
    check({cell["id"]: cell["outputs"] for cell in found.page.evaluate(cells) if cell["cell_type"] == "code"})
    found.until(lambda: "predicted.csv" in found.names())
