"""Which servers a kernel may ask: all, none, or those that are named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from lite_env.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Sequence

Network = Literal["all"] | tuple[str, ...]
"""``all``, or hosts, each with a port or for every port; an empty tuple for none."""

SEALED: Network = ()
"""For kernels whose programs have nothing to do with a network: what is packed must not depend on one."""

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)(?::[0-9]{1,5})?\Z")


def network_of(words: Sequence[str]) -> Network:
    """What the words of a command line grant: ``none``, ``all`` or hosts; all where there are none.

    Raises:
        HostError: a word is no host, or ``none`` and ``all`` are not alone.
    """
    if not words:
        return "all"
    if len(words) == 1 and words[0] in {"none", "all"}:
        return "all" if words[0] == "all" else SEALED
    for word in words:
        if word in {"none", "all"}:
            raise HostError(f"`--network {word}` stands alone", hint="leave the others away")
        if not _HOST.match(word):
            raise HostError(
                f"`--network {word}` names no host",
                hint="write a host as it stands in addresses: `example.org`, `127.0.0.1:8000`, `[::1]`",
            )
    return tuple(words)
