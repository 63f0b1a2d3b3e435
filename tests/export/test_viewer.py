"""The server of Perfetto's page: what it hands out, and to whom. Knows HTTP, and no browser."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tracekit.errors import TracekitError
from tracekit.export.viewer import Viewer


@pytest.fixture
def traces(tmp_path: Path) -> list[Path]:
    """Two files; more than how they begin is no concern of the server."""
    paths = [tmp_path / "one.json.gz", tmp_path / "two <b> é.json"]
    for path in paths:
        path.write_bytes(b"{}" + path.name.encode())
    (tmp_path / "private.json").write_text("private")
    return paths


@contextmanager
def _serving(paths: list[Path]) -> Iterator[Viewer]:
    with Viewer(paths) as viewer:
        thread = threading.Thread(target=viewer.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield viewer
        finally:
            viewer.shutdown()
            thread.join()


def _get(viewer: Viewer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", viewer.server_port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def _trace_path(link: str) -> str:
    """The path of the trace that a link to the page names."""
    (url,) = parse_qs(urlsplit(link).fragment.partition("?")[2])["url"]
    return urlsplit(url).path


def test_hands_out_page_and_traces(traces: list[Path]) -> None:
    """The page, its program, and each trace under its link."""
    with _serving(traces) as viewer:
        status, page, headers = _get(viewer, "/")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert b"Perfetto" in page
        program = next(path for path in viewer.files if path.endswith("/frontend_bundle.js"))
        assert _get(viewer, program)[0] == 200
        for link, path in zip(viewer.links, traces):
            status, body, headers = _get(viewer, _trace_path(link))
            assert (status, body) == (200, b"{}" + path.name.encode())
            assert _get(viewer, _trace_path(link), "HEAD")[:2] == (200, b"")


def test_index_links_each_trace(traces: list[Path]) -> None:
    """Several traces open as a page with one link each; a single one opens at once."""
    with _serving(traces) as viewer:
        page = _get(viewer, urlsplit(viewer.url).path)[1].decode()
        assert page.count("<li>") == 2
        assert "two &lt;b&gt; é.json" in page
    with Viewer(traces[:1]) as viewer:
        assert viewer.url == viewer.links[0]


def test_nobody_else_reads(traces: list[Path]) -> None:
    """Other host names (DNS rebinding), other pages' requests and guesses get nothing, and no header lets them in."""
    with _serving(traces) as viewer:
        path = _trace_path(viewer.links[0])
        own = f"127.0.0.1:{viewer.server_port}"
        assert _get(viewer, path, Host=own, Origin=f"http://{own}", Sec_Fetch_Site="same-origin")[0] == 200
        for headers in (
            {"Host": f"evil.example:{viewer.server_port}"},
            {"Host": f"localhost:{viewer.server_port}"},
            {"Origin": f"http://localhost:{viewer.server_port}"},
            {"Host": "127.0.0.1"},
            {"Host": ""},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1:1"},
            {"Sec_Fetch_Site": "cross-site"},
            {"Sec_Fetch_Site": "same-site"},
        ):
            assert _get(viewer, path, **headers)[0] == 403
        assert _get(viewer, "/0/one.json.gz")[0] == 404
        assert _get(viewer, "/localtrace")[0] == 404
        assert "Access-Control-Allow-Origin" not in _get(viewer, path)[2]


def test_page_may_load_from_nowhere_else(traces: list[Path]) -> None:
    """Whatever is served carries a policy that names this server, what the page makes itself, and no other host."""
    with _serving(traces) as viewer:
        program = next(path for path in viewer.files if path.endswith("/frontend_bundle.js"))
        for path in ("/", program, urlsplit(viewer.url).path, _trace_path(viewer.links[0])):
            policy = dict(part.split(" ", 1) for part in _get(viewer, path)[2]["Content-Security-Policy"].split("; "))
            assert policy["default-src"] == "'self'"
            sources = {source for part in policy.values() for source in part.split()}
            assert all(source in ("blob:", "data:") or source[0] == "'" for source in sources)


@pytest.mark.parametrize("climb", ["..", "%2e%2e", "..%2f..", "%2e%2e%2f", "....//", "..\\", "%00", "%ff"])
def test_no_way_out(traces: list[Path], climb: str) -> None:
    """No path leads to a file that is neither the page's nor one of the traces."""
    with _serving(traces) as viewer:
        folder = _trace_path(viewer.links[0]).rpartition("/")[0]
        for path in (
            f"/{climb}/__init__.py",
            f"/{climb}/{climb}/{climb}/etc/passwd",
            f"{folder}/{climb}/private.json",
            f"{folder}/private.json",
            f"//{climb}{traces[0].parent}/private.json",
            str(traces[0].parent / "private.json"),
        ):
            assert _get(viewer, path)[0] == 404
        assert _get(viewer, "/trace_processor")[0] == 404


def test_only_reading(traces: list[Path]) -> None:
    """Anything but GET and HEAD is refused."""
    with _serving(traces) as viewer:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert _get(viewer, "/", method)[0] == 501


def test_trace_gone(traces: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    """A trace that is deleted later is not found, and a client that hangs up or sends nonsense leaves no traceback."""
    with _serving(traces) as viewer:
        traces[0].unlink()
        assert _get(viewer, _trace_path(viewer.links[0]))[0] == 404
        for nonsense in (b"", b"\xff\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 70000 + b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", viewer.server_port)) as client:
                client.sendall(nonsense)
        assert _get(viewer, "/")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_only_loopback(traces: list[Path]) -> None:
    """The server listens on 127.0.0.1 and nowhere else."""
    with Viewer(traces) as viewer:
        assert viewer.server_address[0] == "127.0.0.1"


def test_cannot_serve(traces: list[Path], tmp_path: Path) -> None:
    """A file that is not there, a folder, no trace at all, a port that is taken or is none: one clear error each."""
    (tmp_path / "empty.json").touch()
    bad = {"none.json": "cannot be read", "": "is a directory", "empty.json": "is empty", "private.json": "no trace"}
    for name, message in bad.items():
        with pytest.raises(TracekitError, match=message):
            Viewer([tmp_path / name])
    with Viewer(traces) as viewer:
        for port in (viewer.server_port, 70000):
            with pytest.raises(TracekitError, match=f"port {port} cannot be used"):
                Viewer(traces, port)


_PROGRAM = """
import sys
from pathlib import Path
from tracekit.export.viewer import serve
serve([Path(sys.argv[1])], open_browser=False, ready=lambda url: print(url, flush=True))
print("over")
"""


def test_serves_until_interrupt(traces: list[Path]) -> None:
    """`serve` tells its address once it listens, and returns at Ctrl-C."""
    command = [sys.executable, "-c", _PROGRAM, str(traces[0])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)):
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("over\n", "", 0)
