"""How numbers, tasks and places read. Knows no trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.analyze import words


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (999_999, "1.00 ms"),
        (51_230_000, "51.2 ms"),
        (999_600_000, "1.00 s"),
        (2_013_000_000, "2.01 s"),
        (100_000_000_000, "100 s"),
        (119_500_000_000, "2 min 0 s"),
        (125_000_000_000, "2 min 5 s"),
        (-5_000, "-5.00 µs"),
    ],
)
def test_duration(ns, text) -> None:
    """A duration reads with three digits and its unit, without 1000 of the smaller unit at the edges."""
    assert words.duration(ns) == text


@given(st.integers(1, 10**11))
def test_duration_is_true(ns) -> None:
    """What is said differs from what was measured by less than a hundredth."""
    number, unit = words.duration(ns).split()
    said = float(number) * {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}[unit]
    assert abs(said - ns) <= ns / 100


def test_task_label() -> None:
    """A task reads as its name with what it runs, unless that says the same twice."""
    assert words.task_label("Task-6", "main.<locals>.work") == "Task-6 (work)"
    assert words.task_label("Poll", "poll") == "Poll"
    assert words.task_label("Task-6", "") == "Task-6"
    assert words.task_label("", "work") == "work"


def test_place(tmp_path, monkeypatch) -> None:
    """A place below the working directory is relative to it, any other stays as it is."""
    monkeypatch.chdir(tmp_path)
    assert words.place("work", f"{tmp_path}/app/a.py", 3) == "work (app/a.py:3)"
    assert words.place("work", "/elsewhere/a.py", 0) == "work (/elsewhere/a.py)"
    assert words.place("", "/elsewhere/a.py", 3) == "/elsewhere/a.py:3"
    assert words.place("work", "", 0) == "work"


def test_count() -> None:
    """One is singular, all else plural, regular or not."""
    assert [words.count(n, "process", "processes") for n in (0, 1, 2)] == ["0 processes", "1 process", "2 processes"]
    assert words.count(2, "task") == "2 tasks"
