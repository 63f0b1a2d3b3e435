"""Permission: asked for where the kernel wants it, and nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracekit.record import permission


@pytest.fixture(autouse=True)
def nobody_is_allowed() -> Iterator[None]:
    """Afterwards, nobody is named."""
    yield
    permission.allow(0)


@pytest.mark.parametrize(("text", "scope"), [("0\n", 0), ("1\n", 1), ("3\n", 3), ("", 0), ("garbage", 0)])
def test_scope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, scope: int) -> None:
    """The kernel's setting is read; without one, everybody may."""
    file = tmp_path / "ptrace_scope"
    file.write_text(text)
    monkeypatch.setattr(permission, "_SCOPE", str(file))
    assert permission.scope() == scope
    file.unlink()
    assert permission.scope() == 0


@pytest.mark.parametrize(("scope", "loaded"), [("0", False), ("1", True), ("2", False)])
def test_asks_only_where_it_helps(tmp_path: Path, scope: str, loaded: bool) -> None:
    """Only where ancestors alone may look, the kernel is told; a kernel without Yama that refuses is no trouble."""
    file = tmp_path / "ptrace_scope"
    file.write_text(scope)
    code = (
        "import sys; from tracekit.record import permission; "
        f"permission._SCOPE = {str(file)!r}; permission.allow({os.getpid()}); print('ctypes' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "PYTHONPATH": _root()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == str(loaded)
    assert result.stderr == ""


def _root() -> str:
    return str(Path(permission.__file__).parents[2])
