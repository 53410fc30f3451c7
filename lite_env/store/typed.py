"""JSON as values of a type, also where several threads meet a type for the first time.

msgspec looks at a class once and keeps what it saw, and another thread that comes in the meantime is given the half of
it: the process ends by a segmentation fault (0.22; as rare as two threads that first meet at one type). So the first
look at each is one thread's here.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable

T = TypeVar("T")

_FIRST = threading.Lock()


def known(type_: type[T]) -> type[T]:
    """The same type, which msgspec has looked at: it may be decoded to in any thread."""
    with _FIRST:
        _look_at(cast("Hashable", type_))
    return type_


def decode_json(data: bytes | str, type_: type[T]) -> T:
    """The JSON text as a value of `type_`.

    Raises:
        msgspec.DecodeError: it is no JSON, or does not fit.
        UnicodeDecodeError: it is no text.
    """
    return msgspec.json.decode(data, type=known(type_))


@functools.cache
def _look_at(type_: Hashable) -> None:
    msgspec.json.Decoder(type_)
