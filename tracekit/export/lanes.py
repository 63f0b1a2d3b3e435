"""Lanes: a comparison as one picture, what each task did under each model on one time axis. Knows no run and no trace.

A block a model, a row a task, a colour a kind of work; the panel behind a block ends when the model was done. What a poll was
late is drawn from when it was due to when it was looked at. Kinds differ in height or lightness too, not in hue alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from tracekit.analyze import words
from tracekit.errors import TracekitError
from tracekit.export._axis import ticks
from tracekit.export._colours import DARK, FONTS, LIGHT, Palette
from tracekit.export._lane_rows import Plan, is_late, rows_of
from tracekit.export._markup import Markup, each, element, legible, shortened
from tracekit.rounds.comparison import BASE, Comparison, Lane, Row
from tracekit.rounds.level import is_within

WIDTH = 1200
_MARGIN = 32
_RIGHT = WIDTH - _MARGIN
_GAP = 12  # between blocks
_LEAST = 40  # height of a block: its name and two lines
_LINE = 16  # of those below them
_WIDE, _MOST_LINES = 150, 6  # of the reason why a model did not run
_KINDS = (
    ("compute", "computing"),
    ("io", "waiting for I/O"),
    ("sleep", "sleeping"),
    ("poll", "poll"),
    ("late", "late poll"),
)
# Of kinds that are drawn lower or narrower than others: width, height, and how far down.
_MARKS: dict[str, tuple[int, int, float]] = {"poll": (3, 12, 0), "sleep": (14, 5, 3.5)}


def svg(comparison: Comparison, dark: bool | None = None) -> str:
    """The picture as a text that any browser, and a README, shows; 1200 wide, as high as it needs.

    Args:
        dark: on a dark page, or on a light one; None: as the reader's system has it.
    """
    return f"{drawing(comparison, dark)}\n"


def drawing(comparison: Comparison, dark: bool | None = None, headed: bool = True) -> Markup:
    """The same as an element of a page.

    Args:
        headed: whether the workload stands above it, which a page says itself.
    """
    plan = Plan(comparison, _MARGIN, _RIGHT)
    top = (116 if comparison.about else 98) if headed else 40
    blocks, bottom = _blocks(comparison, plan, top + 22)
    failed, height = _failed(comparison, bottom + 6)
    return element(
        "svg",
        element("title", f"{comparison.workload}: {words.count(len(comparison.rows), 'model')} on one time axis"),
        element("style", _style(dark)),
        element("rect", class_="paper", width=WIDTH, height=height, rx=8),
        *(_heading(comparison) if headed else ()),
        _legend(comparison, top - 22, None if headed else _MARGIN),
        _axis(plan, top, bottom),
        *blocks,
        *failed,
        xmlns="http://www.w3.org/2000/svg",
        width=WIDTH,
        height=height,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
    )


def png(comparison: Comparison, dark: bool = False, zoom: float = 2) -> bytes:
    """The picture as a PNG, for where no SVG is shown.

    Args:
        zoom: how many pixels a unit of the picture takes; 2 makes it 2400 wide, sharp on a slide.

    Raises:
        TracekitError: what draws it is not installed, or there is no font.
    """
    return bytes(_drawer().svg_to_bytes(svg_string=svg(comparison, dark), zoom=zoom))


def check_png() -> None:
    """Complains where no PNG could be drawn, for who wants to know before the work is done.

    Raises:
        TracekitError: as `png` does.
    """
    _drawer()


def _drawer() -> Any:
    try:
        import resvg_py
    except ImportError:
        raise TracekitError(
            "a PNG needs resvg-py, which is not installed: `pip install tracekit[picture]`, or let the name end in .svg"
        ) from None
    if _draws_text(resvg_py):
        return resvg_py
    raise TracekitError(
        "a PNG needs a font, and none of the usual ones is installed here: install one (fonts-dejavu-core), "
        "or let the name end in .svg"
    )


def _draws_text(resvg_py: Any) -> bool:
    """Whether letters leave a mark; without a font they are drawn as nothing, silently."""
    frame = {"xmlns": "http://www.w3.org/2000/svg", "width": 20, "height": 20}
    drawn = {
        resvg_py.svg_to_bytes(
            svg_string=str(element("svg", element("text", letters, y=15, font_family=FONTS), **frame))
        )
        for letters in ("", "M")
    }
    return len(drawn) == 2


def _heading(comparison: Comparison) -> list[Markup]:
    times = f"{comparison.repeat} times each, the median run is shown" if comparison.repeat > 1 else "one run each"
    cores = words.count(comparison.cores, "core")
    where = f"{cores}  ·  Python {comparison.python}  ·  scale {comparison.scale:g}  ·  {times}"
    lines = [element("text", shortened(comparison.workload, 70), class_="heading", x=_MARGIN, y=44)]
    y = 66
    if comparison.about:
        lines.append(element("text", shortened(comparison.about, 150), class_="said", x=_MARGIN, y=y))
        y += 19
    return [*lines, element("text", where, class_="said", x=_MARGIN, y=y)]


def _legend(comparison: Comparison, y: float, left: float | None) -> Markup:
    """Kinds that occur, in the row above the axis.

    Args:
        left: where it begins; None: it ends at the right edge.
    """
    there = {kind for row in comparison.measured for lane in row.lanes for _, _, kind, _ in lane.parts}
    if any(is_late(part) for row in comparison.measured for lane in row.lanes for part in lane.parts):
        there.add("late")
    kinds = [(kind, word, _MARKS.get(kind, (14, 12, 0))) for kind, word in _KINDS if kind in there]
    widths = [mark[0] + 6 + 7 * len(word) + 2 for _, word, mark in kinds]
    x = float(_RIGHT - sum(widths) - 20 * (len(widths) - 1) if left is None else left)
    shown = []
    for (kind, word, (width, height, down)), whole in zip(kinds, widths):
        shown.append(element("rect", class_=kind, x=f"{x:.1f}", y=y + down - 1, width=width, height=height, rx=1.5))
        shown.append(element("text", word, class_="said", x=f"{x + width + 6:.1f}", y=y + 10))
        x += whole + 20
    return element("g", *shown)


def _axis(plan: Plan, top: float, bottom: float) -> Markup:
    marks = []
    for at, word in ticks(plan.last, 8):
        x = f"{plan.x(at):.1f}"
        marks.append(element("line", class_="line", x1=x, x2=x, y1=top + 8, y2=bottom))
        marks.append(element("text", word, class_="tick", x=x, y=top + 2, text_anchor="middle"))
    return element("g", *marks)


def _blocks(comparison: Comparison, plan: Plan, y: float) -> tuple[list[Markup], float]:
    """The blocks of all models, and where the last one ends."""
    best = _fastest(comparison)
    blocks = []
    for row in comparison.rows:
        if row.wall_s is None or row.failed:
            continue
        lanes = plan.lanes(row)
        height = max(_LEAST, sum(map(plan.height_of, lanes)) + 6)
        height = max(height, _LEAST + 8 + _LINE * (len(_rest(row, lanes, height)) - 1))
        blocks.append(_block(row, plan, y, height, best.get(row.model, "")))
        y += height + _GAP
    return blocks, y


def _fastest(comparison: Comparison) -> dict[str, str]:
    """What is said of the fastest, and of those that are within 5 % of it; none of one alone."""
    ran = comparison.measured
    if len(ran) < 2:
        return {}
    return {ran[0].model: "fastest", **{row.model: "as fast" for row in ran[1:] if is_within(ran[0], row)}}


def _block(row: Row, plan: Plan, y: float, height: float, best: str) -> Markup:
    end = plan.x(plan.end(row))
    panel = element(
        "rect", class_="panel", x=plan.left, y=y, width=f"{max(end - plan.left, 2):.1f}", height=f"{height:.1f}", rx=3
    )
    edge = element("rect", class_="best" if best else "edge", x=f"{end:.1f}", y=y, width=2, height=f"{height:.1f}")
    return element("g", panel, edge, _told(row, plan.lanes(row), y, height, best), rows_of(row, plan, y + 3))


def _told(row: Row, drawn: Sequence[Lane], y: float, height: float, best: str) -> Markup:
    """Left of the block: the model, its wall time and speed-up, and how late polls were where there is room."""
    name = shortened(row.model, 22)
    times = [words.duration(round((row.wall_s or 0) * 1e9))]
    if row.speedup is not None and row.model != BASE:
        times.append(f"{row.speedup:.2f}\N{MULTIPLICATION SIGN}")
    if best:
        times.append(best)
    lines = [
        element("text", name, class_="model", x=_MARGIN, y=f"{y + 14:.1f}"),
        element("text", "  ·  ".join(times), class_="good" if best else "wall", x=_MARGIN, y=f"{y + 31:.1f}"),
    ]
    for number, said in enumerate(_rest(row, drawn, height)):
        lines.append(element("text", said, class_="said", x=_MARGIN, y=f"{y + 47 + _LINE * number:.1f}"))
    return each(lines)


def _rest(row: Row, drawn: Sequence[Lane], height: float) -> list[str]:
    """The lines below: a lane is of one run, and how late polls were of all."""
    rest = []
    if row.poll_worst_s is not None and height >= _LEAST + 8:
        rest.append(f"poll ≤ {words.duration(round(row.poll_worst_s * 1e9))} late")
        rest += ["in all rounds"] if len(row.walls) > 1 else []
    shown, tasks = (sum(not lane.is_poll for lane in lanes) for lanes in (drawn, row.lanes))
    if shown < tasks:
        rest.append(f"{shown} of {words.count(tasks, 'task')} drawn")
    return rest


def _failed(comparison: Comparison, y: float) -> tuple[list[Markup], int]:
    """Some lines for each model that did not run, and the height of the whole picture."""
    lines = []
    for row in comparison.rows:
        if row.failed:
            said = f"{row.model}: {legible(row.failed)}"
            for line in textwrap.wrap(said, _WIDE, max_lines=_MOST_LINES, placeholder="…"):
                lines.append(element("text", line, class_="said", x=_MARGIN, y=f"{y + 8:.1f}"))
                y += 18
    return lines, round(y + _MARGIN - _GAP)


def _style(dark: bool | None) -> Markup:
    """Colours as rules of their own and not as variables: what draws PNGs knows no variables, and heeds no media."""
    sizes = (
        f"text{{font-family:{FONTS};font-variant-numeric:tabular-nums}}.heading{{font-size:22px;font-weight:600}}"
        ".said{font-size:13px}.model{font-size:15px;font-weight:600}.wall,.good{font-size:13px}.good{font-weight:600}"
        ".tick,.task{font-size:11px}.best,.edge{rx:1px}"
    )
    colours = _colours(DARK if dark else LIGHT)
    other = f"@media (prefers-color-scheme: dark){{{_colours(DARK)}}}" if dark is None else ""
    return Markup(sizes + colours + other)


def _colours(palette: Palette) -> str:
    rules = {
        ".paper": "paper",
        ".panel": "panel",
        ".heading,.model": "ink",
        ".wall": "ink",
        ".said,.tick,.task": "muted",
        ".best,.good": "accent",
        ".edge": "line",
        **{f".{kind}": kind for kind, _ in _KINDS},
    }
    filled = "".join(f"{selector}{{fill:{palette[colour]}}}" for selector, colour in rules.items())
    return f"{filled}.line{{stroke:{palette['line']};stroke-width:1}}"
