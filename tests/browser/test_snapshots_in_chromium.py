"""Snapshots on the page: made after the first visit, used by the second, and never in the way."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.site.build import write_site
from lite_env.site.plan import SiteOptions, plan_site
from tests.browser.conftest import Console, make_site

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
RESTORED = "the kernel was restored from a snapshot"
SHIPPED = "the kernel was restored from the pack's snapshot"
KEPT = "the next start takes a snapshot of this kernel"
NOT_USED = "the kernel's snapshot is not used"
NOT_KEPT = "no snapshot of this kernel is kept"
NUMPY = "import numpy; print(numpy.arange(3))"
FOLDER = "lite-env-snapshots"
NAMES = f"""async () => {{
  const root = await navigator.storage.getDirectory();
  const names = [];
  try {{
    for await (const name of (await root.getDirectoryHandle('{FOLDER}')).keys()) names.push(name);
  }} catch {{}}
  return names;
}}"""
DAMAGE = f"""async () => {{
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('{FOLDER}');
  for await (const [name, handle] of folder.entries()) {{
    if (!name.endsWith('.snapshot')) continue;
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    bytes[2_000_000] ^= 1;
    const writable = await handle.createWritable();
    await writable.write(bytes);
    await writable.close();
  }}
}}"""
TRIED = f"""async () => {{
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('{FOLDER}');
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  await folder.getFileHandle(names[0].replace(/[.][a-z]+$/, '~gone.tried'), {{ create: true }});
}}"""

# Of 60 MB each, the notes of their use with that text.
FILL = f"""async notes => {{
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('{FOLDER}');
  const write = async (name, act) => {{
    const writable = await (await folder.getFileHandle(name, {{ create: true }})).createWritable();
    await act(writable);
    await writable.close();
  }};
  for (const [name, note] of Object.entries(notes)) {{
    await write(`${{name}}.snapshot`, writable => writable.truncate(60e6));
    if (note !== null) await write(`${{name}}.used`, writable => writable.write(note));
  }}
}}"""


class Watched(Console):
    """A console that remembers what the runtime logs."""

    def __init__(self, context: BrowserContext) -> None:
        page = context.new_page()
        super().__init__(page)
        self.log: list[str] = []
        page.on("console", lambda message: self.log.append(message.text))

    def said(self, text: str) -> bool:
        return any(text in line for line in self.log)

    def wait_for(self, text: str) -> None:
        self.until(lambda: self.said(text))

    def names(self) -> list[str]:
        return sorted(self.page.evaluate(NAMES))

    def kinds(self) -> list[str]:
        return sorted(name.rpartition(".")[2] for name in self.names())

    def again(self) -> Watched:
        self.log.clear()
        self.reload()
        return self


@pytest.fixture
def watched(context) -> Watched:
    return Watched(context)


@pytest.fixture
def kept(watched, serve, numpy_site) -> Watched:
    """A page whose kernel has left a snapshot."""
    watched.open(serve(numpy_site).url)
    watched.wait_for(KEPT)
    assert watched.kinds() == ["snapshot", "used"]
    return watched


def test_the_second_visit_is_restored_and_computes(kept):
    kept.again()
    assert kept.said(RESTORED), kept.log
    assert kept.text(NUMPY) == "[0 1 2]\n"
    assert kept.text("open('x.txt', 'w').write('there'); print(open('x.txt').read())").endswith("there\n")
    assert kept.problems() == []
    # It is not made again, and the next one is restored, too.
    assert not kept.said(KEPT)
    assert kept.again().said(RESTORED)
    assert kept.kinds() == ["snapshot", "used"]


@pytest.fixture(scope="module")
def shipped_site(tmp_path_factory, shipped_pack) -> Path:
    return make_site(tmp_path_factory.mktemp("shipped") / "site", shipped_pack)


def test_with_the_packs_own_the_first_visit_is_restored_and_the_next_takes_the_visitors(watched, serve, shipped_site):
    server = serve(shipped_site)
    watched.open(server.url)
    watched.wait_for(KEPT)
    assert watched.said(SHIPPED), watched.log
    asked = list(server.requests)
    assert not any("/archives/" in path for path in asked), asked
    assert sum("/snapshot-" in path for path in asked) == 1
    assert watched.text(NUMPY) == "[0 1 2]\n"
    assert watched.problems() == []
    assert watched.kinds() == ["snapshot", "used"]
    watched.again()
    assert watched.said(RESTORED), watched.log
    assert watched.text(NUMPY) == "[0 1 2]\n"


@pytest.mark.slow
def test_a_damaged_one_of_the_pack_costs_nothing_but_its_use(watched, serve, shipped_site, tmp_path):
    site = shutil.copytree(shipped_site, tmp_path / "site")
    (snapshot,) = site.glob("packs/*/kernels/*/snapshot-*")
    snapshot.write_bytes(snapshot.read_bytes()[:-1] + b"x")
    watched.open(serve(site).url)
    watched.wait_for(KEPT)
    assert any(NOT_USED in line and "wrong content" in line for line in watched.log), watched.log
    assert watched.text(NUMPY) == "[0 1 2]\n"
    assert watched.again().said(RESTORED)


@pytest.mark.slow
def test_a_restart_restores(kept):
    kept.log.clear()
    kept.page.get_by_role("button", name="Restart").click()
    kept.wait_for(RESTORED)
    assert kept.text("print('x' in globals(), 1 + 1)") == "False 2\n"


@pytest.mark.slow
def test_a_cell_that_comes_first_leaves_no_snapshot(watched, serve, numpy_site):
    watched.open(serve(numpy_site).url)
    assert watched.text("secret = 42; print(secret)") == "42\n"
    watched.page.wait_for_timeout(2000)
    assert not watched.said(KEPT)
    assert watched.names() == []


@pytest.mark.slow
def test_snapshot_off_starts_plainly_and_keeps_nothing(watched, serve, numpy_site):
    server = serve(numpy_site)
    watched.open(f"{server.url}?snapshot=off")
    watched.page.wait_for_timeout(2000)
    assert watched.names() == []
    watched.open(server.url)
    watched.wait_for(KEPT)
    watched.log.clear()
    watched.open(f"{server.url}?snapshot=off")
    assert watched.text("print(1)") == "1\n"
    assert not watched.said(RESTORED)


@pytest.mark.slow
def test_a_site_without_snapshots_has_none(watched, serve, numpy_pack, tmp_path):
    options = SiteOptions(snapshots=False)
    write_site(plan_site([numpy_pack], tmp_path / "site", options, runtime=runtime_dir()))
    watched.open(serve(tmp_path / "site").url)
    watched.page.wait_for_timeout(2000)
    assert watched.names() == []
    watched.again()
    assert watched.text(NUMPY) == "[0 1 2]\n"
    assert not watched.said(RESTORED)


@pytest.mark.parametrize(("harm", "why"), [(DAMAGE, "it is damaged"), (TRIED, "never came to its end")])
def test_a_damaged_one_and_one_that_crashed_end_in_a_plain_start(kept, harm, why):
    kept.page.evaluate(harm)
    kept.again()
    assert kept.said(NOT_USED)
    assert kept.said(why)
    assert kept.problems() == []
    kept.wait_for(KEPT)
    assert kept.again().said(RESTORED)
    assert kept.text(NUMPY) == "[0 1 2]\n"


@pytest.mark.slow
def test_several_tabs_use_one_at_once(kept, context):
    others = [Watched(context) for _ in range(2)]
    for other in others:
        other.page.goto(kept.page.url)
    for other in others:
        other.ready()
        assert other.said(RESTORED), other.log
        assert other.text(NUMPY) == "[0 1 2]\n"
    assert kept.again().said(RESTORED)


@pytest.mark.slow
def test_it_is_restored_with_the_server_dead(watched, serve, numpy_site):
    server = serve(numpy_site)
    watched.open(server.url)
    watched.wait_for(KEPT)
    watched.wait_until_kept("/packs/numpy-demo/manifest.json")
    server.stop()
    assert watched.again().said(RESTORED)
    # Files of the start itself are kept, too, whether the restored kernel needs them or not.
    assert watched.text("import json; print(json.dumps([1]))") == "[1]\n"


@pytest.mark.slow
def test_without_a_private_file_system_the_cache_has_it(watched, serve, numpy_site, tmp_path):
    site = shutil.copytree(numpy_site, tmp_path / "site")
    for script in site.glob("**/worker.js"):
        script.write_text("delete StorageManager.prototype.getDirectory;\n" + script.read_text())
    watched.open(serve(site).url)
    watched.wait_for(KEPT)
    assert watched.names() == []
    kept = "async () => (await (await caches.open('lite-env-snapshots')).keys()).map(({ url }) => url)"
    assert sorted(url.rpartition(".")[2] for url in watched.page.evaluate(kept)) == ["snapshot", "used"]
    assert watched.again().said(RESTORED)
    assert watched.text(NUMPY) == "[0 1 2]\n"


@pytest.mark.slow
def test_a_full_disk_costs_the_snapshot_alone(context, serve, numpy_site):
    watched = Watched(context)
    server = serve(numpy_site)
    session = context.new_cdp_session(watched.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": server.url.rstrip("/"), "quotaSize": 1_000_000})
    watched.open(server.url)
    watched.wait_for(NOT_KEPT)
    assert watched.text(NUMPY) == "[0 1 2]\n"
    assert not any(name.endswith(".snapshot") for name in watched.names())


@pytest.mark.slow
@pytest.mark.parametrize("note", ["1000", "damaged", "9" * 40, None])
def test_at_most_80_mb_of_one_environment_are_kept_and_250_of_an_origin_the_last_used(kept, note):
    """Each of the others has 60 MB, ours some 41; by names and by when they were written the third is in the middle."""
    own = next(name for name in kept.names() if name.endswith(".snapshot"))
    place, pack, _ = own.split("-")
    others = [f"{number:016x}-{number:016x}-{number:032x}" for number in range(4)]
    sibling = f"{place}-{pack}-{9:032x}"
    used = dict(zip(others, ["4000", "3000", note, "2000"], strict=True))
    kept.page.evaluate(FILL, {**used, sibling: "5000"})
    kept.page.evaluate(DAMAGE.replace("name.endsWith('.snapshot')", f"name === '{own}'"))
    kept.again()
    kept.wait_for(KEPT)
    left = {name.partition(".")[0] for name in kept.names()}
    assert left == {own.partition(".")[0], others[0], others[1], others[3]}
    assert kept.again().said(RESTORED)


@pytest.mark.slow
def test_a_use_is_noted_so_that_another_one_goes(kept):
    own = next(name for name in kept.names() if name.endswith(".snapshot"))
    noted = """async name => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('lite-env-snapshots');
      return Number(await (await (await folder.getFileHandle(name)).getFile()).text());
    }"""
    times = [kept.page.evaluate(noted, own.replace(".snapshot", ".used"))]
    for _ in range(2):
        assert kept.again().said(RESTORED)
        kept.text("1")
        times.append(kept.page.evaluate(noted, own.replace(".snapshot", ".used")))
    now = kept.page.evaluate("Date.now()")
    assert now - 60_000 < times[0] < times[1] < times[2] <= now


@pytest.mark.slow
def test_sites_of_one_origin_have_their_own(context, serve, numpy_site, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(numpy_site, tmp_path / name)
    server = serve(tmp_path)
    first, second = (Watched(context) for _ in range(2))
    first.open(f"{server.url}one/")
    first.wait_for(KEPT)
    second.open(f"{server.url}two/")
    assert not second.said(RESTORED)
    second.again().wait_for(KEPT)
    assert len([name for name in first.names() if name.endswith(".snapshot")]) == 2
    for tab in (first, second):
        assert tab.again().said(RESTORED)
        assert tab.text(NUMPY) == "[0 1 2]\n"
