"""Values made plain enough for Perfetto's reader of JSON. Knows nothing of traces.

Perfetto before v53 takes a string that ends with a backslash for one that goes on, and shows other escapes as they
stand; from v53 on it refuses the escapes of surrogates. So no string of ours holds anything that JSON would have to
escape, but for the quote.
"""

from __future__ import annotations

import math
from typing import Any

import orjson

_DEEPEST = 32
_UNWANTED = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ") | {ord("\\"): "/"}


def clean(text: str) -> str:
    """`text` with `/` for a backslash, a space for each control character, and `?` for a lone surrogate."""
    if text.isprintable() and "\\" not in text:
        return text
    return text.translate(_UNWANTED).encode("utf-8", "replace").decode()


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON can hold it: integers beyond 64 bits, NaN, infinities and all unknown objects become strings."""
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**63 else _digits(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if depth < _DEEPEST and isinstance(value, dict):
        return {clean(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if depth < _DEEPEST and isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return clean(str(value))


def encoded(value: Any) -> bytes:
    """The JSON text of a value made plain."""
    return orjson.dumps(plain(value))


def dump(value: Any) -> str:
    """The same as text."""
    return encoded(value).decode()


def _digits(value: int) -> str:
    # Python refuses to print thousands of decimal digits, but not of hexadecimal ones.
    return str(value) if value.bit_length() < 1024 else f"{value:#x}"
