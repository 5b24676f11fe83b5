"""Apply pending revisions, and record what remains when a revision that commits by itself fails half way."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping

import psycopg
from sqlalchemy import Connection as SqlAlchemyConnection

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch, revisions
from minerva_promote.database.connection import Connection
from minerva_promote.database.notices import Notices
from minerva_promote.errors import PromoteError, TargetError
from minerva_promote.migrations.alembic_tree import Revision, Tree
from minerva_promote.migrations.env_runner import StatementLog
from minerva_promote.migrations.lock_analysis import find_locks
from minerva_promote.migrations.report import (
    applied_step,
    failed_step,
    invalid_index_note,
    rolled_back_step,
    skipped_step,
)
from minerva_promote.results import Outcome, StepResult
from minerva_promote.sql_parser import SqlSyntaxError, split
from minerva_promote.text_format import one_line

NOTHING_CHANGED = "nothing was changed (rolled back)"
MAX_STATEMENT_CHARS = 160  # longer statements are cut in reports

_NOT_A_CHANGE = re.compile(r"\s*(select|show|set|begin|commit|rollback|savepoint|release)\b", re.IGNORECASE)
_NO_TRANSACTION, _NOT_AVAILABLE, _NEW_ENUM_VALUE = "25001", "55P03", "55P04"
_LOCK_HOLDERS = b"""
select l.relation::pg_catalog.regclass::text as "table", l.pid, a.application_name as application,
    a.usename::text as role, a.xact_start::timestamptz(0)::text as since
from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.granted and l.locktype = 'relation' and l.pid <> pg_catalog.pg_backend_pid()
    and l.relation in (select pg_catalog.to_regclass(t) from pg_catalog.unnest(%(tables)s::text[]) t)
group by 1, 2, 3, 4, 5, a.xact_start order by a.xact_start limit 3
"""
_INVALID_INDEXES = b"""
select pg_catalog.format('%I.%I', n.nspname, c.relname) as name, x.indrelid::pg_catalog.regclass::text as "table"
from pg_catalog.pg_index x join pg_catalog.pg_class c on c.oid = x.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where not x.indisvalid order by 1
"""


def needs_own_transaction(tree: Tree, missing: Collection[Revision]) -> bool:
    """Whether the revisions commit by themselves and cannot share promote's transaction."""
    return bool(missing) and (not tree.in_one_transaction or any(step.own_commits for step in missing))


class RevisionRunner:
    """Applies pending revisions through a connection whose open transaction holds the target's lock."""

    def __init__(
        self, project: Project, environment: Environment, tree: Tree, pending: tuple[Revision, ...], notices: Notices
    ) -> None:
        self.project = project
        self.environment = environment
        self.tree = tree
        self.pending = {step.id: step for step in pending}
        self.notices = notices
        self.steps: list[StepResult] = []
        self.started = time.perf_counter()
        self.statements = StatementLog()

    def run_in_one_transaction(self, conn: Connection, connection: SqlAlchemyConnection) -> tuple[StepResult, ...]:
        """Apply all revisions in the transaction open on ``connection``; one step per revision.

        Raises PromoteError when one fails; nothing was changed then.
        """
        self.statements.one_transaction = True
        try:
            with self.statements:
                self.tree.upgrade(connection, self.environment, self._on_step)
        except PromoteError as error:
            self._add_cause(conn, error)
            raise _mark_unchanged(error) from error
        return tuple(self.steps)

    def run_separately(self, conn: Connection, connection: SqlAlchemyConnection) -> tuple[StepResult, ...]:
        """Apply revisions that commit by themselves, in another session; one step per revision.

        A revision that fails half way is a failed step that lists what was committed and what was not executed.
        Raises PromoteError when nothing was changed.
        """
        table = self.tree.version_table()
        before = revisions(conn, table) or ()
        invalid = {row["name"] for row in fetch(conn, _INVALID_INDEXES)}
        script = self.tree.script(self.environment, before, conn).by_revision()
        try:
            with self.statements:
                self.tree.upgrade(
                    connection, self.environment, self._on_step, separate_session=True, notices=self.notices
                )
        except PromoteError as error:
            self._add_cause(conn, error)
            new_invalid = [row for row in fetch(conn, _INVALID_INDEXES) if row["name"] not in invalid]
            current = revisions(conn, table) or ()
            committed = self._committed(table)
            if not committed and not new_invalid and current == before:
                raise _mark_unchanged(error) from error
            self._report_failure(error, self.tree.ancestors(current), table, new_invalid, script)
        except KeyboardInterrupt as stop:
            self._record_interruption(stop, conn, table, invalid)
            raise
        for name in dict.fromkeys(step.name for step in self.steps):
            record_change(f"revision {name} applied")
        return tuple(self.steps)

    def _record_interruption(
        self, interruption: KeyboardInterrupt, conn: Connection, table: str, invalid: Collection[str]
    ) -> None:
        """Record what is committed, and note the indexes that an interrupted build left invalid."""
        stored = self.tree.ancestors(revisions(conn, table) or ())
        for step in self.steps:
            if step.name in stored:
                record_change(f"revision {step.name} applied")
        for statement in self._committed(table, self.statements.revision) if self.statements.revision else ():
            record_change(f"of revision {self.statements.revision}: {statement}")
        for row in fetch(conn, _INVALID_INDEXES):
            if row["name"] not in invalid:
                interruption.add_note(invalid_index_note(row))

    def _add_cause(self, conn: Connection, error: PromoteError) -> None:
        """Add to a server error: who holds the lock on a table, how to run a statement outside a transaction."""
        if not isinstance(error, TargetError) or not self.statements.last_statement:
            return
        if error.sqlstate == _NO_TRANSACTION:
            error.hint = "put it into a block: with op.get_context().autocommit_block():"
        if error.sqlstate == _NEW_ENUM_VALUE:
            error.hint = "add the value in a block before: with op.get_context().autocommit_block():"
        if error.sqlstate == _NOT_AVAILABLE:
            error.message += f": {_shorten(self.statements.last_statement)}"
            if "held by process" in error.message:  # reported while the statement waited
                return
            if conn.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                conn.rollback()
            tables = [lock.table for lock in find_locks(self.statements.last_statement, set())]
            for row in fetch(conn, _LOCK_HOLDERS, {"tables": tables}):
                holder = ", ".join(filter(None, (row["application"], row["role"] and f"role {row['role']}")))
                error.message += f"; {row['table']} is in use by process {row['pid']} ({holder}), since {row['since']}"

    def _on_step(self, revision: str, done: bool) -> None:
        if not done:
            self.statements.revision, self.started = revision, time.perf_counter()
            return
        self.statements.revision = ""
        step = self.pending.pop(revision, None)
        if step is not None:
            self.steps.append(applied_step(step, time.perf_counter() - self.started, self.notices.drain()))

    def _committed(self, table: str, revision: str = "") -> list[str]:
        """The committed statements that changed something, without those on Alembic's version table."""
        version_table = table.partition(".")[2]
        return [
            _shorten(statement)
            for started_revision, statement in self.statements.committed
            if not _NOT_A_CHANGE.match(statement)
            and version_table not in statement
            and revision in ("", started_revision)
        ]

    def _report_failure(
        self,
        error: PromoteError,
        stored: Collection[str],
        table: str,
        new_invalid: list[dict[str, str]],
        script: Mapping[str, str],
    ) -> None:
        """Bring the steps in line with the database: applied, rolled back, failed, not applied."""
        rolled_back = [step for step in self.steps if step.name not in stored]
        self.steps = [step for step in self.steps if step.name in stored]
        for step in rolled_back:
            self.steps.append(rolled_back_step(step))
        failed = self.statements.revision or next(iter(self.pending), "")
        revision = self.pending.pop(failed, None)
        self.steps.append(
            failed_step(
                self.environment.name,
                failed,
                revision,
                error,
                committed=self._committed(table, failed),
                invalid_indexes=new_invalid,
                remaining=self._remaining(script.get(failed, "")),
            )
        )
        self.steps += [skipped_step(step) for step in self.pending.values()]
        if notices := self.notices.drain():
            self.steps.append(StepResult("migrate", "server notices", Outcome.WARN, findings=notices))

    def _remaining(self, script: str) -> list[str]:
        """The failed statement and those after it in its revision, as far as the offline script shows them."""
        failed = _shorten(self.statements.last_statement)
        if not failed or not script:
            return []
        try:
            statements = [_shorten(statement) for statement in split(script)]
        except SqlSyntaxError:
            return [failed]
        statements = [statement for statement in statements if not _NOT_A_CHANGE.match(statement)]
        if failed not in statements:
            return [failed]
        version_table = self.tree.version_table().partition(".")[2]
        return [statement for statement in statements[statements.index(failed) :] if version_table not in statement]


def _mark_unchanged(error: PromoteError) -> PromoteError:
    error.message = f"{error.message}; {NOTHING_CHANGED}"
    error.args = (error.message,)
    return error


def _shorten(statement: str) -> str:
    """A statement on one line, without leading comments, cut to MAX_STATEMENT_CHARS."""
    lines = [line for line in statement.strip().rstrip(";").splitlines() if not line.lstrip().startswith("--")]
    text = one_line(" ".join(" ".join(lines).split()))
    return text if len(text) <= MAX_STATEMENT_CHARS else f"{text[:MAX_STATEMENT_CHARS]}…"
