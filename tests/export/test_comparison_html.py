"""The page of a comparison, from one laid out by hand. Knows no run and no browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.export.test_html import HOSTILE, Parsed
from tracekit.errors import TracekitError
from tracekit.export.comparison_html import page, write
from tracekit.rounds.comparison import Bound, Comparison, Gain, Lane, Row
from tracekit.rounds.verdicts import verdicts


def comparison(name: str = "mix", **fields: Any) -> Comparison:
    """Two models that ran and one that did not."""
    lanes = [Lane(name, [(0.0, 1.0, "io", name)])]
    rows = [
        Row("sequential", wall_s=4.0, walls=[4.0] * 3, speedup=1.0, lanes=lanes, cpu_s=1.0, poll_worst_s=2.0),
        Row("asyncio", wall_s=2.0, walls=[2.0] * 3, speedup=2.0, speedup_low=1.9, speedup_high=2.1, lanes=lanes),
        Row("trio", failed=f"{name} is not installed"),
    ]
    return Comparison(name, name, 4, "3.11.7", 1.0, 3, rows=rows, notes=[f"a note on {name}"], **fields)


def html_of(made: Comparison) -> str:
    """The page as one text."""
    return "".join(page(made))


def test_sentences_first() -> None:
    """What the comparison shows comes first, then the lanes, then tables, then what did not run and why."""
    made = comparison(controls=[Bound("asyncio", Gain(7.5, 7.4, 7.6), Gain(1.0, 1.0, 1.0))])
    parsed = Parsed(html_of(made))
    assert parsed.headings == ["What it shows", "Side by side", "Time", "Who waits", "Between two controls", "Notes"]
    for verdict in verdicts(made):
        assert verdict in parsed.text
    for said in (
        "2.00 s",
        "1.90 to 2.10",
        "7.40 to 7.60",
        "waits, not computing",
        "trio did not run: mix is not installed",
        "a note on mix",
    ):
        assert said in parsed.text


def test_the_fastest_comes_first() -> None:
    """Rows stand in the order of their wall times."""
    body = html_of(comparison()).partition('id="time"')[2].partition("<tbody>")[2]
    assert body.index("asyncio") < body.index("sequential")


def test_why_a_model_did_not_run() -> None:
    """However long the reason is, the picture shows all of it; what qualifies all else stands before it."""
    made = comparison()
    why = " ".join(f"word{number}" for number in range(60))
    made.rows[-1].failed = why
    body = html_of(made)
    picture, _, rest = body.partition("</svg>")
    assert "word0 " in picture
    assert "word59</text>" in picture
    assert rest.index("a note on mix") < rest.index("trio did not run")


def test_nothing_ran() -> None:
    """Where every model failed the page says so, and has no table."""
    made = comparison()
    made.rows = [Row("trio", failed="broken")]
    parsed = Parsed(html_of(made))
    assert "trio did not run: broken" in parsed.text
    assert "table" not in {tag for tag, _ in parsed.elements}


def test_hostile_names() -> None:
    """Whatever a workload, a task or a step is called, it is text, and nothing on the page runs or is fetched."""
    parsed = Parsed(html_of(comparison(HOSTILE)))
    assert HOSTILE in parsed.text
    assert not {tag for tag, _ in parsed.elements} & {"script", "img", "link", "iframe", "object"}
    for _, attributes in parsed.elements:
        assert not {"src", "href"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]


def test_write(tmp_path: Path) -> None:
    """It is written as a page, and only under the name of one."""
    write(comparison(), tmp_path / "mix.html")
    assert (tmp_path / "mix.html").read_text().startswith("<!doctype html>")
    with pytest.raises(TracekitError, match=r"Let the name end in \.html"):
        write(comparison(), tmp_path / "mix.txt")
