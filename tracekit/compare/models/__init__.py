"""The models of concurrency that a workload can be run under, one a file. Loads only the one that is asked for.

Each has `run(plan, journal)`, which gives the results by name, and `missing()`, which says why it cannot run here, or "". One
that has to change the process before the workload is loaded does so in `prepare()`.
"""

from __future__ import annotations

from tracekit.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODELS = (
    "sequential",
    "threads",
    "thread-pool",
    "processes",
    "process-pool",
    "asyncio",
    "asyncio+threads",
    "asyncio+processes",
    "gevent",
    "trio",
    "interpreters",
)


def get(name: str) -> Any:
    """The module of a model.

    Raises:
        UsageError: there is no such model.
    """
    from importlib import import_module

    if name not in MODELS:
        raise UsageError(f"no model is called {name!r}: there are {', '.join(MODELS)}")
    return import_module(f"tracekit.compare.models.{name.replace('-', '_').replace('+', '_')}")


def prepare(name: str) -> None:
    """Make this process ready for a model, before the workload is loaded.

    Raises:
        UsageError: there is no such model.
        TracekitError: it cannot run here.
    """
    from tracekit.errors import TracekitError

    model = get(name)
    missing = model.missing()
    if missing:
        raise TracekitError(f"{name} cannot run here: {missing}")
    if hasattr(model, "prepare"):
        model.prepare()
