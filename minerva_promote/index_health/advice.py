"""The cheapest way to meet the targets, from a verdict. Asks no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from psycopg import sql

from minerva_promote.config.project import Environment
from minerva_promote.database.quote import ident, sql_text
from minerva_promote.index_health.measure import SETTING, Measured
from minerva_promote.index_health.verdict import Health, Targets, Verdict, default_lists, finer_lists, lists_off
from minerva_promote.search.pgvector_features import INDEXABLE, SINCE, Version, too_old
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
    """What would be done."""

    NOTHING = "nothing"
    SETTING = "setting"
    REBUILD = "rebuild"  # the same index again
    REPLACE = "replace"  # another index in its place: other parameters, or hnsw
    DROP = "drop"  # a leftover
    FINISH = "finish"  # a leftover that only has to take its place
    PERSON = "person"  # a decision that --apply does not take


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one index."""

    step: Step
    text: str  # in a few words: "rebuild it"
    statements: tuple[str, ...] = ()  # SQL that does it
    method: str = ""  # of REPLACE
    options: Mapping[str, int] = field(default_factory=dict)  # of REPLACE
    setting: tuple[str, int] | None = None

    @property
    def automatic(self) -> bool:
        """--apply does it."""
        return self.step not in (Step.NOTHING, Step.PERSON)


def advise(
    index: VectorIndex,
    health: Health,
    seen: Measured,
    targets: Targets,
    version: Version,
    environment: Environment | None = None,
) -> Advice:
    """The cheapest way: nothing, a setting, a rebuild, other parameters, hnsw, or no index at all."""
    rows = seen.counted.rows
    match health.verdict:
        case Verdict.HEALTHY:
            return Advice(Step.NOTHING, "nothing to do")
        case Verdict.EXACT if health.setting is None:
            replaced = _for_planner(index, rows, version) if health.cause == "planner" else None
            return replaced or Advice(Step.NOTHING, "nothing to do as long as the table is small")
        case Verdict.EMPTY:
            later = "look again when the rows are there" if index.lists else "nothing to do: it grows with the rows"
            return Advice(Step.NOTHING, later)
        case Verdict.INVALID:
            return _repair(index)
        case Verdict.UNKNOWN if not index.readable:
            grant = f"declare SELECT on {index.table} for the import role, then promote grants --apply"
            return Advice(Step.PERSON, grant)
        case Verdict.UNKNOWN:
            over = "time" in health.why
            return Advice(Step.PERSON, "give it more time: --timeout 10min" if over else "mend that, and look again")
        case Verdict.UNUSED if health.setting is not None:
            return _set(index, health, seen, environment)
        case Verdict.UNUSED:
            return _advise_unused(index, health, rows, version)
        case Verdict.BUILT_EMPTY | Verdict.STALE:
            return _rebuild(index, rows)
        case Verdict.WRONG_LISTS:
            return _replace(index, "ivfflat", {"lists": default_lists(rows)})
        case Verdict.WRONG_SETTING | Verdict.EXACT:
            return _set(index, health, seen, environment)
        case _:
            return _advise_unreachable(index, seen, targets, version)


def _repair(index: VectorIndex) -> Advice:
    if index.building:
        return Advice(Step.PERSON, "wait until it is built, and look again")
    if not index.leftover:
        return Advice(Step.REBUILD, "rebuild it", (reindex(index),))
    if index.valid:
        return Advice(Step.FINISH, "put it in its place")
    return Advice(Step.DROP, "drop it", (f"DROP INDEX CONCURRENTLY {index.qualified}",))


def _advise_unused(index: VectorIndex, health: Health, rows: int, version: Version) -> Advice:
    drop = f"DROP INDEX CONCURRENTLY {index.qualified}"
    if health.cause == "operator":
        return Advice(Step.PERSON, "build one for the operator of the searches, or drop it", (drop,))
    if health.cause == "another index":
        return Advice(Step.PERSON, f"keep one of the two: {drop}", (drop,))
    return _for_planner(index, rows, version) or Advice(
        Step.PERSON,
        "the planner takes reading the table for cheaper: set random_page_cost = 1.1 where the disk is fast, or lower"
        " the targets",
    )


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
    return Advice(Step.REBUILD, f"rebuild it with {index.parameters}", (reindex(index),))


def _replace(index: VectorIndex, method: str, options: Mapping[str, int]) -> Advice:
    text = " ".join((method, ", ".join(f"{name} = {value}" for name, value in options.items()))).strip()
    words = f"rebuild it with {text.removeprefix('ivfflat ')}" if method == index.method else f"replace it by {text}"
    statement = definition(index, index.name, method, options)
    if index.of_partition:
        return Advice(Step.PERSON, f"{words}, by hand: it belongs to an index of a partitioned table", (statement,))
    return Advice(Step.REPLACE, words, (statement,), method, options)


def _set(index: VectorIndex, health: Health, seen: Measured, environment: Environment | None) -> Advice:
    assert health.setting is not None
    name, value = SETTING[index.method], health.setting
    database = (
        sql_text(ident(environment.admin_url.dbname)) if environment and "admin_url" in environment.settings else ""
    )
    if seen.source in ("user", "database user") and environment is not None:
        roles = [role for role, wanted in environment.roles.items() if wanted.login]
        statements = tuple(
            f"ALTER ROLE {sql_text(ident(role))} IN DATABASE {database} SET {name} = {value}" for role in roles
        )
        text = f'the role sets {name} itself: declare settings: {{{name}: "{value}"}}, then promote grants --apply'
        return Advice(Step.PERSON, text, statements, setting=(name, value))
    statement = f"ALTER DATABASE {database or 'NAME'} SET {name} = {value}"
    return Advice(Step.SETTING, f"set {name} = {value}", (statement,), setting=(name, value))


def _advise_unreachable(index: VectorIndex, seen: Measured, targets: Targets, version: Version) -> Advice:
    """When no setting of a well-built index reaches the targets."""
    if index.method == "ivfflat" and version >= SINCE["hnsw"]:
        return _replace(index, "hnsw", FIRST)
    if index.method == "ivfflat" and index.lists < (lists := finer_lists(seen.counted.rows)):
        return _replace(index, "ivfflat", {"lists": lists})
    if index.method == "hnsw" and index.options["m"] < MORE["m"] and _finds_too_little(index, seen, targets):
        return _replace(index, "hnsw", MORE)
    if seen.exact_p95 <= targets.latency:
        drop = f"DROP INDEX CONCURRENTLY {index.qualified}"
        text = f"do without: exact search of {seen.counted.rows:,} rows takes {seen.exact_p95:.1f} ms (p95)"
        return Advice(Step.PERSON, f"{text}: {drop}", (drop,))
    if index.method == "ivfflat":
        return Advice(Step.PERSON, too_old("hnsw", version))
    return Advice(Step.PERSON, "lower the targets, or search fewer rows")


def _finds_too_little(index: VectorIndex, seen: Measured, targets: Targets) -> bool:
    """Whether the fastest setting misses rows: a bigger graph finds more, and is never faster."""
    trials = [trial for trial in (seen.now, *seen.trials) if trial and trial.uses == index.name and trial.recall]
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


def expression_index(column: VectorColumn, operator: str, version: Version) -> str:
    """CREATE INDEX over the cast of a long vector to halfvec, and the ORDER BY that uses it; empty where none helps."""
    opclass = HALFVEC_OPERATORS.get(operator)
    fits = INDEXABLE["vector"] < column.dimensions <= INDEXABLE["halfvec"] and column.base_type == "vector"
    if opclass is None or not fits or version < SINCE["halfvec"]:
        return ""
    table = sql_text(sql.Identifier(column.schema, column.table))
    cast = f"{sql_text(ident(column.column))}::halfvec({column.dimensions})"
    return f"CREATE INDEX ON {table} USING hnsw (({cast}) {opclass}), in a migration; search by {cast} {operator} $1"
