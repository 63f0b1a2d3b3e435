"""The README's picture of what sizes cost: time and memory by number of spans, as SVG, of what sizes.py kept. Measures nothing.

python tests/bench/sizes_picture.py OUT.svg SIZES.json
"""

from __future__ import annotations

import html
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from picture import STYLE

WIDTH, HEIGHT = 860, 360
PANEL, TOP, BOTTOM, GAP = 330, 64, 300, 80
LEFT = 64
COLOURS = {".json": "#1a7f37", ".json.gz": "#8250df", ".pftrace": "#0969da"}
DASHES = {"C core": "", "Python": "5 4"}

Taken = Mapping[str, float]
Sizes = dict[int, Mapping[str, Taken]]


def draw(sizes: Sizes) -> str:
    """The picture: seconds of a core on the left, memory on the right, logarithmic, so that linear is a slope of one."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">',
        f"<title>From a recording to a finished file</title><style>{STYLE}</style>",
        '<text class="title" x="8" y="22">From a recording to a finished file, by the number of spans</text>',
        *_panel(sizes, LEFT, "seconds of a core", lambda taken: taken["processor"]),
        *_panel(sizes, LEFT + PANEL + GAP, "memory at the most, MB", lambda taken: taken["memory"]),
        *_legend(),
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def _panel(sizes: Sizes, left: float, title: str, figure: Callable[[Taken], float]) -> Iterator[str]:
    lines: dict[str, list[tuple[int, float]]] = {}
    for spans, ways in sorted(sizes.items()):
        for name, taken in ways.items():
            if name.startswith("tracekit"):
                lines.setdefault(name, []).append((spans, figure(taken)))
    values = [value for line in lines.values() for _, value in line]
    across = _scale(min(sizes), max(sizes), left, left + PANEL)
    up = _scale(min(values), max(values), BOTTOM, TOP)
    yield f'<text class="quiet" x="{left}" y="{TOP - 14}">{html.escape(title)}</text>'
    for mark in _tens(min(values), max(values)):
        yield f'<path class="grid" d="M{left} {up(mark):.1f}H{left + PANEL}"/>'
        yield f'<text class="quiet" x="{left - 6}" y="{up(mark) + 4:.1f}" text-anchor="end">{mark:,g}</text>'
    for spans in sizes:
        yield f'<path class="grid" d="M{across(spans):.1f} {TOP}V{BOTTOM}"/>'
        yield f'<text class="quiet" x="{across(spans):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{_short(spans)}</text>'
    for name, line in lines.items():
        ending, core = name.removeprefix("tracekit ").split(", ")
        points = " ".join(f"{across(spans):.1f},{up(value):.1f}" for spans, value in line)
        dash = f' stroke-dasharray="{DASHES[core]}"' if DASHES[core] else ""
        yield f'<polyline points="{points}" fill="none" stroke="{COLOURS[ending]}" stroke-width="2"{dash}/>'


def _legend() -> Iterator[str]:
    x = float(LEFT)
    for ending, colour in COLOURS.items():
        for core, dash in DASHES.items():
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            yield f'<path d="M{x} {HEIGHT - 14}h24" stroke="{colour}" stroke-width="2"{dashed}/>'
            yield f'<text class="quiet" x="{x + 30}" y="{HEIGHT - 10}">{ending}, {core}</text>'
            x += 132


def _scale(least: float, most: float, begin: float, end: float) -> Callable[[float], float]:
    low = math.floor(math.log10(least) + 1e-9)
    high = max(low + 1, math.ceil(math.log10(most) - 1e-9))
    return lambda value: begin + (end - begin) * (math.log10(value) - low) / (high - low)


def _tens(least: float, most: float) -> list[float]:
    low, high = math.floor(math.log10(least) + 1e-9), math.ceil(math.log10(most) - 1e-9)
    return [10.0**power for power in range(low, max(low + 1, high) + 1)]


def _short(spans: int) -> str:
    return f"{spans // 1_000_000} million" if spans >= 1_000_000 else f"{spans:,}"


def main() -> None:
    """The command line."""
    out, source = Path(sys.argv[1]), Path(sys.argv[2])
    out.write_text(draw({int(spans): ways for spans, ways in json.loads(source.read_text()).items()}))


if __name__ == "__main__":
    main()
