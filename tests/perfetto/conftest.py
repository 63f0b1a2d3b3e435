"""Fixtures that hand out the real Perfetto, or skip where it cannot run. They know nothing of tracekit."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.perfetto import page, processor


def _need(reason: str) -> None:
    """Skips the test for a reason, or fails it where Perfetto is required."""
    if reason and os.environ.get("TRACEKIT_REQUIRE_PERFETTO") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def trace_processor() -> Iterator[processor.TraceProcessor]:
    """One trace processor for all tests; `load` puts another trace into it."""
    _need(processor.missing())
    with processor.TraceProcessor() as running:
        yield running


@pytest.fixture
def browser() -> None:
    """A browser that Perfetto's page can be opened in, by the test itself."""
    _need(page.missing())


@pytest.fixture
def perfetto_page(browser: None) -> Iterator[page.PerfettoPage]:  # noqa: ARG001
    """A browser window of its own."""
    with page.PerfettoPage() as window:
        yield window
