"""What setup gives to the roles of an environment, and takes from PUBLIC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from psycopg import sql

from minerva_promote.config.models.roles import Role
from minerva_promote.config.project import Environment
from minerva_promote.database.connection import Connection
from minerva_promote.database.notices import Notices
from minerva_promote.database.server_errors import execute, try_execute
from minerva_promote.errors import TargetError
from minerva_promote.grants.apply import run_plan
from minerva_promote.grants.findings import explain_no_effect, undeclared_import_role_finding
from minerva_promote.grants.grant_sql import revoke_statement
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, Drift, Slot
from minerva_promote.grants.plan import GrantPlan, plan_grants
from minerva_promote.grants.wanted import import_role
from minerva_promote.results import Finding, Outcome, Severity, StepResult


def ensure_privileges(conn: Connection, environment: Environment, notices: Notices) -> tuple[StepResult, ...]:
    """Give the declared roles what is declared, the import role what the ledger needs, and take from PUBLIC.

    In the transaction that is open. Nothing is taken from a declared role here: that is `promote grants`. Raises
    TargetError when a privilege cannot be given; what cannot be taken from PUBLIC is a WARN.
    """
    plan = plan_grants(conn, environment)
    unknown = [drift for drift in plan.drifts if drift.code == "unknown-object"]
    if unknown:
        first = unknown[0]
        raise TargetError(f"{first.location}: {first.message}", hint=first.hint)
    done, plan = run_plan(conn, plan, notices, lambda: plan_grants(conn, environment), _gives)
    lacking = [drift for drift in plan.drifts if _gives(drift)]
    if lacking:
        raise TargetError(
            f"GRANT had no effect: {'; '.join(f'{drift.what} to {drift.role}' for drift in lacking)}",
            hint=explain_no_effect(plan, lacking[0]),
        )
    steps = [_granted(name, [drift for drift in done if drift.role == name]) for name in plan.wanted.roles]
    return (*steps, *_undeclared_import_role(conn, environment, plan), _public(conn, environment, plan))


def _gives(drift: Drift) -> bool:
    return drift.code == "missing" and drift.role != PUBLIC


def _granted(name: str, done: list[Drift]) -> StepResult:
    statements = [statement for drift in done for statement in drift.statements]
    detail = f"{len(statements)} given" if statements else "already there"
    data = {"statements": statements, "changed": bool(statements)}
    return StepResult("setup", f"grants to {name}", Outcome.OK, detail, data=data)


def _undeclared_import_role(conn: Connection, environment: Environment, plan: GrantPlan) -> Iterator[StepResult]:
    """What the ledger needs, for an import role that nobody declared; the owner and a superuser need no grant."""
    name = _undeclared(environment, plan)
    if name is None:
        return
    declared = replace(environment, roles={**environment.roles, name: Role(ledger="write")})
    statements = [
        statement
        for drift in plan_grants(conn, declared).drifts
        if drift.role == name and _gives(drift)
        for statement in drift.statements
    ]
    for statement in statements:
        execute(conn, sql.SQL(statement), statement)
    detail = f"{len(statements)} given" if statements else "already there"
    data = {"statements": statements, "changed": bool(statements)}
    yield StepResult("setup", f"grants to {name}", Outcome.OK, detail, data=data)


def _undeclared(environment: Environment, plan: GrantPlan) -> str | None:
    """The import role where it is there, no superuser, not the owner, and not declared."""
    name = import_role(environment)
    present = plan.live.roles.get(name or "")
    if present is None or present.superuser or name in (*environment.roles, plan.live.admin):
        return None
    return name


def _public(conn: Connection, environment: Environment, before: GrantPlan) -> StepResult:
    """Take from PUBLIC what every new role would have: objects in public, temporary tables, and the way in.

    Not what is declared under ``public:``. The way in stays open as long as the import role is not declared: it may
    have no other.
    """
    database, undeclared = before.live.database, _undeclared(environment, before)
    unwanted = [
        (Slot(PUBLIC, "database", database), "CONNECT"),
        (Slot(PUBLIC, "database", database), "TEMPORARY"),
        (Slot(PUBLIC, "schema", "public"), "CREATE"),
    ]
    findings: list[Finding] = []
    if undeclared is not None:
        so = f"PUBLIC keeps CONNECT on database {database}"
        findings.append(undeclared_import_role_finding(environment, undeclared, so))
        del unwanted[0]
    had = [each for each in unwanted if each[1] in _held(before.live, each[0]) - _declared(before, each[0])]
    statements = {each: revoke_statement(before.live, each[0], {"": [each[1]]}) for each in had}
    done = [statement for statement in statements.values() if try_execute(conn, sql.SQL(statement)) is None]
    after = plan_grants(conn, environment).live if had else before.live
    still = [each for each in had if each[1] in _held(after, each[0])]
    findings += [
        Finding(
            "public-privilege",
            f"PUBLIC has {privilege} on {slot.kind} {slot.name}, and this role may not take it away",
            hint=f"as its owner: {statements[slot, privilege]}",
            severity=Severity.WARN,
        )
        for slot, privilege in still
    ]
    taken = len(had) - len(still)
    return StepResult(
        "setup",
        "grants to PUBLIC",
        Outcome.WARN if findings else Outcome.OK,
        f"{taken} taken away" if taken else "nothing to take away",
        findings=tuple(findings),
        data={"statements": done if taken else [], "changed": bool(taken)},
    )


def _held(live: LiveState, slot: Slot) -> frozenset[str]:
    return frozenset[str]().union(*(entry.privileges for entry in live.entries if entry.slot == slot))


def _declared(plan: GrantPlan, slot: Slot) -> frozenset[str]:
    return plan.wanted.held.get(slot, frozenset())
