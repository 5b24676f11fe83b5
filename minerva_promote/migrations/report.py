"""The steps and sentences of promote migrate: pending revisions with locks, applied ones, remains of a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minerva_promote.config.project import Environment
from minerva_promote.errors import PromoteError
from minerva_promote.migrations.alembic_tree import Revision, Script, Tree
from minerva_promote.migrations.lock_analysis import MODES, UNREADABLE, Lock, find_locks
from minerva_promote.migrations.state import MigrationState
from minerva_promote.results import Finding, Outcome, Severity, StepResult

# What a lock mode keeps other sessions from doing, as far as searches and imports do it.
_BLOCKED = {
    MODES[-1]: "nobody reads or writes it meanwhile",
    "EXCLUSIVE": "nobody writes to it meanwhile",
    "SHARE ROW EXCLUSIVE": "nobody writes to it meanwhile",
    "SHARE": "nobody writes to it meanwhile",
}


def pending_steps(
    tree: Tree, environment: Environment, pending: tuple[Revision, ...], script: Script
) -> tuple[StepResult, ...]:
    """One failed step per pending revision, with its locks; the gate stays closed until the revision is applied."""
    parts = script.by_revision()
    created = {tree.version_table().removeprefix("public.")}  # Alembic locks its own table; left out of the report
    command = f"promote migrate --env {environment.name} --apply"
    steps = []
    for revision in pending:
        sql = parts.get(revision.id)
        locks = find_locks(sql, created) if sql is not None else ()
        findings = [_warning("lock", describe_lock(lock)) for lock in locks]
        if sql is None and revision.id == (script.failed_revision or pending[0].id):
            message = f"what it and those after it lock cannot be told: {script.reason}"
            findings.append(_warning("not-shown", message))
        if revision.own_commits:
            message = "it commits in between: what it did before it fails stays"
            findings.append(_warning("own-commit", message, "have it in a revision of its own, that can be repeated"))
        data = {"sql": sql, "locks": [{"table": lock.table, "mode": lock.mode, "why": lock.why} for lock in locks]}
        steps.append(
            StepResult(
                "migrate",
                revision.id,
                Outcome.FAIL,
                f"pending: {revision.message}",
                hint=command,
                findings=tuple(findings),
                data=data,
            )
        )
    if not tree.in_one_transaction:
        message = "env.py connects by itself: its revisions are not one transaction with the rest of what promote does"
        hint = 'have it use the connection that it is given: config.attributes["connection"]'
        finding = _warning("own-connection", message, hint)
        steps.append(StepResult("migrate", "env.py", Outcome.WARN, findings=(finding,)))
    return tuple(steps)


def describe_lock(lock: Lock) -> str:
    """One sentence: the table, the lock mode, the statement, and what other sessions cannot do meanwhile."""
    if lock.table == UNREADABLE:
        return f"{lock.why}: what it locks cannot be read"
    blocked = f"; {_BLOCKED[lock.mode]}" if lock.mode in _BLOCKED else ""
    return f"{lock.table}: {lock.mode} for {lock.why}{blocked}"


def state_step(state: MigrationState, environment: Environment, *, migratable: bool) -> StepResult:
    """The state of a database without pending revisions, or one from which it cannot be migrated."""
    if migratable:
        return StepResult("migrate", "revision", Outcome.OK, state.description)
    return StepResult("migrate", "revision", Outcome.FAIL, state.description, hint=state.hint(environment.name))


def shape_step(finding: Finding) -> StepResult:
    """A column that differs from what today's configuration would create."""
    outcome = Outcome.WARN if finding.severity is Severity.WARN else Outcome.FAIL
    return StepResult("migrate", "columns", outcome, finding.message, hint=finding.hint, findings=(finding,))


def applied_step(revision: Revision, seconds: float, notices: tuple[Finding, ...]) -> StepResult:
    """An applied revision, with the server's notices."""
    outcome = Outcome.WARN if notices else Outcome.OK
    data = {"applied": revision.id}
    return StepResult(
        "migrate", revision.id, outcome, f"applied: {revision.message}", seconds, findings=notices, data=data
    )


def rolled_back_step(step: StepResult) -> StepResult:
    """The step of a revision that was applied and then rolled back with a later one."""
    return StepResult("migrate", step.name, Outcome.SKIP, step.detail.replace("applied", "rolled back", 1))


def skipped_step(revision: Revision) -> StepResult:
    """A revision that was not reached."""
    return StepResult("migrate", revision.id, Outcome.SKIP, f"not applied: {revision.message}")


def failed_step(
    environment: str,
    name: str,
    revision: Revision | None,
    error: PromoteError,
    *,
    committed: Sequence[str],
    invalid_indexes: Sequence[Mapping[str, str]],
    remaining: Sequence[str],
) -> StepResult:
    """A revision that failed after it had committed something; ``name`` is its id, ``revision`` None for env.py."""
    message = error.message.removeprefix(f"migration {name}: ")
    findings = [
        *(Finding("committed", f"stays: {statement}") for statement in committed),
        *(
            Finding("invalid-index", _unused_index(row), hint=f"DROP INDEX CONCURRENTLY {row['name']}")
            for row in invalid_indexes
        ),
        *(Finding("not-done", statement) for statement in remaining),
    ]
    if error.hint:
        findings.append(Finding("way-out", error.hint))
    return StepResult(
        "migrate",
        name or "env.py",
        Outcome.FAIL,
        f"failed half way: {revision.message if revision else 'env.py'}: {message}",
        location=error.location,
        hint=f"take back what stays, or have it skipped; then promote migrate --env {environment} --apply",
        findings=tuple(findings),
    )


def invalid_index_note(row: Mapping[str, str]) -> str:
    """The note on an interruption that left an index build unfinished."""
    return f"{_unused_index(row)}: DROP INDEX CONCURRENTLY {row['name']}"


def _unused_index(row: Mapping[str, str]) -> str:
    return f"{row['name']} of {row['table']} was begun, and no search uses it"


def migrate_verdict(state: MigrationState, *, applied: bool, complete: bool) -> str:
    """The last line of promote migrate; not ``complete`` when a revision failed half way."""
    if not complete:
        return f"stopped half way: the database is {state.description}"
    if applied:
        return f"migrated to {state.head}"
    if state.pending:
        return f"{len(state.pending)} pending: nothing was changed"
    return f"{state.description}: nothing was changed"


def _warning(code: str, message: str, hint: str = "") -> Finding:
    return Finding(code, message, hint=hint, severity=Severity.WARN)
