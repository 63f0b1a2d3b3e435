"""A trace as a file that Perfetto reads: itself, or what is made of it for as long as it takes. Knows how to load and write."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tracekit.export import chrome_json
from tracekit.load import load
from tracekit.model.trace import Trace

_ENDINGS = re.compile(r"(\.(json|pftrace|tracekit))?(\.gz)?$")


@contextmanager
def perfetto_file(
    path: str | os.PathLike[str], made: Callable[[Trace], Trace] | None = None, suffix: str = ""
) -> Iterator[Path]:
    """A file of a trace that Perfetto reads.

    Args:
        path: a session's directory, or a trace; one that Perfetto reads is given as it is.
        made: what of the trace is wanted; then it is written anew.
        suffix: what the name of such a file says of it, since Perfetto shows that.

    Raises:
        TracekitError: the trace cannot be read or written.
    """
    path = Path(path)
    if made is None and not path.is_dir():
        yield path
        return
    trace = load(path)
    with tempfile.TemporaryDirectory(prefix="tracekit-") as folder:
        file = Path(folder) / f"{_ENDINGS.sub('', path.resolve().name) or 'trace'}{suffix}.json"
        chrome_json.write(trace if made is None else made(trace), [], file)
        yield file
