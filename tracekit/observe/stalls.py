"""Stalls: sees in the spools of a running session that an event loop hangs, and that a process asks for a dump.

Knows spools only. It only reads, so that the traced processes don't notice.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracekit.errors import TracekitError
from tracekit.observe.live import Live, Running
from tracekit.observe.tails import Tails
from tracekit.spool import layout
from tracekit.spool.reader import read_spool

BLOCKED = "an event loop was blocked"


class Stalls:
    """What is wrong in a session right now.

    Args:
        live: the session.
        threshold: ns; a step of an event loop longer than this is a block.
    """

    def __init__(self, live: Live, threshold: int) -> None:
        self._live = live
        self._threshold = threshold
        self._asked: dict[str, int] = {}  # how often each process has asked
        self._told: dict[str, dict[int, int]] = {}  # path -> tid -> slot of what was told

    def look(self, running: Iterable[Running], now: int) -> list[str]:
        """What has come up since the last look, each a reason for a dump, in a few words.

        Args:
            running: what `live` saw just now.
            now: CLOCK_MONOTONIC, ns.
        """
        reasons = []
        # What ran when a process was killed hangs for ever.
        for pid, path, turn in running:
            told = self._told.get(path, {})
            is_long = now - turn.since > self._threshold
            if is_long and told.get(turn.tid) != turn.slot and self._live.is_recording(path):
                self._told.setdefault(path, {})[turn.tid] = turn.slot
                reasons.append(f"an event loop is blocked (process {pid})")
        for path, tails in list(self._live.tails.items()):
            reasons += self._demands(path, tails)
        for path in (self._asked.keys() | self._told.keys()) - self._live.tails.keys():
            self._asked.pop(path, None)
            self._told.pop(path, None)
        return reasons

    def _demands(self, path: str, tails: Tails) -> list[str]:
        header = tails.read_header()
        asked = header[layout.H_DUMPS]
        if asked == self._asked.get(path, 0):
            return []
        self._asked[path] = asked
        reason = _name(path, header[layout.H_DUMP_REASON])
        if reason == BLOCKED and self._told.pop(path, {}):
            return []  # what hung and was told of has ended now, and its process says so
        return [f"{reason} (process {header[layout.H_PID]})"] if self._live.is_recording(path) else []


def _name(path: str, number: int) -> str:
    try:
        return read_spool(path).names[number]
    except (TracekitError, KeyError):
        return "the program asked for it"
