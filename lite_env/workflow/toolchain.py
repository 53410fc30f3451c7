"""What of a machine decides what comes of work there: the code of lite-env, and what it works by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import lite_env
from lite_env.host.find import node_version
from lite_env.pack.writer import generator
from lite_env.store.digest import sha256_of_bytes
from lite_env.workflow.start import runtime_digest

_NO_CODE = ("runtime", "__pycache__")


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """What of a machine decides what comes of work there.

    Attributes:
        packer: lite-env and zstd, with their versions.
        code: a digest of lite-env itself: in a checkout its version says nothing of what it does.
        node: the version of its Node.js; empty where there is none.
    """

    packer: str
    code: str
    node: str

    def differences(self, other: Toolchain) -> list[str]:
        """What is otherwise with `other`, for people."""
        found = []
        if self.packer != other.packer:
            found.append(f"{other.packer} in place of {self.packer}")
        elif self.code != other.code:
            found.append(f"lite-env of other code ({other.code[:12]} in place of {self.code[:12]})")
        if self.node != other.node:
            found.append(f"{_named(other.node)} in place of {_named(self.node)}")
        return found


def this_toolchain(level: int) -> Toolchain:
    """That of this machine, for packs at that level of zstd."""
    code = sha256_of_bytes((code_digest() + runtime_digest()).encode())
    return Toolchain(packer=generator(level), code=code, node=node_version())


@cache
def code_digest() -> str:
    """SHA-256 of lite_env itself, and of the version of rattler, which installs packages.

    In a checkout lite_env's version says nothing of what it does.
    """
    root = Path(lite_env.__file__).parent
    parts = [f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() for path in code_files(root)]
    return sha256_of_bytes(b"\0".join([version("py-rattler").encode(), *parts]))


def code_files(folder: Path) -> list[Path]:
    """All that lite_env is made of below `folder`, but the browser runtime, which `runtime_digest` is of."""
    found = sorted(path for path in folder.iterdir() if path.suffix in (".py", ".yaml", ".json"))
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in _NO_CODE):
        found += code_files(below)
    return found


def _named(node: str) -> str:
    return f"Node.js {node}" if node else "no Node.js"
