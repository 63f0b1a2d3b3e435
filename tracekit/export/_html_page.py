"""What all pages have in common: how they begin and end, their policy, facts and notes. Knows no trace and no comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tracekit._version import __version__
from tracekit.errors import TracekitError
from tracekit.export._html_style import style
from tracekit.export._markup import Markup, element, joined
from tracekit.export._replacing import write_pieces

ENDINGS = (".html", ".htm")
# The browser may draw what stands on the page, and nothing else: no script, no address, whatever a program's text is.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write_page(out: Path, pieces: Iterable[str]) -> None:
    """Writes a page; `out` appears in one piece or not at all.

    Raises:
        TracekitError: the name ends otherwise than a page's, or the file cannot be written.
    """
    if not out.name.lower().endswith(ENDINGS):
        raise TracekitError(f"{out} is no name of a page that a browser opens. Let the name end in .html.")
    write_pieces(out, (piece.encode() for piece in pieces))


def opening(title: str) -> Markup:
    """Everything before the first thing that is seen."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style())),
    )
    return joined(Markup("<!doctype html>\n"), Markup('<html lang="en">'), head, Markup("<body><main>\n"))


def closing() -> Markup:
    """Everything behind the last section."""
    return joined(element("footer", f"tracekit {__version__}"), Markup("</main></body></html>\n"))


def fact(name: str, value: str, more: str = "") -> Markup:
    """A number at the top of a page, with its name, and what it is a part of."""
    return element("div", element("dt", name), element("dd", value, element("small", more) if more else None))


def notes(said: Sequence[str]) -> Markup:
    """The section of notes; nothing where there are none."""
    if not said:
        return Markup("")
    return element(
        "section",
        element("h2", "Notes"),
        element("p", "What must be known before the numbers are believed.", class_="note"),
        element("ul", *(element("li", note) for note in said)),
        id="notes",
    )
