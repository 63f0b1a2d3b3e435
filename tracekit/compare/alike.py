"""Alike: a digest of a run's results, the same for results that look the same. Knows no model."""

from __future__ import annotations

import hashlib
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def digest(results: dict[str, Any]) -> str:
    """16 hexadecimal digits for results by name, of whatever they are: their `repr`, sets and keys sorted, addresses left out."""
    return hashlib.sha256(_shown(results).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _shown(value: Any) -> str:
    kind = type(value)
    if kind is dict:
        return "{" + ", ".join(sorted(f"{_shown(key)}: {_shown(item)}" for key, item in value.items())) + "}"
    if kind in (set, frozenset):
        return "{" + ", ".join(sorted(_shown(item) for item in value)) + "}"
    if kind in (list, tuple):
        return f"{kind.__name__}({', '.join(_shown(item) for item in value)})"
    if kind in (str, bytes):
        return repr(value)
    try:
        return _ADDRESS.sub("", repr(value))
    except Exception as error:
        return f"<{kind.__name__} whose repr fails: {type(error).__name__}>"
