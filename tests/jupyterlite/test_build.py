"""The real `jupyter lite build` with a real kernel, small enough to be packed in seconds."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from lite_env.channel.index import index_channel
from lite_env.jupyterlite.addon import OTHER
from lite_env.pack.restore import unpack
from tests.conda_packages import make_package
from tests.conftest import EXAMPLES
from tests.lite_cores import BEFORE, NEWEST, jupyter_lite

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.node]

CHANNEL = EXAMPLES.parent / "channels" / "emscripten-forge-2023"
ALL = ["lock:environment.yml", "pack:environment.yml", "site", "default-kernel"]


def write_environment(path: Path, name: str = "lua-demo", kernel: str = "xeus-lua") -> None:
    path.write_text(f"name: {name}\nchannels:\n  - {CHANNEL}\ndependencies:\n  - {kernel}\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A lite directory with its site; no test changes it."""
    folder = tmp_path_factory.mktemp("lite") / "demo"
    folder.mkdir()
    write_environment(folder / "environment.yml")
    done = jupyter_lite(folder, "build")
    assert done.code == 0, done.text
    assert done.ran == ALL
    return folder


@pytest.fixture
def lite(built, tmp_path):
    """A lite directory of the test's own, with the site of a first build."""
    folder = shutil.copytree(built, tmp_path / "demo", symlinks=True)
    # doit knows files by their full paths: the first build of the copy finds all there, and says it.
    assert jupyter_lite(folder, "build").code == 0
    return folder


def tree(folder: Path, *, without: str = r"\.cache/") -> dict[str, bytes]:
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if not re.match(without, name)}


def site_of(folder: Path) -> dict:
    return json.loads((folder / "_output/lite-env/api/site.json").read_text())


def lite_data(folder: Path) -> dict:
    return json.loads((folder / "_output/jupyter-lite.json").read_text())["jupyter-config-data"]


def test_an_environment_file_becomes_a_kernel_of_the_site(built):
    assert [kernel["name"] for kernel in site_of(built)["kernels"]] == ["xlua"]
    data = lite_data(built)
    assert data["defaultKernelName"] == "xlua"
    (extension,) = (found for found in data["federated_extensions"] if found["name"] == "@lite-env/kernels")
    assert (built / "_output/extensions/@lite-env/kernels" / extension["load"]).is_file()
    assert (built / "conda-lock.yml").is_file()


def test_a_second_build_does_nothing_of_ours(lite):
    before = tree(lite / "_output")
    done = jupyter_lite(lite, "build")
    assert (done.code, done.ran, done.passed_over) == (0, [], ALL)
    assert tree(lite / "_output") == before


def test_a_changed_environment_is_locked_packed_and_emitted_anew_and_it_is_said(lite):
    write_environment(lite / "environment.yml", name="renamed", kernel="xeus-lua >=0.1")
    done = jupyter_lite(lite, "build")
    assert (done.code, done.ran) == (0, ALL[:3])
    assert "does not answer 'environment.yml' any more" in done.text
    assert ">=0.1" in (lite / "conda-lock.yml").read_text()
    assert [kernel["env"] for kernel in site_of(lite)["kernels"]] == ["renamed"]
    # Who opened the site before has kernels of the earlier one.
    assert (lite / "_output/lite-env/api/packs/lua-demo/manifest.json").is_file()
    assert jupyter_lite(lite, "check").code == 0
    assert jupyter_lite(lite, "build", "--lite-env-keep=0").ran == ["site"]
    assert not (lite / "_output/lite-env/api/packs/lua-demo").exists()


def test_a_fresh_output_carries_over_what_visitors_of_the_deployment_may_ask_for(lite):
    write_environment(lite / "environment.yml", name="renamed", kernel="xeus-lua >=0.1")
    before = tree(lite / "_output/lite-env/api/packs/lua-demo")
    shutil.move(lite / "_output", lite / "deployed")
    done = jupyter_lite(lite, "build", "--lite-env-previous=deployed")
    assert done.code == 0, done.text
    assert tree(lite / "_output/lite-env/api/packs/lua-demo") == before
    assert [kernel["env"] for kernel in site_of(lite)["kernels"]] == ["renamed"]
    assert jupyter_lite(lite, "check").code == 0
    done = jupyter_lite(lite, "build", "--lite-env-keep=week")
    assert done.code != 0
    assert "`LiteEnvAddon.keep`: 'week' is no duration" in done.text


def test_a_stale_lock_is_refused_where_locks_have_to_answer(lite):
    lock = (lite / "conda-lock.yml").read_bytes()
    assert jupyter_lite(lite, "build", "--locked").code == 0
    write_environment(lite / "environment.yml", name="renamed", kernel="xeus-lua >=0.1")
    done = jupyter_lite(lite, "build", "--locked")
    assert done.code != 0
    assert "the lock does not answer its environment file, which `--locked` asks for" in done.text
    assert "Traceback" not in done.text
    assert (lite / "conda-lock.yml").read_bytes() == lock


def test_a_lock_that_was_changed_by_hand_is_looked_at_again(lite):
    with (lite / "conda-lock.yml").open("a") as lock:
        lock.write("# merged\n")
    assert jupyter_lite(lite, "build").ran[0] == "lock:environment.yml"


def test_without_an_environment_the_site_is_as_it_is_without_us(tmp_path):
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
        done = jupyter_lite(tmp_path / name, "build", ours=name == "with")
        assert (done.code, done.ran) == (0, [])
    assert tree(tmp_path / "with/_output") == tree(tmp_path / "without/_output")


def test_the_layout_of_jupyterlite_xeus_takes_the_place_of_ours(lite):
    done = jupyter_lite(lite, "build", "--lite-env-layout=xeus")
    assert (done.code, done.ran) == (0, ["xeus"]), done.text
    kernels = json.loads((lite / "_output/xeus/kernels.json").read_text())
    assert kernels == [{"env_name": "lua-demo", "kernel": "xlua"}]
    assert not (lite / "_output/lite-env").exists()
    assert "@lite-env" not in (lite / "_output/jupyter-lite.json").read_text()
    assert jupyter_lite(lite, "build", "--lite-env-layout=xeus").ran == []
    # What others have put there stays.
    others = lite / "_output/xeus/others"
    others.mkdir()
    (others / "empack_env_meta.json").write_text("{}")
    write_environment(lite / "environment.yml", name="renamed")
    assert jupyter_lite(lite, "build", "--lite-env-layout=xeus").ran == ["lock:environment.yml", "xeus"]
    assert sorted(path.name for path in others.parent.iterdir()) == ["kernels.json", "others", "renamed"]
    shutil.rmtree(others)
    done = jupyter_lite(lite, "build")
    assert done.code == 0, done.text
    assert not (lite / "_output/xeus").exists()
    assert [kernel["env"] for kernel in site_of(lite)["kernels"]] == ["renamed"]
    assert "clean-xeus" not in jupyter_lite(lite, "build").ran


@pytest.mark.slow
def test_isolation_puts_something_in_front_of_the_service_worker_and_takes_it_away_again(lite):
    worker = lite / "_output/service-worker.js"
    before = worker.read_bytes()
    assert set(jupyter_lite(lite, "build", "--lite-env-isolate").ran) == {"site", "isolate"}
    assert worker.read_bytes().endswith(before)
    assert b"Cross-Origin-Embedder-Policy" in worker.read_bytes().removesuffix(before)
    assert site_of(lite)["isolate"] is True
    assert jupyter_lite(lite, "build", "--lite-env-isolate").ran == []
    assert set(jupyter_lite(lite, "build").ran) == {"site", "isolate"}
    assert worker.read_bytes() == before


@pytest.mark.slow
def test_a_site_may_have_no_snapshots(lite):
    jupyter_lite(lite, "build", "--no-lite-env-snapshots")
    assert site_of(lite)["snapshots"] is False
    assert "snapshots: no" in jupyter_lite(lite, "status", "--no-lite-env-snapshots").text
    jupyter_lite(lite, "build")
    assert site_of(lite)["snapshots"] is True


def test_what_installs_in_a_notebook_need_is_told(lite):
    told = lite / "_output/lite-env/api/packs/lua-demo/lock.json"
    assert json.loads(told.read_text())["index"] is None
    done = jupyter_lite(lite, "build", "--lite-env-pip-index=https://example.org/simple")
    assert done.ran == ["site"]
    assert json.loads(told.read_text()) == {
        "channels": [],
        "extra_indexes": [],
        "format": 1,
        "index": "https://example.org/simple",
        "name": "lua-demo",
    }
    done = jupyter_lite(lite, "build", "--lite-env-pip-index=https://user:secret@example.org/simple")
    assert done.code != 0
    assert "secret" not in done.text
    assert "pip_index" in done.text


def test_an_environment_that_is_taken_away_takes_its_kernels_with_it(lite):
    (lite / "environment.yml").unlink()
    done = jupyter_lite(lite, "build")
    assert (done.code, done.ran) == (0, ["clean"])
    assert not (lite / "_output/lite-env").exists()
    assert lite_data(lite)["defaultKernelName"] == "python"
    assert "@lite-env" not in (lite / "_output/jupyter-lite.json").read_text()


def test_status_and_check_tell_what_is(lite):
    status = jupyter_lite(lite, "status")
    assert "environment: environment.yml (environment file, conda-lock.yml, packed)" in status.text
    done = jupyter_lite(lite, "check")
    assert done.code == 0
    assert "'conda-lock.yml' answers 'environment.yml'" in done.text
    assert "are as they were built; kernels: xlua" in done.text
    (lite / "_output/lite-env/notes.json").write_text("changed")
    broken = jupyter_lite(lite, "check")
    assert broken.code != 0
    assert "'lite-env/notes.json' was changed" in broken.text


@pytest.mark.slow
def test_contents_and_mounts_are_in_the_pack_and_packed_again_when_they_change(lite, tmp_path):
    (lite / "files/deep").mkdir(parents=True)
    (lite / "files/deep/notebook.txt").write_text("contents")
    (lite / "data").mkdir()
    (lite / "data/a.csv").write_text("1,2\n")
    section = {"mounts": ["data:/data"], "mount_jupyterlite_content": True}
    (lite / "jupyter_lite_config.json").write_text(json.dumps({"XeusAddon": section}))
    done = jupyter_lite(lite, "build")
    assert (done.code, done.ran) == (0, ["pack:environment.yml", "site"]), done.text
    pack = next((lite / ".cache/lite-env/packs").glob("*/manifest.json")).parent
    unpack(pack, tmp_path / "unpacked")
    assert (tmp_path / "unpacked/files/deep/notebook.txt").read_text() == "contents"
    assert (tmp_path / "unpacked/data/a.csv").read_text() == "1,2\n"
    assert jupyter_lite(lite, "build").ran == []
    (lite / "files/deep/notebook.txt").write_text("changed")
    (lite / "data/b.csv").write_text("3\n")
    assert jupyter_lite(lite, "build").ran == ["pack:environment.yml", "site"]
    unpack(pack, tmp_path / "again")
    assert (tmp_path / "again/files/deep/notebook.txt").read_text() == "changed"
    assert (tmp_path / "again/data/b.csv").read_text() == "3\n"


def test_a_mount_that_cannot_be_is_an_error_of_the_build(lite):
    for mount, told in (
        ("data:there", "error: the mount 'data:there' has no absolute path"),
        ("missing:/data", "missing' cannot be mounted at '/data'"),
    ):
        done = jupyter_lite(lite, "build", f"--lite-env-mount={mount}")
        assert done.code != 0
        assert told in done.text
        assert "Traceback" not in done.text


def test_two_environments_of_one_name_are_refused_with_both_files(tmp_path):
    for name in ("a.yml", "b.yml"):
        write_environment(tmp_path / name)
    done = jupyter_lite(tmp_path, "build", "--lite-env-file=a.yml", "--lite-env-file=b.yml")
    assert done.code != 0
    assert "two environments of the site have the name 'lua-demo'" in done.text
    assert "first: a.yml" in done.text
    assert "second: b.yml" in done.text


def test_an_environment_file_that_is_not_there_is_named(tmp_path):
    done = jupyter_lite(tmp_path, "build", "--lite-env-file=missing.yml")
    assert done.code != 0
    assert "error: there is no 'missing.yml'" in done.text
    assert "Traceback" not in done.text


@pytest.mark.slow
def test_equal_builds_of_one_date_are_equal_trees(tmp_path):
    trees = []
    for name in ("one/demo", "two/demo"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        write_environment(folder / "environment.yml")
        done = jupyter_lite(folder, "build", SOURCE_DATE_EPOCH="1700000000")
        assert done.code == 0, done.text
        ours = folder / "_output" / "lite-env"
        assert {path.stat().st_mtime for path in ours.rglob("*")} == {1700000000}
        trees.append(tree(folder / "_output"))
    assert trees[0] == trees[1]


@pytest.mark.slow
def test_environments_with_one_kernel_share_what_they_have_in_common(tmp_path):
    write_environment(tmp_path / "one.yml", "one")
    write_environment(tmp_path / "two.yml", "two")
    done = jupyter_lite(tmp_path, "build", "--lite-env-file=one.yml", "--lite-env-file=two.yml")
    assert done.code == 0, done.text
    assert [kernel["name"] for kernel in site_of(tmp_path)["kernels"]] == ["xlua (one)", "xlua (two)"]
    api = tmp_path / "_output/lite-env/api"
    assert len(list(api.rglob("*.wasm*"))) == 1
    again = jupyter_lite(tmp_path, "build", "--lite-env-file=one.yml", "--lite-env-file=two.yml")
    assert again.ran == []


@pytest.mark.slow
def test_the_version_before_builds_the_same(built, tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    write_environment(folder / "environment.yml")
    first = jupyter_lite(folder, "build", version=BEFORE)
    assert (first.code, first.ran) == (0, ALL), first.text
    second = jupyter_lite(folder, "build", version=BEFORE)
    assert (second.code, second.ran, second.passed_over) == (0, [], ALL)
    ours = {
        name: data for name, data in tree(built / "_output").items() if name.startswith(("lite-env", "extensions/@l"))
    }
    assert ours.items() <= tree(folder / "_output").items()


@pytest.mark.slow
def test_beside_jupyterlite_xeus_the_build_says_what_to_do(tmp_path):
    write_environment(tmp_path / "environment.yml")
    both = {"packages": ["jupyterlite-xeus==5.1.0"], "version": NEWEST}
    done = jupyter_lite(tmp_path, "build", **both)
    assert done.code != 0
    assert f"{OTHER} is active in this build too" in done.text
    assert '{"LiteBuildConfig": {"disable_addons": ["jupyterlite-xeus"]}}' in done.text
    config = {"LiteBuildConfig": {"disable_addons": [OTHER]}, "XeusAddon": {"environment_file": ["environment.yml"]}}
    (tmp_path / "jupyter_lite_config.json").write_text(json.dumps(config))
    mended = jupyter_lite(tmp_path, "build", **both)
    assert (mended.code, mended.ran) == (0, ALL), mended.text
    assert "`XeusAddon.environment_file` is read" in mended.text


@pytest.mark.slow
def test_the_example_is_a_site_whose_notebook_has_a_kernel(tmp_path):
    # Its channel is a folder of this project, which it names by the way to it.
    (tmp_path / "channels").symlink_to(CHANNEL.parent)
    folder = tmp_path / "examples" / "jupyterlite"
    ignored = shutil.ignore_patterns("_output", ".cache", ".jupyterlite*", "*conda-lock.yml")
    shutil.copytree(EXAMPLES / "jupyterlite", folder, ignore=ignored)
    done = jupyter_lite(folder, "build")
    assert (done.code, done.ran) == (0, ALL), done.text
    assert [kernel["name"] for kernel in site_of(folder)["kernels"]] == ["xpython"]
    assert {path.name for path in (folder / "_output/files").iterdir()} == {"temperatures.csv", "temperatures.ipynb"}


def lab_extension_channel(folder: Path, *versions: str) -> Path:
    """A channel whose package `demo-lab` brings a prebuilt lab extension."""
    place = "share/jupyter/labextensions/demo-lab"
    for version in versions:
        build = {"load": "static/remote.js", "extension": "./extension"}
        document = {"name": "demo-lab", "version": version, "jupyterlab": {"extension": True, "_build": build}}
        files = {
            f"{place}/package.json": json.dumps(document),
            f"{place}/static/{version}.js": "",
            f"{place}/static/remote.js": f"// {version}",
        }
        make_package(folder, "demo-lab", version, files=files)
    index_channel(folder)
    return folder


@pytest.mark.parametrize("layout", ["native", "xeus"])
@pytest.mark.slow
def test_a_lab_extension_comes_with_its_package_and_goes_with_it(layout, tmp_path):
    channel = lab_extension_channel(tmp_path / "channel", "1.0", "2.0")
    lite = tmp_path / "lite"
    lite.mkdir()

    def build(*specs: str) -> None:
        lines = "".join(f"  - {spec}\n" for spec in ("xeus-lua", *specs))
        text = f"name: lua-demo\nchannels:\n  - {channel}\n  - {CHANNEL}\ndependencies:\n{lines}"
        (lite / "environment.yml").write_text(text)
        done = jupyter_lite(lite, "build", f"--lite-env-layout={layout}")
        assert done.code == 0, done.text

    def loaded() -> dict[str, str]:
        listed = {each["name"]: each["load"] for each in lite_data(lite).get("federated_extensions", ())}
        folder = lite / "_output/extensions"
        assert "demo-lab" in listed or not (folder / "demo-lab/package.json").exists()
        return {name: (folder / name / load).read_text() for name, load in listed.items() if name == "demo-lab"}

    build("demo-lab =1.0")
    assert loaded() == {"demo-lab": "// 1.0"}
    of_before = lite / "_output/extensions/demo-lab/static/1.0.js"
    assert of_before.is_file()
    build("demo-lab =2.0")
    assert loaded() == {"demo-lab": "// 2.0"}
    # For pages that were loaded before; with the layout of others the folder is another one.
    assert of_before.is_file() is (layout == "native")
    build()
    assert loaded() == {}
    assert of_before.is_file() is (layout == "native")
