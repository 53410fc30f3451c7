"""Python and Lua in one environment, really packed and started: each as it would be alone."""

from __future__ import annotations

import json

import nbformat
import pytest
from filelock import FileLock

from lite_env.errors import SpecError
from lite_env.host.run import RunOptions, run_code, start_kernel
from lite_env.pack.profile import ANY, read_profile
from lite_env.workflow.options import PackOptions
from tests.command_line import lite_env
from tests.conftest import EXAMPLES
from tests.packing import pack_environment
from tests.prefixes import Heard

pytestmark = [pytest.mark.node]

KERNELS = ("xlua", "xpython")


def notebook(path, *cells, kernel, language):
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    document.metadata["kernelspec"] = {"name": kernel, "language": language, "display_name": kernel}
    path.write_text(nbformat.writes(document))


@pytest.fixture(scope="module")
def packs(shared_folder):
    """The two kernels together, and each of them alone; and what was said of the first."""
    folder = shared_folder / "two kernels"
    alone = {"xlua": "[xeus-lua]", "xpython": "[xeus-python]"}
    with FileLock(f"{folder}.lock"):
        folder.mkdir(exist_ok=True)
        together = (EXAMPLES / "two-kernels" / "environment.yml").read_text()
        channel = (EXAMPLES.parent / "channels" / "emscripten-forge-2023").as_uri()
        (folder / "together.yml").write_text(together.replace("../../channels/emscripten-forge-2023", channel))
        for kernel, packages in alone.items():
            (folder / f"{kernel}.yml").write_text(
                f"name: {kernel}\nchannels: ['{channel}']\ndependencies: {packages}\n"
            )
        # Of another language than their names say, or of a kernel that nobody has: the language decides.
        notebook(folder / "lua.ipynb", "print(_VERSION)", kernel="lua5.3", language="lua")
        notebook(folder / "python.ipynb", "import wave", kernel="xpython", language="python")
        (folder / "warmup.py").write_text("import chunk\n")
        heard, manifests = Heard(), {}
        for name in ("together", *alone):
            options = PackOptions(
                level=1,
                workloads=tuple(folder / file for file in ("lua.ipynb", "python.ipynb", "warmup.py"))
                if name == "together"
                else (),
            )
            reporter = heard if name == "together" else Heard()
            manifests[name] = pack_environment(
                folder / f"{name}.yml", folder / name, options, reporter=reporter
            ).manifest
    return folder, manifests, heard


def test_there_is_bytecode_and_each_kernel_is_traced(packs):
    _, manifests, heard = packs
    manifest = manifests["together"]
    assert heard.warnings == []
    assert manifest.bytecode
    assert manifest.profile is not None
    assert [kernel.name for kernel in manifest.kernels] == list(KERNELS)
    assert manifest.requires == ("kernel-starts",)
    starts = {kernel.name: kernel.start for kernel in manifest.kernels}
    assert (starts["xlua"].interpreter, starts["xlua"].kernel) == ((), ())
    assert len(starts["xpython"].interpreter) == len(starts["xpython"].kernel) == 1


@pytest.mark.parametrize("name", KERNELS)
def test_each_kernel_starts_as_it_does_alone(packs, name):
    folder, manifests, _ = packs
    figures, archives = [], []
    for pack in ("together", name):
        manifest = manifests[pack]
        with start_kernel(folder / pack, options=RunOptions(kernel=name)) as running:
            loaded = running.ready.figures
        # The index lists the files of all packages, also of those that this kernel has no use for.
        figures.append((loaded.requests, loaded.bytes - manifest.index.size - manifest_size(folder / pack)))
        (start,) = (kernel.start for kernel in manifest.kernels if kernel.name == name)
        archives.append([manifest.archives[number].digest for number in (*start.interpreter, *start.kernel)])
    assert figures[0] == figures[1]
    assert archives[0] == archives[1]


def manifest_size(pack):
    return (pack / "manifest.json").stat().st_size


@pytest.mark.slow
def test_a_traced_pack_gives_the_profile_it_was_made_by(packs):
    folder, manifests, _ = packs
    words = [word for file in ("lua.ipynb", "python.ipynb", "warmup.py") for word in ("--workload", folder / file)]
    ended = lite_env("trace", folder / "together", *words, "-o", folder / "p.json", "--json")
    assert ended.code == 0
    profile = read_profile(folder / "p.json")
    assert profile.digest == manifests["together"].profile == json.loads(ended.out)["digest"]
    assert set(profile.kernels) == set(KERNELS)
    assert ANY not in profile.kernels
    assert profile.failed == {}
    assert any(file.endswith("/wave.py") for file in profile.workloads["python.ipynb"])
    assert any(file.endswith("/chunk.py") for file in profile.workloads["warmup.py"])
    assert profile.workloads["lua.ipynb"] == ()


def test_a_workload_of_a_language_that_no_kernel_runs_is_refused(packs, tmp_path):
    folder, _, _ = packs
    notebook(tmp_path / "r.ipynb", "1", kernel="ir", language="R")
    options = PackOptions(level=1, workloads=(tmp_path / "r.ipynb",))
    with pytest.raises(SpecError, match="no kernel of the environment runs the workload"):
        pack_environment(folder / "together.yml", tmp_path / "pack", options)


def test_both_run(packs):
    folder, _, _ = packs
    for kernel, code in (("xlua", "print(_VERSION)"), ("xpython", "print(1 + 1)")):
        assert run_code(folder / "together", code, options=RunOptions(kernel=kernel)).status == "ok"
