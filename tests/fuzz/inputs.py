"""Inputs that no honest tool writes: valid files changed a little, and values of a grammar of nasty ones, by a seed."""

from __future__ import annotations

import copy
import json
import random
from functools import partial
from typing import Any

import yaml

RAW = (
    *(
        "1" * 5000,
        "-" + "9" * 30,
        "0x" + "f" * 5000,
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        ".inf",
        "0b1",
        "1:1:1",
        "01",
    ),
    *("[" * 900, "[" * 100_000, "{" * 5000, '{"a":' * 2000, "[" * 99 + "]" * 99, "- " * 3000, "((((" * 2000),
    *(r'"\ud800"', r'"\udfff\ud800"', r'"\u0000"', r'"\x00"', r'"\uD83D\uDE00"', '"\u2028"', '"\x1b[31m"'),
    *("!!bool x", "!!timestamp x", "!!int x", "!!float x", "!!null x", "!!str 1", "!!set {a}", "!!binary aGk=", "! x"),
    *(
        "!!python/object/apply:os.getcwd []",
        "!!python/name:os.system ''",
        "!local x",
        "!<tag:x> y",
        "!!seq {}",
        "!!map []",
    ),
    *("2024-13-45", "2024-02-30T25:61:61Z", "0000-01-01", "9999-99-99", "12:30:45", "2001-12-14t21:59:43.10+99:99"),
    *(
        "*a",
        "&a x",
        "&a [*a]",
        "<<: *a",
        "<<",
        "=",
        "? [x]",
        "? {a: b}",
        "|",
        ">-",
        "%YAML 9.9",
        "---",
        "...",
        "@",
        "`",
        "\t",
    ),
    *("null", "~", "true", "no", "''", '""', "[]", "{}", "[[]]", "[{}]", "1", "-1", "1.5", "[null]", '{"": null}'),
    "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" if n else "a0: &a0 [x]" for n in range(12)),
    "\n".join(f"{' ' * n}a:" for n in range(300)),
    ", ".join(["[]"] * 20_000),
)
TEXTS = (
    *(
        "http://[::1",
        "http://[",
        "https://h:99999/x",
        "https://h:x/",
        "file:x",
        "file://h/x",
        "file:///",
        "://",
        "http://\u2100/",
    ),
    *(
        "https://user:SECRET@h/t/TOKEN/c",
        "/t/x",
        "C:\\x",
        "\\\\h\\x",
        "../../x",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        ".",
        "..",
        "",
    ),
    *(
        "a" * 5000,
        "a\nb",
        "a\0b",
        "a\rb",
        " ",
        "\u00e9" * 300,
        "\U0001f600",
        "\u202e",
        "[bold red]x[/]",
        ":smile:",
        "{0}{a.b}%s%n",
    ),
    *(
        "numpy " + "(" * 5000,
        "numpy " + "(" * 4000 + "1" + ")" * 4000,
        "a[b='" + "(" * 3000 + "']",
        "numpy >=1,<2|>3",
        "a::b::c",
    ),
    *(
        "^" + "(" * 60 + ")" * 60 + "$",
        "*" * 3000,
        "**/" * 300,
        "{a,b}" * 12,
        "**a" * 90,
        "x[version='>=1']",
        "[md5=x]",
    ),
    *("https://h/c/noarch/a-1-0.conda", "file:///c/noarch/a-1-0.conda", "./x.conda", "a @ git+https://h/x", "pip - x"),
    *(
        "1.0",
        "2.0",
        "2.99999999999",
        "99999999999999999999.0",
        "0" * 64,
        "z" * 64,
        "F" * 64,
        "noarch",
        "emscripten-wasm32",
    ),
    *(
        "# [" + "(" * 5000,
        "x  # [win]",
        "sel(" + "(" * 200 + ")",
        "sel(win)",
        "sel(not " * 60,
        "python",
        "code",
        "\ufeff",
    ),
)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_MARK = "@@raw{}@@"


class Inputs:
    """Endless inputs out of seeds of one format (``json``, ``yaml``, ``toml`` or ``text``)."""

    def __init__(self, seeds: list[bytes], form: str, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be had again by its seed
        self._seeds = seeds
        self._form = form
        read = {"json": json.loads, "yaml": partial(yaml.load, Loader=_LOADER)}.get(form)
        self._documents = [read(data) for data in seeds] if read else []

    def next(self) -> bytes:
        place = self._random.randrange(len(self._seeds))
        if self._documents and self._random.random() < 0.6:
            data = self._changed_value(copy.deepcopy(self._documents[place]))
        else:
            data = self._changed_text(self._seeds[place])
        return data[: 4 << 20]

    def _changed_value(self, document: Any) -> bytes:
        raw: dict[str, str] = {}
        for _ in range(self._random.randint(1, 3)):
            document = self._with_change(document, raw)
        if self._form == "json" or self._random.random() < 0.3:
            text = json.dumps(document, ensure_ascii=self._random.random() < 0.5, default=str)
        else:
            text = yaml.dump(document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True)
        for mark, value in raw.items():
            text = text.replace(f'"{mark}"', value).replace(f"'{mark}'", value).replace(mark, value)
        return text.encode("utf-8", "surrogatepass")

    def _with_change(self, document: Any, raw: dict[str, str]) -> Any:
        places = list(_places(document))
        if not places or self._random.random() < 0.02:
            return self._value(raw)
        parent, key = self._random.choice(places)
        action = self._random.random()
        if action < 0.15:
            del parent[key]
        elif action < 0.25 and isinstance(parent, list):
            parent += [copy.deepcopy(parent[key])] * self._random.choice([1, 2, 50])
        elif action < 0.35 and isinstance(parent, dict):
            parent[self._random.choice(TEXTS)] = parent.pop(key)
        elif action < 0.45:
            other = self._random.choice(places)
            parent[key] = copy.deepcopy(other[0][other[1]]) if other[0] is not parent or other[1] != key else None
        else:
            parent[key] = self._value(raw)
        return document

    def _value(self, raw: dict[str, str]) -> Any:
        kind = self._random.random()
        if kind < 0.4:
            return self._random.choice(TEXTS)
        if kind < 0.7:
            mark = _MARK.format(len(raw))
            raw[mark] = self._random.choice(RAW)
            return mark
        return self._random.choice(
            [None, True, 0, -1, 2**31, 2**63, 2**64, 1.5, [], {}, [[]], [None], {"a": {}}, ["x"] * 100]
        )

    def _changed_text(self, seed: bytes) -> bytes:
        data = bytearray(seed)
        for _ in range(self._random.choice([1, 1, 2, 5])):
            at = self._random.randint(0, len(data))
            end = min(len(data), at + self._random.choice([0, 1, 3, 20, 200]))
            action = self._random.random()
            if action < 0.2:
                del data[at:end]
            elif action < 0.35:
                data[at:end] = bytes(data[at:end]) * self._random.choice([2, 50, 2000])
            elif action < 0.5:
                data[at:end] = self._random.randbytes(self._random.choice([1, 4, 40]))
            elif action < 0.6:
                other = self._random.choice(self._seeds)
                data[at:end] = other[self._random.randint(0, len(other)) :][:200]
            elif action < 0.8:
                data[at:end] = self._random.choice(RAW).encode()
            else:
                data[at:end] = self._random.choice(TEXTS).encode()
        if self._random.random() < 0.05:
            data[:0] = b"\xef\xbb\xbf"
        if self._random.random() < 0.05:
            data = data.replace(b"\n", b"\r\n")
        return bytes(data)


def _places(document: Any) -> Any:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            keys: Any = list(value)
        elif isinstance(value, list):
            keys = range(len(value))
        else:
            continue
        for key in keys:
            yield value, key
            waiting.append(value[key])
