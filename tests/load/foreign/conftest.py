"""Files in the Chrome format, written event by event, and their traces, which must be sound. Knows no kind of event."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace

Event = dict[str, Any]
Reading = Callable[..., Trace]


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Writes events (or a whole document, or the bytes of one) into a file, loads it, and sees to it that the trace is sound."""

    def make(content: list[Event] | Event | bytes, name: str = "trace.json") -> Trace:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode())
        trace = load(path)
        assert check(trace) == []
        return trace

    return make
