"""Arguments: the values given to a probe, as details of its record. Can neither fail nor be huge, whatever it is given.

Numbers, truth values and None keep their type; texts are written down; anything else is shown by a short form that looks
only a little way into it.
"""

from __future__ import annotations

from _struct import pack, unpack

from tracekit import events
from tracekit.spool import texts
from tracekit.spool.buffer import MOST_DETAILS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracekit.spool.buffer import Details


def encode(arguments: Mapping[str, object], intern: Callable[[str], int], room: int = MOST_DETAILS) -> Details:
    """Details for a probe's keyword arguments; those that find no room are left out.

    Args:
        arguments: names and values.
        intern: gives the id of a name.
        room: how many details there may be.
    """
    details: Details = []
    for name, value in arguments.items():
        own = _encode(intern(name) << 8, value)
        if len(details) + len(own) <= room:
            details += own
    return details


def _encode(name: int, value: object) -> Details:
    kind = type(value)
    if kind is str:
        return texts.encode(events.ARG_TEXT, name >> 8, value)  # type: ignore[arg-type]
    if kind is bool:
        return [((events.ARG_TRUE if value else events.ARG_FALSE) | name, 0)]
    if value is None:
        return [(events.ARG_NONE | name, 0)]
    if kind is int and -(1 << 63) <= value < 1 << 63:  # type: ignore[operator]
        return [(events.ARG_INT | name, value & 0xFFFF_FFFF_FFFF_FFFF)]  # type: ignore[operator]
    if kind is float:
        return [(events.ARG_FLOAT | name, unpack("<Q", pack("<d", value))[0])]
    return texts.encode(events.ARG_TEXT, name >> 8, short(value))


def short(value: object) -> str:
    """A short form of any value; its class's name where its own repr fails."""
    from reprlib import Repr

    try:
        form = Repr()
        form.maxstring = form.maxother = 200
        return form.repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
