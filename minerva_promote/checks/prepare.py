"""Checks of the configuration → prepared checks: which apply here, their SQL, their thresholds. Asks no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from minerva_promote.checks.file_facts import FileFacts
from minerva_promote.checks.thresholds import Bounds, NoFact, resolve
from minerva_promote.config.models.project import CheckFile, LocatedCheck, Stage, Threshold
from minerva_promote.config.suggest import did_you_mean, listing
from minerva_promote.errors import ConfigError, ConfigErrors, Location, UsageError
from minerva_promote.sqltext import FileNeeded, NoFile, Sql, Templates
from minerva_promote.sqltext.single_select import require_one_select, uses_parameter

if TYPE_CHECKING:
    from minerva_promote.config.project import Environment, Project
    from minerva_promote.database.connection import Connection

_TIMES = ("p50_ms", "p95_ms", "p99_ms", "max_ms", "first_ms")
PROBE_VALUES: Mapping[str, tuple[str, ...]] = {
    "latency": (*_TIMES, "samples", "rows", "rows_missing", "concurrency", "per_second"),
    "recall": ("recall_at_k", "low", "high", "k", "queries", "rows", "p50_ms", "exact_ms", "speedup"),
    "plan": ("index_usable", "index_chosen", "operator_matches", "pages_share"),
    "golden": ("recall_at_k", "low", "rank_agreement", "queries", "missing", "displaced", *_TIMES),
}
SAMPLE_TEMPLATE = "vector_sample.sql.j2"  # of a probe that names no other in params.sample
MODEL_TEMPLATE = "vector_model.sql.j2"  # of a golden probe: the embedding configs of the vectors; params.model
IDS_TEMPLATE = "vector_ids.sql.j2"  # of a golden probe: which recorded rows are there; params.ids_of
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
    vectors: tuple[str, ...] = ()  # of a probe: its query vectors, where they are given
    connect: Callable[[], AbstractContextManager[Connection]] | None = None  # another session of the import role
    root: Path = Path()  # of the project
    model_sql: bytes = b""  # of a golden probe; empty: the project has no such template
    ids_sql: bytes = b""
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
            prepared.append(prepare_check(placed, project, environment, facts, run_id, templates))
        except ConfigError as error:
            faults.append(error)
    if faults:
        raise ConfigErrors(faults)
    return tuple(prepared)


def select(checks: Iterable[LocatedCheck], stage: Stage | None, only: Iterable[str]) -> tuple[LocatedCheck, ...]:
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


def prepare_check(
    placed: LocatedCheck,
    project: Project,
    environment: Environment,
    facts: FileFacts | None,
    run_id: str,
    templates: Templates,
) -> PreparedCheck:
    """One check, ready to run. Raises ConfigError for a fault of it or of its templates."""
    check, at = placed.check, placed.at
    _require_thresholds(check, at)
    prepared = PreparedCheck(check, at, environment.name, check.timeout or environment.timeouts.check)
    values = _values(check, project, environment, facts, run_id)
    sample = ids = model = ""
    try:
        bounds = Bounds(resolve(check.expect, facts), resolve(check.warn, facts))
        sql = _sql(check, at, templates, values | ({"query": QUERY} if check.probe else {}))
        if check.probe:
            if not uses_parameter(sql):
                raise ConfigError("the probe's SQL does not use {{ query }}, the vector to search with", at=at)
            if check.vectors == "file" and facts is None:
                raise NoFact("vectors")
            sample = _render_probe_template("sample", SAMPLE_TEMPLATE, check, at, project, templates, values)
        if check.probe == "golden":
            ids = _render_probe_template(
                "ids_of", IDS_TEMPLATE, check, at, project, templates, values | {"ids": Sql("$1::text[]")}
            )
            if "model" in check.params or (project.templates / MODEL_TEMPLATE).is_file():
                model = _render_probe_template("model", MODEL_TEMPLATE, check, at, project, templates, values)
    except (NoFact, FileNeeded):
        return replace(prepared, skip=_why_not_applicable(check, environment) or NEEDS_FILE)
    return replace(
        prepared,
        bounds=bounds,
        sql=sql.encode(),
        sample_sql=sample.encode(),
        vectors=_declared_vectors(check),
        connect=_connect(project, environment) if check.concurrency > 1 else None,
        root=project.root,
        model_sql=model.encode(),
        ids_sql=ids.encode(),
        skip=_why_not_applicable(check, environment),
    )


def _render_probe_template(
    param: str,
    default: str,
    check: CheckFile,
    at: Location,
    project: Project,
    templates: Templates,
    values: Mapping[str, Any],
) -> str:
    """The SQL of another template of a probe, which ``params`` may name."""
    name = str(check.params.get(param, default))
    text = templates.render(name, {**values, "samples": check.samples}, at=at)
    require_one_select(text, Location(f"{project.templates.name}/{name}"))
    return text


def _declared_vectors(check: CheckFile) -> tuple[str, ...]:
    """The query vectors of ``params.vectors``, as pgvector reads them."""
    if check.vectors != "list":
        return ()
    return tuple("[" + ",".join(map(repr, vector)) + "]" for vector in check.params["vectors"])


def _connect(project: Project, environment: Environment) -> Callable[[], AbstractContextManager[Connection]]:
    from minerva_promote.database.session import import_session

    return partial(import_session, project, environment, application="promote probe")


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
    """What the check's template sees; its params also by their own names, which never hide ``file`` and the others.

    ``keys`` has the columns of each table's key; a param of this name hides it.
    """
    return {
        "keys": {table: list(rule.key) for table, rule in project.contract.tables.items()},
        **check.params,
        "params": check.params,
        "file": facts.template_values(tuple(project.contract.tables)) if facts else NoFile(),
        "run": {"id": run_id},
        "env": {"name": environment.name, "kind": environment.kind},
        "var": dict(environment.variables),
    }


def _why_not_applicable(check: CheckFile, environment: Environment) -> str:
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
            message = (
                f'has no value "{name}"{did_you_mean(name, known)}' if name else f"has values by name: {side} names one"
            )
            raise ConfigError(f"a {check.probe} probe {message}", at=at, hint=f"its values: {', '.join(known)}")
    if not held and check.stage != "monitor":
        hint = "add expect: {max: 0}, or another of equals, not_equals, min, max, between"
        raise ConfigError(
            f'"{check.name}" has neither expect nor warn: nothing is held against its value', at=at, hint=hint
        )
