"""Reads expressions of jinja and of line selectors.

Both are nearly Python: one grammar reads ``version.split('.')[0] | int``, ``py >= 38 and not win`` and
``"a" if win else "b"``. Dictionaries, lambdas and whatever else is none of that is refused.
"""

from __future__ import annotations

import re

from lite_env.recipe.convert.expression import (
    Attribute,
    Binary,
    Call,
    Choice,
    Expression,
    Filter,
    Item,
    Name,
    Number,
    Sequence,
    Slice,
    Test,
    Text,
    Unary,
    all_of,
)

MAX_LENGTH = 4_000
"""Characters of one expression."""
MAX_DEPTH = 40
MAX_OPERATORS = 30
"""Of one expression; each is a level of what reads it."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>\d+(?:\.\d+)?(?![\w.]))
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>==|!=|<=|>=|\*\*|//|[-+*/%~|.,:()\[\]=<>])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
_LEVELS = (("+", "-"), ("~",), ("*", "/", "//", "%"))
_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})


class ExpressionError(Exception):
    """What was read is no expression that is known here; says why."""


def parse_expression(text: str) -> Expression:
    """Read one expression.

    Raises:
        ExpressionError: it is none, or beyond a bound.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"it has {len(text):,} characters, where {MAX_LENGTH:,} are the most")
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if not found or found.lastgroup is None:
            raise ExpressionError(f"unexpected {text[position:].lstrip()[:1]!r}")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


class _Parser:
    """Recursive descent; as many levels as `MAX_DEPTH` allows."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._operators = 0

    def whole(self) -> Expression:
        if not self._tokens:
            raise ExpressionError("there is no expression")
        value = self._choice()
        if self._peek("sign", ","):
            value = Sequence((value, *self._more(end=None)))
        if self._at < len(self._tokens):
            raise ExpressionError(f"unexpected {self._tokens[self._at][1]!r}")
        return value

    def _choice(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"it is nested more than {MAX_DEPTH} deep")
        value = self._or()
        if self._take("name", "if"):
            condition = self._or()
            value = Choice(value, condition, self._choice() if self._take("name", "else") else None)
        self._depth -= 1
        return value

    def _or(self) -> Expression:
        value = self._and()
        while self._take("name", "or"):
            value = self._binary("or", value, self._and())
        return value

    def _and(self) -> Expression:
        value = self._not()
        while self._take("name", "and"):
            value = self._binary("and", value, self._not())
        return value

    def _not(self) -> Expression:
        signs = 0
        while self._take("name", "not"):
            signs += 1
        if signs > MAX_DEPTH:
            raise ExpressionError(f"it has more than {MAX_DEPTH} `not`")
        value = self._comparison()
        for _ in range(signs):
            value = Unary("not", value)
        return value

    def _comparison(self) -> Expression:
        left = self._level(0)
        whole: Expression | None = None
        while sign := self._comparison_sign():
            right = self._level(0)
            whole = all_of(whole, self._binary(sign, left, right))
            left = right  # a < b < c
        return left if whole is None else whole

    def _binary(self, sign: str, left: Expression, right: Expression) -> Expression:
        self._operators += 1
        if self._operators > MAX_OPERATORS:
            raise ExpressionError(f"it has more than {MAX_OPERATORS} operators")
        return Binary(sign, left, right)

    def _comparison_sign(self) -> str | None:
        for sign in _COMPARISONS:
            if self._take("sign", sign):
                return sign
        if self._take("name", "in"):
            return "in"
        if self._peek("name", "not") and self._tokens[self._at + 1 : self._at + 2] == [("name", "in")]:
            self._at += 2
            return "not in"
        return None

    def _level(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        value = self._level(level + 1)
        while sign := next((each for each in _LEVELS[level] if self._take("sign", each)), None):
            value = self._binary(sign, value, self._level(level + 1))
        return value

    def _unary(self) -> Expression:
        signs = 0
        while self._take("sign", "-"):
            signs += 1
        if signs > 1:
            raise ExpressionError("unexpected '-'")
        value = self._postfix(self._atom())
        if self._take("sign", "**"):
            value = Binary("**", value, self._postfix(self._atom()))
        return Unary("-", value) if signs else value

    def _postfix(self, value: Expression) -> Expression:
        for _ in range(MAX_DEPTH):
            if self._take("sign", "."):
                value = Attribute(value, self._name())
            elif self._take("sign", "["):
                value = self._subscript(value)
            elif self._take("sign", "("):
                arguments, named = self._arguments()
                value = Call(value, arguments, named)
            elif self._take("sign", "|"):
                name = self._name()
                arguments, named = self._arguments() if self._take("sign", "(") else ((), ())
                value = Filter(value, name, arguments, named)
            elif self._take("name", "is"):
                value = self._test(value)
            else:
                return value
        raise ExpressionError(f"it has more than {MAX_DEPTH} calls one after the other")

    def _test(self, value: Expression) -> Expression:
        negated = self._take("name", "not")
        name = self._name()
        arguments: tuple[Expression, ...] = ()
        if self._take("sign", "("):
            arguments, _ = self._arguments()
        test = Test(value, name, arguments)
        return Unary("not", test) if negated else test

    def _subscript(self, value: Expression) -> Expression:
        start = None if self._peek("sign", ":") else self._choice()
        if self._take("sign", ":"):
            stop = None if self._peek("sign", "]") else self._choice()
            self._need("]")
            return Slice(value, start, stop)
        self._need("]")
        if start is None:
            raise ExpressionError("nothing stands between `[` and `]`")
        return Item(value, start)

    def _arguments(self) -> tuple[tuple[Expression, ...], tuple[tuple[str, Expression], ...]]:
        arguments: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        while not self._take("sign", ")"):
            following = self._tokens[self._at + 1 : self._at + 2]
            if self._kind() == "name" and following == [("sign", "=")]:
                name = self._name()
                self._need("=")
                named.append((name, self._choice()))
            else:
                arguments.append(self._choice())
            if not self._take("sign", ",") and not self._peek("sign", ")"):
                self._need(")")
        return tuple(arguments), tuple(named)

    def _atom(self) -> Expression:
        if self._at >= len(self._tokens):
            raise ExpressionError("it ends too early")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "text":
            whole = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text[1:-1])
            while self._kind() == "text":  # "a" "b", as Python and jinja have it
                whole += _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), self._tokens[self._at][1][1:-1])
                self._at += 1
            return Text(whole)
        if kind == "number":
            return Number(text)
        if kind == "name" and text not in _WORDS:
            return Name(text)
        if text == "[":
            return Sequence(tuple(self._more(end="]")))
        if text == "(":
            return self._parenthesis()
        raise ExpressionError(f"unexpected {text!r}")

    def _parenthesis(self) -> Expression:
        if self._take("sign", ")"):
            return Sequence(())
        value = self._choice()
        if self._peek("sign", ","):
            return Sequence((value, *self._more(end=")")))
        self._need(")")
        return value

    def _more(self, *, end: str | None) -> list[Expression]:
        """Items up to `end`, after a first one or none."""
        items: list[Expression] = []
        self._take("sign", ",")
        while self._at < len(self._tokens) and not (end and self._peek("sign", end)):
            items.append(self._choice())
            if not self._take("sign", ","):
                break
        if end:
            self._need(end)
        return items

    def _name(self) -> str:
        if self._kind() != "name":
            raise ExpressionError("a name is missing")
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _kind(self) -> str | None:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else None

    def _peek(self, kind: str, text: str) -> bool:
        return self._tokens[self._at : self._at + 1] == [(kind, text)]

    def _take(self, kind: str, text: str) -> bool:
        found = self._peek(kind, text)
        self._at += found
        return found

    def _need(self, sign: str) -> None:
        if not self._take("sign", sign):
            found = self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"
            raise ExpressionError(f"`{sign}` is missing before {found!r}")
