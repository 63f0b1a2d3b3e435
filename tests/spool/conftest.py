"""Fixtures of this room: the two cores, so that a promise is tested on both. Knows no recorder."""

from __future__ import annotations

from typing import Any

import pytest

from tracekit.spool import buffer, mapping, names, settle
from tracekit.spool.core import core


class Reference:
    """The core in Python, as one object like the extension module."""

    Buffer = buffer.Buffer
    Names = names.Names
    settle = staticmethod(settle.settle)
    map_words = staticmethod(mapping.map_words)


CORES = [pytest.param(Reference, id="py")]
if core.fast is not None:
    CORES.append(pytest.param(core.fast, id="c"))


@pytest.fixture(params=CORES)
def made_by(request: pytest.FixtureRequest) -> Any:
    """One core after the other."""
    return request.param
