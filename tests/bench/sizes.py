"""Sizes: from a spool of many spans to a finished file, in seconds, memory and bytes, ours beside viztracer, orjson and json.

    python tests/bench/sizes.py [--spans N …] [--rivals-up-to N] [--times N] [--json PATH]

prints the tables, and keeps the figures for sizes_picture.py where asked.
Each case runs in processes of its own, which say what they took; what they import is not counted.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import sheet
from recorded import recording

THREADS, NAMES, INNER = 8, 200, 4  # each span of the outermost holds so many
FORMATS = (".json", ".json.gz", ".pftrace")
CORES = {"c": "C core", "py": "Python"}
STAGES = ("load", "analyze", "write")
TIMES = 3  # that a case is run, of which the quickest counts

Taken = dict[str, float]  # seconds of all, of the processor and of each stage, MB at the most, MB of the file


def measure(spans: int, rivals: bool = True, times: int = TIMES) -> dict[str, Taken]:
    """What each way takes, by its name; what is not installed is left out.

    Args:
        spans: how many are recorded, by eight threads one after the other.
        rivals: whether the others are measured too.
        times: that each is run.
    """
    found: dict[str, Taken] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        _run("record", folder, str(spans))
        for ending in FORMATS:
            for core, language in CORES.items():
                found[f"tracekit {ending}, {language}"] = _best(times, "finish", folder, ending, core=core)
        for name in RIVALS if rivals else ():
            found[name] = _best(times, "rival", folder, str(spans), name)
    return {name: taken for name, taken in found.items() if taken}


def _best(times: int, *arguments: str, core: str = "") -> Taken:
    runs = [_run(*arguments, core=core) for _ in range(times)]
    return min(runs, key=lambda taken: taken.get("all", 0))


def _run(*arguments: str, core: str = "") -> Taken:
    """What one case printed; nothing where it cannot run here."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    environment = {**os.environ, "TRACEKIT_CORE": core} if core else None
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        print(f"{' '.join(arguments[::2])}: {result.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return json.loads(result.stdout) if result.returncode == 0 else {}


def table(spans: int, found: dict[str, Taken]) -> str:
    """The rows of one size."""
    heads = ("", "s", "of a core", *STAGES, "memory, MB", "file, MB", "model, bytes a span")
    rows = [
        (
            name,
            f"{of['all']:.2f}",
            f"{of['processor']:.2f}",
            *(f"{of[stage]:.2f}" if stage in of else "" for stage in STAGES),
            f"{of['memory']:,.0f}",
            f"{of['file']:,.1f}",
            f"{of['model']:.0f}" if "model" in of else "",
        )
        for name, of in found.items()
    ]
    return sheet.table(f"{spans:,} spans, from the recording to the file", heads, rows)


def per_span(found: dict[int, dict[str, Taken]]) -> str:
    """What a span takes of a core by how many there are: where that is the same, cost is linear."""
    ours = [name for name in next(iter(found.values()), {}) if name.startswith("tracekit")]
    rows = [
        (name, *(f"{of[name]['processor'] / spans * 1e9:,.0f}" if name in of else "" for spans, of in found.items()))
        for name in ours
    ]
    return sheet.table("Nanoseconds of a core for each span", ("spans", *(f"{spans:,}" for spans in found)), rows)


# What the processes do.


def _record(folder: str, spans: str) -> Taken:
    import tracekit as tk

    sites = [tk.span(f"name {number}") for number in range(NAMES)]

    def work(rounds: int) -> None:
        for number in range(rounds):
            with sites[number % NAMES]:
                for at in range(INNER):
                    with sites[(number + at) % NAMES]:
                        pass

    with recording(folder):
        for share in _shares(int(spans)):
            thread = threading.Thread(target=work, args=(share // (INNER + 1),))
            thread.start()
            thread.join()
    return {"file": _megabytes(*Path(folder).glob("*.spool"))}


def _shares(spans: int) -> Iterator[int]:
    return repeat(spans // THREADS, THREADS)


def _finish(folder: str, ending: str) -> Taken:
    from tracekit.analyze import analyze
    from tracekit.export.write import write
    from tracekit.load import load, session
    from tracekit.load.memory import return_freed

    assert session
    return_freed()
    out = Path(folder) / f"out{ending}"
    before, stages = _anonymous(), [_times()]
    trace = load(folder)
    stages.append(_times())
    findings = analyze(trace)
    stages.append(_times())
    write(trace, findings, out)
    stages.append(_times())
    most = _most_memory()
    ctypes.CDLL(None).malloc_trim(0)  # what is free is not the model's
    return {
        **{stage: end[0] - begin[0] for stage, begin, end in zip(STAGES, stages, stages[1:])},
        "all": stages[-1][0] - stages[0][0],
        "processor": stages[-1][1] - stages[0][1],
        "memory": most,
        "file": _megabytes(out),
        "model": (_anonymous() - before) / len(trace.slices),
    }


def _rival(folder: str, spans: str, name: str) -> Taken:
    out = Path(folder) / "out.json"
    save = RIVALS[name](int(spans), out)
    begin = _times()
    save()
    end = _times()
    return {"all": end[0] - begin[0], "processor": end[1] - begin[1], "memory": _most_memory(), "file": _megabytes(out)}


def _viztracer(spans: int, out: Path) -> Callable[[], Any]:
    import viztracer

    tracer = viztracer.VizTracer(tracer_entries=spans + 1000, verbose=0, output_file=str(out))
    space: dict[str, Any] = {}
    for number in range(NAMES):  # its spans are functions
        exec(f"def name_{number}(): pass", space)
    functions = [space[f"name_{number}"] for number in range(NAMES)]

    def work(share: int) -> None:
        for number in range(share):
            functions[number % NAMES]()

    tracer.start()
    for share in _shares(spans):
        thread = threading.Thread(target=work, args=(share,))
        thread.start()
        thread.join()
    tracer.stop()
    return tracer.save


def _events(spans: int) -> list[dict[str, Any]]:
    names = [f"name {number}" for number in range(NAMES)]
    return [
        {"ph": "X", "name": names[at % NAMES], "pid": 1, "tid": at % THREADS, "ts": at * 1.001, "dur": 0.999}
        for at in range(spans)
    ]


def _orjson(spans: int, out: Path) -> Callable[[], Any]:
    import orjson

    def save() -> None:  # the dictionaries are made out of what was recorded, so that takes time as well
        out.write_bytes(orjson.dumps({"traceEvents": _events(spans)}))

    return save


def _json(spans: int, out: Path) -> Callable[[], Any]:
    def save() -> None:
        with out.open("w") as file:
            json.dump({"traceEvents": _events(spans)}, file)

    return save


RIVALS: dict[str, Callable[[int, Path], Callable[[], Any]]] = {
    "viztracer, save() of as many calls": _viztracer,
    "dictionaries, orjson": _orjson,
    "dictionaries, json": _json,
}


def _megabytes(*paths: Path) -> float:
    return sum(path.stat().st_size for path in paths) / 1e6


def _most_memory() -> float:
    """MB; the pages of mapped files among them."""
    return _status("VmHWM") / 1e6


def _times() -> tuple[float, float]:
    """Now, by the clock and by the processor."""
    return time.perf_counter(), time.process_time()


def _anonymous() -> int:
    return _status("RssAnon")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this kernel does not tell how much memory a process takes")


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rivals-up-to", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--times", type=int, default=TIMES, metavar="N")
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    found = {}
    for spans in options.spans:
        found[spans] = measure(spans, rivals=spans <= options.rivals_up_to, times=options.times)
        print(table(spans, found[spans]), flush=True)
        if options.json:
            options.json.write_text(json.dumps({str(size): ways for size, ways in found.items()}, indent=1))
    print(per_span(found))


_CASES: dict[str, Callable[..., Taken]] = {"record": _record, "finish": _finish, "rival": _rival}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in _CASES:
        print(json.dumps(_CASES[sys.argv[1]](*sys.argv[2:])), flush=True)
    else:
        _main()
