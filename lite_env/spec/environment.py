"""Reads ``environment.yml`` (CEP 24): every mistake is told with its line.

Deliberate deviations from CEP 24: the listed channels are exact (no default is appended to them), ``prefix`` is
ignored, and the file is always solved for emscripten-wasm32.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import yaml

from lite_env.errors import SpecError, without_secrets
from lite_env.spec.address import Channel, holds_credentials
from lite_env.spec.channels import is_path, listed_channel, resolve_channel
from lite_env.spec.dependency import address_refusal, misplaced_pip, refusal_of
from lite_env.spec.document import MAX_BYTES, Document, describe, is_null, is_string, line_of
from lite_env.spec.matchspec import split_channel
from lite_env.spec.model import DEFAULT_CHANNELS, MAX_NAME_BYTES, EnvironmentSpec, Requirement, is_long_name
from lite_env.spec.pip_reader import PipLine, read_section
from lite_env.spec.places import is_folder
from lite_env.spec.selectors import apply_comment_selectors, key_selector
from lite_env.store.refusals import refusal
from lite_env.store.text import Origin, decode_text, read_bounded, shown

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAMES: Final = ("environment.yml", "environment.yaml")

_PLATFORM = "emscripten-wasm32"
_KNOWN_KEYS = ("name", "prefix", "channels", "dependencies", "variables", "platforms", "category")
_BAD_NAME = re.compile(r"[/ :#]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def find_environment_file(directory: Path) -> Path:
    """The environment file of a folder.

    Raises:
        SpecError: there is none, or there are both ``environment.yml`` and ``environment.yaml``.
    """
    found = [directory / name for name in FILE_NAMES if (directory / name).is_file()]
    if not found:
        raise SpecError(
            "there is no environment.yml here",
            hint="name the environment file on the command line, or create environment.yml",
            folder=str(directory),
        )
    if len(found) > 1:
        raise SpecError(
            "there are both environment.yml and environment.yaml, and it is not clear which one is meant",
            hint="remove one of them, or name the one that is meant on the command line",
            folder=str(directory),
        )
    return found[0]


def read_environment(path: Path, *, channels: tuple[Channel, ...] = ()) -> EnvironmentSpec:
    """Read one environment file; nothing is fetched or solved.

    Args:
        path: the file.
        channels: to take instead of the listed ones.

    Raises:
        SpecError: the file is missing or says what cannot be understood; with the line.
    """
    origin = Origin(what="the environment file", error=SpecError, file=str(path), max_bytes=MAX_BYTES)
    try:
        text = decode_text(read_bounded(path, origin), origin)
    except OSError as error:
        raise refusal(SpecError, "the environment file cannot be read", error, file=path) from error
    return parse_environment(text, file=path, channels=channels)


def parse_environment(text: str, *, file: Path, channels: tuple[Channel, ...] = ()) -> EnvironmentSpec:
    """The environment that `text` describes; `file` is where it stands, from which relative paths start.

    Raises:
        SpecError: it says what cannot be understood; with the line.
    """
    selected = apply_comment_selectors(text)
    try:
        document = Document(selected.text, file=file, error=SpecError)
    except SpecError as error:
        raise misplaced_pip(error, selected.text) or error from None
    reader = _Reader(document, file)
    for line, expression in selected.unknown:
        reader.warn_at(line, f"`# [{expression}]` looks like a selector but is not one that is known: the line is kept")
    return reader.read(channels)


def _bound(requirement: Requirement, channels: tuple[Channel, ...]) -> Requirement:
    """A requirement whose ``channel::`` is one of the channels that packages are taken from."""
    if requirement.channel is None:
        return requirement
    channel = listed_channel(requirement.channel, channels)
    if channel is None:
        raise SpecError(
            f"`{requirement.text}` asks for the channel {requirement.channel}, which is not listed",
            hint="add it to `channels`; the last place gives it the lowest priority",
            file=str(requirement.file) if requirement.file else None,
            line=requirement.line,
        )
    return replace(requirement, channel=channel)


def _is_nothing(node: yaml.Node) -> bool:
    return is_null(node) or (isinstance(node, yaml.SequenceNode) and not node.value)


class _Reader:
    """Walks over one document and gathers warnings and notes on the way."""

    def __init__(self, document: Document, file: Path) -> None:
        self._document = document
        self._file = file
        self._base = file.absolute().parent
        self._warnings: list[tuple[int, str]] = []
        self._notes: list[str] = []
        self._pip_lines: list[PipLine] = []

    def warn_at(self, line: int, message: str) -> None:
        """Remember something that is probably a mistake."""
        self._warnings.append((line, f"{self._file}, line {line}: {without_secrets(message)}"))

    def read(self, override: tuple[Channel, ...]) -> EnvironmentSpec:
        """The whole document, with the channels that are given in place of its own."""
        root = self._document.root
        if root is None or is_null(root):
            raise self._document.fault("the environment file is empty", hint="it needs at least `dependencies`")
        entries = {key: (name, node) for key, name, node in self._document.entries(root, "the environment file")}
        self._warn_unknown_keys(entries)
        nodes = {key: node for key, (_, node) in entries.items()}
        if "prefix" in nodes:
            self.warn_at(line_of(entries["prefix"][0]), "`prefix` is ignored; say where to install with `--prefix`")
        self._check_platforms(nodes.get("platforms"))
        name = self._name(nodes.get("name"))
        if is_long_name(name):
            problem = f"the name `{shown(name)}` has more than {MAX_NAME_BYTES} bytes, too many for a folder's name"
            raise self._document.fault(problem, nodes.get("name", root), hint="give the environment a shorter `name`")
        channels = override or self._channels(nodes.get("channels"))
        requirements = tuple(_bound(each, channels) for each in self._requirements(nodes.get("dependencies"), root))
        variables = self._variables(nodes.get("variables"))
        pip = read_section(self._pip_lines, self._base)
        return EnvironmentSpec(
            name=name,
            channels=channels,
            requirements=requirements,
            variables=variables,
            file=self._file,
            warnings=tuple(message for _, message in sorted(self._warnings)),
            notes=(*self._notes, *(pip.notes if pip else ())),
            pip=pip,
        )

    def _warn_unknown_keys(self, entries: dict[str, tuple[yaml.Node, yaml.Node]]) -> None:
        for key, (name, _) in entries.items():
            if key not in _KNOWN_KEYS:
                if key == "pip":
                    self.warn_at(
                        line_of(name),
                        "the section `pip` stands at the top and is ignored; it belongs to the list "
                        "under `dependencies`, as its item `- pip:`",
                    )
                    continue
                close = difflib.get_close_matches(key, _KNOWN_KEYS, n=1)
                hint = f"; did you mean `{close[0]}`?" if close else ""
                self.warn_at(line_of(name), f"the section `{key}` is not known and is ignored{hint}")

    def _name(self, node: yaml.Node | None) -> str:
        if node is None or is_null(node):
            name = _BAD_NAME.sub("-", self._base.name) or "environment"
            self.warn_at(line_of(node) if node else 1, f"`name` is missing; the folder's name `{name}` is taken")
            return name
        name = self._document.string(node, "`name`")
        if name in {"", ".", ".."} or _BAD_NAME.search(name) or not name.isprintable():
            raise self._document.fault(
                "the name is empty, leads elsewhere or has a `/`, a space, a `:` or a `#` in it",
                node,
                hint="use letters, digits, `-`, `_` and `.`",
            )
        if name in {"base", "root"}:
            raise self._document.fault(f"the name `{name}` is reserved by conda", node, hint="choose another name")
        return name

    def _channels(self, node: yaml.Node | None) -> tuple[Channel, ...]:
        if node is None or is_null(node) or (isinstance(node, yaml.SequenceNode) and not node.value):
            self._notes.append(f"{self._file} lists no channels; used are {' and '.join(DEFAULT_CHANNELS)}")
            return tuple(map(Channel, DEFAULT_CHANNELS))
        channels: list[Channel] = []
        for item in self._document.items(node, "`channels`"):
            text = self._document.string(item, "a channel")
            if text == "nodefaults":
                # No defaults are ever appended here, so there is nothing to switch off.
                continue
            for channel in self._resolve(text, item):
                if channel in channels:
                    name = channel if channel.is_secret else text
                    self.warn_at(line_of(item), f"the channel `{name}` is listed twice; the first place counts")
                else:
                    channels.append(channel)
        if not channels:
            raise self._document.fault(
                "`channels` lists no channel to take packages from",
                node,
                hint=f"list some, for example {' and '.join(DEFAULT_CHANNELS)}",
            )
        return tuple(channels)

    def _resolve(self, text: str, node: yaml.Node) -> tuple[Channel, ...]:
        try:
            resolved = resolve_channel(text, self._base)
        except ValueError as error:
            raise self._document.fault(
                f"a channel cannot be understood: {error}",
                node,
                hint="write a name (`conda-forge`), a URL, or a path that starts with `./`, `../`, `/` or `~`",
            ) from None
        if not is_path(text) and ":" not in text and is_folder(self._base / text):
            self.warn_at(
                line_of(node),
                f"`{text}` is taken as the name of the channel {resolved[0]}; if the folder is meant, write `./{text}`",
            )
        return resolved

    def _requirements(self, node: yaml.Node | None, root: yaml.Node) -> tuple[Requirement, ...]:
        if node is None or is_null(node):
            raise self._document.fault(
                "`dependencies` is missing", node or root, hint="list what the environment needs, for example `- numpy`"
            )
        if isinstance(node, yaml.MappingNode):
            raise self._document.fault(
                "`dependencies` is a mapping where a list is expected",
                node,
                hint="begin each line with `- `: `- numpy`, and `- pip:` for a list of packages from PyPI",
            )
        found: list[Requirement] = []
        for item in self._document.items(node, "`dependencies`"):
            if isinstance(item, yaml.MappingNode):
                found += self._subsection(item)
            else:
                found.append(self._requirement(item))
        if not found:
            raise self._document.fault(
                "`dependencies` asks for no package",
                node,
                hint="list what the environment needs, for example `- numpy`",
            )
        return tuple(found)

    def _subsection(self, item: yaml.Node) -> list[Requirement]:
        found = []
        for key, key_node, value in self._document.entries(item, "a subsection of `dependencies`"):
            try:
                selector = key_selector(key)
            except ValueError as error:
                raise self._document.fault(f"the selector `{key}` cannot be understood: {error}", key_node) from error
            if selector:
                found.append(self._requirement(value))
            elif selector is None and key == "pip":
                self._pip(value)
            elif selector is None:
                raise self._document.fault(
                    f"the section `{key}` of `dependencies` is not known",
                    key_node,
                    hint=f'if a package is meant, write it as one string: `- {key}` or `- "{key} >=1.0"`',
                )
        return found

    def _pip(self, node: yaml.Node) -> None:
        if _is_nothing(node):
            return
        for item in self._document.items(node, "`pip`"):
            text = self._document.string(item, "a requirement of `pip`")
            self._pip_lines.append(PipLine(text=text, file=self._file, line=line_of(item)))

    def _requirement(self, node: yaml.Node) -> Requirement:
        text = " ".join(self._document.string(node, "a dependency").split())
        refused = refusal_of(text)
        if refused:
            raise self._document.fault(refused[0], node, hint=refused[1])
        channel, subdir, match = split_channel(text)
        if not match.strip():
            raise self._document.fault(f"a dependency is empty: {text!r}", node, hint="remove the line")
        resolved = None
        if channel is not None:
            candidates = self._resolve(channel, node)
            if len(candidates) > 1:
                raise self._document.fault(
                    f"`{channel}::` stands for several channels",
                    node,
                    hint=f"name one: {' or '.join(map(str, candidates))}",
                )
            resolved = candidates[0]
        refused = address_refusal(resolved, match)
        if refused:
            raise self._document.fault(refused[0], node, hint=refused[1])
        if subdir is not None and subdir not in {_PLATFORM, "noarch"}:
            raise self._document.fault(
                f"`{text}` asks for {subdir}, which cannot run in a browser",
                node,
                hint=f"the subdirs that are used are {_PLATFORM} and noarch",
            )
        return Requirement(text=text, channel=resolved, subdir=subdir, file=self._file, line=line_of(node))

    def _variables(self, node: yaml.Node | None) -> tuple[tuple[str, str], ...]:
        if node is None or is_null(node):
            return ()
        variables = {}
        for key, key_node, value in self._document.entries(node, "`variables`"):
            if not _VARIABLE.match(key):
                raise self._document.fault(
                    f"{key!r} cannot be the name of an environment variable",
                    key_node,
                    hint="use letters, digits and `_`, and no digit in front",
                )
            if not isinstance(value, yaml.ScalarNode):
                raise self._document.fault(f"the variable {key} is {describe(value)} where a string is expected", value)
            if holds_credentials(value.value):
                raise self._document.fault(
                    f"the variable {key} holds an address with credentials, which would be published with the pack",
                    value,
                    hint="take the credentials out: whoever opens the page can read the variables of its environment",
                )
            if not is_string(value):
                # CEP 24 wants it converted; what is written is the only conversion that loses nothing (3.10, 007, yes).
                self.warn_at(
                    line_of(value),
                    f'the variable {key} is taken as the text `{value.value}`; quote it: "{value.value}"',
                )
            variables[key] = value.value
        return tuple(sorted(variables.items()))

    def _check_platforms(self, node: yaml.Node | None) -> None:
        if node is None or is_null(node):
            return
        platforms = [self._document.string(item, "a platform") for item in self._document.items(node, "`platforms`")]
        if "noarch" in platforms:
            raise self._document.fault(
                "`noarch` is not a platform to solve for",
                node,
                hint=f"write {_PLATFORM}; noarch packages are always used",
            )
        if _PLATFORM not in platforms:
            self.warn_at(line_of(node), f"`platforms` does not list {_PLATFORM}, the only one that is locked here")
