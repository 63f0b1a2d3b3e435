"""Small files of the kernel's. Knows what this process is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracekit.spool import kernel_files


def test_read() -> None:
    """What the kernel tells of this process is read whole."""
    assert kernel_files.read("/proc/self/stat").startswith(f"{os.getpid()} (".encode())
    assert kernel_files.read("/proc/self/stat").endswith(b"\n")


def test_read_leaves_nothing_open(tmp_path: Path) -> None:
    """No descriptor is left behind, neither by a read nor by one that fails."""
    before = os.listdir("/proc/self/fd")
    kernel_files.read("/proc/self/stat")
    with pytest.raises(IsADirectoryError):
        kernel_files.read(str(tmp_path))
    assert os.listdir("/proc/self/fd") == before


def test_read_what_is_not_there(tmp_path: Path) -> None:
    """What is not there is the system's own error."""
    with pytest.raises(FileNotFoundError):
        kernel_files.read(str(tmp_path / "none"))


def test_is_there(tmp_path: Path) -> None:
    """Files and directories are there or not."""
    assert kernel_files.is_there(str(tmp_path))
    assert not kernel_files.is_there(str(tmp_path / "none"))
