"""Applying revisions: one step each, and where a revision commits by itself, what was done when it failed."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping

import psycopg
from sqlalchemy import Connection

from minerva_promote.commit_log import record_change
from minerva_promote.config.project import Environment, Project
from minerva_promote.database.catalog import fetch, revisions
from minerva_promote.database.connection import Connection as Session
from minerva_promote.database.notices import Notices
from minerva_promote.errors import PromoteError, TargetError
from minerva_promote.migrations.alembic_tree import Revision, Tree
from minerva_promote.migrations.env_runner import Executed
from minerva_promote.migrations.lock_analysis import locks_of
from minerva_promote.results import Finding, Outcome, StepResult
from minerva_promote.sql_parser import SqlSyntaxError, split
from minerva_promote.text_format import one_line

NOTHING = "nothing was changed (rolled back)"
LONGEST = 160  # characters of a statement that are told

_READS = re.compile(r"\s*(select|show|set|begin|commit|rollback|savepoint|release)\b", re.IGNORECASE)
_NO_TRANSACTION, _NOT_AVAILABLE = "25001", "55P03"
_HOLDERS = b"""
select l.relation::pg_catalog.regclass::text as "table", l.pid, a.application_name as application,
    a.usename::text as role, a.xact_start::timestamptz(0)::text as since
from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.granted and l.locktype = 'relation' and l.pid <> pg_catalog.pg_backend_pid()
    and l.relation in (select pg_catalog.to_regclass(t) from pg_catalog.unnest(%(tables)s::text[]) t)
group by 1, 2, 3, 4, 5, a.xact_start order by a.xact_start limit 3
"""
_INVALID = b"""
select pg_catalog.format('%I.%I', n.nspname, c.relname) as name, x.indrelid::pg_catalog.regclass::text as "table"
from pg_catalog.pg_index x join pg_catalog.pg_class c on c.oid = x.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace where not x.indisvalid order by 1
"""


def needs_own_transaction(tree: Tree, waiting: Collection[Revision]) -> bool:
    """Whether the revisions cannot be part of a transaction of promote's."""
    return bool(waiting) and (not tree.in_one_transaction or any(step.own_commits for step in waiting))


class RevisionRunner:
    """The revisions that a database lacks, applied through a connection whose open transaction holds the lock."""

    def __init__(
        self, project: Project, environment: Environment, tree: Tree, waiting: tuple[Revision, ...], notices: Notices
    ) -> None:
        self.project = project
        self.environment = environment
        self.tree = tree
        self.waiting = {step.id: step for step in waiting}
        self.notices = notices
        self.steps: list[StepResult] = []
        self.begun = time.perf_counter()
        self.executed = Executed()

    def together(self, conn: Session, connection: Connection) -> tuple[StepResult, ...]:
        """All in the transaction that is open on ``connection``. Raises PromoteError: nothing was changed then."""
        self.executed.together = True
        try:
            with self.executed:
                self.tree.upgrade(connection, self.environment, self._step)
        except PromoteError as error:
            self._explain(conn, error)
            raise _unchanged(error) from error
        return tuple(self.steps)

    def apart(self, conn: Session, connection: Connection) -> tuple[StepResult, ...]:
        """Each as it commits by itself; what failed half way is a failed step, with what was done and what was not.

        Raises TargetError where nothing was changed.
        """
        table = self.tree.version_table()
        before = revisions(conn, table) or ()
        invalid = {row["name"] for row in fetch(conn, _INVALID)}
        script = self.tree.script(self.environment, before, conn).of_revisions()
        try:
            with self.executed:
                self.tree.upgrade(connection, self.environment, self._step, apart=True, notices=self.notices)
        except PromoteError as error:
            self._explain(conn, error)
            left = [row for row in fetch(conn, _INVALID) if row["name"] not in invalid]
            now = revisions(conn, table) or ()
            done = self._committed(table)
            if not done and not left and now == before:
                raise _unchanged(error) from error
            self._stopped(error, self.tree.below(now), table, left, script)
        except KeyboardInterrupt as stop:
            self._note_what_stays(stop, conn, table, invalid)
            raise
        for name in dict.fromkeys(step.name for step in self.steps):
            record_change(f"revision {name} applied")
        return tuple(self.steps)

    def _note_what_stays(self, stop: KeyboardInterrupt, conn: Session, table: str, invalid: Collection[str]) -> None:
        """What a signal leaves behind of revisions that commit by themselves."""
        stored = self.tree.below(revisions(conn, table) or ())
        for step in self.steps:
            if step.name in stored:
                record_change(f"revision {step.name} applied")
        for statement in self._committed(table, self.executed.at) if self.executed.at else ():
            record_change(f"of revision {self.executed.at}: {statement}")
        for row in fetch(conn, _INVALID):
            if row["name"] not in invalid:
                stop.add_note(
                    f"{row['name']} of {row['table']} was begun, and no search uses it:"
                    f" DROP INDEX CONCURRENTLY {row['name']}"
                )

    def _explain(self, conn: Session, error: PromoteError) -> None:
        """Say more than the server does of what is common: a table in use, a statement that takes no transaction."""
        if not isinstance(error, TargetError) or not self.executed.last:
            return
        if error.sqlstate == _NO_TRANSACTION:
            error.hint = "put it into a block: with op.get_context().autocommit_block():"
        if error.sqlstate == _NOT_AVAILABLE:
            error.message += f": {_short(self.executed.last)}"
            if "held by process" in error.message:  # seen while the statement waited
                return
            if conn.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
                conn.rollback()
            tables = [lock.table for lock in locks_of(self.executed.last, set())]
            for row in fetch(conn, _HOLDERS, {"tables": tables}):
                who = ", ".join(filter(None, (row["application"], row["role"] and f"role {row['role']}")))
                error.message += f"; {row['table']} is in use by process {row['pid']} ({who}), since {row['since']}"

    def _step(self, revision: str, done: bool) -> None:
        if not done:
            self.executed.at, self.begun = revision, time.perf_counter()
            return
        self.executed.at = ""
        step = self.waiting.pop(revision, None)
        if step is not None:
            self.steps.append(self._applied(step, time.perf_counter() - self.begun))

    def _applied(self, revision: Revision, seconds: float) -> StepResult:
        findings = self.notices.drain()
        outcome = Outcome.WARN if findings else Outcome.OK
        done = {"applied": revision.id}
        return StepResult(
            "migrate", revision.id, outcome, f"applied: {revision.message}", seconds, findings=findings, data=done
        )

    def _committed(self, table: str, revision: str = "") -> list[str]:
        """What changed something and stays: without reading, and without Alembic's own book-keeping."""
        own = table.partition(".")[2]
        return [
            _short(statement)
            for at, statement in self.executed.committed
            if not _READS.match(statement) and own not in statement and revision in ("", at)
        ]

    def _stopped(
        self,
        error: PromoteError,
        stored: Collection[str],
        table: str,
        left: list[dict[str, str]],
        script: Mapping[str, str],
    ) -> None:
        """The steps as the database has them: applied, failed, not applied."""
        gone = [step for step in self.steps if step.name not in stored]  # rolled back with the one that failed
        self.steps = [step for step in self.steps if step.name in stored]
        for step in gone:
            detail = step.detail.replace("applied", "rolled back", 1)
            self.steps.append(StepResult("migrate", step.name, Outcome.SKIP, detail))
        failed = self.executed.at or next(iter(self.waiting), "")
        revision = self.waiting.pop(failed, None)
        message = error.message.removeprefix(f"migration {failed}: ")
        again = f"promote migrate --env {self.environment.name} --apply"
        findings = [Finding("committed", f"stays: {each}") for each in self._committed(table, failed)]
        findings += [
            Finding(
                "invalid-index",
                f"{row['name']} of {row['table']} was begun, and no search uses it",
                hint=f"DROP INDEX CONCURRENTLY {row['name']}",
            )
            for row in left
        ]
        findings += [Finding("not-done", each) for each in self._remaining(script.get(failed, ""))]
        what = revision.message if revision else "env.py"
        findings += [Finding("way-out", error.hint)] if error.hint else []
        self.steps.append(
            StepResult(
                "migrate",
                failed or "env.py",
                Outcome.FAIL,
                f"failed half way: {what}: {message}",
                location=error.location,
                hint=f"take back what stays, or have it skipped; then {again}",
                findings=tuple(findings),
            )
        )
        for each in self.waiting.values():
            self.steps.append(StepResult("migrate", each.id, Outcome.SKIP, f"not applied: {each.message}"))
        if heard := self.notices.drain():
            self.steps.append(StepResult("migrate", "server notices", Outcome.WARN, findings=heard))

    def _remaining(self, script: str) -> list[str]:
        """The statement that failed, and those of its revision after it, as far as the script of it tells."""
        failed = _short(self.executed.last)
        if not failed or not script:
            return []
        try:
            rest = [_short(each) for each in split(script)]
        except SqlSyntaxError:
            return [failed]
        rest = [each for each in rest if not _READS.match(each)]
        if failed not in rest:
            return [failed]
        own = self.tree.version_table().partition(".")[2]
        return [each for each in rest[rest.index(failed) :] if own not in each]


def _unchanged(error: PromoteError) -> PromoteError:
    error.message = f"{error.message}; {NOTHING}"
    error.args = (error.message,)
    return error


def _short(statement: str) -> str:
    """A statement in one line, without its comments at the head."""
    lines = [line for line in statement.strip().rstrip(";").splitlines() if not line.lstrip().startswith("--")]
    text = one_line(" ".join(" ".join(lines).split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
