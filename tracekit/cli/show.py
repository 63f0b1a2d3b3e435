"""Show: a trace that was just written, in Perfetto, unless it is more than the page can hold. Knows the viewer."""

from __future__ import annotations

from pathlib import Path

from tracekit.cli.progress import progress
from tracekit.errors import TracekitError
from tracekit.export.page_limit import fit, say_fit, too_large
from tracekit.export.viewer import serve
from tracekit.load import load


def show(trace: str) -> None:
    """Opens a trace in the browser, and serves it until Ctrl-C.

    Raises:
        TracekitError: it is too large, or cannot be served.
    """
    refuse_too_large(trace)
    serve([trace])


def refuse_too_large(trace: str) -> None:
    """Offers a part of a trace that is more than the page can hold. Of one that cannot be read the viewer tells.

    Raises:
        TracekitError: it is too large.
    """
    path = Path(trace)
    try:
        size = too_large(path) if path.is_file() else 0
    except OSError:
        return
    if not size:
        return
    try:
        with progress(f"reading {trace}") as done:
            found = fit(load(path, done))
    except TracekitError:  # of what only Perfetto reads no part can be made
        found = None
    raise TracekitError(say_fit(trace, size, found))
