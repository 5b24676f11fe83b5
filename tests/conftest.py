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

import hypothesis
import pytest

from minerva_promote.database.embedded.files import exists
from tests import servers
from tests.material import ADVERSARIAL, REPOSITORY, corpora_folder

FOLDERS = "promote-tests-"  # of session servers, followed by the number of the process that stops them


# Long cases that differ little from another case of the same test, and the longest: `make soak` runs them.
SOAK = (
    "test_conflicts.py::test_different[books-title-'a '",
    "test_conflicts.py::test_different[books-kindle_url-'NULL'",
    "test_conflicts.py::test_different[books-total_screenshots",
    "test_conflicts.py::test_different[books-capture_date",
    "test_conflicts.py::test_different[books-book_metadata-'[1, 2]'",
    "test_conflicts.py::test_different[books-book_metadata-NULL",
    "test_conflicts.py::test_different[embedding_configs",
    "test_conflicts.py::test_different[chunks-chunk_token_count",
    "test_conflicts.py::test_different[screenshots",
    "test_conflicts.py::test_identical[books-total_screenshots",
    "test_conflicts.py::test_identical[books-title",
    "test_conflicts.py::test_identical[books-capture_date",
    'test_conflicts.py::test_identical[books-book_metadata-\'{"a"',
    "test_conflicts.py::test_identical[chunks-embedding-'[0.1,1,2]'-'[1e-1",
    "test_conflicts.py::test_different[books-source_type",
    "test_conflicts.py::test_different[books-title-'A'",
    "test_conflicts.py::test_different[books-title-'aaa",
    "test_conflicts.py::test_different[chunks-embedding-'[1,2,3]'",
    *(f"test_files.py::test_changed_between_the_two_readings[{how}" for how in ("shorter", "longer", "no_text")),
    *(f"test_windows.py::test_blocks_of_any_size[{seed}]" for seed in range(4, 12)),
    *(f"test_windows.py::test_likeness_changes_nothing[{seed}]" for seed in range(2, 6)),
    *(f"test_differential.py::test_generated_statements[{seed}]" for seed in range(2, 6)),
    *(f"test_values.py::test_strings_are_decoded_as_the_server_decodes_them[{seed}]" for seed in (1, 2, 3)),
    *(f"test_vectors.py::test_random_vectors[{reader}-{seed}]" for reader in ("simdjson", "orjson") for seed in (1, 2)),
    "test_report.py::test_progress[pipe",
    "test_undo_killed.py::test_where_it_counts[end_backend",
    *(f"test_space.py::test_some_vectors_of_another_model_are_told[{seed}]" for seed in (1, 2)),
    *(f"test_space.py::test_the_same_subjects_of_another_model_are[{seed}]" for seed in (1, 2)),
    *(f"test_generate.py::test_a_messed_database[{what}" for what in ("memberships", "functions", "attributes")),
    "test_undo_property.py::test_a_random_walk[2",
    "test_embedded_faults.py::test_an_interrupted_first_use",
    "test_embedded_faults.py::test_no_more_power_than_needed",
    "test_conflicts.py::test_many_differences_of_many_rows",
    "test_labelled.py::test_labelled_files_that_need_a_target[reject_state_screenshot",
    "test_together.py::test_others_change_the_same_access_list",
    "test_plan.py::test_a_big_file_is_the_planned_one",
    "test_report.py::test_no_progress_with_json_on_a_terminal",
    "test_undo.py::test_wide_rows",
    "test_recording.py::test_killed_before_and_after_commit",  # test_killed.py::test_where_it_counts stays
    "test_interrupted.py::test_killed[before_commit",
    "test_interrupted.py::test_many_signals",
    "test_interrupted.py::test_a_signal[SIGTERM-before_commit",
    "test_commit.py::test_a_signal_while_commit_is_under_way[SIGTERM",
    "test_commit.py::test_a_request_that_is_lost[swallow",
    "test_commit.py::test_nobody_knows[lose the answer",
    "test_connection.py::test_a_connection_that_is_cut_after_commit",  # test_cut.py::test_at_commit stays
    "test_server.py::test_a_server_that_crashes",  # test_a_server_that_is_restarted stays
    "test_server.py::test_a_full_disk[validated-first",
    "test_batches.py::test_many_batches_with_some_rows_already_there[while-it-goes-in",
    "test_embedded_faults.py::test_deleted_files_of_a_running_server",
    "test_embedded_faults.py::test_root_and_others_do_not_share_data",
    "test_embedded.py::test_two_versions_side_by_side",
    "test_plan.py::test_another_run_between_the_look_and_the_lock",  # test_what_changes_between_… stays
    "test_backup.py::test_a_dump_that_is_not_whole[gone",
    "test_backup.py::test_a_dump_that_is_not_whole[silent",
    "test_drift.py::test_interrupted",
    "test_plain_alembic.py::test_wrong_x_arguments[embedding",
    "test_plain_alembic.py::test_without_a_url[arguments1",
    "test_third_party.py::test_nesting_bounds_the_parse_tree",
    "test_third_party.py::test_huge_things[one word",
    "test_windows.py::test_places_far_from_the_window",
    "test_vectors.py::test_the_last_bit[orjson",
    "test_mutations.py::test_cut_at_any_byte[many",
    "test_mutations.py::test_blanks_and_comments_at_each_place",  # the labelled files have some of them
    "test_undo_together.py::test_others_at_work[statement2",
    "test_confirm.py::test_the_typed_name[end of input",
    "test_script.py::test_every_kind",
    "test_probes.py::test_a_large_table_uses_its_index",
    "test_index.py::test_a_setting_of_the_role_is_left_to_its_declaration",
    "test_index_imports.py::test_small_tables_and_hnsw_are_left_in_peace",
    "test_report.py::test_nobody_reads_the_report",
    "test_memory.py::test_a_file_of_60_mb[validated-first",
    "test_interrupted.py::test_a_signal[Ctrl-C-the lock",
    "test_interrupted.py::test_a_signal[SIGHUP",
    "test_confirm.py::test_the_typed_name[Ctrl-C",
    "test_confirm.py::test_the_typed_name[something else",
    "test_server.py::test_a_standby",
    "test_defaults.py::test_settings_that_do_not_matter[database",
    "test_embedded_faults.py::test_deleted_data_of_a_running_server[comma",
    "test_embedded.py::test_any_path_will_do[signs",
    "test_embedded.py::test_any_path_will_do[letters",
    "test_embedded.py::test_any_path_will_do[long",
    "test_setup.py::test_which_environment[migrate",
    "test_plain_alembic.py::test_x_arguments_win",
    "test_plain_alembic.py::test_sql_without_a_database",
    "test_mutations.py::test_refused_files_stay_refused_for_the_same",
    "test_mutations.py::test_double_or_drop_any_statement_of_a_bigger_file",
    "test_mutations.py::test_cut_a_bigger_file",
    "test_third_party.py::test_shaken_files",
    "test_reach_project.py::test_a_large_database_takes_no_time",
    "test_prove.py::test_a_locked_table_is_not_taken_for_a_refusal",
    "test_index.py::test_other_types_and_expressions",
    "test_index_interrupted.py::test_progress_is_shown_on_a_terminal",
    "test_index_interrupted.py::test_what_a_killed_build_leaves",  # test_ctrl_c_leaves_the_index_as_it_was stays
    "test_index.py::test_better_indexes_are_built",
    "test_index_imports.py::test_a_fresh_database_never_passes",  # test_index.py::test_built_empty_then_rebuilt stays
    "test_killed.py::test_where_it_counts[end_backend",  # [kill_client] stays
    "test_same.py::test_a_dump_read_back",
    "test_other_trees.py::test_an_env_py_that_connects_by_itself[pyproject",
    "test_other_trees.py::test_an_env_py_that_connects_by_itself[no-configuration",
    "test_migrate_command.py::test_trees_that_are_none[exit",
    "test_migrate_command.py::test_no_tree[nowhere.ini",
    "test_structure.py::test_what_only_a_row_can_tell[validated-first",
)

LONGEST = ("test_docs.py::test_a_page", "test_killed.py::", "test_setup_and_migrate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what only `make soak` runs; the longest of the others come first, so that no worker ends with one alone."""
    for item in items:
        if any(name in item.nodeid for name in SOAK):
            item.add_marker(pytest.mark.soak)
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))


def pytest_configure(config: pytest.Config) -> None:
    """Decide once, before there are workers, where the session's server lives."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:  # a job in the background: the commands would inherit it
            signal.signal(number, usual)
    hypothesis.settings.register_profile("promote", deadline=None)  # a busy machine is no fault
    hypothesis.settings.load_profile("promote")
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

    separate = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}  # click 8.1
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
        pytest.skip("no corpora: set PROMOTE_CORPORA to their folder")
    return folder
