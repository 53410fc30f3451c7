"""`%pip` and `%conda` in a real Python kernel in Node, against an index and a channel on loopback."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import socket
import tarfile
import threading
from pathlib import Path

import pytest

from lite_env.host.run import RunOptions, start_kernel
from tests.channel_server import serve_channel
from tests.package_index import build_wheel, serve_index

pytestmark = [pytest.mark.node]
CHANNEL = Path(__file__).parents[2] / "channels" / "emscripten-forge-2023"
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


def test_a_wheel_of_the_drive_is_installed_by_its_path(notebook, drive):
    wheel = build_wheel(
        "mine", "0.1", requires=["leaf-of-mine; extra == 'more'"], files={"mine/__init__.py": "x = 1\n"}
    )
    notebook.index.add(build_wheel("leaf-of-mine"))
    (drive / "wheels").mkdir()
    (drive / "wheels" / wheel.file_name).write_bytes(wheel.data)
    assert "Successfully installed mine-0.1\n" in notebook.run(f"%pip install /drive/wheels/{wheel.file_name}")
    assert notebook.run("import mine; print(mine.__file__)") == "/lib/python3.11/site-packages/mine/__init__.py\n"
    # The folder of the notebook is the drive's.
    said = notebook.run(f"%pip install './wheels/{wheel.file_name}[more]'")
    assert "leaf-of-mine-1.0 mine-0.1\n" in said
    assert 'there is no file "/drive/nothing-1.0-py3-none-any.whl"' in notebook.fail(
        "%pip install /drive/nothing-1.0-py3-none-any.whl"
    )
    assert '"/drive/wheels" is no wheel' in notebook.fail("%pip install /drive/wheels")
    assert "is no wheel" in notebook.fail("%pip install .")
    (drive / "wheels" / "torn-1.0-py3-none-any.whl").write_bytes(wheel.data[:-40])
    assert "is not a sound zip file: it has no directory" in notebook.fail(
        "%pip install /drive/wheels/torn-1.0-py3-none-any.whl"
    )


def test_a_file_of_requirements(notebook, drive):
    notebook.index.add(build_wheel("one", "1.0"), build_wheel("one", "2.0"), build_wheel("two"), build_wheel("three"))
    (drive / "requirements.txt").write_text(
        "# what is needed\none<2  # not yet\n-r more/more.txt\nthree; python_version < '3'\n"
    )
    (drive / "more").mkdir()
    (drive / "more" / "more.txt").write_text("two \\\n  >= 1\n")
    assert "Successfully installed one-1.0 two-1.0\n" in notebook.run("%pip install -r requirements.txt")
    assert "Successfully installed one-2.0\n" in notebook.run("!pip install -U one")
    (drive / "bad.txt").write_text("one\n-e .\n")
    assert '"bad.txt", line 2: "-e" cannot be done in a notebook' in notebook.fail("%pip install -r bad.txt")
    (drive / "loop.txt").write_text("-r loop.txt\n")
    assert "include each other without end" in notebook.fail("%pip install -r loop.txt")


def test_a_constraint_and_what_the_environment_has_decide(notebook, drive):
    notebook.index.add(
        build_wheel("pick", "2.0", requires=["numpy>=2"]), build_wheel("pick", "1.0", requires=["numpy"])
    )
    assert "Successfully installed pick-1.0\n" in notebook.run("%pip install pick")
    (drive / "constraints.txt").write_text("chosen<2\n")
    notebook.index.add(build_wheel("chosen", "1.5"), build_wheel("chosen", "2.0"))
    assert "Successfully installed chosen-1.5\n" in notebook.run("%pip install chosen -c constraints.txt")
    notebook.index.add(build_wheel("wants", requires=["numpy>=2"]))
    assert 'wants 1.0 needs "numpy>=2", and numpy is 1.25.2 in the environment' in notebook.fail("%pip install wants")
    assert (
        notebook.run("%pip install numpy")
        == "Requirement already satisfied: numpy (1.25.2, a conda package of the environment)\n"
    )


def test_what_the_environment_brings_is_upgraded_and_removed_where_it_is_named(notebook):
    notebook.index.add(build_wheel("six", "99.0"), build_wheel("leaf-of-six", requires=["six>=90"]))
    assert 'needs "six>=90", and six is 1.16.0 in the environment' in notebook.fail("%pip install leaf-of-six")
    said = notebook.run("%pip install -U six\nimport importlib, six\nprint(importlib.reload(six).version)")
    assert "Uninstalling six-1.16.0 (a conda package of the environment)\nSuccessfully installed six-99.0\n" in said
    assert "importlib.reload(module) takes the new one" in said
    assert said.endswith("99.0\n")
    assert "Successfully installed leaf-of-six-1.0\n" in notebook.run("%pip install leaf-of-six")
    said = notebook.run("%pip uninstall -y six pickleshare nothing")
    assert "Successfully uninstalled six-99.0\nSuccessfully uninstalled pickleshare-0.7.5\nA restart" in said
    assert notebook.errors == "warning: skipping nothing, which is not installed\n"
    site = "os.listdir('/lib/python3.11/site-packages')"
    left = f"import os; print([name for name in {site} if name.startswith(('six', 'picklesh'))])"
    assert notebook.run(left) == "[]\n"
    assert notebook.run("import pygments.lexers, jedi; print('whole')") == "whole\n"


def test_what_is_there_is_listed_and_shown(notebook):
    notebook.index.add(build_wheel("listed", requires=["numpy"]))
    notebook.run("%pip install -q listed")
    listed = notebook.run("%pip list")
    assert re.search(r"^listed +1\.0 +session$", listed, re.MULTILINE)
    assert re.search(r"^numpy +1\.25\.2 +conda$", listed, re.MULTILINE)
    assert "listed==1.0\n" in notebook.run("pip freeze")
    assert {"name": "numpy", "version": "1.25.2"} in json.loads(notebook.run("%pip list --format json"))
    shown = notebook.run("!pip show Listed")
    assert shown.splitlines()[:5] == [
        "Name: listed",
        "Version: 1.0",
        "Summary: The listed of tests",
        "Location: /lib/python3.11/site-packages",
        "Requires: numpy",
    ]


def test_what_goes_wrong_says_so(notebook):
    index = notebook.index
    index.projects["sources"] = ["sources-1.0.tar.gz"]
    index.add(
        build_wheel("later", requires_python=">=3.13"),
        build_wheel("altered"),
        build_wheel("forged", record={"forged.py": "AAAA"}),
    )
    index.wrong.add("altered-1.0-py3-none-any.whl")
    told = {
        "%pip install no-such-thing": 'no package is called "no-such-thing" in 127.0.0.1',
        "%pip install sources": 'there is no wheel of it, only sources ("sources-1.0.tar.gz"), which cannot be built',
        "%pip install later": "it wants Python >=3.13, and this is 3.11.3",
        "%pip install later==7": "the newest wheel is 1.0",
        "%pip install altered": '"altered-1.0-py3-none-any.whl" is not the file that was expected: found sha256 ',
        "%pip install forged": '"forged.py" in "forged-1.0-py3-none-any.whl" is not what the wheel\'s maker put there',
        "%pip install --target x y": 'pip in a notebook does not know "--target"',
        "%pip install": "`pip install` names no package",
        "%pip wheel x": "a notebook's pip can install, uninstall, list, freeze, show",
        "name = 'x'\n%pip install {name}": "variables are not put into `pip install {name}`",
        "!pip install x | tail": 'no shell runs `pip install x | tail`: found "|"',
        "%pip install x!!": '"x!!" is not a requirement',
        "%pip install git+https://example.org/x": "is no wheel",
        "%pip install -i http://127.0.0.1:9009/simple gone": '127.0.0.1:9009 cannot be reached for the files of "gone"',
    }
    for code, reason in told.items():
        assert reason in notebook.fail(code), code
    assert (
        notebook.run("import importlib.util as u; print(u.find_spec('altered'), u.find_spec('forged'))")
        == "None None\n"
    )


def test_a_captured_cell_says_nothing(notebook):
    notebook.index.add(build_wheel("silent"))
    assert notebook.run("%%capture\n%pip install silent\nimport silent\nprint('captured')") == ""
    assert notebook.run("print(silent.version)") == "1.0\n"


def test_an_index_of_static_files(numpy_pack):
    with serve_index(build_wheel("old"), build_wheel("older", requires=["old"])) as index:
        index.kind, index.tells_metadata = "html", False
        with start_kernel(numpy_pack, options=RunOptions()) as running:
            book = Notebook(running.client, index)
            assert "old-1.0 older-1.0" in book.run(f"%pip install -i {index.url} older")
            assert index.asked.count("/files/old-1.0-py3-none-any.whl") == 1


def test_a_kernel_of_another_language_has_no_pip(lua_pack):
    with start_kernel(lua_pack, options=RunOptions()) as running:
        book = Notebook(running.client, None)
        assert "pip is for Python, and this kernel is for lua" in book.fail("%pip install x")
        assert "this kernel has no file system to install into" in book.fail(
            "%conda install -c http://127.0.0.1:9009 x"
        )
        assert "xeus-lua" in book.run("%conda list")


@pytest.fixture(scope="module")
def channel(numpy_pack):
    with serve_channel(CHANNEL) as served:
        yield served


@pytest.fixture(scope="module")
def conda(numpy_pack, channel, drive):
    options = RunOptions(env=(("CONDA_CHANNELS", f"http://127.0.0.1:{channel.port}/"),), drive=drive)
    with start_kernel(numpy_pack, options=options) as running:
        yield Notebook(running.client, None)


@pytest.mark.parametrize("tool", ["%conda", "!mamba", "micromamba"])
def test_a_conda_package_is_installed_with_what_it_needs_and_removed(conda, tool):
    said = conda.run(f"{tool} install -y pip\nimport importlib, pip\nprint(pip.__version__)")
    assert said.endswith(
        "Successfully installed pip-23.3.1-pyhd8ed1ab_0 setuptools-68.2.2-pyhd8ed1ab_0 wheel-0.42.0-pyhd8ed1ab_0\n"
        f"{FORGOTTEN}23.3.1\n"
    )
    assert re.search(r"^pip +23\.3\.1 +pyhd8ed1ab_0 +session$", conda.run(f"{tool} list"), re.MULTILINE)
    assert conda.run(f"{tool} install pip").endswith("All of it is there already: pip-23.3.1\n")
    # pip needs wheel, and so goes with it.
    assert conda.run(f"{tool} remove -y wheel") == "Removed pip-23.3.1-pyhd8ed1ab_0 wheel-0.42.0-pyhd8ed1ab_0\n"
    assert conda.run(
        "import os; print([n for n in os.listdir('/lib/python3.11/site-packages') if n.startswith('pip')])"
    ) == ("[]\n")
    conda.run(f"{tool} remove -q setuptools")


def test_a_compiled_package_takes_the_place_of_the_packed_one(conda):
    said = conda.run(
        "%conda install --force-reinstall numpy\nimport numpy\nprint(numpy.arange(4).sum(), numpy.__file__)"
    )
    assert "Replaced numpy-1.25.2-py311he9a3d86_2\nSuccessfully installed numpy-1.25.2-py311he9a3d86_2\n" in said
    assert said.endswith("6 /lib/python3.11/site-packages/numpy/__init__.py\n")


def test_a_file_of_match_specs(conda, drive):
    (drive / "specs.txt").write_text("# one\nwheel >=0.40\n")
    assert "Would install wheel-0.42.0-pyhd8ed1ab_0\n" in conda.run("%conda install --dry-run --file specs.txt")
    assert "Successfully installed wheel-0.42.0" in conda.run("%mamba install -r specs.txt")
    assert conda.run("%pip list").count("wheel") == 1


def test_what_goes_wrong_with_conda_says_so(conda, channel, drive):
    (drive / "environment.yml").write_text("name: x\n")
    told = {
        "%conda install no-such-thing": "the environment cannot have no-such-thing: ",
        "%conda install 'numpy>=2'": "the environment cannot have numpy>=2: ",
        "%conda install --override-channels x": "no channel is known",
        "%conda install -c http://127.0.0.1:9009 x": '127.0.0.1:9009 cannot be reached for the packages of "http://127.0.0.1:9009/"',
        "%conda install -c file:///x x": '"file:///x" is no channel that a browser can read',
        "%conda install --prefix /x x": 'conda in a notebook does not know "--prefix"',
        "%conda remove no-such-thing": '"no-such-thing" is not among the conda packages of the environment',
        "%conda remove jedi": '"xeus-python" cannot be without jedi-0.19.1-pyhd8ed1ab_0, and the kernel runs on it',
        "%conda create -n x": "a notebook's conda can install, update, upgrade, uninstall, remove, list",
        "%conda install --file environment.yml": '"environment.yml" is no list of match specs',
    }
    for code, reason in told.items():
        assert reason in conda.fail(code), code
    channel.status = 503
    assert f"127.0.0.1:{channel.port}" in conda.fail("%conda install setuptools")
    channel.status = None


def test_packages_of_the_old_format_are_unpacked_with_their_links_and_prefixes(numpy_pack, tmp_path):
    files = {"lib/old.txt": b"at /built/here/lib\n", "site-packages/old_format.py": b"x = 1\n"}
    make_old_package(tmp_path, "old-format", files)
    with serve_channel(tmp_path) as served, start_kernel(numpy_pack, options=RunOptions()) as running:
        book = Notebook(running.client, None)
        url = f"http://127.0.0.1:{served.port}"
        said = book.run(f"%conda install -c {url} old-format\nimport old_format\nprint(open('/lib/again.txt').read())")
        assert "Successfully installed old-format-1.0-0\n" in said
        assert said.endswith("at /lib\n\n")
        make_old_package(tmp_path, "leaves", {"../etc/passwd": b"x"})
        assert '"../etc/passwd" in "leaves-1.0-0.tar.bz2" would lie outside' in book.fail(
            f"%conda install -c {url} leaves"
        )
        make_old_package(tmp_path, "changed", {"lib/x": b"x"})
        file = tmp_path / "noarch" / "changed-1.0-0.tar.bz2"
        file.write_bytes(file.read_bytes()[:-1] + b"?")
        assert '"changed-1.0-0.tar.bz2" is not the file that was expected: found sha256' in book.fail(
            f"%conda install -c {url} changed"
        )


def make_old_package(channel: Path, name: str, files: dict[str, bytes]) -> None:
    """Add a noarch Python package as conda-build 3 wrote them to a channel, with a link to the first file."""
    folder = channel / "noarch"
    folder.mkdir(exist_ok=True)
    index = {"name": name, "version": "1.0", "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
    paths = [{"_path": path, "prefix_placeholder": "/built/here", "file_mode": "text"} for path in files]
    info = {"index.json": index, "link.json": {"noarch": {"type": "python"}}, "paths.json": {"paths": paths}}
    content = {**files, **{f"info/{path}": json.dumps(document).encode() for path, document in info.items()}}
    file_name = f"{name}-1.0-0.tar.bz2"
    with tarfile.open(folder / file_name, "w:bz2") as archive:
        for path, data in content.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("lib/again.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "old.txt" if "lib/old.txt" in files else next(iter(files))
        archive.addfile(link)
    data = (folder / file_name).read_bytes()
    record = {**index, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "noarch": "python"}
    repodata = folder / "repodata.json"
    before = json.loads(repodata.read_text())["packages"] if repodata.exists() else {}
    repodata.write_text(json.dumps({"packages": {**before, file_name: record}, "packages.conda": {}}))
    (channel / "emscripten-wasm32").mkdir(exist_ok=True)
    (channel / "emscripten-wasm32" / "repodata.json").write_text(json.dumps({"packages": {}, "packages.conda": {}}))


def test_wheels_that_would_leave_the_environment_are_refused(notebook):
    told = {
        "up": ("../../../../etc/up.py", "would lie outside of the environment"),
        "drives": ("drives-1.0.data/data/drive/x.txt", "would lie outside of the environment"),
    }
    for name, (path, reason) in told.items():
        notebook.index.add(build_wheel(name, files={path: "x = 1\n"}))
        assert reason in notebook.fail(f"%pip install {name}")
    placed = {"scheme.py": "", "scheme-1.0.data/data/share/scheme.txt": "placed\n"}
    notebook.index.add(build_wheel("scheme", files=placed))
    assert notebook.run("%pip install -q scheme\nprint(open('/share/scheme.txt').read())") == "placed\n\n"
    notebook.run("%pip uninstall -q scheme")
    assert notebook.run("import os; print(os.path.exists('/share/scheme.txt'))") == "False\n"


def test_an_interrupt_ends_an_install_that_waits(notebook):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        press = threading.Timer(0.5, notebook.client.interrupt)
        press.start()
        result = notebook.client.execute(f"%pip install -i http://127.0.0.1:{silent.getsockname()[1]}/ x")
        press.join()
    assert (result.status, result.ename) == ("error", "KeyboardInterrupt")
    assert notebook.run("print(1)") == "1\n"


def test_what_no_longer_fits_the_environment_is_warned_of(notebook):
    notebook.index.add(build_wheel("ipython", "99.0", files={"not_ipython.py": ""}))
    notebook.run("%pip install -U ipython")
    assert notebook.errors == 'warning: xeus-python-shell 0.6.1 needs "ipython >=7.21,<9", and ipython is now 99.0\n'


def test_channels_and_index_are_those_that_the_environment_was_locked_with(numpy_pack, channel, index, tmp_path):
    pack = Path(shutil.copytree(numpy_pack, tmp_path / "pack"))
    url = f"http://127.0.0.1:{channel.port}/"
    index.add(build_wheel("of-the-lock"))
    told = {"format": 1, "name": "numpy-demo", "channels": [url], "index": None, "extra_indexes": [index.url]}
    (pack / "lock.json").write_text(json.dumps(told))
    with start_kernel(pack, options=RunOptions()) as running:
        book = Notebook(running.client, None)
        said = book.run("%conda install --dry-run wheel")
        assert said == f"Solving with {url}\nWould install wheel-0.42.0-pyhd8ed1ab_0\n"
        assert "no channel is known" in book.fail("%conda install --override-channels wheel")
        assert "Successfully installed of-the-lock-1.0\n" in book.run("%pip install of-the-lock")
