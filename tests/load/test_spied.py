"""Spied: py-spy's file becomes what was told of each thread. The files are made by hand, as py-spy writes them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from py_spy_writer import BEACON, INNER, LEADER, MAIN, OTHER, PROCESS, THREAD, PySpy, event

from tracekit.load import spied as module
from tracekit.load.spied import Spied, Who
from tracekit.model.builder import Builder
from tracekit.model.stacks import frames_of, rows_of


def read(text: bytes) -> tuple[Spied, dict[Who, list[tuple[int, list[str]]]]]:
    """What was told: of each thread the stamps and stacks, innermost first."""
    builder = Builder()
    spied = Spied(builder, frozenset({LEADER}), BEACON, "beat")
    spied.read(io.BytesIO(text))
    trace = builder.build()
    frames = frames_of(trace)
    told = {
        who: [
            (stamp, [frames[row].function for row in rows_of(trace, frame)])
            for stamp, frame in zip(told.stamps, told.frames)
        ]
        for who, told in spied.threads.items()
    }
    return spied, told


def test_a_thread() -> None:
    """Of a thread the looks are known that found it changed; py-spy's own frames for process and thread are none of it."""
    spy = PySpy()
    spy.look(100, PROCESS, THREAD, MAIN, INNER)
    spy.look(200, PROCESS, THREAD, MAIN, INNER)
    spy.look(300, PROCESS, THREAD, MAIN)
    spy.look(400, PROCESS, THREAD, MAIN, OTHER)
    _, told = read(spy.text())

    assert told == {Who(7, 7): [(100, ["inner", "<module>"]), (300, ["<module>"]), (400, ["other", "<module>"])]}


def test_forks() -> None:
    """A fork's main thread has the pthread_t of its parent's: each keeps its own stacks, though py-spy mixes them up."""
    child = ('process 8:"python app.py"', "", 0)
    spy = PySpy()
    for ts in (100, 200):
        spy.look(ts, PROCESS, THREAD, MAIN, INNER)
        spy.look(ts + 1, PROCESS, child, ("thread (8): MainThread", "", 0), MAIN, OTHER, pid=8)
    _, told = read(spy.text())

    assert told == {
        Who(7, 7): [(100, ["inner", "<module>"]), (200, ["inner", "<module>"])],
        Who(8, 8): [(101, ["other", "<module>"]), (201, ["other", "<module>"])],
    }


def test_a_python_that_tells_no_tid() -> None:
    """Of Python 3.10 py-spy knows threads by their pthread_t, and their names once Python knows them."""
    spy = PySpy()
    spy.look(100, PROCESS, ("thread (0x2)", "", 0), MAIN, tid=2)
    spy.look(200, PROCESS, ("thread (0x2): worker", "", 0), MAIN, tid=2)
    spy.look(200, PROCESS, ("thread (0)", "", 0), tid=0)
    spied, told = read(spy.text())

    assert told == {Who(7, 0, 2): [(100, ["<module>"]), (200, ["<module>"])]}
    assert spied.threads[Who(7, 0, 2)].names == ["", "worker"]


def test_a_beacon() -> None:
    """What py-spy saw of the beacon says when it looked; neither that nor the leader's threads are the program's."""
    own, leader = ('process 6:"beacon"', "", 0), ('process 5:"tracekit"', "", 0)
    spy = PySpy()
    spy.look(100, leader, THREAD, MAIN, pid=LEADER, tid=3)
    spy.look(101, leader, own, THREAD, ("main", "/x/beacon.py", 5), ("beat", "/x/beacon.py", 17), pid=BEACON, tid=2)
    spy.look(102, leader, PROCESS, THREAD, MAIN)
    spy.look(201, leader, own, THREAD, ("main", "/x/beacon.py", 6), pid=BEACON, tid=2)
    spied, told = read(spy.text())

    assert list(zip(spied.stamps, spied.lines)) == [(101, 17), (201, 0)]
    assert told == {Who(7, 7): [(102, ["<module>"])]}


def test_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read in pieces, wherever they end, and whatever a command line in it looks like."""
    spy = PySpy()
    process = ('process 7:"python -c \'},{"args":{é\'"', "", 0)
    for ts in range(100):
        spy.look(ts, process, THREAD, MAIN, (f"f{ts % 3}", "/app/a.py", ts + 1))
    whole = read(spy.text())[1]
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(module, "_CHUNK", size)
        assert read(spy.text())[1] == whole
    assert len(whole[Who(7, 7)]) == 100


@pytest.mark.parametrize("text", [b"", b"{}", b"[", b"[1]", b"[[]]", b'{"traceEvents":[]}', b'[{"ph":"B"'])
def test_no_such_file(text: bytes) -> None:
    """What is no such file, or cut off, is refused."""
    with pytest.raises(ValueError, match=r".+"):
        read(text)


def test_what_came_before_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that was cut off the part before is taken in."""
    spy = PySpy()
    for ts in range(50):
        spy.look(ts, PROCESS, THREAD, MAIN, (f"f{ts}", "/app/a.py", 1))
    builder = Builder()
    spied = Spied(builder, frozenset({LEADER}), BEACON, "beat")
    monkeypatch.setattr(module, "_CHUNK", 500)
    with pytest.raises(ValueError, match=r".+"):
        spied.read(io.BytesIO(spy.text()[:-100]))
    assert len(spied.threads[Who(7, 7)].stamps) > 30


@pytest.mark.parametrize(
    "strange",
    [
        {"ph": "B", "ts": 1, "pid": 7, "tid": 1, "name": 5, "args": {}},
        {"ph": "B", "ts": 1, "pid": 7, "tid": 1, "name": "f", "args": 3},
    ],
)
def test_events_of_others(strange: dict[str, Any]) -> None:
    """An event that py-spy would not write ends the reading, without a traceback of ours."""
    with pytest.raises(ValueError, match="none of py-spy's"):
        read(json.dumps([strange]).encode())


def test_events_that_say_nothing() -> None:
    """What is no begin or end, or has no number for its time, process or thread, is passed over."""
    good = event("B", THREAD, 5)
    strange: list[dict[str, Any]] = [{}, {"ph": "M"}, {**good, "ts": "5"}, {**good, "tid": 1.5}, {**good, "pid": None}]
    strange += [event("E", MAIN, 1), event("E", MAIN, 1)]
    _, told = read(json.dumps([*strange, good, event("B", MAIN, 5)]).encode())
    assert told == {Who(7, 7): [(5, ["<module>"])]}
