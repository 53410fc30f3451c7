"""``payload``: a package is not what its own lists say, or holds what cannot be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.subject import Subject

_HINT = "the package was changed after it was built: build it again"


def _find(subject: Subject) -> Iterator[Fault]:
    if subject.contents.lacking:
        yield Fault(message=f"it lists {some(subject.contents.lacking)}, and lacks that", hint=_HINT)
    if subject.contents.changed:
        yield Fault(
            message=f"{some(subject.contents.changed)} is not what its list has the SHA-256 of",
            hint=_HINT,
        )
    if subject.contents.unread:
        yield Fault(
            message=f"{some(subject.contents.unread)} was not looked at: it is larger than any file that is packed",
            hint="leave it out of the package, or split it: files of more than 1 GiB are not read",
        )


RULE = Rule(id="payload", checks="whether it is what its lists say", find=_find, needs=frozenset({"package"}))
