"""TracedTests: the plugin that pytest has where tests are traced: it fails those that block their event loop. Knows pytest's
hooks; how a test is recorded and judged it leaves to recorded_tests.py.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tracekit.errors import TracekitError
from tracekit.recorded_tests import RecordedTests
from tracekit.units import parse_duration, say_duration

_LONGEST_NAME = 150
# A test that ends so has not come to its end, and nobody asks what it did until then.
_LEFT = (KeyboardInterrupt, pytest.exit.Exception, pytest.skip.Exception)


class TracedTests:
    """Traces tests: all of them, or those that bear the mark.

    Args:
        directory: where traces are kept.
        limit: ns; a test whose mark says nothing else must not hold its event loop longer than this.
        every: trace tests without a mark as well.
        mark: its name.
        kept: the property of a test's report that says where its trace is.
    """

    def __init__(self, directory: Path, limit: int, every: bool, mark: str, kept: str) -> None:
        self._mark = mark
        self._kept = kept
        self._directory = directory
        self._limit = limit
        self._every = every
        self._recorded = RecordedTests(str(directory / f"pytest-{os.getpid()}.tracekit"))
        self._traced: pytest.Item | None = None  # of which there is a recording
        self._said = ""  # what it blocked

    def prepare(self) -> None:
        """Tests will be run in this process.

        Raises:
            TracekitError: nothing can be recorded.
        """
        self._recorded.open(self._limit)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Records the test, and fails it where it blocked; an error of its own stays what it was."""
        mark = item.get_closest_marker(self._mark)
        if mark is None and not self._every:
            return (yield)
        limit = self._limit if mark is None else _limit_of(mark, self._limit)
        try:
            self._recorded.begin(limit)
        except TracekitError as error:
            pytest.fail(f"the test cannot be traced: {error}", pytrace=False)
        self._traced, self._said = item, ""
        try:
            result = yield
        except _LEFT:
            self._recorded.stop()
            self._traced = None
            raise
        except BaseException:
            self._said = self._judge(item, limit)
            raise
        said = self._judge(item, limit)
        if said:
            pytest.fail(said, pytrace=False)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keeps the trace of a test that failed."""
        report = yield
        if call.when == "call" and item is self._traced:
            self._traced = None
            if report.failed:
                self._keep(item, report)
            self._recorded.drop()
        return report

    def pytest_unconfigure(self) -> None:
        """Leaves nothing behind but the traces that were kept."""
        self._recorded.close()

    def _judge(self, item: pytest.Item, limit: int) -> str:
        """What is to be said of a test that has ended; "" where it blocked nothing."""
        try:
            blocks = self._recorded.stop_and_judge()
        except TracekitError as error:
            warnings.warn(f"{item.nodeid} was traced, but not judged: {error}", pytest.PytestWarning, stacklevel=1)
            return ""
        return "\n\n".join(_complaint(block, limit, item.config.rootpath) for block in blocks)

    def _keep(self, item: pytest.Item, report: pytest.TestReport) -> None:
        path = self._directory / f"{_file_name(item.nodeid)}.json.gz"
        try:
            self._recorded.keep(item.nodeid, str(path))
        except TracekitError as error:
            report.sections.append(("tracekit", f"no trace of the test: {error}"))
            return
        shown = os.path.relpath(path, item.config.invocation_params.dir)
        also = f"{self._said}\n" if self._said else ""
        report.sections.append(("tracekit", f"{also}trace: {shown}\n  look at it: tracekit open {shown}"))
        report.user_properties.append((self._kept, shown))


def _limit_of(mark: pytest.Mark, default: int) -> int:
    """The limit (ns) that a mark sets."""
    wrong = ""
    if mark.args:
        wrong = f"it takes no {mark.args[0]!r} without a name"
    elif set(mark.kwargs) - {"max_block"}:
        wrong = f"it knows no {', '.join(sorted(set(mark.kwargs) - {'max_block'}))}"
    elif not isinstance(mark.kwargs.get("max_block", ""), str):
        wrong = f"max_block={mark.kwargs['max_block']!r} has no unit"
    if wrong:
        pytest.fail(
            f'@pytest.mark.{mark.name}: {wrong}; write @pytest.mark.{mark.name}(max_block="50ms")', pytrace=False
        )
    try:
        return parse_duration(mark.kwargs["max_block"]) if mark.kwargs else default
    except TracekitError as error:
        wrong = str(error)
    pytest.fail(f"@pytest.mark.{mark.name}: max_block: {wrong}", pytrace=False)


def _complaint(block: Mapping[str, Any], limit: int, root: Path) -> str:
    """What blocked, in lines; the first one has who, where, for how long and why, for pytest's summary shows no more."""
    culprit = "a function that was not seen"
    if block["function"]:
        culprit = f"{block['function']} ({_shown(block['file'], root)}:{block['line'] or '?'})"
    library = block["library"]
    inside = f", inside {library['name']} {library['version'] or ''}".rstrip() if library else ""
    took, allowed = say_duration(round(block["duration_s"] * 1e9)), say_duration(limit)
    return (
        f"{culprit} blocked the event loop for {took}{inside} (max_block is {allowed}; verdict: {block['verdict']})\n"
        f"  {block['sentence']}\n  {block['advice']}"
    )


def _shown(file: str | None, root: Path) -> str:
    return (file or "?").removeprefix(f"{root}{os.sep}")


def _file_name(node: str) -> str:
    """A file name for a test, another one for each."""
    name = re.sub(r"[^\w.=-]+", "-", node).strip("-.")
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{hashlib.sha256(node.encode(errors='replace')).hexdigest()[:8]}"
