"""Units: durations and sizes as people write them. Knows nothing of what they measure."""

from __future__ import annotations

from tracekit.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SECOND = 1_000_000_000
_DURATIONS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # as `say_duration` says it; so with "min"
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "min": 60 * _SECOND,
    "h": 3_600 * _SECOND,
}
_SIZES = {"B": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_DIGITS = frozenset("0123456789.")
_LARGEST = 1e18


def parse_duration(text: str) -> int:
    """The nanoseconds of a duration such as "50ms", "0.5 s", "2m", "1h".

    Raises:
        UsageError: it is no duration.
    """
    return _parse(text, _DURATIONS, "duration", "50ms, 1.5s or 200us")


def parse_size(text: str) -> int:
    """The bytes of a size such as "64MB", "1GB".

    Raises:
        UsageError: it is no size.
    """
    return _parse(text, _SIZES, "size", "64MB or 1GB")


def _parse(text: str, units: Mapping[str, int], what: str, examples: str) -> int:
    written = text.strip()
    end = 0
    while end < len(written) and written[end] in _DIGITS:
        end += 1
    try:
        value = float(written[:end]) * units[written[end:].strip()]
    except (ValueError, KeyError):
        value = _LARGEST
    if value >= _LARGEST:
        shown = text if len(text) <= 40 else text[:40] + "..."
        raise UsageError(f"{shown!r} is no {what}: write a number with its unit ({', '.join(units)}), as {examples}")
    return round(value)


def say_duration(ns: int) -> str:
    """A duration as a person says it, in its two largest units: "9.8 s", "3 h 5 min", "250 ms"."""
    seconds = round(ns / 1e9)
    for (large, size), (small, part) in (
        (("d", 86_400), ("h", 3_600)),
        (("h", 3_600), ("min", 60)),
        (("min", 60), ("s", 1)),
    ):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size} {large} {rest} {small}" if rest else f"{seconds // size} {large}"
    for unit, length in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= length:
            return f"{ns / length:.3g} {unit}"
    return f"{ns} ns"
