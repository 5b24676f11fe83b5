"""Functions that do more than their caller may."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.held import PUBLIC, TAKE, Drift, Slot
from minerva_promote.grants.live import Live, Routine
from minerva_promote.grants.reach.standing import Standing
from minerva_promote.grants.reach.telling import listed, rights
from minerva_promote.grants.statements import take


def routine_drift(standing: Standing) -> Iterator[Drift]:
    """SECURITY DEFINER functions and those of untrusted languages, where a role may call one and is not declared to."""
    for routine in sorted(standing.live.routines, key=lambda each: each.name):
        code = _code(routine)
        callers = [role for role in standing.roles if code and _calls(standing, role, routine)]
        if callers and PUBLIC in routine.executors:
            fact = f"every role may call it, {listed(callers)} too; {_why(standing.live, routine)}"
            yield _drift(standing.live, code, routine, PUBLIC, fact)
        for role in callers:
            if role in routine.executors:
                yield _drift(standing.live, code, routine, role, _why(standing.live, routine))


def _code(routine: Routine) -> str:
    if routine.security_definer:
        return "security-definer"
    return "untrusted-function" if routine.untrusted and not routine.extension else ""


def _calls(standing: Standing, role: str, routine: Routine) -> bool:
    """Whether a role may call it, beyond what is declared; what it may as a member is told at the group."""
    if role == routine.owner or "EXECUTE" in standing.declared(role, "function", routine.name):
        return False
    if routine.executors.isdisjoint((role, PUBLIC)):
        return False
    return routine.embedded or standing.may_use(role, routine.schema)


def _why(live: Live, routine: Routine) -> str:
    if routine.security_definer:
        return f"it runs with {rights(live, routine.owner)}, whoever calls it"
    return f"language {routine.untrusted} reaches the server's machine: its files, programs and network"


def _drift(live: Live, code: str, routine: Routine, grantee: str, fact: str) -> Drift:
    statement = take(live, Slot(grantee, "function", routine.name), {"": ("EXECUTE",)})
    return Drift(code, grantee, f"function {routine.name}", fact, (statement,), phase=TAKE)
