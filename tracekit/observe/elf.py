"""ELF: where a symbol of an executable or a library lies. Knows the file format, and no process."""

from __future__ import annotations

import os
import struct

_HEADER = struct.Struct("<4sBBB9xHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_DYNAMIC_SYMBOLS = 11
_SYMBOLS = 2  # of all: there where the file was not stripped
_LOAD = 1
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LARGEST = 16 << 20  # bytes of either table


def symbol(path: str, name: str) -> tuple[int, int] | None:
    """Where a symbol lies, in bytes from where the file's beginning is mapped, and its size; None where it has none.

    Args:
        path: of a little-endian file of 64 bits.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        fd = file.fileno()
        try:
            return _symbol(fd, name.encode())
        except (struct.error, OverflowError):  # cut off, or damaged
            return None


def _symbol(fd: int, name: bytes) -> tuple[int, int] | None:
    header = _HEADER.unpack(os.pread(fd, _HEADER.size, 0))
    magic, word, order = header[:3]
    if magic != b"\x7fELF" or word != 2 or order != 1:
        return None
    programs, sections = header[8], header[9]
    program_count, section_count = header[13], header[15]
    tables = list(_rows(fd, sections, section_count, _SECTION))
    for kind in (_DYNAMIC_SYMBOLS, _SYMBOLS):
        for table in tables:
            if table[1] == kind and table[6] < len(tables):
                found = _find(_read(fd, table), _read(fd, tables[table[6]]), name + b"\0")
                if found is not None:
                    value, size = found
                    return value - _first_address(_rows(fd, programs, program_count, _PROGRAM)), size
    return None


def _find(symbols: bytes, texts: bytes, name: bytes) -> tuple[int, int] | None:
    """Value and size of a symbol in a table."""
    if name not in texts:
        return None
    for at in range(0, len(symbols) - _SYMBOL.size + 1, _SYMBOL.size):
        text, _, _, _, value, size = _SYMBOL.unpack_from(symbols, at)
        if value and texts.startswith(name, text):
            return value, size
    return None


def _rows(fd: int, offset: int, count: int, row: struct.Struct) -> list[tuple[int, ...]]:
    data = os.pread(fd, row.size * count, offset)
    return list(row.iter_unpack(data[: len(data) // row.size * row.size]))


def _read(fd: int, section: tuple[int, ...]) -> bytes:
    return os.pread(fd, min(section[5], _LARGEST), section[4])


def _first_address(programs: list[tuple[int, ...]]) -> int:
    """The address that the file was linked for."""
    first = next((row[3] - row[2] for row in programs if row[0] == _LOAD), 0)
    return first // _PAGE * _PAGE
