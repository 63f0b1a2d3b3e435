"""What blocks a loop, for every kind of block: whose fault, why, and what to do. Knows the table and the findings."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asyncio_matrix import blocks
from asyncio_matrix.rows import Row

from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.model.trace import Trace
from tracekit.spool.core import core

LOOPS = ("asyncio", "uvloop")
CROWDED = 0.2  # a share of the block; from there on the machine's other work has its part in the verdict


@pytest.fixture(scope="module", params=LOOPS)
def found(request: pytest.FixtureRequest, run: Callable[..., Trace]) -> list[Finding]:
    """What one run of them all finds."""
    trace = run(request.param, core.name, ("blocks",), "--rate", "100")
    return [finding for finding in analyze(trace) if finding.slug == "loop-blocked"]


def of(row: Row, found: list[Finding]) -> Finding:
    """The finding that names the row's function."""
    function, _ = row.here()
    named = [finding for finding in found if (finding.function or "").rpartition(".")[2] == function]
    assert named, f"none names {function}: {[finding.sentence for finding in found]}"
    return max(named, key=lambda finding: finding.duration_s)


@pytest.mark.parametrize("row", blocks.ROWS, ids=lambda row: row.name)
def test_culprit(row: Row, found: list[Finding]) -> None:
    """The finding names the program's function and line that took so long, as stacks showed it, and whose turn it was."""
    finding = of(row, found)

    assert finding.file == blocks.__file__
    assert row.here()[1] <= finding.line <= row.here()[1] + row.says.get("lines", 1) - 1
    assert finding.details["samples"] > 0
    assert finding.details["task"] == (None if row.says.get("callback") else row.name)
    assert finding.duration_s >= blocks.LONG
    assert finding.track == row.says.get("thread", "MainThread")


@pytest.mark.parametrize("row", blocks.ROWS, ids=lambda row: row.name)
def test_verdict(row: Row, found: list[Finding]) -> None:
    """It says why, unless the machine was so busy with others that it says that, and what to do about it."""
    finding = of(row, found)

    if finding.details["shares"].get("preempted", 0) < CROWDED:
        assert finding.details["verdict"] == row.says["verdict"]
        assert row.says["cure"] in finding.advice
    assert finding.details["verdict"] in (row.says["verdict"], "mixed", "preempted")


@pytest.mark.parametrize("row", blocks.ROWS, ids=lambda row: row.name)
def test_library(row: Row, found: list[Finding]) -> None:
    """Where the time went into an installed library, that is named with its version and its own function; else none is."""
    library = of(row, found).library

    named = None if library is None else (library["name"], library["version"], library["function"])
    assert named == row.says.get("library")
