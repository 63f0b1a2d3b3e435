"""What the tests of compare share: a run of a workload in a child of its own. Knows no workload and no model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Run(NamedTuple):
    """How a child ended, what it said, and what it wrote down (empty where it failed)."""

    status: int
    stdout: str
    stderr: str
    told: dict[str, Any]


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., Run]:
    """Runs a workload, given as source or as what names it, under a model, from a directory where nothing lies."""

    def run(
        source: str,
        model: str,
        scale: str = "1",
        name: str = "",
        core: str = "",
        before: tuple[str, ...] = (),
        out: Path = tmp_path / "out.json",
    ) -> Run:
        spec = source
        if "\n" in source:
            file = tmp_path / "programs" / "jobs.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(source))
            spec = f"{file}{name}"
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        out.unlink(missing_ok=True)
        command = [sys.executable, "-m", *before, "tracekit.compare.child", spec, model, scale, str(out)]
        environment = {**os.environ, **({"TRACEKIT_CORE": core} if core else {})}
        done = subprocess.run(
            command, env=environment, cwd=elsewhere, capture_output=True, text=True, timeout=100, check=False
        )
        told = json.loads(out.read_text()) if out.exists() else {}
        return Run(done.returncode, done.stdout, done.stderr, told)

    return run
