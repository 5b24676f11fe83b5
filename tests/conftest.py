"""Fixtures of the whole suite: a real server, private databases, a private copy of the project, the command line."""

from __future__ import annotations

import inspect
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from minerva_promote.database.embedded.files import exists
from tests import servers
from tests.material import ADVERSARIAL, MISSING_CORPORA, NO_CORPORA, REPOSITORY, corpora_folder

FOLDERS = "promote-tests-"  # of session servers, followed by the number of the process that stops them

LONGEST = ("test_docs.py::test_a_page", "test_killed.py::", "test_setup_and_migrate")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest first where there are workers, so that none ends with one of them alone."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))


def pytest_configure(config: pytest.Config) -> None:
    """Decide once, before there are workers, where the session's server lives."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:  # a job in the background: the commands would inherit it
            signal.signal(number, usual)
    hypothesis.settings.register_profile("promote", deadline=None)  # a busy machine is no fault
    hypothesis.settings.load_profile("promote")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as commands do: more would wait for those of other workers
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # every command would be compiled anew
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # PGHOSTADDR and the like lead tests to other servers
    if hasattr(config, "workerinput"):
        return
    os.environ["PROMOTE_TEST_SESSION"] = secrets.token_hex(3)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDERS}{os.getpid()}-"))
    folder.chmod(0o755)  # the server may run as another user
    os.environ["PROMOTE_TEST_FOLDER"] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the session's server, and those of sessions that were killed."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ.pop("PROMOTE_TEST_FOLDER"))
    session = os.environ.pop("PROMOTE_TEST_SESSION")
    if os.environ.get("PROMOTE_TEST_URL"):
        servers.session_server().sweep(session)
    servers.end_session_server(folder)
    for left in folder.parent.glob(f"{FOLDERS}*-*"):
        number = left.name.removeprefix(FOLDERS).partition("-")[0]
        if number.isdecimal() and not exists(int(number)) and _is_ours(left):
            servers.end_session_server(left)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out because third-party files are not there, and how to get them."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any(NO_CORPORA in str(report.longrepr) for report in skipped):
        terminalreporter.section("third-party files are missing")
        terminalreporter.line(MISSING_CORPORA)


def _is_ours(folder: Path) -> bool:
    """Whether a folder belongs to this user; one that another session has deleted meanwhile belongs to nobody."""
    try:
        return folder.stat().st_uid == os.geteuid()
    except FileNotFoundError:
        return False


@pytest.fixture(scope="session")
def server() -> servers.Server:
    """A server with pgvector. Without one the run fails: database tests are never skipped."""
    return servers.session_server()


@pytest.fixture
def make_database(server: servers.Server) -> Iterator[Callable[..., servers.Database]]:
    """``make_database(template=NAME)``: as many private databases as a test wants; dropped afterwards."""
    suffix = servers.new_suffix()
    made = 0

    def make(template: str | None = None) -> servers.Database:
        nonlocal made
        made += 1
        return server.create_database(f"t{made}_{suffix}", template)

    yield make
    server.sweep(suffix)


@pytest.fixture
def database(make_database: Callable[..., servers.Database]) -> servers.Database:
    """An empty private database, without any extension."""
    return make_database()


@pytest.fixture
def suffix(server: servers.Server) -> Iterator[str]:
    """Text for role and database names of this test: those ending in ``_suffix`` are dropped afterwards."""
    text = servers.new_suffix()
    yield text
    server.sweep(text)


@pytest.fixture
def project(
    server: servers.Server, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> servers.ProjectCopy:
    """A copy of the shipped project on the session's server; nothing is set up yet."""
    copy = servers.copy_project(server, tmp_path / "project", suffix)
    for name in servers.variables_of(copy.root):
        monkeypatch.delenv(name, raising=False)
    if server.folder is not None:
        monkeypatch.setenv("PROMOTE_EMBEDDED_DIR", str(server.folder))
    return copy


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line left behind."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def promote(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """``promote("run", "--env", "local", …)``: runs the command line, in the test's project where it has one.

    In this process; with ``process=True`` in a real one, as commands that become another program (psql) must.
    """

    def run(
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str | None] | None = None,
        stdin: str = "",
        process: bool = False,
    ) -> Ran:
        folder = cwd
        if folder is None and "project" in request.fixturenames:
            folder = request.getfixturevalue("project").root
        if process:
            return _in_process_of_its_own([*map(str, args)], folder, env or {}, stdin)
        if folder is not None:
            monkeypatch.chdir(folder)
        return _in_this_process([*map(str, args)], env or {}, stdin)

    return run


def _in_this_process(args: list[str], env: Mapping[str, str | None], stdin: str) -> Ran:
    from click.testing import CliRunner

    from minerva_promote.cli.main import main

    separate: dict[str, Any] = (
        {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    )  # click 8.1
    with CliRunner(**separate).isolation(input=stdin, env=env) as (stdout, stderr, *_):
        with pytest.raises(SystemExit) as stop:
            main(args)
        sys.stdout.flush()
        sys.stderr.flush()
        code, said = stop.value.code, [stream.getvalue().decode("utf-8") for stream in (stdout, stderr)]
    assert isinstance(code, int), f"exit code {code!r}"
    return Ran(code, *said)


def _in_process_of_its_own(args: list[str], cwd: Path | None, env: Mapping[str, str | None], stdin: str) -> Ran:
    places = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    merged = {**os.environ, "PYTHONPATH": places, **env}
    done = subprocess.run(
        [sys.executable, "-m", "minerva_promote", *args],
        cwd=cwd,
        env={name: value for name, value in merged.items() if value is not None},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def adversarial() -> Callable[[str], Path]:
    """The path of a labelled export file by its name, with or without ``.sql``."""

    def path(name: str) -> Path:
        file = ADVERSARIAL / (name if "." in name else f"{name}.sql")
        assert file.is_file(), f"no labelled file {name}"
        return file

    return path


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of third-party files."""
    folder = corpora_folder()
    if folder is None:
        pytest.skip(NO_CORPORA)
    return folder
