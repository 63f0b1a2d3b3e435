"""Brackets: the brackets of a piece of JSON that stand in no string, found all at once. Knows quotes, and no value."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import Int64

_QUOTE, _SLASH = ord('"'), ord("\\")
_LOOKED_AT = np.zeros(256, np.bool_)
_LOOKED_AT[[ord(sign) for sign in '"\\{}[]']] = True
_OPENS = np.zeros(256, np.bool_)
_OPENS[[ord("{"), ord("[")]] = True


class Brackets(NamedTuple):
    """The brackets of a piece of text that stand in no string, and how the text ends."""

    at: Int64
    opens: NDArray[np.bool_]
    in_string: bool
    escaped: bool


def brackets(text: bytes, in_string: bool = False, escaped: bool = False) -> Brackets:
    """Finds the brackets.

    Args:
        in_string, escaped: how the text before it ended.
    """
    signs = np.frombuffer(text, np.uint8)
    at = np.flatnonzero(_LOOKED_AT[signs])
    sign = signs[at]
    quote = sign == _QUOTE
    slashes = at[sign == _SLASH]
    if len(slashes) or escaped:
        active = _escaping(slashes, escaped)
        hit = np.zeros(len(text) + 1, np.bool_)
        hit[active + 1] = True
        hit[0] = escaped
        quote &= ~hit[at]
        escaped = bool(hit[len(text)]) if len(text) else escaped
    inside = (np.cumsum(quote) + in_string) % 2 == 1
    found = ~inside & (sign != _QUOTE) & (sign != _SLASH)
    return Brackets(at[found], _OPENS[sign[found]], bool((int(quote.sum()) + in_string) % 2), escaped)


def _escaping(slashes: Int64, escaped: bool) -> Int64:
    """Of the backslashes those that escape what comes next: every second one of a row, from its first."""
    first = np.ones(len(slashes), np.bool_)
    first[1:] = np.diff(slashes) != 1
    begins = np.flatnonzero(first)
    place = np.arange(len(slashes)) - np.repeat(begins, np.diff(np.append(begins, len(slashes))))
    if escaped and len(slashes) and slashes[0] == 0:
        place[: begins[1] if len(begins) > 1 else len(place)] += 1
    active: Int64 = slashes[place % 2 == 0]
    return active
