"""`tracekit`: the command that the others hang on; turns tracekit's own errors into one line and exit code 2.

Knows the commands by name only and loads one when it is called: `run` must not wait for what `report` needs.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from tracekit._version import __version__
from tracekit.cli.diagnostics import say
from tracekit.errors import TracekitError

# Name -> the line that `tracekit --help` shows, so that it need not load them.
COMMANDS = {
    "run": "Run a program and write a trace of it.",
    "attach": "Watch a running program that knows nothing of tracekit.",
    "report": "Say what a trace shows: findings, then tables.",
    "open": "Look at traces in Perfetto, in the browser, without internet.",
    "query": "Ask a trace in SQL, as Perfetto understands it, without internet.",
    "convert": "Turn traces into another format, or several into one.",
    "compare": "Run a workload as threads, as processes, as coroutines, and tell which fits.",
    "advise": "Tell what another model would bring: what to change, where, and how sure that is.",
    "diff": "Tell what changed between two traces of a program.",
    "check": "Tell whether a trace is sound.",
    "dump": "Write out what a running session holds.",
    "recover": "Make a trace of a session that nobody finished.",
    "doctor": "Tell what works on this machine, and what to do about what does not.",
}
# Started by tracekit itself.
HIDDEN = ("observe",)


class Commands(click.Group):
    """A group whose commands live in modules of their own, loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS and cmd_name not in HIDDEN:
            return None
        command: click.Command = importlib.import_module(f"tracekit.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TracekitError as error:
            say("failed", str(error), "error")
            raise SystemExit(2) from None


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="`tracekit COMMAND --help` tells more. Start with: tracekit run SCRIPT.py. TRACEKIT_CORE=c or py in the "
    "environment picks the core that records, the one in C or the one in Python; `tracekit doctor` tells which it is. "
    "TRACEKIT_LOG=json has tracekit say what it says as JSON, one object a line.",
)
@click.version_option(__version__, message="tracekit %(version)s")
def cli() -> None:
    """tracekit shows how a Python program spends its time between its threads, its processes and its coroutines: who
    ran, who waited, for whom, and what froze the event loop."""


def main() -> None:
    """The entry point."""
    try:
        cli.main(prog_name="tracekit")
    except BrokenPipeError:  # `tracekit report … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
