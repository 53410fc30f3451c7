"""What of a pip section a lock answers, and what changed since: by what it means, and by what lies here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lite_env.lock.model import LockedPip
from lite_env.lock.project import digest_of_project
from lite_env.store.digest import sha256_of_bytes, sha256_of_file

if TYPE_CHECKING:
    from lite_env.spec.pip import PipRequirement, PipSection

_REF = re.compile(r"(git\+\S+?)@([^@#/][^@#]*)")


def answered_pip(section: PipSection) -> LockedPip:
    """What a lock of this section is to say of it.

    Raises:
        OSError: what lies here cannot be read.
    """
    return LockedPip(
        requirements=tuple(sorted({_text(requirement) for requirement in section.requirements})),
        settings=tuple(sorted(_settings(section))),
        sources=tuple(
            sorted(
                (requirement.text, digest)
                for requirement in section.requirements
                if (digest := _digest(requirement)) is not None
            )
        ),
        exclude_newer=section.exclude_newer,
    )


def pip_meaning(section: PipSection) -> dict[str, Any]:
    """What a section means, for the digest of its environment file."""
    pip = answered_pip(section)
    meaning = {"requirements": pip.requirements, "settings": pip.settings, "sources": pip.sources}
    return {**meaning, **({"exclude_newer": pip.exclude_newer} if pip.exclude_newer else {})}


def pip_differences(lock: LockedPip | None, section: PipSection | None) -> list[str]:
    """What differs, one sentence each."""
    before = lock or LockedPip(requirements=())
    now = answered_pip(section) if section is not None else LockedPip(requirements=())
    found = _listed("the pip requirement", before.requirements, now.requirements)
    found += _listed("the pip option", before.settings, now.settings)
    if before.exclude_newer != now.exclude_newer:
        found.append(f"`exclude-newer` was {before.exclude_newer or 'not set'} and is {now.exclude_newer or 'not set'}")
    known = dict(before.sources)
    found += [
        f"what `{text}` of the pip section names has changed"
        for text, digest in now.sources
        if text in known and known[text] != digest
    ]
    return found


def _text(requirement: PipRequirement) -> str:
    return " ".join([requirement.text, *(f"--hash=sha256:{digest}" for digest in sorted(requirement.hashes))])


def _settings(section: PipSection) -> list[str]:
    return [
        *(f"--constraint {text}" for text in section.constraints),
        *([f"--index-url {section.index_url}"] if section.index_url else []),
        *(f"--extra-index-url {url}" for url in section.extra_index_urls),
        *(f"--find-links {place if isinstance(place, str) else place.name}" for place in section.find_links),
        *(["--no-index"] if section.no_index else []),
        *(["--pre"] if section.prereleases else []),
    ]


def _digest(requirement: PipRequirement) -> str | None:
    path = requirement.path
    if path is None:
        return None
    if requirement.kind == "wheel":
        return sha256_of_file(path)
    if requirement.kind == "folder":
        lines = [f"{file.name} {sha256_of_file(file)}" for file in sorted(path.glob("*.whl"))]
        return sha256_of_bytes("\n".join(lines).encode())
    return digest_of_project(path)


def _listed(what: str, before: tuple[str, ...], now: tuple[str, ...]) -> list[str]:
    found = [f"{what} `{_shown(item)}` was added" for item in now if item not in before]
    return found + [f"{what} `{_shown(item)}` was removed" for item in before if item not in now]


def _shown(text: str) -> str:
    # What stands before an `@` in an address would be taken for a password, and masked.
    return _REF.sub(r"\1 at \2", text)
