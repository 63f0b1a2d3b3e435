"""RecordedTests: records one test after the other, says what blocked its event loop, and writes its trace. Knows the command line
of tracekit, by which a trace is made and judged in a process of its own; knows nothing of pytest.

Most tests block nothing, and their spools tell that at once. Only where a step may have been too long is the recording
loaded, by `tracekit report`.
"""

from __future__ import annotations

import json
import os
from subprocess import PIPE, Popen  # taken now, as is sleep: a test may replace them
from time import sleep

from tracekit import sessions
from tracekit.clock import monotonic_ns
from tracekit.dumps import observe, plain_environment, tracekit_command
from tracekit.errors import TracekitError
from tracekit.options import DEFAULT_RATE, Options
from tracekit.record import recorder as recording
from tracekit.spool import directory as session_directory
from tracekit.spool.headers import is_programs, read_header
from tracekit.spool.turns import may_exceed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SLUG = "loop-blocked"
_PATIENCE_NS = 5_000_000_000
_LOOK_S = 0.005


class RecordedTests:
    """The recordings of one process's tests, each gone when the next one begins.

    Args:
        session: the directory that they are made in, which is made when it is needed.
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._pid = os.getpid()
        self._began = self._pid  # the process that recorded last: pytest itself, or a fork of it that runs one test
        self._made = False
        self._limit = 0
        self._observed = False
        self._observer = 0  # the pid of the process that looks at the loops of all tests

    def open(self, limit: int) -> None:
        """Make the directory, and have an observer beside it who will look at the event loops of all tests.

        He needs a moment to get there: who can, calls this a moment before the first test begins.

        Args:
            limit: ns; a step of an event loop longer than this is a block, as a rule.

        Raises:
            TracekitError: the directory cannot be made.
        """
        if not self._made:
            session_directory.check_output(session_directory.output_of(self._session))
            session_directory.create(self._session)
            self._made = True
            self._observer = observe(self._session, Options(threshold=limit, rate=DEFAULT_RATE).to_text(), stay=True)

    def begin(self, limit: int) -> None:
        """Begin to record.

        Args:
            limit: ns; a step of an event loop longer than this is a block.

        Raises:
            TracekitError: this process is recorded already, or there is no room for it.
        """
        if recording.current is not None:
            raise TracekitError(
                "this process is recorded already, by `tracekit run` or a session of its own: run pytest without that"
            )
        self.open(limit)
        self._began = os.getpid()
        self.drop()
        self._limit = limit
        options = Options(threshold=limit, rate=DEFAULT_RATE, observer=self._observer)
        try:
            sessions.join(self._session, options.to_text(), late=True)
        except OSError as error:
            raise TracekitError(f"cannot record into {self._session}: {error.strerror}") from None
        if not self._observed:
            self._observed = True
            self._wait_for_observer()

    def _wait_for_observer(self) -> None:
        """The first test waits until the observer looks at it; he sees the others begin within a moment."""
        until = monotonic_ns() + _PATIENCE_NS
        while self._observer and monotonic_ns() < until:
            try:
                with open(f"/proc/{self._observer}/maps", encoding="utf-8", errors="replace") as maps:
                    if self._session in maps.read():
                        return
            except OSError:  # he is gone, or somebody else's: nothing will be seen of what blocks
                return
            sleep(_LOOK_S)

    def stop(self) -> None:
        """End the recording."""
        sessions.leave()

    def stop_and_judge(self) -> list[dict[str, Any]]:
        """End the recording, and say what blocked an event loop for longer than the limit: findings, as `report --json` has them.

        What of it the machine gave to other programs, as far as that was seen, does not count.

        Raises:
            TracekitError: that cannot be found out.
        """
        self.stop()
        if os.getpid() != self._began:  # a fork that came out of the test: its parent will tell
            return []
        try:
            if not any(may_exceed(path, self._limit) for path in self._spools()):
                return []
        except OSError as error:
            raise TracekitError(f"cannot read the recording of the test: {error.strerror}") from None
        findings = json.loads(self._tracekit("report", self._session, "--json"))["findings"]
        return [finding for finding in findings if finding["slug"] == _SLUG and _own_ns(finding) > self._limit]

    def keep(self, name: str, output: str) -> None:
        """Write the trace of what was recorded last.

        Args:
            name: of the test.
            output: where to write it.

        Raises:
            TracekitError: it cannot be written.
        """
        if os.getpid() != self._began:
            raise TracekitError("this is a fork that came out of the test; its parent keeps the trace")
        output = session_directory.check_output(output)
        description = session_directory.describe(self._session, output, name, [])
        description["child_pid"] = self._began
        session_directory.write(self._session, description)
        self._tracekit("recover", self._session, "-o", output, "--keep-session", "--quiet")

    def drop(self) -> None:
        """Remove what was recorded last; a fork that came out of the test leaves it to its parent."""
        if os.getpid() != self._began:
            return
        for path in self._spools():
            try:
                os.unlink(path)
            except OSError:  # it is gone
                pass

    def close(self) -> None:
        """Remove all, and the directory that held it."""
        if self._made and os.getpid() == self._pid:
            self._made = False
            session_directory.remove(self._session)
            try:
                os.rmdir(os.path.dirname(self._session))
            except OSError:  # there are traces in it
                pass

    def _spools(self) -> list[str]:
        """What the tests themselves recorded; an observer's spool stays."""
        return [path for path in session_directory.spools(self._session) if is_programs(read_header(path))]

    def _tracekit(self, *arguments: str) -> bytes:
        command = tracekit_command(*arguments, "--threshold", f"{self._limit}ns")
        try:
            with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=plain_environment()) as process:
                out, errors = process.communicate()
        except OSError as error:
            raise TracekitError(f"cannot run {command[0] or 'Python'}: {error.strerror}") from None
        if process.returncode:
            said = errors.decode(errors="replace").strip().splitlines()
            raise TracekitError(f"`tracekit {arguments[0]}` failed: {said[-1] if said else process.returncode}")
        return out


def _own_ns(finding: dict[str, Any]) -> float:
    """How long a block was, without the time in which it waited for a processor."""
    waited: float = finding.get("shares", {}).get("preempted", 0.0)
    return float(finding["duration_s"] * 1e9 * (1 - waited))
