"""The rules: each is a small module, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_env.audit.rules import (
    abi,
    constructors,
    dylink,
    exceptions,
    imports,
    licensing,
    native,
    needed,
    paths,
    payload,
    signatures,
)

if TYPE_CHECKING:
    from lite_env.audit.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    payload.RULE,
    native.NATIVE,
    native.NOARCH,
    dylink.RULE,
    needed.RULE,
    imports.RULE,
    signatures.RULE,
    exceptions.RULE,
    constructors.RULE,
    abi.PYTHON,
    abi.EMSCRIPTEN,
    paths.HOST_PATH,
    paths.PLACEHOLDER,
    licensing.RULE,
)
"""In the order in which findings are told."""
