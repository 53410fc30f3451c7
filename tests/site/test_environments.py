from __future__ import annotations

import pytest

from lite_env.errors import ManifestError, SiteError
from lite_env.site.environments import read_environments
from tests.sites import make_pack


def test_packs_are_read_in_their_order(tmp_path):
    packs = [make_pack(tmp_path / "one", name="z"), make_pack(tmp_path / "two", name="my env")]
    first, second = read_environments(packs)
    assert (first.name, first.folder, first.manifest_url) == ("z", "packs/z/", "packs/z/manifest.json")
    assert second.folder == "packs/my env/"
    assert second.manifest_url == "packs/my%20env/manifest.json"


def test_a_site_without_packs_is_refused():
    with pytest.raises(SiteError, match="at least one pack"):
        read_environments([])


def test_what_is_no_pack_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="is not a pack"):
        read_environments([tmp_path])


@pytest.mark.parametrize(("second", "shown"), [("demo", "'demo'"), ("DEMO", r"'DEMO' \('demo'\)")])
def test_two_packs_of_one_name_are_refused(tmp_path, second, shown):
    packs = [make_pack(tmp_path / "one", name="demo"), make_pack(tmp_path / "two", name=second)]
    with pytest.raises(SiteError, match=f"two packs have the name {shown}") as caught:
        read_environments(packs)
    assert caught.value.context == (("first", str(packs[0])), ("second", str(packs[1])))
    assert "--name" in caught.value.hint


@pytest.mark.parametrize("name", ["..", "a/b", "a\\b", "", "NUL", "a.", "a:b", "a\u202eb", "a\nb"])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path, name):
    pack = make_pack(tmp_path / "one", name="PLACE")
    manifest = pack / "manifest.json"
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    manifest.write_text(manifest.read_text("utf-8").replace("PLACE", escaped), "utf-8")
    with pytest.raises(SiteError, match="cannot be that of a folder") as caught:
        read_environments([pack])
    assert caught.value.context == (("file", str(manifest)),)
