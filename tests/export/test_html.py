"""The page that a report is, from traces laid out by hand. Knows no browser and no recording."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
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
        "h3",
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
    headings = ["Findings", "Timeline", "Kinds of work", "Threads", "Tasks", "Event loops"]
    headings += ["Turns", "Processes", "Notes"]
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


def test_a_place_is_told_once() -> None:
    """A place that the sentence tells already is not told again below it."""
    finding = Finding(
        "slug", "warning", 0.5, 0.25, "track", "It happened in work (/app.py:3).", "", "work", "/app.py", 3
    )
    assert Parsed(html_of(blocked(), [finding])).text.count("work (/app.py:3)") == 1


def test_a_sum_of_waits() -> None:
    """What several threads waited together, longer than the trace was, is told as a sum and not as a time that went by."""
    finding = Finding("slug", "warning", 0.25, 3.0, "track", "They waited.", "")
    text = Parsed(html_of(blocked(), [finding])).text
    assert "from 250 ms on, 3.00 s in all" in text
    assert "for 3.00 s" not in text


def test_stack_and_who_waited() -> None:
    """The stack that was seen and those who waited can be unfolded, the innermost call first, and how many more there were."""
    details = {
        "stack": [
            {"function": "inner", "file": "/app.py", "line": 3},
            {"function": "outer", "file": "/app.py", "line": 9},
        ],
        "delayed": [{"task": "early", "by_s": 0.25}, {"task": HOSTILE, "by_s": None}],
        "delayed_count": 1200,
    }
    finding = Finding("slug", "warning", 0.5, 0.25, "track", "It happened.", "", details=details)
    text = html_of(blocked(), [finding])
    self_contained(text)
    unfolded = Parsed(text[text.index("<details>") : text.index("</details>") + len("</details>")]).text
    assert unfolded.index("inner (/app.py:3)") < unfolded.index("outer (/app.py:9)")
    assert f"early (250 ms), {HOSTILE} (not known) and 1,198 more" in unfolded


def test_few_of_those_who_waited() -> None:
    """Of many who waited only the first are named, the others counted."""
    details = {"delayed": [{"task": f"task {number}", "by_s": 1.0} for number in range(50)]}
    text = Parsed(html_of(blocked(), [Finding("slug", "info", 0, 1, "", "It happened.", "", details=details)])).text
    assert "task 9 (1.00 s) and 40 more" in text
    assert "task 10 (1.00 s)" not in text


def test_no_stack_no_details() -> None:
    """Where no more is known of a finding there is nothing to unfold."""
    finding = Finding("slug", "warning", 0.5, 0.25, "track", "It happened.", "", details={"stack": [], "delayed": []})
    assert "<details>" not in html_of(blocked(), [finding])


def test_killed() -> None:
    """An exit status that stands for a signal says which; a process that was killed says so as well."""
    builder = Builder("app.py")
    builder.process(10, "app.py", started=0, ended=MS, status=-9)
    text = Parsed(html_of(builder.build(exit_status=137))).text
    assert "exit status137 killed by SIGKILL" in text
    assert text.count("killed by SIGKILL") == 2
    builder = Builder("app.py")
    builder.process(10, "app.py", started=0, ended=MS, status=137)
    assert "killed" not in Parsed(html_of(builder.build(exit_status=137))).text


def test_by_coroutine() -> None:
    """Of more tasks than a table shows, all are summed up by coroutine; of fewer, nothing is said twice."""
    assert "All tasks, by coroutine" not in Parsed(html_of(blocked(tasks=5))).text
    text = html_of(blocked(tasks=50))
    body = text.partition("All tasks, by coroutine")[2].partition("</section>")[0]
    row = Parsed(body[body.index("<tbody>") : body.index("</tbody>") + len("</tbody>")]).words
    assert row[:6] == ["reader", "50", "0", "20.0 ms", "0 s", "0 s"]


@pytest.mark.parametrize("name", ["", " \n"])
def test_names_that_nobody_sees(name: str) -> None:
    """A thing without a name, or with one of blanks, has no empty cell in its stead."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", started=0, ended=100 * MS)
    thread = builder.thread(process, 10, "MainThread", started=0, ended=100 * MS)
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, 90 * MS, name, Category.SPAN)
    body = html_of(builder.build()).partition('id="kinds"')[2].partition("</section>")[0]
    first = Parsed(
        f"<table><tr>{body.partition('<tbody><tr>')[2].partition('</table>')[0]}".partition("</tr>")[0]
        + "</tr></table>"
    )
    assert first.words[0] == (repr(name) if name else "(no name)")


def test_long_names() -> None:
    """A name of hundreds of characters is cut in a table, and whole for the mouse."""
    name = "x" * 400
    text = html_of(blocked(name, tasks=1))
    section = text.partition('id="threads"')[2].partition("</section>")[0]
    assert f'<span title="{name}">{"x" * 99}…</span>' in section


def test_axis_where_there_is_little_room() -> None:
    """Every other word at the axis is marked as one that may go, the first never, and no two neighbours."""
    parsed = Parsed(html_of(blocked()))

    plain = [
        at.get("class") for tag, at in parsed.elements if tag == "span" and str(at.get("class")).split()[0] == "at1"
    ]
    assert "between" not in str(plain[0])
    assert ["between" in str(one) for one in plain] == [bool(number % 2) for number in range(len(plain))]


def test_no_link_to_nothing() -> None:
    """What stands at the top of a page leads to sections that are there, also where there is no timeline."""
    parsed = Parsed(html_of(Builder("nothing").build()))
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    links = [str(attributes["href"]) for tag, attributes in parsed.elements if tag == "a"]
    assert links
    assert {link[1:] for link in links} <= ids


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


def test_marks_keep_apart() -> None:
    """Marks of findings that came soon after one another lie in rows, and those with more digits take more room."""
    findings = [Finding("slug", "info", at / 1000, 0.001, "", "It happened.", "") for at in range(0, 24 * 25, 25)]
    body = html_of(blocked(), findings).partition('<span class="name muted">findings</span>')[2]
    rows = body.partition('<div class="lane">')[0].split('<div class="row">')[1:]
    starts = [[float(at) for at in re.findall(r'style="left:([\d.]+)%"', row)] for row in rows]
    assert sum(map(len, starts)) == 24
    for row in starts:
        assert all(later - one >= (2.2 if one < 22.5 else 3.0) - 1e-6 for one, later in pairwise(row))


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
    assert "those that ran or were held up longest; not drawn: 36 threads and 2,960 tasks." in Parsed(text).text
    assert "and 2,975 more: tracekit report --json has all of them" in Parsed(text).text


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
