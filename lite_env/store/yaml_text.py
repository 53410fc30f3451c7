"""YAML of strangers as nodes with their lines, made from the parser's events and not by PyYAML's composer.

So a bound holds at the very event that breaks it: depth, the number of nodes with each alias counted as all that it
stands for, digits of numbers, tags. Merge keys (``<<: *base``) are resolved here, since PyYAML does that only where it
makes values, and values lose their lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import yaml

from lite_env.store.text import MAX_DEPTH, shown

if TYPE_CHECKING:
    from lite_env.errors import LiteEnvError
    from lite_env.store.text import Origin

MAX_NODES = 300_000
"""Nodes of one document, aliases written out: a lock of 500 packages for five platforms has half of them."""
MAX_NUMBER = 100
"""Characters of a number."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster where PyYAML was built with it
_PREFIX = "tag:yaml.org,2002:"
_STRING, _NULL, _MERGE = f"{_PREFIX}str", f"{_PREFIX}null", f"{_PREFIX}merge"
_LIST, _MAPPING = f"{_PREFIX}seq", f"{_PREFIX}map"
_NUMBERS = (f"{_PREFIX}int", f"{_PREFIX}float")
_SCALARS = (_STRING, _NULL, *_NUMBERS, f"{_PREFIX}bool", f"{_PREFIX}timestamp")
_Event = Any  # the stubs know other marks than libyaml's
_INDENTATION = "look at the indentation, at missing quotes and at `:` and `-` around this line"


@dataclass(kw_only=True, slots=True)
class _Open:
    """A list or mapping whose end was not read yet."""

    node: yaml.CollectionNode
    anchor: str | None
    inner: list[yaml.Node] = field(default_factory=list)
    size: int = 1
    height: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """What an anchor names: `size` nodes, `height` levels."""

    node: yaml.Node
    size: int
    height: int


def compose_yaml(text: str, origin: Origin) -> yaml.Node | None:
    """The nodes of the one YAML document in `text`; None when it has none.

    Keys are scalars, tags are those of YAML's own types, an alias never lies in what it names.

    Raises:
        LiteEnvError: of `origin`'s class, when it is not YAML or is beyond a bound; with the line.
    """
    origin.refuse_size(len(text))
    try:
        loader = _LOADER(text)
        try:
            return _Composer(loader, origin).document()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        line = mark.line + 1 if mark else None
        hint = "indent with blanks: YAML takes no tabs there" if line and _has_tab(text, line) else _INDENTATION
        raise origin.fault(f"is not valid YAML: {problem}", hint=hint, line=line) from error
    except (UnicodeError, RecursionError) as error:
        raise origin.fault(f"is not valid YAML: {error}") from error


def plain_value(root: yaml.Node | None, origin: Origin) -> Any:  # noqa: ANN401 - whatever YAML can hold
    """The nodes that `compose_yaml` made, as plain Python values.

    Raises:
        LiteEnvError: of `origin`'s class, for a date that no calendar has; with the line.
    """
    made: dict[int, Any] = {}
    constructor = yaml.constructor.SafeConstructor()

    def value_of(node: yaml.Node) -> Any:  # noqa: ANN401 - the depth is bounded
        if id(node) not in made:
            made[id(node)] = made_of(node)
        return made[id(node)]

    def made_of(node: yaml.Node) -> Any:  # noqa: ANN401
        if isinstance(node, yaml.SequenceNode):
            return [value_of(item) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return {value_of(key): value_of(item) for key, item in node.value}
        if node.tag == _STRING:
            return node.value
        try:
            return constructor.yaml_constructors[node.tag](constructor, node)
        except (ValueError, OverflowError, KeyError, AttributeError) as error:
            kind = node.tag.removeprefix(_PREFIX)
            line = node.start_mark.line + 1
            raise origin.fault(
                f"has `{shown(node.value)}`, which YAML reads as a {kind} and which is none: {error}",
                hint=f'quote it: "{shown(node.value)}"',
                line=line,
            ) from error

    return None if root is None else value_of(root)


class _Composer:
    """Makes nodes of one stream of events, without recursion."""

    def __init__(self, loader: Any, origin: Origin) -> None:  # noqa: ANN401 - either of PyYAML's loaders
        self._loader = loader
        self._origin = origin
        self._left = MAX_NODES
        self._open: list[_Open] = []
        self._named: dict[str, _Named] = {}

    def document(self) -> yaml.Node | None:
        self._loader.get_event()
        if isinstance(self._loader.get_event(), yaml.StreamEndEvent):
            return None
        root = self._root()
        self._loader.get_event()
        after = self._loader.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._fault(
                "has a second document", after, hint="remove the line `---`, or move what follows into another file"
            )
        return root

    def _root(self) -> yaml.Node:
        while True:
            event = self._loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
                continue
            if isinstance(event, yaml.CollectionEndEvent):
                done = self._end(event)
            elif isinstance(event, yaml.AliasEvent):
                done = self._alias(event)
            else:
                done = self._scalar(event)
            if not self._open:
                return done.node
            parent = self._open[-1]
            parent.inner.append(done.node)
            parent.size += done.size
            parent.height = max(parent.height, done.height + 1)

    def _begin(self, event: _Event) -> None:
        is_list = isinstance(event, yaml.SequenceStartEvent)
        tag = _LIST if is_list else _MAPPING
        if event.tag not in (None, "!", tag):
            raise self._foreign_tag(event)
        self._refuse_depth(1, event)
        self._spend(1, event)
        make = yaml.SequenceNode if is_list else yaml.MappingNode
        node = make(tag, [], event.start_mark, None, flow_style=event.flow_style)
        self._open.append(_Open(node=node, anchor=event.anchor))

    def _end(self, event: _Event) -> _Named:
        closed = self._open.pop()
        closed.node.end_mark = event.end_mark
        inner = closed.inner
        if isinstance(closed.node, yaml.MappingNode):
            pairs = list(zip(inner[::2], inner[1::2], strict=True))
            for key, _ in pairs:
                if not isinstance(key, yaml.ScalarNode):
                    raise self._fault("has a list or a mapping for a key", key, hint="keys are texts")
            closed.node.value = self._merged(pairs)
        else:
            closed.node.value = inner
        return self._name(closed.anchor, _Named(node=closed.node, size=closed.size, height=closed.height))

    def _merged(self, pairs: list[tuple[yaml.Node, yaml.Node]]) -> list[tuple[yaml.Node, yaml.Node]]:
        """The pairs of a mapping, after those of its merge keys that it does not have itself."""
        own = [(key, value) for key, value in pairs if key.tag != _MERGE]
        if len(own) == len(pairs):
            return own
        seen = {key.value for key, _ in own}
        merged = []
        for key, value in pairs:
            if key.tag != _MERGE:
                continue
            for base in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(base, yaml.MappingNode):
                    raise self._fault(
                        "merges what is no mapping",
                        base,
                        hint="after `<<:` stands an alias such as `*base` of a mapping, or a list of them",
                    )
                for name, item in base.value:
                    if name.value not in seen:
                        seen.add(name.value)
                        merged.append((name, item))
        return merged + own

    def _alias(self, event: _Event) -> _Named:
        named = self._named.get(event.anchor)
        if named is None:
            raise self._fault(
                f"has the alias `*{shown(event.anchor)}`, and no anchor of this name ends above it",
                event,
                hint=f"write `&{shown(event.anchor)}` in front of what is meant, or quote the text",
            )
        self._refuse_depth(named.height, event)
        self._spend(named.size, event)
        return named

    def _scalar(self, event: _Event) -> _Named:
        self._spend(1, event)
        if "\0" in event.value or not (event.value.isascii() or _can_be_written(event.value)):
            raise self._fault("has a character that cannot be written down", event)
        node = yaml.ScalarNode(self._tag(event), event.value, event.start_mark, event.end_mark, style=event.style)
        return self._name(event.anchor, _Named(node=node, size=1, height=0))

    def _tag(self, event: _Event) -> str:
        """The type of a scalar; an explicit one must be what the text looks like, or text."""
        explicit = event.tag not in (None, "!")
        plain = self._loader.resolve(yaml.ScalarNode, event.value, (True, False) if explicit else event.implicit)
        if not explicit and plain == _MERGE and self._at_key():
            return _MERGE
        if not explicit and plain not in _SCALARS:
            # `=`, and a `<<` that is no key.
            plain = _STRING
        tag = event.tag if explicit else plain
        if tag not in _SCALARS:
            raise self._foreign_tag(event)
        if tag not in (_STRING, plain) and (tag, plain) != (_NUMBERS[1], _NUMBERS[0]):
            kind = tag.removeprefix(_PREFIX)
            raise self._fault(
                f"says that `{shown(event.value)}` is of the type {kind}, and it is not",
                event,
                hint=f"remove the tag `!!{kind}`",
            )
        if tag in _NUMBERS and len(event.value) > MAX_NUMBER:
            raise self._fault(
                f"has a number of {len(event.value):,} characters", event, hint="quote it, if it is meant as a text"
            )
        return cast("str", tag)

    def _at_key(self) -> bool:
        return (
            bool(self._open) and isinstance(self._open[-1].node, yaml.MappingNode) and not len(self._open[-1].inner) % 2
        )

    def _name(self, anchor: str | None, named: _Named) -> _Named:
        if anchor is not None:
            self._named[anchor] = named
        return named

    def _spend(self, nodes: int, at: _Event) -> None:
        self._left -= nodes
        if self._left < 0:
            raise self._fault(f"has more than {MAX_NODES:,} values, aliases counted as what they stand for", at)

    def _refuse_depth(self, more: int, at: _Event) -> None:
        if len(self._open) + more > MAX_DEPTH:
            raise self._fault(f"is nested more than {MAX_DEPTH} deep, which no such file is", at)

    def _foreign_tag(self, event: _Event) -> LiteEnvError:
        tag = f"!!{event.tag.removeprefix(_PREFIX)}" if event.tag.startswith(_PREFIX) else event.tag
        return self._fault(f"has the tag `{shown(tag)}`, which means nothing here", event, hint="remove the tag")

    def _fault(self, problem: str, at: _Event, *, hint: str | None = None) -> LiteEnvError:
        return self._origin.fault(problem, hint=hint, line=at.start_mark.line + 1)


def _has_tab(text: str, line: int) -> bool:
    lines = text.split("\n")
    return line <= len(lines) and lines[line - 1].lstrip(" ").startswith("\t")


def _can_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
