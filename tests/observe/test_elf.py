"""ELF: dynamic symbols are found where the loader finds them, and other files have none."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest

from tracekit.observe.elf import symbol
from tracekit.observe.runtime import Runtime


def test_the_interpreters_state() -> None:
    """Of this very process, the interpreter's state lies where the loader says."""
    address = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    runtime = Runtime(os.getpid())
    runtime.close()

    assert runtime.main.start == address
    assert len(runtime.main) > 100


def test_a_symbol_that_is_not_there() -> None:
    """A name that a file does not have is not found."""
    assert symbol(sys.executable, "tracekit_has_no_such_symbol") is None


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01" + b"\xff" * 58], ids=repr)
def test_other_files(tmp_path: Path, data: bytes) -> None:
    """What is no executable, or half of one, has no symbols."""
    path = tmp_path / "file"
    path.write_bytes(data)

    assert symbol(str(path), "_PyRuntime") is None


def test_a_damaged_library(tmp_path: Path) -> None:
    """An executable that is cut off anywhere is no error."""
    whole = Path(sys.executable).resolve().read_bytes()
    path = tmp_path / "python"
    for size in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:size])
        symbol(str(path), "_PyRuntime")
