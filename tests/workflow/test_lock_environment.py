from __future__ import annotations

import json
import shutil

import pytest
import yaml
from click.testing import CliRunner

from lite_env.channel.index import index_channel
from lite_env.cli.boundary import Answer
from lite_env.cli.main import cli
from lite_env.errors import LockError, SolveError, SpecError
from lite_env.lock.file import read_lock
from lite_env.spec.address import Channel
from lite_env.workflow.lock import LockOptions, LockPolicy, check_lock, lock_environment, lock_for
from tests.conda_packages import make_package
from tests.fakes import FakeSolver, MemoryStore

ENVIRONMENT = """\
name: demo
channels: [../channel]
dependencies: [tool]
variables: {A: "1"}
"""


class Notes:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.notes, self.warnings = [], []

    def note(self, message, *, passing=False):
        self.notes.append(message)

    def warn(self, message, *, passing=False):
        self.warnings.append(message)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LITE_ENV_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def project(tmp_path):
    """A channel with two versions of a tool, and an environment file that asks for it."""
    root = tmp_path / "project"
    for version in ("1.0", "2.0"):
        make_package(root / "channel", "tool", version, depends=["base"])
    make_package(root / "channel", "base", noarch="generic")
    make_package(root / "channel", "other", "1.0")
    index_channel(root / "channel")
    (root / "env").mkdir()
    (root / "env/environment.yml").write_text(ENVIRONMENT)
    return root


@pytest.fixture
def environment(project):
    return project / "env/environment.yml"


def write(environment, old, new):
    environment.write_text(environment.read_text().replace(old, new))


def versions(lock):
    return {package.name: package.version for package in lock.packages}


def test_a_lock_is_written_beside_the_file(environment):
    result = lock_environment(environment)
    assert result.written
    assert result.path == environment.with_name("conda-lock.yml")
    assert read_lock(result.path) == result.lock
    assert versions(result.lock) == {"base": "1.0", "tool": "2.0"}
    assert (result.lock.name, result.lock.variables, result.lock.requested) == ("demo", (("A", "1"),), ("tool",))
    assert result.diff.summary() == "2 added"
    assert check_lock(environment)


def test_a_second_time_nothing_is_written(environment):
    path = lock_environment(environment).path
    before = path.stat()
    result = lock_environment(environment)
    assert (result.written, result.diff.summary()) == (False, "nothing changed")
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_the_bytes_are_equal_in_any_folder(environment, project, tmp_path):
    copy = tmp_path / "elsewhere" / "deep"
    shutil.copytree(project, copy)
    here = lock_environment(environment).path.read_bytes()
    assert lock_environment(copy / "env/environment.yml").path.read_bytes() == here
    assert str(tmp_path).encode() not in here


def test_a_lock_changes_as_little_as_possible(environment):
    write(environment, "[tool]", "[tool 1.0.*]")
    lock_environment(environment)
    write(environment, "[tool 1.0.*]", "[tool, other]")
    result = lock_environment(environment)
    assert versions(result.lock) == {"base": "1.0", "other": "1.0", "tool": "1.0"}
    assert result.diff.lines() == ("+ other 1.0 0",)


@pytest.mark.parametrize("options", [LockOptions(upgrade=True), LockOptions(upgrade_packages=("tool",))])
def test_upgrades(environment, options):
    write(environment, "[tool]", "[tool 1.0.*]")
    lock_environment(environment)
    write(environment, "[tool 1.0.*]", "[tool]")
    assert lock_environment(environment, options=options).diff.lines() == ("~ tool 1.0 → 2.0",)


def test_one_upgrade_leaves_the_others(environment):
    write(environment, "[tool]", "[tool 1.0.*]")
    lock_environment(environment)
    write(environment, "[tool 1.0.*]", "[tool]")
    result = lock_environment(environment, options=LockOptions(upgrade_packages=("base",)))
    assert versions(result.lock)["tool"] == "1.0"


def test_an_upgrade_of_what_is_not_locked(environment):
    lock_environment(environment)
    with pytest.raises(LockError, match="tol cannot be upgraded: not locked"):
        lock_environment(environment, options=LockOptions(upgrade_packages=("tol",)))


def test_a_dry_run_writes_nothing(environment):
    result = lock_environment(environment, options=LockOptions(dry_run=True))
    assert (result.written, result.path.exists(), result.diff.summary()) == (False, False, "2 added")


def test_a_failed_solve_leaves_the_lock(environment):
    path = lock_environment(environment).path
    before = path.read_bytes()
    write(environment, "[tool]", "[tool >=3]")
    with pytest.raises(SolveError):
        lock_environment(environment)
    assert path.read_bytes() == before


def test_other_channels_can_be_given(environment, project, monkeypatch):
    make_package(project / "mine", "tool", "9.0")
    index_channel(project / "mine")
    monkeypatch.chdir(project)
    result = lock_environment(environment, options=LockOptions(channels=("./mine",)))
    assert versions(result.lock) == {"tool": "9.0"}
    assert result.lock.channels == ((project / "mine").as_uri(),)
    assert not check_lock(environment)
    assert check_lock(environment, channels=("./mine",))
    with pytest.raises(SpecError, match="a channel cannot be understood"):
        lock_environment(environment, options=LockOptions(channels=("a b",)))


def test_warnings_and_notes_are_told_once(environment):
    write(environment, "name: demo\n", "nmae: demo\n")
    reporter = Notes()
    lock_environment(environment, reporter=reporter)
    assert len(reporter.warnings) == 2
    assert "did you mean `name`?" in reporter.warnings[1]


def test_a_local_channel_is_built_on_first_use(environment, monkeypatch):
    built = []
    monkeypatch.setattr("lite_env.workflow.channels.is_unbuilt", lambda folder: True)
    monkeypatch.setattr(
        "lite_env.workflow.channels.build_channel", lambda folder, **options: built.append((folder, options))
    )
    reporter = Notes()
    store = MemoryStore()
    lock_environment(environment, options=LockOptions(offline=True), store=store, reporter=reporter)
    ((folder, options),) = built
    assert folder == environment.parent.parent / "channel"
    assert options == {"offline": True, "store": store, "reporter": reporter}
    assert "for its first use" in reporter.notes[0]


def test_the_solver_is_asked_in_the_order_of_the_file_and_told_what_is_locked(environment, project):
    before = lock_environment(environment).lock.packages
    write(environment, "[tool]", "[tool, base]")
    solver = FakeSolver(*before)
    lock_environment(environment, options=LockOptions(upgrade_packages=("tool",)), solver=solver)
    (request,) = solver.asked
    assert request.channels == (Channel((project / "channel").as_uri()),)
    assert [requirement.text for requirement in request.requirements] == ["tool", "base"]
    assert [package.name for package in request.locked] == ["base"]


def test_a_missing_lock_is_no_answer(environment):
    with pytest.raises(LockError, match="there is no lock file"):
        check_lock(environment)


def run(*arguments):
    return CliRunner().invoke(cli, ["lock", *map(str, arguments)])


def test_the_command_locks_and_says_what_changed(environment):
    result = run(environment)
    assert (result.exit_code, result.stdout) == (0, "+ base 1.0 0\n+ tool 2.0 0\n")
    assert "2 packages, 2 added; written" in result.stderr
    again = run(environment)
    assert (again.stdout, "nothing changed; unchanged" in again.stderr) == ("", True)


def test_the_command_finds_the_file_of_the_folder(environment, monkeypatch):
    monkeypatch.chdir(environment.parent)
    assert run().exit_code == 0
    assert environment.with_name("conda-lock.yml").exists()


def test_the_command_locks_several_files_each_into_its_own(environment):
    second = environment.with_name("second.yml")
    second.write_text(ENVIRONMENT.replace("demo", "second"))
    assert run(environment, second).exit_code == 0
    assert read_lock(environment.with_name("second.conda-lock.yml")).name == "second"
    refused = run(environment, second, "-o", environment.with_name("x.yml"))
    assert (refused.exit_code, "names one lock file" in refused.stderr) == (2, True)


def test_the_command_answers_a_check(environment):
    assert run(environment).exit_code == 0
    good = run(environment, "--check")
    assert (good.exit_code, "answers its environment file" in good.stdout) == (0, True)
    write(environment, "[tool]", "[tool, other]")
    bad = run(environment, "--check")
    assert isinstance(bad.exception, Answer)
    assert "does not answer its environment file\n  the dependency other was added" in bad.stdout
    assert run(environment, "--check", "--upgrade").exit_code == 2


def test_the_commands_json(environment):
    (answer,) = json.loads(run(environment, "--json", "--dry-run").stdout)
    assert (answer["written"], answer["added"], answer["packages"][1]["version"]) == (False, ["base", "tool"], "2.0")
    run(environment)
    (check,) = json.loads(run(environment, "--check", "--json").stdout)
    assert (check["answers"], check["differences"]) == (True, [])


@pytest.fixture
def foreign(environment):
    """The lock of another tool beside the environment file: two platforms, ours among them."""
    path = lock_environment(environment).path
    document = yaml.safe_load(path.read_text())
    metadata = document["metadata"]
    del metadata["custom_metadata"]
    metadata["platforms"].append("linux-64")
    metadata["content_hash"]["linux-64"] = "0" * 64
    path.write_text("# Made by another tool\n" + yaml.safe_dump(document))
    return path


def refusal(function, *arguments, **options):
    with pytest.raises(LockError) as caught:
        function(*arguments, **options)
    return caught.value


@pytest.mark.parametrize("make", [lock_environment, lock_for])
def test_a_lock_of_another_tool_is_not_written_over(environment, foreign, make):
    before = foreign.read_bytes()
    error = refusal(make, environment)
    assert error.message == f"the lock '{foreign}' is for linux-64 too, and lite-env does not write over it"
    assert foreign.read_bytes() == before
    # Both ways that the hint names lead out.
    assert f"-o browser.{foreign.name}`" in error.hint
    assert f"`lite-env pack {foreign}`" in error.hint
    assert lock_environment(environment, output=foreign.with_name(f"browser.{foreign.name}")).written
    assert versions(read_lock(foreign)) == {"base": "1.0", "tool": "2.0"}


def test_a_lock_of_another_tool_without_our_platform(environment, foreign):
    foreign.write_text(foreign.read_text().replace("emscripten-wasm32", "osx-64"))
    before = foreign.read_bytes()
    for error in (
        refusal(lock_for, environment),
        refusal(lock_environment, environment, options=LockOptions(upgrade=True)),
    ):
        assert "`metadata.platforms` lists osx-64, linux-64, but not emscripten-wasm32" in error.message
        assert "-o browser.conda-lock.yml" in error.hint
    for policy in (LockPolicy.LOCKED, LockPolicy.FROZEN):
        assert "-o OTHER.conda-lock.yml" in refusal(lock_for, environment, policy).hint
    assert foreign.read_bytes() == before


def test_our_lock_is_updated_where_the_file_has_changed(environment):
    assert versions(lock_for(environment)) == {"base": "1.0", "tool": "2.0"}
    write(environment, "[tool]", "[tool, other]")
    reporter = Notes()
    assert versions(lock_for(environment, reporter=reporter)) == {"base": "1.0", "other": "1.0", "tool": "2.0"}
    assert reporter.notes == [f"locked 3 packages in '{environment.with_name('conda-lock.yml')}'"]
    assert check_lock(environment)


def test_a_lock_that_answers_is_not_solved_again(environment):
    lock = lock_environment(environment).lock
    solver = FakeSolver()
    for policy in LockPolicy:
        assert lock_for(environment, policy, solver=solver) == lock
    assert solver.asked == []


def test_locked_names_what_has_changed_and_frozen_takes_it(environment):
    path = lock_environment(environment).path
    before = path.read_bytes()
    write(environment, "[tool]", "[tool, other]")
    error = refusal(lock_for, environment, LockPolicy.LOCKED)
    assert "the dependency other was added; the environment file needs other, which is not locked" in error.message
    assert "`--frozen`" in error.hint
    assert versions(lock_for(environment, LockPolicy.FROZEN)) == {"base": "1.0", "tool": "2.0"}
    assert path.read_bytes() == before


@pytest.mark.parametrize("policy", [LockPolicy.LOCKED, LockPolicy.FROZEN])
def test_locked_and_frozen_need_a_lock(environment, policy):
    error = refusal(lock_for, environment, policy)
    assert error.message == f"there is no lock, and `--{policy.value}` needs one"
    assert f"lite-env lock {environment}" in error.hint


@pytest.mark.parametrize("damage", [b"package: [", b"\xff", b"version: 7\n"])
def test_our_damaged_lock_is_made_anew_by_what_the_hint_says(environment, damage):
    path = lock_environment(environment).path
    whole = path.read_bytes()
    path.write_bytes(whole[:80] + damage)
    for make in (lock_environment, lock_for):
        assert "lite-env lock --upgrade" in refusal(make, environment).hint
    reporter = Notes()
    assert lock_environment(environment, options=LockOptions(upgrade=True), reporter=reporter).written
    assert "is damaged and is made anew" in reporter.warnings[0]
    assert path.read_bytes() == whole


@pytest.mark.parametrize("garbage", ["{[", "just words\n", "{}", "metadata: {}\npackage: 1\n"])
def test_what_is_no_lock_is_not_offered_to_be_packed_nor_said_to_be_anybodys(environment, garbage):
    path = environment.with_name("conda-lock.yml")
    path.write_text(garbage)
    for error in (refusal(lock_for, environment), refusal(lock_environment, environment)):
        assert "is not of lite-env and cannot be used (" in error.message
        assert "lite-env pack" not in error.hint
        assert "-o browser.conda-lock.yml" in error.hint
    frozen = refusal(lock_for, environment, LockPolicy.FROZEN)
    assert ("the tool that wrote it" in frozen.hint) == garbage.startswith("metadata")
    assert "-o OTHER.conda-lock.yml" in frozen.hint
    assert path.read_text() == garbage


def test_a_lock_that_pack_would_take_for_an_environment_file_is_not_offered(environment, foreign):
    foreign.write_text(json.dumps(yaml.safe_load(foreign.read_text()), default=str))
    error = refusal(lock_for, environment, options=LockOptions())
    assert "is for linux-64 too" in error.message
    assert "lite-env pack" not in error.hint


def test_what_would_change_is_told_of_our_locks_alone(environment, foreign):
    assert refusal(lock_for, environment, LockPolicy.LOCKED).hint == "`--frozen` takes the lock as it is"
    foreign.unlink()
    lock_environment(environment)
    write(environment, "[tool]", "[tool, other]")
    assert "`lite-env lock --dry-run" in refusal(lock_for, environment, LockPolicy.LOCKED).hint


def dry_run(environment, tmp_path, *flags):
    """The exception and the step of the lock, of packing without doing it."""
    arguments = ["pack", str(environment), "-o", str(tmp_path / "pack"), "--dry-run", "--json", *flags]
    result = CliRunner().invoke(cli, arguments)
    step = json.loads(result.stdout)["steps"][0] if result.exit_code == 0 else None
    return result.exception, step and (step["taken"], step["how"])


def pack_for_real(environment, tmp_path, *flags):
    return CliRunner().invoke(cli, ["pack", str(environment), "-o", str(tmp_path / "pack"), *flags]).exception


def test_a_dry_run_says_the_truth_about_the_lock(environment, tmp_path):
    path = environment.with_name("conda-lock.yml")
    assert dry_run(environment, tmp_path) == (None, (True, f"'{environment}' is solved"))
    lock_environment(environment)
    for flags in ((), ("--locked",)):
        assert dry_run(environment, tmp_path, *flags) == (None, (False, f"'{path}' answers the environment file"))
    write(environment, "[tool]", "[tool, other]")
    assert dry_run(environment, tmp_path) == (None, (True, f"'{environment}' is solved"))
    frozen = (False, f"'{path}' is taken as it is: `--frozen`")
    assert dry_run(environment, tmp_path, "--frozen") == (None, frozen)


def test_a_dry_run_takes_a_lock_of_another_tool(environment, foreign, tmp_path):
    write(environment, "[tool]", "[tool, other]")
    assert dry_run(environment, tmp_path, "--frozen")[1] == (False, f"'{foreign}' is taken as it is: `--frozen`")


@pytest.mark.parametrize("flags", [(), ("--locked",), ("--frozen",)])
@pytest.mark.parametrize("state", ["none", "stale", "damaged", "foreign", "garbage"])
def test_a_dry_run_refuses_what_packing_refuses(environment, tmp_path, state, flags, request):
    path = environment.with_name("conda-lock.yml")
    if state == "foreign":
        request.getfixturevalue("foreign")
    elif state != "none":
        lock_environment(environment)
        path.write_text({"damaged": path.read_text()[:300], "garbage": "{["}.get(state, path.read_text()))
    write(environment, "[tool]", "[tool, other]")
    dry, _ = dry_run(environment, tmp_path, *flags)
    if isinstance(dry, LockError):
        real = pack_for_real(environment, tmp_path, *flags)
        assert (type(real), real.message, real.hint) == (LockError, dry.message, dry.hint)
    else:
        assert dry is None
        assert (state, flags) in {("none", ()), ("stale", ()), ("stale", ("--frozen",)), ("foreign", ("--frozen",))}


def test_pack_does_not_write_over_a_lock_of_another_tool(environment, foreign, tmp_path):
    before = foreign.read_bytes()
    result = CliRunner().invoke(cli, ["pack", str(environment), "-o", str(tmp_path / "pack")])
    assert isinstance(result.exception, LockError)
    assert foreign.read_bytes() == before
