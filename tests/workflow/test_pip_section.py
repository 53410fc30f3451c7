"""The pip section of an environment file, from the file to an environment: the real uv, real wheels, an index here."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lite_env.channel.index import index_channel
from lite_env.errors import BuildError, FetchError, LockError, PrefixError, SolveError, SpecError
from lite_env.lock.file import read_lock
from lite_env.lock.pip_here import locked_wheel_file
from lite_env.prefix.reader import read_prefix
from lite_env.prefix.verify import changed_files, hash_prefix
from lite_env.store.digest import sha256_of_file
from lite_env.store.local import LocalStore
from lite_env.workflow.install import install_environment
from lite_env.workflow.lock import LockOptions, LockPolicy, check_lock, lock_environment, lock_for
from tests.conda_packages import make_package
from tests.prefixes import Heard
from tests.wheel_index import WheelIndex, serving
from tests.wheels import make_wheel

SITE = "lib/python3.11/site-packages"
NUMPY = {
    f"{SITE}/numpy/__init__.py": "y = 1\n",
    f"{SITE}/numpy-1.25.2.dist-info/METADATA": (
        "Name: numpy\nVersion: 1.25.2\nProvides-Extra: more\nRequires-Dist: extra-dep; extra == 'more'\n"
        "Requires-Dist: never-there\n"
    ),
}
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# A build backend that needs nothing: what is tested is not setuptools.
BACKEND = """\
import pathlib, zipfile
TAG = "py3-none-any"
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    source = pathlib.Path("mine.py").read_text()
    info = "mine-0.1.dist-info"
    files = {
        "mine.py": source,
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: mine\\nVersion: 0.1\\nRequires-Dist: leaf\\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: {TAG}\\n",
    }
    import base64, hashlib
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        rows.append(f"{path},sha256={digest},{len(text)}\\n")
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\\n"])
    name = f"mine-0.1-{TAG}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "index"
    make_wheel(folder, "leaf", "1.0", metadata=["License: MIT"])
    make_wheel(folder, "leaf", "2.0", metadata=["License: MIT"])
    make_wheel(folder, "tree", "1.0", requires=["leaf", "numpy>=1.20", "absent; sys_platform == 'linux'"])
    make_wheel(folder, "numpy", "1.25.2", requires=["never-there"])
    make_wheel(folder, "numpy", "2.0")
    make_wheel(folder, "extra-dep", "1.0")
    make_wheel(folder, "native", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    with serving(WheelIndex(folder=folder)) as served:
        yield served


@pytest.fixture
def project(tmp_path):
    """A channel with Python and a numpy."""
    root = tmp_path / "project"
    make_package(root / "channel", "python", "3.11.3", files={"bin/python3.11": ""})
    make_package(root / "channel", "numpy", "1.25.2", files=NUMPY, depends=["python"])
    make_package(root / "channel", "pip", "23.1", files={f"{SITE}/pip/__init__.py": ""}, noarch="generic")
    index_channel(root / "channel")
    (root / "env").mkdir()
    return root


@pytest.fixture
def write(project, index):
    """Writes the environment file with these lines in its pip section."""

    def write(*lines, conda="[python, numpy, pip]", options=None):
        file = project / "env/environment.yml"
        lines = (*([f"--index-url {index.url}"] if options is None else options), *lines)
        text = "".join(f"    - {line}\n" for line in lines)
        conda = "".join(f"  - {name.strip()}\n" for name in conda.strip("[]").split(","))
        file.write_text(f"name: demo\nchannels: [../channel]\ndependencies:\n{conda}  - pip:\n{text}")
        return file

    return write


def wheels(lock):
    return {wheel.name: wheel.version for wheel in lock.wheels}


def test_wheels_are_locked_against_what_the_conda_part_provides(write, index):
    result = lock_environment(write("tree", "pip"))
    assert wheels(result.lock) == {"leaf": "2.0", "tree": "1.0"}
    tree = next(wheel for wheel in result.lock.wheels if wheel.name == "tree")
    file = index.folder / "tree-1.0-py3-none-any.whl"
    assert (tree.sha256, tree.size) == (sha256_of_file(file), file.stat().st_size)
    assert (tree.build, tree.subdir, tree.file_name) == ("py3-none-any", "noarch", file.name)
    # What is needed on other platforms alone is not needed here.
    assert tree.depends == ("leaf", "numpy >=1.20")
    assert {wheel.name: (wheel.license, wheel.wheel.requested) for wheel in result.lock.wheels} == {
        "leaf": ("MIT", False), "tree": (None, True),
    }  # fmt: skip
    assert read_lock(result.path) == result.lock
    assert check_lock(result.path.with_name("environment.yml"))
    text = result.path.read_text()
    assert "manager: pip" in text
    assert "lite.env" not in text


def test_an_extra_of_what_conda_provides_comes_from_the_index(write):
    assert wheels(lock_environment(write("numpy[more]")).lock) == {"extra-dep": "1.0"}


def test_they_are_installed_by_their_record(write, index, tmp_path):
    make_wheel(
        index.folder,
        "placed",
        files={
            "placed/__init__.py": "",
            "placed/__pycache__/__init__.cpython-311.pyc": "x",
            "DATA/data/share/placed/x.txt": "data",
            "DATA/scripts/placed-script": "#!python\nprint(1)\n",
            "DATA/headers/placed.h": "int x;",
            "INFO/entry_points.txt": "[console_scripts]\nplaced = placed:main\n",
        },
    )
    lock = lock_environment(write("placed", "tree")).lock
    heard = Heard()
    prefix = hash_prefix(install_environment(lock, tmp_path / "env", reporter=heard))
    assert (heard.warnings, changed_files(prefix)) == ([], ())
    owners = {file.path: file.package for file in prefix.files}
    for path in (
        f"{SITE}/placed/__init__.py", "share/placed/x.txt", "bin/placed", "bin/placed-script",
        "include/python3.11/placed/placed.h", f"{SITE}/placed-1.0.dist-info/RECORD",
    ):  # fmt: skip
        assert owners[path] == "placed"
    assert not any("__pycache__" in path for path in owners)
    assert (tmp_path / "env/bin/placed").read_text().startswith("#!/bin/python3.11\n")
    assert (tmp_path / "env/bin/placed").stat().st_mode & 0o111
    assert prefix.requested == ("numpy", "pip", "placed", "python", "tree")
    # The identity is that of the files that were locked.
    found = {package.name: (package.file_name, package.sha256) for package in prefix.packages}
    assert {wheel.name: (wheel.file_name, wheel.sha256) for wheel in lock.wheels}.items() <= found.items()
    # A second time it is the same environment.
    before = (tmp_path / "env/conda-meta/lite-env").stat().st_ino
    install_environment(lock, tmp_path / "env")
    assert (tmp_path / "env/conda-meta/lite-env").stat().st_ino == before


def test_a_lock_changes_as_little_as_possible(write):
    file = write("tree", "leaf<2")
    assert wheels(lock_environment(file).lock) == {"leaf": "1.0", "tree": "1.0"}
    file = write("tree", "leaf")
    result = lock_environment(file)
    assert wheels(result.lock) == {"leaf": "1.0", "tree": "1.0"}
    upgrade = LockOptions(upgrade_packages=("leaf",))
    assert lock_environment(file, options=upgrade).diff.lines() == ("~ leaf 1.0 → 2.0",)
    assert not lock_environment(file).written


def test_what_differs_is_named(write, project):
    make_wheel(project / "env", "local")
    lock_environment(write("tree", "./local-1.0-py3-none-any.whl"))
    make_wheel(project / "env", "local", files={"local/__init__.py": "other = 1\n"})
    file = write("tree>=1", "./local-1.0-py3-none-any.whl", "--pre")
    assert check_lock(file).differences == (
        "the pip requirement `tree>=1` was added",
        "the pip requirement `tree` was removed",
        "the pip option `--pre` was added",
        "what `./local-1.0-py3-none-any.whl` of the pip section names has changed",
    )
    with pytest.raises(LockError, match="which `--locked` asks for: the pip requirement"):
        lock_for(file, LockPolicy.LOCKED)
    assert wheels(lock_for(file, LockPolicy.FROZEN)) == {"leaf": "2.0", "local": "1.0", "tree": "1.0"}
    assert check_lock(file.with_name("environment.yml"), lock_file=lock_environment(file).path)


def test_an_older_version_than_could_be_is_told(write, index):
    make_wheel(index.folder, "shrub", "1.0")
    make_wheel(index.folder, "shrub", "2.0", requires=["native"])
    heard = Heard()
    assert wheels(lock_environment(write("shrub"), reporter=heard).lock) == {"shrub": "1.0"}
    assert any("shrub 1.0 is locked and not 2.0" in warning for warning in heard.warnings)


@pytest.mark.parametrize(
    ("line", "says", "hint"),
    [
        ("native", "native==1.0 has no wheels", "native has no pure wheel: ask for its conda package"),
        ("numpy>=2", "numpy", "the conda part decides about what it provides (numpy)"),
        ("nowhere-at-all", "nowhere-at-all was not found", "look at the spelling of `nowhere-at-all`"),
    ],
)
def test_where_there_is_no_answer_it_is_said_why(write, line, says, hint):
    with pytest.raises(SolveError) as caught:
        lock_environment(write(line))
    assert "the pip section cannot be resolved for the browser" in caught.value.message
    assert says in caught.value.message
    assert hint in caught.value.hint
    assert "lite.env" not in caught.value.message


NATIVE = "cp311-cp311-toys_2024_0_wasm32"


@pytest.fixture
def abi(project):
    """Gives the channel's Python a binary interface that wheels have a platform for."""
    make_package(project / "channel", "emscripten-abi", "3.1.58", build="toys_2024_0", noarch="generic")
    index_channel(project / "channel")


def test_wheels_that_are_compiled_for_the_environment_are_locked_and_installed(abi, write, index, tmp_path):
    make_wheel(index.folder, "fast", "1.0")  # pure once
    make_wheel(index.folder, "fast", "2.0", requires=["leaf"], files={"_fast.so": "wasm"}, tag=NATIVE)
    make_wheel(index.folder, "fast", "2.0", tag="cp312-cp312-toys_2024_0_wasm32")
    make_wheel(index.folder, "user", "1.0", requires=["fast==2.0"])
    result = lock_environment(write("user", conda="[python, emscripten-abi]"))
    assert wheels(result.lock) == {"fast": "2.0", "leaf": "2.0", "user": "1.0"}
    fast = next(wheel for wheel in result.lock.wheels if wheel.name == "fast")
    file = index.folder / f"fast-2.0-{NATIVE}.whl"
    assert (fast.build, fast.file_name, fast.sha256) == (NATIVE, file.name, sha256_of_file(file))
    assert read_lock(result.path) == result.lock
    install_environment(result.lock, tmp_path / "prefix")
    prefix = read_prefix(tmp_path / "prefix")
    assert f"{SITE}/_fast.so" in {file.path for file in prefix.files}
    again = lock_environment(write("user", "leaf", conda="[python, emscripten-abi]"))
    assert next(wheel for wheel in again.lock.wheels if wheel.name == "fast") == fast


def test_a_wheel_here_that_is_compiled_for_the_environment_is_taken(abi, write, project):
    make_wheel(project / "env", "local", "1.0", requires=["leaf"], tag=NATIVE)
    lock = lock_environment(write(f"./local-1.0-{NATIVE}.whl", conda="[python, emscripten-abi]")).lock
    assert {wheel.name: wheel.build for wheel in lock.wheels} == {"leaf": "py3-none-any", "local": NATIVE}
    other = NATIVE.replace("2024", "2025")
    make_wheel(project / "env", "local", "1.0", tag=other)
    with pytest.raises(SolveError, match=r"local 1\.0 is native") as caught:
        lock_environment(write(f"./local-1.0-{other}.whl", conda="[python, emscripten-abi]"))
    assert f"a wheel for this environment is tagged {NATIVE}" in caught.value.hint


def test_what_lacks_a_wheel_for_the_environment_is_told_with_the_tag(abi, write, index):
    make_wheel(index.folder, "fast", "2.0", requires=["native"], tag=NATIVE)
    make_wheel(index.folder, "fast", "1.0", tag="cp310-cp310-toys_2024_0_wasm32")
    with pytest.raises(SolveError) as caught:
        lock_environment(write("fast", conda="[python, emscripten-abi]"))
    assert caught.value.hint.startswith(f"native has no pure wheel and none tagged {NATIVE}: ask for its conda package")


def test_a_lock_with_a_wheel_for_another_environment_is_refused(abi, write, index):
    make_wheel(index.folder, "fast", "2.0", tag=NATIVE)
    path = lock_environment(write("fast", conda="[python, emscripten-abi]")).path
    path.write_text(path.read_text().replace("cp311-cp311-toys", "cp312-cp312-toys"))
    with pytest.raises(LockError, match=f"is the address of a native wheel.*: that would be {NATIVE}"):
        read_lock(path)


def test_a_pip_section_needs_python(write, project):
    make_package(project / "channel", "tool")
    index_channel(project / "channel")
    with pytest.raises(SpecError, match="no Python that could use") as caught:
        lock_environment(write("leaf", conda="[tool]"))
    assert dict(caught.value.context)["line"] == 7


def test_local_wheels_and_folders_of_them(write, project, tmp_path):
    make_wheel(project, "local", "1.0", requires=["leaf"])
    for version in ("1.0", "1.10", "1.9"):
        make_wheel(project / "env/wheels", "other", version)
    make_wheel(project / "env/wheels", "third")
    file = write("../local-1.0-py3-none-any.whl", "./wheels")
    result = lock_environment(file)
    assert wheels(result.lock) == {"leaf": "2.0", "local": "1.0", "other": "1.10", "third": "1.0"}
    assert "url: ../local-1.0-py3-none-any.whl" in result.path.read_text()
    assert "url: ./wheels/other-1.10-py3-none-any.whl" in result.path.read_text()
    assert str(tmp_path) not in result.path.read_text()
    assert {wheel.name: wheel.wheel.kind for wheel in result.lock.wheels} == {
        "leaf": "index", "local": "file", "other": "file", "third": "file",
    }  # fmt: skip
    install_environment(read_lock(result.path), tmp_path / "env")
    assert (tmp_path / "env" / SITE / "other/__init__.py").read_text() == "x = '1.10'\n"
    make_wheel(project, "local", "1.0")
    with pytest.raises(FetchError, match="is not the wheel that was locked"):
        install_environment(read_lock(result.path), tmp_path / "env2")


def test_files_of_requirements_constraints_and_options(write, project, index):
    make_wheel(project / "more", "found", "3.0")
    (project / "env/sub").mkdir()
    digest = sha256_of_file(index.folder / "tree-1.0-py3-none-any.whl")
    (project / "env/requirements.txt").write_text(
        f"# what we need\n-r sub/deep.txt\n-c sub/constraints.txt\ntree==1.0 \\\n    --hash=sha256:{digest}\n"
    )
    (project / "env/sub/deep.txt").write_text(f"--find-links ../more\nfound\n--index-url {index.url}\n")
    (project / "env/sub/constraints.txt").write_text("leaf<2\n")
    file = write("-r requirements.txt", options=())
    result = lock_environment(file)
    assert wheels(result.lock) == {"found": "3.0", "leaf": "1.0", "tree": "1.0"}
    assert "url: ../more/found-3.0-py3-none-any.whl" in result.path.read_text()
    (project / "env/sub/constraints.txt").write_text("leaf<3\n")
    assert [text for text in check_lock(file).differences if "option" in text] == [
        "the pip option `--constraint leaf<3` was added",
        "the pip option `--constraint leaf<2` was removed",
    ]
    (project / "env/requirements.txt").write_text(f"-i {index.url}\ntree --hash=sha256:{'0' * 64}\n")
    with pytest.raises(LockError, match="none of the files that `--hash` allows"):
        lock_environment(file)


def test_an_index_that_gives_no_hashes_is_locked_by_what_it_gave(write, index):
    index.hashes = False
    (leaf,) = lock_environment(write("leaf")).lock.wheels
    assert leaf.sha256 == sha256_of_file(index.folder / leaf.file_name)


def test_nothing_is_taken_that_was_published_later(write, index, project):
    index.uploads["leaf-2.0-py3-none-any.whl"] = "2024-06-01T00:00:00Z"
    file = write("tree")
    early = lock_environment(file, options=LockOptions(upgrade=True, exclude_newer="2024-03-01T00:00:00Z"))
    assert (wheels(early.lock)["leaf"], early.lock.pip.exclude_newer) == ("1.0", "2024-03-01T00:00:00Z")
    assert check_lock(file)
    settings = project / "env/pyproject.toml"
    settings.write_text("[tool.lite-env]\nexclude-newer = 2024-07-01\n")
    assert check_lock(file).differences == ("`exclude-newer` was 2024-03-01T00:00:00Z and is 2024-07-01T00:00:00Z",)
    assert wheels(lock_environment(file, options=LockOptions(upgrade=True)).lock)["leaf"] == "2.0"
    settings.write_text("[tool.lite-env]\nexclude-newer = 'soon'\n")
    with pytest.raises(SpecError, match=r"exclude-newer' is no date"):
        check_lock(file)


def test_a_wheel_that_lies_in_the_cache_comes_into_the_store_too(write, tmp_path):
    """So that who takes the store elsewhere takes it along."""
    lock = lock_environment(write("leaf")).lock
    (wheel,) = lock.wheels
    store = LocalStore(tmp_path / "store")
    assert store.read(wheel.sha256) is None
    locked_wheel_file(wheel, offline=True, store=store)
    assert store.read(wheel.sha256) is not None


def test_offline_needs_what_is_in_the_cache(write, index):
    file = write("tree")
    with pytest.raises(FetchError, match="offline"):
        lock_environment(file, options=LockOptions(offline=True))
    lock_environment(file)
    asked = len(index.asked)
    result = lock_environment(file, options=LockOptions(offline=True))
    assert (result.written, len(index.asked)) == (False, asked)


def make_project(folder, source="z = 1\n"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "mine.py").write_text(source)
    return folder


@pytest.mark.parametrize("line", ["..", "-e ..", "mine @ file:{root}"])
def test_a_local_project_is_built(write, project, tmp_path, line):
    make_project(project)
    heard = Heard()
    file = write(line.format(root=project))
    result = lock_environment(file, reporter=heard)
    assert wheels(result.lock) == {"leaf": "2.0", "mine": "0.1"}
    assert any("is built and packed as it is now" in note for note in heard.notes) == line.startswith("-e")
    assert str(tmp_path) not in result.path.read_text()
    (mine,) = (wheel for wheel in result.lock.wheels if wheel.name == "mine")
    assert mine.wheel.kind == "project"
    # The lock that was written into the project's folder is none of its sources.
    assert check_lock(file)
    shutil.rmtree(tmp_path / "cache/wheels")
    install_environment(read_lock(result.path), tmp_path / "env")
    assert (tmp_path / "env" / SITE / "mine.py").read_text() == "z = 1\n"
    make_project(project, "z = 2\n")
    (difference,) = check_lock(file).differences
    assert "names has changed" in difference
    shutil.rmtree(tmp_path / "cache/wheels")
    with pytest.raises(BuildError, match="has changed since it was locked"):
        install_environment(read_lock(result.path), tmp_path / "env2")
    assert lock_environment(file).diff.lines()[0].startswith("~ mine 0.1 py3-none-any: built anew")


def test_a_project_is_built_once(write, project, monkeypatch):
    make_project(project)
    file = write("..")
    lock_environment(file)
    monkeypatch.setattr("lite_env.lock.pip_here.build_wheel", None)
    assert not lock_environment(file).written


def test_a_native_project_is_refused(write, project):
    make_project(project)
    (project / "backend.py").write_text(BACKEND.replace("py3-none-any", "cp311-cp311-linux_x86_64"))
    with pytest.raises(BuildError, match=r"`\.\.` is native, and cannot be installed in the browser"):
        lock_environment(write(".."))


def test_a_project_that_cannot_be_built_says_what_its_backend_said(write, project):
    make_project(project)
    (project / "backend.py").write_text("raise SystemExit('no compiler today')")
    with pytest.raises(BuildError, match="no compiler today"):
        lock_environment(write(".."))


def git(folder, *words):
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_repository_is_pinned_to_its_commit(write, tmp_path):
    folder = tmp_path / "repository"
    make_project(folder / "inside")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "tag", "-a", "v1", "-m", "one")
    first = git(folder, "rev-parse", "HEAD")
    file = write(f"git+file://{folder}@main#subdirectory=inside")
    result = lock_environment(file)
    (mine,) = (wheel for wheel in result.lock.wheels if wheel.name == "mine")
    assert (mine.wheel.commit, mine.url) == (first, f"git+file://{folder}@{first}")
    assert read_lock(result.path) == result.lock
    make_project(folder / "inside", "z = 2\n")
    git(folder, "commit", "-q", "-a", "-m", "two")
    second = git(folder, "rev-parse", "HEAD")
    # A branch that moved on changes no lock, and an older commit can still be had.
    assert not lock_environment(file).written
    shutil.rmtree(tmp_path / "cache/wheels")
    install_environment(read_lock(result.path), tmp_path / "env")
    assert (tmp_path / "env" / SITE / "mine.py").read_text() == "z = 1\n"
    upgraded = lock_environment(file, options=LockOptions(upgrade=True)).lock
    assert [wheel.wheel.commit for wheel in upgraded.wheels if wheel.name == "mine"] == [second]
    tagged = lock_environment(write(f"mine @ git+file://{folder}@v1#subdirectory=inside")).lock
    assert [wheel.wheel.commit for wheel in tagged.wheels if wheel.name == "mine"] == [first]
    with pytest.raises(FetchError, match="no branch and no tag `v2`"):
        lock_environment(write(f"git+file://{folder}@v2#subdirectory=inside"))


def test_a_wheel_of_what_conda_provides_is_refused(write, project):
    make_wheel(project / "env", "numpy", "3.0")
    with pytest.raises(SolveError, match=r"which the conda package numpy provides in the version 1\.25\.2"):
        lock_environment(write("./numpy-3.0-py3-none-any.whl"))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"DATA/data/conda-meta/x.json": "{}"}, "which is not below the environment"),
        ({"DATA/elsewhere/x": ""}, "which belongs nowhere"),
        ({"../x.py": ""}, "which is not below the environment"),
        ({"/etc/x.py": ""}, "which is not below the environment"),
        ({"DATA/data/lib/python3.11/site-packages/numpy/__init__.py": ""}, "which a conda package has brought"),
        ({"wrong.py": "x"}, "is not what its own RECORD says"),
        ({"INFO/entry_points.txt": "[console_scripts]\n../x = bad:main\n"}, "which is no plain name"),
    ],
)
def test_a_wheel_that_would_write_elsewhere_is_refused(write, project, tmp_path, files, says):
    # Where its RECORD is to be wrong, it is so for this one.
    make_wheel(project / "env", "bad", files=files, record={"wrong.py": "AAAA"})
    with pytest.raises(PrefixError, match=says):
        install_environment(lock_environment(write("./bad-1.0-py3-none-any.whl")).lock, tmp_path / "env")
    assert not (tmp_path / "env").exists()


def test_two_wheels_with_one_file_are_refused(write, project, tmp_path):
    for name in ("one", "two"):
        make_wheel(project / "env/wheels", name, files={"same.py": name})
    lock = lock_environment(write("./wheels")).lock
    with pytest.raises(PrefixError, match=r"the wheels one and two both bring 'lib/.*same.py'"):
        install_environment(lock, tmp_path / "env")


def test_what_is_packed_is_the_identity_that_was_locked(write, tmp_path):
    lock = lock_environment(write("tree")).lock
    install_environment(lock, tmp_path / "env")
    prefix = read_prefix(tmp_path / "env")
    assert {package.name: package.manager for package in prefix.packages if package.manager == "wheel"} == {
        "leaf": "wheel", "tree": "wheel",
    }  # fmt: skip
    assert {package.name: package.license for package in prefix.packages}["leaf"] == "MIT"
