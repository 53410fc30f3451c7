"""Notebooks that were saved for other kernels, the folders they are in, other drives, and what is saved."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlite.applications import make_lite

pytestmark = [pytest.mark.browser, pytest.mark.network]

NOTEBOOK = """async ([path, kernelspec, source]) => {
  const cell = { cell_type: 'code', id: 'a', source, metadata: {}, outputs: [], execution_count: null };
  const metadata = { kernelspec, language_info: { name: kernelspec.language } };
  const content = { nbformat: 4, nbformat_minor: 5, metadata, cells: [cell] };
  await jupyterapp.serviceManager.contents.save(path, { type: 'notebook', format: 'json', content });
}"""
OPEN = """async path => {
  const widget = await jupyterapp.commands.execute('docmanager:open', { path });
  await widget.context.ready;
  await widget.sessionContext.ready;
}"""
# A drive in the page's memory, as a second provider of contents adds one.
DRIVE = """() => {
  const { contents } = jupyterapp.serviceManager;
  const Signal = contents.fileChanged.constructor;
  const files = new Map([['', null], ['sub', null], ['there.txt', 'aGVyZQ==']]);
  const model = path => {
    if (!files.has(path)) throw new Error(`Could not find content with path ${path}`);
    const body = files.get(path), now = new Date().toISOString();
    const common = { name: path.split('/').pop(), path, created: now, last_modified: now, writable: true };
    const file = { ...common, type: 'file', format: 'base64', mimetype: '', content: body };
    if (body !== null) return { ...file, size: atob(body).length };
    const within = [...files.keys()].filter(key => key && key.split('/').slice(0, -1).join('/') === path);
    const content = within.map(key => ({ ...model(key), content: null }));
    return { ...common, type: 'directory', format: 'json', mimetype: '', content };
  };
  globalThis.testFiles = files;
  const drive = { name: 'Test', isDisposed: false, dispose() {}, serverSettings: {} };
  drive.fileChanged = new Signal(drive);
  drive.get = async path => model(path);
  drive.save = async (path, { content }) => { files.set(path, content); return model(path); };
  drive.delete = async path => void files.delete(path);
  contents.addDrive(drive);
}"""


@pytest.fixture(scope="module")
def two_pythons(tmp_path_factory, numpy_pack, other_pack):
    return make_lite(tmp_path_factory.mktemp("two") / "site", numpy_pack, other_pack, default_kernel="xpython (other)")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["python3", "some-environment"])
def test_a_notebook_of_another_kernel_opens_with_the_default_one_and_without_a_dialog(two_pythons, serve, lab, name):
    found = lab(serve(two_pythons)).open()
    kernelspec = {"name": name, "display_name": "Python 3", "language": "python"}
    found.page.evaluate(NOTEBOOK, ["old.ipynb", kernelspec, "print(1)"])
    found.page.evaluate(OPEN, "old.ipynb")
    assert found.kernel == "xpython (other)"
    assert found.dialogs == []
    assert found.text("print(2)") == "2\n"


@pytest.mark.slow
def test_a_notebook_of_a_language_that_is_not_here_still_asks(two_pythons, serve, lab):
    found = lab(serve(two_pythons)).open()
    found.page.evaluate(NOTEBOOK, ["old.ipynb", {"name": "ir", "display_name": "R", "language": "R"}, "1"])
    found.page.evaluate("jupyterapp.commands.execute('docmanager:open', { path: 'old.ipynb' })")
    (dialog,) = found.until(lambda: found.dialogs)
    assert "Select Kernel" in dialog


@pytest.mark.slow
def test_a_kernel_starts_in_the_folder_of_its_notebook(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite, isolated=False)).open()
    found.folder("deep")
    found.save("deep/data.csv", "a,b\n")
    found.notebook("xpython", "deep")
    assert found.text("import os; print(os.getcwd(), os.listdir(), open('data.csv').read())").startswith(
        "/drive/deep ["
    )
    found.text("open('made.txt', 'w').write('x')")
    assert found.read("deep/made.txt") == "x"
    # And what the file browser changes meanwhile is seen.
    found.save("deep/data.csv", "changed\n")
    found.save("deep/new.txt", "new")
    assert found.text("print(open('data.csv').read(), open('new.txt').read())") == "changed\n new\n"


@pytest.mark.parametrize("isolated", [True, False], ids=["isolated", "service worker"])
@pytest.mark.slow
def test_other_drives_of_the_site_are_reached_beside_the_default_one(numpy_lite, serve, lab, isolated):
    found = lab(serve(numpy_lite, isolated=isolated)).open()
    found.page.evaluate(DRIVE)
    found.notebook("xpython")
    assert found.text("import os; print('Test:' in os.listdir('/drive'))") == "True\n"
    assert found.text("print(open('/drive/Test:/there.txt').read(), sorted(os.listdir('/drive/Test:')))") == (
        "here ['sub', 'there.txt']\n"
    )
    found.text("open('/drive/Test:/sub/made.txt', 'w').write('made')")
    assert found.page.evaluate("atob(testFiles.get('sub/made.txt'))") == "made"


@pytest.mark.slow
def test_a_notebook_that_was_run_and_saved_holds_what_it_showed(numpy_lite, serve, lab):
    found = lab(serve(numpy_lite)).open()
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    found.page.evaluate(NOTEBOOK, ["saved.ipynb", kernelspec, "print('out')\n6 * 7"])
    found.page.evaluate(OPEN, "saved.ipynb")
    found.page.evaluate("jupyterapp.commands.execute('runmenu:run-all')")
    found.until(lambda: found.cell(0).result)
    found.page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    saved = found.read("saved.ipynb")
    assert saved["metadata"]["kernelspec"] == {
        "name": "xpython",
        "display_name": "Python 3.11 (XPython)",
        "language": "python",
    }
    assert saved["metadata"]["language_info"]["name"] == "python"
    (cell,) = saved["cells"]
    assert cell["execution_count"] == 1
    assert [output["output_type"] for output in cell["outputs"]] == ["stream", "execute_result"]
    assert cell["outputs"][1]["data"] == {"text/plain": "42"}
