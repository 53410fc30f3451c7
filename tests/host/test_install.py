"""`%pip` in a real Python kernel in Node, against an index on loopback."""

from __future__ import annotations

import re

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.package_index import build_wheel, serve_index

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("real kernels in Node")]
FORGOTTEN = "This lasts until the kernel restarts; what is to stay belongs into the environment file.\n"


class Notebook:
    """A kernel with an index: cells in, what they say out."""

    def __init__(self, client, index):
        self.client = client
        self.index = index

    def run(self, code, *, status="ok"):
        """What a cell writes to its streams; it must end with that status."""
        self.result = self.client.execute(code)
        streams = {"stdout": "", "stderr": ""}
        for output in self.result.outputs:
            if output.type == "stream":
                streams[output.content["name"]] += output.content["text"]
        assert self.result.status == status, (self.result, streams)
        self.errors = streams["stderr"]
        return streams["stdout"]

    def fail(self, code):
        """Why a cell fails that installs something."""
        self.run(code, status="error")
        assert self.result.ename == "InstallFailed"
        return "\n".join(self.result.traceback)


@pytest.fixture(scope="module")
def index():
    with serve_index() as served:
        yield served


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    return tmp_path_factory.mktemp("drive")


@pytest.fixture(scope="module")
def notebook(numpy_pack, index, drive):
    options = RunOptions(env=(("PIP_INDEX_URL", index.url),), drive=drive)
    with start_kernel(numpy_pack, options=options) as running:
        yield Notebook(running.client, index)


def test_a_package_and_what_it_needs_are_installed_and_imported(notebook):
    needs = ["leaf>=2", "numpy>=1.20", 'never; sys_platform == "win32"']
    notebook.index.add(build_wheel("tree-like", requires=needs))
    notebook.index.add(build_wheel("leaf", "1.0"), build_wheel("leaf", "2.1"), build_wheel("leaf", "3.0rc1"))
    said = notebook.run(
        "import sys\n%pip install tree-like\nimport tree_like, leaf\nprint(tree_like.version, leaf.version)"
    )
    assert said == (
        "Downloading tree_like-1.0-py3-none-any.whl\nDownloading leaf-2.1-py3-none-any.whl\n"
        f"Successfully installed leaf-2.1 tree-like-1.0\n{FORGOTTEN}1.0 2.1\n"
    )
    assert "/simple/never/" not in notebook.index.asked
    assert "/simple/numpy/" not in notebook.index.asked  # The environment has it.
    assert notebook.run("import importlib.metadata as m; print(m.version('leaf'), m.requires('tree-like')[0])") == (
        "2.1 leaf>=2\n"
    )


@pytest.mark.parametrize("command", ["%pip install", "!pip install", "pip install", "!{sys.executable} -m pip install"])
def test_every_way_of_writing_it(notebook, command):
    name = f"way-{sum(command.encode())}"
    notebook.index.add(build_wheel(name))
    code = f"{command} -q {name}\nimport {name.replace('-', '_')} as found\nprint(found.version)"
    assert notebook.run(code) == "1.0\n"


def test_the_lines_of_a_traceback_stay_right(notebook):
    notebook.run("%pip list \\\n  --format=freeze\n\n1 / 0", status="error")
    plain = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(notebook.result.traceback))
    assert "----> 4 1 / 0" in plain


def test_what_looks_like_a_command_is_left_to_python(notebook):
    code = '"""\npip install nothing\n"""\ntext = """a\n%pip install nothing\n"""\npip = 3\nprint(len(text), pip)'
    assert notebook.run(code) == "23 3\n"


def test_a_native_wheel_is_refused_by_its_tag(notebook):
    notebook.index.add(build_wheel("compiled", "2.0", tag="cp311-cp311-manylinux_2_17_x86_64"))
    said = notebook.fail("%pip install compiled\nprint('never')")
    assert (
        '"compiled-2.0-cp311-cp311-manylinux_2_17_x86_64.whl" is compiled for manylinux_2_17_x86_64 (its tag)' in said
    )
    assert "hint: ask for compiled in the conda part of the environment file" in said
    assert "never" not in str(notebook.result.outputs)


def test_a_restart_forgets_it(numpy_pack, index):
    index.add(build_wheel("passing"))
    options = RunOptions(env=(("PIP_INDEX_URL", index.url),))
    for _ in range(2):
        with start_kernel(numpy_pack, options=options) as running:
            book = Notebook(running.client, index)
            book.run("import passing", status="error")
            assert book.result.ename == "ModuleNotFoundError"
            book.run("%pip install -q passing\nimport passing")
