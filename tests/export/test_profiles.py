"""Profiles: samples as the events of CPU profiles, which give the samples back. Knows their format, and no Perfetto."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from tracekit.export import _profiles
from tracekit.export._profiles import profiles
from tracekit.model.builder import Builder
from tracekit.model.trace import SampleSource, SampleState, Trace

US = 1000
HEADS = ['"pid":7,"tid":7', '"pid":7,"tid":8']


def sampled(count: int) -> Trace:
    """Two threads, each of which is sampled so often, in one of three functions; the second one also without a stack."""
    builder = Builder()
    process = builder.process(7, "p")
    threads = [builder.thread(process, tid, "t") for tid in (7, 8)]
    main = builder.frame(-1, "<module>", "/app/a.py", 3)
    inner = [builder.frame(main, f"f{line}", "/app/a.py", line) for line in range(3)]
    for at in range(count):
        for thread in threads:
            time = 10_000 * US + at * 1234 + thread
            builder.sample(thread, time, inner[at % 3], SampleState.UNKNOWN, SampleSource.SAMPLER)
    builder.sample(threads[1], 5 * US, -1, SampleState.UNKNOWN, SampleSource.SAMPLER)
    return builder.build()


def read(trace: Trace) -> dict[int, list[tuple[int, list[str]]]]:
    """The samples by tid: when (µs), and the stack, innermost first."""
    events: list[dict[str, Any]] = json.loads(b"[" + b"".join(profiles(trace, HEADS)).lstrip(b",\n") + b"]")
    found: defaultdict[int, list[tuple[int, list[str]]]] = defaultdict(list)
    nodes: dict[str, dict[int, dict[str, Any]]] = {}
    now: dict[str, int] = {}
    for event in events:
        assert (event["ph"], event["pid"]) == ("P", 7)
        data = event["args"]["data"]
        if event["name"] == "Profile":
            now[event["id"]], nodes[event["id"]] = data["startTime"], {}
            continue
        known = nodes[event["id"]]
        for node in data["cpuProfile"]["nodes"]:
            assert node.get("parent", node["id"]) in {*known, node["id"]}
            known[node["id"]] = node
        for number, delta in zip(data["cpuProfile"]["samples"], data["timeDeltas"], strict=True):
            now[event["id"]] += delta
            stack = []
            at: int | None = number
            while at is not None:
                stack.append("{functionName} {url}".format(**known[at]["callFrame"]))
                at = known[at].get("parent")
            found[event["tid"]].append((now[event["id"]], stack))
    return found


@pytest.mark.parametrize("chunk", [1, 2, 5, 1000])
def test_samples(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Every sample with a stack is there once, at its time to the microsecond, in a profile of its thread, however it is cut."""
    monkeypatch.setattr(_profiles, "_CHUNK", chunk)
    trace = sampled(7)
    base = 5 * US
    lines = ["/app/a.py", "/app/a.py:1", "/app/a.py:2"]

    assert read(trace) == {
        tid: [
            ((10_000 * US + at * 1234 + thread - base) // 1000, [f"f{at % 3} {lines[at % 3]}", "<module> /app/a.py:3"])
            for at in range(7)
        ]
        for thread, tid in enumerate((7, 8))
    }


def test_nothing() -> None:
    """Without a stack there is no event."""
    assert list(profiles(Builder().build(), [])) == []
    assert read(sampled(0)) == {}
