from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lite_env.cli.labextension import command
from lite_env.errors import SiteError
from tests.lite_cores import jupyter_lite
from tests.sites import make_pack

NAME = "@my-org/kernels"
FOLDER = f"share/jupyter/labextensions/{NAME}"


@pytest.fixture
def pack(tmp_path):
    return make_pack(tmp_path / "pack")


def run(*arguments):
    return CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)


def test_an_extension_holds_all_that_its_kernels_need(pack, tmp_path):
    assert run(pack, "-o", tmp_path / "out", "--name", NAME).stderr.startswith("demo: ")
    folder = tmp_path / "out" / FOLDER
    package = json.loads((folder / "package.json").read_text())
    assert package["name"] == NAME
    assert (folder / package["jupyterlab"]["_build"]["load"]).is_file()
    site = json.loads((folder / "lite-env/api/site.json").read_text())
    assert (folder / "lite-env" / site["kernels"][0]["manifest"]).is_file()
    assert (folder / "lite-env" / site["runtime"] / "worker.js").is_file()
    assert "; 0 new" in run(pack, "-o", tmp_path / "out", "--name", NAME).stderr


def test_a_dry_run_writes_nothing(pack, tmp_path):
    assert f"{FOLDER}/package.json" in run(pack, "-o", tmp_path / "out", "--name", NAME, "--dry-run").stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["@lite-env/kernels", "../x", "Kernels"])
def test_a_name_that_leads_elsewhere_or_is_taken_is_refused(pack, tmp_path, name):
    with pytest.raises(SiteError, match="the name of"):
        run(pack, "-o", tmp_path / "out", "--name", name)
    assert not (tmp_path / "out").exists()


@pytest.mark.network
def test_a_site_takes_it_without_lite_env(pack, tmp_path):
    run(pack, "-o", tmp_path / "out", "--name", NAME)
    lite = tmp_path / "lite"
    lite.mkdir()
    extra = f"--FederatedExtensionAddon.extra_labextensions_path={tmp_path / 'out/share/jupyter/labextensions'}"
    done = jupyter_lite(lite, "build", extra, ours=False)
    assert done.code == 0, done.text
    output = lite / "_output"
    data = json.loads((output / "jupyter-lite.json").read_text())["jupyter-config-data"]
    (found,) = (each for each in data["federated_extensions"] if each["name"] == NAME)
    assert (output / "extensions" / NAME / found["load"]).is_file()
    assert (output / "extensions" / NAME / "lite-env/api/packs/demo/manifest.json").is_file()
