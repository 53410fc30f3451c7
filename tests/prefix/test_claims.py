"""Two owners of one file: both are named, and the one that stands is so by a rule."""

from __future__ import annotations

import hashlib
import json

import pytest

from lite_env.errors import PrefixError
from lite_env.prefix.installer import install
from lite_env.prefix.reader import read_prefix
from tests.conda_packages import make_package
from tests.prefix.test_installer import lock_of
from tests.prefixes import WASM, Heard, Toy, kernel_package, make_prefix

KERNEL = {
    "bin/xtoy.js": "var createXeusModule = 1;",
    "bin/xtoy.wasm": WASM,
    "bin/xtoy.data": "data",
    "lib/libx.so": WASM,
    "share/jupyter/kernels/toy/logo-64x64.png": "png",
    "share/jupyter/kernels/toy/kernel.json": json.dumps(
        {"argv": ["/bin/xtoy"], "language": "toy", "metadata": {"shared": {"libx.so": "lib/libx.so"}}}
    ),
}


@pytest.fixture
def installed(tmp_path):
    """Installs a kernel and toy packages: (name, files, dependencies); what was warned of."""

    def do(*packages):
        made = [make_package(tmp_path / "channel", "xeus-toy", files=KERNEL)]
        made += [
            make_package(tmp_path / "channel", name, files=files, depends=depends) for name, files, depends in packages
        ]
        lock = lock_of(*made)
        depends = {name: tuple(depends) for name, _, depends in packages}
        packages = tuple(
            type(package)(**{field: getattr(package, field) for field in package.__slots__}
            | {"depends": depends.get(package.name, ())})
            for package in lock.packages
        )  # fmt: skip
        lock = type(lock)(**{field: getattr(lock, field) for field in lock.__slots__} | {"packages": packages})
        heard = Heard()
        install(lock, tmp_path / "env", cache=tmp_path / "cache", reporter=heard)
        return heard.warnings

    return do


@pytest.mark.parametrize(
    ("packages", "stands", "others"),
    [
        # By name, where neither needs the other.
        ([("a", []), ("b", [])], "a", "b"),
        ([("b", []), ("a", [])], "a", "b"),
        ([("a", []), ("b", []), ("c", [])], "a", "b, c"),
        # Who needs the other knows of it.
        ([("a", []), ("b", ["a"])], "b", "a"),
        ([("a", ["b"]), ("b", [])], "a", "b"),
    ],
)
def test_the_rule(installed, tmp_path, packages, stands, others):
    warnings = installed(*((name, {"share/both": name, f"share/{name}": ""}, depends) for name, depends in packages))
    assert warnings == [f"{stands} and {others} both bring share/both: what {stands} brings stands"]
    assert (tmp_path / "env/share/both").read_text() == stands
    owner = {file.path: file.package for file in read_prefix(tmp_path / "env").files}
    assert owner["share/both"] == stands


def test_one_content_is_nobodys_loss(installed):
    assert installed(("a", {"share/both": "x"}, []), ("b", {"share/both": "x"}, [])) == []


def test_many_files_of_two_packages_are_one_warning(installed):
    files = {f"share/{number}": "x" for number in range(9)}
    (warning,) = installed(("a", files, []), ("b", dict.fromkeys(files, "y"), []))
    assert warning == (
        "a and b both bring share/0, share/1, share/2, share/3, share/4, … (9 files): what a brings stands"
    )


@pytest.mark.parametrize("path", KERNEL)
def test_a_kernels_file_has_one_owner(installed, tmp_path, path):
    files = {path: KERNEL[path] + (b"other" if isinstance(KERNEL[path], bytes) else " ")}
    with pytest.raises(PrefixError, match=f"'{path}' of the kernel 'toy' is brought by several packages") as caught:
        installed(("evil", files, []))
    assert "xeus-toy" in caught.value.message
    assert "evil" in caught.value.message
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("bin/xtoy.js", "//x"),
        ("bin/xtoy.wasm", "x"),
        ("share/jupyter/kernels/toy/kernel.json", '{"argv": ["python"]}'),
        ("share/jupyter/kernels/toy/kernel.json", "{"),
    ],
)
@pytest.mark.parametrize("name", ["evil", "zevil"])
def test_a_kernel_that_lost_its_file_is_not_blamed(installed, name, path, content):
    with pytest.raises(PrefixError, match=f"'{path}' of the kernel 'toy' is brought by several packages") as caught:
        installed((name, {path: content}, []))
    assert {"xeus-toy", name} <= {*caught.value.message.replace(",", "").split()}
    assert "package" not in caught.value.context


@pytest.mark.parametrize(
    ("packages", "file", "folder", "path"),
    [
        ([("twoa", {"lib/same": "f"}), ("dirfile", {"lib/same/x": "d"})], "twoa", "dirfile", "lib/same"),
        ([("a", {"lib/same": "f"}), ("b", {"lib/same/x/y": "d"})], "a", "b", "lib/same"),
        ([("a", {"bin": "f"})], "a", "xeus-toy", "bin"),
        ([("z", {"bin": "f"})], "z", "xeus-toy", "bin"),
        ([("z", {"share/jupyter/kernels": "f"})], "z", "xeus-toy", "share/jupyter/kernels"),
        ([("a", {"bin/xtoy.js/x": "d"})], "xeus-toy", "a", "bin/xtoy.js"),
        ([("z", {"bin/xtoy.js/x": "d"})], "xeus-toy", "z", "bin/xtoy.js"),
    ],
)
def test_a_file_and_a_folder_of_one_name_are_refused_before_anything_is_linked(  # noqa: PLR0917
    installed, tmp_path, packages, file, folder, path
):
    with pytest.raises(PrefixError) as caught:
        installed(*((name, files, []) for name, files in packages))
    assert caught.value.message == (
        f"the package {file} brings the file '{path}', and the package {folder} a folder of that name:"
        " they cannot be in one environment"
    )
    assert sorted(found.name for found in tmp_path.iterdir()) == ["cache", "channel"]


@pytest.mark.parametrize("name", ["other", "zother"])
def test_a_link_and_a_folder_of_one_name_are_refused_before_anything_is_linked(tmp_path, name):
    channel = tmp_path / "channel"
    kernel = make_package(channel, "xeus-toy", files=KERNEL, links={"lib64": "lib"})
    lock = lock_of(kernel, make_package(channel, name, files={"lib64/other": "x"}))
    with pytest.raises(PrefixError) as caught:
        install(lock, tmp_path / "env", cache=tmp_path / "cache", reporter=Heard())
    assert caught.value.message == (
        f"the package xeus-toy brings the link 'lib64', and the package {name} a folder of that name:"
        " they cannot be in one environment"
    )
    assert sorted(found.name for found in tmp_path.iterdir()) == ["cache", "channel"]


def recorded(name, path, content):
    entry = {"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(content.encode()).hexdigest()}
    return Toy(name=name, files={path: content}, record={"paths_data": {"paths": [entry]}})


def moved(name, path):
    """A package whose file an installer put aside."""
    entry = {"_path": f"__clobbers__/{name}/{path}", "path_type": "hardlink", "original_path": path}
    return Toy(name=name, files={entry["_path"]: "x"}, record={"paths_data": {"paths": [entry]}})


@pytest.mark.parametrize(
    ("packages", "warning"),
    [
        (
            [moved("a", "lib/same"), recorded("b", "lib/same/x", "x"), recorded("c", "lib/same/y", "y")],
            "b and c and a both bring lib/same, as a file and as a folder: what b and c brings stands",
        ),
        (
            [recorded("a", "lib/same", "x"), moved("b", "lib/same/x")],
            "a and b both bring lib/same, as a file and as a folder: what a brings stands",
        ),
        (
            [moved("a", "lib/same"), moved("b", "lib/same/x")],
            "a and b both bring lib/same, as a file and as a folder: nothing of it is there",
        ),
        # The last one took the place, and nothing was written down.
        (
            [Toy(name="a", record={"files": ["lib/same"]}), recorded("b", "lib/same/x", "x")],
            "b and a both bring lib/same, as a file and as a folder: what b brings stands",
        ),
    ],
)
def test_in_an_environment_of_another_installer_a_file_and_a_folder_are_told(tmp_path, packages, warning):
    heard = Heard()
    read_prefix(make_prefix(tmp_path, kernel_package(), *packages), reporter=heard)
    assert heard.warnings == [warning]


@pytest.mark.parametrize("path", ["bin", "bin/xtoy.js", "share", "share/jupyter/kernels/toy/kernel.json"])
def test_in_an_environment_of_another_installer_a_kernels_folder_is_not_taken(tmp_path, path):
    toy = kernel_package()
    lost = [name for name in toy.files if name == path or name.startswith(f"{path}/")]
    gone = Toy(
        name=toy.name,
        files={name: content for name, content in toy.files.items() if name not in lost},
        record={"files": list(toy.files)},
    )
    place = f"{path}/x" if path in toy.files else path
    with pytest.raises(PrefixError, match=f"'{path}', a (file|folder) of the kernel 'toy', is brought as a") as caught:
        read_prefix(make_prefix(tmp_path, gone, recorded("evil", place, "x")))
    assert "by evil, which stands, and by xeus-toy" in caught.value.message


def test_in_an_environment_of_another_installer_the_one_whose_file_lies_there_stands(tmp_path):
    # The last one writes over the others.
    root = make_prefix(tmp_path, kernel_package(), recorded("a", "share/f", "one"), recorded("b", "share/f", "two"))
    heard = Heard()
    prefix = read_prefix(root, reporter=heard)
    assert {file.path: file.package for file in prefix.files}["share/f"] == "b"
    assert heard.warnings == ["b and a both bring share/f: what b brings stands"]
