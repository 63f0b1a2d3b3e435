"""Axis: where the marks of a time axis stand, and what they say. Knows no picture."""

from __future__ import annotations

import math

_STEPS = (1.0, 2.0, 5.0)
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def ticks(last: float, most: int) -> list[tuple[float, str]]:
    """Round times from 0 up to `last` seconds, no more than `most` steps, each with what stands at it."""
    if not last > 0:
        return [(0.0, "0")]
    step = _step(last, most)
    size, unit = next(((size, unit) for size, unit in _UNITS if last >= size * 0.999), _UNITS[-1])
    decimals = max(0, -math.floor(math.log10(step / size) + 1e-9))
    return [
        (n * step, f"{n * step / size:.{decimals}f} {unit}" if n else "0") for n in range(int(last / step + 1e-9) + 1)
    ]


def _step(last: float, most: int) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that is long enough."""
    power = 1e-9
    while True:
        for step in _STEPS:
            if last / (step * power) <= most:
                return step * power
        power *= 10
