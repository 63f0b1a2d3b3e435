"""The timeline on the page of a report: its lanes, a time axis, and the findings above them. Knows no slice.

Lanes are boxes whose places are parts of the whole time, so that they fit any window; to zoom only makes them wider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit.analyze import words
from tracekit.analyze.finding import Finding
from tracekit.export._axis import ticks
from tracekit.export._html_findings import MARKED
from tracekit.export._html_table import Kind, legend
from tracekit.export._markup import Markup, each, element, shortened
from tracekit.export._timeline import Lane, Piece, Timeline
from tracekit.model.trace import Trace

_ZOOMS = (1, 4, 16)
_TICKS = 8  # at most, in what is seen at once
_BANDS = 5
_CHIP, _DIGIT = 0.014, 0.008  # how much of the whole width a mark of a finding takes, and each digit in it
_CHIP_ROWS = 4
_NAMED = 0.012  # of the whole width: what is shorter has no room for a name
_LONGEST = 300  # characters of a name
_KINDS = (
    Kind("slice", "slice", "step, span, call or job"),
    Kind("compute", "compute", "running"),
    Kind("native", "native", "running without the GIL"),
    Kind("core", "core", "ready, no core for it"),
    Kind("gil", "gil", "waiting for the GIL"),
    Kind("loop", "loop", "task ready, waiting for the loop"),
    Kind("lock", "lock", "waiting for a lock"),
    Kind("io", "io", "reading or writing"),
    Kind("polling", "polling", "polling"),
    Kind("sleep", "sleep", "sleeping, awaiting"),
    Kind("job", "job", "pickling"),
    Kind("gc", "gc", "collecting garbage"),
    Kind("other", "other", "something else"),
    Kind("life", "life", "alive, nothing more was seen"),
)


def timeline(trace: Trace, findings: Sequence[Finding]) -> Markup:
    """The section; nothing where there is nothing to draw.

    Args:
        findings: in the order, and so with the numbers, of their cards.
    """
    made = Timeline(trace)
    if not made.lanes or trace.duration <= 0:
        return Markup("")
    whole = trace.duration
    sheet = element(
        "div",
        _grid(whole, findings),
        _axis(whole),
        _marks(findings, whole),
        *(_lane(lane, whole) for lane in made.lanes),
        class_="sheet",
    )
    radios = (
        element(
            "input",
            type="radio",
            name="zoom",
            id=f"zoom{zoom}",
            checked=zoom == 1,
            aria_label=f"zoom {zoom}\N{MULTIPLICATION SIGN}",
        )
        for zoom in _ZOOMS
    )
    labels = (element("label", f"{zoom}\N{MULTIPLICATION SIGN}", for_=f"zoom{zoom}") for zoom in _ZOOMS)
    said = "What each thread ran, with what it was seen to do from outside below it"
    said += ", and the life of each task." if trace.tasks else "."
    left_out = (
        f" Of many, those that ran or were held up longest; not drawn: {words.listed(made.left_out)}."
        if made.left_out
        else ""
    )
    if made.has_calls_left_out:
        left_out += " Calls of functions are drawn only where nothing else tells what ran."
    box = element(
        "div",
        *radios,
        element("div", "zoom", *labels, class_="zoom"),
        element("div", sheet, class_="scroll", tabindex=0, role="region", aria_label="Timeline"),
        class_="time",
    )
    note = element("p", said + left_out, class_="note")
    return element("section", element("h2", "Timeline"), note, legend(_used(made.lanes)), box, id="timeline")


def _used(lanes: Sequence[Lane]) -> list[Kind]:
    """The kinds that occur."""
    there = {piece.colour for lane in lanes for row in (*lane.rows, lane.states) for piece in row}
    there |= {"life" for lane in lanes if lane.life is not None}
    return [kind for kind in _KINDS if kind.class_ in there]


def _grid(whole: int, findings: Sequence[Finding]) -> Markup:
    lines = each(
        element("i", class_=f"at{zoom}", style=_left(at * 1e9, whole))
        for zoom in _ZOOMS
        for at, _ in ticks(whole / 1e9, _TICKS * zoom)
    )
    long = [finding for finding in findings if finding.severity != "info" and finding.duration_s > 0][:_BANDS]
    bands = (
        element("b", class_=finding.severity, style=_box(finding.start_s * 1e9, finding.duration_s * 1e9, whole))
        for finding in long
    )
    return element("div", lines, *bands, class_="grid", aria_hidden="true")


def _axis(whole: int) -> Markup:
    marks = (
        element("span", word, class_=f"at{zoom}{_placed(number, at * 1e9 / whole)}", style=_left(at * 1e9, whole))
        for zoom in _ZOOMS
        for number, (at, word) in enumerate(ticks(whole / 1e9, _TICKS * zoom))
    )
    return _rowed(element("span", class_="name"), element("div", *marks, class_="ticks"), "lane empty")


def _placed(number: int, share: float) -> str:
    """Further classes of a word at the axis: every other one goes where there is little room."""
    return (" between" if number % 2 else "") + (" last" if share > 0.97 else "")


def _marks(findings: Sequence[Finding], whole: int) -> Markup | None:
    """A number for each finding at its time, which leads to its card; in rows, where they would lie on each other."""
    if not findings:
        return None
    free = [-1.0] * _CHIP_ROWS
    rows: list[list[Markup]] = [[] for _ in free]
    shown = sorted(enumerate(findings[:MARKED], 1), key=lambda item: item[1].start_s)
    for number, finding in shown:
        width = _CHIP + _DIGIT * len(str(number))
        at = min(finding.start_s * 1e9 / whole, 1 - width)
        row = next((row for row, until in enumerate(free) if until <= at), _CHIP_ROWS - 1)
        free[row] = at + width
        rows[row].append(_mark(number, finding, at))
    drawn = (element("div", *row, class_="row") for row in rows if row)
    return _rowed(element("span", "findings", class_="name muted"), each(drawn))


def _mark(number: int, finding: Finding, at: float) -> Markup:
    return element(
        "a",
        str(number),
        class_=finding.severity,
        id=f"mark-{number}",
        href=f"#finding-{number}",
        style=f"left:{at * 100:.4f}%",
        title=f"{finding.slug}: {finding.sentence}",
    )


def _lane(lane: Lane, whole: int) -> Markup:
    told = shortened(f"{lane.name}: {lane.told}" if lane.told else lane.name, _LONGEST)
    class_ = "name head" if lane.is_head else "name"
    name = element("span", shortened(lane.name, _LONGEST), class_=class_, title=told)
    if lane.is_head:
        return _rowed(name, Markup(""))
    life = None
    if lane.life is not None:
        begin, end = lane.life
        life = element("i", class_="life bare", style=_box(begin, end - begin, whole))
    main, below = _stacked(lane)
    drawn = [element("div", life, *_pieces(main, whole), class_="row")]
    for row in below:
        is_thin = row is lane.states or not any(_has_name(piece, whole) for piece in row)
        drawn.append(element("div", *_pieces(row, whole), class_="row thin" if is_thin else "row"))
    return _rowed(name, each(drawn))


def _stacked(lane: Lane) -> tuple[list[Piece], list[list[Piece]]]:
    """The row that a lane shows large, and those below it: what a thread was seen to do is all there is of many a thread."""
    has_slices = any(piece.colour == "slice" for row in lane.rows for piece in row)
    if lane.states and not has_slices:
        return lane.states, lane.rows
    rows = lane.rows or [[]]
    return rows[0], [*rows[1:], lane.states] if lane.states else rows[1:]


def _rowed(name: Markup, rows: Markup, class_: str = "lane") -> Markup:
    return element("div", name, element("div", rows, class_="rows"), class_=class_)


def _pieces(row: Sequence[Piece], whole: int) -> Iterator[Markup]:
    for piece in row:
        has_name = _has_name(piece, whole)
        yield element(
            "i",
            shortened(piece.name, _LONGEST) if has_name else None,
            class_=piece.colour if has_name else f"{piece.colour} bare",
            style=_box(piece.begin, piece.end - piece.begin, whole),
            title=shortened(piece.told, _LONGEST),
        )


def _has_name(piece: Piece, whole: int) -> bool:
    return piece.colour == "slice" and piece.end - piece.begin >= _NAMED * whole


def _left(begin: float, whole: int) -> str:
    return f"left:{min(max(begin / whole, 0.0), 1.0) * 100:.4f}%"


def _box(begin: float, length: float, whole: int) -> str:
    """Where a piece lies; what began before the trace, or goes beyond it, is cut there."""
    start, end = min(max(begin, 0.0), whole), min(max(begin + length, 0.0), whole)
    return f"left:{start / whole * 100:.4f}%;width:{(end - start) / whole * 100:.4f}%"
