"""The cheapest way to meet the targets, from a verdict; sends no query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from psycopg import sql

from minerva_promote.config.project import Environment
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.index_health.measure import SETTING, Measured
from minerva_promote.index_health.verdict import Health, Reason, Targets, Verdict, default_lists, finer_lists, lists_off
from minerva_promote.search.pgvector_features import INDEXABLE, SINCE, Version
from minerva_promote.search.vector_indexes import VectorColumn, VectorIndex

HALFVEC_OPERATORS = {
    "<=>": "halfvec_cosine_ops",
    "<->": "halfvec_l2_ops",
    "<#>": "halfvec_ip_ops",
    "<+>": "halfvec_l1_ops",
}
# Of an hnsw index. With pgvector's own ef_construction of 64, 100,000 rows need hnsw.ef_search = 150 and more for a
# recall@10 of 0.95; with twice that 100 suffices, and the build takes not twice as long (benchmarks/search.py).
FIRST = {"m": 16, "ef_construction": 128}
MORE = {"m": 32, "ef_construction": 200}  # where the first misses the targets, too


class Step(StrEnum):
    """What would be done, as JSON names it."""

    NOTHING = "nothing"
    SETTING = "setting"
    REBUILD = "rebuild"  # the same index again
    REPLACE = "replace"  # another index in its place: other parameters, or hnsw
    DROP = "drop"  # a leftover
    FINISH = "finish"  # a leftover that only has to take its place
    PERSON = "person"  # a decision that --apply does not take


class Remedy(Enum):
    """What helps an index for which --apply does nothing."""

    NOTHING = auto()  # nothing has to be done
    TABLE_IS_SMALL = auto()  # nothing, as long as the table is small
    WAIT_FOR_ROWS = auto()  # measure again when there are rows
    GROWS = auto()  # nothing: an hnsw index grows with its rows
    GRANT_SELECT = auto()  # let the import role read the table
    MORE_TIME = auto()  # measure with a longer timeout
    CORRECT_ERROR = auto()  # correct what the server reports
    WAIT_FOR_BUILD = auto()  # wait for the build of another session
    OTHER_OPERATOR = auto()  # build one for the operator of the searches
    KEEP_ONE = auto()  # drop one of two indexes
    PLANNER_COSTS = auto()  # lower the cost of random pages
    BY_HAND = auto()  # replace an index of a partitioned table
    ROLE_SETTING = auto()  # change the setting that the role brings along
    EXACT_SEARCH = auto()  # drop the index: exact search suffices
    NEWER_PGVECTOR = auto()  # update pgvector to one with hnsw
    LOWER_TARGETS = auto()  # ask for less


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one index."""

    step: Step
    statements: tuple[str, ...] = ()  # SQL that does it
    method: str = ""  # of REPLACE, also by hand
    options: Mapping[str, int] = field(default_factory=dict)  # of REPLACE, also by hand, and of REBUILD where they fit
    setting: tuple[str, int] | None = None
    remedy: Remedy = Remedy.NOTHING  # of NOTHING and PERSON

    @property
    def automatic(self) -> bool:
        """--apply does it."""
        return self.step not in (Step.NOTHING, Step.PERSON)


def advise(
    index: VectorIndex,
    health: Health,
    measured: Measured,
    targets: Targets,
    version: Version,
    environment: Environment | None = None,
) -> Advice:
    """The cheapest way: nothing, a setting, a rebuild, other parameters, hnsw, or no index at all."""
    rows = measured.counted.rows
    match health.verdict:
        case Verdict.HEALTHY:
            return Advice(Step.NOTHING)
        case Verdict.EXACT if health.setting is None:
            slow = health.reason is Reason.TABLE_READ_SLOWLY
            replaced = _for_planner(index, rows, version) if slow else None
            return replaced or Advice(Step.NOTHING, remedy=Remedy.TABLE_IS_SMALL)
        case Verdict.EMPTY:
            return Advice(Step.NOTHING, remedy=Remedy.WAIT_FOR_ROWS if index.lists else Remedy.GROWS)
        case Verdict.INVALID:
            return _repair(index)
        case Verdict.UNKNOWN if not index.readable:
            return Advice(Step.PERSON, remedy=Remedy.GRANT_SELECT)
        case Verdict.UNKNOWN:
            hurried = measured.out_of_time or health.reason is Reason.FEW_SEARCHES
            return Advice(Step.PERSON, remedy=Remedy.MORE_TIME if hurried else Remedy.CORRECT_ERROR)
        case Verdict.UNUSED if health.setting is not None:
            return _set(index, health, measured, environment)
        case Verdict.UNUSED:
            return _advise_unused(index, health, rows, version)
        case Verdict.BUILT_EMPTY | Verdict.STALE:
            return _rebuild(index, rows)
        case Verdict.WRONG_LISTS:
            return _replace(index, "ivfflat", {"lists": default_lists(rows)})
        case Verdict.WRONG_SETTING | Verdict.EXACT:
            return _set(index, health, measured, environment)
        case _:
            return _advise_unreachable(index, measured, targets, version)


def _repair(index: VectorIndex) -> Advice:
    if index.building:
        return Advice(Step.PERSON, remedy=Remedy.WAIT_FOR_BUILD)
    if not index.leftover:
        return Advice(Step.REBUILD, (reindex(index),))
    return Advice(Step.FINISH) if index.valid else Advice(Step.DROP, (_drop(index),))


def _drop(index: VectorIndex) -> str:
    return f"DROP INDEX CONCURRENTLY {index.qualified}"


def _advise_unused(index: VectorIndex, health: Health, rows: int, version: Version) -> Advice:
    if health.reason is Reason.OTHER_OPERATOR:
        return Advice(Step.PERSON, (_drop(index),), remedy=Remedy.OTHER_OPERATOR)
    if health.reason is Reason.OTHER_INDEX:
        return Advice(Step.PERSON, (_drop(index),), remedy=Remedy.KEEP_ONE)
    return _for_planner(index, rows, version) or Advice(Step.PERSON, remedy=Remedy.PLANNER_COSTS)


def _for_planner(index: VectorIndex, rows: int, version: Version) -> Advice | None:
    """An index that the planner takes where it reads the table in place of an ivfflat index; None when that is all."""
    if index.method != "ivfflat":
        return None
    if version >= SINCE["hnsw"]:
        return _replace(index, "hnsw", FIRST)
    lists = finer_lists(rows)
    return _replace(index, "ivfflat", {"lists": lists}) if index.lists < lists else None


def _rebuild(index: VectorIndex, rows: int) -> Advice:
    if lists_off(index, rows) and not index.of_partition:
        return _replace(index, "ivfflat", {"lists": default_lists(rows)})
    return Advice(Step.REBUILD, (reindex(index),), options=index.options)


def _replace(index: VectorIndex, method: str, options: Mapping[str, int]) -> Advice:
    statements = (definition(index, index.name, method, options),)
    if index.of_partition:
        return Advice(Step.PERSON, statements, method, options, remedy=Remedy.BY_HAND)
    return Advice(Step.REPLACE, statements, method, options)


def _set(index: VectorIndex, health: Health, measured: Measured, environment: Environment | None) -> Advice:
    assert health.setting is not None
    name, value = SETTING[index.method], health.setting
    database = (
        sql_text(ident(environment.admin_url.dbname)) if environment and "admin_url" in environment.settings else ""
    )
    if measured.source in ("user", "database user") and environment is not None:
        roles = [role for role, wanted in environment.roles.items() if wanted.login]
        statements = tuple(
            f"ALTER ROLE {sql_text(ident(role))} IN DATABASE {database} SET {name} = {value}" for role in roles
        )
        return Advice(Step.PERSON, statements, setting=(name, value), remedy=Remedy.ROLE_SETTING)
    statement = f"ALTER DATABASE {database or 'NAME'} SET {name} = {value}"
    return Advice(Step.SETTING, (statement,), setting=(name, value))


def _advise_unreachable(index: VectorIndex, measured: Measured, targets: Targets, version: Version) -> Advice:
    """When no setting of a well-built index reaches the targets."""
    if index.method == "ivfflat" and version >= SINCE["hnsw"]:
        return _replace(index, "hnsw", FIRST)
    if index.method == "ivfflat" and index.lists < (lists := finer_lists(measured.counted.rows)):
        return _replace(index, "ivfflat", {"lists": lists})
    if index.method == "hnsw" and index.options["m"] < MORE["m"] and _finds_too_little(index, measured, targets):
        return _replace(index, "hnsw", MORE)
    if measured.exact_p95 <= targets.latency:
        return Advice(Step.PERSON, (_drop(index),), remedy=Remedy.EXACT_SEARCH)
    return Advice(Step.PERSON, remedy=Remedy.NEWER_PGVECTOR if index.method == "ivfflat" else Remedy.LOWER_TARGETS)


def _finds_too_little(index: VectorIndex, measured: Measured, targets: Targets) -> bool:
    """Whether the fastest setting misses rows: a bigger graph finds more, and is never faster."""
    trials = [
        trial for trial in (measured.now, *measured.trials) if trial and trial.uses == index.name and trial.recall
    ]
    fastest = min(trials, key=lambda trial: trial.setting, default=None)
    return fastest is None or fastest.recall is None or fastest.recall.mean < targets.recall


def reindex(index: VectorIndex) -> str:
    """The statement that builds the same index again."""
    return f"REINDEX INDEX CONCURRENTLY {index.qualified}"


def definition(index: VectorIndex, name: str, method: str, options: Mapping[str, int]) -> str:
    """The statement that builds an index over the same, under another name or with other parameters."""
    given = ", ".join(f"{option} = {value}" for option, value in options.items())
    tablespace = f" TABLESPACE {sql_text(ident(index.tablespace))}" if index.tablespace else ""
    where = f" WHERE {index.predicate}" if index.predicate else ""
    opclass = f"{sql_text(ident(index.opclass_schema))}.{sql_text(ident(index.opclass))}"
    return (
        f"CREATE INDEX CONCURRENTLY {sql_text(ident(name))} ON {index.table_sql} USING {method} "
        f"({index.expression} {opclass}) WITH ({given}){tablespace}{where}"
    )


def halfvec_index(column: VectorColumn, operator: str, version: Version) -> tuple[str, str] | None:
    """CREATE INDEX over the cast of a long vector to halfvec, and the distance to order by; None where none helps."""
    opclass = HALFVEC_OPERATORS.get(operator)
    fits = INDEXABLE["vector"] < column.dimensions <= INDEXABLE["halfvec"] and column.base_type == "vector"
    if opclass is None or not fits or version < SINCE["halfvec"]:
        return None
    table = sql_text(sql.Identifier(column.schema, column.table))
    cast = f"{sql_text(ident(column.column))}::halfvec({column.dimensions})"
    return f"CREATE INDEX ON {table} USING hnsw (({cast}) {opclass})", f"{cast} {operator} $1"
