"""What is published is what was packed: nothing of the host by a link, nothing that waits, nothing that has changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lite_env.errors import LiteEnvError, ManifestError
from lite_env.pack.reader import read_manifest
from lite_env.site.build import make_site, write_site
from lite_env.site.plan import SiteOptions, plan_site
from tests.sites import make_pack

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links, and named pipes")

FROZEN = Path(__file__).parents[1] / "packs" / "1.0"
SECRET = b"a secret of this machine"
FILES = ("manifest.json", "index-*", "archives/*", "kernels/*/kernel.json", "kernels/*/*.png", "kernels/*/*.wasm*")


@pytest.fixture(params=["2", "1.0"])
def pack(request, tmp_path):
    if request.param == "2":
        return make_pack(tmp_path / "stranger" / "pack")
    source = next(path for path in sorted(FROZEN.iterdir()) if list(path.glob("kernels/*/*.png")))
    return shutil.copytree(source, tmp_path / "stranger" / "pack")


def publish(pack, tmp_path, runtime):
    return make_site([pack], tmp_path / "public", SiteOptions(), runtime=runtime)


def published(tmp_path) -> bytes:
    return b"".join(path.read_bytes() for path in (tmp_path / "public").rglob("*") if path.is_file())


@pytest.mark.parametrize("pattern", FILES)
def test_a_link_in_the_place_of_a_file_is_refused(pack, tmp_path, runtime, pattern):
    (tmp_path / "secret").write_bytes(SECRET)
    file = next(pack.glob(pattern))
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    with pytest.raises(ManifestError, match="symbolic link") as caught:
        publish(pack, tmp_path, runtime)
    assert file.relative_to(pack).as_posix() in str(caught.value)
    assert SECRET not in published(tmp_path)


@pytest.mark.parametrize("pattern", FILES)
def test_a_link_to_an_equal_file_is_refused_too(pack, tmp_path, runtime, pattern):
    """What a link leads to may be another file when it is read."""
    file = next(pack.glob(pattern))
    shutil.move(file, tmp_path / "same")
    file.symlink_to(tmp_path / "same")
    with pytest.raises(ManifestError, match="symbolic link"):
        publish(pack, tmp_path, runtime)


@pytest.mark.parametrize("folder", ["archives", "kernels", "kernels/*"])
def test_a_linked_folder_is_refused(pack, tmp_path, runtime, folder):
    found = next(pack.glob(folder))
    shutil.move(found, tmp_path / "elsewhere")
    found.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ManifestError, match="symbolic link"):
        publish(pack, tmp_path, runtime)


@pytest.mark.parametrize("pattern", FILES)
def test_a_pipe_in_the_place_of_a_file_is_not_opened(pack, tmp_path, runtime, pattern):
    file = next(pack.glob(pattern))
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ManifestError, match="not a regular file"):
        publish(pack, tmp_path, runtime)


@pytest.mark.parametrize("pattern", FILES[1:])
@pytest.mark.parametrize("change", ["other bytes", "shorter", "longer", "gone", "link", "pipe"])
def test_a_pack_that_changes_while_it_is_published_is_an_error(pack, tmp_path, runtime, pattern, change):
    plan = plan_site([pack], tmp_path / "public", SiteOptions(), runtime=runtime)
    file = next(pack.glob(pattern))
    data = file.read_bytes()
    file.unlink()
    if change == "link":
        (tmp_path / "secret").write_bytes(data)
        file.symlink_to(tmp_path / "secret")
    elif change == "pipe":
        os.mkfifo(file)
    elif change != "gone":
        other = {"other bytes": bytes(len(data)), "shorter": data[:-1], "longer": data + SECRET * 99}[change]
        file.write_bytes(other)
    with pytest.raises(LiteEnvError):
        write_site(plan)
    assert not (tmp_path / "public" / "index.html").exists()
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_the_manifest_that_was_checked_is_the_one_that_is_published(pack, tmp_path, runtime):
    plan = plan_site([pack], tmp_path / "public", SiteOptions(), runtime=runtime)
    checked = (pack / "manifest.json").read_bytes()
    (pack / "manifest.json").write_bytes(b"{}")
    write_site(plan)
    name = plan.environments[0]
    assert (tmp_path / "public" / "packs" / name / "manifest.json").read_bytes() == checked


def test_what_the_manifest_does_not_name_is_not_published(pack, tmp_path, runtime):
    (pack / "notes.txt").write_bytes(SECRET)
    (pack / "kernels" / "notes.txt").symlink_to("/etc/passwd")
    publish(pack, tmp_path, runtime)
    assert SECRET not in published(tmp_path)
    assert not list((tmp_path / "public").rglob("notes.txt"))


def test_a_kernelspec_of_other_bytes_is_refused(tmp_path, runtime):
    pack = make_pack(tmp_path / "pack")
    spec = pack / read_manifest(pack).kernels[0].spec.path
    spec.write_bytes(spec.read_bytes().replace(b"toy", b"tox"))
    with pytest.raises(LiteEnvError, match="is not the file that was expected"):
        publish(pack, tmp_path, runtime)
