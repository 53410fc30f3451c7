"""Files of the builder's machine, and the site's contents at `/files`, in a site that `jupyter lite build` made."""

from __future__ import annotations

import json

import pytest

from tests.browser.jupyterlite.applications import built_site
from tests.conftest import EXAMPLES
from tests.lite_cores import BEFORE, NEWEST

pytestmark = [
    pytest.mark.browser,
    pytest.mark.network,
    pytest.mark.node,
    pytest.mark.slow,
]
CHANNEL = EXAMPLES.parent / "channels" / "emscripten-forge-2023"
READ = "print(open({!r}).read())"


@pytest.mark.parametrize("version", [NEWEST, BEFORE])
def test_mounted_files_and_contents_come_when_they_are_read(version, tmp_path, serve, lab):
    lite = tmp_path / "lite"
    (lite / "data" / "deep").mkdir(parents=True)
    (lite / "data" / "deep" / "table.csv").write_text("a,b\n")
    (lite / "files").mkdir()
    (lite / "files" / "notes.txt").write_text("of the contents")
    text = f"name: mounted\nchannels:\n  - {CHANNEL}\ndependencies:\n  - xeus-python\n"
    (lite / "environment.yml").write_text(text)
    addon = {"mounts": ["data:/data"], "mount_contents": True}
    (lite / "jupyter_lite_config.json").write_text(json.dumps({"LiteEnvAddon": addon}))
    server = serve(built_site(lite, version=version), isolated=False)
    found = lab(server).open().notebook("xpython")
    assert found.text("print(1)").strip() == "1"
    before = archives(server)
    assert found.text(READ.format("/data/deep/table.csv")).strip() == "a,b"
    assert found.text(READ.format("/files/notes.txt")).strip() == "of the contents"
    assert archives(server) - before
    # They are a copy; the notebook's own folder is what the file browser shows.
    found.save("notes.txt", "changed")
    assert found.text(READ.format("/drive/notes.txt")).strip() == "changed"
    assert found.text(READ.format("/files/notes.txt")).strip() == "of the contents"


def archives(server) -> set[str]:
    return {path for path in server.requests if "/archives/" in path}
