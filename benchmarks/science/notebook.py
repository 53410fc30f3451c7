"""The cells of the example's notebook, without the one that needs the network."""

from __future__ import annotations

import json

from benchmarks.browser.model import Cell
from benchmarks.common import ROOT

EXAMPLE = ROOT / "examples" / "science"
_FILES = EXAMPLE / "files"
_TABLE = "stations.csv"
_NETWORK = "PENGUINS"
"""What the cells name that ask the network, or say whom."""
_EXPECTED = {
    "frame": "temperature_c",
    "regression": "degrees a kilometre",
    "plot": "<Figure size 600x350 with 1 Axes>",
    "written": ",",
}
"""What cells give, by their ids."""


def notebook_cells() -> tuple[Cell, ...]:
    """Its cells in their order, after one that writes the table that lies beside it."""
    document = json.loads((_FILES / "altitude.ipynb").read_text(encoding="utf-8"))
    table = (_FILES / _TABLE).read_text(encoding="utf-8")
    written = f"with open({_TABLE!r}, 'w') as file:\n    print(file.write({table!r}), 'written')"
    cells = [Cell(key="table", code=written, expected="written")]
    for cell in document["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and _NETWORK not in source:
            cells.append(Cell(key=cell["id"], code=source, expected=_EXPECTED[cell["id"]]))
    return tuple(cells)
