"""The page that a report is, from traces laid out by hand. Knows no browser and no recording."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hand_made_states import lay_states
from hypothesis import HealthCheck, given, settings

from tests.export.traces import traces
from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.errors import TracekitError
from tracekit.export.html import page, write
from tracekit.export.report_json import report
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Trace, TrackKind

MS = 1_000_000
HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'>"
EMPTY = {"meta", "input", "wbr"}
TAGS = {
    *EMPTY,
    *(
        "html",
        "head",
        "title",
        "style",
        "body",
        "main",
        "header",
        "footer",
        "section",
        "article",
        "nav",
        "h1",
        "h2",
        "p",
        "a",
    ),
    *("dl", "dt", "dd", "div", "span", "i", "b", "small", "code", "label", "ul", "li", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


class Parsed(HTMLParser):
    """A page taken apart: its elements in order, its text by the elements that it stands in, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.headings: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words.append(data)
        if self._open[-1:] == ["h2"]:
            self.headings.append(data)

    @property
    def text(self) -> str:
        """All that a person reads, titles of the mouse left out."""
        return "".join(self.words)


def html_of(trace: Trace, findings: list[Finding] | None = None) -> str:
    """The page as one text."""
    return "".join(page(trace, analyze(trace) if findings is None else findings))


def blocked(name: str = "reader", tasks: int = 3) -> Trace:
    """A loop that one task blocks while others wait, on a thread that was watched."""
    builder = Builder(f"{name}.py")
    process = builder.process(10, name, started=0, ended=1000 * MS, python="3.11.7")
    thread = builder.thread(process, 10, name, started=0, ended=1000 * MS, main=True)
    loop = builder.loop(process, thread, name)
    builder.loops[loop].running, builder.loops[loop].open = 300 * MS, 1000 * MS
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000 * MS, name, Category.THREAD)
    for number in range(tasks):
        task = builder.task(
            process,
            loop,
            f"{name} {number}",
            coroutine=name,
            created=0,
            ended=1000 * MS,
            file=f"/{name}.py",
            outcome="done",
        )
        start, end = number * 1000 * MS // tasks, (number + 1) * 1000 * MS // tasks
        builder.slice(track, start, end, f"{name} {number}", Category.STEP, task=task)
        on_task = builder.track(TrackKind.TASK, task)
        builder.slice(on_task, 0, 1000 * MS, name, Category.TASK, task=task)
        builder.slice(on_task, 0, start, name, Category.READY, task=task)
        builder.slice(on_task, start, end, name, Category.RUNNING, task=task)
    lay_states(builder, thread, (500, "running"), (250, "waiting for the GIL"), (250, "sleeping"))
    builder.note(f"something of {name} was dropped")
    return builder.build(exit_status=3)


def test_findings_first() -> None:
    """What was run, then what was found with its advice, then the timeline, then tables, then what is not known."""
    trace = blocked()
    findings = analyze(trace)
    parsed = Parsed(html_of(trace, findings))
    order = ["reader.py", findings[0].sentence, findings[-1].sentence, "What each thread ran", "something of reader"]
    places = [parsed.text.index(part) for part in order]
    assert places == sorted(places)
    headings = ["Findings", "Timeline", "Kinds of work", "Threads", "Tasks", "Event loops", "Processes", "Notes"]
    assert parsed.headings == headings
    assert findings[0].severity in parsed.text
    for words in findings[0].advice.split("`"):
        assert words in parsed.text


def test_place_of_a_finding() -> None:
    """A finding tells the function, the file and the line, and the library that was seen in between."""
    library = {"name": "lib", "version": "1.2", "function": "inner", "file": "/lib/inner.py", "line": 7}
    finding = Finding(
        "slug", "warning", 0.5, 0.25, "track", "It happened.", "Do `this`.", "work", "/app.py", 3, library
    )
    text = Parsed(html_of(blocked(), [finding])).text
    assert "work (/app.py:3) in lib 1.2: inner (/lib/inner.py:7)" in text
    assert "at 500 ms for 250 ms" in text
    assert "Do this." in text


def test_nothing_found() -> None:
    """Where there is no finding the page says what was looked at."""
    trace = blocked(tasks=100)
    assert "No finding: no step of an event loop was longer than" in Parsed(html_of(trace, [])).text


def test_tables_are_the_report() -> None:
    """The tables have a row for each row of `report --json`, as far as they go."""
    trace = blocked(tasks=5)
    text = html_of(trace)
    told = report(trace, [])
    for key in ("threads", "tasks", "loops", "processes"):
        section = re.search(rf'<section id="{key}">|id="{key}"', text)
        assert section is not None
        body = text[section.start() :].partition("</section>")[0]
        assert body.count("<tr>") - 1 == len(told[key]), key


def test_states_add_up() -> None:
    """The bar of a thread is as wide as what was seen of it, each state by its share."""
    text = html_of(blocked())
    assert 'title="running 50%, waiting for the GIL 25%, sleeping 25%"' in text


def test_lanes() -> None:
    """Threads and tasks lie on one time axis; what they did is told by the title of each piece."""
    parsed = Parsed(html_of(blocked(tasks=4)))
    pieces = [attributes for tag, attributes in parsed.elements if tag == "i" and "title" in attributes]
    running = [
        piece for piece in pieces if (piece["class"] or "").startswith("compute") and "reader" in str(piece["title"])
    ]
    assert [piece["style"] for piece in running] == [f"left:{at}.0000%;width:25.0000%" for at in (0, 25, 50, 75)]
    assert running[1]["title"] == "reader, 250 ms, at 250 ms"


def test_marks_lead_to_findings() -> None:
    """Each finding has a mark on the timeline that leads to it, and leads back to the mark."""
    parsed = Parsed(html_of(blocked()))
    ids = [attributes.get("id") for _, attributes in parsed.elements]
    links = [str(attributes["href"]) for tag, attributes in parsed.elements if tag == "a"]
    assert links
    assert all(link.startswith("#") and ids.count(link[1:]) == 1 for link in links)
    assert {"#finding-1", "#mark-1"} <= set(links)


def self_contained(text: str) -> None:
    """Asserts that a page is whole in itself and that nothing in it could run or be fetched."""
    parsed = Parsed(text)
    assert {tag for tag, _ in parsed.elements} <= TAGS
    for _, attributes in parsed.elements:
        assert not {"src", "srcset", "action", "background", "data", "poster"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
        assert str(attributes.get("href", "#")).startswith("#")
        assert re.fullmatch(r"[a-z:;%.\d]*", str(attributes.get("style", "")))
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(attributes["content"] for _, attributes in parsed.elements if attributes.get("http-equiv"))
    assert str(policy).startswith("default-src 'none'; style-src 'unsafe-inline';")


def test_hostile_names() -> None:
    """Whatever a program, a thread, a task or a finding is called, it is text."""
    finding = Finding(HOSTILE, "error", 0, 1, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1, {"name": HOSTILE})
    text = html_of(blocked(HOSTILE), [finding])
    self_contained(text)
    assert HOSTILE in Parsed(text).text


@given(traces())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_trace(trace: Trace) -> None:
    """Any trace is a page that is whole in itself and can be written."""
    text = html_of(trace)
    self_contained(text)
    text.encode()


def test_bounded() -> None:
    """Of many tasks, threads and slices the page shows as many as one can read, says so, and stays small."""
    builder = Builder("busy.py")
    process = builder.process(10, "busy", started=0, ended=100_000_000)
    for number in range(60):
        thread = builder.thread(process, 100 + number, f"worker {number}", started=0, ended=100_000_000)
        track = builder.track(TrackKind.THREAD, thread)
        builder.slice(track, 0, 100_000_000, "worker", Category.THREAD)
        for at in range(0, 100_000_000, 100_000):
            builder.slice(track, at, at + 70_000, "job", Category.JOB)
    for number in range(3000):
        task = builder.task(process, None, f"Task-{number}", created=number, outcome="done", running=number)
        builder.slice(builder.track(TrackKind.TASK, task), number, number + 10_000, "run", Category.RUNNING, task=task)
    text = html_of(builder.build())
    assert len(text) < 3_000_000
    assert "Not drawn: 36 threads and 2960 tasks, which did less." in Parsed(text).text
    assert "and 2975 more: tracekit report --json has all of them" in Parsed(text).text


def test_nothing() -> None:
    """A trace of nothing is a page as well."""
    text = html_of(Builder("nothing").build())
    self_contained(text)
    assert "Nothing was recorded of this program" in Parsed(text).text


def test_write(tmp_path: Path) -> None:
    """The page takes the place of what was there; nothing else is left."""
    out = tmp_path / "report.html"
    out.write_text("old")
    write(blocked(), [], out)
    assert out.read_text().startswith("<!doctype html>")
    assert out.read_text().rstrip().endswith("</html>")
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["report.json", "report", "html"])
def test_wrong_name(tmp_path: Path, name: str) -> None:
    """A name that no browser takes for a page is refused before anything is written."""
    with pytest.raises(TracekitError, match=r"Let the name end in \.html"):
        write(blocked(), [], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_directory(tmp_path: Path) -> None:
    """A page that cannot be written is an error of one line."""
    with pytest.raises(TracekitError, match="cannot be written"):
        write(blocked(), [], tmp_path / "absent" / "report.html")
