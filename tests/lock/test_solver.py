from __future__ import annotations

import json
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rattler import Config
from rattler.exceptions import ConfigError

from lite_env.channel.index import index_channel
from lite_env.errors import FetchError, LiteEnvError, LockError, SolveError, SpecError
from lite_env.lock.conda.loop import run
from lite_env.lock.conda.records import satisfies, unsatisfied
from lite_env.lock.conda.solve import CondaSolver
from lite_env.lock.solver import SolveRequest
from lite_env.spec.channels import resolve_channel
from lite_env.spec.model import DEFAULT_CHANNELS, Requirement
from tests.channel_server import serve_channel
from tests.conda_packages import make_package


@pytest.fixture
def first(tmp_path):
    """The channel of the highest priority."""
    channel = tmp_path / "first"
    for version in ("1.0", "2.0"):
        make_package(channel, "tool", version, depends=["base"])
    make_package(channel, "base", depends=["__unix", "__archspec * wasm32"], noarch="generic")
    make_package(channel, "needs-three", depends=["tool >=3"])
    make_package(channel, "only-linux", subdir="linux-64")
    make_package(channel, "glibc-user", depends=["__glibc >=2.17"], noarch="generic")
    make_package(channel, "old", depends=["emscripten-abi 3.*"])
    make_package(channel, "new", depends=["emscripten-abi 4.*"])
    make_package(channel, "emscripten-abi", "3.1")
    make_package(channel, "emscripten-abi", "4.0")
    make_package(channel, "pinned", "3.11.3")
    make_package(channel, "python", "3.11.3")
    make_package(channel, "python", "3.13.0")
    make_package(channel, "for-311", depends=["python >=3.11,<3.12"])
    make_package(channel, "for-313", depends=["python 3.13.* *"])
    index_channel(channel)
    return channel


@pytest.fixture
def second(tmp_path):
    channel = tmp_path / "second"
    make_package(channel, "tool", "3.0")
    make_package(channel, "extra", depends=["unobtainium"])
    index_channel(channel)
    return channel


@pytest.fixture
def solve(tmp_path, first, second):
    """Solves for match specs (or `Requirement`s) in both channels; gives `name version` of each package."""

    def solve_(*specs, channels=None, locked=(), offline=False):
        solver = CondaSolver(cache=tmp_path / "repodata", offline=offline)
        return solver.solve(
            SolveRequest(
                channels=tuple(channel(each) for each in channels or (first, second)),
                requirements=tuple(s if isinstance(s, Requirement) else Requirement(text=s) for s in specs),
                locked=tuple(locked),
            )
        )

    return solve_


def channel(text):
    return resolve_channel(str(text), Path("/"))[0]


def names(packages):
    return [f"{package.name} {package.version}" for package in packages]


def refusal(solve, *specs, **options):
    with pytest.raises(SolveError) as caught:
        solve(*specs, **options)
    assert caught.value.message.startswith("the environment cannot be solved for emscripten-wasm32:\n")
    return caught.value


def test_the_newest_is_taken_with_what_it_needs(solve, first):
    packages = solve("tool")
    assert names(packages) == ["base 1.0", "tool 2.0"]
    base, tool = packages
    assert (base.subdir, base.noarch, base.depends) == ("noarch", "generic", ("__archspec * wasm32", "__unix"))
    assert tool.url == (first / "emscripten-wasm32/tool-2.0-0.conda").as_uri()
    assert (tool.channel, tool.license, tool.timestamp) == (first.as_uri(), "BSD-3-Clause", 1_700_000_000_000)


def test_the_order_of_what_is_asked_for_does_not_matter(solve):
    assert solve("tool", "pinned") == solve("pinned", "tool")


def test_priority_is_strict_for_dependencies(solve, second):
    error = refusal(solve, "needs-three")
    assert "excluded because due to strict channel priority" in error.message
    assert error.hint.startswith(f"tool of {second.as_uri()} is not used, because a channel before it has tool too")


def test_priority_is_strict_for_what_is_asked_for(solve, second):
    error = refusal(solve, "tool >=3")
    assert error.message.count("the constraint tool >=3 cannot be fulfilled") == 1
    assert error.hint == (
        f"tool 3.0 of {second.as_uri()} is not used, because a channel before it has tool too: "
        "put that channel first, or write `CHANNEL::tool`"
    )


def test_a_channel_in_front_overrides_the_priority(solve, second):
    (package,) = solve(Requirement(text="../second::tool", channel=channel(second)))
    assert (package.version, package.channel) == ("3.0", second.as_uri())


def test_a_subdir_in_front_is_held(solve, first):
    requirement = Requirement(text="../first/noarch::base", channel=channel(first), subdir="noarch")
    assert names(solve(requirement)) == ["base 1.0"]
    wrong = Requirement(text="../first/noarch::pinned", channel=channel(first), subdir="noarch", line=7)
    with pytest.raises(SolveError, match="pinned is not in noarch of the channel, but in emscripten-wasm32"):
        solve(wrong)


def test_no_version_fits(solve):
    error = refusal(solve, "tool >=9")
    assert error.hint == "tool is offered in these versions: 3.0, 2.0, 1.0"


def test_an_exact_version_that_was_meant_as_a_prefix(solve):
    assert refusal(solve, "pinned 3.11").hint == "`pinned 3.11` asks for exactly that version; write `pinned 3.11.*`"


def test_a_name_that_is_nowhere_has_its_closest(solve):
    assert refusal(solve, "toll", offline=True).hint == "no channel that is listed has toll; did you mean tool?"


def test_a_name_that_is_nowhere_names_the_channels_that_are_not_listed(solve):
    error = refusal(solve, "extra", offline=True)
    assert "unobtainium *, for which no candidates were found" in error.message
    assert error.hint == (
        "no channel that is listed has unobtainium; well-known ones that are not listed: "
        + " and ".join(DEFAULT_CHANNELS)
    )


def test_a_name_that_another_channel_has(solve, second, first, monkeypatch):
    monkeypatch.setattr("lite_env.lock.explain.DEFAULT_CHANNELS", (second.as_uri(),))
    error = refusal(solve, "extra", channels=[str(first)])
    assert error.hint == f"extra is in the channel {second.as_uri()}: add it to `channels`"


def test_a_name_for_another_platform(solve, first):
    error = refusal(solve, "only-linux")
    assert error.hint == f"only-linux exists in {first.as_uri()} only for linux-64, not for emscripten-wasm32"


def test_virtual_packages_are_those_of_wasm_never_the_hosts(solve):
    error = refusal(solve, "glibc-user")
    assert error.hint == "__glibc is there only on Linux: what depends on it is not made for the browser"


def test_two_versions_of_emscripten(solve):
    hint = refusal(solve, "old", "new").hint
    assert hint.startswith("the packages were built for different versions of Emscripten (emscripten-abi 3.* and 4.*)")


def abi_channel(folder, emscripten, build, *packages):
    """A channel in which everything compiled depends on its one ABI."""
    make_package(folder, "emscripten-abi", emscripten, build=build, noarch="generic")
    for name in ("python", *packages):
        make_package(folder, name, depends=[f"emscripten-abi {emscripten} {build}"])
    index_channel(folder)
    return folder


def test_channels_of_two_emscriptens_are_never_mixed_in_any_order(solve, tmp_path):
    old = abi_channel(tmp_path / "old", "3.1.58", "pyodide_2024_0", "table")
    new = abi_channel(tmp_path / "new", "5.0.3", "pyemscripten_2026_0", "model")
    for first, second in ((old, new), (new, old)):
        error = refusal(solve, "table", "model", channels=(first, second))
        here, there = ("3.1.58", "5.0.3") if first == old else ("5.0.3", "3.1.58")
        assert error.hint == (
            f"{first.as_uri()} is built with Emscripten {here} and {second.as_uri()} with Emscripten {there}, and no "
            "environment holds code of both: take all compiled packages from one of them, or make two environments, "
            "which a site shows side by side"
        )
    assert names(solve("table", channels=(old, new))) == ["emscripten-abi 3.1.58", "table 1.0"]


def test_two_binary_interfaces_of_one_channel_are_never_mixed(solve, tmp_path):
    channel = abi_channel(tmp_path / "both", "3.1.58", "pyodide_2024_0", "table")
    make_package(channel, "emscripten-abi", "3.1.58", build="other_0", noarch="generic")
    make_package(channel, "foreign", depends=["emscripten-abi 3.1.58 other_0"])
    index_channel(channel)
    assert "conflicts" in refusal(solve, "table", "foreign", channels=(channel,)).message


def test_two_versions_of_python(solve):
    hint = refusal(solve, "for-311", "for-313").hint
    assert "different versions of Python (python 3.13.* and >=3.11,<3.12)" in hint


def test_what_is_asked_for_conflicts_with_what_is_needed(solve):
    assert refusal(solve, "for-311", "python 3.13.*").hint == (
        "`python 3.13.*` is asked for, but what else is asked for needs python >=3.11,<3.12: loosen one of the two"
    )


def test_a_wrong_spec_names_the_line(solve, tmp_path):
    with pytest.raises(SpecError, match="'tool =>1' is not a match spec: unable to parse version spec") as caught:
        solve(Requirement(text="tool =>1", file=tmp_path / "environment.yml", line=7))
    assert dict(caught.value.context)["line"] == 7


def test_a_folder_that_is_no_channel(solve, tmp_path):
    with pytest.raises(FetchError, match="there is no conda channel here") as caught:
        solve("tool", channels=[str(tmp_path / "nothing")])
    assert dict(caught.value.context)["channel"] == (tmp_path / "nothing").as_uri()
    assert "lite-env channel build" in caught.value.hint


def test_a_server_that_is_not_there(solve):
    with pytest.raises(FetchError, match="the package list of a channel could not be read"):
        solve("tool", channels=["http://127.0.0.1:9/channel"])


def test_a_name_that_is_a_folder_here_and_no_channel_there(solve, tmp_path, monkeypatch):
    monkeypatch.setattr("lite_env.spec.channels.CHANNEL_ALIAS", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "channels" / "mine").mkdir(parents=True)
    with pytest.raises(FetchError, match="could not be read") as caught:
        solve("tool", channels=["http://127.0.0.1:9/channels/mine"])
    assert "the folder channels/mine is written `./channels/mine`" in caught.value.hint


def test_what_is_locked_stays(solve):
    before = solve("tool 1.0.*")
    assert names(solve("tool", locked=before)) == ["base 1.0", "tool 1.0"]


def test_what_is_locked_gives_way_where_it_must(solve):
    assert names(solve("tool >1", locked=solve("tool 1.0.*"))) == ["base 1.0", "tool 2.0"]


def test_what_was_locked_and_is_gone_is_not_kept(solve, first):
    before = solve("tool 1.0.*")
    (first / "emscripten-wasm32/tool-1.0-0.conda").unlink()
    index_channel(first)
    assert names(solve("tool", locked=before)) == ["base 1.0", "tool 2.0"]


def test_what_was_locked_and_was_made_anew_is_locked_anew(solve, first):
    before = solve("tool 2.0.*")
    make_package(first, "tool", "2.0", files={"share/new": "x"}, depends=["base"])
    index_channel(first)
    after = solve("tool 2.0.*", locked=before)
    assert after[1].sha256 != before[1].sha256


def test_what_was_locked_from_a_channel_that_comes_too_late_is_not_kept(solve, first, second):
    before = solve("tool", channels=[str(second)])
    assert names(solve("tool", channels=[str(first), str(second)], locked=before)) == ["base 1.0", "tool 2.0"]


@pytest.fixture
def served(first):
    """The first channel by HTTP."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format, *args):  # noqa: A002 - the base class's name
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(first.parent))) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", asked
        http.shutdown()
        thread.join()


def test_offline_solves_from_cached_package_lists(solve, served):
    base, asked = served
    online = solve("tool", channels=[f"{base}/first"])
    assert online[1].url == f"{base}/first/emscripten-wasm32/tool-2.0-0.conda"
    asked.clear()
    assert solve("tool", channels=[f"{base}/first"], offline=True) == online
    assert asked == []


@pytest.mark.parametrize("spec", ["nowhere", "only-linux", "tool >=9", "needs-three", "glibc-user"])
def test_no_channel_is_asked_to_explain_a_failure(solve, served, second, monkeypatch, spec):
    base, asked = served
    with serve_channel(second) as stranger:
        unlisted = f"http://127.0.0.1:{stranger.port}/second"
        monkeypatch.setattr("lite_env.lock.explain.DEFAULT_CHANNELS", (unlisted,))
        refusal(solve, spec, channels=[f"{base}/first"])
        first = list(asked)
        assert stranger.asked == []
        assert not [path for path in first if "linux-64" in path]
        # What was asked, was asked to solve: nothing is added by a second failure with its explanation.
        asked.clear()
        refusal(solve, spec, channels=[f"{base}/first"], offline=True)
        assert asked == []


def test_a_channel_that_is_not_listed_is_named_when_the_cache_knows_it(solve, served, second, monkeypatch):
    base, _ = served
    with serve_channel(second) as stranger:
        unlisted = f"http://127.0.0.1:{stranger.port}/second"
        monkeypatch.setattr("lite_env.lock.explain.DEFAULT_CHANNELS", (unlisted,))
        make_package(second, "rare")
        index_channel(second)
        solve("rare", channels=[unlisted])
        stranger.asked.clear()
        error = refusal(solve, "rare", channels=[f"{base}/first"])
        assert error.hint == f"rare is in the channel {unlisted}: add it to `channels`"
        assert stranger.asked == []


def test_offline_without_a_cached_package_list(solve, served):
    base, asked = served
    with pytest.raises(FetchError, match="the cache does not hold the package list") as caught:
        solve("tool", channels=[f"{base}/first"], offline=True)
    assert dict(caught.value.context)["channel"] == f"{base}/first"
    assert asked == []


def test_credentials_are_used_and_never_kept(solve, served):
    base, asked = served
    with_token = f"{base.replace('http://', 'http://user:secret@')}/t/hidden/first"
    with pytest.raises(FetchError) as caught:
        solve("tool", channels=[with_token])
    assert any("/t/hidden/first" in path for path in asked)
    assert "hidden" not in str(caught.value.context)
    assert "secret" not in str(caught.value.context)
    packages = solve("tool", channels=[f"{base.replace('http://', 'http://user:secret@')}/first"])
    assert packages[1].channel == f"{base}/first"
    assert "secret" not in repr(packages)


def test_a_channel_without_hashes_cannot_be_locked(solve, first):
    for path in first.glob("*/repodata.json"):
        repodata = json.loads(path.read_text())
        for record in repodata["packages.conda"].values():
            record.pop("sha256")
        path.write_text(json.dumps(repodata))
    with pytest.raises(LockError, match=r"gives no sha256 for \w+-\d\.0-0\.conda"):
        solve("tool")


def test_what_a_lock_does_not_answer(solve):
    packages = solve("tool")
    assert unsatisfied([Requirement(text="tool >=2")], packages) == ()
    assert unsatisfied([Requirement(text="tool >=3"), Requirement(text="six")], packages[1:]) == (
        "the environment file needs tool >=3, but tool 2.0 0 is locked",
        "the environment file needs six, which is not locked",
        "tool needs base, which is not locked",
    )


def test_a_panic_becomes_an_error():
    class PanicException(BaseException):
        """What pyo3 raises."""

    async def misuse():
        raise PanicException("called `unwrap`\nCaused by: nothing")

    with pytest.raises(LiteEnvError, match="the conda library stopped: called `unwrap`: nothing"):
        run(misuse())


def test_a_locked_version_that_is_none(solve):
    packages = [replace(package, version="not a version") for package in solve("pinned")]
    with pytest.raises(LockError, match=r"pinned-3\.11\.3-0\.conda cannot be understood"):
        unsatisfied([], packages)


def test_a_configuration_that_cannot_be_read(solve, tmp_path, monkeypatch):
    def broken(tool):
        raise ConfigError("expected `=`")

    monkeypatch.setattr("lite_env.lock.conda.client.rattler.Config.load_from_default_locations", broken)
    with pytest.raises(FetchError, match="the configuration of the conda tools cannot be read: expected `=`"):
        solve("tool")


DEEP = "base " + "(" * 6000 + "1" + ")" * 6000


@pytest.mark.parametrize("key", ["depends", "constrains"])
def test_a_channel_whose_package_would_end_the_process_is_an_answer(solve, first, key):
    path = first / "emscripten-wasm32" / "repodata.json"
    repodata = json.loads(path.read_text())
    repodata["packages.conda"]["tool-2.0-0.conda"][key] = [DEEP]
    path.write_text(json.dumps(repodata))
    with pytest.raises(
        LockError, match=r"tool-2\.0-0\.conda cannot be read: its dependency `base \(+… .* has 12,006 char"
    ):
        solve("needs-three", "tool")
    assert [package.name for package in solve("pinned")] == ["pinned"]


def test_a_spec_that_would_end_the_process_is_no_spec(solve):
    with pytest.raises(SpecError, match="is not a match spec: it has 12,006 characters"):
        solve(DEEP)
    packages = solve("tool")
    odd = [replace(packages[1], depends=(DEEP,)), packages[0]]
    assert unsatisfied([], odd) == ()
    assert satisfies(DEEP, name="base", version="1", build="0", build_number=0, subdir="noarch")


def test_mirrors_of_the_configuration_hold_beside_credentials(solve, served, monkeypatch):
    base, asked = served
    config = Config.from_toml(f'[mirrors]\n"http://elsewhere.invalid/second" = ["{base}/second"]')
    monkeypatch.setattr("lite_env.lock.conda.client.rattler.Config.load_from_default_locations", lambda tool: config)
    channels = [f"{base.replace('http://', 'http://user:hidden@')}/first", "http://elsewhere.invalid/second"]
    assert names(solve("tool", channels=channels)) == ["base 1.0", "tool 2.0"]
    assert any(path.startswith("/second/") for path in asked)
