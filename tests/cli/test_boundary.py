"""What the command line says when the system refuses, when nobody reads, and when strangers wrote the text."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from lite_env.channel.index import index_channel
from lite_env.errors import LiteEnvError
from lite_env.store.plain import plain
from lite_env.store.system import system_answer
from tests.conda_packages import make_package
from tests.prefixes import kernel_package, make_prefix

if os.name != "nt":
    import resource

posix = pytest.mark.skipif(os.name == "nt", reason="the shell, devices and limits of POSIX")

finished = partial(subprocess.run, check=False)


@pytest.fixture
def prefix(tmp_path):
    return make_prefix(tmp_path / "prefix", kernel_package())


def run(*arguments, **options):
    """`lite-env` in a process of its own."""
    options.setdefault("env", {**os.environ, "NO_COLOR": "1"})
    return finished([sys.executable, "-m", "lite_env", *map(str, arguments)], capture_output=True, text=True, **options)


def pack(prefix, output, **options):
    return run("pack", prefix, "--no-trace", "--no-bytecode", "--no-check", "-o", output, **options)


def assert_answer(ended, *said):
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("hint: ") or "\nhint: " in ended.stderr
    assert "bug in lite_env" not in ended.stderr
    assert "Traceback" not in ended.stderr
    for text in said:
        assert text in ended.stderr


def with_limit(name, value):
    return lambda: resource.setrlimit(getattr(resource, name), (value, value))


def without_override():
    """Permissions shall count for root too: it gives up the capability to override them (capabilities(7))."""
    if os.geteuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        assert ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0) == 0


class TestTheSystemRefuses:
    def test_an_output_below_a_file(self, prefix, tmp_path):
        (tmp_path / "file").write_text("mine")
        assert_answer(pack(prefix, tmp_path / "file" / "pack"), f"'{tmp_path / 'file'}'", "file")
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_name_that_is_too_long(self, prefix, tmp_path):
        assert_answer(
            pack(prefix, tmp_path / ("x" * 300)), "x" * 300, "File name too long", "hint: choose a shorter name"
        )

    @posix
    def test_a_file_that_may_not_become_so_large(self, prefix, tmp_path):
        ended = pack(prefix, tmp_path / "pack", preexec_fn=with_limit("RLIMIT_FSIZE", 100))
        assert_answer(ended, f"'{tmp_path / 'pack'}': File too large", "ulimit -f")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["prefix"]

    @posix
    def test_a_site_that_cannot_be_written_leaves_nothing(self, prefix, tmp_path):
        assert pack(prefix, tmp_path / "pack").returncode == 0
        # The runtime has small files, which are written, and larger ones.
        ended = run(
            "site", tmp_path / "pack", "-o", tmp_path / "new/site", preexec_fn=with_limit("RLIMIT_FSIZE", 50_000)
        )
        assert_answer(ended, f"'{tmp_path / 'new/site'}", "cannot be written: File too large", "ulimit -f")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "prefix"]
        (tmp_path / "empty").mkdir()
        run("site", tmp_path / "pack", "-o", tmp_path / "empty", preexec_fn=with_limit("RLIMIT_FSIZE", 50_000))
        assert list((tmp_path / "empty").iterdir()) == []

    @posix
    def test_an_environment_that_cannot_be_unpacked(self, prefix, tmp_path):
        (prefix / "share/large.txt").write_bytes(bytes(100_000))
        assert pack(prefix, tmp_path / "pack").returncode == 0
        ended = run("unpack", tmp_path / "pack", "-o", tmp_path / "env", preexec_fn=with_limit("RLIMIT_FSIZE", 50_000))
        assert_answer(ended, f"'{tmp_path / 'env'}' cannot be written: File too large", "ulimit -f")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "prefix"]

    @posix
    def test_an_environment_that_cannot_be_installed(self, tmp_path):
        make_package(tmp_path / "channel", "large", files={"share/large.bin": os.urandom(100_000)})
        index_channel(tmp_path / "channel")
        environment = tmp_path / "environment.yml"
        environment.write_text("channels: [./channel]\ndependencies: [large]\n")
        env = {**os.environ, "NO_COLOR": "1", "LITE_ENV_CACHE_DIR": str(tmp_path / "cache")}
        lock = tmp_path / "conda-lock.yml"
        assert run("lock", environment, env=env).returncode == 0
        assert run("install", lock, "--prefix", tmp_path / "env", env=env).returncode == 0
        for fresh in (False, True):
            shutil.rmtree(tmp_path / "env", ignore_errors=True)
            if fresh:
                shutil.rmtree(tmp_path / "cache")
            limit = with_limit("RLIMIT_FSIZE", 50_000)
            ended = run("install", lock, "--prefix", tmp_path / "env", env=env, preexec_fn=limit)
            assert_answer(ended, "(os error 27)", "ulimit -f")
            assert ".lite-env-" not in ended.stderr
            assert not (tmp_path / "env").exists()

    @posix
    def test_too_many_open_files(self, prefix, tmp_path):
        # The most with which it fails. The limit holds once Python has begun, which needs files of its own.
        program = (
            "import resource, sys; from lite_env.cli.main import main; limit = int(sys.argv.pop(1)); "
            "resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)); main()"
        )
        flags = ["--no-trace", "--no-bytecode", "--no-check", "-o", tmp_path / "pack"]
        for limit in range(12, 3, -1):
            command = [sys.executable, "-c", program, limit, "pack", prefix, *flags]
            ended = finished(
                list(map(str, command)), capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}
            )
            if ended.returncode:
                break
        assert_answer(ended, "Too many open files", "ulimit -n")

    @posix
    def test_a_disk_that_is_full_when_the_answer_is_printed(self, prefix, tmp_path):
        with Path("/dev/full").open("w") as full:
            ended = finished(
                [sys.executable, "-m", "lite_env", "channel", "build", "--help"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert_answer(ended, "No space left on device", "standard output")

    @posix
    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount")
    def test_a_full_disk(self, prefix, tmp_path):
        small = tmp_path / "small"
        small.mkdir()
        mounted = finished(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small])
        if mounted.returncode:
            pytest.skip("this root may not mount")
        try:
            (small / "ballast").write_bytes(bytes(56_000))
            ended = pack(prefix, small / "pack")
            assert_answer(ended, f"'{small / 'pack'}", "No space left on device", "make room there")
            assert sorted(path.name for path in small.iterdir()) == ["ballast"]
        finally:
            subprocess.run(["umount", small], check=True)

    @posix
    def test_a_folder_that_may_not_be_written(self, prefix, tmp_path):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o555)
        ended = pack(prefix, closed / "pack", preexec_fn=without_override)
        assert_answer(ended, f"'{closed / 'pack'}': Permission denied", "permissions")
        assert list(closed.iterdir()) == []


@pytest.mark.parametrize("name", sorted(errno.errorcode.values()))
def test_every_error_of_the_system_has_a_hint(name):
    answer = system_answer(OSError(getattr(errno, name), "reason", "place"))
    assert answer.message == "'place': reason"
    assert answer.hint


def test_other_forms_of_the_systems_errors():
    assert system_answer(MemoryError()).message == "there is not enough memory"
    moved = system_answer(OSError(errno.EXDEV, "reason", "a", None, "b"))
    assert moved.message == "'a' → 'b': reason"
    assert system_answer(shutil.Error([("a", "b", "reason")])).message == "'b': reason"
    rust = system_answer(RuntimeError("cannot write x: No space left on device (os error 28)"))
    assert (rust.message, "make room" in rust.hint) == ("cannot write x: No space left on device (os error 28)", True)
    noted = OSError(errno.EROFS, "reason", "a")
    noted.add_note("the old copy is at 'b'")
    assert system_answer(noted).hint.startswith("the old copy is at 'b'; ")
    for other in (ValueError("no"), OSError("without a number"), LiteEnvError("(os error 28)"), KeyboardInterrupt()):
        assert system_answer(other) is None


class TestNobodyReads:
    @posix
    @pytest.mark.parametrize("redirect", ["", "2>&1", "2>&-"])
    def test_a_reader_that_goes_away(self, prefix, tmp_path, redirect):
        # `:` reads nothing: the pipe is broken before the first line.
        command = '"$0" -m lite_env pack "$1" --no-trace --no-bytecode --no-check -o "$2"'
        script = f'{command} {redirect} | :; echo "${{PIPESTATUS[0]}}"'
        ended = finished(
            ["bash", "-c", script, sys.executable, prefix, tmp_path / "pack"], capture_output=True, text=True
        )
        assert ended.stdout.strip() in ("0", "1")
        assert "Traceback" not in ended.stderr
        assert "bug" not in ended.stderr
        assert "Exception ignored" not in ended.stderr

    @posix
    @pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
    def test_streams_that_are_closed_from_the_start(self, prefix, tmp_path, closed):
        output = tmp_path / "pack"
        script = f'"$0" -m lite_env pack "$1" --no-trace --no-bytecode --no-check -o "$2" {closed}'
        ended = finished(["bash", "-c", script, sys.executable, prefix, output], capture_output=True, text=True)
        assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)
        json.loads((output / "manifest.json").read_bytes())


HOSTILE = "a [red]b[/red] [link=x] :smile: \x1b[31m\x1b]0;title\x07 \u202e \r \x9b1m end"
SHOWN = r"a [red]b[/red] [link=x] :smile: \x1b[31m\x1b]0;title\x07 \u202e \x0d \x9b1m end"


LONG = "x" * 100_000
LINES = "\\n" * 100_000
HUGE = {
    "a tag": ("environment.yml", f"name: !{LONG} x\n", "which means nothing here"),
    "a key": ("environment.yml", f"? {LONG}\n: 1\n? {LONG}\n: 2\n", "stands twice: in line 1 and in line 3"),
    "a warning": (
        "environment.yml",
        f"name: x\n? {LONG}\n: 1\nchannels: [./none]\ndependencies: [a]\n",
        "is not known and is ignored",
    ),
    "a section": (
        "environment.yml",
        f"name: x\ndependencies: [{{? {LONG} : [a]}}]\n",
        "of `dependencies` is not known",
    ),
    "lines": (
        "environment.yml",
        f'name: x\ndependencies: [{{? "a{LINES}b" : [a]}}]\n',
        "of `dependencies` is not known",
    ),
    "a platform": (
        "conda-lock.yml",
        f"metadata: {{content_hash: {{}}, platforms: [{LONG}]}}\npackage: []\n",
        "but not emscripten-wasm32",
    ),
    "a feature": ("manifest.json", json.dumps({"format": "2.0", "requires": [LONG]}), "which this lite-env does not"),
}


@pytest.mark.parametrize(("name", "text", "said"), HUGE.values(), ids=HUGE)
def test_of_a_very_long_text_a_message_shows_a_part_and_what_is_wrong_with_it(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    command = {"environment.yml": ("lock", "--offline"), "conda-lock.yml": ("install", "--prefix", tmp_path / "p")}
    ended = run(*command.get(name, ("run",)), tmp_path if name == "manifest.json" else tmp_path / name)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert " characters) …" in ended.stderr or " characters)`" in ended.stderr or " lines)" in ended.stderr
    assert len(ended.stderr) < 5_000


class TestTextOfStrangers:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            (HOSTILE, SHOWN),
            ("two\nlines\tand a tab, ü, 漢, 🎉", "two\nlines\tand a tab, ü, 漢, 🎉"),
            ("\ud800\udfff", r"\ud800\udfff"),
            ("\x00\x7f", r"\x00\x7f"),
        ],
    )
    def test_what_a_terminal_would_obey_is_made_visible(self, text, shown):
        assert plain(text) == shown
        assert plain(shown) == shown

    @pytest.mark.parametrize(
        "raising",
        [
            "raise LiteEnvError(TEXT, hint=TEXT, where=TEXT)",
            "raise RuntimeError(TEXT)",
            "raise OSError(28, TEXT, TEXT)",
            "raise click.UsageError(TEXT)",
            "ConsoleReporter().note(TEXT)",
            "ConsoleReporter().warn(TEXT)",
            "say(TEXT)",
        ],
    )
    @pytest.mark.parametrize("surrogates", ["", "\\ud800 \\udcff"])
    def test_nothing_of_it_reaches_a_terminal(self, raising, surrogates):
        program = (
            "import sys, click\n"
            "from lite_env.cli.boundary import run_command\n"
            "from lite_env.cli.console import ConsoleReporter, say\n"
            "from lite_env.errors import LiteEnvError\n"
            f"TEXT = {HOSTILE!a} + '{surrogates}'\n"
            "@click.command()\ndef command():\n"
            f"    {raising}\n"
            "run_command(command)\n"
        )
        # A terminal as rich sees one, with colours.
        env = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"}
        ended = finished([sys.executable, "-c", program], capture_output=True, env=env)
        said = (ended.stdout + ended.stderr).decode()
        assert SHOWN + surrogates in said
        assert "Traceback" not in said

    def test_json_holds_what_is_no_text(self):
        program = "from lite_env.cli.console import print_json; print_json({'a': '\\ud800 \\udcff ü'})"
        ended = finished([sys.executable, "-X", "utf8", "-c", program], capture_output=True)
        assert ended.returncode == 0
        assert json.loads(ended.stdout) == {"a": "\ud800 \udcff ü"}

    def test_a_progress_bar_shows_labels_as_they_are(self):
        program = (
            "from lite_env.cli.console import ConsoleReporter\n"
            f"with ConsoleReporter().task({HOSTILE!a}, 10, 'B') as task:\n    task.advance(1)\n"
        )
        env = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "300"}
        ended = finished([sys.executable, "-c", program], capture_output=True, env=env)
        assert SHOWN in ended.stderr.decode()


def test_a_note_that_cannot_be_printed_ends_nothing():
    program = (
        "import sys\nfrom lite_env.cli.console import ConsoleReporter\n"
        "reporter = ConsoleReporter()\n"
        "for _ in range(1000):\n    reporter.warn('x' * 1000)\n"
        "print('done')\n"
    )
    for place in ("/dev/full",) if os.name != "nt" else ():
        with Path(place).open("w") as full:
            ended = finished([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full)
        assert ended.stdout == b"done\n"
