"""Pending revisions as steps: what each would do, what it would lock, and where it cannot be taken back."""

from __future__ import annotations

from minerva_promote.config.project import Environment
from minerva_promote.migrations.alembic_tree import Revision, Script, Tree
from minerva_promote.migrations.lock_analysis import locks_of, told
from minerva_promote.results import Finding, Outcome, Severity, StepResult


def pending_steps(
    tree: Tree, environment: Environment, pending: tuple[Revision, ...], script: Script
) -> tuple[StepResult, ...]:
    """One failed step a revision: the gate is closed as long as it is not applied."""
    parts, made = script.of_revisions(), {tree.version_table().removeprefix("public.")}  # Alembic's own book-keeping
    hint = f"promote migrate --env {environment.name} --apply"
    steps = []
    for revision in pending:
        sql = parts.get(revision.id)
        locks = locks_of(sql, made) if sql is not None else ()
        findings = [_finding("lock", told(lock)) for lock in locks]
        if sql is None and revision.id == (script.broken or pending[0].id):
            findings.append(_finding("not-shown", f"what it and those after it lock cannot be told: {script.why}"))
        if revision.own_commits:
            fact = "it commits in between: what it did before it fails stays"
            findings.append(_finding("own-commit", fact, "have it in a revision of its own, that can be repeated"))
        data = {"sql": sql, "locks": [{"table": lock.table, "mode": lock.mode, "why": lock.why} for lock in locks]}
        steps.append(
            StepResult(
                "migrate",
                revision.id,
                Outcome.FAIL,
                f"pending: {revision.message}",
                hint=hint,
                findings=tuple(findings),
                data=data,
            )
        )
    if not tree.in_one_transaction:
        fact = "env.py connects by itself: its revisions are not one transaction with the rest of what promote does"
        help_ = 'have it use the connection that it is given: config.attributes["connection"]'
        steps.append(StepResult("migrate", "env.py", Outcome.WARN, findings=(_finding("own-connection", fact, help_),)))
    return tuple(steps)


def _finding(code: str, fact: str, help_: str = "") -> Finding:
    return Finding(code, fact, hint=help_, severity=Severity.WARN)
