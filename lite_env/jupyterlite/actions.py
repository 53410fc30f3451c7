"""The edge towards doit: tasks become its dictionaries, and errors become lines and a task that has failed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from doit.exceptions import TaskFailed
from doit.tools import config_changed

from lite_env.errors import LiteEnvError
from lite_env.jupyterlite.seen import tell_past_silence
from lite_env.store.digest import sha256_of_file
from lite_env.store.plain import format_error, plain
from lite_env.store.system import system_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lite_env.jupyterlite.reporter import Log
    from lite_env.jupyterlite.tasks import Task


def doit_task(
    task: Task, do: Callable[[], None], log: Log, *, done: Callable[[], bool] | None = None
) -> dict[str, Any]:
    """A task as doit takes it, before JupyterLite puts its names in front.

    Args:
        task: the task.
        do: does it.
        log: takes what is said of errors.
        done: whether all is as the task would make it.
    """
    up_to_date: list[object] = [config_changed(json.loads(json.dumps(task.state)))] if task.state else []
    if task.fixed is not None:
        up_to_date.append(_AsItWas(task.fixed))
    if done is not None:
        up_to_date.append(done)
    found: dict[str, Any] = {
        "name": task.name,
        "doc": task.doc,
        "actions": [guarded(do, log)],
        "file_dep": [str(path) for path in task.reads],
        "targets": [str(path) for path in task.writes],
    }
    # An empty list would mean that it is up to date.
    return found | ({"uptodate": up_to_date} if up_to_date else {})


def failing_task(name: str, error: LiteEnvError, log: Log) -> dict[str, Any]:
    """A task that does nothing but to fail with `error`, which a build tells as it tells those of others."""

    def fail() -> None:
        raise error

    return {"name": name, "doc": "say what is wrong with the settings", "actions": [guarded(fail, log)]}


def guarded(do: Callable[[], None], log: Log) -> Callable[[], TaskFailed | None]:
    """`do` as an action: what a user can act upon is told in lines, without a traceback."""

    def action() -> TaskFailed | None:
        try:
            do()
        except Exception as error:
            answer = error if isinstance(error, LiteEnvError) else system_answer(error)
            if answer is None:
                raise
        else:
            return None
        text = format_error(answer)
        log.error("[lite-env] %s", plain(text))
        tell_past_silence([text])
        return TaskFailed(answer.message, report=False)

    return action


class _AsItWas:
    """Whether a file is as the task left it when it last ran; doit itself does not look at what a task has written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, task: Any, values: dict[str, Any]) -> bool:  # noqa: ANN401 - doit's, which has no types
        task.value_savers.append(lambda: {"lite-env left": self._digest()})
        return values.get("lite-env left") == self._digest()

    def _digest(self) -> str:
        return sha256_of_file(self._path) if self._path.is_file() else ""
