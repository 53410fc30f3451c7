"""``license``: nothing says under which terms a package may be passed on, or the text of its licence is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.subject import Subject


def _find(subject: Subject) -> Iterator[Fault]:
    contents = subject.contents
    if not (contents.license or "").strip():
        yield Fault(
            message="its record names no licence",
            hint="about.license in the recipe: an SPDX expression such as BSD-3-Clause",
            severity="warning",
        )
    if not contents.licenses and contents.files:
        yield Fault(
            message="it has no file with its licence, which most licences ask for",
            hint="about.license_file in the recipe",
            severity="warning",
        )


RULE = Rule(id="license", checks="whether the licence is there", find=_find, needs=frozenset({"package"}))
