from __future__ import annotations

import hashlib
import json
from urllib.parse import urljoin

import pytest

from lite_env.errors import SiteError
from lite_env.site.environments import read_environments
from lite_env.site.extension import PACKAGE, extension_files
from lite_env.site.lite_kernels import make_lite_site

FOLDER = f"extensions/{PACKAGE}/"


@pytest.fixture
def site(made_packs):
    return make_lite_site(read_environments([made_packs["demo"]]), runtime="runtime/0/")


def emitted(site, runtime, folder=FOLDER, content="lite-env/", **options) -> dict[str, bytes]:
    files = extension_files(site, folder=folder, content=content, runtime=runtime, **options)
    for file in files:
        assert (file.size, file.sha256) == (len(file.content), hashlib.sha256(file.content).hexdigest())
    return {file.path: file.content for file in files}


def told(entry: bytes) -> dict:
    line = entry.split(b"\n")[0]
    return json.loads(line.removeprefix(b"self.liteEnvExtension = ").removesuffix(b";"))


def test_the_package_names_its_entry_by_the_hash_of_its_bytes(site, runtime):
    files = emitted(site, runtime)
    package = json.loads(files[f"{FOLDER}package.json"])
    load = package["jupyterlab"]["_build"]["load"]
    entry = files[FOLDER + load]
    assert load == f"static/remoteEntry.{hashlib.sha256(entry).hexdigest()[:16]}.js"
    assert package["name"] == PACKAGE
    assert package["jupyterlab"] == {"extension": True, "_build": {"load": load, "extension": "./extension"}}
    assert list(files)[-1] == f"{FOLDER}package.json"


def test_the_entry_knows_the_site_and_the_way_to_its_files(site, runtime):
    entry = next(content for path, content in emitted(site, runtime).items() if path.endswith(".js"))
    assert entry.endswith((runtime / "jupyterlite" / "remoteEntry.js").read_bytes())
    document = told(entry)
    assert document["package"] == PACKAGE
    assert document["site"]["build"] == site.build
    here = f"https://host/docs/lite/{FOLDER}static/remoteEntry.js"
    assert urljoin(here, document["base"]) == "https://host/docs/lite/lite-env/"


def test_an_extension_that_is_shipped_has_its_files_in_its_own_folder(site, runtime):
    files = emitted(site, runtime, folder="", content="lite-env/", package="@me/mine")
    entry = next(content for path, content in files.items() if path.startswith("static/"))
    assert urljoin("https://host/extensions/@me/mine/static/x.js", told(entry)["base"]).endswith(
        "/extensions/@me/mine/lite-env/"
    )


@pytest.mark.parametrize("name", ["../kernels", "@lite-env", "Kernels", "a/b", ""])
def test_a_name_that_is_none_of_a_package_is_refused(site, runtime, name):
    with pytest.raises(SiteError, match="cannot be the name of an extension"):
        emitted(site, runtime, package=name)


def test_a_runtime_without_the_extension_is_refused(site, runtime):
    (runtime / "jupyterlite" / "remoteEntry.js").unlink()
    with pytest.raises(SiteError, match="no extension for JupyterLite"):
        emitted(site, runtime)
