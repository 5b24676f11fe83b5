"""Rebuilding vector indexes as the owner while searches and imports go on.

One build at a time in a database: a session-level advisory lock of its own key is held by the connection that builds
(CONCURRENTLY takes no transaction, so the transaction's lock of runs cannot be it; runs may go on meanwhile). A build
that is interrupted leaves an index that no search uses: it is dropped at once, or, after a kill, by the next command;
one that was complete and had not yet taken its place takes it then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from psycopg import sql

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.advisory_lock import BUILDS_KEY, with_lock_holder
from minerva_promote.database.connection import Connection
from minerva_promote.database.pooler import owner_session
from minerva_promote.database.quote import ident, literal, sql_text
from minerva_promote.database.read_only import QueryError, run_query
from minerva_promote.database.server_errors import execute, target_errors, try_execute
from minerva_promote.database.session import admin_session
from minerva_promote.errors import TargetError
from minerva_promote.index_health.advice import Advice, Step, definition, reindex
from minerva_promote.index_health.build_memory import needed, setting
from minerva_promote.search.index_builds import record_build
from minerva_promote.search.vector_indexes import TEMPORARY, VectorIndex, read_indexes

SWAP_TIMEOUT, SWAP_ATTEMPTS = "2s", 10
_POLL = 0.3  # seconds between two queries of a build's progress
_NOT_AVAILABLE, _OUT_OF_MEMORY = "55P03", ("53100", "53200")
_PROGRESS = b"""
select phase, greatest(tuples_done, blocks_done), case when tuples_total > 0 then tuples_total else blocks_total end
from pg_stat_progress_create_index where pid = $1
"""
_MEMORY = b"""
select max(setting::bigint) filter (where name = 'maintenance_work_mem') * 1024,
       max(setting::bigint) filter (where name = 'shared_buffers') * current_setting('block_size')::bigint
from pg_settings
"""


@runtime_checkable
class Progress(Protocol):
    """Receives the progress of a build."""

    def progress(self, doing: str, done: int, total: int) -> None:
        """Rows or blocks that have passed in this phase; 0 of 0 where the server does not count."""


@dataclass(frozen=True, slots=True)
class BuildSession:
    """A connection as the owner that holds the lock of index builds in its database."""

    conn: Connection
    project: Project
    environment: Environment
    progress: Progress | None = None


@contextmanager
def build_session(
    project: Project, environment: Environment, progress: Progress | None = None
) -> Iterator[BuildSession]:
    """Open a session for builds. Raises TargetError that names the session which builds already."""
    with owner_session(project, environment, "index --apply", application="promote index") as conn:
        # The build of a killed client ends instead of going on for nothing. Not every system supports this.
        try_execute(conn, sql.SQL("SET client_connection_check_interval = '1s'"))
        try:
            with target_errors("another build of vector indexes is at work"):
                conn.execute(f"SELECT pg_catalog.pg_advisory_lock({BUILDS_KEY})".encode())
        except TargetError as error:
            if error.sqlstate != _NOT_AVAILABLE:
                raise
            raise with_lock_holder(conn, error, BUILDS_KEY, "another build of vector indexes") from error
        execute(conn, b"SET statement_timeout = 0", "preparing the build")
        yield BuildSession(conn, project, environment, progress)


def rebuild_index(site: BuildSession, index: VectorIndex, advice: Advice, rows: int) -> None:
    """Rebuild or replace an index over so many rows, as advised. Raises TargetError; the index is unchanged then."""
    try:
        if advice.step is Step.REBUILD:
            _build(site, index, reindex(index), index.method, index.options, rows)
            _record(site.conn, index.schema, index.name, rows)
        elif advice.step is Step.REPLACE:
            name = f"{TEMPORARY}{index.oid}"
            statement = definition(index, name, advice.method, advice.options)
            _build(site, index, statement, advice.method, advice.options, rows)
            built = [
                candidate
                for candidate in read_indexes(site.conn)
                if (candidate.schema, candidate.name) == (index.schema, name)
            ]
            finish(site.conn, built[0], rows)
    except KeyboardInterrupt as stop:
        if advice.step is Step.REPLACE and not getattr(stop, "__notes__", ()):
            stop.add_note(f"the new {index.name} may be complete: it takes its place next time")
        raise


def clean_up_interrupted_builds(conn: Connection) -> Iterator[str]:
    """Drop what interrupted builds left behind, or put it in its place; yield a sentence after each."""
    for index in read_indexes(conn):
        if not index.leftover:
            continue
        if index.valid and original(conn, index) is not None:
            yield f"{finish(conn, index, None)}: what an interrupted build had completed took its place"
        else:
            drop(conn, index)
            yield f"{index.name}: left behind by an interrupted build, dropped"


def original(conn: Connection, index: VectorIndex) -> VectorIndex | None:
    """The index that a build of ours was to replace, if it is still there."""
    number = index.name.removeprefix(TEMPORARY)
    return next((candidate for candidate in read_indexes(conn) if number == str(candidate.oid)), None)


def drop(conn: Connection, index: VectorIndex) -> None:
    """Drop an index that no search uses, waiting for a lock no longer than lock_timeout."""
    execute(conn, f"DROP INDEX CONCURRENTLY IF EXISTS {index.qualified}".encode(), f"dropping {index.name}")


def finish(conn: Connection, built: VectorIndex, rows: int | None) -> str:
    """Put a complete index in the place and under the name of the one it replaces, in one short transaction; the name.

    That takes an exclusive lock on the table for a moment: waiting for it is short, and repeated.
    """
    old = original(conn, built)
    if old is None:
        raise TargetError(f"{built.name} replaces an index that is gone", hint=f"DROP INDEX {built.qualified}")
    for number in range(1, SWAP_ATTEMPTS + 1):
        try:
            with conn.transaction():
                execute(conn, f"SET LOCAL lock_timeout = '{SWAP_TIMEOUT}'".encode(), "preparing the swap")
                execute(conn, f"DROP INDEX {old.qualified}".encode(), f"dropping {old.name}")
                rename = f"ALTER INDEX {built.qualified} RENAME TO {sql_text(ident(old.name))}"
                execute(conn, rename.encode(), f"renaming {built.name}")
                if old.comment:
                    comment = sql.SQL("COMMENT ON INDEX {} IS {}")
                    name = sql.Identifier(old.schema, old.name)
                    execute(conn, comment.format(name, literal(old.comment)), f"commenting {old.name}")
                if rows is not None:
                    _record(conn, old.schema, old.name, rows)
            return old.name
        except TargetError as error:
            if error.sqlstate != _NOT_AVAILABLE or number == SWAP_ATTEMPTS:
                error.message += f"; the new index is complete as {built.name} and takes its place next time"
                raise
            time.sleep(0.2 * number)
    raise AssertionError("unreachable")


def _record(conn: Connection, schema: str, name: str, rows: int) -> None:
    for index in read_indexes(conn):
        if (index.schema, index.name) == (schema, name):
            record_build(conn, index, rows)


def _build(
    site: BuildSession, index: VectorIndex, statement: str, method: str, options: Mapping[str, int], rows: int
) -> None:
    """Run a statement that builds; what it leaves behind when it fails or is interrupted is dropped."""
    conn = site.conn
    present, shared = run_query(conn, _MEMORY).rows[0]
    wanted = needed(method, options, index.base_type, index.dimensions, rows)
    kilobytes = setting(wanted, present, shared) // 1024
    execute(conn, f"SET maintenance_work_mem = {kilobytes}".encode(), "preparing the build")
    _wait_for_table(site, index)
    try:
        with _watched(site):
            _run(site, statement, f"building {index.name}")
    except KeyboardInterrupt as stop:
        stop.add_note(f"{index.name} is as it was{_clean_up(site)}")
        raise
    except TargetError as error:
        if not conn.closed:
            error.message += f"; {index.name} is as it was{_clean_up(site)}"
        raise
    finally:
        if not conn.closed:
            _set_lock_timeout(conn, site.environment.timeouts.lock)


def _run(site: BuildSession, statement: str, doing: str) -> None:
    """The statement; once more without parallel workers where these find no shared memory (a small /dev/shm)."""
    try:
        execute(site.conn, statement.encode(), doing)
    except TargetError as error:
        if error.sqlstate not in _OUT_OF_MEMORY or "shared memory" not in error.message:
            raise
        _clean_up(site)
        execute(site.conn, b"SET max_parallel_maintenance_workers = 0", "preparing the build")
        _set_lock_timeout(site.conn, "0")
        execute(site.conn, statement.encode(), doing)


def _wait_for_table(site: BuildSession, index: VectorIndex) -> None:
    """Wait for other DDL for the usual time; the build itself waits for running transactions as long as it takes."""
    conn = site.conn
    with conn.transaction():
        lock = f"LOCK TABLE {index.table_sql} IN SHARE UPDATE EXCLUSIVE MODE"
        execute(conn, lock.encode(), f"{index.table} is being altered, vacuumed or indexed by somebody else")
    _set_lock_timeout(conn, "0")


def _set_lock_timeout(conn: Connection, timeout: str) -> None:
    execute(conn, sql.SQL("SET lock_timeout = {}").format(literal(timeout)), "preparing the build")


def _clean_up(site: BuildSession) -> str:
    """Drop what the build left behind; return a clause about what remains because the table is in use, or nothing."""
    _set_lock_timeout(site.conn, SWAP_TIMEOUT)
    for index in read_indexes(site.conn):
        if index.leftover and not index.valid:
            try:
                drop(site.conn, index)
            except TargetError as error:
                if error.sqlstate != _NOT_AVAILABLE:
                    raise
                record_change(f"{index.name}, which no search uses and the next --apply drops")
                return f"; what was begun, {index.name}, is dropped next time: the table is in use"
    return ""


@contextmanager
def _watched(site: BuildSession) -> Iterator[None]:
    """Report the progress of the build from a second connection, if anything receives it."""
    if site.progress is None:
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_poll, args=(site, site.conn.server_pid, site.progress, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _poll(site: BuildSession, pid: int, progress: Progress, over: threading.Event) -> None:
    try:
        with admin_session(site.project, site.environment, application="promote index (progress)") as conn:
            while not over.wait(_POLL):
                for phase, done, total in run_query(conn, _PROGRESS, [pid]).rows:
                    progress.progress(str(phase), int(done or 0), int(total or 0))
    except (QueryError, TargetError):
        return  # the build goes on without a progress report
