"""`tracekit diff` by the real command line, on traces laid out by hand. Knows what it prints only roughly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from laid_out_programs import blocked_loop

from tests.cli.conftest import Run
from tracekit.export.chrome_json import write


@pytest.fixture
def traces(tmp_path: Path) -> tuple[str, str]:
    """A program whose loop is blocked, before and after that was mended."""
    paths = tmp_path / "before.json", tmp_path / "after.json"
    for path, blocked in zip(paths, (600, 20)):
        write(blocked_loop("running", blocked=blocked), [], path)
    return str(paths[0]), str(paths[1])


def test_text(tracekit: Run, traces: tuple[str, str]) -> None:
    """What changed, in words."""
    result = tracekit("diff", *traces)

    assert (result.returncode, result.stderr) == (0, "")
    assert "compute_all (/app/work.py:9) no longer blocks its event loop" in " ".join(result.stdout.split())


def test_json(tracekit: Run, traces: tuple[str, str]) -> None:
    """One object on stdout."""
    told = json.loads(tracekit("diff", *traces, "--json").stdout)

    assert told["same_program"]
    assert {"program", "block", "unit"} <= {row["topic"] for row in told["changes"]}


def test_threshold(tracekit: Run, traces: tuple[str, str]) -> None:
    """What is a block is for the user to say."""
    told = json.loads(tracekit("diff", *traces, "--json", "--threshold", "1s").stdout)

    assert [row for row in told["changes"] if row["topic"] == "block"] == []


def test_bad_input(tracekit: Run, traces: tuple[str, str], tmp_path: Path) -> None:
    """A file that is no trace, or not there, is one line and exit code 2."""
    (tmp_path / "garbage.json").write_text("garbage")
    for second in ("garbage.json", "nowhere.json"):
        result = tracekit("diff", traces[0], second)

        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert second in result.stderr
