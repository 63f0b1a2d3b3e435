"""Threshold: the option that says what a block is, the same for each command that looks for blocks. Knows no command."""

from __future__ import annotations

import click

from tracekit.options import DEFAULT_THRESHOLD

threshold_option = click.option(
    "--threshold",
    default=DEFAULT_THRESHOLD,
    show_default=True,
    metavar="DURATION",
    help="A step of an event loop longer than this is a block.",
)
