"""`tracekit observe`: looks at a session that a program leads itself, until that ends. Started by `tk.start`, never by hand."""

from __future__ import annotations

import os
import time

import click

from tracekit.clock import monotonic_ns
from tracekit.observe.live import Live
from tracekit.observe.sampler import Observer
from tracekit.options import Options
from tracekit.spool import layout

_PATIENCE_NS = 10_000_000_000  # until the leader's recording is there
_ASK_NS = 100_000_000


@click.command(hidden=True)
@click.argument("directory")
@click.argument("leader", type=int)
@click.argument("options")
@click.option("--stay", is_flag=True, help="For all recordings that LEADER makes there, until it ends or removes DIRECTORY.")
def command(directory: str, leader: int, options: str, stay: bool) -> None:
    """Observe the session in DIRECTORY until the process LEADER has ended its recording."""
    asked = Options.from_text(options)
    live = Live(directory)
    observer = Observer(directory, live, asked.threshold, asked.limits())
    interval = 1 / max(1, asked.rate)
    seen = False
    patience = monotonic_ns() + _PATIENCE_NS
    next_ask = 0
    try:
        while True:
            now = monotonic_ns()
            observer.look(live.look(now), now)
            if now >= next_ask:
                next_ask = now + _ASK_NS
                goes_on = _is_there(directory, leader) if stay else _records(live, leader)
                if not goes_on and (stay or seen or now >= patience):
                    return
                seen = seen or goes_on
            time.sleep(interval)
    finally:
        observer.close()
        live.close()


def _is_there(directory: str, leader: int) -> bool:
    return os.path.isdir(directory) and os.path.exists(f"/proc/{leader}")


def _records(live: Live, leader: int) -> bool:
    return any(
        tails.header[layout.H_PID] == leader and live.is_recording(path) for path, tails in list(live.tails.items())
    )
