"""A piece of work on an environment that anybody can do: a value that goes to another process or machine.

What comes of it lies in a store, where whoever gave the work away finds it; nothing is sent back.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lite_env.errors import ExecutorError
from lite_env.pack.selection import select_files
from lite_env.workflow.environment import environment_of
from lite_env.workflow.pack import pack_inputs
from lite_env.workflow.prepare import compile_packages
from lite_env.workflow.storage import Stores
from lite_env.workflow.toolchain import this_toolchain

if TYPE_CHECKING:
    from lite_env.spec.remotes import Remote
    from lite_env.store.protocol import Store
    from lite_env.workflow.inputs import Inputs
    from lite_env.workflow.options import PackOptions
    from lite_env.workflow.toolchain import Toolchain


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A piece of work.

    Attributes:
        inputs: with a lock.
        options: how it is packed.
        packages: names of those to compile; None to pack it all.
    """

    inputs: Inputs
    options: PackOptions
    packages: tuple[str, ...] | None = None

    def without_credentials(self) -> Job:
        """For another machine: who works there brings those for the channels' addresses."""
        lock = replace(self.inputs.lock, addresses=()) if self.inputs.lock is not None else None
        return replace(self, inputs=replace(self.inputs, lock=lock))


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
    with Stores(remotes)() as store:
        work(job, store)
