"""Runs what rattler gives, which is coroutines, and tames its panics."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from lite_env.errors import LiteEnvError

if TYPE_CHECKING:
    from collections.abc import Coroutine


T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, also from inside a running event loop (a notebook, a server), and tame panics."""
    if not _inside_event_loop():
        return _guarded(coroutine)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_guarded, coroutine).result()


def _inside_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _guarded(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(coroutine)
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise LiteEnvError(
                f"the conda library stopped: {one_line(error)}", hint="this is a bug in lite_env or in py-rattler"
            ) from error
        raise


def one_line(error: BaseException) -> str:
    """What an error of rattler says, on one line."""
    return ": ".join(line.removeprefix("Caused by:").strip() for line in str(error).splitlines() if line.strip())
