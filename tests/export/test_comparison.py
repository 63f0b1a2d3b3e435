"""A comparison as a person reads it, made by hand. Runs nothing."""

from __future__ import annotations

import io
import re

import pytest
from hand_made_comparison import article

from tracekit.export.comparison import next_steps, render
from tracekit.export.page import page
from tracekit.predict.parts import Prediction
from tracekit.rounds.comparison import Comparison


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test's output depends on the colours that the caller asked for."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def printed(comparison: Comparison, width: int = 120) -> str:
    """What `tracekit compare` prints, on a page of some width."""
    out = io.StringIO()
    console = page(out)
    console.width = width
    render(comparison, console)
    return out.getvalue()


def typed(comparison: Comparison, *outputs: str) -> str:
    """What it proposes to type next."""
    out = io.StringIO()
    next_steps(comparison, page(out), "tracekit compare article", outputs)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_fits(width: int) -> None:
    """No line is longer than the page, and no cell is cut off or broken."""
    text = printed(article(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for cell in ("asyncio+processes", "1.63 to 1.70", "12.0 ms", "40.0 MB"):
        assert any(cell in line for line in text.splitlines())


@pytest.mark.parametrize("width", [40, 60])
def test_narrow(width: int) -> None:
    """On a narrow page a table goes on below itself, each part with the names of the models."""
    text = printed(article(), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("asyncio+processes  ") > 4
    assert "same order" in text


def test_order_of_things() -> None:
    """First the table, the fastest first, then the verdicts, then the controls."""
    text = printed(article())
    parts = ["article: 2 cores", "Time, the fastest first", "asyncio+processes is the fastest", "between two controls"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    rows = re.findall(r"^  (\S+) +\d[\d.]* m?s", text, re.MULTILINE)
    assert rows[:4] == ["asyncio+processes", "asyncio", "threads", "sequential"]


def test_what_was_not_measured() -> None:
    """A column that no model has a number for is left out; one number that is missing is a dash."""
    comparison = article()
    for row in comparison.rows:
        row.peak_pss_bytes = row.gil_wait_s = None
    text = printed(comparison)
    assert "memory" not in text
    assert "GIL wait" not in text
    assert re.search(r"threads +6\.00 ms +12\.0 ms +12\.0 ms +0% +- ", text)


def test_a_model_that_failed() -> None:
    """It is named with the reason, below the tables; models with the same reason together."""
    comparison = article()
    comparison.rows[1].failed = comparison.rows[-1].failed
    assert "not run threads, trio: trio is not installed: pip install trio" in printed(comparison)


def test_predictions() -> None:
    """Predicted, measured and the error stand in one row."""
    comparison = article(traced_model="sequential")
    comparison.rows[1].predicted = Prediction("threads", 3.74, 3.5, 4.0, 0.01, 0.0, 0.02)
    text = printed(comparison)
    assert "Predicted from one traced run of sequential" in text
    assert re.search(r"threads +3\.74 s +3\.50 s +4\.00 s +3\.40 s +\+10\.0% +10\.0 ms +12\.0 ms", text)


def test_notes() -> None:
    """What must be known is said last."""
    assert printed(article(notes=["trio could not be traced"])).splitlines()[-1] == "note trio could not be traced"


def test_controls() -> None:
    """Each stands with the least and the most that it may be, and the rule below them."""
    text = printed(article(), 80)
    assert re.search(r"threads +1\.47x +7\.90 to 8\.10 +0\.90 to 1\.10 +waits, not computing\n", text)
    assert "overlaps: from 1.2x on" in text


def test_hostile_names() -> None:
    """A name that would steer the terminal is spelt out."""
    assert "\x1b" not in printed(article(workload="a\x1b[2J", about="\x1b]0;x\x07"))


def test_next_in_one_piece() -> None:
    """A command is not broken over lines, however long, so that it can be copied."""
    out = io.StringIO()
    command = f"tracekit compare article --models {','.join(['asyncio'] * 30)}"
    next_steps(article(), page(out), command, ())
    assert f"{command} --check-advice\n" in out.getvalue()


def test_next() -> None:
    """It proposes a picture, or to open the trace that was written; and to check the advice, unless that was done."""
    comparison = article(trace=object())
    assert "tracekit compare article -o article.json.gz -o article.svg" in typed(comparison)
    assert "tracekit compare article --check-advice" in typed(comparison)
    assert "tracekit open out.json.gz" in typed(comparison, "a.svg", "out.json.gz")
    assert "--check-advice" not in typed(article(traced_model="threads"))
