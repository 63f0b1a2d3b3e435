"""How numbers, places and tasks are put into words; shared by findings and reports. Knows no trace."""

from __future__ import annotations

import os


def duration(ns: int) -> str:
    """A duration as a person says it, to three digits: "2.01 s", "51.2 ms", "800 µs", "2 min 5 s"."""
    if ns == 0:
        return "0 s"
    if ns < 0:
        return f"-{duration(-ns)}"
    if ns >= 119_500_000_000:
        minutes, seconds = divmod(round(ns / 1e9), 60)
        return f"{minutes} min {seconds} s"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size * 0.9995:
            return f"{_three_digits(ns / size)} {unit}"
    return f"{ns} ns"


def _three_digits(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f}"


def size(number: int) -> str:
    """A number of bytes as a person says it, to three digits: "12.3 MB"."""
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= length * 0.9995:
            return f"{_three_digits(number / length)} {unit}"
    return f"{number} B"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 task", "2 tasks", "2 processes"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: list[str]) -> str:
    """Some names as a person lists them: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def short_function(function: str) -> str:
    """A qualified name without the functions around it: "work" of "main.<locals>.work"."""
    return function.rpartition("<locals>.")[2]


def task_label(name: str, coroutine: str) -> str:
    """A task's name with what it runs, "Task-6 (cpu_bound)", unless that says the same twice."""
    ran = short_function(coroutine)
    if not ran or ran.casefold() == name.casefold():
        return name
    return f"{name} ({ran})" if name else ran


def place(function: str, file: str, line: int) -> str:
    """A place in the code as an editor finds it: "cpu_bound (workloads/article.py:21)"; relative where it can be."""
    here = os.getcwd() + os.sep
    where = file.removeprefix(here) + (f":{line}" if line else "")
    function = short_function(function)
    return f"{function} ({where})" if function and file else function or where
