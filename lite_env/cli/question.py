"""What the commands that answer questions about a lock or a pack have in common."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from lite_env.cli.console import reporter_of, say
from lite_env.lock.file import has_environments, needs_packages
from lite_env.report.earlier import read_earlier
from lite_env.report.subject import read_subject
from lite_env.store.atomic import write_text
from lite_env.store.protocol import FORGETFUL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from lite_env.report.model import SizeReport
    from lite_env.report.subject import Subject
    from lite_env.store.protocol import Store

_Command = TypeVar("_Command", bound="Callable[..., Any]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is asked about, and how a lock is read.

    Attributes:
        path: of a lock, a pack or an environment file; None for this folder.
        environment: which one of a lock of pixi; None for ``default``, or the only one.
        offline: whether no connection is opened, for the packages that an ``@EXPLICIT`` list names.
    """

    path: Path | None
    environment: str | None
    offline: bool

    def subject(self) -> Subject:
        """The lock or pack."""
        with self._store(self.path) as store:
            return read_subject(
                self.path,
                environment=self.environment,
                offline=self.offline,
                store=store,
                reporter=reporter_of(click.get_current_context()),
            )

    def earlier(self, path: Path) -> SizeReport:
        """The earlier build that `path` names; the environment is chosen only where there are some."""
        with self._store(path) as store:
            return read_earlier(
                path,
                environment=self.environment if has_environments(path) else None,
                offline=self.offline,
                store=store,
                reporter=reporter_of(click.get_current_context()),
            )

    def _store(self, path: Path | None) -> AbstractContextManager[Store]:
        if path is None or not needs_packages(path):
            return nullcontext(FORGETFUL)
        # It takes a while to import.
        from lite_env.workflow.storage import opened_store  # noqa: PLC0415

        return opened_store(path, offline=self.offline, reporter=reporter_of(click.get_current_context()))


def choice(function: _Command) -> _Command:
    """The options by which a lock is read, and the argument ``about`` if there is one, as one value ``asked``."""

    @click.option("--environment", metavar="NAME", help="Of a pixi.lock: which environment.  [default: default]")
    @click.option("--offline", is_flag=True, help="Of an @EXPLICIT list: take its packages from the caches only.")
    @wraps(function)
    def command(*, environment: str | None, offline: bool, about: Path | None = None, **rest: Any) -> Any:  # noqa: ANN401
        return function(asked=Asked(path=about, environment=environment, offline=offline), **rest)

    return cast("_Command", command)


def about(function: _Command) -> _Command:
    """The argument LOCK or PACK, by default what is in this folder, with the options of `choice`."""
    argument = click.argument("about", required=False, metavar="[LOCK|PACK]", type=click.Path(path_type=Path))
    return argument(choice(function))


def answer(lines: Iterable[str]) -> None:
    """Print an answer, a line each."""
    for line in lines:
        say(line)


def write_answer(text: str, output: Path | None) -> None:
    """Write a whole text as it is to a file, or to stdout."""
    if output is not None:
        write_text(output, text)
    else:
        click.echo(text, nl=False)
