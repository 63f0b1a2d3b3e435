"""The README's picture of what a span costs: bars on a logarithmic scale, as SVG, of figures that run.py kept. Measures nothing.

python tests/bench/picture.py OUT.svg BENCH.json
"""

from __future__ import annotations

import html
import json
import math
import re
import sys
from pathlib import Path
from statistics import median

WIDTH, LEFT, RIGHT = 860, 300, 90
TOP, STEP, BAR = 58, 30, 18
# One rule for each kind of bar, and for a dark page. GitHub shows the file as a picture, which knows the reader's colours.
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.quiet { fill: #59636e; font-size: 12px }
.grid { stroke: #d1d9e0 }
.floor { fill: #8c959f }
.ours { fill: #1a7f37 }
.rival { fill: #bc4c00 }
.title, .bold { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .floor { fill: #6e7681 }
  .ours { fill: #3fb950 }
  .rival { fill: #db6d28 }
}
"""


def draw(figures: dict[str, list[float]], caption: str) -> str:
    """The picture.

    Args:
        figures: ns, round by round, by what to write beside the bar.
        caption: small, below the title.
    """
    bars = sorted(((name, median(costs)) for name, costs in figures.items()), key=lambda bar: bar[1])
    least = 10 ** math.floor(math.log10(bars[0][1]))
    most = 10 ** math.ceil(math.log10(bars[-1][1]))
    height = TOP + STEP * len(bars) + 30

    def x(ns: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ns / least) / math.log(most / least)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>What recording one span costs</title><style>{STYLE}</style>",
        '<text class="title" x="8" y="22">What recording one span costs: nanoseconds, logarithmic</text>',
        f'<text class="quiet" x="8" y="42">{html.escape(caption)}</text>',
    ]
    mark = least
    while mark <= most:
        at = f"{x(mark):.1f}"
        parts.append(f'<path class="grid" d="M{at} {TOP - 4}V{height - 24}"/>')
        parts.append(f'<text class="quiet" x="{at}" y="{height - 8}" text-anchor="middle">{mark:,} ns</text>')
        mark *= 10
    for row, (name, ns) in enumerate(bars):
        parts += _bar(TOP + STEP * row, name, ns, x(ns))
    return "\n".join([*parts, "</svg>", ""])


def _bar(top: float, name: str, ns: float, end: float) -> list[str]:
    kind = "floor" if "floor" in name else "ours" if name.startswith("tracekit") else "rival"
    weight = ' class="bold"' if kind == "ours" else ""
    middle = top + BAR - 4
    return [
        f'<text{weight} x="{LEFT - 10}" y="{middle}" text-anchor="end">{html.escape(_short(name))}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{end - LEFT:.1f}" height="{BAR}" rx="2"/>',
        f'<text{weight} x="{end + 8:.1f}" y="{middle}">{ns:,.0f} ns</text>',
    ]


def _short(name: str) -> str:
    """Without the version, which the caption of a picture has no room for."""
    name = name.replace("(nothing: the floor)", "the floor: a C object that does nothing")
    name = name.replace("opentelemetry-sdk", "OpenTelemetry").replace("`", "")
    return re.sub(r" \d[\d.]*,", ",", name)


def main() -> None:
    """The command line."""
    out, source = Path(sys.argv[1]), Path(sys.argv[2])
    kept = json.loads(source.read_text())
    what = f"a with around nothing, medians of {kept['rounds']} rounds"
    caption = f"CPython {kept['python']}, {kept['processor']}; {what}"
    out.write_text(draw(kept["bars"], caption))


if __name__ == "__main__":
    main()
