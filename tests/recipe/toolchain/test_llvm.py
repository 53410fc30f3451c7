"""The programs of the toolchain, out of Debian's packages and of what the machine has already."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lite_env.recipe.toolchain import llvm

if TYPE_CHECKING:
    from pathlib import Path


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_what_apt_brought_is_run_from_its_folder_with_its_libraries(tmp_path):
    final = tmp_path / "final"
    root = final / "root"
    write_program(root / "usr/lib/llvm-19/bin/clang", 'echo "clang $1 $LD_LIBRARY_PATH"')
    (root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    llvm._write_wrappers(root, final / "bin", final=root)
    said = subprocess.run([final / "bin" / "clang", "-c"], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["clang", "-c", str(root / "usr/lib/x86_64-linux-gnu")]


def test_what_the_machine_has_already_is_not_in_what_apt_brings_and_is_run_where_it_is(tmp_path):
    root = tmp_path / "root"
    write_program(root / "usr/lib/llvm-19/bin/clang", "echo clang")
    llvm._write_wrappers(root, tmp_path / "bin", final=root)
    assert '"/usr/bin/ninja"' in (tmp_path / "bin" / "ninja").read_text(encoding="utf-8")
    assert f'"{root}/usr/lib/llvm-19/bin/clang"' in (tmp_path / "bin" / "clang").read_text(encoding="utf-8")


def test_a_program_that_has_gone_since_does_not_run(tmp_path):
    write_program(tmp_path / "here", "exit 0")
    write_program(tmp_path / "gone", f'exec "{tmp_path}/nowhere" "$@"')
    assert llvm._runs(tmp_path / "here")
    assert not llvm._runs(tmp_path / "gone")
    assert not llvm._runs(tmp_path / "never there")
