"""Packages of Debian by apt's own word, of releases that this machine is not of; and where there is no apt."""

from __future__ import annotations

from pathlib import Path

import pytest

from lite_env.errors import FetchError, MissingToolError
from lite_env.progress import SILENT
from lite_env.recipe.toolchain import debian, headers, llvm
from lite_env.recipe.toolchain.debian import Deb, Tree, is_debian, unpack
from tests.prefixes import Heard

# What apt 2.6 of Debian 12 and apt 3.0 of Debian 13 say of `install --simulate`; lines of other words are left out.
BOOKWORM = """\
Reading package lists...
The following NEW packages will be installed:
  clang-19 lld-19
Inst libllvm19 (1:19.1.7-3~deb12u1 Debian-Security:12/oldstable-security [amd64])
Inst clang-19 (1:19.1.7-3~deb12u1 Debian:12.14/oldstable [amd64])
Inst libc6 [2.36-9+deb12u10] (2.36-9+deb12u13 Debian:12.14/oldstable [amd64])
Conf clang-19 (1:19.1.7-3~deb12u1 Debian:12.14/oldstable [amd64])
"""
TRIXIE = """\
Reading package lists...
Solving dependencies...
Installing:
  clang-19
Inst libllvm19 (1:19.1.7-3+b1 Debian:13.2/stable [amd64])
Inst clang-19 (1:19.1.7-3+b1 Debian:13.2/stable [amd64])
Conf libllvm19 (1:19.1.7-3+b1 Debian:13.2/stable [amd64])
"""

needs_apt = pytest.mark.skipif(not is_debian(), reason="no apt here")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A tree of apt, and what stands for apt's answer."""
    monkeypatch.setattr(debian, "_mirror", lambda: "http://mirror.example")
    return Tree("trixie", tmp_path / "apt")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            BOOKWORM,
            (
                Deb(name="clang-19", version="1:19.1.7-3~deb12u1"),
                Deb(name="libc6", version="2.36-9+deb12u13"),
                Deb(name="libllvm19", version="1:19.1.7-3~deb12u1"),
            ),
        ),
        (
            TRIXIE,
            (Deb(name="clang-19", version="1:19.1.7-3+b1"), Deb(name="libllvm19", version="1:19.1.7-3+b1")),
        ),
    ],
    ids=["bookworm", "trixie"],
)
def test_what_apt_would_install_is_read_in_the_words_of_either_release(tree, monkeypatch, said, found):
    monkeypatch.setattr(tree, "_run", lambda *_: said)
    assert tree.needed(["clang-19"]) == found


def test_a_package_that_a_release_has_not_is_told(tree, monkeypatch):
    monkeypatch.setattr(tree, "_run", lambda *_: "emscripten:\n  Installed: (none)\n  Candidate: (none)\n")
    with pytest.raises(FetchError, match="Debian trixie has no package emscripten"):
        tree.one("emscripten")


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
@pytest.mark.network
@pytest.mark.slow
@needs_apt
def test_either_release_has_the_compiler_in_one_version_and_the_headers(tmp_path, release):
    real = Tree(release, tmp_path / "apt")
    real.update(SILENT)
    versions = {deb.name: deb.version for deb in real.needed([*llvm._DEBS])}
    for name in ("clang-19", "lld-19", "llvm-19", "libllvm19"):
        assert versions[name].startswith(f"1:{llvm.MAJOR}.1.7-")
    assert "ninja-build" in versions
    wanted = [each for each in (headers.EMSCRIPTEN, *headers.PYTHONS.values()) if each.release == release]
    assert wanted
    for each in wanted:
        assert real.one(each.deb).version.rpartition(":")[2].startswith(each.version)
    # Of a release that is not the machine's nothing counts as installed.
    assert "libc6" in versions
    with pytest.raises(FetchError, match="apt-get failed"):
        real.needed(["no-such-package-of-debian"])


@pytest.mark.network
@needs_apt
def test_a_package_is_fetched_and_only_what_is_wanted_of_it_is_unpacked(tmp_path):
    real = Tree("trixie", tmp_path / "apt")
    real.update(SILENT)
    heard = Heard()
    with real.fetched([real.one("ninja-build")], heard) as (file,):
        unpack(file, tmp_path / "some", ["usr/bin/ninja", "usr/nowhere"])
        unpack(file, tmp_path / "all")
    assert heard.totals == {"downloading ninja-build": heard.totals["downloading ninja-build"]}
    assert (tmp_path / "some" / "usr/bin/ninja").is_file()
    assert not (tmp_path / "some" / "usr/share").exists()
    assert (tmp_path / "all" / "usr/share/doc/ninja-build/copyright").is_file()
    assert not list((tmp_path / "apt").glob("deb-*"))


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n', "bookworm"),
        ('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_CODENAME=trixie\nID=debian\n', "trixie"),
        ('PRETTY_NAME="Debian GNU/Linux 11"\nVERSION_CODENAME=bullseye\nID=debian\n', None),
        ("NAME=Fedora\nVERSION_ID=43\n", None),
        ('NAME="Ubuntu"\nVERSION_CODENAME=noble\nID=ubuntu\n', None),
    ],
)
def test_the_compiler_is_of_the_machine_s_own_release_where_that_has_it(tmp_path, monkeypatch, text, release):
    file = tmp_path / "os-release"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(llvm, "Path", lambda path: file if path == "/etc/os-release" else Path(path))
    assert llvm._release() == release


@pytest.fixture
def _no_debian(monkeypatch, tmp_path):
    for module in (llvm, headers):
        monkeypatch.setattr(module, "is_debian", lambda: False)
    monkeypatch.setattr(llvm, "_SYSTEM", tmp_path / "nowhere")


@pytest.mark.usefixtures("_no_debian")
def test_where_there_is_no_apt_and_no_compiler_it_is_said_what_to_do(tmp_path):
    with pytest.raises(MissingToolError, match="clang, lld and more of LLVM 19, and this machine has none") as caught:
        llvm.find_llvm(tmp_path, SILENT)
    assert "container of Debian 13" in (caught.value.hint or "")
    with pytest.raises(MissingToolError, match="headers of emscripten come out of a package of Debian") as caught:
        headers.fetch_headers(headers.EMSCRIPTEN, tmp_path, SILENT)
    assert "emscripten 3.1.69*" in str(caught.value.context)


@pytest.mark.usefixtures("_no_debian")
def test_headers_that_are_there_need_no_apt(tmp_path):
    folder = tmp_path / "headers-emscripten"
    for name in (headers.EMSCRIPTEN.proof, headers.VERSION_FILE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("emscripten 3.1.69\n", encoding="utf-8")
    assert headers.fetch_headers(headers.EMSCRIPTEN, tmp_path, SILENT) == folder


def test_apt_without_a_place_to_get_packages_from_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(debian, "Path", lambda path: tmp_path / path.lstrip("/"))
    with pytest.raises(MissingToolError, match="apt has no place to get packages from"):
        debian._mirror()


@pytest.mark.parametrize(
    "text",
    [
        "deb http://mirror.example/debian bookworm main\n",
        "# a comment\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main\n",
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n",
    ],
)
def test_the_machine_s_own_mirror_is_asked(monkeypatch, tmp_path, text):
    monkeypatch.setattr(debian, "Path", lambda path: tmp_path / path.lstrip("/"))
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (folder / "a-security.sources").write_text("Types: deb\nURIs: http://mirror.example/debian-security\n")
    (folder / ("debian.sources" if "URIs" in text else "debian.list")).write_text(text)
    assert debian._mirror() == "http://mirror.example/debian"
