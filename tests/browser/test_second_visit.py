"""What a browser keeps of a site: requests are counted at the server, and the server really dies."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from lite_env.pack.reader import read_manifest
from tests.browser.conftest import CELL_MS, SOON_MS, Console, launch_options, make_site

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]
NUMPY = "import numpy; print(numpy.arange(3))"
# No trace saw it: its archive is read while the kernel waits.
UNTRACED = "import tomllib; print('there')"
HASHED = re.compile(r"[0-9a-f]{16,64}")


def manifest_of(pack) -> str:
    return f"/packs/{read_manifest(pack).environment.name}/manifest.json"


def plain_modules(pack) -> dict[str, str]:
    """Where the browser keeps each kernel's module without its compression, by the path of its file."""
    folder = f"/packs/{read_manifest(pack).environment.name}/"
    files = [file for kernel in read_manifest(pack).kernels for file in kernel.files if file.role == "wasm"]
    return {folder + file.path: f"{folder}{PurePosixPath(file.path).parent}/{file.digest}.wasm" for file in files}


def packed(server, pack) -> set[str]:
    """What of a pack was asked for, by where it is kept."""
    plain = plain_modules(pack)
    return {plain.get(path, path) for path in server.requests if path.startswith("/packs/")}


def test_the_second_visit_moves_nothing_but_the_manifest(console, serve, numpy_site, numpy_pack):
    server = serve(numpy_site)
    console.open(server.url)
    assert console.text(NUMPY) == "[0 1 2]\n"
    first = Counter(path for path in server.requests if HASHED.search(path))
    console.wait_until_kept(*packed(server, numpy_pack))
    assert {path: count for path, count in first.items() if count > 1} == {}

    server.requests.clear()
    console.reload()
    assert console.text(NUMPY) == "[0 1 2]\n"
    # Browsers look themselves whether there is a newer service worker.
    assert [path for path in server.requests if path != "/sw.js"] == [manifest_of(numpy_pack)]

    server.stop()
    console.reload()
    assert console.text(NUMPY) == "[0 1 2]\n"
    assert console.problems() == []
    # In another tab as well.
    other = Console(console.page.context.new_page()).open(server.url)
    assert other.text(NUMPY) == "[0 1 2]\n"


@pytest.mark.slow
def test_only_what_was_needed_is_kept_and_no_request_is_a_second_one(console, serve, numpy_site, numpy_pack):
    server = serve(numpy_site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(numpy_pack))
    before = set(console.kept())
    console.text(NUMPY)
    console.wait_until_kept(*packed(server, numpy_pack))
    assert set(console.kept()) == packed(server, numpy_pack)
    assert set(console.kept()) > before


def test_a_file_that_was_never_needed_is_an_error_with_the_server_dead(console, serve, numpy_site, numpy_pack):
    server = serve(numpy_site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(numpy_pack))
    server.stop()
    console.reload()
    result = console.execute(NUMPY)
    assert result["status"] == "error"
    problem = console.problem("NetworkFailed")
    assert problem["file"].startswith("archives/")
    assert "Retry" not in console.page.locator(".problems").inner_text()
    server.start()
    assert console.text(NUMPY) == "[0 1 2]\n"


def deploy_anew(site) -> None:
    """Another build of the same page: as `lite-env site` makes it of another runtime."""
    index, worker = site / "index.html", site / "sw.js"
    index.write_text(index.read_text().replace("<title>", "<title>New: "))
    first, rest = worker.read_text().split("\n", 1)
    info = json.loads(first.removeprefix("self.liteEnvSite = ").rstrip(";"))
    info["build"] = "0123456789abcdef"
    worker.write_text(f"self.liteEnvSite = {json.dumps(info)};\n{rest}")


def page_caches(console: Console) -> list[str]:
    return console.page.evaluate("async () => (await caches.keys()).filter(name => name.startsWith('lite-env-page'))")


def test_a_new_deployment_is_taken_over_at_once_where_nothing_ran(console, serve, lua_pack, tmp_path):
    site = make_site(tmp_path / "site", lua_pack, drive="none")
    server = serve(site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(lua_pack))
    assert len(page_caches(console)) == 1
    deploy_anew(site)
    console.page.reload()
    console.page.wait_for_function("() => document.title.startsWith('New: ')")
    console.ready()
    assert page_caches(console) == ["lite-env-page / 0123456789abcdef"]
    assert console.text("print(1)").strip() == "1"
    server.stop()
    console.reload()
    assert console.page.title().startswith("New: ")


def test_a_new_deployment_is_offered_where_something_ran(console, serve, lua_pack, tmp_path):
    site = make_site(tmp_path / "site", lua_pack, drive="none")
    console.open(serve(site).url)
    console.wait_until_kept(manifest_of(lua_pack))
    console.text("x = 1")
    deploy_anew(site)
    console.page.evaluate("async () => { await (await navigator.serviceWorker.getRegistration()).update() }")
    console.page.get_by_text("A new version of this page is ready").wait_for()
    assert console.text("print(x)").strip() == "1"
    with console.page.expect_navigation():
        console.page.get_by_role("button", name="Reload").click()
    console.ready()
    assert console.page.title().startswith("New: ")


def test_a_deployment_that_is_incomplete_does_not_take_over(console, serve, lua_pack, tmp_path):
    site = make_site(tmp_path / "site", lua_pack, drive="none")
    server = serve(site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(lua_pack))
    deploy_anew(site)
    (site / "index.html").unlink()
    console.page.evaluate(
        "async () => { try { await (await navigator.serviceWorker.getRegistration()).update() } catch {} }"
    )
    console.page.wait_for_timeout(500)
    server.stop()
    console.reload()
    assert console.text("print(1)").strip() == "1"


def test_entries_of_the_pack_before_are_dropped(console, serve, lua_pack, numpy_pack, tmp_path):
    site = make_site(tmp_path / "site", lua_pack, numpy_pack)
    console.open(serve(site).url)
    console.wait_until_kept(manifest_of(lua_pack))
    folder = f"/packs/{read_manifest(lua_pack).environment.name}/"
    stale = f"{folder}archives/{'0' * 64}.tar.zst"
    other = f"/packs/{read_manifest(numpy_pack).environment.name}/archives/{'0' * 64}.tar.zst"
    console.page.evaluate(
        "async paths => { for (const path of paths)"
        " await (await caches.open('lite-env')).put(path, new Response('of an earlier deployment')) }",
        [stale, other],
    )
    console.reload()
    console.until(lambda: stale not in console.kept())
    assert other in console.kept()


@pytest.mark.slow
def test_two_packs_of_a_site_are_kept_side_by_side(console, serve, lua_pack, numpy_pack, tmp_path):
    server = serve(make_site(tmp_path / "site", lua_pack, numpy_pack))
    names = [read_manifest(pack).environment.name for pack in (lua_pack, numpy_pack)]
    for name, pack in zip(names, (lua_pack, numpy_pack), strict=True):
        console.page.goto("about:blank")
        console.open(f"{server.url}#{name}")
        console.wait_until_kept(manifest_of(pack))
    server.stop()
    for name, code, said in zip(names, ("print(2)", "print(3)"), ("2", "3"), strict=True):
        console.page.goto("about:blank")
        console.open(f"{server.url}#{name}")
        assert console.text(code).strip() == said


@pytest.mark.slow
def test_a_full_disk_is_survived_and_said(console, serve, numpy_site):
    server = serve(numpy_site)
    session = console.page.context.new_cdp_session(console.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": server.url.rstrip("/"), "quotaSize": 2_000_000})
    console.open(server.url)
    problem = console.problem("StorageRefused")
    assert "Quota" in problem["reason"]
    assert "free space" in problem["hint"]
    assert console.text(NUMPY) == "[0 1 2]\n"
    assert console.problems() == ["StorageRefused"]
    console.reload()
    assert console.text(NUMPY) == "[0 1 2]\n"


@pytest.fixture
def forbidding(playwright, tmp_path):
    """A browser whose user forbids all sites to store data."""
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    preferences = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
    context = playwright.chromium.launch_persistent_context(profile, **launch_options())
    yield Console(context.pages[0])
    context.close()


def test_blocked_storage_is_survived_and_said(forbidding, serve, lua_site):
    console = forbidding.open(serve(lua_site).url)
    assert console.page.evaluate("(() => { try { return localStorage.length } catch (e) { return e.name } })()") == (
        "SecurityError"
    )
    for name in ("NoServiceWorker", "StorageRefused"):
        problem = console.problem(name)
        assert "allow this site to store data" in problem["hint"]
    assert console.text("print(1)").strip() == "1"
    console.editor.fill("x")
    console.editor.press("Control+Enter")
    console.editor.press("ArrowUp")
    assert console.editor.input_value() == "x"


def test_a_plain_http_address_works_and_says_what_it_lacks(console, serve, lua_site):
    server = serve(lua_site)
    console.open(server.url.replace("127.0.0.1", "lan.test"))
    assert console.page.evaluate("isSecureContext") is False
    problem = console.problem("NoServiceWorker", timeout=SOON_MS)
    assert "plain http" in problem["reason"]
    assert "https" in problem["hint"]
    assert console.text("print(1)").strip() == "1"
    assert console.problems() == ["NoServiceWorker"]


def wrong(answer):
    """Bytes of the right number that are not those of the pack."""
    return replace(answer, body=bytes(len(answer.body)))


@pytest.mark.slow
def test_a_wrong_answer_that_is_called_immutable_does_not_stay(console, serve, numpy_site, numpy_pack):
    server = serve(numpy_site)
    server.faults = dict.fromkeys((".wasm.zst", ".js.zst"), wrong)
    console.open(server.url, ready=False)
    console.problem("HashMismatch", timeout=CELL_MS)
    server.faults.clear()
    console.reload()
    assert console.text("print(1)") == "1\n"
    console.wait_until_kept(manifest_of(numpy_pack))


@pytest.mark.slow
def test_a_wrong_archive_of_a_blocking_read_does_not_stay(console, serve, numpy_site, numpy_pack):
    server = serve(numpy_site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(numpy_pack))
    server.faults[".tar.zst"] = wrong
    for _attempt in range(2):
        assert console.execute(UNTRACED)["status"] == "error"
    console.problem("HashMismatch")
    server.faults.clear()
    assert console.text(UNTRACED) == "there\n"
    # What the HTTP cache held is not what the next visit finds.
    server.stop()
    console.until(lambda: any("/archives/" in path for path in console.kept()))
    console.page.wait_for_timeout(1000)
    console.reload()
    assert console.text(UNTRACED) == "there\n"


def worker_of(site) -> str:
    (worker,) = site.glob("runtime/*/worker.js")
    return f"/{worker.relative_to(site).as_posix()}"


def fallback(answer):
    """The start page of a host in the place of a file, which it calls immutable."""
    return replace(answer, body=b"<!doctype html><p>start page of the host", type="text/html")


@pytest.mark.slow
@pytest.mark.parametrize("file", ["worker.js", "page.js"])
@pytest.mark.parametrize("secure", [True, False], ids=["https", "plain http"])
def test_a_wrong_file_of_the_page_does_not_stay(console, serve, lua_site, file, secure):
    server = serve(lua_site)
    url = server.url if secure else server.url.replace("127.0.0.1", "lan.test")
    server.faults[file] = fallback
    console.open(url, ready=False)
    console.page.get_by_role("alert").first.wait_for()
    if secure and file == "worker.js":  # The page's own script lets the page's files be kept, and this one is wrong.
        console.page.wait_for_timeout(1000)
        is_kept = "async file => (await caches.match(file)) !== undefined"
        assert not console.page.evaluate(is_kept, worker_of(lua_site))
    server.faults.clear()
    console.page.goto("about:blank")
    console.open(url)
    assert console.text("print(1)").strip() == "1"
    assert "KernelFailed" not in console.problems()


@pytest.mark.slow
@pytest.mark.parametrize("file", ["worker.js", "page.js"])
def test_a_wrong_file_of_the_page_that_is_kept_is_replaced(console, serve, lua_site, lua_pack, file):
    server = serve(lua_site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(lua_pack))
    (name,) = page_caches(console)
    console.page.evaluate(
        """async ([name, file]) => {
          const cache = await caches.open(name);
          const kept = (await cache.keys()).filter(({ url }) => url.endsWith(file));
          const page = () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } });
          await Promise.all(kept.map(request => cache.put(request, page())));
        }""",
        [name, f"/{file}"],
    )
    console.page.goto("about:blank")
    console.open(server.url)
    server.stop()
    console.reload()
    assert console.text("print(1)").strip() == "1"


REDEPLOYED = {
    404: "a newer version was deployed while this page was open",
    403: "a newer version was deployed while this page was open",  # As hosts answer that list nothing.
}


@pytest.mark.slow
@pytest.mark.parametrize("status", REDEPLOYED)
def test_an_import_in_an_open_tab_after_a_redeploy_says_so(console, serve, numpy_site, numpy_pack, status):
    server = serve(numpy_site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(numpy_pack))
    server.faults[".tar.zst"] = lambda answer: replace(answer, body=b"", status=status, type="application/xml")
    server.faults["manifest.json"] = lambda answer: replace(answer, body=answer.body + b"\n")
    assert console.execute(UNTRACED)["status"] == "error"
    problem = console.problem("Redeployed")
    assert REDEPLOYED[status] in problem["reason"]
    server.faults.clear()
    with console.page.expect_navigation():
        console.page.locator('.problem[data-name="Redeployed"]').get_by_role("button", name="Reload").click()
    console.ready()
    assert console.text(UNTRACED) == "there\n"


def damage(console: Console, path: str) -> None:
    """Turn what is kept there into something else of the same size."""
    console.page.evaluate(
        """async path => {
          const cache = await caches.open('lite-env');
          const kept = await cache.match(path);
          const size = (await kept.arrayBuffer()).byteLength;
          await cache.put(path, new Response(new Uint8Array(size), { headers: kept.headers }));
        }""",
        path,
    )


@pytest.mark.slow
def test_a_kept_archive_that_is_damaged_is_replaced_by_a_blocking_read(console, serve, numpy_site, numpy_pack):
    server = serve(numpy_site)
    console.open(server.url)
    console.wait_until_kept(manifest_of(numpy_pack))
    before = set(console.kept())
    assert console.text(UNTRACED) == "there\n"
    console.until(lambda: set(console.kept()) > before)
    (archive,) = set(console.kept()) - before
    damage(console, archive)
    server.requests.clear()
    console.reload()
    assert console.text(UNTRACED) == "there\n"
    assert server.requests.count(archive) == 1
    console.wait_until_kept(archive)
    console.page.wait_for_timeout(1000)
    server.stop()
    console.reload()
    assert console.text(UNTRACED) == "there\n"


EMPTY_MODULE = b"\0asm\1\0\0\0"


def size_of(console: Console, path: str) -> int:
    """Bytes of what is kept there."""
    return console.page.evaluate(
        "async path => (await (await (await caches.open('lite-env')).match(path))?.arrayBuffer())?.byteLength ?? 0",
        path,
    )


def answers_of(console: Console, path: str) -> list[bool]:
    """For each answer with a module at `path` from now on: whether the service worker gave it."""
    found: list[bool] = []

    def note(response) -> None:
        if response.url.endswith(path):
            found.append(response.from_service_worker)

    console.page.on("response", note)
    return found


@pytest.mark.slow
def test_the_module_is_compiled_from_the_service_workers_answer(console, serve, numpy_site, numpy_pack):
    ((packed_path, plain),) = plain_modules(numpy_pack).items()
    server = serve(numpy_site)
    # One that is restored has its module with it.
    console.open(f"{server.url}?snapshot=off")
    console.until(lambda: {manifest_of(numpy_pack), plain} <= set(console.kept()))
    assert packed_path not in console.kept()
    answers = answers_of(console, plain)
    console.reload()
    assert answers == [True]
    assert plain not in server.requests
    # Another one is never run, however well it would compile, and the right one is asked for and kept again.
    console.page.evaluate(
        """async ([path, bytes]) => {
          const headers = { 'content-type': 'application/wasm' };
          await (await caches.open('lite-env')).put(path, new Response(new Uint8Array(bytes), { headers }));
        }""",
        [plain, list(EMPTY_MODULE)],
    )
    asked = answers_of(console, packed_path)
    console.reload()
    assert console.text("print(1)") == "1\n"
    assert len(asked) == 1
    console.until(lambda: size_of(console, plain) > len(EMPTY_MODULE))
    server.stop()
    console.reload()
    assert console.text("print(1)") == "1\n"


FOREIGN = """\
addEventListener('install', () => skipWaiting());
addEventListener('activate', event => event.waitUntil(clients.claim()));
addEventListener('fetch', event => event.respondWith(fetch(event.request)));
"""


@pytest.mark.slow
def test_a_service_worker_of_somebody_else_is_no_hindrance(console, serve, numpy_pack, tmp_path):
    (plain,) = plain_modules(numpy_pack).values()
    site = make_site(tmp_path / "site", numpy_pack, drive="none")
    (site / "sw.js").write_text(FOREIGN)
    server = serve(site)
    console.open(server.url)
    console.until(lambda: {manifest_of(numpy_pack), plain} <= set(console.kept()))
    console.page.wait_for_function("() => navigator.serviceWorker.controller")
    server.requests.clear()
    console.reload()
    assert console.text("print(1)") == "1\n"
    assert {path for path in server.requests if path.startswith("/packs/")} == {manifest_of(numpy_pack)}
