"""SIGKILL at random moments: no record that the program knew to be written is missing, none is torn. Knows no hook's insides.

Seeds are fixed and printed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.torture.victims import PROGRAMS, Told, kill
from tracekit.errors import TracekitError
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Category, Flag, Trace
from tracekit.options import Options
from tracekit.spool import layout
from tracekit.spool.headers import is_ours, read_header
from tracekit.spool.reader import read_spool

pytestmark = pytest.mark.torture

_KILLS = 20  # of each program
_FLIGHT_KILLS = 4  # of each program with each kind of window
_FLIGHTS = {"size": Options(flight_bytes=200_000), "time": Options(flight_ns=30_000_000)}
_CLOCK_ERROR = 1_000  # ns, far more than it is


@dataclass
class Found:
    """What a trace shows of the ticks, by lane."""

    instants: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    finished: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    spans: Counter[tuple[int, int]] = field(default_factory=Counter)
    shifts: Counter[tuple[int, int]] = field(default_factory=Counter)
    lives: defaultdict[int, list[Flag]] = field(default_factory=lambda: defaultdict(list))


@pytest.mark.parametrize("kill_number", range(_KILLS))
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("core", ["c", "py"])
def test_kill(tmp_path: Path, core: str, program: str, kill_number: int) -> None:
    """After a kill at any moment, also while Python starts, what was acknowledged is there, whole and once."""
    seed = f"{core} {program} {kill_number}"
    print(f"seed {seed!r}")
    directory, told = kill(tmp_path, core, program, Options(), seed, _has_begun if kill_number % 5 else None)

    try:
        trace = load(str(directory))
    except TracekitError as error:  # killed before anything was recorded
        print(error)
        assert not any(told.acknowledged)
        return
    assert check(trace) == []
    found = _look(trace)
    for lane, last in enumerate(told.acknowledged):
        # One more may have been written but not acknowledged.
        numbers = sorted(found.instants[lane])
        assert numbers in (list(range(1, last + 1)), list(range(1, last + 2))), f"lane {lane}, acknowledged {last}"
        assert found.finished[lane] >= set(range(1, last + 1))
        assert all(found.spans[lane, number] == 1 for number in range(1, last + 1))


@pytest.mark.parametrize("kill_number", range(_FLIGHT_KILLS))
@pytest.mark.parametrize("program", [program for program in PROGRAMS if program != "pool"])
@pytest.mark.parametrize("window", _FLIGHTS)
@pytest.mark.parametrize("core", ["c", "py"])
def test_kill_of_a_flight_recorder(tmp_path: Path, core: str, window: str, program: str, kill_number: int) -> None:
    """After a kill what was acknowledged inside the window is there, whole and once, and so is what was open when it began."""
    seed = f"{core} {window} {program} {kill_number}"
    print(f"seed {seed!r}")
    directory, told = kill(tmp_path, core, program, _FLIGHTS[window], seed, _has_let_go if kill_number else _has_begun)

    assert check(load(str(directory))) == []
    paths = sorted(directory.glob("*.spool"))
    assert paths
    let_go = [_compare_window(path, told) for path in paths if is_ours(read_header(str(path)))]
    assert any(let_go) or not kill_number


def _has_begun(directory: Path) -> bool:
    """Whether the program has come to its first ticks."""
    with (directory.parent / "page").open("rb") as page:
        return any(page.read(64))


def _has_let_go(directory: Path) -> bool:
    """Whether a process has let go of what was first."""
    headers = [read_header(str(path)) for path in directory.glob("*.spool")]
    return any(is_ours(header) and header[layout.H_LET_GO] for header in headers)


def _look(trace: Trace) -> Found:
    """What of a trace tells of ticks; nothing of it is torn."""
    found = Found()
    for row in range(len(trace.instants)):
        name = trace.strings[trace.instants.name[row]]
        args = trace.args[trace.instants.args[row]] if trace.instants.args[row] >= 0 else {}
        if name.startswith("tick"):
            assert set(args) == {"lane", "number", "text"}
            assert name == f"tick {args['number'] % 3000}"
            assert args["text"] == "x" * (args["number"] % 40)
            found.instants[args["lane"]].append(args["number"])
        elif name == "grown":
            ((key, number),) = args.items()
            assert key == f"key {number} " + "y" * (number % 3000)
        else:
            assert name.startswith("z" * 400)
    slices = trace.slices
    for row in range(len(slices)):
        if slices.category[row] == Category.SPAN:
            _look_at_span(
                found, trace.strings[slices.name[row]], trace.args[slices.args[row]], Flag(int(slices.flags[row]))
            )
    return found


def _look_at_span(found: Found, name: str, args: dict[str, Any], flags: Flag) -> None:
    lane = args["lane"]
    if name == "life":
        found.lives[lane].append(flags)
    elif name == "shift":
        found.shifts[lane, args["first"]] += 1
    else:
        assert name == f"span {args['number'] % 500}"
        found.spans[lane, args["number"]] += 1
        if Flag.UNFINISHED not in flags:
            found.finished[lane].add(args["number"])


def _compare_window(path: Path, told: Told) -> bool:
    """Compares one process's part with what it told; whether something had been let go of."""
    header = read_spool(path).header
    trace = load(str(path))
    assert check(trace) == []
    found = _look(trace)
    asked = _asked_from(header.flight_ns, told)
    for lane, last in enumerate(told.acknowledged):
        numbers = found.instants[lane]
        assert len(set(numbers)) == len(numbers)
        assert all(0 < number <= last + 1 for number in numbers)
        own = [tick for tick in told.ticks(lane) if tick[3] == header.pid]
        inside = [number for number, reading, ns, _ in own if reading > header.let_go and ns > asked]
        if not inside:
            continue
        assert set(numbers) >= set(inside)
        assert found.finished[lane] >= set(inside)
        assert all(found.spans[lane, number] == 1 for number in inside)
        # What was open then is there as well, with what was said of it long before.
        first = own[0][0]
        assert all(found.shifts[lane, number - (number - first) % 100] == 1 for number in inside)
        (life,) = found.lives[lane]
        assert Flag.BEGUN_BEFORE in life or own[0][1] > header.let_go or header.flight_ns
    return header.let_go > 0


def _asked_from(flight_ns: int, told: Told) -> int:
    """From when on (CLOCK_MONOTONIC) nothing may be missing: of a window in time no more is shown than was asked for."""
    return told.killed_at - flight_ns + _CLOCK_ERROR if flight_ns else 0
