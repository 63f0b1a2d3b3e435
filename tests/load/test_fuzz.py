"""Every reader on files that are damaged, hostile or made to burst it: a trace or one clear error. Knows no format.

The corpus is what tools really write; what is done to it is drawn by chance, from a seed that a failure names.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from foreign_events import event, unhurried, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from tracekit.analyze import analyze
from tracekit.errors import TracekitError
from tracekit.export.report_json import text
from tracekit.export.write import write
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.spool import layout

PROGRAM = """
    import asyncio
    import tracekit as tk

    async def child(k):
        with tk.span("child", k=k):
            await asyncio.sleep(0.001)

    async def main():
        await asyncio.gather(child(1), child(2))
        await asyncio.to_thread(sum, (1, 2))

    asyncio.run(main())
    tk.instant("done", a="\\u00e9")
    tk.counter("queue", depth=2)
"""

EVENTS = [
    whole(at, 10, "f (a.py:1)", cat="fee", args={"a": ["x", {"b": 1.5}], "\u00e9": "\U0001f600"})
    for at in range(0, 100, 20)
] + [
    event("B", 3, "b", tid=2),
    event("E", 9, "b", tid=2),
    event("b", 4, "request", id=1),
    event("e", 6, "request", id=1),
    event("s", 5, id="0x1"),
    event("f", 6, tid=2, id="0x1", bp="e"),
    event("C", 5, args={"x": 1}),
    event("i", 5),
    event("P", 0, "Profile", id=1, args={"data": {"startTime": 0}}),
    event(
        "P",
        0,
        "ProfileChunk",
        id=1,
        args={
            "data": {
                "cpuProfile": {"nodes": [{"id": 1, "callFrame": {"functionName": "f"}}], "samples": [1, 1]},
                "timeDeltas": [1, 5],
            }
        },
    ),
    event("M", name="thread_name", args={"name": "main"}),
]
TOKENS = (
    *(
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-1",
        b"9" * 5000,
        b"\\ud800",
        b"null",
    ),
    *(b"\xff", b"\0" * 8, b"[" * 3000, b'{"a":' * 3000, b";", b"\n", b"true", b"1e-999", b'{"ph":"X"}', b"\x1f\x8b"),
    *(number.to_bytes(8, "little") for number in (1, 4095, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of everything that `load` reads."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "app.py").write_text(textwrap.dedent(PROGRAM))
    run = ["run", "--quiet", "--locks", "--viztracer=max_stack_depth=5", "--keep-session", "-o", "own.json", "app.py"]
    subprocess.run([sys.executable, "-m", "tracekit", *run], cwd=folder, check=True, capture_output=True, timeout=100)
    (folder / "own.tracekit").rename(folder / "session")
    trace = load(folder / "own.json")
    write(trace, [], folder / "own.json.gz")
    write(trace, [], folder / "own.pftrace")
    (folder / "list.json").write_text(json.dumps(EVENTS, ensure_ascii=False))
    document = {
        "displayTimeUnit": "ns",
        "traceEvents": EVENTS,
        "viztracer_metadata": {"overflow": False},
        "samples": [],
    }
    (folder / "object.json").write_text(json.dumps(document, indent=1))
    (folder / "packed.json").write_bytes(gzip.compress(json.dumps(document).encode()))
    (folder / "stacks.txt").write_text('process 5:"app.py";thread (5): main;f (a.py:1);g 12\nmain (b.py:3);h 2\n')
    return folder


def damage(data: bytes, chance: random.Random) -> bytes:
    """The same with some bytes flipped, left out, put in, said twice, or cut off."""
    found = bytearray(data)
    written = [at for at, byte in enumerate(data[: 1 << 17]) if byte] or [0]
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not found:
            break
        at = min(chance.choice(written), len(found) - 1)
        size = chance.choice((1, 2, 8, 100, 4096))
        token = chance.choice(TOKENS)
        match chance.randrange(7):
            case 0:
                found[at] = chance.randrange(256)
            case 1:
                found[at] ^= 1 << chance.randrange(8)
            case 2:
                found[at : at + len(token)] = token
            case 3:
                found[at:at] = token
            case 4:
                del found[at : at + size]
            case 5:
                other = min(chance.choice(written), len(found) - 1)
                found[at : at + size] = found[other : other + size]
            case 6 if chance.random() < 0.3:
                del found[at:]
    return bytes(found)


def taken(path: Path) -> Trace | None:
    """The trace of a file, which every question can be asked of; None where it is refused in one line."""
    try:
        trace = load(path)
    except TracekitError as error:
        refusal = str(error)
    else:
        assert list(text(trace, analyze(trace)))
        return trace
    assert "\n" not in refusal
    return None


FILES = ("own.json", "own.json.gz", "own.pftrace", "list.json", "object.json", "packed.json", "stacks.txt")
FOREIGN = ("list.json", "object.json", "packed.json", "stacks.txt")


@pytest.mark.parametrize("name", FILES)
@settings(unhurried, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_damaged_files(name: str, corpus: Path, seed: int) -> None:
    """Whatever is damaged in a file, it is a trace or one clear error; a trace of another tool's file is a sound one."""
    path = corpus / f"damaged-{name}"
    path.write_bytes(damage((corpus / name).read_bytes(), random.Random(seed)))
    trace = taken(path)
    assert trace is None or name not in FOREIGN or check(trace) == []


@settings(unhurried, max_examples=80)
@given(seed=st.integers(0, 2**32))
def test_damaged_sessions(corpus: Path, seed: int) -> None:
    """Whatever is damaged in a file of a session, there is a trace of the rest, or one clear error."""
    chance = random.Random(seed)
    copy = corpus / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(corpus / "session", copy)
    path = chance.choice(sorted(path for path in copy.iterdir() if path.stat().st_size))
    path.write_bytes(damage(path.read_bytes(), chance))
    taken(copy)


@settings(unhurried, max_examples=80)
@given(seed=st.integers(0, 2**32))
def test_spools_that_lie(corpus: Path, seed: int) -> None:
    """Whatever number stands in place of any that says how much there is and where, the spool is read, or refused in one line."""
    chance = random.Random(seed)
    source = max((corpus / "session").glob("*.spool"), key=lambda path: path.stat().st_size)
    words = bytearray(source.read_bytes())
    blocks = [0, *range(layout.HEADER_BYTES, len(words), layout.BLOCK_BYTES)]
    for _ in range(chance.choice((1, 2, 4))):
        at = chance.choice(blocks) + 8 * chance.randrange(16)
        value = chance.choice((0, 1, 2, 63, 4096, len(words), 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1))
        words[at : at + 8] = value.to_bytes(8, "little")
    path = corpus / "lies.spool"
    path.write_bytes(words)
    taken(path)


FIELDS = ("ph", "ts", "dur", "pid", "tid", "name", "cat", "id", "id2", "bp", "s", "scope", "bind_id", "args", "sf")


def nested_everywhere() -> bytes:
    """Events of all kinds, each with deep lists in place of one field."""
    deep = b"[" * 900 + b"]" * 900
    events = []
    for kind in "XBEbneSTFiCMPstf":
        whole_event = {
            "ph": kind,
            "ts": 1,
            "dur": 1,
            "pid": 1,
            "tid": 1,
            "id": 1,
            "bind_id": 1,
            "flow_in": True,
            "args": {"data": {}},
        }
        for field in FIELDS:
            text = json.dumps({**whole_event, field: "DEEP"}).encode()
            events.append(text.replace(b'"DEEP"', deep))
    tables = b'"stackFrames":{"1":{"name":%b,"parent":%b}},"samples":[{"tid":1,"ts":1,"sf":%b},{"tid":1,"ts":1,"sf":1}]'
    return b'{"traceEvents":[' + b",".join(events) + b"]," + tables % (deep, deep, deep) + b"}"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "deep lists": lambda: b"[" * 2_000_000,
    "deep objects": lambda: b'{"traceEvents":[' + b'{"a":' * 500_000,
    "deep arguments": lambda: b'[{"ph":"X","ts":0,"dur":1,"args":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
    "giant numbers": lambda: b'[{"ph":"X","ts":' + b"9" * 100_000 + b',"dur":1e999,"pid":' + b"9" * 400 + b"}]",
    "no numbers": lambda: b'[{"ph":"X","ts":NaN,"dur":-Infinity},{"ph":"X","ts":1,"dur":1,"args":{"a":NaN}}]',
    "halves of pairs": lambda: b'[{"ph":"X","ts":1,"dur":1,"name":"\\ud83d","args":{"\\udc00":"\\ud83d"}}]',
    "no UTF-8": lambda: b'[{"ph":"X","ts":1,"dur":1,"name":"\xff\xfe\x80"}]',
    "zeros": lambda: b'[{"ph":"X","ts":1,"dur":1,"name":"a\0b"}]' + b"\0" * 100_000,
    "long text": lambda: b'[{"ph":"X","ts":1,"dur":1,"name":"' + b"x" * 3_000_000 + b'"}]',
    "one name each": lambda: (
        b"[" + b",".join(b'{"ph":"X","ts":1,"dur":1,"tid":%d,"name":"%d"}' % (n, n) for n in range(3000)) + b"]"
    ),
    "only our beginning": lambda: b'{"traceEvents":[\n{"ph":"M","name":"tracekit",',
    "only the magic": lambda: layout.MAGIC.to_bytes(8, "little") + b"\xff" * 5000,
    "packets": lambda: b"\n" + b"\xff" * 5000,
    "empty packets": lambda: b"\n\0" * 100_000,
    "deep everywhere": nested_everywhere,
    "deep stacks": lambda: b"a;" * 100_000 + b"b 1\n" * 5,
    "large counts": lambda: b"a;b 999999999999999999\n" * 50,
    "text": lambda: b"What is this?\n" * 1000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str, tmp_path: Path) -> None:
    """What is made to break a reader is a trace or one clear error: as a file, gzipped, and as every file of a session."""
    data = HOSTILE[name]()
    path = tmp_path / "file"
    for content in (data, gzip.compress(data, 1)):
        path.write_bytes(content)
        taken(path)
    for part in ("1-1.spool", "session.json", "1-1-calls-1.json", "py-spy-1.json"):
        (tmp_path / part).write_bytes(data[: 1 << 20])
        taken(tmp_path)


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Files that unpack to a hundred times their size and more are read or refused by a process that may take little memory."""
    for at, data in enumerate(
        (b" ", b"[", b'{"a":', b'[{"ph":"X"},', b"a;b 1\n", b'{"traceEvents":[\n{"ph":"M","name":"tracekit",', b"\n\0")
    ):
        (tmp_path / f"{at}.gz").write_bytes(
            gzip.compress(b'{"traceEvents":[' * (at > 4) + data * ((12 << 20) // len(data)), 1)
        )
    code = """
        import resource, sys
        from pathlib import Path
        from tracekit.errors import TracekitError
        from tracekit.load import load
        import tracekit.load.foreign.chrome, tracekit.load.chrome_json, numpy
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + (200 << 20),) * 2)
        for path in sys.argv[1:]:
            try:
                load(path)
            except TracekitError as error:
                print(error)
    """
    paths = [str(path) for path in sorted(tmp_path.glob("*.gz"))]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *paths], capture_output=True, text=True, timeout=200, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
