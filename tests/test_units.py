"""Durations and sizes: what is accepted, and what is refused in one line."""

from __future__ import annotations

import pytest

from tracekit.errors import UsageError
from tracekit.units import parse_duration, parse_size, say_duration


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("50ms", 50_000_000),
        (" 1.5 s ", 1_500_000_000),
        ("2m", 120_000_000_000),
        ("2 min", 120_000_000_000),
        ("1h", 3_600_000_000_000),
        ("7us", 7_000),
        ("7µs", 7_000),
        ("0ns", 0),
    ],
)
def test_durations(text: str, ns: int) -> None:
    """A duration is a number with its unit, with or without blanks."""
    assert parse_duration(text) == ns


@pytest.mark.parametrize("text", ["", "50", "ms", "-1s", "1d", "1hs", "nan s", "1e3s", "٣s", "9" * 400 + "s"])
def test_no_durations(text: str) -> None:
    """Anything else is refused in one line that shows how to write one."""
    with pytest.raises(UsageError, match="duration") as caught:
        parse_duration(text)
    assert "\n" not in str(caught.value)
    assert "(ns, us, µs, ms, s, m, min, h), as 50ms" in str(caught.value)


def test_sizes() -> None:
    """A size is a number with its unit."""
    assert parse_size("64MB") == 64_000_000
    assert parse_size("1.5 GB") == 1_500_000_000
    with pytest.raises(UsageError, match="size"):
        parse_size("64")


@pytest.mark.parametrize(
    ("ns", "said"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (12_500, "12.5 µs"),
        (250_000_000, "250 ms"),
        (9_800_000_000, "9.8 s"),
        (59_400_000_000, "59.4 s"),
        (60_000_000_000, "1 min"),
        (125_000_000_000, "2 min 5 s"),
        (3 * 3_600_000_000_000 + 60_000_000_000, "3 h 1 min"),
        (50 * 3_600_000_000_000, "2 d 2 h"),
    ],
)
def test_how_a_duration_is_said(ns: int, said: str) -> None:
    """A duration is said in at most two units."""
    assert say_duration(ns) == said
