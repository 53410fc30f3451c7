"""The names under which a CI keeps a cache: one for exactly this work, and what all of them begin with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lite_env.errors import LockError, SpecError
from lite_env.lock.answer import answers, spec_digest
from lite_env.lock.file import lock_path, needs_packages, read_lock
from lite_env.progress import SILENT
from lite_env.store.protocol import key_of
from lite_env.workflow.inputs import read_inputs
from lite_env.workflow.lock import read_spec
from lite_env.workflow.rebuild import content_of, pack_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.workflow.options import PackOptions

_FORM = 1
"""Raised when a cache of before is of no use."""
_DIGITS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheKey:
    """The key of a cache.

    Attributes:
        exact: the same wherever the same is packed with the same tools.
        prefix: what is restored from where there is no such cache: the last one of any work.
        unlocked: environment files without a lock that answers them, of which nobody knows what they will come to.
    """

    exact: str
    prefix: str
    unlocked: tuple[str, ...]


def cache_key(sources: Sequence[Path], options: PackOptions) -> CacheKey:
    """The key of all that packing `sources` needs and leaves; nothing is solved, fetched or written.

    Raises:
        LiteEnvError: a source, or what lies beside it, is wrong.
    """
    works: list[str] = []
    unlocked: list[str] = []
    for source in sources:
        _refuse_list(source)
        inputs = read_inputs(source, options, reporter=SILENT)
        if inputs.kind == "installed environment":
            raise SpecError(
                "an installed environment has no key that is the same elsewhere",
                hint="name its environment file or its lock",
                folder=str(source),
            )
        specification: list[object] = []
        if inputs.kind == "environment file":
            spec, lock = read_spec(inputs.source, (), SILENT), lock_path(inputs.source)
            if lock.exists():
                inputs = replace(inputs, lock=read_lock(lock))
            if inputs.lock is None or not answers(inputs.lock, spec):
                unlocked.append(str(source))
                specification = ["specification", spec_digest(spec)]
        content = [*specification, *(content_of(inputs, None) or ())]
        works.append(pack_key(content, inputs, options).digest)
    prefix = f"lite-env-{_FORM}-"
    digest = key_of("cache", sorted(works)).digest[:_DIGITS]
    return CacheKey(exact=prefix + digest, prefix=prefix, unlocked=tuple(unlocked))


def _refuse_list(source: Path) -> None:
    if needs_packages(source):
        raise LockError(
            "what an @EXPLICIT list comes to is known only once its packages are fetched, so it has no key before",
            hint="write a lock of it with `lite-env export --format conda-lock`, and take that",
            file=str(source),
        )
