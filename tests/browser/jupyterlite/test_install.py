"""`%pip` and `%conda` in a notebook of the real JupyterLab of the real JupyterLite."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.channel_server import serve_channel
from tests.package_index import build_wheel, serve_index

pytestmark = [pytest.mark.browser, pytest.mark.network]
CHANNEL = Path(__file__).parents[3] / "channels" / "emscripten-forge-2023"


@pytest.mark.slow
def test_a_notebook_installs_by_pip_and_conda_and_a_restart_forgets_it(numpy_lite, serve, lab):
    server = serve(numpy_lite, isolated=False)
    found = lab(server).open()
    mine = build_wheel("mine", "0.1", requires=["leaf"])
    content = base64.b64encode(mine.data).decode()
    found.page.evaluate(
        """([path, content]) => jupyterapp.serviceManager.contents.save(
          path, { type: 'file', format: 'base64', content, mimetype: 'application/octet-stream' })""",
        [mine.file_name, content],
    )
    found.notebook("xpython")
    assert found.text("print(1)") == "1\n"
    assert [path for path in server.requests if "installer" in path or "solver" in path] == []
    with serve_index(build_wheel("leaf", "2.1")) as index, serve_channel(CHANNEL) as channel:
        said = found.text(f"%pip install -i {index.url} ./{mine.file_name}\nimport mine, leaf\nprint(leaf.version)")
        assert "Successfully installed leaf-2.1 mine-0.1\n" in said
        assert said.endswith("2.1\n")
        url = f"http://127.0.0.1:{channel.port}"
        said = found.text(f"%conda install -c {url} pip\nimport pip\nprint(pip.__version__)")
        assert "Successfully installed pip-23.3.1-pyhd8ed1ab_0" in said
        assert said.endswith("23.3.1\n")
    failed = found.run("%pip install -i http://127.0.0.1:9009/simple gone\nprint('never')")
    assert failed.error["ename"] == "InstallFailed"
    assert "127.0.0.1:9009 cannot be reached" in failed.error["evalue"]
    assert failed.stream() == ""
    found.restart()
    assert found.run("import mine").error["ename"] == "ModuleNotFoundError"
