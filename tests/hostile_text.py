"""Text that a stranger could put wherever a package names something: markup, control characters, templates."""

from __future__ import annotations

EVIL = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'\"><svg/onload=alert(1)>",
    "</script><!--",
    "[link](https://evil.example) ![](https://evil.example/x.png) https://evil.example www.evil.example",
    "a|b`c``d\\`| *bold* _under_ ~~no~~ @someone #1 &lt;b&gt; \\",
    "\x1b]0;title\x07\x1b[2J\rover\nnext\ttab \u202e\u2028 back",
    "${title}$name {{x}} %s",
    "__proto__",
)


def evil(text: str, number: int) -> str:
    """`text` with one of these in front of it."""
    return f"{EVIL[number % len(EVIL)]}{text}"
