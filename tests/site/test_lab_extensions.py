from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lite_env.errors import SiteError
from lite_env.site.lab_extensions import (
    LabExtension,
    Packages,
    choose,
    extension_paths,
    lab_extensions,
)
from lite_env.site.widgets import MANAGER

if TYPE_CHECKING:
    from pathlib import Path

LOAD = "static/remoteEntry.abc.js"


def make(folder: Path, name: str, version: str = "1.0.0", /, **document) -> Path:
    place = folder / name
    (place / "static").mkdir(parents=True)
    (place / LOAD).write_text(f"// {version}")
    built = {"name": name, "version": version, "jupyterlab": {"_build": {"load": LOAD, "extension": "./extension"}}}
    (place / "package.json").write_text(json.dumps({**built, **document}))
    return place


def extension(name: str, version: str, origin: str, folder: Path | None = None) -> LabExtension:
    return LabExtension(name=name, version=version, folder=folder, origin=origin, load=LOAD)  # type: ignore[arg-type]


def test_the_extensions_of_a_folder_are_found_and_what_is_none_is_passed_by(tmp_path):
    make(tmp_path, "@scope/name", "2.1.0")
    make(tmp_path, "plain")
    make(tmp_path, "unbuilt", jupyterlab={"extension": True})
    (tmp_path / "empty").mkdir()
    found = lab_extensions(tmp_path, "the environment 'demo'")
    assert [(each.name, each.version) for each in found] == [("@scope/name", "2.1.0"), ("plain", "1.0.0")]
    assert list(extension_paths(found[0])) == [LOAD, "package.json"]
    assert lab_extensions(tmp_path / "nothing", "nobody") == ()


@pytest.mark.parametrize(
    "document",
    [
        {"name": "../../lab"},
        {"name": "other"},
        {"version": 1},
        {"jupyterlab": {"_build": {"load": "../../../lab/bundle.js"}}},
    ],
)
def test_one_that_would_lie_elsewhere_is_refused(tmp_path, document):
    make(tmp_path, "plain", **document)
    with pytest.raises(SiteError, match="not the one of its folder"):
        lab_extensions(tmp_path, "the environment 'demo'")
    assert lab_extensions(tmp_path, "the Python that builds the site", tolerant=True) == ()


def test_links_are_not_followed_and_source_maps_are_left_out_where_a_site_has_none(tmp_path):
    place = make(tmp_path, "plain")
    (place / f"{LOAD}.map").write_text("{}")
    (found,) = lab_extensions(tmp_path, "x")
    assert f"{LOAD}.map" in extension_paths(found)
    assert f"{LOAD}.map" not in extension_paths(found, sourcemaps=False)
    (place / "static" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(SiteError, match="no plain file"):
        list(extension_paths(found))


def test_an_environments_extension_is_copied_unless_the_site_has_the_same():
    mine = [extension("a", "1.0", "env"), extension("b", "2.0", "env"), extension("c", "1.0", "env")]
    site = [extension("a", "1.0", "site"), extension("b", "1.9", "old"), extension("b", "1.5", "site")]
    choice = choose(mine, site)
    assert [each.name for each in choice.copied] == ["b", "c"]
    (note,) = choice.notes
    assert "'b' is in the site as 2.0 of env, and not as 1.5 of site" in note
    assert not choose(mine, site, own=("b", "c")).copied


def test_two_environments_that_bring_two_versions_are_refused():
    same = [extension("a", "1.0", "one"), extension("a", "1.0", "two")]
    assert [each.origin for each in choose(same, []).copied] == ["one"]
    with pytest.raises(SiteError, match="different versions of the lab extension 'a'") as caught:
        choose([*same, extension("a", "1.1", "three")], [])
    assert dict(caught.value.context) == {"first": "1.0 of one", "second": "1.1 of three"}


@pytest.mark.parametrize(
    ("library", "manager", "said"),
    [
        ("8.1.9", "5.0.16", None),
        ("7.8.5", "3.1.11", None),
        ("8.1.9", "3.1.11", "put `jupyterlab_widgets>=3,<4` there, or `ipywidgets=7` into the environment"),
        ("7.8.5", "5.0.16", "put `jupyterlab_widgets>=1,<2` there, or `ipywidgets=8` into the environment"),
        ("8.1.9", None, "without which no widget is shown: put `jupyterlab_widgets>=3,<4` into the environment"),
        (None, "5.0.16", None),
        ("9.0", "5.0.16", None),
    ],
)
def test_widgets_that_would_not_be_shown_are_told_with_both_versions(library, manager, said):
    packages = [Packages(environment="demo", versions={"ipywidgets": library} if library else {})]
    site = [extension(MANAGER, manager, "site")] if manager else []
    notes = choose([], site, packages).notes
    assert [said in note and library in note and (manager or "no '") in note for note in notes] == [True] * bool(said)


def test_the_environments_own_manager_counts():
    packages = [Packages(environment="demo", versions={"ipywidgets": "8.1.9"})]
    choice = choose([extension(MANAGER, "5.0.16", "env")], [extension(MANAGER, "3.1.11", "site")], packages)
    assert [note for note in choice.notes if "ipywidgets" in note] == []
