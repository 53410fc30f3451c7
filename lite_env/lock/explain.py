"""Errors that say what to do: rattler's refusals, and a look at what the channels really offer."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from lite_env.errors import FetchError, PrefixError, SolveError
from lite_env.lock.model import PLATFORM
from lite_env.spec.address import local_path
from lite_env.spec.channels import folder_of_that_name
from lite_env.spec.model import DEFAULT_CHANNELS
from lite_env.store.refusals import NETWORK, errno_of_rust, hint_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lite_env.lock.model import LockedPackage
    from lite_env.lock.solver import Candidate, Catalog
    from lite_env.spec.model import Requirement

HERE = (PLATFORM, "noarch")

_NAME = r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)"
_MISSING = re.compile(
    rf"No candidates were found for {_NAME}|{_NAME.replace('name', 'other')}[^\n,]*, for which no candidates were found"
)
_CONSTRAINT = re.compile(rf"the constraint {_NAME} ?(?P<spec>.*) cannot be fulfilled")
_PRIORITY = re.compile(
    rf"{_NAME} [^\n]* is excluded because due to strict channel priority "
    r"not using this option from: '(?P<channel>[^']+)'"
)
_EXACT = re.compile(r"==\s*(?P<version>[0-9][^\s,|*]*)\Z")
_OTHER_SYSTEM = {
    "__linux": "Linux", "__glibc": "Linux", "__osx": "macOS", "__win": "Windows", "__cuda": "machines with a CUDA GPU"
}  # fmt: skip
_EMSCRIPTEN = "emscripten-abi"
# What binary code is built against, and for people what that is.
_ABIS = {_EMSCRIPTEN: "Emscripten", "python_abi": "Python", "python": "Python"}
_SHOWN = 6
_REFUSED = re.compile(r"(?<=\()(401 Unauthorized|403 Forbidden)(?=\))")


def tidy(explanation: str) -> str:
    """The solver's tree without its preamble and without lines that it says twice."""
    lines = explanation.removeprefix("Cannot solve the request because of: ").splitlines()
    texts = [line.lstrip("├└│─ ") for line in lines]
    return "\n".join(
        line.rstrip()
        for index, line in enumerate(lines)
        if texts[index] and not (texts[index].startswith("the constraint ") and texts[index] in texts[index + 1 :])
    )


def hint_for(explanation: str, channels: Sequence[str], catalog: Catalog) -> str:
    """What to do about `explanation`; never empty."""
    hints = [
        _missing_hint(found["name"] or found["other"], channels, catalog) for found in _MISSING.finditer(explanation)
    ]
    for found in _PRIORITY.finditer(explanation):
        channel, name = found["channel"].rstrip("/"), found["name"]
        hints.append(_two_abis_hint(channel, name, channels, catalog) or _priority_hint(channel, name))
    hints += [
        _constraint_hint(found["name"], found["spec"].strip(), explanation, channels, catalog)
        for found in _CONSTRAINT.finditer(explanation)
    ]
    abi = _abi_hint(explanation)
    if abi:
        hints.append(abi)
    # Order kept, each once.
    return "; ".join(dict.fromkeys(hints)) or "loosen the version of one of the packages named above"


def refuse_other_subdirs(packages: Sequence[LockedPackage], requirements: Sequence[Requirement]) -> None:
    """Hold ``channel/subdir::name`` against the answer, since the solver passes over the subdir.

    Raises:
        SolveError: a package comes from another subdir than the one that was asked for.
    """
    for requirement in requirements:
        for package in packages:
            if requirement.subdir and requirement.names(package.name) and package.subdir != requirement.subdir:
                raise SolveError(
                    f"{package.name} is not in {requirement.subdir} of the channel, but in {package.subdir}",
                    hint=f"leave the subdir out of `{requirement.text}`",
                    file=str(requirement.file) if requirement.file else None,
                    line=requirement.line,
                )


def channel_error(text: str, channels: Sequence[str], *, offline: bool) -> FetchError:
    """The error for a package list that could not be read; `text` is rattler's, without credentials."""
    channel = next((channel for channel in channels if channel in text), None)
    path = local_path(channel) if channel else None
    if refused := refused_access(text):
        message, hint = refused
    elif offline and path is None:
        message = "offline, and the cache does not hold the package list of a channel"
        hint = "run the same command once without --offline"
    elif "could not find subdir" in text:
        message = "there is no conda channel here: it has no noarch/repodata.json"
        hint = "build it with `lite-env channel build`, or check the path" if path else "check the channel's address"
    else:
        message = "the package list of a channel could not be read"
        hint = "check the network and the channel's address"
    folder = channel and folder_of_that_name(channel)
    if folder:
        hint = f"the folder {folder} is written `./{folder}`: without `./` it is a name on anaconda.org"
    return FetchError(message, hint=hint, channel=channel, reason=text)


def refused_access(text: str) -> tuple[str, str] | None:
    """Message and hint where a server wants other credentials than it got; `text` is what a library says of it."""
    found = _REFUSED.search(text)
    if found is None:
        return None
    hint = (
        "log in once for all conda tools (`rattler auth login HOST`, `pixi auth login HOST`), or write the host into "
        ".netrc or a file that RATTLER_AUTH_FILE names; if it is there, its credentials are wrong or have expired"
    )
    return f"the server wants credentials, or others than it got ({found[0]})", hint


def package_error(text: str, package: LockedPackage, folder: Path) -> FetchError | PrefixError:
    """The error for a package that could not be fetched into `folder`; `text` is rattler's, without credentials."""
    if refused := refused_access(text):
        message, hint = refused
        return FetchError(
            f"{package.file_name} could not be fetched: {message}", hint=hint, channel=package.channel, url=package.url
        )
    return install_error(f"failed to fetch {package.file_name}: {text}", folder)


def install_error(text: str, prefix: Path) -> FetchError | PrefixError:
    """The error for an installation that failed; `text` is rattler's."""
    if "hash mismatch" in text:
        return FetchError(
            f"a package is not the file that was locked: {text}",
            hint="the file on the server was changed or damaged on the way; lock again if the change is meant",
        )
    number = errno_of_rust(text)
    if number is not None and number not in NETWORK:
        return PrefixError(f"the packages could not be installed: {text}", hint=hint_of(number), prefix=str(prefix))
    if "failed to unpack" in text:
        return PrefixError(
            f"a package could not be unpacked: {text}",
            hint="there may be no room on the disk; if there is, the package is broken",
        )
    if "failed to fetch" in text:
        return FetchError(f"a package could not be fetched: {text}", hint="check the network and the channel's address")
    return PrefixError(
        f"the packages could not be installed: {text}",
        hint="remove the prefix and install again",
        prefix=str(prefix),
    )


def _missing_hint(name: str, channels: Sequence[str], catalog: Catalog) -> str:
    if name.startswith("__"):
        system = _OTHER_SYSTEM.get(name)
        return (
            f"{name} is there only on {system}: what depends on it is not made for the browser"
            if system
            else f"the virtual package {name} is not there in the browser"
        )
    here = catalog.candidates(channels, name, HERE)
    if here:
        return _versions_hint(name, here)
    elsewhere = _elsewhere(name, channels, catalog)
    if elsewhere:
        return elsewhere
    others = [channel for channel in DEFAULT_CHANNELS if channel not in channels]
    for channel in others:
        if catalog.candidates([channel], name, HERE):
            return f"{name} is in the channel {channel}: add it to `channels`"
    close = difflib.get_close_matches(name, sorted(catalog.names(channels, HERE)), n=3, cutoff=0.75)
    if close:
        return f"no channel that is listed has {name}; did you mean {' or '.join(close)}?"
    known = f"; well-known ones that are not listed: {' and '.join(others)}" if others else ""
    return f"no channel that is listed has {name}{known}"


def _elsewhere(name: str, channels: Sequence[str], catalog: Catalog) -> str | None:
    for channel in channels:
        found = catalog.candidates([channel], name, catalog.subdirs(channel))
        if found:
            subdirs = ", ".join(sorted({candidate.subdir for candidate in found}))
            return f"{name} exists in {channel} only for {subdirs}, not for {PLATFORM}"
    return None


def _constraint_hint(name: str, spec: str, explanation: str, channels: Sequence[str], catalog: Catalog) -> str:
    found = catalog.candidates(channels, name, HERE)
    exact = _EXACT.match(spec)
    if exact and any(candidate.version.startswith(f"{exact['version']}.") for candidate in found):
        return f"`{name} {exact['version']}` asks for exactly that version; write `{name} {exact['version']}.*`"
    fitting = catalog.candidates(channels, f"{name} {spec}", HERE)
    if not fitting:
        return _versions_hint(name, found)
    having = {candidate.channel for candidate in found}
    first = next((channel for channel in channels if channel in having), None)
    if all(candidate.channel != first for candidate in fitting):
        return _priority_hint(fitting[0].channel, f"{name} {fitting[0].version}")
    needed = " and ".join(_needed(name, explanation)) or "another version"
    return f"`{name} {spec}` is asked for, but what else is asked for needs {name} {needed}: loosen one of the two"


def _priority_hint(channel: str, package: str) -> str:
    name = package.partition(" ")[0]
    return (
        f"{package} of {channel} is not used, because a channel before it has {name} too: "
        f"put that channel first, or write `CHANNEL::{name}`"
    )


def _two_abis_hint(channel: str, name: str, channels: Sequence[str], catalog: Catalog) -> str | None:
    """For what binary code is built against, of two channels with two Emscriptens: no order of them would help."""
    if name not in _ABIS:
        return None
    first = next((each for each in channels if catalog.candidates([each], name, HERE)), channel)
    here, there = (
        " and ".join(dict.fromkeys(found.version for found in catalog.candidates([each], _EMSCRIPTEN, HERE)))
        for each in (first, channel)
    )
    if not here or not there or here == there:
        return None
    return (
        f"{first} is built with Emscripten {here} and {channel} with Emscripten {there}, and no environment holds code "
        "of both: take all compiled packages from one of them, or make two environments, "
        "which a site shows side by side"
    )


def _versions_hint(name: str, found: Sequence[Candidate]) -> str:
    return f"{name} is offered in these versions: {_some(found)}" if found else f"no channel that is listed has {name}"


def _some(found: Sequence[Candidate]) -> str:
    versions = list(dict.fromkeys(candidate.version for candidate in found))
    return ", ".join(versions[:_SHOWN]) + (", …" if len(versions) > _SHOWN else "")


def _needed(name: str, explanation: str) -> list[str]:
    """The versions of `name` that packages in the solver's tree require."""
    pattern = rf"(?<![\w.-]){re.escape(name)} ([0-9<>=!~][^\s,]*(?:,[^\s,]+)*)[^\n,]*, which can"
    return sorted(set(re.findall(pattern, explanation)))


def _abi_hint(explanation: str) -> str | None:
    if "conflicts with" not in explanation:
        return None
    for name, what in _ABIS.items():
        wanted = _needed(name, explanation)
        if len(wanted) > 1:
            return (
                f"the packages were built for different versions of {what} ({name} {' and '.join(wanted)}): take all "
                "compiled packages from one channel, and leave their versions open"
            )
    return None
