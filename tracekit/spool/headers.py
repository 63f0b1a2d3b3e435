"""Headers: what the first page of a spool tells of its process, read without numpy. Knows nothing of what lies behind it."""

from __future__ import annotations

from tracekit.spool import layout


def read_header(path: str) -> list[int]:
    """The words of a spool's header, as many as there are; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(layout.HEADER_WORDS * 8)
    except OSError:
        return []
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]


def is_ours(header: list[int]) -> bool:
    """Whether it is of the version that is written and read here."""
    return (
        len(header) == layout.HEADER_WORDS
        and header[layout.H_MAGIC] == layout.MAGIC
        and header[layout.H_VERSION] == layout.VERSION
    )


def is_programs(header: list[int]) -> bool:
    """Whether it is ours and a process of the program recorded it, not an observer."""
    return is_ours(header) and not header[layout.H_OBSERVER]


def is_observers(header: list[int]) -> bool:
    """Whether it is ours and an observer wrote it."""
    return is_ours(header) and bool(header[layout.H_OBSERVER])


def is_alive(header: list[int]) -> bool:
    """Whether its process is there, and neither gone nor a zombie; another one that has its pid is not it."""
    try:
        with open(f"/proc/{header[layout.H_PID]}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return fields[0] not in (b"Z", b"X") and int(fields[19]) == header[layout.H_START_TICKS]
    except (OSError, ValueError, IndexError):
        return False
