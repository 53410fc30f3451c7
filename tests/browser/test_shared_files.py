"""Two environments of one site that have packages in common, in a real Chromium: what is shared is asked for once."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from lite_env.pack.plan import plan_pack
from lite_env.pack.writer import write_pack
from lite_env.prefix.reader import read_prefix
from tests.browser.conftest import file_of, make_site

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]


def without(prefix: Path, target: Path, package: str) -> Path:
    """The environment without a package."""
    shutil.copytree(prefix, target, symlinks=True)
    record = next((target / "conda-meta").glob(f"{package}-[0-9]*.json"))
    for name in json.loads(record.read_bytes())["files"]:
        (target / name).unlink(missing_ok=True)
    record.unlink()
    return target


@pytest.fixture(scope="module")
def site(tmp_path_factory, numpy_pack) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    prefix = numpy_pack.parent / "prefix"
    packs = []
    for name, environment in (("with", prefix), ("without", without(prefix, folder / "prefix", "numpy"))):
        write_pack(plan_pack(read_prefix(environment), name=name, level=3, order="packages"), folder / name)
        packs.append(folder / name)
    return make_site(folder / "site", *packs)


@pytest.mark.slow
def test_both_start_and_what_they_share_is_asked_for_once(console, serve, site):
    shared = {f"/files/{path.name}" for path in (site / "files").iterdir()}
    documents = {name: json.loads((site / f"packs/{name}/manifest.json").read_bytes()) for name in ("with", "without")}
    assert len(documents["without"]["shared"]) > len(documents["with"]["archives"]) / 2
    server = serve(site)
    console.open(f"{server.url}#with")
    assert console.text("import numpy; print(numpy.arange(3))") == "[0 1 2]\n"
    first = {path for path in server.requests if path.startswith("/files/")}
    # The start's rest may have come before the import: its archives are kept at the next.
    console.wait_until_kept("/packs/with/manifest.json", *(path for path in first if path.endswith(".tar.zst")))
    assert first <= shared
    assert len(first) > 3

    console.page.goto(f"{server.url}#without")
    console.reload()
    assert console.text("import sys; print('numpy' in sys.modules, sys.version_info[:2])") == "False (3, 11)\n"
    console.wait_until_kept("/packs/without/manifest.json")
    assert console.problems() == []
    counts = Counter(path for path in server.requests if path.startswith(("/files/", "/packs/")))
    assert {path: count for path, count in counts.items() if count > 1 and not path.endswith("/manifest.json")} == {}
    assert {path for path in counts if path.startswith("/files/")} <= shared
    assert first & set(console.kept())

    # With the server dead, from what the browser has kept.
    server.stop()
    console.reload()
    assert console.text("print(6 * 7)") == "42\n"
    console.page.goto(f"{server.url}#with")
    console.reload()
    assert console.text("import numpy; print(numpy.arange(3))") == "[0 1 2]\n"


def test_a_shared_file_that_is_missing_is_named(console, serve, site):
    server = serve(site)
    broken = file_of(site, "files/*.wasm.zst")
    server.faults[broken] = lambda answer: type(answer)(body=b"not found", status=404, type="text/plain")
    console.open(f"{server.url}#with", ready=False)
    problem = console.problem("FileMissing")
    assert problem["file"] == f"../../{broken}"
