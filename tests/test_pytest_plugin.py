"""The pytest plugin, in runs of pytest of its own. Knows what pytest prints and which files there are then, and no recording."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import tracekit as tk
from tracekit.load import load
from tracekit.model.check import check

pytest_plugins = ["pytester"]

BLOCKS = """
import asyncio, time

def crunch():
    time.sleep(0.3)

async def work():
    await asyncio.sleep(0)
    crunch()
    await asyncio.sleep(0)

def test_blocks():
    asyncio.run(work())
"""
# So long that nothing which is not asked for can hold a loop for it, however busy the machine is.
LENIENT = "--tracekit-max-block=60s"


@pytest.fixture(autouse=True)
def ini(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of pytest have settings of their own, in which warnings are errors as well, and the plugins that they ask for."""
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider --strict-markers\nfilterwarnings = error\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Runs pytest in a process of its own."""
    return pytester.runpytest_subprocess("-p", "tracekit.pytest_plugin", *arguments, timeout=120)


def traces(pytester: pytest.Pytester) -> list[str]:
    """What lies where traces are kept; nothing where there is no such place."""
    kept = pytester.path / "traces"
    return sorted(entry.name for entry in kept.iterdir()) if kept.exists() else []


def test_a_test_that_blocks_fails(pytester: pytest.Pytester) -> None:
    """A test that holds its loop for too long fails, with culprit, verdict and advice; its sound trace is kept."""
    pytester.makepyfile(test_it=BLOCKS)

    result = run(pytester, "--tracekit")

    result.assert_outcomes(failed=1)
    assert re.search(
        r"^(crunch|work) \(test_it\.py:\d+\) blocked the event loop for [\d.]+ m?s.* \(max_block is 50 ms; verdict: \w+\)$",
        result.stdout.str(),
        re.MULTILINE,
    )
    result.stdout.fnmatch_lines(
        ["*held the event loop for*", "*await*", "trace: traces/test_it.py-test_blocks.json.gz"]
    )
    result.stdout.fnmatch_lines(
        ["*traces (tracekit open TRACE)*", "traces/test_it.py-test_blocks.json.gz  test_it.py::test_blocks"]
    )
    assert traces(pytester) == ["test_it.py-test_blocks.json.gz"]
    trace = load(str(pytester.path / "traces" / traces(pytester)[0]))
    assert check(trace) == []
    assert trace.program == "test_it.py::test_blocks"
    assert "work" in {task.coroutine for task in trace.tasks}


def test_what_blocks_nothing_passes(pytester: pytest.Pytester) -> None:
    """Tests that block no loop pass, also where they take long without one; nothing is left of their recordings."""
    pytester.makepyfile(
        """
        import asyncio, time, pytest

        @pytest.mark.tracekit(max_block="60s")
        def test_awaits():
            asyncio.run(asyncio.sleep(0.1))

        def test_without_a_loop():
            time.sleep(0.1)
        """
    )

    result = run(pytester, "--tracekit")

    result.assert_outcomes(passed=2)
    assert traces(pytester) == []
    assert not (pytester.path / "traces").exists()


def test_the_mark_alone(pytester: pytest.Pytester) -> None:
    """A test that bears the mark is traced without the option, with the limit that the mark sets; others are not traced."""
    pytester.makepyfile(
        BLOCKS
        + """
import pytest

@pytest.mark.tracekit(max_block="50ms")
def test_strict():
    asyncio.run(work())

@pytest.mark.tracekit(max_block="60s")
def test_lenient():
    asyncio.run(work())

@pytest.mark.tracekit
def test_as_the_option_says():
    asyncio.run(work())
"""
    )

    result = run(pytester, "-v", LENIENT)

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*::test_strict FAILED*"])
    assert len(traces(pytester)) == 1


def test_the_mark_goes_before_the_option(pytester: pytest.Pytester) -> None:
    """Where every test is traced, a mark still sets the limit of its own."""
    pytester.makepyfile(BLOCKS + '\nimport pytest\npytestmark = pytest.mark.tracekit(max_block="60s")\n')

    run(pytester, "--tracekit", "--tracekit-max-block=1ms").assert_outcomes(passed=1)


def test_its_own_error_comes_first(pytester: pytest.Pytester) -> None:
    """A test that fails by itself keeps its own error; that it blocked, too, and where its trace is, stands below."""
    pytester.makepyfile(test_it=BLOCKS + "    assert 1 == 2\n")

    result = run(pytester, "--tracekit")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E       assert 1 == 2", "*- tracekit -*", "*blocked the event loop*", "trace: traces/*"]
    )
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_blocks - assert 1 == 2"])


def test_a_failing_test_keeps_its_trace(pytester: pytest.Pytester) -> None:
    """A traced test that fails without a block has its trace kept as well; one that is skipped or expected to fail has not."""
    pytester.makepyfile(
        test_it="""
        import pytest

        def test_fails():
            assert False

        def test_skips():
            pytest.skip("not now")

        @pytest.mark.xfail
        def test_expected():
            assert False
        """
    )

    result = run(pytester, "--tracekit", LENIENT)

    result.assert_outcomes(failed=1, skipped=1, xfailed=1)
    assert traces(pytester) == ["test_it.py-test_fails.json.gz"]
    assert "blocked" not in result.stdout.str()


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("max_block=50", 'max_block=50 has no unit; write @pytest.mark.tracekit(max_block="50ms")'),
        ("max_block='50'", "max_block: '50' is no duration"),
        ("'50ms'", "it takes no '50ms' without a name"),
        ("limit='50ms'", "it knows no limit"),
    ],
)
def test_a_wrong_mark(pytester: pytest.Pytester, mark: str, said: str) -> None:
    """A mark that cannot be carried out fails its test with one line that says why, and no other test."""
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.tracekit({mark})
        def test_wrong():
            pass

        def test_right():
            pass
        """
    )

    result = run(pytester)

    result.assert_outcomes(passed=1, failed=1)
    assert f"@pytest.mark.tracekit: {said}" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--tracekit-max-block=soon",), "*'soon' is no duration*"),
        (("--tracekit-dir=conftest.py",), "*cannot*conftest.py*"),
    ],
)
def test_wrong_options(pytester: pytest.Pytester, arguments: tuple[str, ...], said: str) -> None:
    """An option that cannot be carried out is an error of usage, before any test is run."""
    pytester.makeconftest("")
    pytester.makepyfile("def test_it(): pass")

    result = run(pytester, "--tracekit", *arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --tracekit: {said}"])


def test_pytest_asyncio(pytester: pytest.Pytester) -> None:
    """Coroutines that pytest-asyncio runs are traced, on a loop of their own and on one that outlives the test."""
    pytest.importorskip("pytest_asyncio")
    pytester.makepyfile(
        """
        import asyncio, time, pytest

        @pytest.mark.asyncio
        async def test_blocks():
            await asyncio.sleep(0)
            time.sleep(0.3)

        @pytest.mark.asyncio(loop_scope="module")
        async def test_also_blocks():
            time.sleep(0.3)

        @pytest.mark.asyncio(loop_scope="module")
        @pytest.mark.tracekit(max_block="60s")
        async def test_awaits():
            await asyncio.sleep(0.1)
        """
    )

    scope = "asyncio_default_fixture_loop_scope=function"
    result = run(pytester, "-p", "pytest_asyncio.plugin", "-o", scope, "--tracekit")

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["test_blocks (*:*) blocked the event loop*", "test_also_blocks (*:*) blocked the event loop*"]
    )


def test_other_ways_to_run_a_coroutine(pytester: pytest.Pytester) -> None:
    """Coroutines that anyio's plugin or unittest runs are traced as well."""
    pytest.importorskip("anyio")
    pytester.makepyfile(
        """
        import time, unittest, pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_anyio():
            time.sleep(0.3)

        class Case(unittest.IsolatedAsyncioTestCase):
            async def test_unittest(self):
                time.sleep(0.3)
        """
    )

    # Without the short summary, which repeats a failure in full where the environment says CI.
    result = run(pytester, "-p", "anyio.pytest_plugin", "--tracekit", "-rN")

    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("blocked the event loop for") == 2


def test_xdist(pytester: pytest.Pytester) -> None:
    """Under pytest-xdist each worker traces its tests, and the one who prints says where the traces of all are."""
    pytest.importorskip("xdist")
    pytester.makepyfile(test_one=BLOCKS, test_two=BLOCKS)

    result = run(pytester, "-p", "xdist.plugin", "--tracekit", "-n2")

    result.assert_outcomes(failed=2)
    assert traces(pytester) == ["test_one.py-test_blocks.json.gz", "test_two.py-test_blocks.json.gz"]
    result.stdout.fnmatch_lines_random(
        [f"traces/test_{name}.py-test_blocks.json.gz  test_{name}.py::test_blocks" for name in ("one", "two")]
    )


def test_traces_elsewhere(pytester: pytest.Pytester, tmp_path: Path) -> None:
    """Traces are kept where the option says, under names that no two tests share, however long they are."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("text", ["x" * 300 + "1", "x" * 300 + "2", "a/b: c"])
        def test_fails(text):
            assert False
        """
    )

    run(pytester, "--tracekit", LENIENT, f"--tracekit-dir={tmp_path}/kept").assert_outcomes(failed=3)

    names = [entry.name for entry in (tmp_path / "kept").iterdir()]
    assert len(names) == 3
    assert all(len(name) < 200 and name.endswith(".json.gz") for name in names)


def test_not_asked_nothing_happens(pytester: pytest.Pytester) -> None:
    """Without option and mark nothing of the recorder is loaded, and no file is made."""
    pytester.makepyfile(
        """
        import sys

        def test_nothing():
            assert "tracekit.pytest_plugin" in sys.modules
            heavy = ("tracekit.sessions", "tracekit.traced_tests", "tracekit.recorded_tests", "numpy", "orjson")
            assert [name for name in heavy if name in sys.modules] == []
        """
    )

    run(pytester).assert_outcomes(passed=1)

    assert not (pytester.path / "traces").exists()


def test_the_test_sees_what_it_would_see(pytester: pytest.Pytester) -> None:
    """A traced test has the environment, the threads and the modules that it would have; numpy is not among them."""
    pytester.makepyfile(
        """
        import os, sys, threading

        def environment():
            return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}

        before = environment()

        def test_it():
            assert environment() == before
            assert threading.active_count() == 1
            assert "numpy" not in sys.modules
        """
    )

    run(pytester, "--tracekit", LENIENT).assert_outcomes(passed=1)


def test_it_is_there_unless_it_is_left_out(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where tracekit is installed pytest knows the plugin, under the name by which `-p no:tracekit` leaves it out."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    others = [
        f"-pno:{name}" for name in ("ddtrace", "ddtrace.pytest_bdd", "ddtrace.pytest_benchmark", "hypothesispytest")
    ]

    there = pytester.runpytest_subprocess("--markers", "-pno:asyncio", *others)
    left_out = pytester.runpytest_subprocess("--markers", "-pno:asyncio", "-pno:tracekit", *others)

    assert "@pytest.mark.tracekit(max_block=" in there.stdout.str()
    assert left_out.ret == pytest.ExitCode.OK
    assert "tracekit" not in left_out.stdout.str()


def test_only_collected(pytester: pytest.Pytester) -> None:
    """Tests that are only listed are not traced, and no file is made."""
    pytester.makepyfile(BLOCKS)

    result = run(pytester, "--tracekit", "--collect-only")

    assert result.ret == pytest.ExitCode.OK
    assert not (pytester.path / "traces").exists()


def test_a_session_in_a_traced_test(pytester: pytest.Pytester) -> None:
    """A test that starts a session of its own goes on, and is told that it is recorded already."""
    pytester.makepyfile(
        """
        import tracekit as tk

        def test_it(capfd):
            with tk.session("own.json"):
                tk.instant("x")
            assert "this program is recorded already" in capfd.readouterr().err
        """
    )

    run(pytester, "--tracekit", LENIENT).assert_outcomes(passed=1)


def test_under_run(pytester: pytest.Pytester) -> None:
    """A run of pytest that is traced as a whole cannot trace its tests one by one, and says so."""
    pytester.makepyfile(BLOCKS)
    tracekit = [sys.executable, "-m", "tracekit", "run", "-q", "-o", "all.json", "-m", "pytest"]

    command = [*tracekit, "-p", "tracekit.pytest_plugin", "--tracekit"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert "the test cannot be traced: this process is recorded already" in result.stdout
    assert (pytester.path / "all.json").exists()


def test_under_run_warnings_are_errors(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of pytest that is traced finds the plugin where tracekit is installed, and has no reason to warn of it."""
    site = pytester.mkdir("site")
    (site / "tracekit").symlink_to(Path(tk.__file__).parent)
    told = pytester.mkdir("site/tracekit-0.dist-info")
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: tracekit\nVersion: 0\n")
    (told / "RECORD").write_text("tracekit/__init__.py,,\ntracekit/pytest_plugin.py,,\n")
    (told / "entry_points.txt").write_text("[pytest11]\ntracekit = tracekit.pytest_plugin\n")
    pytester.makepyfile("def test_nothing():\n    pass\n")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.setenv("PYTHONPATH", str(site))
    others = [
        f"-pno:{name}"
        for name in ("asyncio", "ddtrace", "ddtrace.pytest_bdd", "ddtrace.pytest_benchmark", "hypothesispytest")
    ]

    command = [sys.executable, "-m", "tracekit", "run", "-q", "-o", "all.json", "-m", "pytest", "-Werror", *others]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert "1 passed" in result.stdout, result.stderr
