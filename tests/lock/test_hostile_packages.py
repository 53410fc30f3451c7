"""No package writes outside of its prefix, or reads there, whatever way it came: real servers, real archives."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from rattler.package_streaming import extract

from lite_env.errors import FetchError, LiteEnvError, PrefixError
from lite_env.lock.conda.install import install_packages
from lite_env.prefix.installer import install
from lite_env.store.digest import sha256_of_bytes
from tests.conda_packages import make_package
from tests.hostile_packages import build_package, commands, file, hard_link, link, listed, pipe
from tests.lock.test_conda_install import locked
from tests.prefix.test_installer import lock_of
from tests.prefixes import Heard

OUT = "@OUT@"  # a folder beside the prefix
# What is packed, by what is wrong with it.
HOSTILE = {
    "listed above the prefix": [listed("../evil"), file("evil")],
    "listed far above": [listed("share/../../../evil"), file("evil")],
    "listed absolute": [listed(f"{OUT}/evil"), file("evil")],
    "listed with backslashes": [listed("..\\evil"), file("evil")],
    "listed on a drive": [listed("C:/evil"), file("evil")],
    "listed over the records": [listed("conda-meta/evil.json"), file("conda-meta/evil.json")],
    "the records in other letters": [listed("Conda-META/evil.json"), file("Conda-META/evil.json")],
    "the records with a dot": [listed("conda-meta./evil.json"), file("conda-meta./evil.json")],
    "the old list above the prefix": [file("info/files", b"../evil\n"), file("evil")],
    "packed above": [listed("evil"), file("../evil")],
    "packed absolute": [listed("evil"), file(f"{OUT}/evil")],
    "a link out": [listed(links=["out"]), link("out", OUT)],
    "a relative link out": [listed(links=["a/out"]), link("a/out", "../../outside")],
    "a link that is not listed": [listed("a"), file("a"), link("out", OUT)],
    "a link that is listed as a file": [listed("secret"), link("secret", f"{OUT}/secret")],
    "a link in other letters": [
        listed("D/f", links=["d", "D/m"]), link("d", "."), file("D/f"), link("D/m", ".."),
    ],
    "a file through a link": [listed("out/evil", links=["out"]), link("out", OUT), file("out/evil")],
    "through two links": [
        listed("a/b/evil", links=["a", "a/b"]), link("a", "."), link("a/b", ".."), file("a/b/evil"),
    ],
    "through a link inside": [
        listed(links=["x/y/z/l", "up"]), link("x/y/z/l", "../../.."), link("up", "x/y/z/l/../.."),
    ],
    "a link to itself": [listed(links=["l"]), link("l", "l/l")],
    "a hard link out": [listed("h"), hard_link("h", "../../outside/secret")],
    "a pipe": [listed("evil"), pipe("evil")],
    "a file far below": [listed("d/" * 1500 + "evil"), file("d/" * 1500 + "evil")],
    "a file far below that is not listed": [listed("a"), file("a"), file("d/" * 101 + "evil")],
    "a long path": [listed(f"{'x' * 200}/" * 6 + "evil")],
    "a long name": [listed("ä" * 128)],
    "two lists": [listed("a"), listed("../evil"), file("a")],
    "two lists that differ in letters": [listed("a"), file("info/PATHS.json", b"{}"), file("a")],
}  # fmt: skip


@pytest.fixture
def place(tmp_path):
    """A prefix's place, deep enough that whatever climbs out of it lands where the test looks."""
    (tmp_path / "deep/outside").mkdir(parents=True)
    (tmp_path / "deep/outside/secret").write_text("secret")
    return tmp_path / "deep"


def everything(folder):
    return {path.relative_to(folder).as_posix(): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def fill(members, place):
    """`members` with the folder's real name in place of the mark."""
    real = (place / "outside").as_posix()
    return [
        (
            name.replace(OUT, real),
            content.replace(OUT, real) if isinstance(content, str) else content.replace(OUT.encode(), real.encode()),
            kind,
        )
        for name, content, kind in members
    ]


@pytest.mark.parametrize("by", ["http", "file"])
@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_package_is_refused_before_anything_is_linked(case, suffix, by, channel, server, place, tmp_path):  # noqa: PLR0917
    url = server[0] if by == "http" else channel.as_uri()
    package = build_package(channel, url, fill(HOSTILE[case], place), suffix=suffix)
    before = everything(place)
    with pytest.raises(PrefixError, match=rf"evil-1\.0-0\{suffix}") as caught:
        install_packages([package], place / "prefix", cache=tmp_path / "cache")
    assert "broken or hostile" in caught.value.hint
    assert everything(place) == before
    assert not list(tmp_path.rglob("evil"))
    # Neither was it kept, so that it is not trusted the next time.
    assert not (tmp_path / "cache/evil-1.0-0").exists()
    with pytest.raises(PrefixError):
        install_packages([package], place / "prefix", cache=tmp_path / "cache")
    assert everything(place) == before


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("name", ["../../evil", "/evil", "..\\evil", "a/../../../evil"])
def test_a_command_is_made_inside_of_the_environment_alone(name, suffix, channel, server, place, tmp_path):  # noqa: PLR0917
    python = locked(make_package(channel, "python", "3.11.3", files={"bin/python": "x"}))
    members = [listed("site-packages/a.py"), file("site-packages/a.py"), commands("good", name)]
    package = build_package(channel, server[0], members, suffix=suffix, noarch="python")
    with pytest.raises(PrefixError, match="wants to write"):
        install_packages([package, python], place / "prefix", cache=tmp_path / "cache")
    assert not (place / "prefix").exists()
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_a_link_is_not_read_out_of_the_folder_where_it_is_unpacked(suffix, channel, server, place, tmp_path):
    # In the environment it would stay inside, four folders deep; in the cache it is one folder deep, and read there.
    (tmp_path / "secret").write_text("secret")
    python = locked(make_package(channel, "python", "3.11.3", files={"bin/python": "x"}))
    members = [listed("site-packages/a.py"), link("site-packages/a.py", "../../../secret")]
    package = build_package(channel, server[0], members, suffix=suffix, noarch="python")
    with pytest.raises(PrefixError, match="leaves the environment"):
        install_packages([package, python], place / "prefix", cache=tmp_path / "cache")


def test_a_path_beyond_all_bounds_is_named_and_nothing_of_it_stays(channel, server, tmp_path):
    path = "d/" * 1500 + "f"
    build_package(channel, server[0], [listed(path), file(path)])
    lock = lock_of(channel / "noarch/evil-1.0-0.conda")
    with pytest.raises(PrefixError, match=r"evil-1\.0-0\.conda wants to write 'd/d/d/.* 1,500 folders deep"):
        install(lock, tmp_path / "env", cache=tmp_path / "cache")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["cache", "channel"]


FALSE = {
    "another sha256": (
        [listed("share/a", "share/b", sha256="0" * 64), file("share/a", b"a"), file("share/b", b"b")],
        f"the sha256 of 'share/a' is {'0' * 64}, and it is {sha256_of_bytes(b'a')} (and 1 more)",
    ),
    "another sha256 of a hard link": (
        [listed("share/h", sha256="0" * 64), file("share/a", b"a"), hard_link("share/h", "share/a")],
        f"the sha256 of 'share/h' is {'0' * 64}, and it is {sha256_of_bytes(b'a')}",
    ),
    "a name with a dot": (
        [listed("share/a", sha256="0" * 64), file("./share/a", b"a")],
        f"the sha256 of 'share/a' is {'0' * 64}, and it is {sha256_of_bytes(b'a')}",
    ),
    "a file that is not there": ([listed("share/a", "share/b"), file("share/a")], "'share/b' is in it, and it is not"),
    "a link that is not there": ([listed(links=["share/a"])], "'share/a' is in it, and it is not"),
    "the old list": ([file("info/files", b"share/a\nshare/b\n"), file("share/a")], "'share/b' is in it, and it is not"),
}


@pytest.mark.parametrize("by", ["http", "file"])
@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("case", FALSE)
def test_a_package_that_does_not_fit_its_own_list_is_wrong_in_itself(case, suffix, by, channel, server, tmp_path):  # noqa: PLR0917
    members, what = FALSE[case]
    url = server[0] if by == "http" else channel.as_uri()
    package = build_package(channel, url, members, suffix=suffix)
    lock = replace(lock_of(), packages=(package,))
    for _ in range(2):
        heard = Heard()
        with pytest.raises(PrefixError) as caught:
            install(lock, tmp_path / "env", cache=tmp_path / "cache", reporter=heard)
        assert (
            caught.value.message == f"the package evil-1.0-0{suffix} is wrong in itself: its own list says that {what}"
        )
        assert "report it to its channel" in caught.value.hint
        assert heard.warnings == []
        assert not list(tmp_path.glob("cache/evil*"))
        assert sorted(found.name for found in tmp_path.iterdir()) == ["cache", "channel"]


def test_a_wrong_package_that_an_older_version_kept_in_the_cache_is_wrong_in_itself_too(channel, tmp_path):
    package = build_package(channel, channel.as_uri(), [listed("share/a", sha256="0" * 64), file("share/a", b"a")])
    kept = tmp_path / "cache/evil-1.0-0"
    extract(channel / "noarch/evil-1.0-0.conda", kept)
    with pytest.raises(PrefixError, match="is wrong in itself"):
        install_packages([package], tmp_path / "env", cache=tmp_path / "cache")


def test_names_with_a_dot_are_no_fault(channel, tmp_path):
    package = build_package(channel, channel.as_uri(), [listed("share/a"), file("./share/a")], suffix=".tar.bz2")
    install_packages([package], tmp_path / "env", cache=tmp_path / "cache")
    assert (tmp_path / "env/share/a").read_bytes() == b"x"


def test_lists_among_the_files_of_a_package_are_refused(channel, server, place, tmp_path):
    hidden = [listed("../evil")]
    package = build_package(channel, server[0], [listed("a"), file("a")], payload_info=hidden)
    with pytest.raises(PrefixError, match=r"holds 'info/paths\.json' twice"):
        install_packages([package], place / "prefix", cache=tmp_path / "cache")


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_two_packages_that_go_out_together_are_refused(suffix, channel, server, place, tmp_path):
    # Each link alone stays inside.
    first = build_package(
        channel, server[0], [listed(links=["x/y/z/l"]), link("x/y/z/l", "../../..")], name="first", suffix=suffix
    )
    second = build_package(
        channel, server[0], [listed(links=["up"]), link("up", "x/y/z/l/../..")], name="second", suffix=suffix
    )
    install_packages([first], place / "one", cache=tmp_path / "cache")
    install_packages([second], place / "two", cache=tmp_path / "cache")
    with pytest.raises(PrefixError, match=r"second-1\.0-0.* brings the link 'up', which leaves the environment"):
        install_packages([first, second], place / "prefix", cache=tmp_path / "cache")
    assert not (place / "prefix").exists()


def test_what_an_older_version_kept_in_the_cache_is_looked_at_too(channel, server, place, tmp_path):
    members = fill([listed("a", links=["out"]), file("a"), link("out", "a")], place)
    package = build_package(channel, server[0], members)
    install_packages([package], place / "prefix", cache=tmp_path / "cache")
    kept = tmp_path / "cache/evil-1.0-0"
    (kept / "out").unlink()
    (kept / "out").symlink_to(place / "outside")
    shutil.rmtree(place / "prefix")
    with pytest.raises(PrefixError, match="leaves the environment"):
        install_packages([package], place / "prefix", cache=tmp_path / "cache")
    assert not (place / "prefix").exists()


def test_links_that_stay_inside_are_taken(channel, server, place, tmp_path):
    members = [
        listed("lib/libz.so.1.2", links=["lib/libz.so", "lib64", "share/l", "a/up"]),
        file("lib/libz.so.1.2"),
        link("lib/libz.so", "./libz.so.1.2"),
        link("lib64", "lib"),
        link("share/l", "../lib/../lib/libz.so"),
        link("a/up", ".."),
    ]
    package = build_package(channel, server[0], members)
    python = build_package(
        channel, server[0], [listed("site-packages/x.py"), file("site-packages/x.py"), commands("tool")],
        name="pure", noarch="python",
    )  # fmt: skip
    real = locked(make_package(channel, "python", "3.11.3", files={"bin/python": "x"}))
    install_packages([package, python, real], place / "prefix", cache=tmp_path / "cache")
    assert (place / "prefix/share/l").read_bytes() == b"x"
    assert (place / "prefix/bin/tool").exists()
    assert (place / "prefix/lib/python3.11/site-packages/x.py").exists()
    record = json.loads((place / "prefix/conda-meta/evil-1.0-0.json").read_text())
    assert record["url"] == package.url
    assert record["channel"].rstrip("/") == package.channel
    # Nothing of the download is left.
    assert sorted(path.name for path in (tmp_path / "cache").iterdir() if path.name.startswith(".lite")) == [
        ".lite-env.lock"
    ]


@pytest.mark.parametrize("name", ["../../evil", "a/../../evil"])
def test_a_file_name_in_a_lock_names_no_other_place(name, channel, server, place, tmp_path):
    package = build_package(channel, server[0], [listed("a"), file("a")])
    values = {field: getattr(package, field) for field in package.__slots__}
    odd = type(package)(**values | {"file_name": f"{name}.conda"})
    with pytest.raises((PrefixError, FetchError, LiteEnvError)):
        install_packages([odd], place / "prefix", cache=tmp_path / "cache")
    assert not list(place.rglob("evil*"))
    assert not list((tmp_path / "cache").rglob("evil*"))


def test_more_bytes_than_were_locked_are_not_waited_for(channel, server, place, tmp_path):
    package = build_package(channel, server[0], [listed("a"), file("a", b"x" * 100_000)])
    values = {field: getattr(package, field) for field in package.__slots__}
    small = type(package)(**values | {"size": 100})
    with pytest.raises(FetchError, match="more than 100 bytes"):
        install_packages([small], place / "prefix", cache=tmp_path / "cache")
