"""The page that `tracekit open` serves, in a real browser. Knows what is to be seen, and nothing of how it is drawn."""

import threading
from pathlib import Path

import pytest

from tests.perfetto import screenshot
from tests.perfetto.page import PerfettoPage
from tracekit.export.chrome_json import write
from tracekit.export.viewer import Viewer
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind

pytestmark = pytest.mark.perfetto


def _trace() -> Trace:
    builder = Builder("program.py")
    process = builder.process(4711, "program")
    thread = builder.thread(process, 4711, "MainThread", main=True)
    on_thread = builder.track(TrackKind.THREAD, thread)
    builder.slice(on_thread, 0, 5_000_000, "MainThread", Category.THREAD)
    builder.slice(on_thread, 1_000_000, 4_000_000, "reader", Category.STEP)
    task = builder.task(process, None, "reader", coroutine="read_all")
    on_task = builder.track(TrackKind.TASK, task)
    builder.slice(on_task, 1_000_000, 4_000_000, "reader (read_all)", Category.TASK, task=task)
    return builder.build()


def test_page_shows_trace(perfetto_page: PerfettoPage, tmp_path: Path) -> None:
    """The page loads the trace without a complaint, and has a track for the thread and one for the task."""
    write(_trace(), [], tmp_path / "trace.json.gz")
    with Viewer([tmp_path / "trace.json.gz"]) as viewer:
        serving = threading.Thread(target=viewer.serve_forever)
        serving.start()
        try:
            perfetto_page.open(viewer.url)
            assert perfetto_page.dialogs() == []
            assert perfetto_page.import_errors() == 0
            assert perfetto_page.errors == []
            assert perfetto_page.outside == []
            tracks = perfetto_page.tracks()
            assert any("MainThread" in name for name in tracks)
            assert any("reader (read_all)" in name for name in tracks)
            assert perfetto_page.page.title().startswith("trace.json.gz")
        finally:
            viewer.shutdown()
            serving.join()


@pytest.mark.usefixtures("browser")
def test_picture_of_two(tmp_path: Path) -> None:
    """The README's picture holds all traces that it is asked for, one beside the other."""
    for name in ("one.json", "two.json"):
        write(_trace(), [], tmp_path / name)
    pictures = screenshot.take([tmp_path / "one.json", tmp_path / "two.json"], tmp_path)
    screenshot.join(pictures, ["one", "two"], tmp_path / "both.png")
    widths = [_width(path) for path in (*pictures, tmp_path / "both.png")]
    assert widths[2] > widths[0] + widths[1]


def _width(picture: Path) -> int:
    """The width that the header of a PNG gives."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return int.from_bytes(head[16:20], "big")
