"""Sources of every kind, fetched, patched and built for real: by HTTP, by git, and from a folder beside."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from lite_env.recipe.testing.package import read_package
from tests.recipe.builds import build
from tests.recipe.recipes import write_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toolchain")]

RECIPE = """\
package:
  name: told
  version: "1.0"
source:
{source}
  patches:
    - say.patch
build:
  number: 0
  noarch: generic
  script:
    - mkdir -p ${{PREFIX}}/share
    - cp told.txt ${{PREFIX}}/share/told.txt
about:
  license: MIT
  license_file: LICENSE
"""
PATCH = """\
--- a/told.txt
+++ b/told.txt
@@ -1,3 +1,3 @@
 one
-two
+{new}
 three
"""
FILES = {"told.txt": "one\ntwo\nthree\n", "LICENSE": "As you like.\n"}


def recipe(folder: Path, source: str, *, new: str = "patched") -> Path:
    written = write_recipe(folder / "told", RECIPE.format(source=source))
    (written / "say.patch").write_text(PATCH.format(new=new), encoding="utf-8")
    return written


def told_in(channel: Path) -> str:
    (package,) = channel.glob("noarch/*.conda")
    return read_package(package).files["share/told.txt"].decode()


def built(folder: Path, channel: Path) -> str:
    answer, found = build(folder, channel=channel, options=["--no-test"])
    assert answer.code == 0, answer.err
    return found["built"][0]["how"]


@pytest.fixture
def served(tmp_path) -> Iterator[tuple[str, Path]]:
    """The address of a folder that is served on loopback, and the folder."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args) -> None:
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in FILES.items():
            member = tarfile.TarInfo(f"told-1.0/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_a_source_by_its_address_is_fetched_checked_and_patched_and_a_changed_patch_rebuilds(tmp_path, served):
    url, folder = served
    (folder / "told-1.0.tar.gz").write_bytes(archive())
    digest = hashlib.sha256(archive()).hexdigest()
    source = f"  url: {url}/told-1.0.tar.gz\n  sha256: {digest}"
    written = recipe(tmp_path, source)
    channel = tmp_path / "channel"
    assert built(written, channel) == "built"
    assert told_in(channel) == "one\npatched\nthree\n"
    assert built(written, channel) == "there"
    (written / "say.patch").write_text(PATCH.format(new="patched again"), encoding="utf-8")
    assert built(written, channel) == "built"
    assert told_in(channel) == "one\npatched again\nthree\n"
    # And what was patched first is in the store.
    (written / "say.patch").write_text(PATCH.format(new="patched"), encoding="utf-8")
    assert built(written, channel) == "from the store"
    assert told_in(channel) == "one\npatched\nthree\n"


def test_a_source_that_is_another_one_is_refused_by_its_hash(tmp_path, served):
    url, folder = served
    (folder / "told-1.0.tar.gz").write_bytes(archive())
    written = recipe(tmp_path, f"  url: {url}/told-1.0.tar.gz\n  sha256: {'0' * 64}")
    answer, _ = build(written, channel=tmp_path / "channel", options=["--no-test"])
    assert answer.code == 1
    assert "a source of told is another one than its recipe asks for" in answer.err
    assert str(written / "recipe.yaml") in answer.err
    assert f"{url}/told-1.0.tar.gz" in answer.err


def test_a_source_that_nobody_serves_is_told_with_its_address(tmp_path, served):
    url, _ = served
    written = recipe(tmp_path, f"  url: {url}/told-1.0.tar.gz\n  sha256: {'0' * 64}")
    answer, _ = build(written, channel=tmp_path / "channel", options=["--no-test"])
    assert answer.code == 1
    assert f"{url}/told-1.0.tar.gz" in answer.err
    assert "404" in answer.err


@pytest.fixture
def repository(tmp_path) -> tuple[Path, str]:
    """A git repository, and the name of its commit."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=A Test", "-c", "user.email=test@example.org"]
        done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "v1")
    return folder, git("rev-parse", "HEAD")


def test_a_commit_is_built_once_and_a_tag_each_time(tmp_path, repository):
    folder, commit = repository
    written = recipe(tmp_path, f"  git: {folder.as_uri()}\n  rev: {commit}")
    channel = tmp_path / "channel"
    assert [built(written, channel) for _ in range(2)] == ["built", "there"]
    assert told_in(channel) == "one\npatched\nthree\n"
    written = recipe(tmp_path / "tag", f"  git: {folder.as_uri()}\n  tag: v1")
    channel = tmp_path / "by tag"
    assert [built(written, channel) for _ in range(2)] == ["built", "built"]
    assert told_in(channel) == "one\npatched\nthree\n"


def test_a_folder_beside_the_recipe_decides_the_build(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    written = recipe(tmp_path, "  path: ../sources")
    channel = tmp_path / "channel"
    assert [built(written, channel) for _ in range(2)] == ["built", "there"]
    (folder / "told.txt").write_text("one\ntwo\nthree\nfour\n", encoding="utf-8")
    assert built(written, channel) == "built"
    assert told_in(channel) == "one\npatched\nthree\nfour\n"


def test_a_patch_that_does_not_fit_is_named_with_its_file(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text.replace("two", "another"), encoding="utf-8")
    written = recipe(tmp_path, "  path: ../sources")
    answer, found = build(written, channel=tmp_path / "channel", options=["--no-test"])
    assert answer.code == 1
    assert found["failed"][0]["error"] == "the patch say.patch of told does not apply to its source"
    assert str(written / "say.patch") in answer.err
    assert not list((tmp_path / "channel").rglob("*.conda"))


def test_what_was_kept_out_is_kept_out_again_with_what_needs_it_and_nothing_else(tmp_path):
    recipes, channel = tmp_path / "recipes", tmp_path / "channel"
    plain = "package:\n  name: {}\n  version: '1.0'\nbuild:\n  number: 0\n  noarch: generic\n  script: 'true'\n"
    sound = "about:\n  license: MIT\n  license_file: LICENSE\n"
    write_recipe(recipes / "bad", plain.format("bad"))
    write_recipe(recipes / "needing", plain.format("needing") + "requirements:\n  host: [bad]\n" + sound)
    write_recipe(recipes / "good", plain.format("good") + sound)
    for name in ("needing", "good"):
        (recipes / name / "LICENSE").write_text("As you like.\n", encoding="utf-8")
    # A build that was refused must not be taken from the store as one that was done.
    for how in ("built", "there"):
        answer, found = build(recipes, channel=channel, options=["--no-test"])
        assert answer.code == 1
        assert [(step["recipe"], step["how"]) for step in found["built"]] == [("good", how)]
        failed = {step["recipe"]: step["error"] for step in found["failed"]}
        assert "must not enter a channel" in failed["bad"]
        assert failed["needing"] == "needing needs bad, which could not be built"
        assert [path.name.partition("-")[0] for path in channel.rglob("*.conda")] == ["good"]
