"""Start-up code of kernels, from the kernelspec to who reads the pack."""

from __future__ import annotations

import json

import pytest

from lite_env.errors import ManifestError
from lite_env.pack.filters import parse_filter
from lite_env.pack.plan import plan_pack
from lite_env.pack.reader import read_index, read_manifest
from lite_env.pack.restore import unpack
from lite_env.pack.writer import encode_manifest, write_pack
from lite_env.prefix.reader import read_prefix
from tests.prefixes import Toy, kernel_package, make_prefix

FOLDER = "share/jupyter/kernels/own"
CODE = f"{FOLDER}/startup.toy"


@pytest.fixture
def pack(tmp_path):
    """A kernel, and one of a user's own over its program."""
    spec = {
        "argv": ["@PREFIX@/bin/xtoy"],
        "display_name": "Our own",
        "language": "toy",
        "metadata": {"lite-env": {"startup": CODE}},
    }
    files = {f"{FOLDER}/kernel.json": json.dumps(spec), CODE: "x = 1", f"{FOLDER}/logo-svg.svg": "<svg/>"}
    make_prefix(tmp_path / "prefix", kernel_package(), Toy(name="our-own", files=files))
    # A rule of the user's that is too wide drops nothing of a kernel.
    filters = parse_filter("rules: [{drop: share/}]", origin="x")
    write_pack(plan_pack(read_prefix(tmp_path / "prefix"), level=1, filters=filters), tmp_path / "pack")
    return tmp_path / "pack"


def test_the_manifest_names_it_and_what_a_reader_must_know(pack):
    manifest = read_manifest(pack)
    assert manifest.requires == ("startup-code",)
    assert {kernel.name: kernel.startup for kernel in manifest.kernels} == {"own": CODE, "toy": None}
    assert CODE in read_index(pack, manifest).entries


def test_two_kernels_over_one_program_have_its_files_once_and_pictures_of_their_own(pack):
    own, toy = read_manifest(pack).kernels
    assert [file.path for file in own.binaries] == [file.path for file in toy.binaries]
    assert len(list(pack.glob("kernels/*/xtoy-*"))) == 2
    assert [logo.path.rpartition("/")[0] for logo in (*own.logos, *toy.logos)] == ["kernels/own", "kernels/toy"]
    assert own.display_name == "Our own"


def test_a_kernel_without_is_written_as_ever(pack):
    kernels = json.loads((pack / "manifest.json").read_bytes())["kernels"]
    assert ["startup" in kernel for kernel in kernels] == [True, False]


def test_what_is_read_is_written_again(pack):
    assert encode_manifest(read_manifest(pack)) == (pack / "manifest.json").read_bytes()


def test_unpacked_it_packs_to_the_same(pack, tmp_path):
    unpack(pack, tmp_path / "again")
    write_pack(plan_pack(read_prefix(tmp_path / "again"), name="prefix", level=1), tmp_path / "other")
    assert (tmp_path / "other/manifest.json").read_bytes() == (pack / "manifest.json").read_bytes()


@pytest.mark.parametrize("place", [f"{FOLDER}/lost.toy", FOLDER])
def test_a_pack_without_the_file_is_refused(pack, place):
    text = (pack / "manifest.json").read_text()
    (pack / "manifest.json").write_text(text.replace(f'"startup": "{CODE}"', f'"startup": "{place}"'))
    with pytest.raises(ManifestError, match="the start-up code of the kernel 'own' is not in the pack") as caught:
        read_index(pack, read_manifest(pack))
    assert dict(caught.value.context)["file"] == place
