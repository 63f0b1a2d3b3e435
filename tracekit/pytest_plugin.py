"""The door for pytest: an option, a mark, and what is printed at the end. Knows neither recorder nor trace (traced_tests.py).

pytest loads this file in every run of every environment that tracekit is installed in. So it imports nothing
but the package's door (some 3 ms), and does nothing unless `--tracekit` is given or a test bears the mark:

    pytest --tracekit                                  trace every test; one that blocks its event loop fails
    @pytest.mark.tracekit(max_block="50ms")            trace this test, also without the option
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "tracekit"
KEPT = "tracekit_trace"  # the property of a test's report that says where its trace is
_PLUGIN = "tracekit-tests"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("tracekit", "tracekit: what blocks the event loop")
    group.addoption(
        "--tracekit",
        action="store_true",
        help="Trace each test. One that blocks its event loop fails, and the culprit is named. Failing tests keep their trace.",
    )
    group.addoption(
        "--tracekit-max-block",
        metavar="DURATION",
        default="50ms",
        help="The longest that a test may hold its event loop in one step, unless its mark says otherwise. Default: 50ms",
    )
    group.addoption(
        "--tracekit-dir",
        metavar="DIR",
        default="traces",
        help="Where traces are kept, from pytest's rootdir on. Default: traces",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Makes the mark known, and starts to trace where every test is to be."""
    config.addinivalue_line(
        "markers",
        f'{MARK}(max_block="50ms"): trace this test; it fails where it holds its event loop longer than that in one step.',
    )
    if config.getoption("tracekit"):
        _trace(config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Starts to trace where a test bears the mark."""
    if any(item.get_closest_marker(MARK) for item in session.items):
        _trace(session.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says where the traces are."""
    kept = list(_kept(terminalreporter))
    if kept:
        terminalreporter.section("traces (tracekit open TRACE)")
        for line in kept:
            terminalreporter.line(line)


def _kept(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for report in reporter.stats.get("failed", ()):
        for name, value in getattr(report, "user_properties", ()):
            if name == KEPT:
                yield f"{value}  {report.nodeid}"


def _trace(config: pytest.Config) -> None:
    if config.getoption("collectonly") or _only_hands_out(config) or config.pluginmanager.has_plugin(_PLUGIN):
        return
    from tracekit.errors import TracekitError
    from tracekit.traced_tests import TracedTests
    from tracekit.units import parse_duration

    try:
        limit = parse_duration(config.getoption("tracekit_max_block"))
        directory = config.rootpath / config.getoption("tracekit_dir")
        plugin = TracedTests(directory, limit, config.getoption("tracekit"), MARK, KEPT)
        plugin.prepare()
    except TracekitError as error:
        raise pytest.UsageError(f"--tracekit: {error}") from None
    config.pluginmanager.register(plugin, _PLUGIN)


def _only_hands_out(config: pytest.Config) -> bool:
    """Whether pytest-xdist runs the tests in other processes than this one."""
    return config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")
