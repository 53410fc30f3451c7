from __future__ import annotations

import hashlib
import json
import re

import pytest

from lite_env.errors import SiteError
from lite_env.site.environments import read_environments
from lite_env.site.page import make_page, page_config
from lite_env.site.runtime import read_runtime
from tests.sites import RUNTIME, TEMPLATE, make_runtime


@pytest.fixture
def environments(pack):
    return read_environments([pack])


def config_of(index: bytes):
    text = re.search(rb'id="lite-env-config">(.*?)</script>', index, re.DOTALL)[1]
    return json.loads(text)


def test_the_page_names_everything_by_relative_urls(environments, runtime):
    found = read_runtime(runtime)
    page = make_page(environments, found, drive="browser")
    assert config_of(page.index) == {
        "environments": [
            {
                "name": "demo",
                "manifest": "packs/demo/manifest.json",
                "kernels": [{"name": "toy", "display_name": "Toy", "language": "toy", "worker": "classic"}],
            }
        ],
        "runtime": f"runtime/{found.digest}/",
        "drive": {"kind": "browser", "name": ""},
        "serviceWorker": "sw.js",
    }
    assert f'src="runtime/{found.digest}/page.js"'.encode() in page.index
    assert re.findall(rb'(?:src|href)="(?:/|[a-z]+:)', page.index) == []


@pytest.mark.parametrize(
    ("drive", "expected"),
    [("server", {"kind": "server", "url": "api/drive", "name": ""}), ("none", {"kind": "none"})],
)
def test_the_page_knows_where_the_drive_is(environments, runtime, drive, expected):
    assert page_config(environments, read_runtime(runtime), drive=drive)["drive"] == expected


def test_the_page_knows_of_snapshots_where_they_are_off(environments, runtime):
    found = read_runtime(runtime)
    assert "snapshots" not in page_config(environments, found, drive="none")
    assert page_config(environments, found, drive="none", snapshots=False)["snapshots"] is False
    off = make_page(environments, found, drive="none", snapshots=False)
    assert off.build != make_page(environments, found, drive="none").build


def test_names_cannot_break_out_of_the_page(pack, runtime):
    manifest = pack / "manifest.json"
    display = "</script><script>alert(1)</script><!-- {{title}}"
    text = manifest.read_text("utf-8").replace('"Toy"', json.dumps(display)).replace('"demo"', '"a & b"')
    manifest.write_text(text, "utf-8")
    index = make_page(read_environments([pack]), read_runtime(runtime), drive="none").index
    assert index.count(b"<script") == TEMPLATE.count("<script")
    assert b"<title>a &amp; b</title>" in index
    assert config_of(index)["environments"][0]["kernels"][0]["display_name"] == display


def test_the_service_workers_first_line_tells_the_deployment(environments, runtime):
    found = read_runtime(runtime)
    page = make_page(environments, found, drive="browser")
    first, _, rest = page.service_worker.decode().partition("\n")
    assert rest == RUNTIME["sw.js"]
    site = json.loads(first.removeprefix("self.liteEnvSite = ").removesuffix(";"))
    assert site["build"] == page.build
    assert site["drive"] == "browser"
    assert site["runtime"] == f"runtime/{found.digest}/"
    assert site["runtime"] in page.index.decode()
    # Not the installer: it is loaded when it is used.
    names = ("chunks/storage-ABCD.js", "lite-env.mjs", "page.css", "page.js", "worker.js")
    digests = {f"runtime/{found.digest}/{name}": hashlib.sha256(RUNTIME[name].encode()).hexdigest() for name in names}
    assert site["files"] == {"./": None} | digests


def test_the_build_changes_with_page_and_runtime(environments, runtime, tmp_path):
    page = make_page(environments, read_runtime(runtime), drive="browser")
    assert make_page(environments, read_runtime(runtime), drive="browser") == page
    other = read_runtime(make_runtime(tmp_path / "other", worker="// fixed"))
    assert make_page(environments, other, drive="browser").build != page.build
    assert make_page(environments, read_runtime(runtime), drive="none").build != page.build


def test_a_template_of_another_version_is_refused(environments, tmp_path):
    runtime = read_runtime(make_runtime(tmp_path / "dist", index="{{news}}"))
    with pytest.raises(SiteError, match=r"has '\{\{news\}\}', which lite-env does not know"):
        make_page(environments, runtime, drive="none")


def test_the_runtime_is_all_that_a_browser_needs_under_one_digest(runtime, tmp_path):
    found = read_runtime(runtime)
    assert [file.path for file in found.files] == [
        "chunks/storage-ABCD.js",
        "installer.js",
        "lite-env.mjs",
        "page.css",
        "page.js",
        "worker.js",
    ]
    assert re.fullmatch("[0-9a-f]{16}", found.digest)
    assert read_runtime(make_runtime(tmp_path / "same")).digest == found.digest
    assert read_runtime(make_runtime(tmp_path / "other", worker="x")).digest != found.digest
    (tmp_path / "same" / "page.js").rename(tmp_path / "same" / "page2.js")
    (tmp_path / "same" / "page.js").write_text("")
    assert read_runtime(tmp_path / "same").digest != found.digest


def test_a_runtime_without_page_is_refused(runtime):
    (runtime / "page.js").unlink()
    (runtime / "sw.js").unlink()
    with pytest.raises(SiteError, match=r"has no page: sw\.js, page\.js missing") as caught:
        read_runtime(runtime)
    assert caught.value.context == (("folder", str(runtime)),)
