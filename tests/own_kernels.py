"""Kernels of users' own: packages that bring a kernelspec, a picture and start-up code over another's program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from lite_env.channel.index import index_channel
from lite_env.pack.restore import unpack
from lite_env.workflow.options import PackOptions
from tests.conda_packages import PLACEHOLDER, make_package
from tests.packing import pack_environment

CHANNELS = Path(__file__).parent.parent / "channels"


def own_kernel(
    channel: Path,
    name: str,
    code: str | None = None,
    *,
    base: str = "xeus-python",
    program: str = "xpython_wasm",
    language: str = "python",
) -> str:
    """Write a package with the kernel `name`, and give its name; `code` is what runs before the first cell.

    Args:
        channel: its folder; call `index_channel` afterwards.
        name: of the kernel.
        code: None for none.
        base: the package that brings the program.
        program: the program, in ``bin/``.
        language: of the kernel.
    """
    folder = f"share/jupyter/kernels/{name}"
    spec = {
        "argv": [f"{PLACEHOLDER}/bin/{program}", "-f", "{connection_file}"],
        "display_name": f"Our {name}",
        "language": language,
    }
    files = {f"{folder}/logo-svg.svg": picture(name)}
    if code is not None:
        spec["metadata"] = {"lite-env": {"startup": f"{folder}/startup.txt"}}
        files[f"{folder}/startup.txt"] = code
    make_package(
        channel,
        f"our-{name}",
        files={f"{folder}/kernel.json": json.dumps(spec), **files},
        depends=[base],
        noarch="generic",
    )
    return f"our-{name}"


def picture(name: str) -> str:
    """The picture of the kernel `name`."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><title>{name}</title><path d="M0 0h8v8z"/></svg>'


GOOD = 'import wave\nprint("hello from", __file__)\nanswer = 42\n'
BAD = 'print("before")\n\n\ndef begin():\n    return nowhere\n\n\nbegin()\n'


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnPacks:
    """Two packs: kernels whose start-up code runs, and kernels whose start-up code fails.

    Attributes:
        good: ``lab``, ``plain`` (which has none) and ``luck`` (Lua), beside the kernels that they are made of.
        bad: ``broken``, ``asking`` and ``unlucky`` (Lua), packed without a look at whether they start.
    """

    good: Path
    bad: Path


def make_own_packs(folder: Path) -> OwnPacks:
    """Make the channel, the environments and the packs in `folder`, once."""
    lua = {"base": "xeus-lua", "program": "xlua", "language": "lua"}
    packs = OwnPacks(good=folder / "good", bad=folder / "bad")
    folder.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if (packs.bad / "manifest.json").exists():
            return packs
        channel = folder / "channel"
        good = [
            own_kernel(channel, "lab", GOOD),
            own_kernel(channel, "plain"),
            own_kernel(channel, "luck", 'print("hello from Lua")\nanswer = 42\n', **lua),
        ]
        bad = [
            own_kernel(channel, "broken", BAD),
            own_kernel(channel, "asking", 'print("got", input("? "))\n'),
            own_kernel(channel, "unlucky", 'error("no luck")\n', **lua),
        ]
        (channel / "emscripten-wasm32").mkdir(exist_ok=True)
        index_channel(channel)
        _pack(folder / "good.yml", channel, good, PackOptions(level=3))
        _pack(folder / "bad.yml", channel, bad, PackOptions(level=3, check=False, trace=False, bytecode=False))
    return packs


def make_pyodide_pack(folder: Path, channel: str) -> Path:
    """A pack of the kernels ``lab`` and ``broken`` over the Pyodide of one of the project's channels."""
    own = folder / "channel"
    pyodide = {"base": "pyodide-kernel", "program": "pyodide"}
    packages = [own_kernel(own, "lab", GOOD, **pyodide), own_kernel(own, "broken", BAD, **pyodide)]
    (own / "emscripten-wasm32").mkdir()
    index_channel(own)
    options = PackOptions(level=3, check=False, trace=False, bytecode=False)
    _pack(folder / "pack.yml", own, packages, options, base=channel)
    return folder / "pack"


def _pack(
    file: Path, channel: Path, packages: list[str], options: PackOptions, *, base: str = "emscripten-forge-2023"
) -> None:
    channels = [channel.as_uri(), (CHANNELS / base).as_uri()]
    file.write_text(json.dumps({"name": file.stem, "channels": channels, "dependencies": packages}))
    pack_environment(file, file.with_suffix(""), options)


def with_code(packs: OwnPacks, folder: Path, code: str, *, check: bool = False) -> Path:
    """The good pack again, made in `folder`, with that start-up code of ``lab``."""
    unpack(packs.good, folder / "prefix")
    (folder / "prefix/share/jupyter/kernels/lab/startup.txt").write_text(code)
    options = PackOptions(name="changed", level=1, check=check, trace=False, bytecode=False)
    pack_environment(folder / "prefix", folder / "changed", options)
    return folder / "changed"
