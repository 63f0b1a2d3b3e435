"""query: a trace asked in SQL, by the real command line and the real trace processor. Knows no writer of traces."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracekit.export.chrome_json import write
from tracekit.export.processor import Processor, Refused
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind

pytestmark = [pytest.mark.perfetto, pytest.mark.usefixtures("trace_processor")]

Ask = Callable[..., "subprocess.CompletedProcess[str]"]

NAMES = "select name, dur from slice where name != 'MainThread' order by ts"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A trace with three spans."""
    builder = Builder("program.py")
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "program"), 7, "MainThread", main=True))
    builder.slice(track, 0, 1000, "MainThread", Category.THREAD)
    for number, name in enumerate(("one", "two, é", "three")):
        builder.slice(track, number * 100, number * 100 + 50, name, Category.SPAN)
    write(builder.build(), [], tmp_path / "trace.json.gz")
    return tmp_path / "trace.json.gz"


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """`tracekit query` in the test's directory."""

    def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tracekit", "query", *words]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False, **options
        )

    return run


def test_table(trace: Path, ask: Ask) -> None:
    """By default the rows stand under each other, numbers to the right, and nothing in them steers the terminal."""
    result = ask(
        str(trace), "select char(27) || name as name, dur * (ts + 1) as n from slice where dur = 50 order by ts"
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "name            n",
        "----------  -----",
        "\\x1bone        50",
        "\\x1btwo, é   5050",
        "\\x1bthree   10050",
    ]


def test_for_programs(trace: Path, ask: Ask, tmp_path: Path) -> None:
    """JSON and CSV hold the same rows, from the command line, from stdin and from a file."""
    rows = json.loads(ask(str(trace), NAMES, "--json").stdout)
    assert [row["dur"] for row in rows] == [50, 50, 50]
    assert rows[1]["name"] == "two, é"
    found = list(csv.DictReader(io.StringIO(ask(str(trace), "-", "--csv", input=NAMES).stdout)))
    assert [row["name"] for row in found] == [row["name"] for row in rows]
    (tmp_path / "names.sql").write_text(f"create table mine as select 1;\n-- a comment\n{NAMES};")
    assert json.loads(ask(str(trace), "-f", "names.sql", "--json").stdout) == rows


def test_every_kind_of_cell(trace: Path, ask: Ask) -> None:
    """Null, integers of 64 bits, reals, texts and blobs come out as they are; names that occur twice stay apart."""
    sql = "select null as n, -9223372036854775807 - 1 as i, 0.5 as r, 'x' as t, x'00ff' as b, 1 as n"
    (row,) = json.loads(ask(str(trace), sql, "--json").stdout)
    assert row == {"n": None, "i": -(2**63), "r": 0.5, "t": "x", "b": "0x00ff", "n_2": 1}
    assert json.loads(ask(str(trace), "select 1 where 0", "--json").stdout) == []
    assert ask(str(trace), "select 1 as one where 0", "--csv").stdout == "one\n"


def test_a_session(ask: Ask, tmp_path: Path) -> None:
    """A session is asked like a trace."""
    run = [sys.executable, "-m", "tracekit", "run", "-q", "--keep-session", "-o", "out.json", "-c", "pass"]
    subprocess.run(run, cwd=tmp_path, check=True, timeout=120)
    (row,) = json.loads(ask("out.tracekit", "select count(*) as n from thread where tid > 0", "--json").stdout)
    assert row["n"] >= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trace.json.gz", "select nme from slice"), "cannot run this SQL: line 1, column 8: no such column: nme"),
        (("trace.json.gz", "selec"), "cannot run this SQL"),
        (("trace.json.gz",), "give the SQL"),
        (("trace.json.gz", "select 1", "-f", "x.sql"), "give the SQL"),
        (("trace.json.gz", "-f", "none.sql"), "none.sql cannot be read"),
        (("none.json", "select 1"), "none.json cannot be read"),
        (("words.json", "select 1"), "Perfetto cannot read words.json"),
    ],
)
@pytest.mark.usefixtures("trace")
def test_what_cannot_be_asked(ask: Ask, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Each mistake takes one line on stderr, exit code 2, and nothing on stdout."""
    (tmp_path / "words.json").write_text("words")
    result = ask(*words)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert said in result.stderr


def test_without_node(trace: Path, ask: Ask) -> None:
    """Where node is not installed, one line says so and what to do."""
    result = ask(str(trace), "select 1", env={**os.environ, "PATH": "/nowhere"})
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "install Node.js" in result.stderr


def test_what_is_lost_is_said(ask: Ask, tmp_path: Path) -> None:
    """What Perfetto could not take of a trace stands on stderr, beside the answer."""
    slices = [{"ph": "X", "name": name, "pid": 1, "tid": 1, "ts": ts, "dur": 10} for name, ts in (("a", 0), ("b", 5))]
    (tmp_path / "crossing.json").write_text(json.dumps({"traceEvents": slices}))
    result = ask("crossing.json", "select name from slice", "--csv")
    assert (result.returncode, result.stdout) == (0, "name\na\n")
    assert "slice_drop_overlapping_complete_event = 1" in result.stderr


def test_what_only_tracekit_reads(ask: Ask, tmp_path: Path) -> None:
    """A trace that was cut off, which Perfetto refuses, is asked for what is left of it, and that is said."""
    slices = [{"ph": "X", "name": name, "pid": 1, "tid": 1, "ts": ts, "dur": 1} for name, ts in (("a", 0), ("b", 5))]
    (tmp_path / "cut.json").write_text(json.dumps({"traceEvents": slices})[:-10])
    result = ask("cut.json", "select name from slice where name in ('a', 'b')", "--csv")
    assert (result.returncode, result.stdout.splitlines()[:2]) == (0, ["name", "a"])
    assert "this is what tracekit reads of it" in result.stderr


def test_many_rows_come_in_parts(trace: Path) -> None:
    """An answer of many rows comes in several parts, in order, and the processor can be asked again."""
    numbers = (
        "with recursive n(x) as (select 0 union all select x + 1 from n where x < 99999) select x, 'row ' || x from n"
    )
    with Processor() as processor:
        processor.load(trace)
        for _ in range(2):
            answers = list(processor.query(numbers))
            assert len(answers) > 1
            rows = [row for answer in answers for row in answer.rows]
            assert rows == [(number, f"row {number}") for number in range(100_000)]
        with pytest.raises(Refused, match="no such table"):
            list(processor.query("select * from nowhere"))
        assert [answer.rows for answer in processor.query("select 1")] == [[(1,)]]
