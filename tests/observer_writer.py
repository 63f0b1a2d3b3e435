"""ObserverWriter: makes an observer's journal for tests, look by look. Knows its records, and no real observer."""

from __future__ import annotations

from spool_writer import SpoolWriter

from tracekit import events
from tracekit.spool import layout

MS = 1_000_000
PID = 100


class ObserverWriter(SpoolWriter):
    """What an observer writes down; times in ms."""

    def __init__(self, pid: int = 7) -> None:
        super().__init__(pid=pid, observer=1)

    def sample(
        self,
        time: float,
        state: int,
        on_cpu: float = 0,
        run_queue: float = 0,
        switches: int | None = None,
        preempted: int | None = None,
        looks: tuple[int, int] = (0, 0),
        tid: int = PID,
        pid: int = PID,
    ) -> None:
        details = [
            (events.PID, 0, pid),
            (events.ON_CPU, 0, round(on_cpu * MS)),
            (events.RUN_QUEUE, 0, round(run_queue * MS)),
        ]
        if switches is not None:
            details.append((events.SWITCHES, 0, switches))
        if preempted is not None:
            details.append((events.INVOLUNTARY, 0, preempted))
        if any(looks):
            details.append((events.GIL_LOOKS, 0, looks[0] << 32 | looks[1]))
        self.record(round(time * MS), events.SAMPLE, state, tid, *details)

    def weight(
        self,
        time: float,
        rss: int,
        pss: int | None = None,
        shared: int | None = None,
        peak: int | None = None,
        pid: int = PID,
    ) -> None:
        told = ((events.RSS, rss), (events.PSS, pss), (events.SHARED, shared), (events.PEAK, peak))
        details = [(kind, 0, value) for kind, value in told if value is not None]
        self.record(round(time * MS), events.WEIGHT, 0, pid, *details)

    def stack(
        self, time: float, *frames: tuple[str, str, int], gil: bool = False, tid: int = PID, pid: int = PID
    ) -> None:
        details = [(events.FRAME, 0, self.name(layout.code_text(*frame))) for frame in frames]
        self.record(round(time * MS), events.STACK, int(gil), tid, (events.PID, 0, pid), *details)
