"""dist/embed as a package: what TypeScript sees of it, by the strictest of its resolutions."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lite_env.bootstrap import runtime_dir
from lite_env.host.find import find_node

TSC = Path(__file__).parents[2] / "lite_env" / "bootstrap" / "runtime" / "node_modules" / "typescript" / "bin" / "tsc"

PROGRAM = """
import { BrowserContents, createKernel, KernelError, type Kernel } from '@lite-env/embed';

export async function sum(): Promise<string> {
  const kernel: Kernel = await createKernel({
    manifest: 'pack/manifest.json',
    drive: { kind: 'contents', contentsManager: await BrowserContents.open() },
    onProgress: ({ file, loaded, total }) => console.log(file, loaded / total),
  });
  kernel.onError((failure, fatal) => console.error(failure.name, failure.file ?? '', fatal));
  const reply = await kernel.execute('1 + 1', { onOutput: ({ header }) => console.log(header.msg_type) });
  return String(reply.content['status']);
}
export const hint = (error: unknown): string | null => (error instanceof KernelError ? error.hint : null);
"""


@pytest.mark.node
@pytest.mark.parametrize(("module", "resolution"), [("nodenext", "nodenext"), ("esnext", "bundler")])
def test_types_are_whole(tmp_path, module, resolution):
    package = tmp_path / "node_modules" / "@lite-env" / "embed"
    package.parent.mkdir(parents=True)
    package.symlink_to(runtime_dir() / "embed", target_is_directory=True)
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    (tmp_path / "program.ts").write_text(PROGRAM)
    flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022"]
    done = subprocess.run(
        [find_node(), TSC, *flags, "--module", module, "--moduleResolution", resolution, "program.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_files():
    embed = runtime_dir() / "embed"
    package = json.loads((embed / "package.json").read_text())
    assert package["name"] == "@lite-env/embed"
    assert {path.name for path in embed.iterdir()} == {
        "lite-env.d.ts",
        "lite-env.mjs",
        "package.json",
        "sw.js",
        "types",
        "worker.js",
    }
    for entry in package["exports"].values():
        for path in entry.values() if isinstance(entry, dict) else [entry]:
            assert (embed / path).is_file()
    # Nothing of it is fetched from elsewhere.
    assert "import " not in (embed / "lite-env.mjs").read_text().replace("import.meta", "")
    assert (
        (embed / "sw.js")
        .read_text()
        .startswith('self.liteEnvSite = {"build":"embed","drive":"browser","files":{},"runtime":""};')
    )
