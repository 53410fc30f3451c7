"""Runs today's kernels from the real channels, and records what was seen.

The tests make their kernels from what was published in 2023; the generation that emscripten-forge publishes today is
tested there with a stand-in for its glue. This script runs the real one, where a network reaches the channels:
`make verify-4x`, or

    python tests/verify_4x.py [PACKAGE…] [--channel URL…] [--engine node|chromium…] [--output FILE]

It locks, packs and starts xeus-python with the packages (numpy and pandas) through `lite-env`, as users do. The record
is written when a kernel was really tried, with what failed as well; when locking or packing fails there is none, and
an older one stays as it is. Exit code 0: every check passed.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lite_env.store.atomic import write_text

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "docs" / "verified-4x.md"
CHANNELS = ("https://prefix.dev/emscripten-forge-4x", "https://prefix.dev/conda-forge")
PACKAGES = ("numpy", "pandas")
ENGINES = ("node", "chromium")
VARIABLE = ("LITE_ENV_VERIFY", "four \N{MULTIPLICATION SIGN} x")
SECONDS = 900.0

EXPRESSIONS: dict[str, tuple[str, Any]] = {
    "xeus-python": (f"__import__('os').environ[{VARIABLE[0]!r}]", VARIABLE[1]),
    "numpy": (
        "numpy.linalg.solve(numpy.array([[3.0, 1.0], [1.0, 2.0]]), numpy.array([9.0, 8.0])).round(9).tolist()",
        [2.0, 3.0],
    ),
    "pandas": ("pandas.DataFrame({'k': list('aba'), 'v': [1, 2, 4]}).groupby('k').v.sum().to_dict()", {"a": 5, "b": 2}),
}
"""What to evaluate with a package, and what it has to give."""


class StepError(Exception):
    """A step before any kernel was tried has failed; its error is on stderr already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One run of the packed kernel.

    Attributes:
        expected: text on stdout.
        told: text on stderr.
    """

    name: str
    code: str
    expected: str
    told: str = ""
    stdin: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """How a check went; `seconds` from the command to its end."""

    engine: str
    check: str
    passed: bool
    seconds: float
    out: str
    err: str


def checks_for(packages: tuple[str, ...]) -> list[Check]:
    """The checks, the packages' first."""
    found = [_package_check(name) for name in ("xeus-python", *packages)]
    return [
        *found,
        Check(name="input()", code="print('got', input('? '))", stdin="an answer\n", expected="got an answer\n"),
        Check(
            name="interrupt",
            code="while True: pass",
            expected="",
            told="was interrupted",
            options=("--timeout", "5"),
        ),
    ]


def _package_check(name: str) -> Check:
    if name not in EXPRESSIONS:
        module = name.replace("-", "_")
        return Check(name=name, code=f"import {module}; print('imported')", expected="imported\n")
    expression, value = EXPRESSIONS[name]
    imports = "" if name == "xeus-python" else f"import {name}\n"
    code = f"{imports}import json\nprint(json.dumps({expression}))"
    return Check(name=name, code=code, expected=json.dumps(value) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Lock, pack, run the checks, write the record."""
    options = _parser().parse_args(arguments)
    packages = tuple(options.package or PACKAGES)
    channels = tuple(options.channel or CHANNELS)
    engines = tuple(options.engine or ENGINES)
    with tempfile.TemporaryDirectory(prefix="lite-env-verify-") as folder:
        try:
            pack = make_pack(Path(folder), channels, packages)
        except StepError as error:
            print(f"error: {error}; nothing was verified, and no record written", file=sys.stderr)
            return 1
        manifest = json.loads((pack / "manifest.json").read_bytes())
        seen = [run_check(pack, engine, check) for engine in engines for check in checks_for(packages)]
    write_text(options.output, record(manifest, channels, seen))
    print(f"recorded in {options.output}", file=sys.stderr)
    return 0 if all(one.passed for one in seen) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Run today's kernels from the real channels.")
    parser.add_argument("package", nargs="*", help=f"besides xeus-python; default: {' '.join(PACKAGES)}")
    parser.add_argument("--channel", action="append", help=f"exact list; default: {' '.join(CHANNELS)}")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="default: both")
    parser.add_argument("--output", type=Path, default=RECORD, help="the record (Markdown)")
    return parser


def make_pack(folder: Path, channels: tuple[str, ...], packages: tuple[str, ...]) -> Path:
    """Lock and pack the environment.

    Raises:
        StepError: a step failed.
    """
    environment = folder / "environment.yml"
    document = {
        "name": "verify-4x",
        "channels": list(channels),
        "dependencies": ["xeus-python", *packages],
        "variables": dict([VARIABLE]),
    }
    # JSON is YAML.
    environment.write_text(json.dumps(document, indent=2), encoding="utf-8")
    for step in (("lock", environment), ("pack", environment, "-o", folder / "pack")):
        print(f"lite-env {' '.join(map(str, step))}", file=sys.stderr)
        if subprocess.run(_command(*step), check=False, timeout=SECONDS).returncode:
            raise StepError(f"`lite-env {step[0]}` failed")
    return folder / "pack"


def run_check(pack: Path, engine: str, check: Check) -> Seen:
    """Run one check with `lite-env run`."""
    command = _command("run", pack, "--engine", engine, "--figures", *check.options, "-c", check.code)
    began = time.monotonic()
    done = subprocess.run(
        command, input=check.stdin, capture_output=True, check=False, timeout=SECONDS, text=True, encoding="utf-8"
    )
    seen = Seen(
        engine=engine,
        check=check.name,
        passed=done.stdout == check.expected and check.told in done.stderr,
        seconds=time.monotonic() - began,
        out=done.stdout,
        err=done.stderr,
    )
    print(f"{engine} {check.name}: {'passed' if seen.passed else 'FAILED'}, {seen.seconds:.1f} s", file=sys.stderr)
    if not seen.passed:
        print(seen.out + seen.err, file=sys.stderr)
    return seen


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "lite_env", *map(str, arguments)]


def record(manifest: dict[str, Any], channels: tuple[str, ...], seen: list[Seen]) -> str:
    """What was seen, as Markdown."""
    packages = manifest["environment"]["packages"]
    archives = manifest["archives"]
    megabytes = sum(archive["size"] for archive in archives) / 1e6
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    lines = [
        "# Kernels from the real channels",
        "",
        "Written by `make verify-4x`; it is not edited by hand.",
        "",
        f"* When and where: {now}, {platform.platform()}, Python {platform.python_version()}",
        f"* Channels: {', '.join(f'`{channel}`' for channel in channels)}",
        *(_kernel_line(kernel) for kernel in manifest["kernels"]),
        f"* {len(packages)} packages in {len(archives)} archives, {megabytes:.1f} MB",
        f"* Checks: {sum(one.passed for one in seen)} of {len(seen)} passed",
        "",
        "| engine | check | passed | seconds | figures |",
        "|---|---|---|---|---|",
        *(_check_line(one) for one in seen),
        "",
    ]
    for one in seen:
        if not one.passed:
            text = (one.out + one.err).replace("```", "'''").rstrip()
            lines += [f"## {one.engine}, {one.check}: what it said", "", "```", text, "```", ""]
    lines += ["## Packages", "", "| package | version | build |", "|---|---|---|"]
    lines += [f"| {one['name']} | {one['version']} | {one['build']} |" for one in packages]
    return "\n".join(lines) + "\n"


def _kernel_line(kernel: dict[str, Any]) -> str:
    built = f"emscripten {kernel['runtime']['emscripten']}, Python {kernel['runtime']['python']}"
    shared = sorted(file["name"] for file in kernel["files"] if file["role"] == "shared")
    return f"* Kernel `{kernel['name']}`: {built}, argv `{kernel['argv']}`, shared {shared}"


def _check_line(seen: Seen) -> str:
    passed = "yes" if seen.passed else "**no**"
    return f"| {seen.engine} | {seen.check} | {passed} | {seen.seconds:.1f} | {_figures(seen)} |"


def _figures(seen: Seen) -> str:
    """The line that `--figures` adds; a prompt may stand before it."""
    line = re.search(r"\S+ was ready after .*", seen.err)
    return line[0].replace("|", "/") if line else ""


if __name__ == "__main__":
    sys.exit(main())
