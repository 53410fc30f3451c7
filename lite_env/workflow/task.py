"""A piece of work on an environment that anybody can do: a value that goes to another process or machine.

What comes of it lies in a store, where whoever gave the work away finds it; nothing is sent back.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import ExecutorError, MissingEngineError
from lite_env.host.find import locate_node
from lite_env.pack.selection import select_files
from lite_env.pack.writer import generator
from lite_env.workflow.environment import environment_of
from lite_env.workflow.pack import pack_inputs
from lite_env.workflow.prepare import compile_packages
from lite_env.workflow.rebuild import code_digest
from lite_env.workflow.start import runtime_digest
from lite_env.workflow.storage import layered_store

if TYPE_CHECKING:
    from lite_env.spec.remotes import Remote
    from lite_env.store.protocol import Store
    from lite_env.workflow.inputs import Inputs
    from lite_env.workflow.options import PackOptions


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
    try:
        node = locate_node().version
    except MissingEngineError:
        node = ""
    return Toolchain(packer=generator(level), code=code_digest() + runtime_digest(), node=node)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A piece of work.

    Attributes:
        inputs: with a lock, without the credentials of its channels.
        options: how it is packed.
        packages: names of those to compile; None to pack it all.
    """

    inputs: Inputs
    options: PackOptions
    packages: tuple[str, ...] | None = None


def job_of(inputs: Inputs, options: PackOptions, packages: tuple[str, ...] | None = None) -> Job:
    """The work on an environment; whoever does it brings credentials of its own."""
    assert inputs.lock is not None  # noqa: S101 - for the type checker: whoever gives work away has locked it
    return Job(inputs=replace(inputs, lock=replace(inputs.lock, addresses=())), options=options, packages=packages)


def work(job: Job, store: Store) -> None:
    """Do it; what comes of it is kept in `store`.

    Raises:
        LiteEnvError: of whichever step failed.
    """
    if job.packages is None:
        with tempfile.TemporaryDirectory(prefix="lite-env-") as folder:
            pack_inputs(job.inputs, Path(folder) / "pack", job.options, store=store)
        return
    with environment_of(job.inputs, job.options, store=store) as prefix:
        selection = select_files(prefix, job.inputs.filters, job.inputs.mounted)
        compile_packages(prefix, selection, job.packages, job.options, store=store)


def work_elsewhere(job: Job, remotes: tuple[Remote, ...], toolchain: Toolchain) -> None:
    """Do it on this machine for another one, to which `remotes` lead; called by an executor.

    Args:
        job: the work.
        remotes: stores, as the other machine believes them.
        toolchain: of the other machine.

    Raises:
        ExecutorError: this machine would not come to the same.
        LiteEnvError: of whichever step failed.
    """
    if found := toolchain.differences(this_toolchain(job.options.level)):
        raise ExecutorError(f"a worker has {' and '.join(found)}", hint="install the same on all workers")
    with layered_store(remotes) as store:
        work(job, store)


def _named(node: str) -> str:
    return f"Node.js {node}" if node else "no Node.js"
