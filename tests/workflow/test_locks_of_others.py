"""A pixi.lock and an ``@EXPLICIT`` list in place of a lock: listed, compared, exported, installed and packed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from lite_env.channel.index import index_channel
from lite_env.cli.main import cli
from lite_env.errors import LiteEnvError
from lite_env.store.digest import sha256_of_file
from tests.conda_packages import TOY_KERNEL, make_package
from tests.conftest import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path
FORMS = {"pixi.lock": "pixi", "six.lock": "pixi-6", "explicit.txt": "explicit", "exported.yml": "conda-lock"}
FOREIGN = tuple(name for name in FORMS if name != "exported.yml")
# The toy kernel starts nothing.
PACK = ("--no-trace", "--no-bytecode", "--no-check", "--level", "1")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """An environment with a toy kernel and a variable, its lock, and that lock in each other format."""
    folder = tmp_path_factory.mktemp("project")
    channel = folder / "channel"
    make_package(channel, "xeus-toy", "1.0", files=TOY_KERNEL, depends=["toy-data >=1"])
    make_package(channel, "toy-data", "2.1", noarch="generic", files={"share/toy.txt": "x"})
    index_channel(channel)
    (folder / "environment.yml").write_text(
        "name: toys\nchannels: [./channel]\ndependencies: [xeus-toy]\nvariables: {A: b}\n"
    )
    done("lock", folder / "environment.yml")
    for name in FOREIGN:
        done("export", folder / "conda-lock.yml", "--format", FORMS[name], "-o", folder / name)
    done("export", folder / "pixi.lock", "--format", "conda-lock", "-o", folder / "exported.yml")
    return folder


def done(*words: object) -> Result:
    ended = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended


def failed(*words: object) -> str:
    with pytest.raises(LiteEnvError) as caught:
        done(*words)
    return f"{caught.value.message}\nhint: {caught.value.hint}"


def tree(folder: Path) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): sha256_of_file(file) for file in folder.rglob("*") if file.is_file()}


def manifest(pack: Path) -> dict:
    return json.loads((pack / "manifest.json").read_text("utf-8"))


@pytest.mark.parametrize("name", FOREIGN)
def test_questions_are_answered_as_of_the_lock(project, name):
    assert done("list", project / name).stdout == done("list", project / "conda-lock.yml").stdout
    assert "xeus-toy 1.0\n└── toy-data 2.1 (>=1)\n" in done("tree", project / name).stdout
    assert "xeus-toy 1.0 needs toy-data >=1" in done("why", "toy-data", project / name).stdout
    assert "the same packages" in done("diff", project / "conda-lock.yml", project / name).stdout
    assert done("diff", project / "exported.yml", project / name, "--exit-code").exit_code == 0
    report = json.loads(done("report", project / name, "--json").stdout)
    assert (
        report["lock_digest"] == json.loads(done("report", project / "conda-lock.yml", "--json").stdout)["lock_digest"]
    )


@pytest.mark.parametrize("name", FOREIGN)
def test_it_is_exported_again_to_the_same_bytes(project, name):
    for other, form in FORMS.items():
        if form != "conda-lock":
            assert done("export", project / name, "--format", form).stdout == (project / other).read_text("utf-8")
    again = project / f"{name}.conda-lock.yml"
    done("export", project / name, "--format", "conda-lock", "-o", again)
    assert again.read_text().startswith("# Made by `lite-env export`")
    assert str(project) not in again.read_text()
    assert done("list", again).stdout == done("list", project / name).stdout


def test_what_gets_lost_is_told(project):
    told = done("export", project / "conda-lock.yml", "--format", "pixi").stderr
    assert "warning: the format has no place for the environment's variables: A" in told
    assert "warning: 2 packages stand in it by their absolute paths: it is of use on this machine alone" in told
    assert done("export", project / "conda-lock.yml", "--format", "conda-lock").stderr == ""


@pytest.mark.parametrize("name", FOREIGN)
def test_it_is_installed_and_packed_as_the_lock_is(project, tmp_path, name):
    for source in ("exported.yml", name):
        done("install", project / source, "--prefix", tmp_path / source / "prefix")
        done("pack", project / source, "-o", tmp_path / source / "pack", *PACK)
    records = "conda-meta"
    installed = [
        {path: digest for path, digest in tree(tmp_path / source / "prefix").items() if not path.startswith(records)}
        for source in ("exported.yml", name)
    ]
    assert installed[0] == installed[1]
    assert "share/toy.txt" in installed[0]
    assert tree(tmp_path / name / "pack") == tree(tmp_path / "exported.yml" / "pack")


def test_an_environment_is_chosen(project, tmp_path):
    other = tmp_path / "pixi.lock"
    text = (project / "pixi.lock").read_text("utf-8")
    assert "\n  default:\n" in text
    other.write_text(
        text.replace("\n  default:\n", "\n  docs:\n").replace(
            "packages:\n- conda", "  empty:\n    channels: []\n    packages: {}\npackages:\n- conda"
        )
    )
    assert "hint: choose one with `--environment`: docs, empty" in failed("list", other)
    assert "toy-data" in done("list", other, "--environment", "docs").stdout
    assert "`environments.empty.packages` is for nothing" in failed("list", other, "--environment", "empty")
    done("install", other, "--environment", "docs", "--prefix", tmp_path / "prefix")
    done("pack", other, "--environment", "docs", "-o", tmp_path / "pack", *PACK)
    assert manifest(tmp_path / "pack")["environment"]["name"] == "docs"
    assert "the same packages" in done("diff", project / "conda-lock.yml", other, "--environment", "docs").stdout
    assert done("export", other, "--environment", "docs", "--format", "pixi").stdout == text


@pytest.mark.parametrize("name", ["conda-lock.yml", "explicit.txt", "environment.yml"])
def test_there_is_nothing_to_choose_elsewhere(project, tmp_path, name):
    for words in (("list",), ("pack", "-o", tmp_path / "pack")):
        told = failed(words[0], project / name, "--environment", "docs", *words[1:])
        assert "no environment 'docs' can be chosen" in told
        assert "hint: leave out `--environment`" in told


def test_a_pack_is_no_lock(project, tmp_path):
    done("pack", project / "conda-lock.yml", "-o", tmp_path / "pack", *PACK)
    for form in FORMS.values():
        told = failed("export", tmp_path / "pack", "--format", form)
        assert "a pack does not tell where its packages come from" in told
    assert "no environment 'docs' can be chosen" in failed("list", tmp_path / "pack", "--environment", "docs")


def test_a_list_without_hashes_is_packed_with_a_warning_and_refused_where_locks_are_needed(project, tmp_path):
    weak = project / "weak.txt"
    lines = (project / "explicit.txt").read_text("utf-8").splitlines()
    weak.write_text("".join(f"{line.partition('#')[0] or line}\n" for line in lines))
    ended = done("pack", weak, "-o", tmp_path / "pack", *PACK)
    assert (
        "warning: 2 of 2 packages in 'weak.txt' have no sha256 (2 of them no hash at all, 0 an MD5 alone)"
        in ended.stderr
    )
    for flag in ("--locked", "--frozen"):
        told = failed("pack", weak, flag, "-o", tmp_path / "other", *PACK)
        assert "2 of 2 packages have no sha256 in the list, and locked ones were asked for" in told
        done("pack", project / "explicit.txt", flag, "-o", tmp_path / flag, *PACK)
    assert tree(tmp_path / "pack") == tree(tmp_path / "--locked")
    assert "it has no key before" in failed("cache", "key", weak)


@pytest.mark.slow
def test_a_real_kernel_is_packed_to_the_same_bytes_from_every_format(tmp_path):
    own = tmp_path / "own" / "conda-lock.yml"
    done("lock", EXAMPLES / "lua" / "environment.yml", "-o", own)
    for name in FOREIGN:
        done("export", own, "--format", FORMS[name], "-o", tmp_path / name)
    done("export", tmp_path / "pixi.lock", "--format", "conda-lock", "-o", tmp_path / "exported.yml")
    packs = {name: tmp_path / "packs" / name for name in FORMS}
    for name, pack in packs.items():
        done("pack", tmp_path / name, "--name", "lua", "-o", pack)
    trees = [tree(pack) for pack in packs.values()]
    assert all(each == trees[0] for each in trees)
    done("pack", own, "--name", "lua", "-o", tmp_path / "own" / "pack")
    expected = tree(tmp_path / "own" / "pack")
    # Only what was asked for, and what the profile is about, is not told by the others.
    assert {path for path in expected if expected[path] != trees[0].get(path)} == {"manifest.json"}
    assert len(expected) == len(trees[0])
    before, after = manifest(tmp_path / "own" / "pack"), manifest(packs["pixi.lock"])
    assert before["environment"].pop("requested") == ["xeus-lua"]
    assert after["environment"].pop("requested") == []
    del before["profile"], after["profile"]
    assert before == after
    assert "42" in done("run", packs["pixi.lock"], "-c", "print(6 * 7)").stdout
