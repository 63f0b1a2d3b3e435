"""A trace as one page for a browser: findings, what ran when, tables. Knows files; what stands on the page is made next door.

The page is whole in itself: no script, no font, no picture comes with it or is fetched, and its policy forbids the browser all
of that, so that no text of a program can do anything but be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.analyze.questions import THRESHOLD_NS
from tracekit.export._html_findings import findings_as_cards
from tracekit.export._html_page import closing, fact, notes, opening, write_page
from tracekit.export._html_tables import tables
from tracekit.export._html_timeline import timeline
from tracekit.export._markup import Markup, element
from tracekit.export._nothing import nothing_found
from tracekit.export.report_json import parts
from tracekit.model.status import say_status
from tracekit.model.trace import Trace


def write(trace: Trace, findings: Sequence[Finding], out: Path, threshold_ns: int = THRESHOLD_NS) -> None:
    """Writes the page; `out` appears in one piece or not at all.

    Args:
        findings: as `analyze` returns them, worst first.
        out: a name that ends in `.html` or `.htm`; a file of that name is replaced.
        threshold_ns: the one that the findings were looked for with.

    Raises:
        TracekitError: the name ends otherwise, or the file cannot be written.
    """
    write_page(out, page(trace, findings, threshold_ns))


def page(trace: Trace, findings: Sequence[Finding], threshold_ns: int = THRESHOLD_NS) -> Iterator[Markup]:
    """The page, piece by piece."""
    report = parts(trace, findings)
    sections, titles = tables(report)
    title = trace.program or "a program"
    yield opening(f"{title}: tracekit report")
    drawn = timeline(trace, findings)
    yield _header(trace, report, title, titles, bool(drawn))
    yield findings_as_cards(findings, nothing_found(trace, threshold_ns), trace.duration / 1e9)
    yield drawn
    yield from sections
    yield notes(trace.notes)
    yield closing()


def _header(
    trace: Trace, report: dict[str, Any], title: str, titles: Sequence[tuple[str, str]], has_timeline: bool
) -> Markup:
    links = [("findings", "Findings"), *([("timeline", "Timeline")] if has_timeline else []), *titles]
    links += [("notes", "Notes")] if trace.notes else []
    return element(
        "header",
        element("h1", title),
        element("p", _recorded(trace), class_="muted"),
        element("dl", *_facts(trace, report), class_="facts"),
        element("nav", *(element("a", name, href=f"#{anchor}") for anchor, name in links), aria_label="Sections"),
    )


def _recorded(trace: Trace) -> str:
    pythons = sorted({process.python for process in trace.processes if process.python})
    said = [f"Python {words.listed(pythons)}"] if pythons else []
    said += [words.count(trace.cores, "core")] if trace.cores else []
    try:
        when = datetime.fromtimestamp(trace.wall_start / 1e9, timezone.utc) if trace.wall_start > 0 else None
    except (ValueError, OverflowError, OSError):
        when = None
    said += [f"recorded {when:%Y-%m-%d %H:%M} UTC"] if when else []
    return "  ·  ".join(said)


def _facts(trace: Trace, report: dict[str, Any]) -> Iterator[Markup]:
    yield fact("wall time", words.duration(trace.duration))
    if trace.exit_status is not None:
        killed = [row.status for row in trace.processes if row.status and 128 - row.status == trace.exit_status]
        yield fact("exit status", str(trace.exit_status), f" {say_status(killed[0])}" if killed else "")
    untraced = sum(bool(process.untraced) for process in trace.processes)
    yield fact("processes", f"{len(trace.processes):,}", f" {untraced} not traced" if untraced else "")
    yield fact("threads", f"{len(trace.threads):,}")
    if trace.tasks:
        yield fact("tasks", f"{len(trace.tasks):,}")
    used = [loop["used"] for loop in report["loops"] if loop["used"] is not None]
    if used:
        yield fact("event loop in use" if len(used) == 1 else "busiest event loop", f"{max(used):.0%}", " of its time")
    cores = [turns["cores_used"] for turns in report["turns"] if turns["cores_used"] is not None]
    if cores:
        whole = f" of {trace.cores}" if trace.cores else ""
        yield fact("cores used" if len(cores) == 1 else "cores used, busiest process", f"{max(cores):.2f}", whole)
