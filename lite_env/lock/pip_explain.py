"""What uv says when there is no answer, in a few words, and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.errors import FetchError, LiteEnvError, SolveError, without_secrets
from lite_env.lock.stubs import LOCAL
from lite_env.store.text import shown

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lite_env.lock.stubs import ProvidedProject
    from lite_env.spec.pip import PipSection

_LONGEST = 600  # characters of uv's reasons that are shown
_NO_WHEEL = re.compile(r"(?:versions of )?\b([a-z0-9][a-z0-9._-]*)\S* (?:has|have) no (?:usable )?wheels?\b")
_ABSENT = re.compile(r"\b([a-z0-9][a-z0-9._-]*) was not found in the (?:package registry|provided package locations)")
_SENTENCE = re.compile(r".*?(?:cannot be used|unsatisfiable|not found[^.]*|disabled[^.]*)\.")
_NUMBER = re.compile(r"\A[\s(0-9)]+")  # by which uv names the reason before
_STUB = re.compile(rf"(==\S+?)[+.]{re.escape(LOCAL)}")
_NETWORK = re.compile(r"Failed to fetch|error sending request|Request failed|Connection|timed out|dns error")
_REFUSED = re.compile(r"An index[^\n(]*\((?P<url>[^)]*)\)[^\n]*?\b(?P<status>401 Unauthorized|403 Forbidden)\b")
_OFFLINE = re.compile(r"[Nn]etwork connectivity is disabled|--offline|not found in the cache")


def explain(
    told: str,
    section: PipSection,
    provided: Sequence[ProvidedProject],
    *,
    offline: bool,
    tag: str | None = None,
    offered: Collection[str] = (),
) -> LiteEnvError:
    """The error for what uv told; of its reasons the first, in our words where they are known.

    Args:
        told: by uv.
        section: what was asked for.
        provided: what the conda part brings.
        offline: whether no connection was opened.
        tag: of wheels that are compiled for the environment, where there are such.
        offered: projects of which there are; that their older versions have none is not why.
    """
    reason = _reason(told)
    cause = _cut(reason, offered)
    first = next((each for each in section.requirements if each.file is not None), None)
    place = {"file": str(first.file)} if first is not None else {}
    if offline and _OFFLINE.search(told):
        return FetchError(
            f"offline, and the cache lacks what the pip section needs: {_first_sentence(reason)}",
            hint="run the same command once without --offline",
            **place,
        )
    if refused := _REFUSED.search(told):
        return FetchError(
            f"an index of the pip section wants credentials, or others than it got ({refused['status']})",
            hint="write its host with user and password into .netrc, or name it by UV_DEFAULT_INDEX or UV_INDEX; "
            "if they are there, they are wrong or have expired",
            index=refused["url"],
            **place,
        )
    if "No solution found" not in told and _NETWORK.search(told):
        return FetchError(
            f"an index of the pip section could not be read: {_first_sentence(reason)}",
            hint="check the network and the index's address (`--index-url`, UV_DEFAULT_INDEX)",
            **place,
        )
    return SolveError(
        f"the pip section cannot be resolved for the browser: {_shown(cause)}",
        hint=_hint((cause, reason), provided, tag),
        **place,
    )


def native_refusal(name: str, version: str, file_name: str, tag: str | None = None) -> SolveError:
    """The error for a project whose wheels are native, and not for the environment's own `tag`, where it has one."""
    needs = f"; a wheel for this environment is tagged {tag}" if tag else ""
    return SolveError(
        f"{name} {version} is native, and cannot be installed by pip in the browser: {file_name} is for one platform",
        hint=f"ask for its conda package among the `dependencies`: `- {name}`; the name may be another one there"
        + needs,
    )


def _hint(reasons: Sequence[str], provided: Sequence[ProvidedProject], tag: str | None) -> str:
    # The first reason is the cause, and the others follow from it; only where it tells nothing they are looked at.
    for text in reasons:
        absent = _ABSENT.search(text)
        if absent:
            return f"look at the spelling of `{absent[1]}`; what a channel has belongs into `dependencies`"
        if f"+{LOCAL}" in text or f".{LOCAL}" in text:
            names = sorted(project.name for project in provided if re.search(rf"\b{re.escape(project.name)}=", text))
            which = f" ({', '.join(names)})" if names else ""
            return f"the conda part decides about what it provides{which}: ask there for another version"
        without = _without_wheel(text)
        if without:
            listed = " and ".join(without)
            tagged = f" and none tagged {tag}" if tag else ""
            if len(without) == 1:
                return (
                    f"{listed} has no pure wheel{tagged}: ask for its conda package among the `dependencies`, which"
                    " then counts as installed"
                )
            return (
                f"{listed} have no pure wheels{tagged}: ask for their conda packages among the `dependencies`, which"
                " then count as installed"
            )
    return "ask for another version, or for the conda package of the same name among the `dependencies`"


def _without_wheel(reason: str) -> list[str]:
    """The projects that have no wheel at all for the browser, in the order in which they are told."""
    found = dict.fromkeys(match[1] for match in _NO_WHEEL.finditer(reason) if "versions of" in match[0])
    return list(found or dict.fromkeys(match[1] for match in _NO_WHEEL.finditer(reason)))[:3]


def _reason(told: str) -> str:
    """The reasons of uv without its warnings, in one line."""
    lines = told.splitlines()
    start = next(
        (number for number, line in enumerate(lines) if line.lstrip(" \u00d7").startswith(("error:", "No solution"))), 0
    )
    text = " ".join(" ".join(lines[start:]).split())
    text = re.sub(r"^error: |No solution found when resolving dependencies:?|\bcause: ", "", text)
    return without_secrets(re.sub(r"[╰─▶│\u00d7→]+", "", text)).strip()


def _first_sentence(reason: str) -> str:
    return _shown(_cut(reason))


def _shown(sentence: str) -> str:
    return shown(_STUB.sub(r"\1 (of the conda part)", sentence)[:_LONGEST].rstrip("."))


def _cut(reason: str, offered: Collection[str] = ()) -> str:
    """The first of the reasons that is not about what was `offered`."""
    sentences = [sentence[0] for sentence in _SENTENCE.finditer(reason)]
    others = (each for each in sentences if not _without_wheel(each) or set(_without_wheel(each)) - set(offered))
    return _NUMBER.sub("", next(others, sentences[0] if sentences else reason))
