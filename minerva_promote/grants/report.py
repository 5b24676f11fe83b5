"""The plan of `promote grants`, and what became of it, as results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minerva_promote.config.project import Environment
from minerva_promote.grants.apply import ApplyResult
from minerva_promote.grants.limits import not_compared, open_databases
from minerva_promote.grants.model import Drift, grantee_name
from minerva_promote.grants.plan import GrantPlan
from minerva_promote.results import Outcome, RunResult, StepResult
from minerva_promote.text_format import counted, one_line

NOTHING = "nothing was changed"
UNKNOWN = "--apply does nothing before what is declared exists"


def shown(environment: Environment, plan: GrantPlan) -> RunResult:
    """What is not as declared, and would be changed."""
    steps = [*nothing_declared(environment), *drift_steps(plan.drifts), *note_steps(plan)]
    return _result(environment, plan, steps, _verdict(environment, plan))


def applied(environment: Environment, outcome: ApplyResult) -> RunResult:
    """What was changed, and what remains."""
    plan = outcome.remaining
    failed = {_key(drift): reason for drift, reason in outcome.without_effect}
    steps: list[StepResult] = [*nothing_declared(environment)]
    for drift in outcome.done:
        reason = failed.get(_key(drift))
        if reason is not None:
            steps.append(_step(drift, Outcome.FAIL, f"no effect: {reason}"))
        elif not failed:
            steps.append(_done(drift))
    steps += [
        StepResult("alter", "password", Outcome.OK, f"{_name(name)}: set", data={"role": name, "applied": True})
        for name in (() if failed else outcome.passwords)
    ]
    steps += drift_steps(drift for drift in plan.drifts if _key(drift) not in failed)
    steps += note_steps(plan)
    return _result(environment, plan, steps, _said(environment, outcome), changed=outcome.committed)


def drift_steps(drifts: Iterable[Drift]) -> Iterator[StepResult]:
    """One line each: what would be done about it, what it is about, why, and the statement."""
    for drift in drifts:
        yield _step(drift, Outcome.FAIL, drift.message)


def note_steps(plan: GrantPlan) -> Iterator[StepResult]:
    """What is worth a word: accepted ways to more, acceptances of nothing, and what was not compared."""
    for drift in plan.accepted:
        entries = plan.wanted.accepts[drift.role]
        reason = next(entry.why for entry in entries if (entry.code, entry.object) == (drift.code, drift.what))
        detail = f"{_name(drift.role)}, {drift.code}: {one_line(reason)}"
        yield StepResult(
            "accepted", one_line(drift.what), Outcome.OK, detail, location=drift.location, data=_data(drift)
        )
    if plan.notes:
        yield StepResult("grants", "declaration", Outcome.WARN, findings=plan.notes)
    if plan.wanted.roles and (detail := not_compared(plan.live)):
        data = {"databases": open_databases(plan.live), "functions": plan.live.text_bodies}
        yield StepResult("grants", "not compared", Outcome.SKIP, one_line(detail), data=data)


def nothing_declared(environment: Environment) -> Iterator[StepResult]:
    """An empty declaration is said out loud, never a silent pass."""
    if not environment.roles and environment.public is None:
        hint = f"promote grants --env {environment.name} --generate"
        yield StepResult("grants", "roles", Outcome.FAIL, "no role is declared: nothing is compared", hint=hint)


def _done(drift: Drift) -> StepResult:
    statements = f"{_name(drift.role)}, {drift.code}: {one_line('; '.join(drift.statements))}"
    what, data = one_line(drift.what), {**_data(drift), "applied": True}
    return StepResult(verb(drift), what, Outcome.OK, statements, location=drift.location, data=data)


def _step(drift: Drift, outcome: Outcome, reason: str) -> StepResult:
    statements = "; ".join(drift.statements)
    if drift.statements and not drift.automatic:
        statements = f"not done by --apply: {statements}"
    return StepResult(
        verb(drift),
        one_line(drift.what),
        outcome,
        f"{_name(drift.role)}, {drift.code}: {one_line(reason)}",
        location=drift.location,
        hint=one_line("; ".join(filter(None, (statements, drift.hint)))),
        data={**_data(drift), "applied": False},
    )


def verb(drift: Drift) -> str:
    """The first word of a line: what the statement does, or "reach" where there is none."""
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


def _verdict(environment: Environment, plan: GrantPlan) -> str:
    if not plan.drifts:
        return "nothing was compared" if list(nothing_declared(environment)) else _in_step(plan)
    ended = sum(drift.automatic and bool(drift.statements) for drift in plan.drifts)
    statements = f"drift: {counted(len(plan.drifts), 'differences')}"
    if plan.unknown:
        return f"{statements}; {UNKNOWN}"
    if not ended:
        none = "it cannot" if len(plan.drifts) == 1 else "none of them can"
        return f"{statements}; {none} be ended by --apply"
    all_or_some = ("ends it" if ended == 1 else "ends them") if ended == len(plan.drifts) else f"ends {ended} of them"
    return f"{statements}; promote grants --env {environment.name} --apply {all_or_some}"


def _said(environment: Environment, outcome: ApplyResult) -> str:
    if outcome.without_effect:
        return f"{NOTHING} (rolled back): {counted(len(outcome.without_effect), 'statements')} had no effect"
    count = len(outcome.done) + len(outcome.passwords)
    made = f"applied: {counted(count, 'changes')}" if count else NOTHING
    left = len(outcome.remaining.drifts)
    if outcome.remaining.unknown:
        return f"{made}: {UNKNOWN}; drift: {counted(left, 'differences')} left, see above"
    if left:
        return f"{made}; drift: {counted(left, 'differences')} left, see above"
    return f"{made}; {_in_step(outcome.remaining)}" if not list(nothing_declared(environment)) else made
