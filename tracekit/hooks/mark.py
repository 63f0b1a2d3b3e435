"""Mark: what a task carries, its number and name in one recording. Knows neither tasks nor loops.

The reference; `tracekit._fast` has its twin in C.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracekit.record.recorder import Recorder


class Mark:
    """What a task has in one recording.

    Args:
        recorder: whose recording it is.
        serial: the task's number there.
        name: the name that the task had then.
    """

    __slots__ = ("name", "recorder", "serial")

    def __init__(self, recorder: Recorder, serial: int, name: str) -> None:
        self.recorder = recorder
        self.serial = serial
        self.name = name
