"""Prepared checks on an open connection → results. A check that could not look is ERROR, which closes the gate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.checks.prepare import PreparedCheck, prepare_checks
from minerva_promote.checks.probes.common import Measured, NotApplicable, NothingToMeasure
from minerva_promote.checks.probes.golden import measure_golden
from minerva_promote.checks.probes.latency import measure_latency
from minerva_promote.checks.probes.plan import measure_plan
from minerva_promote.checks.probes.recall import measure_recall
from minerva_promote.checks.threshold_report import (
    describe_bound,
    describe_incomparable,
    describe_violations,
    format_value,
)
from minerva_promote.checks.thresholds import Bound, Incomparable, Value, violations
from minerva_promote.config.models.project import Stage
from minerva_promote.database.connection import Connection
from minerva_promote.database.read_only import QueryError, QueryTimeoutError, read_only, run_query_limited
from minerva_promote.errors import TargetError
from minerva_promote.results import Outcome, StepResult
from minerva_promote.text_format import seconds

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project

_DEFAULT_PROBE_BOUNDS = {"golden": {"missing": (Bound("max", 0),)}}  # what a probe found, and no check should pass over
_WORTH_SAYING = 0.05  # seconds that measuring took


def run_checks(
    conn: Connection,
    project: Project,
    environment: Environment,
    stage: Stage | None,
    facts: FileFacts | None,
    run_id: str,
    only: Iterable[str] = (),
) -> Iterator[StepResult]:
    """The results of the checks of ``stage`` (None: of all), each as it is there.

    Inside a transaction each check runs in a savepoint of it and sees its rows; outside, in a read-only transaction
    of its own. Nothing is changed either way. When every check of before_commit is skipped, the last result is an
    ERROR: an import that nothing proves is not one that passed. Raises ConfigErrors before anything runs, and
    TargetError when the connection is lost.
    """
    yield from run_prepared(conn, prepare_checks(project, environment, stage, facts, run_id, only), stage)


def run_prepared(conn: Connection, checks: Iterable[PreparedCheck], stage: Stage | None) -> Iterator[StepResult]:
    """`run_checks` of checks that are prepared already, so that a fault of a template cannot stop an import midway."""
    total = measured = 0
    for prepared in checks:
        result = run_check(conn, prepared)
        total += 1
        measured += result.outcome is not Outcome.SKIP
        yield result
    if stage == "before_commit" and not measured:
        yield nothing_checked(total, stage)


def nothing_checked(skipped: int, stage: Stage | None) -> StepResult:
    """The result that says that a set of checks was empty, or skipped as a whole; it closes the gate."""
    what = f"stage {stage}" if stage else "this environment"
    return StepResult(
        "check",
        stage or "all",
        Outcome.ERROR,
        f"nothing was checked: all {skipped} checks were skipped" if skipped else f"no check is declared for {what}",
        hint="promote check --list shows the checks that exist"
        if skipped
        else "add one to checks/*.yaml: checks: [{name: has_rows, sql: select count(*) from TABLE, expect: {min: 1}}]",
        data={"skipped": skipped},
    )


def run_check(conn: Connection, prepared: PreparedCheck) -> StepResult:
    """The result of one check. Raises TargetError when the connection is lost."""
    if prepared.skip:
        return _result(prepared, Outcome.SKIP, prepared.skip, 0.0)
    begun = time.perf_counter()
    values: Mapping[str, Value] = {}
    more: Mapping[str, Any] = {}
    try:
        detail, values, more = _evaluate(conn, prepared)
        failed = violations(prepared.bounds.expect, values)
        warned = violations(_warning_bounds(prepared), values)
    except QueryTimeoutError:
        detail = f"took longer than its timeout of {prepared.timeout}"
        return _result(prepared, Outcome.ERROR, detail, time.perf_counter() - begun)
    except NotApplicable as error:
        return _result(prepared, Outcome.SKIP, str(error), time.perf_counter() - begun, values, more)
    except (QueryError, Incomparable, NothingToMeasure) as error:
        reason = describe_incomparable(error) if isinstance(error, Incomparable) else str(error)
        return _result(prepared, Outcome.ERROR, reason, time.perf_counter() - begun, values, more)
    except TargetError as error:
        raise TargetError(f'check "{prepared.check.name}": {error.message}', at=prepared.at, hint=error.hint) from error
    taken = time.perf_counter() - begun
    outcome = Outcome.FAIL if failed else Outcome.WARN if warned else Outcome.OK
    if failed or warned:
        violated = describe_violations(failed or warned)
        detail = f"{violated} ({detail})" if prepared.check.probe else violated
    if prepared.check.probe and taken >= _WORTH_SAYING:
        detail += f", {seconds(taken)}"
    return _result(prepared, outcome, detail, taken, values, more)


_PROBES: Mapping[str, Callable[[Connection, PreparedCheck], Measured]] = {
    "latency": measure_latency,
    "recall": measure_recall,
    "plan": measure_plan,
    "golden": measure_golden,
}


def _warning_bounds(prepared: PreparedCheck) -> Mapping[str, tuple[Bound, ...]]:
    """The bounds that warn: those of the check, and those of its probe on values that the check leaves alone."""
    own = _DEFAULT_PROBE_BOUNDS.get(prepared.check.probe or "", {})
    names = prepared.bounds.names
    return {name: bounds for name, bounds in own.items() if name not in names} | dict(prepared.bounds.warn)


def _evaluate(conn: Connection, prepared: PreparedCheck) -> Measured:
    """What is there: as a sentence, as values by name, and what else a report may want."""
    if prepared.check.probe:
        return _PROBES[prepared.check.probe](conn, prepared)
    with read_only(conn, prepared.timeout):
        result = run_query_limited(conn, prepared.sql, limit=2)
    value = _single_value(result.rows, result.types)
    return format_value(value), {"": value}, {}


def _single_value(rows: tuple[tuple[Any, ...], ...], types: tuple[str, ...]) -> Value:
    """The one value of a result. Raises QueryError for every other shape."""
    if not rows:
        raise QueryError("returned no row; a check returns one row with one value")
    if len(rows) > 1:
        raise QueryError("returned more than one row; a check returns one row with one value")
    if len(rows[0]) != 1:
        raise QueryError(f"returned {len(rows[0])} columns; a check returns one row with one value")
    value = rows[0][0]
    if value is None:
        raise QueryError("returned NULL, which is neither a pass nor a failure; coalesce() it to a value")
    if not isinstance(value, (bool, int, float, Decimal, str)):
        raise QueryError(f"returned a value of type {types[0]}; a check returns a number, a boolean or text")
    return value


def _result(
    prepared: PreparedCheck,
    outcome: Outcome,
    detail: str,
    seconds: float,
    values: Mapping[str, Value] | None = None,
    more: Mapping[str, Any] | None = None,
) -> StepResult:
    check = prepared.check
    plain = {name or "value": _json_value(value) for name, value in (values or {}).items()}
    thresholds = {
        side: {
            name or "value": [describe_bound(bound) for bound in value_bounds] for name, value_bounds in bounds.items()
        }
        for side, bounds in (("expect", prepared.bounds.expect), ("warn", prepared.bounds.warn))
        if bounds
    }
    quiet = outcome in (Outcome.OK, Outcome.SKIP)
    return StepResult(
        step="check",
        name=check.name,
        outcome=outcome,
        detail=detail,
        seconds=seconds,
        location=prepared.at,
        hint="" if quiet else _diagnostic_command(prepared),
        data={"stage": check.stage, "description": check.description, "values": plain} | thresholds | dict(more or {}),
    )


def _diagnostic_command(prepared: PreparedCheck) -> str:
    """The command that tells more: of a search that misses rows, what its index is like and how to mend it."""
    if prepared.check.probe == "recall":
        return f"promote index --env {prepared.environment}"
    return f"promote check --env {prepared.environment} --only {prepared.check.name}"


def _json_value(value: Value) -> Value:
    """A value that JSON has: whole numbers stay whole, and NaN and infinity become text."""
    if isinstance(value, Decimal) and math.isfinite(value) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, (float, Decimal)):
        return float(value) if math.isfinite(value) else str(value)
    return value
