"""The page of a report in a real browser. Knows what is to be seen, and nothing of how it is made.

It is served on loopback by a server that keeps every request: there must be one, for the page itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.perfetto.page import PerfettoPage
from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.export import comparison_html as page_of_comparison
from tracekit.export.html import write
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind
from tracekit.rounds.comparison import Comparison, Lane, Row

pytestmark = pytest.mark.perfetto

MS = 1_000_000
HOSTILE = (
    '</title></style></i><script>document.title="ran"</script><img src="http://127.0.0.1/x" onerror="document.title=1">'
)
_WIDER = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


def trace(name: str = "reader") -> Trace:
    """A loop that one of three tasks blocks."""
    builder = Builder(f"{name}.py")
    process = builder.process(10, name, started=0, ended=1000 * MS)
    thread = builder.thread(process, 10, name, started=0, ended=1000 * MS, main=True)
    loop = builder.loop(process, thread, name)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000 * MS, name, Category.THREAD)
    for number in range(3):
        task = builder.task(
            process, loop, f"{name} {number}", coroutine=name, created=0, ended=1000 * MS, outcome="done"
        )
        builder.slice(track, number * 300 * MS, (number + 1) * 300 * MS, f"{name} {number}", Category.STEP, task=task)
        on_task = builder.track(TrackKind.TASK, task)
        builder.slice(on_task, number * 300 * MS, (number + 1) * 300 * MS, name, Category.RUNNING, task=task)
    return builder.build()


@contextmanager
def served(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a file, and the paths that are asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")  # the page itself must say how it is encoded
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/report.html", asked
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_readable_anywhere(perfetto_page: PerfettoPage, tmp_path: Path, scheme: str, width: int) -> None:
    """On a desk and on a phone, by day and by night: one request, no complaint, nothing wider than the window, findings above
    the timeline, and text in the colours of the scheme."""
    made = trace()
    write(made, analyze(made), tmp_path / "report.html")
    window = perfetto_page.page
    complaints: list[str] = []
    window.on("console", lambda message: complaints.append(message.text))
    window.set_viewport_size({"width": width, "height": 800})
    window.emulate_media(color_scheme=scheme)
    with served(tmp_path / "report.html") as (address, asked):
        window.goto(address)
        assert window.title() == "reader.py: tracekit report"
        assert not window.evaluate(_WIDER)
        tops = [window.locator(f"#{name}").bounding_box()["y"] for name in ("findings", "timeline", "tasks")]
        assert tops == sorted(tops)
        lightness = window.evaluate("() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (max(lightness) < 100) == (scheme == "dark")
    assert asked == ["/report.html"]
    assert perfetto_page.outside == []
    assert perfetto_page.errors == []
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_comparison(perfetto_page: PerfettoPage, tmp_path: Path, width: int) -> None:
    """The page of a comparison is as self-contained, its picture is drawn, and it fits the window."""
    lanes = [Lane("task", [(0.0, 1.0, "io", "fetch")])]
    rows = [Row(model, wall_s=1.0, walls=[1.0], lanes=lanes) for model in ("threads", "asyncio")]
    page_of_comparison.write(Comparison("mix", "", 4, "3.11.7", 1.0, 1, rows=rows), tmp_path / "report.html")
    window = perfetto_page.page
    window.set_viewport_size({"width": width, "height": 800})
    with served(tmp_path / "report.html") as (address, asked):
        window.goto(address)
        assert not window.evaluate(_WIDER)
        bars = window.locator("svg rect.io")
        assert all(bars.nth(number).bounding_box()["width"] > 100 for number in (1, 2))  # the first one is the legend's
    assert asked == ["/report.html"]
    assert perfetto_page.outside == []
    assert perfetto_page.errors == []


def test_zoom(perfetto_page: PerfettoPage, tmp_path: Path) -> None:
    """Without any script the timeline can be widened, and the mark of a finding leads to its card."""
    made = trace()
    write(made, analyze(made), tmp_path / "report.html")
    window = perfetto_page.page
    with served(tmp_path / "report.html") as (address, _):
        window.goto(address)
        before = window.locator(".sheet").bounding_box()["width"]
        window.locator("label[for=zoom4]").click()
        assert window.locator(".sheet").bounding_box()["width"] == pytest.approx(4 * before, rel=0.01)
        assert not window.evaluate(_WIDER)
        window.locator("#mark-1").click()
        assert window.locator("#finding-1:target").count() == 1


def test_hostile_names(perfetto_page: PerfettoPage, tmp_path: Path) -> None:
    """A program whose names are markup is shown as it is: nothing of it runs, and nothing is asked for."""
    finding = Finding("slug", "error", 0, 1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, {"name": HOSTILE})
    write(trace(HOSTILE), [finding], tmp_path / "report.html")
    window = perfetto_page.page
    with served(tmp_path / "report.html") as (address, asked):
        window.goto(address)
        assert window.title() == f"{HOSTILE}.py: tracekit report"
        assert window.locator("h1").inner_text() == f"{HOSTILE}.py"
        assert window.locator(".finding .said").inner_text() == HOSTILE
        assert window.locator("script, img").count() == 0
    assert asked == ["/report.html"]
    assert perfetto_page.outside == []
    assert perfetto_page.errors == []
