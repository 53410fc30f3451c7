"""Who does the work of packing many environments: threads of this process, or machines that dask.distributed leads."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from lite_env.errors import ExecutorError, MissingToolError, without_secrets
from lite_env.host.capacity import cores, kernels_at_once
from lite_env.store.wire import in_time
from lite_env.workflow.task import work, work_elsewhere
from lite_env.workflow.toolchain import Toolchain, this_toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor, Future
    from contextlib import AbstractContextManager

    from lite_env.progress import Reporter
    from lite_env.spec.remotes import Remote
    from lite_env.store.protocol import Store
    from lite_env.workflow.task import Job

_CONNECT_SECONDS = 15.0
_SCHEMES = ("tcp://", "tls://")


@dataclass(frozen=True, kw_only=True, slots=True)
class Crew:
    """Whoever works.

    Attributes:
        submit: gives work away; what it fails with is the future's.
        width: how many pieces of work are done at once.
        elsewhere: whether that is on other machines, which have none of our files.
        present: whether anybody is there who could do what is left.
    """

    submit: Callable[[Job], Future[None]]
    width: int
    elsewhere: bool = False
    present: Callable[[], bool] = lambda: True


@contextmanager
def local_crew(stores: Callable[[], AbstractContextManager[Store]]) -> Iterator[Crew]:
    """Threads of this process, which share its cores: a pack occupies several of them by itself."""
    width = max(cores() // 2, 1)

    def frugal(job: Job) -> Job:
        jobs = max(kernels_at_once(job.options.jobs) // width, 1)
        return replace(job, options=replace(job.options, jobs=jobs))

    with stores() as store, ThreadPoolExecutor(max_workers=width) as executor:
        yield Crew(submit=lambda job: executor.submit(work, frugal(job), store), width=width)


@contextmanager
def led_crew(executor: Executor, width: int, remotes: tuple[Remote, ...], toolchain: Toolchain) -> Iterator[Crew]:
    """The workers of any executor, other processes or machines, that find each other's work in `remotes`.

    Args:
        executor: takes functions and arguments that can be pickled.
        width: how many of them work at once.
        remotes: as this machine believes them.
        toolchain: of this machine; a worker with another one refuses its work.

    Raises:
        ExecutorError: there is no remote store through which anything could come back.
    """
    _check_remotes(remotes)
    do = partial(work_elsewhere, remotes=remotes, toolchain=toolchain)
    yield Crew(submit=lambda job: executor.submit(do, job.without_credentials()), width=width, elsewhere=True)


@contextmanager
def dask_crew(address: str, remotes: tuple[Remote, ...], level: int, *, reporter: Reporter) -> Iterator[Crew]:
    """The workers of the scheduler at `address` that have the same lite-env, zstd and Node.js as this machine.

    Args:
        address: ``tcp://HOST:PORT``, or ``tls://…`` with certificates as dask's own configuration names them.
        remotes: see `led_crew`.
        level: of zstd.
        reporter: warned of each worker that is refused.

    Raises:
        MissingToolError: dask.distributed is not installed.
        ExecutorError: nobody answers there, no worker is the same, or there is no remote store to work through.
    """
    _check_remotes(remotes)
    if not address.startswith(_SCHEMES):
        raise ExecutorError(
            f"'{without_secrets(address)}' is not the address of a scheduler",
            hint="write tcp://HOST:PORT, or tls://HOST:PORT",
        )
    toolchain = this_toolchain(level)
    with _connected(address) as client:
        workers = _fitting(client, level, toolchain, reporter)
        executor = client.get_executor(pure=False, workers=list(workers), allow_other_workers=False)

        def present() -> bool:
            try:
                return client.status == "running" and not workers.keys().isdisjoint(_workers(client))
            except OSError:
                return False

        with executor, led_crew(executor, sum(workers.values()), remotes, toolchain) as crew:
            yield replace(crew, present=present)


def _check_remotes(remotes: tuple[Remote, ...]) -> None:
    if not any(remote.trusted and remote.write for remote in remotes):
        raise ExecutorError(
            "workers on other machines need a remote store that is trusted and written to",
            hint="what they do comes back through it: set LITE_ENV_REMOTE to its URL, LITE_ENV_REMOTE_TRUSTED=1 and"
            " LITE_ENV_REMOTE_WRITE=1",
        )


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    try:
        from distributed import Client  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise MissingToolError(
            "packing on other machines needs dask.distributed, which is not installed",
            hint="pip install 'lite_env[dask]'",
        ) from error
    # What becomes of workers is told by us.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = cast("Any", Client)(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ExecutorError(
            f"no scheduler answers at {address}: {str(error) or type(error).__name__}",
            hint="start one with `dask scheduler`, and workers with `dask worker ADDRESS`",
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=_CONNECT_SECONDS)


def _fitting(client: Any, level: int, toolchain: Toolchain, reporter: Reporter) -> dict[str, int]:  # noqa: ANN401
    """Threads of those workers that would come to what this machine comes to, by their addresses."""
    try:
        threads = _workers(client)
    except OSError as error:
        raise ExecutorError(f"the scheduler does not say who works: {error}", hint="is it one of dask?") from error
    if not threads:
        raise ExecutorError("the scheduler has no workers", hint="start some with `dask worker ADDRESS`")
    try:
        found = in_time(lambda: client.run(this_toolchain, level, on_error="return"), _CONNECT_SECONDS)
    except OSError as error:
        raise ExecutorError(
            f"the workers do not say what they have: {error}", hint="end the one that hangs, and try again"
        ) from error
    fitting = {}
    for worker, theirs in sorted(found.items()):
        if not isinstance(theirs, Toolchain):
            reporter.warn(f"the worker {worker} is refused: it has no lite-env that could be asked ({theirs!r:.200})")
        elif differences := toolchain.differences(theirs):
            reporter.warn(f"the worker {worker} is refused: it has {' and '.join(differences)}")
        else:
            fitting[worker] = threads.get(worker, 1)
    if not fitting:
        raise ExecutorError(
            f"none of the {len(found)} workers has what this machine has",
            hint="install the same lite-env, zstandard and Node.js on all of them",
        )
    return fitting


def _workers(client: Any) -> Mapping[str, int]:  # noqa: ANN401 - of a library that is an extra
    """The threads of each worker that is there, by its address.

    Raises:
        OSError: the scheduler does not answer.
    """
    workers = in_time(lambda: client.scheduler_info(n_workers=-1), _CONNECT_SECONDS)["workers"]
    return {address: worker["nthreads"] for address, worker in workers.items()}
