"""Arguments: the values given to a probe, as details of its record. Can neither fail nor be huge, whatever it is given.

Numbers, truth values and None keep their type; texts are written down; anything else is shown by a short form that looks
only a little way into it.
"""

from __future__ import annotations

from _struct import pack, unpack

from tracekit import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    Details: TypeAlias = list[tuple[int, int]]
else:
    Details = list

_TEXT = 500


def encode(arguments: Mapping[str, object], intern: Callable[[str], int], add: Callable[[str], int]) -> Details:
    """Details for a probe's keyword arguments.

    Args:
        arguments: names and values.
        intern: gives the id of a text that will come again (the names).
        add: gives the id of a text that will not (the values).
    """
    details = []
    for name, value in arguments.items():
        kind, payload = _encode(value, add)
        details.append((kind | intern(name) << 8, payload))
    return details


def _encode(value: object, add: Callable[[str], int]) -> tuple[int, int]:
    kind = type(value)
    if kind is bool:
        return (events.ARG_TRUE if value else events.ARG_FALSE), 0
    if value is None:
        return events.ARG_NONE, 0
    if kind is int and -(1 << 63) <= value < 1 << 63:  # type: ignore[operator]
        return events.ARG_INT, value & 0xFFFF_FFFF_FFFF_FFFF  # type: ignore[operator]
    if kind is float:
        return events.ARG_FLOAT, unpack("<Q", pack("<d", value))[0]
    return events.ARG_TEXT, add(value[:_TEXT] if kind is str else _short(value))  # type: ignore[index]


def _short(value: object) -> str:
    """A short form of any value; its class's name where its own repr fails."""
    from reprlib import Repr

    try:
        short = Repr()
        short.maxstring = short.maxother = 200
        return short.repr(value)[:_TEXT]
    except Exception:
        return f"<{type(value).__name__}>"
