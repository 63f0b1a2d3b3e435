"""Samples for speedscope: each thread's stacks, with the time that each stands for. Knows the format's fields."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tracekit.errors import TracekitError
from tracekit.export.speedscope import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, SampleSource, SampleState, TrackKind


def _builder() -> Builder:
    builder = Builder("program.py")
    process = builder.process(7, "program")
    for tid, name in ((7, "main"), (8, "worker")):
        thread = builder.thread(process, tid, name, main=tid == 7)
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 10_000, name, Category.THREAD)
    return builder


def _written(builder: Builder, path: Path) -> dict[str, Any]:
    write(builder.build(), [], path)
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def _stacks(document: dict[str, Any], profile: int) -> list[list[str]]:
    frames = document["shared"]["frames"]
    return [[frames[at]["name"] for at in sample] for sample in document["profiles"][profile]["samples"]]


def test_stacks_and_weights(tmp_path: Path) -> None:
    """A sample stands for the time up to the next one, outermost frame first; where nobody looked there is a gap."""
    builder = _builder()
    main = builder.frame(-1, "main", "main.py", 3)
    work = builder.frame(main, "work", "work.py", 0)
    for time, frame, state in (
        (100, main, SampleState.GIL),
        (200, work, SampleState.GIL),
        (300, work, SampleState.IDLE),
    ):
        builder.sample(0, time, frame, state, SampleSource.SAMPLER)
    builder.sample(0, 5000, main, SampleState.ACTIVE, SampleSource.SAMPLER)
    builder.sample(1, 700, main, SampleState.GIL, SampleSource.SAMPLER)
    document = _written(builder, tmp_path / "a.speedscope.json")
    assert document["shared"]["frames"] == [
        {"name": "(idle)"},
        {"name": "main", "file": "main.py", "line": 3},
        {"name": "work", "file": "work.py"},
    ]
    first, second = document["profiles"]
    assert _stacks(document, 0) == [["main"], ["main", "work"], ["main", "work", "(idle)"], [], ["main"]]
    assert first["weights"] == [100, 100, 100, 4600, 100]
    assert (first["startValue"], first["endValue"]) == (100, 5100)
    assert first["name"] == "main (tid 7, program 7)"
    assert first["unit"] == "nanoseconds"
    assert _stacks(document, 1) == [["main"]]
    assert second["startValue"] + sum(second["weights"]) == second["endValue"]


def test_zipped_and_plain(tmp_path: Path) -> None:
    """Names of any kind give strict JSON, zipped as well."""
    builder = _builder()
    builder.sample(0, 5, builder.frame(-1, 'a"\\\n\ud800', "é", 1), SampleState.GIL, SampleSource.OTHER)
    write(builder.build(), [], tmp_path / "a.speedscope.json.gz")
    document = json.loads(gzip.decompress((tmp_path / "a.speedscope.json.gz").read_bytes()))
    assert document["shared"]["frames"][1] == {"name": 'a"/ ?', "file": "é", "line": 1}


def test_no_samples(tmp_path: Path) -> None:
    """A trace without samples is an error that says how to get some, and no file."""
    with pytest.raises(TracekitError, match="--py-spy"):
        write(_builder().build(), [], tmp_path / "a.speedscope.json")
    assert not list(tmp_path.iterdir())
