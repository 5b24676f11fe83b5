"""The plan as an SQL script: what --apply would execute, to be run by hand."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.model import Drift
from minerva_promote.grants.plan import GrantPlan
from minerva_promote.text_format import one_line


def format_script(plan: GrantPlan) -> str:
    """One transaction, every statement below its reason; statements that --apply does not run are commented out."""
    return "\n".join(_lines(plan))


def _lines(plan: GrantPlan) -> Iterator[str]:
    yield f"-- database {one_line(plan.live.database)}, as {one_line(plan.live.admin)}"
    if not plan.drifts:
        yield "-- in step: nothing to do"
        return
    automatic = [drift for drift in plan.drifts if drift.automatic and drift.statements]
    if automatic:
        yield "BEGIN;"
        written: set[tuple[str, ...]] = set()
        for drift in automatic:
            yield from _reason(drift)
            if drift.statements not in written:
                yield from (f"{statement};" for statement in drift.statements)
            written.add(drift.statements)
            if drift.code == "missing-role" and plan.wanted.roles[drift.role].password:
                role = one_line(drift.role)
                yield f"-- its password is not shown: promote grants --apply sets it, or \\password {role}"
        yield "COMMIT;"
    for drift in plan.drifts:
        if drift not in automatic:
            yield "-- to be decided by a person:"
            yield from _reason(drift)
            yield from (f"-- {one_line(statement)};" for statement in drift.statements)
            if drift.hint:
                yield f"-- {one_line(drift.hint)}"


def _reason(drift: Drift) -> Iterator[str]:
    yield f"-- {one_line(drift.role)}, {drift.code}: {one_line(drift.what)}: {one_line(drift.message)}"
