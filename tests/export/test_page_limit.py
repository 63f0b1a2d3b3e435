"""What Perfetto's page can hold: how large a trace is, and what of it fits. Knows files, and no page."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tracekit.export import page_limit
from tracekit.export.page_limit import Fit, fit, say_fit, too_large
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind


@pytest.fixture
def small_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that holds a thousand bytes of JSON, two hundred of protobuf, and is quick with three slices."""
    monkeypatch.setattr(page_limit, "MOST_JSON_BYTES", 1000)
    monkeypatch.setattr(page_limit, "MOST_BYTES", {b"\x0a": 200})
    monkeypatch.setattr(page_limit, "COMFORTABLE", 3)


@pytest.mark.usefixtures("small_page")
@pytest.mark.parametrize(
    ("content", "size"),
    [
        (b"{" * 1000, 0),
        (b"{" * 1001, 1001),
        (b"[" * 300, 0),
        (b"\x0a" * 201, 201),
        (gzip.compress(b"{" * 1000), 0),
        (gzip.compress(b"{" * 5000), 5000),
        (gzip.compress(b"\x0a" * 201), 201),
        (gzip.compress(bytes(range(256)) * 40)[:50], 0),
        (b"", 0),
    ],
)
def test_size_is_what_is_unpacked(tmp_path: Path, content: bytes, size: int) -> None:
    """A file counts by what is in it, each format by its own measure; a broken gzip is for Perfetto to judge."""
    (tmp_path / "trace").write_bytes(content)
    assert too_large(tmp_path / "trace") == size


@pytest.mark.usefixtures("small_page")
def test_what_fits() -> None:
    """The offer is a window with as many slices as the page is quick with, or a length that leaves as many."""
    builder = Builder()
    track = builder.track(TrackKind.THREAD, builder.thread(builder.process(7, "p"), 7, "main", main=True))
    builder.slice(track, 0, 10_000, "main", Category.THREAD)
    for start, length in ((1000, 10), (2000, 300), (3000, 200), (4000, 100)):
        builder.slice(track, start, start + length, "x", Category.SPAN)
    assert fit(builder.build()) == Fit(5, 10_000, 3000, 200)


def test_the_sentence_can_be_copied() -> None:
    """It says how much there is, and both ways to open a part, as commands."""
    said = say_fit("big.json.gz", 2_300_000_000, Fit(9_100_000, 11_600_000_000, 1_904_000_000, 5_000_000))
    assert "big.json.gz holds 2.3 GB unpacked, 9.1 million slices in 11.6 s" in said
    assert "tracekit open big.json.gz --from 0s --to 1.9s;" in said
    assert "tracekit open big.json.gz --least 5ms;" in said
    assert "\n" not in said
    assert "--from" not in say_fit("big.pftrace", 2_300_000_000, None)
