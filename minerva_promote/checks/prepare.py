"""Checks of the configuration → prepared checks: which apply here, their SQL, their thresholds. Asks no database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

from minerva_promote.checks.facts import FileFacts
from minerva_promote.checks.statement import require_one_select, uses_parameter
from minerva_promote.checks.thresholds import Bounds, NoFact, resolve
from minerva_promote.config.models import CheckFile, Placed, Stage, Threshold
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.errors import ConfigError, ConfigErrors, Location, UsageError
from minerva_promote.templates import FileNeeded, NoFile, Sql, Templates

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project

PROBE_VALUES: Mapping[str, tuple[str, ...]] = {
    "latency": ("p50_ms", "p95_ms", "p99_ms", "max_ms", "first_ms", "samples", "rows"),
    "plan": ("index_usable", "index_chosen"),
}
SAMPLE_TEMPLATE = "vector_sample.sql.j2"  # of a probe that names no other in params.sample
QUERY = Sql("$1::vector")  # what {{ query }} of a probe's template is; the vector itself is bound
NEEDS_FILE = "needs an export file"


@dataclass(frozen=True, slots=True)
class PreparedCheck:
    """A check, ready to run against one environment."""

    check: CheckFile
    at: Location
    environment: str
    timeout: str
    bounds: Bounds = field(default_factory=lambda: Bounds({}, {}))
    sql: bytes = b""
    sample_sql: bytes = b""  # of a probe: where its query vectors come from
    skip: str = ""  # why it does not run here


def prepare_checks(
    project: Project,
    environment: Environment,
    stage: Stage | None,
    facts: FileFacts | None,
    run_id: str,
    only: Iterable[str] = (),
) -> tuple[PreparedCheck, ...]:
    """The checks of ``stage`` (None: of all stages) in the order of the stages and of their files.

    Raises UsageError for an unknown name in ``only``, and ConfigErrors with every fault of the checks and templates.
    """
    templates = Templates(project.templates)
    prepared: list[PreparedCheck] = []
    faults: list[ConfigError] = []
    for placed in select(project.checks, stage, only):
        try:
            prepared.append(_prepare(placed, project, environment, facts, run_id, templates))
        except ConfigError as error:
            faults.append(error)
    if faults:
        raise ConfigErrors(faults)
    return tuple(prepared)


def select(checks: Iterable[Placed], stage: Stage | None, only: Iterable[str]) -> tuple[Placed, ...]:
    """The checks of a stage, and of these the ones named. Raises UsageError for a name that no check has."""
    every, wanted = tuple(checks), tuple(only)
    names = [placed.check.name for placed in every]
    for name in wanted:
        if name not in names:
            raise UsageError(f'there is no check "{name}"{did_you_mean(name, names)}', hint=f"checks: {listing(names)}")
    chosen = [
        placed
        for placed in every
        if (stage is None or placed.check.stage == stage) and (not wanted or placed.check.name in wanted)
    ]
    return tuple(sorted(chosen, key=lambda placed: get_args(Stage).index(placed.check.stage)))


def _prepare(
    placed: Placed,
    project: Project,
    environment: Environment,
    facts: FileFacts | None,
    run_id: str,
    templates: Templates,
) -> PreparedCheck:
    check, at = placed.check, placed.at
    _require_thresholds(check, at)
    prepared = PreparedCheck(check, at, environment.name, check.timeout or environment.timeouts.check)
    values = _values(check, project, environment, facts, run_id)
    sample = ""
    try:
        bounds = Bounds(resolve(check.expect, facts), resolve(check.warn, facts))
        sql = _sql(check, at, templates, values | ({"query": QUERY} if check.probe else {}))
        if check.probe:
            if not uses_parameter(sql):
                raise ConfigError("the probe's SQL does not use {{ query }}, the vector to search with", at=at)
            name = str(check.params.get("sample", SAMPLE_TEMPLATE))
            sample = templates.render(name, values | {"samples": check.samples}, at=at)
            require_one_select(sample, Location(f"{project.templates.name}/{name}"))
    except (NoFact, FileNeeded):
        return replace(prepared, skip=_elsewhere(check, environment) or NEEDS_FILE)
    return replace(
        prepared,
        bounds=bounds,
        sql=sql.encode(),
        sample_sql=sample.encode(),
        skip=_elsewhere(check, environment),
    )


def _sql(check: CheckFile, at: Location, templates: Templates, values: Mapping[str, Any]) -> str:
    if check.template is not None:
        sql = templates.render(check.template, values, at=at)
    else:
        sql = templates.render_inline(check.sql or "", values, at=at)
    require_one_select(sql, at)
    return sql


def _values(
    check: CheckFile, project: Project, environment: Environment, facts: FileFacts | None, run_id: str
) -> dict[str, Any]:
    """What the check's template sees; its params also by their own names, which never hide ``file`` and the others."""
    return {
        **check.params,
        "params": check.params,
        "file": facts.template_values(tuple(project.contract.tables)) if facts else NoFile(),
        "run": {"id": run_id},
        "env": {"name": environment.name, "kind": environment.kind},
        "var": dict(environment.variables),
    }


def _elsewhere(check: CheckFile, environment: Environment) -> str:
    """Why the check does not apply to the environment, or nothing."""
    when = check.when
    if when.kind is not None and when.kind != environment.kind:
        return f"only for kind {when.kind}; {environment.name} is {environment.kind}"
    if when.environments and environment.name not in when.environments:
        return f"only for {', '.join(when.environments)}"
    return ""


def _require_thresholds(check: CheckFile, at: Location) -> None:
    """Raise ConfigError for a threshold on a value that the check has not, and for a gate that nothing can close."""
    known = PROBE_VALUES[check.probe] if check.probe else ("",)
    held = False
    for side, threshold in (("expect", check.expect), ("warn", check.warn)):
        for name in {"": None} if isinstance(threshold, Threshold) else threshold or {}:
            held = True
            if name in known:
                continue
            if not check.probe:
                raise ConfigError(f'{side} names "{name}", but a check without a probe has one value', at=at)
            fact = (
                f'has no value "{name}"{did_you_mean(name, known)}' if name else f"has values by name: {side} names one"
            )
            raise ConfigError(f"a {check.probe} probe {fact}", at=at, hint=f"its values: {', '.join(known)}")
    if not held and check.stage != "monitor":
        hint = "add expect: {max: 0}, or another of equals, not_equals, min, max, between"
        raise ConfigError(
            f'"{check.name}" has neither expect nor warn: nothing is held against its value', at=at, hint=hint
        )
