"""SpoolWriter: makes spool files for tests, record by record. Knows layout.py, and nothing of the product's writer."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from tracekit import events
from tracekit.spool import layout

Detail = tuple[int, int, int] | list[tuple[int, int]]  # kind, a, payload; or the words and payloads of a text


class SpoolWriter:
    """A spool in memory. Fields of the header are given by the names of layout.py: `SpoolWriter(pid=7, ended=1)`.

    Blocks are handed out in the order of writing, as a recorder does it. The clock is what each record is given; with
    `clock=layout.CLOCK_TSC` its times are ticks.
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
        return self.text(events.ARG_TEXT, number, value)

    def inline(self, text: str) -> Detail:
        """A NAME detail: the name of a record that has none in its field `a`."""
        return self.text(events.NAME, 0, text)

    def text(self, kind: int, a: int, text: str) -> list[tuple[int, int]]:
        """A text in as many details as it takes."""
        data = text.encode()
        details = [(layout.pack_word(kind, a, len(data)), struct.unpack("<Q", data[:8].ljust(8, b"\0"))[0])]
        for at in range(8, len(data), 15):
            low, high = struct.unpack("<QQ", data[at : at + 15].ljust(16, b"\0"))
            details.append((events.MORE | high << 8, low))
        return details

    def record(self, time: int, kind: int, a: int | str = 0, b: int = 0, *details: Detail, thread: int = 1) -> int:
        """Writes a record with its details; a text for `a` is a name. Returns its slot number.

        Threads are given by serial; serial 1 is the main thread, its tid the pid, the others' tids follow.
        """
        data = self._slots(time, kind, a, b, details)
        return self._put(thread, layout.BLOCK_RECORDS, self._owner(thread), data)

    def carry(
        self,
        time: int,
        kind: int,
        a: int | str = 0,
        b: int = 0,
        *details: Detail,
        slot: int,
        thread: int = 1,
        gone: bool = False,
    ) -> int:
        """Writes a record that once stood at `slot` among what is carried; returns that slot."""
        data = self._slots(time, kind, a, b, details)
        mark = layout.CARRIED_GONE if gone else layout.CARRIED
        head = struct.pack(
            "<QQ", self._owner(thread), layout.pack_word(mark, len(data) // layout.SLOT_BYTES, slot & layout.SLOT_MASK)
        )
        self._put("carried", layout.BLOCK_CARRIED, 0, head + data)
        return slot

    def hole(self, thread: int = 1) -> None:
        """Leaves a slot empty, as a kill in the middle of a record does."""
        self._put(thread, layout.BLOCK_RECORDS, self._owner(thread), bytes(layout.SLOT_BYTES))

    def turn(self, thread: object = 1) -> None:
        """Makes the thread (or "names", "carried") turn to a new block."""
        self._open.pop(thread, None)

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

    def _owner(self, thread: int) -> int:
        return thread | (self.pid + thread - 1) << 32

    def _slots(self, time: int, kind: int, a: int | str, b: int, details: tuple[Detail, ...]) -> bytes:
        number = self.name(a) if isinstance(a, str) else a
        data = struct.pack("<QQ", time, layout.pack_word(kind, number, b))
        for detail in details:
            words = detail if isinstance(detail, list) else [(layout.pack_word(detail[0], detail[1]), detail[2])]
            for word, payload in words:
                data += struct.pack("<QQ", payload, word)
        return data

    def _put(self, owner: object, kind: int, head: int, data: bytes) -> int:
        """Appends to the owner's block, to a new one if it is full; returns the slot number."""
        block, used = self._open.get(owner, (-1, layout.BLOCK_BYTES))
        if used + len(data) > layout.BLOCK_BYTES:
            block, used = len(self.blocks), layout.BLOCK_HEAD_WORDS * 8
            self.blocks.append(bytearray(layout.BLOCK_BYTES))
            struct.pack_into("<QQ", self.blocks[block], 0, kind | block << 32, head)
        self.blocks[block][used : used + len(data)] = data
        self._open[owner] = block, used + len(data)
        return block * layout.BLOCK_SLOTS + used // layout.SLOT_BYTES
