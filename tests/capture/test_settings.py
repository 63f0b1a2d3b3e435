"""What may be asked of viztracer: as text, as its arguments, and in the environment of child processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracekit.capture.settings import arguments, settled
from tracekit.errors import UsageError
from tracekit.options import Options


def test_everything_that_may_be_asked() -> None:
    """Numbers, durations, paths and flags are read, with - and _ alike."""
    asked = (
        "tracer-entries=2000, max_stack_depth=7,min_duration=10us,include_files=/a:/b,ignore_c_function,log-func-args"
    )

    assert arguments(asked) == {
        "tracer_entries": 2000,
        "max_stack_depth": 7,
        "min_duration": 10.0,
        "include_files": ["/a", "/b"],
        "ignore_c_function": True,
        "log_func_args": True,
    }
    assert arguments("") == {}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("log_async", "given no 'log_async'"),
        ("tracer_entries", "a number from 1"),
        ("tracer_entries=0", "a number from 1"),
        ("tracer_entries=-5", "a number from 1"),
        ("tracer_entries=999999999999", "a number from 1"),
        ("min_duration=soon", "no duration"),
        ("min_duration", "needs a duration"),
        ("ignore_frozen=yes", "no value"),
        ("include_files=", "paths"),
        ("include_files=/a,exclude_files=/b", "either"),
    ],
)
def test_what_may_not(asked: str, told: str) -> None:
    """Whatever does not read is one line that says what would."""
    with pytest.raises(UsageError) as caught:
        arguments(asked)

    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths_hold_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is meant as it is where it is given, whatever the directory of a child process."""
    monkeypatch.chdir(tmp_path)

    assert settled("exclude_files=lib") == f"exclude_files={tmp_path}{os.sep}lib"


@pytest.mark.parametrize(
    "asked", [None, "", "ignore_frozen,max_stack_depth=3,min_duration=1.5us,include_files=/a,b:/c"]
)
def test_children_are_asked_the_same(asked: str | None) -> None:
    """What is asked for survives the way through an environment variable, also that nothing is."""
    options = Options(viztracer=asked)

    assert Options.from_text(options.to_text()).viztracer == asked
    assert Options.from_text("viztracer=zz").viztracer is None
