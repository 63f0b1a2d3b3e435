"""SpoolWriter: makes spool files for tests, record by record. Knows layout.py, and nothing of the product's writer."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from tracekit import events
from tracekit.spool import layout

Detail = tuple[int, int, int]  # kind, a, payload


class SpoolWriter:
    """A spool in memory. Fields of the header are given by the names of layout.py: `SpoolWriter(pid=7, ended=1)`.

    Blocks are handed out in the order of writing, as a recorder does it. The clock is what each record is given.
    """

    def __init__(self, pid: int = 100, **header: int) -> None:
        fields = {"magic": layout.MAGIC, "version": layout.VERSION, "pid": pid, "start_ticks": pid}
        fields |= {"start_monotonic": 1, "start_wall": 1_000_001, "ended": layout.ENDED_NORMALLY} | header
        self.pid = pid
        self.header = {getattr(layout, f"H_{name.upper()}"): value for name, value in fields.items()}
        self.blocks: list[bytearray] = []
        self._names: dict[str, int] = {}
        self._open: dict[object, tuple[int, int]] = {}  # owner -> block, bytes used of it

    def name(self, text: str) -> int:
        """The id of a text; writes it down on first sight."""
        if text not in self._names:
            number = self._names[text] = len(self._names) + 1
            data = text.encode()[: layout.NAME_BYTES]
            entry = struct.pack("<Q", len(data) | (number + 1) << 32) + data.ljust((len(data) + 7) // 8 * 8, b"\0")
            self._put("names", layout.BLOCK_NAMES, 0, entry)
        return self._names[text]

    def forget(self, text: str) -> None:
        """Makes the next use of a text a new name with a number of its own, as a writer does that cannot keep them all."""
        number = self._names.pop(text)
        self._names[f"{text}\0{number}"] = number

    def code(self, function: str, file: str = "app.py", line: int = 1) -> Detail:
        """A CODE detail."""
        return events.CODE, 0, self.name(layout.code_text(function, file, line))

    def arg(self, name: str, value: Any) -> Detail:
        """An argument as a detail."""
        number = self.name(name)
        if value is None:
            return events.ARG_NONE, number, 0
        if isinstance(value, bool):
            return (events.ARG_TRUE if value else events.ARG_FALSE), number, 0
        if isinstance(value, int):
            return events.ARG_INT, number, value & (1 << 64) - 1
        if isinstance(value, float):
            return events.ARG_FLOAT, number, struct.unpack("<Q", struct.pack("<d", value))[0]
        return events.ARG_TEXT, number, self.name(value)

    def record(self, time: int, kind: int, a: int | str = 0, b: int = 0, *details: Detail, thread: int = 1) -> int:
        """Writes a record with its details; a text for `a` is a name. Returns its slot number.

        Threads are given by serial; serial 1 is the main thread, its tid the pid, the others' tids follow.
        """
        number = self.name(a) if isinstance(a, str) else a
        data = struct.pack("<QQ", time, layout.pack_word(kind, number, b))
        for detail, argument, payload in details:
            data += struct.pack("<QQ", payload, layout.pack_word(detail, argument, 0))
        at = self._put(thread, layout.BLOCK_RECORDS, thread | (self.pid + thread - 1) << 32, data)
        return at // layout.SLOT_BYTES

    def hole(self, thread: int = 1) -> None:
        """Leaves a slot empty, as a kill in the middle of a record does."""
        self._put(thread, layout.BLOCK_RECORDS, thread | (self.pid + thread - 1) << 32, bytes(layout.SLOT_BYTES))

    def data(self) -> bytes:
        """The whole file."""
        header = bytearray(layout.HEADER_BYTES)
        for word, value in self.header.items():
            struct.pack_into("<Q", header, word * 8, value)
        return bytes(header) + b"".join(self.blocks)

    def write(self, directory: Path) -> Path:
        """Writes the file into a session's directory."""
        path = directory / f"{self.pid}-{self.header[layout.H_START_MONOTONIC]:x}.spool"
        path.write_bytes(self.data())
        return path

    def _put(self, owner: object, kind: int, head: int, data: bytes) -> int:
        """Appends to the owner's block, to a new one if it is full; returns the offset in the file."""
        block, used = self._open.get(owner, (-1, layout.BLOCK_BYTES))
        if used + len(data) > layout.BLOCK_BYTES:
            block, used = len(self.blocks), layout.BLOCK_HEAD_WORDS * 8
            self.blocks.append(bytearray(layout.BLOCK_BYTES))
            struct.pack_into("<QQ", self.blocks[block], 0, kind | block << 32, head)
        self.blocks[block][used : used + len(data)] = data
        self._open[owner] = block, used + len(data)
        return layout.HEADER_BYTES + block * layout.BLOCK_BYTES + used
