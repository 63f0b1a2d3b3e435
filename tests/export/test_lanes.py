"""The picture of a comparison, from comparisons laid out by hand. Knows no run."""

from __future__ import annotations

import builtins
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.errors import TracekitError
from tracekit.export import lanes
from tracekit.export._colours import DARK, LIGHT
from tracekit.rounds.comparison import Comparison, Lane, Row

SVG = "{http://www.w3.org/2000/svg}"
PARTS = [(0.0, 1.0, "io", "fetch"), (1.0, 1.5, "compute", "parse"), (1.5, 2.0, "sleep", "sleep")]


def row(model: str, wall: float = 2.0, tasks: int = 1, **fields: Any) -> Row:
    """A model whose tasks all do the same, and a poll that was on time once and late once."""
    made = [Lane(f"task {number}", PARTS) for number in range(tasks)]
    poll = Lane("poll", [(0.5, 0.501, "poll", "poll"), (1.0, 1.5, "poll", "poll")])
    return Row(model, wall_s=wall, walls=[wall], lanes=[*made, poll], poll_worst_s=0.5, **fields)


def comparison(*rows: Row, **fields: Any) -> Comparison:
    """A comparison of those models."""
    told = {"workload": "mix", "about": "", "cores": 4, "python": "3.11.7", "scale": 1.0, "repeat": 3}
    return Comparison(**{**told, **fields}, rows=list(rows))


def drawn(picture: str) -> ElementTree.Element:
    """The picture as a parser of XML has it."""
    return ElementTree.fromstring(picture)


def of_class(picture: ElementTree.Element, name: str, tag: str = "rect") -> list[ElementTree.Element]:
    """The elements of a class, without the legend's, which tell nothing."""
    return [
        one
        for one in picture.iter(SVG + tag)
        if one.get("class") == name and (tag == "text" or one.find(SVG + "title") is not None)
    ]


def texts(picture: ElementTree.Element) -> list[str]:
    """All that is written, from top to bottom as it was made."""
    return [one.text or "" for one in picture.iter(SVG + "text")]


def test_one_time_axis() -> None:
    """All models are drawn on one scale: a part twice as long is twice as wide, whoever ran it."""
    slow = Row("sequential", wall_s=4.0, walls=[4.0], lanes=[Lane("a", [(0.0, 4.0, "compute", "work")])])
    fast = Row("threads", wall_s=2.0, walls=[2.0], lanes=[Lane("a", [(0.0, 2.0, "compute", "work")])])
    bars = of_class(drawn(lanes.svg(comparison(slow, fast))), "compute")
    widths = [float(bar.get("width", 0)) for bar in bars]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.1)
    assert bars[0].get("x") == bars[1].get("x")


def test_what_is_told() -> None:
    """Each model stands with its name, its wall time and its speed-up; each part tells its task, step, kind and length."""
    picture = drawn(lanes.svg(comparison(row("sequential", 4.0, speedup=1.0), row("asyncio", 2.0, speedup=2.0))))
    said = texts(picture)
    assert "sequential" in said
    assert "4.00 s" in said
    assert "2.00 s  ·  2.00×  ·  fastest" in said  # noqa: RUF001
    titles = [one.text for one in picture.iter(SVG + "title")]
    assert "task 0: fetch, waiting for I/O, 1.00 s" in titles
    assert "task 0: parse, computing, 500 ms" in titles


def test_legend() -> None:
    """The legend ends at the right edge of a picture; on a page it begins at the left, for the right may be out of sight."""

    def places(headed: bool) -> list[float]:
        picture = drawn(str(lanes.drawing(comparison(row("asyncio")), headed=headed)))
        words = [word for _, word in lanes._KINDS]
        return [
            float(text.get("x", 0))
            for text in picture.iter(SVG + "text")
            if text.text in words and text.get("class") == "said"
        ]

    right, left = places(headed=True), places(headed=False)
    assert len(right) == len(left) == len(lanes._KINDS)
    assert right == sorted(right)
    assert left[0] < 60 < lanes.WIDTH / 2 < right[0]
    assert right[-1] < lanes.WIDTH


def test_late_poll() -> None:
    """A poll that was late is drawn from when it was due to when it was looked at; one on time only where it was looked at."""
    picture = drawn(lanes.svg(comparison(row("asyncio"))))
    late, looks = of_class(picture, "late"), of_class(picture, "poll")
    sleeping = of_class(picture, "sleep")
    assert len(late) == 1
    assert len(looks) == 2
    assert float(late[0].get("width", 0)) == pytest.approx(float(sleeping[0].get("width", 0)), abs=0.1)
    assert late[0].findtext(SVG + "title") == "poll: 500 ms late"
    assert "late poll" in texts(picture)


def test_no_late_poll() -> None:
    """Where no poll was late, no legend speaks of one."""
    prompt = Row("threads", wall_s=1.0, walls=[1.0], lanes=[Lane("poll", [(0.5, 0.501, "poll", "poll")])])
    assert "late poll" not in texts(drawn(lanes.svg(comparison(prompt))))


def test_fastest_is_not_told_of_a_tie() -> None:
    """One is the fastest, those within 5 % of it are as fast, and of one alone nothing is said."""

    def marked(*walls: float) -> tuple[int, int]:
        rows = [row(f"model {number}", wall) for number, wall in enumerate(walls)]
        said = texts(drawn(lanes.svg(comparison(*rows))))
        return sum("fastest" in one for one in said), sum("as fast" in one for one in said)

    assert [marked(2.0), marked(4.0, 2.0), marked(4.0, 2.0, 2.01)] == [(0, 0), (1, 0), (1, 1)]


def test_what_rounds_do_not_tell_is_not_as_fast() -> None:
    """A model far behind on the median is not called as fast because it was faster once."""
    best, other = row("threads"), row("asyncio", 3.0)
    best.walls, other.walls = [2.0, 2.0, 2.0], [1.9, 3.0, 3.0]
    assert not [one for one in texts(drawn(lanes.svg(comparison(best, other)))) if "as fast" in one]


def test_lines_beside_a_block() -> None:
    """A poll is no task, and how late it was is of all rounds where there were several; no line reaches the next block."""
    few, many = row("threads", tasks=1), row("asyncio", tasks=3000)
    many.walls = [2.0, 2.1, 2.2]
    picture = drawn(lanes.svg(comparison(few, many)))
    said = texts(picture)
    (counted,) = [one for one in said if one.endswith("of 3000 tasks drawn")]
    shown = {bar.get("y") for bar in of_class(picture, "compute")}
    assert int(counted.split()[0]) == len(shown) - 1
    assert said[said.index("poll ≤ 500 ms late") + 1] == "in all rounds"
    assert "in all rounds" not in texts(drawn(lanes.svg(comparison(row("threads", tasks=4)))))
    lines = [
        float(one.get("y", 0)) for one in of_class(picture, "said", "text") if one.text in ("in all rounds", counted)
    ]
    panels = [one for one in picture.iter(SVG + "rect") if one.get("class") == "panel"]
    assert max(lines) < float(panels[-1].get("y", 0)) + float(panels[-1].get("height", 0))


def test_models_that_failed() -> None:
    """A model that did not run is a line that says why, and has no lane."""
    picture = drawn(lanes.svg(comparison(row("threads"), Row("trio", failed="trio is not installed"))))
    assert "trio: trio is not installed" in texts(picture)
    assert "trio" not in texts(picture)


def test_nothing_ran() -> None:
    """A comparison in which every model failed is a picture, too."""
    picture = drawn(lanes.svg(comparison(Row("threads", failed="broken"), Row("trio", failed="broken"))))
    assert "threads: broken" in texts(picture)


@pytest.mark.parametrize(("models", "tasks"), [(1, 1), (8, 6), (11, 20), (11, 400), (1, 3000)])
def test_bounded(models: int, tasks: int) -> None:
    """However many tasks there are, the picture stays one that can be shown, and says which part of them it draws."""
    text = lanes.svg(comparison(*(row(f"model {number}", tasks=tasks) for number in range(models))))
    picture = drawn(text)
    assert int(picture.get("height", 0)) <= 1500
    assert int(picture.get("width", 0)) == lanes.WIDTH
    assert len(text) < 1_500_000
    rows = {bar.get("y") for bar in of_class(picture, "compute")}
    said = [one for one in texts(picture) if one.endswith("drawn")]
    assert bool(said) == (len(rows) < models * tasks)


def test_many_short_steps() -> None:
    """Steps that are too short to be seen are drawn together, without a gap where there was none."""
    steps = [(n / 1e5, (n + 1) / 1e5, "compute" if n % 2 else "io", "step") for n in range(100_000)]
    one = Row("threads", wall_s=1.0, walls=[1.0], lanes=[Lane("busy", steps)])
    picture = drawn(lanes.svg(comparison(one)))
    bars = sorted(
        (float(bar.get("x", 0)), float(bar.get("width", 0)))
        for kind in ("compute", "io")
        for bar in of_class(picture, kind)
    )
    assert 10 < len(bars) < 9000
    assert all(x + width == pytest.approx(after, abs=0.8) for (x, width), (after, _) in pairwise(bars))


@pytest.mark.parametrize(("dark", "there", "absent"), [(False, LIGHT, DARK), (True, DARK, LIGHT)])
def test_one_palette(dark: bool, there: dict[str, str], absent: dict[str, str]) -> None:
    """Light or dark asked for is all that there is; else both, and the reader's system chooses."""
    fixed, free = lanes.svg(comparison(row("threads")), dark), lanes.svg(comparison(row("threads")))
    assert there["paper"] in fixed
    assert absent["paper"] not in fixed
    assert "prefers-color-scheme" not in fixed
    assert there["paper"] in free
    assert "prefers-color-scheme: dark" in free


_TIMES = st.integers(0, 10**11).map(lambda ns: ns / 1e9)  # as they are measured: no less than a nanosecond


@given(
    st.lists(
        st.tuples(
            st.text(max_size=8),
            st.lists(st.tuples(_TIMES, _TIMES, st.text(max_size=4), st.text(max_size=8)), max_size=4),
        ),
        max_size=4,
    ),
    st.text(max_size=20),
    _TIMES,
)
def test_any_names(made: list[tuple[str, list[tuple[float, float, str, str]]]], name: str, wall: float) -> None:
    """Whatever tasks, steps, kinds and models are called, the picture is XML, and their names are text in it."""
    shown = [
        Lane(task, [(begin, begin + length, kind, step) for begin, length, kind, step in parts]) for task, parts in made
    ]
    rows = [Row(name, wall_s=wall, walls=[wall], lanes=shown), Row(name, failed=name or "?")]
    picture = drawn(lanes.svg(comparison(*rows, workload=name, about=name)))
    tags = {one.tag.removeprefix(SVG) for one in picture.iter()}
    assert tags <= {"svg", "title", "style", "rect", "g", "line", "text"}


def test_hostile_names() -> None:
    """A name that is markup is shown as it stands."""
    name = "</text></svg><script>alert(1)</script>"
    hostile = Row("threads", wall_s=1.0, walls=[1.0], lanes=[Lane(name, [(0.0, 1.0, "io", name)])])
    text = lanes.svg(comparison(hostile, workload=name))
    assert "<script" not in text
    assert name in texts(drawn(text))


def test_png() -> None:
    """The PNG is as large as was asked for, and is not the same in light and dark."""
    pytest.importorskip("resvg_py")
    made = comparison(row("threads"))
    height = int(drawn(lanes.svg(made)).get("height", 0))
    light, dark = lanes.png(made, zoom=1), lanes.png(made, dark=True, zoom=2)
    assert size(light) == (lanes.WIDTH, height)
    assert size(dark) == (2 * lanes.WIDTH, 2 * height)
    assert light != lanes.png(made, dark=True, zoom=1)


def size(picture: bytes) -> tuple[int, int]:
    """What the header of a PNG gives."""
    assert picture.startswith(b"\x89PNG")
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def test_png_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library is missing, one line says what to install, and what goes without it."""
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "resvg_py":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TracekitError, match=re.escape("pip install tracekit[picture]")) as raised:
        lanes.check_png()
    assert "\n" not in str(raised.value)


def test_png_without_a_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no font is installed nothing is drawn silently without its words."""
    pytest.importorskip("resvg_py")
    monkeypatch.setattr(lanes, "FONTS", "'A font that nobody has'")
    with pytest.raises(TracekitError, match="needs a font"):
        lanes.png(comparison(row("threads")))
