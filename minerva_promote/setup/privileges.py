"""The privileges that setup grants to the roles of an environment, and revokes from PUBLIC."""

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
from minerva_promote.results import Finding, StepResult
from minerva_promote.setup.report import grants_step, kept_public_privileges, public_step


def ensure_privileges(conn: Connection, environment: Environment, notices: Notices) -> tuple[StepResult, ...]:
    """Grant the declared privileges, the ledger's privileges of the import role, and revoke defaults of PUBLIC.

    Works in the open transaction. Nothing is revoked from a declared role: that is `promote grants`. Raises
    TargetError when a privilege cannot be granted; what cannot be revoked from PUBLIC is a WARN.
    """
    plan = plan_grants(conn, environment)
    unknown_objects = [drift for drift in plan.drifts if drift.code == "unknown-object"]
    if unknown_objects:
        first = unknown_objects[0]
        raise TargetError(f"{first.location}: {first.message}", hint=first.hint)
    granted, plan = run_plan(conn, plan, notices, lambda: plan_grants(conn, environment), _is_missing_grant)
    missing = [drift for drift in plan.drifts if _is_missing_grant(drift)]
    if missing:
        raise TargetError(
            f"GRANT had no effect: {'; '.join(f'{drift.what} to {drift.role}' for drift in missing)}",
            hint=explain_no_effect(plan, missing[0]),
        )
    steps = [_granted(name, [drift for drift in granted if drift.role == name]) for name in plan.wanted.roles]
    return (
        *steps,
        *_grant_to_undeclared_import_role(conn, environment, plan),
        _revoke_from_public(conn, environment, plan),
    )


def _is_missing_grant(drift: Drift) -> bool:
    return drift.code == "missing" and drift.role != PUBLIC


def _granted(name: str, done: list[Drift]) -> StepResult:
    return grants_step(name, [statement for drift in done for statement in drift.statements])


def _grant_to_undeclared_import_role(
    conn: Connection, environment: Environment, plan: GrantPlan
) -> Iterator[StepResult]:
    """Grant the ledger's privileges to an import role that is not declared; owner and superuser need none."""
    name = _undeclared_role_name(environment, plan)
    if name is None:
        return
    declared = replace(environment, roles={**environment.roles, name: Role(ledger="write")})
    statements = [
        statement
        for drift in plan_grants(conn, declared).drifts
        if drift.role == name and _is_missing_grant(drift)
        for statement in drift.statements
    ]
    for statement in statements:
        execute(conn, sql.SQL(statement), statement)
    yield grants_step(name, statements)


def _undeclared_role_name(environment: Environment, plan: GrantPlan) -> str | None:
    """The import role if it exists and is neither declared, nor the owner, nor a superuser; else None."""
    name = import_role(environment)
    present = plan.live.roles.get(name or "")
    if present is None or present.superuser or name in (*environment.roles, plan.live.admin):
        return None
    return name


def _revoke_from_public(conn: Connection, environment: Environment, before: GrantPlan) -> StepResult:
    """Revoke from PUBLIC what every new role would have: CREATE in public, temporary tables, CONNECT.

    Privileges declared under ``public:`` stay. CONNECT stays as long as the import role is not declared, as it may have
    no other grant of it.
    """
    database, undeclared = before.live.database, _undeclared_role_name(environment, before)
    unwanted = [
        (Slot(PUBLIC, "database", database), "CONNECT"),
        (Slot(PUBLIC, "database", database), "TEMPORARY"),
        (Slot(PUBLIC, "schema", "public"), "CREATE"),
    ]
    findings: list[Finding] = []
    if undeclared is not None:
        consequence = f"PUBLIC keeps CONNECT on database {database}"
        findings.append(undeclared_import_role_finding(environment, undeclared, consequence))
        del unwanted[0]
    held = [
        entry
        for entry in unwanted
        if entry[1] in _held_privileges(before.live, entry[0]) - _declared_privileges(before, entry[0])
    ]
    statements = {entry: revoke_statement(before.live, entry[0], {"": [entry[1]]}) for entry in held}
    executed = [statement for statement in statements.values() if try_execute(conn, sql.SQL(statement)) is None]
    after = plan_grants(conn, environment).live if held else before.live
    kept = [entry for entry in held if entry[1] in _held_privileges(after, entry[0])]
    findings += kept_public_privileges({entry: statements[entry] for entry in kept})
    return public_step(len(held) - len(kept), executed, findings)


def _held_privileges(live: LiveState, slot: Slot) -> frozenset[str]:
    return frozenset[str]().union(*(entry.privileges for entry in live.entries if entry.slot == slot))


def _declared_privileges(plan: GrantPlan, slot: Slot) -> frozenset[str]:
    return plan.wanted.held.get(slot, frozenset())
