"""The table of blocks in a report: each with its culprit, the worst first. Knows findings, no trace."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from tracekit.analyze import loop_blocked, words
from tracekit.analyze.finding import Finding
from tracekit.export.page import table


def blocks(console: Console, findings: Sequence[Finding], most: int) -> None:
    """Prints it; nothing where no loop was blocked."""
    found = sorted((one for one in findings if one.slug == loop_blocked.SLUG), key=lambda one: -one.duration_s)
    rest = len(found) - most
    table(
        console,
        "Blocks of event loops, the longest first",
        ("longest", "times", "verdict", "task", "culprit", "in the library"),
        (_row(finding) for finding in found[:most]),
        left=0,
        right=4,
        rest=f"and {words.count(rest, 'more block')}" if rest > 0 else "",
    )


def _row(finding: Finding) -> tuple[str, ...]:
    details = finding.details
    least = "≥ " if details.get("unfinished") else ""
    return (
        least + words.duration(round(finding.duration_s * 1e9)),
        str(details.get("count", 1)),
        str(details.get("verdict", "unknown")),
        _task(finding),
        words.place(finding.function, finding.file, finding.line) or "not seen",
        _library(finding),
    )


def _task(finding: Finding) -> str:
    task, coroutine = finding.details.get("task"), str(finding.details.get("coroutine") or "")
    if not task:
        return f"callback {words.short_function(coroutine)}"
    return words.short_function(coroutine) if finding.details.get("count", 1) > 1 else str(task)


def _library(finding: Finding) -> str:
    if not finding.library:
        return ""
    version, function = finding.library.get("version") or "", finding.library.get("function") or ""
    name = f"{finding.library['name']} {version}".rstrip()
    return f"{name}: {words.short_function(str(function))}" if function else name
