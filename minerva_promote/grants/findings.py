"""Findings and explanations on a plan of `promote grants` that other packages report too."""

from __future__ import annotations

from minerva_promote.config.project import Environment
from minerva_promote.grants.model import Drift, grantee_name
from minerva_promote.grants.plan import GrantPlan, UnusedAccept
from minerva_promote.results import Finding, Severity


def undeclared_import_role_finding(
    environment: Environment,
    role: str,
    consequence: str = "what it may do is not compared",
    severity: Severity = Severity.WARN,
) -> Finding:
    """The import role has no declaration, and what follows from that."""
    message = f"import role {role} is not declared in roles: {consequence}"
    hint = f"declare it with its grants: promote grants --env {environment.name} --generate shows how"
    return Finding("undeclared-import-role", message, hint=hint, severity=severity)


def unused_accept_finding(unused: UnusedAccept) -> Finding:
    """An entry of ``accept:`` that matches no drift."""
    return Finding(
        "unused-accept",
        f"{grantee_name(unused.role)} has no {unused.entry.code}: {unused.entry.object}",
        unused.location,
        hint="take the entry out",
        severity=Severity.WARN,
    )


def explain_no_effect(plan: GrantPlan, drift: Drift) -> str:
    """Why a drift is still in ``plan`` although the server executed its statements."""
    entries = [
        entry for entry in plan.live.entries if entry.slot.grantee == drift.role and entry.slot.name in drift.what
    ]
    others = sorted({entry.grantor for entry in entries} - {plan.live.admin})
    if drift.code == "missing":
        return f"the server took it, and {drift.role} does not have it: {plan.live.admin} may not give it on"
    if others:
        return f"it was given by {', '.join(others)}, and {plan.live.admin} cannot take that back"
    return f"the server took it, and nothing changed: {plan.live.admin} may lack the right"
