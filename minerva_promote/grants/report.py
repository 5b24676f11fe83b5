"""The plan of `promote grants`, and the result of --apply, as steps and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minerva_promote.config.project import Environment
from minerva_promote.grants.apply import ApplyResult
from minerva_promote.grants.findings import (
    explain_no_effect,
    undeclared_import_role_finding,
    unused_accept_finding,
)
from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC, Drift, grantee_name
from minerva_promote.grants.plan import GrantPlan
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.text_format import counted, one_line

NOTHING_CHANGED = "nothing was changed"
UNKNOWN_OBJECTS = "--apply does nothing before what is declared exists"
SHOWN_DATABASES = 3  # other databases by name; the rest is counted


def plan_result(environment: Environment, plan: GrantPlan) -> RunResult:
    """What is not as declared, and what --apply would do about it."""
    steps = [*nothing_declared(environment), *drift_steps(plan.drifts), *remark_steps(plan)]
    return _result(environment, plan, steps, _plan_verdict(environment, plan))


def apply_result(environment: Environment, result: ApplyResult) -> RunResult:
    """What was changed, and what is still not as declared."""
    plan = result.remaining
    without_effect = {_key(drift): explain_no_effect(plan, drift) for drift in result.without_effect}
    steps: list[StepResult] = [*nothing_declared(environment)]
    for drift in result.done:
        explanation = without_effect.get(_key(drift))
        if explanation is not None:
            steps.append(_drift_step(drift, Outcome.FAIL, f"no effect: {explanation}"))
        elif not without_effect:
            steps.append(_done_step(drift))
    steps += [
        StepResult("alter", "password", Outcome.OK, f"{_name(name)}: set", data={"role": name, "applied": True})
        for name in (() if without_effect else result.passwords)
    ]
    steps += drift_steps(drift for drift in plan.drifts if _key(drift) not in without_effect)
    steps += remark_steps(plan)
    return _result(environment, plan, steps, _apply_verdict(environment, result), changed=result.committed)


def drift_steps(drifts: Iterable[Drift]) -> Iterator[StepResult]:
    """One failed step for each drift, with the statements that would end it."""
    for drift in drifts:
        yield _drift_step(drift, Outcome.FAIL, drift.message)


def remark_steps(plan: GrantPlan) -> Iterator[StepResult]:
    """The accepted drifts, the findings on the declaration itself, and what was not compared."""
    for drift in plan.accepted:
        entries = plan.wanted.accepts[drift.role]
        why = next(entry.why for entry in entries if (entry.code, entry.object) == (drift.code, drift.what))
        detail = f"{_name(drift.role)}, {drift.code}: {one_line(why)}"
        yield StepResult(
            "accepted", one_line(drift.what), Outcome.OK, detail, location=drift.location, data=_data(drift)
        )
    findings = [unused_accept_finding(unused) for unused in plan.unused_accepts]
    if plan.undeclared_import_role is not None:
        findings.append(undeclared_import_role_finding(plan.wanted.environment, plan.undeclared_import_role))
    if findings:
        yield StepResult("grants", "declaration", Outcome.WARN, findings=tuple(findings))
    if plan.wanted.roles and (detail := describe_not_compared(plan.live)):
        data = {"databases": databases_open_to_public(plan.live), "functions": plan.live.text_bodies}
        yield StepResult("grants", "not compared", Outcome.SKIP, one_line(detail), data=data)


def nothing_declared(environment: Environment) -> Iterator[StepResult]:
    """A failed step for an environment that declares no role, which would otherwise pass unnoticed."""
    if not environment.roles and environment.public is None:
        hint = f"promote grants --env {environment.name} --generate"
        yield StepResult("grants", "roles", Outcome.FAIL, "no role is declared: nothing is compared", hint=hint)


def describe_not_compared(live: LiveState) -> str:
    """What a declaration does not cover, or no catalog records, in one line; empty where there is nothing of it."""
    return "; ".join(_not_compared(live))


def _not_compared(live: LiveState) -> Iterator[str]:
    if live.text_bodies:
        yield f"calls in the text of {counted(live.text_bodies, 'functions')} (PL/pgSQL, SQL in quotes) are not seen"
    if live.large_objects:
        yield "every role may create large objects (lo_create)"
    names = databases_open_to_public(live)
    if names:
        more = f" and {len(names) - SHOWN_DATABASES:,} more" if len(names) > SHOWN_DATABASES else ""
        yield f"every role has privileges on other databases ({', '.join(names[:SHOWN_DATABASES])}{more})"


def databases_open_to_public(live: LiveState) -> list[str]:
    """The other databases on which PUBLIC has a privilege."""
    return [database.name for database in live.other_databases if database.privileges.get(PUBLIC)]


def _done_step(drift: Drift) -> StepResult:
    detail = f"{_name(drift.role)}, {drift.code}: {one_line('; '.join(drift.statements))}"
    what, data = one_line(drift.what), {**_data(drift), "applied": True}
    return StepResult(_statement_verb(drift), what, Outcome.OK, detail, location=drift.location, data=data)


def _drift_step(drift: Drift, outcome: Outcome, reason: str) -> StepResult:
    statements = "; ".join(drift.statements)
    if drift.statements and not drift.automatic:
        statements = f"not done by --apply: {statements}"
    return StepResult(
        _statement_verb(drift),
        one_line(drift.what),
        outcome,
        f"{_name(drift.role)}, {drift.code}: {one_line(reason)}",
        location=drift.location,
        hint=one_line("; ".join(filter(None, (statements, drift.hint)))),
        data={**_data(drift), "applied": False},
    )


def _statement_verb(drift: Drift) -> str:
    """The stage of a step: the first word of the drift's statement, or "reach" where there is none."""
    words = [statement.split()[0].lower() for statement in drift.statements]
    return next((word for word in words if word != "set"), "reach")


def _data(drift: Drift) -> dict[str, object]:
    return {
        "role": drift.role,
        "code": drift.code,
        "what": drift.what,
        "fact": drift.message,
        "help": drift.hint,
        "statements": list(drift.statements),
        "automatic": drift.automatic and bool(drift.statements),
    }


def _name(role: str) -> str:
    return one_line(grantee_name(role))


def _key(drift: Drift) -> tuple[str, str, str]:
    return drift.role, drift.code, drift.what


def _result(
    environment: Environment, plan: GrantPlan, steps: list[StepResult], verdict: str, *, changed: bool = False
) -> RunResult:
    return RunResult(
        command="grants",
        environment=environment.name,
        title=f"database {plan.live.database}",
        steps=tuple(steps),
        verdict=verdict,
        changed=changed,
        data={"roles": sorted(plan.wanted.roles), "absent": sorted(plan.wanted.absent), "drift": len(plan.drifts)},
    )


def _in_step(plan: GrantPlan) -> str:
    held = sum(len(privileges) for privileges in plan.wanted.held.values())
    return f"in step: {counted(len(plan.wanted.roles), 'roles')}, {counted(held, 'privileges')} as declared"


def _plan_verdict(environment: Environment, plan: GrantPlan) -> str:
    if not plan.drifts:
        return "nothing was compared" if list(nothing_declared(environment)) else _in_step(plan)
    automatic = sum(drift.automatic and bool(drift.statements) for drift in plan.drifts)
    differences = f"drift: {counted(len(plan.drifts), 'differences')}"
    if plan.has_unknown_objects:
        return f"{differences}; {UNKNOWN_OBJECTS}"
    if not automatic:
        none = "it cannot" if len(plan.drifts) == 1 else "none of them can"
        return f"{differences}; {none} be ended by --apply"
    ends = f"ends {automatic} of them"
    if automatic == len(plan.drifts):
        ends = "ends it" if automatic == 1 else "ends them"
    return f"{differences}; promote grants --env {environment.name} --apply {ends}"


def _apply_verdict(environment: Environment, result: ApplyResult) -> str:
    if result.without_effect:
        return f"{NOTHING_CHANGED} (rolled back): {counted(len(result.without_effect), 'statements')} had no effect"
    changes = len(result.done) + len(result.passwords)
    applied = f"applied: {counted(changes, 'changes')}" if changes else NOTHING_CHANGED
    remaining = len(result.remaining.drifts)
    if result.remaining.has_unknown_objects:
        return f"{applied}: {UNKNOWN_OBJECTS}; drift: {counted(remaining, 'differences')} left, see above"
    if remaining:
        return f"{applied}; drift: {counted(remaining, 'differences')} left, see above"
    return f"{applied}; {_in_step(result.remaining)}" if not list(nothing_declared(environment)) else applied
