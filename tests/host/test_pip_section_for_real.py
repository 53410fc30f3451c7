"""What a pip section brings runs in the real Python kernel: packed by the commands that a user gives."""

from __future__ import annotations

import pytest

from lite_env.host.run import RunOptions, run_code
from lite_env.pack.reader import read_index, read_manifest
from lite_env.store.local import open_store
from lite_env.workflow.lock import LockPolicy
from lite_env.workflow.options import PackOptions
from lite_env.workflow.pack import pack_environment
from tests.conftest import EXAMPLES
from tests.wheels import make_wheel

pytestmark = [
    pytest.mark.network,
    pytest.mark.node,
    # It locks, compiles and traces 3,500 files.
    pytest.mark.slow,
]
SITE = "lib/python3.11/site-packages"
CODE = """\
import ipywidgets, quantities, local_wheel, importlib.metadata
slider = ipywidgets.IntSlider(value=3)
print(slider.value, type(slider.comm).__name__, bool(slider.model_id))
print((3 * quantities.m).rescale("cm"))
print(local_wheel.data(), importlib.metadata.version("local-wheel"))
print([point.name for point in importlib.metadata.entry_points(group="local.group")])
"""
LOCAL = {
    "local_wheel/__init__.py": (
        "import pathlib\ndef data():\n    return pathlib.Path('/share/local/data.txt').read_text()\n"
    ),
    "DATA/data/share/local/data.txt": "placed",
    "INFO/entry_points.txt": "[local.group]\npoint = local_wheel:data\n[console_scripts]\nlocal = local_wheel:data\n",
}


def test_widgets_quantities_and_a_local_wheel_are_imported(tmp_path):
    example = EXAMPLES / "widgets" / "environment.yml"
    text = example.read_text("utf-8").replace("../../channels", str(EXAMPLES.parent / "channels"))
    environment = tmp_path / "environment.yml"
    environment.write_text(text + "      - ./local_wheel-1.0-py3-none-any.whl\n")
    make_wheel(tmp_path, "local-wheel", files=LOCAL)
    packed = pack_environment(environment, tmp_path / "pack", store=open_store())
    result = run_code(tmp_path / "pack", CODE, options=RunOptions(engine="node"))
    said = "".join(output.content["text"] for output in result.outputs if output.type == "stream")
    assert result.status == "ok"
    assert said == "3 Comm True\n300.0 cm\nplaced 1.0\n['point']\n"
    manifest = read_manifest(tmp_path / "pack")
    assert {"ipywidgets", "quantities", "local-wheel"} <= set(manifest.environment.requested)
    # They are compiled and traced as what conda brings is.
    assert {"ipywidgets", "quantities", "local_wheel"} <= manifest.imports.keys()
    paths = read_index(tmp_path / "pack", manifest).entries
    for module in ("ipywidgets", "quantities", "local_wheel"):
        assert any(path.startswith(f"{SITE}/{module}/__pycache__/__init__.") for path in paths)
    assert "share/local/data.txt" in paths
    assert not any("nbextensions" in path for path in paths)
    # The lock answers, and from it comes the same pack.
    locked = PackOptions(locking=LockPolicy.LOCKED)
    again = pack_environment(environment, tmp_path / "again", locked, store=open_store())
    assert again.manifest == packed.manifest
