"""Named transformations of a file's content: pure functions of bytes, declared and checked in the definition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lite_env.errors import ChannelError
from lite_env.store.text import Origin, decode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")


def check_transform(name: str, options: Mapping[str, str | int]) -> str | None:
    """What is expected instead, if there is no transformation `name` with such `options`; None if there is."""
    if name not in _TRANSFORMS:
        return "one of " + ", ".join(sorted(_TRANSFORMS))
    expected, _ = _TRANSFORMS[name]
    if {key: type(value) for key, value in options.items()} != expected:
        return ", ".join(f"{key} ({kind.__name__})" for key, kind in sorted(expected.items()))
    return None


def transform(name: str, options: Mapping[str, str | int], data: bytes) -> bytes:
    """Do the transformation `name`, whose options were checked, on `data`.

    Raises:
        ChannelError: the data is not of the form that the transformation is for.
    """
    _, function = _TRANSFORMS[name]
    return function(data, options)


def _webpack_module_as_global(data: bytes, options: Mapping[str, str | int]) -> bytes:
    """Make a bundle define what one of its modules exports, instead of running its entry module.

    A webpack bundle is ``(()=>{var t={MODULES};…,e(ENTRY)})();`` where ``e`` is its `require`. The entry is run
    last, in a comma expression. The result is a classic script ``var GLOBAL=(()=>{…;return e(MODULE)})();``.
    """
    name = str(options["global"])
    if not _IDENTIFIER.match(name):
        raise ChannelError("the global is not a JavaScript identifier", found=name)
    text = decode_text(data, Origin(what="the webpack bundle", error=ChannelError))
    # The minifier picks the name of `require`.
    end = re.search(rf",([A-Za-z_$][\w$]*)\({options['entry']}\)\}}\)\(\);?\s*\Z", text)
    if end is None or not text.startswith("(()=>{"):
        raise ChannelError(
            f"the file is not a webpack bundle that ends in its entry module {options['entry']}",
            found=f"…{text[-40:]}",
            expected=f"…,e({options['entry']})}})();",
        )
    if f"{options['module']}:" not in text:
        raise ChannelError(f"the webpack bundle has no module {options['module']}")
    return f"var {name}={text[: end.start()]};return {end[1]}({options['module']})}})();".encode()


_TRANSFORMS: dict[str, tuple[dict[str, type[str | int]], Callable[[bytes, Mapping[str, str | int]], bytes]]] = {
    "webpack-module-as-global": ({"entry": int, "module": int, "global": str}, _webpack_module_as_global),
}
