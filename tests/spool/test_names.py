"""Names: every text comes back as it was, or marked as cut or missing. Knows the spool below, and no recorder."""

from __future__ import annotations

import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracekit.spool import layout
from tracekit.spool.file import Limits, SpoolFile
from tracekit.spool.names import Names
from tracekit.spool.reader import read_spool


def _names(directory: Path, max_bytes: int = 0, core: Any = None) -> tuple[SpoolFile, Names, list[Any]]:
    spool = SpoolFile(str(directory), limits=Limits(max_bytes))
    told: list[Any] = []
    made = Names if core is None else core.Names
    return spool, made(spool, lambda *why: told.append(why)), told


def _kept(text: str) -> str:
    """What a spool keeps of a text: no lone surrogates, and no more than NAME_BYTES."""
    data = text.encode("utf-8", "replace")[: layout.NAME_BYTES]
    return data.decode("utf-8", "ignore")


any_text = st.text(st.characters(codec=None), max_size=60) | st.builds(
    lambda text, times: text * times, st.text(st.characters(), min_size=1, max_size=5), st.integers(1, 3000)
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(any_text, max_size=40))
def test_any_text(made_by: Any, tmp_path: Path, texts: list[str]) -> None:
    """Whatever the texts are, each id leads to its text; equal texts have one id."""
    spool, names, told = _names(tmp_path, core=made_by)

    ids = [names.intern(text) for text in texts]

    read = read_spool(spool.path)
    assert [read.names[number] for number in ids] == [_kept(text) for text in texts]
    assert len(set(ids)) == len(set(texts))
    assert read.notes == told == []


def test_lone_surrogates(made_by: Any, tmp_path: Path) -> None:
    """File names of no encoding come as surrogates, which UTF-8 cannot hold: a question mark stands for each."""
    spool, names, _ = _names(tmp_path, core=made_by)

    number = names.intern("a\udcffb")

    assert read_spool(spool.path).names[number] == "a?b"


def test_long_texts(made_by: Any, tmp_path: Path) -> None:
    """A text longer than the limit is cut between two characters."""
    spool, names, _ = _names(tmp_path, core=made_by)

    number = names.intern("x" + "é" * layout.NAME_BYTES)

    text = read_spool(spool.path).names[number]
    assert text == "x" + "é" * ((layout.NAME_BYTES - 1) // 2)


def test_recalled(made_by: Any, tmp_path: Path) -> None:
    """A text has an id from its second sight on; what is seen once takes no room."""
    spool, names, _ = _names(tmp_path, core=made_by)

    once = [names.recall(f"name {number}") for number in range(25_000)]
    constant = [names.recall("constant") for _ in range(4)]

    assert set(once) == {0}
    assert constant[0] == 0
    assert len(set(constant[1:])) == 1
    assert constant[1] == names.intern("constant")
    assert read_spool(spool.path).names == {constant[1]: "constant"}


def test_the_table_is_bounded(made_by: Any, tmp_path: Path) -> None:
    """However many texts are asked for, the table ends; a text that comes again has one id or none."""
    spool, names, _ = _names(tmp_path, core=made_by)

    ids = {f"name {number}": names.intern(f"name {number}") for number in range(70_000)}
    recalled = [names.recall(text) for text in ("new", "new", "name 5")]

    read = read_spool(spool.path).names
    kept = {text: number for text, number in ids.items() if number}
    assert {text: read.get(number) for text, number in kept.items()} == {text: text for text in kept}
    assert 60_000 < len(read) < 66_000
    assert recalled == [0, 0, ids["name 5"]]


def test_long_texts_are_bounded(made_by: Any, tmp_path: Path) -> None:
    """The bytes that names take on disk are bounded as well."""
    spool, names, _ = _names(tmp_path, core=made_by)

    ids = [names.intern(f"{number} " + "x" * 4000) for number in range(4000)]

    assert ids[-1] == 0
    assert Path(spool.path).stat().st_size < 20 << 20


def test_threads(made_by: Any, tmp_path: Path) -> None:
    """Texts that many threads write at once are all there."""
    spool, names, _ = _names(tmp_path, core=made_by)
    ids: dict[str, int] = {}

    def work(which: int) -> None:
        for number in range(500):
            text = f"{which} {number}" if number % 2 else f"common {number}"
            ids[text] = names.intern(text)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(which,)) for which in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    read = read_spool(spool.path).names
    assert {text: read[number] for text, number in ids.items()} == {text: text for text in ids}


def test_no_room(made_by: Any, tmp_path: Path) -> None:
    """Past the cap a text has id 0, and whoever asked to be told is told why."""
    spool, names, told = _names(tmp_path, max_bytes=1, core=made_by)

    ids = [names.intern(f"name {number} " + "x" * 1000) for number in range(100)]

    kept = [number for number in ids if number]
    assert 0 < len(kept) < 100
    assert set(ids[len(kept) :]) == {0}
    assert len(read_spool(spool.path).names) == len(kept)
    assert {ended for ended, _ in told} == {layout.ENDED_MAX_SIZE}


def test_abandoned(tmp_path: Path) -> None:
    """After a fork the child, whose memory is the parent's file, writes no name into it, even if a lock was held."""
    spool, names, told = _names(tmp_path)
    known = names.intern("known")
    held = threading.Event()
    release = threading.Event()

    def hold() -> None:
        with names._lock:
            held.set()
            release.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    names.abandon()
    assert names.intern("new") == 0
    assert names.intern("known") == known
    release.set()
    thread.join()

    assert read_spool(spool.path).names == {known: "known"}
    assert told == []


def test_interrupt_in_the_middle(tmp_path: Path) -> None:
    """A text whose writing is interrupted is lost; those that are written afterwards are not."""
    spool, names, _ = _names(tmp_path)
    first = names.intern("first")

    class Interrupting:
        """Words that an interrupt comes upon."""

        def __setitem__(self, *_: object) -> None:
            raise KeyboardInterrupt

    names._words = Interrupting()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        names.intern("second")
    third = names.intern("third")

    assert read_spool(spool.path).names == {first: "first", third: "third"}


def test_signal_handler_in_the_middle(made_by: Any, tmp_path: Path) -> None:
    """A handler that writes texts of its own, wherever it comes, tears none, and what it wrote is found."""
    spool, names, _ = _names(tmp_path, core=made_by)
    wanted: dict[str, int] = {}
    generator = random.Random(5)

    def handler(*_: object) -> None:
        text = f"handler {len(wanted)}" + "y" * (len(wanted) % 50)
        wanted[text] = names.intern(text)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for number in range(20_000):
            if number % 20 == 0:
                signal.setitimer(signal.ITIMER_REAL, generator.uniform(1e-6, 3e-5))
            text = f"main {number}" + "x" * (number % 300)
            written = names.intern(text)
            wanted[text] = written
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    read = read_spool(spool.path)
    assert {text: read.names.get(number) for text, number in wanted.items()} == {text: text for text in wanted}
    assert read.notes == []
    assert any(text.startswith("handler") for text in wanted)


def test_kill_in_a_signal_handler(tmp_path: Path) -> None:
    """A text that a handler writes in the middle of another one can be read, even if that other one is never finished."""
    spool, names, _ = _names(tmp_path)
    first = names.intern("first")
    real = names._words
    seen: list[dict[int, str]] = []

    class Interrupted:
        """Words that a handler comes upon; what a kill in it would leave is looked at."""

        def __setitem__(self, place: Any, value: Any) -> None:
            if not seen:
                seen.append({})
                inner = names.intern("inner")
                seen.append({inner: "inner"})
                seen.append(dict(read_spool(spool.path).names))
            real[place] = value

    names._words = Interrupted()  # type: ignore[assignment]
    outer = names.intern("outer")

    _, inner, left = seen
    assert left == {first: "first", **inner}
    assert read_spool(spool.path).names == {first: "first", outer: "outer", **inner}
