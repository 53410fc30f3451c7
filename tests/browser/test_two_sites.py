"""Two sites of one origin, as `user.github.io/a/` and `/b/` are: each has files of its own."""

from __future__ import annotations

import pytest

from tests.browser.conftest import make_site

pytestmark = [pytest.mark.browser]

# What every site of an origin wrote into, once; as such a page made it.
BEFORE = """() => new Promise((resolve, reject) => {
  const request = indexedDB.open('lite-env drive', 1);
  request.onerror = () => reject(request.error);
  request.onupgradeneeded = () => {
    const { result: db, transaction } = request;
    db.createObjectStore('entries', { keyPath: 'path' }).createIndex('parent', 'parent');
    db.createObjectStore('bodies', { autoIncrement: true }).put(new TextEncoder().encode('of before'), 1);
    const time = '2026-01-01T00:00:00.000Z';
    const entry = { parent: '', created: time, modified: time };
    transaction.objectStore('entries').put({ ...entry, path: 'kept', type: 'file', size: 9, body: 1 });
    transaction.objectStore('entries').put({ ...entry, path: 'gone', type: 'file', size: 0, body: null });
  };
  request.onsuccess = () => { request.result.close(); resolve(); };
})"""


@pytest.fixture(scope="module")
def two_sites(tmp_path_factory, numpy_pack):
    root = tmp_path_factory.mktemp("two")
    for name in ("a", "b"):
        make_site(root / name, numpy_pack)
    return root


@pytest.mark.slow
def test_each_site_has_its_files_and_those_of_before(console, serve, two_sites):
    server = serve(two_sites)
    console.page.goto(f"{server.url}nothing")
    console.page.evaluate(BEFORE)
    console.open(f"{server.url}a/index.html")
    assert console.text("print(open('/drive/kept').read())") == "of before\n"
    console.text("import os\nopen('/drive/kept', 'w').write('of a'); open('/drive/only a', 'w').close()")
    console.text("os.unlink('/drive/gone')")
    # The other one never sees that.
    console.open(f"{server.url}b/index.html")
    shown = "import os\nprint(open('/drive/kept').read(), sorted(os.listdir('/drive')))"
    assert console.text(shown) == "of before ['gone', 'kept']\n"
    console.text("open('/drive/kept', 'w').write('of b')")
    # And what was removed does not come back.
    console.open(f"{server.url}a/index.html")
    assert console.text(shown) == "of a ['kept', 'only a']\n"
    console.page.get_by_text("Files on /drive").click()
    console.page.get_by_role("button", name="only a").first.wait_for()
