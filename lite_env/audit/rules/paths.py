"""``host-path`` and ``prefix-placeholder``: paths of another machine in a package's files.

What stands in compiled code, for messages and assertions, does no harm, but tells of a machine and makes builds
differ. The placeholder of a prefix is an error unless the package records it: an installer replaces what is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.rules.rule import Fault, Rule, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lite_env.audit.subject import Subject

_REMAP = "compile with -ffile-prefix-map=DIR=. (Rust: --remap-path-prefix)"


def _find_paths(subject: Subject) -> Iterator[Fault]:
    for path, found in subject.contents.host_paths.items():
        yield Fault(file=path, message=f"it holds {some(found)}, a path of this machine", hint=_REMAP)
    for binary in subject.contents.binaries:
        if binary.build_paths:
            yield Fault(
                file=binary.path,
                message=f"it holds paths of the machine that built it: {some(binary.build_paths[:1])}"
                + (f" and {len(binary.build_paths) - 1:,} more" if len(binary.build_paths) > 1 else ""),
                hint=_REMAP,
                severity="warning",
            )


def _find_placeholders(subject: Subject) -> Iterator[Fault]:
    for path in subject.contents.placeholders:
        yield Fault(
            file=path,
            message="it holds the placeholder of a prefix that the package does not record",
            hint="an installer will not replace it: let the build tool detect prefixes, or leave the file out",
        )


HOST_PATH = Rule(id="host-path", checks="whether files hold paths of the machine that built them", find=_find_paths)
PLACEHOLDER = Rule(
    id="prefix-placeholder",
    checks="whether prefixes will be replaced",
    find=_find_placeholders,
    needs=frozenset({"package"}),
)
