"""Takes the README's picture: traces in the real Perfetto, side by side. Knows pages, and nothing of the traces.

python -m tests.perfetto.screenshot OUT.png TRACE...
"""

from __future__ import annotations

import argparse
import base64
import html
import sys
import tempfile
import threading
from pathlib import Path

from tests.perfetto.page import PerfettoPage, missing
from tracekit.export.viewer import Viewer

_WIDTH = 900
_HIGHEST = 1200
# The sidebar is already closed where the page was opened by a link; what else is no track only takes room.
_BARE = """() => {
  const app = window.app;
  if (app.sidebar.visible) app.sidebar.toggleVisibility();
  document.querySelectorAll('.pf-topbar, .pf-statusbar').forEach(bar => bar.style.display = 'none');
  window.raf.scheduleFullRedraw();
}"""


def take(paths: list[Path], folder: Path) -> list[Path]:
    """A PNG of each trace with all its tracks open, written into `folder`."""
    pictures = []
    with Viewer(paths) as viewer:
        serving = threading.Thread(target=viewer.serve_forever)
        serving.start()
        try:
            for number, link in enumerate(viewer.links):
                pictures.append(folder / f"{number}.png")
                with PerfettoPage(width=_WIDTH, height=500) as window:
                    window.open(link)
                    if window.dialogs():
                        raise SystemExit(f"{paths[number]}: {window.dialogs()[0]}")
                    window.page.evaluate(_BARE)
                    window.expand()
                    window.fit(_HIGHEST)
                    window.picture(pictures[-1])
        finally:
            viewer.shutdown()
            serving.join()
    return pictures


def join(pictures: list[Path], captions: list[str], out: Path) -> None:
    """One PNG of all pictures side by side, each below its caption."""
    figures = (
        f"<figure><figcaption>{html.escape(caption)}</figcaption>"
        f"<img src='data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}'></figure>"
        for picture, caption in zip(pictures, captions)
    )
    style = (
        "body {margin: 0; display: inline-flex; align-items: flex-start; background: white; font: 20px sans-serif}"
        "figure {margin: 8px} figcaption {padding: 8px; font-weight: bold} img {display: block; border: 1px solid #bbb}"
    )
    with PerfettoPage(width=len(pictures) * (_WIDTH + 20)) as window:
        window.page.set_content(f"<meta charset=utf-8><style>{style}</style>{''.join(figures)}")
        window.page.wait_for_function("() => [...document.images].every(image => image.complete)")
        window.page.locator("body").screenshot(path=out)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Writes a picture of traces in Perfetto, side by side.")
    parser.add_argument("out", type=Path, metavar="OUT.png")
    parser.add_argument("traces", type=Path, nargs="+", metavar="TRACE")
    parser.add_argument(
        "--caption", action="append", default=[], help="one for each trace; its file's name where left out"
    )
    options = parser.parse_args()
    if missing():
        sys.exit(f"no picture without Perfetto: {missing()}")
    captions = [*options.caption, *(path.name for path in options.traces[len(options.caption) :])]
    with tempfile.TemporaryDirectory() as folder:
        join(take(options.traces, Path(folder)), captions, options.out)


if __name__ == "__main__":
    main()
