"""Every shape that keeps a search off its index is named with the form that works; a correct query is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from minerva_promote.config.load_project import load_project
from minerva_promote.config.project import DeclaredSearch, Project
from minerva_promote.database.connection import Connection
from minerva_promote.errors import ConfigErrors, Location
from minerva_promote.results import Finding, Severity, StepResult
from minerva_promote.search.lint import lint_searches, require_searches
from minerva_promote.search.report import lint_step
from tests.conftest import Ran
from tests.search.space_of_three import SPHERE, indexed
from tests.servers import Database, ProjectCopy, Server

AT = Location("promote.yaml", 70, 10)
WORKS = "ORDER BY embedding <=> $1 LIMIT 10"
COMPUTED = "computed from the distance, and an index gives rows by the distance itself"
UNORDERED = "WHERE bounds embedding <=> $1, and nothing is ordered by it: every row's is computed"

GOOD = [
    "select id from points order by embedding <=> $1 limit 10",
    "select id, 1 - (embedding <=> $1::vector) as similarity from points p order by $1::vector <=> p.embedding limit 10",
    "select id, embedding <=> $1 as distance from points order by distance limit 10",
    "select id, embedding <=> $1 from points order by 2 limit 10",
    "select * from (select id, embedding <=> $1 as d from points order by d limit 50) s where d < 0.5 order by d limit 9",
    "with near as (select id, embedding <=> $1 as d from points order by d limit 50) select avg(d) from near",
    "select id from (select id from points order by embedding <=> $1) s limit 10",
    "select a.id from points a join points b using (id) order by a.embedding <=> $1 limit 10",
    "with scored as (select id, embedding <=> $1 as d from points) select id from scored order by d limit 10",
    "select s.id from (select id, embedding <=> $1 as d from points) s order by s.d limit 10",
    "select n.id from (select id, embedding from points order by embedding <=> $1 limit 30) n order by n.embedding <-> $1",
    "select id, rank() over (order by embedding <=> $1) from points order by embedding <=> $1 limit 10",
    "select id from points order by embedding <=> (select $1::vector) limit 5 + 5",
]
BAD = {
    "select id, 1 - (embedding <=> $1) as similarity from points order by similarity desc limit 5": (
        "order-computed",
        f"ORDER BY similarity, which is 1 - (embedding <=> $1), DESC: {COMPUTED}",
        "ORDER BY embedding <=> $1 LIMIT 5",
    ),
    "select id from points order by 1 - (embedding <=> $1) desc limit 10": (
        "order-computed",
        f"ORDER BY 1 - (embedding <=> $1) DESC: {COMPUTED}",
        WORKS,
    ),
    "select id from points order by embedding <=> $1 desc limit 10": (
        "order-falling",
        "ORDER BY embedding <=> $1 DESC asks for the rows that are furthest away",
        WORKS,
    ),
    "select id from points order by embedding <-> $1 limit 10": (
        "operator",
        "<-> on embedding, whose index serves <=> (cosine): points_embedding (vector_cosine_ops)",
        f"{WORKS}, or an index for <->",
    ),
    "select id from points order by embedding <#> $1 limit 10": (
        "operator",
        "<#> on embedding, whose index serves <=> (cosine): points_embedding (vector_cosine_ops)",
        f"{WORKS}, or an index for <#>",
    ),
    "select id from points where 1 - (embedding <=> $1) > 0.7": (
        "where-distance",
        UNORDERED,
        f"{WORKS} in a subquery, the bound around it",
    ),
    "select id from (select id, 1 - (embedding <=> $1) as s from points) p where s > 0.7": (
        "where-distance",
        UNORDERED,
        f"{WORKS} in a subquery, the bound around it",
    ),
    "select id from points order by embedding <=> $1": (
        "no-limit",
        "ORDER BY embedding <=> $1 without LIMIT: every row is asked for, and an index gives only some",
        WORKS,
    ),
    "select id from points where $1::vector is not null limit 10": (
        "no-order",
        "no ORDER BY of a distance: the rows come as they come",
        WORKS,
    ),
    "select id from (select * from points limit 10) s order by embedding <=> $1": (
        "limit-inside",
        "LIMIT stands inside the subquery, ORDER BY outside: some rows are sorted, not the nearest ones found",
        f"put both into the subquery: {WORKS}",
    ),
    "select id from points order by cosine_distance(embedding, $1) limit 10": (
        "function",
        "cosine_distance() is not what an index serves: it serves operators",
        WORKS,
    ),
    "select id from points order by inner_product(embedding, $1) desc limit 10": (
        "function",
        "ORDER BY inner_product(embedding, $1) DESC: an index serves operators, not functions",
        WORKS,
    ),
    "select id from points order by embedding::halfvec(3) <=> $1::halfvec(3) limit 10": (
        "column-cast",
        "embedding is cast to halfvec, and points_embedding (vector_cosine_ops) is on embedding",
        f"{WORKS}, or an index on the cast column",
    ),
    "select kind from points group by kind order by min(embedding <=> $1) limit 10": (
        "collapsed",
        "GROUP BY comes before LIMIT: every row is read for it",
        f"{WORKS} in a subquery, GROUP BY around it",
    ),
    "select distinct on (kind) id from points order by kind, embedding <=> $1 limit 10": (
        "collapsed",
        "DISTINCT comes before LIMIT: every row is read for it",
        f"{WORKS} in a subquery, DISTINCT around it",
    ),
    "select id from points order by kind = 'rare', embedding <=> $1 limit 10": (
        "first-key",
        "ORDER BY kind = 'rare' comes before embedding <=> $1: an index gives rows by the distance alone",
        f"{WORKS} in a subquery, the whole order around it",
    ),
    "select id, embedding <=> $1 as distance from points order by id limit 10": (
        "no-order",
        "ORDER BY id is no distance: not the nearest rows come first",
        WORKS,
    ),
    "with s as (select id, 1 - (embedding <=> $1) as near from points) select id from s order by s.near desc limit 10": (
        "order-computed",
        f"ORDER BY s.near, which is 1 - (embedding <=> $1), DESC: {COMPUTED}",
        WORKS,
    ),
    "select id, 1 - (embedding <=> $1) as near from points where 1 - (embedding <=> $1) > 0.5 order by near desc limit 10": (
        "order-computed",
        f"ORDER BY near, which is 1 - (embedding <=> $1), DESC: {COMPUTED}",
        WORKS,
    ),
    "select id, 1 - (embedding <-> $1) as near from points order by near desc limit 9": (
        "order-computed",
        f"ORDER BY near, which is 1 - (embedding <-> $1), DESC: {COMPUTED}",
        "ORDER BY embedding <=> $1 LIMIT 9",
    ),
    "select id from points order by embedding <=> $1 limit all": (
        "no-limit",
        "ORDER BY embedding <=> $1 without LIMIT: every row is asked for, and an index gives only some",
        WORKS,
    ),
    "select id from (select * from points limit 10) s order by embedding <=> $1 limit 5": (
        "limit-inside",
        "LIMIT stands inside the subquery, ORDER BY outside: some rows are sorted, not the nearest ones found",
        "put both into the subquery: ORDER BY embedding <=> $1 LIMIT 5",
    ),
    "select id, count(*) over () as total from points order by embedding <=> $1 limit 10": (
        "collapsed",
        "count() OVER comes before LIMIT: every row is read for it",
        f"{WORKS} in a subquery, count() OVER around it",
    ),
    "select id from points order by embedding <=> $1 nulls first limit 10": (
        "nulls-first",
        "ORDER BY embedding <=> $1 NULLS FIRST: an index gives rows by their distance, and none without a vector",
        WORKS,
    ),
    "select id from points order by l2_normalize(embedding) <=> $1 limit 10": (
        "column-computed",
        "the search is on l2_normalize(embedding), points_embedding (vector_cosine_ops) on embedding",
        f"{WORKS}, or an index on l2_normalize(embedding)",
    ),
    "select id from points order by embedding <=> $1::halfvec limit 10": (
        "parameter-type",
        "the vector is cast to halfvec, and so is embedding with it: points_embedding (vector_cosine_ops) is on vector(3)",
        "ORDER BY embedding <=> $1::vector LIMIT 10",
    ),
    "select id from points order by embedding <=> $1::float4[]::vector limit 10": (
        "parameter-type",
        "$1 is an array here, and a vector's text is given",
        "write $1::vector",
    ),
    "(select id from points order by embedding <=> $1 limit 5) union all (select id from points order by embedding <-> $1 limit 5)": (
        "operator",
        "<-> on embedding, whose index serves <=> (cosine): points_embedding (vector_cosine_ops)",
        "ORDER BY embedding <=> $1 LIMIT 5, or an index for <->",
    ),
    "select id from points order by embedding <=> $1::vector(4) limit 10": (
        "dimensions",
        "expected 4 dimensions, not 3",
        "search with vectors of the column's length and model",
    ),
    "select id from points order by embedding <=> $1::text limit 10": (
        "parameter-type",
        "operator does not exist: vector <=> text (No operator matches the given name and argument types. "
        "You might need to add explicit type casts.)",
        "write $1::vector: pgvector's operators take vectors",
    ),
    "select id from points order by embeddings <=> $1 limit 10": (
        "query",
        'column "embeddings" does not exist (Perhaps you meant to reference the column "points.embedding".)',
        "correct the query in promote.yaml, or migrate the target",
    ),
}
ALSO = {  # of queries with several faults, by the end of each: those reported after the first
    "min(embedding <=> $1) limit 10": ["order-computed"],
    "kind, embedding <=> $1 limit 10": ["first-key"],
    "inner_product(embedding, $1) desc limit 10": ["operator"],
    "near desc limit 10": ["where-distance"],
    "near desc limit 9": ["operator"],
}


@pytest.fixture
def connection(server: Server, make_database: Callable[..., Database]) -> Iterator[Connection]:
    built = server.template("sphere", lambda empty: empty.execute(*SPHERE, *indexed("hnsw")))
    with make_database(built).connect() as opened:
        yield opened


@pytest.fixture
def shipped(project: ProjectCopy) -> Project:
    return load_project(project.root)


def searched(
    shipped: Project, sql: str, settings: Mapping[str, int | str] | None = None, params: Mapping[int, Any] | None = None
) -> Project:
    """The project with this search alone."""
    from dataclasses import replace

    return replace(shipped, searches=(DeclaredSearch("similar", sql, settings or {}, params or {}, AT),))


def lint_steps(connection: Connection, project: Project) -> tuple[StepResult, ...]:
    return tuple(lint_step(result, "ENV") for result in lint_searches(connection, project))


def lint(connection: Connection, project: Project) -> tuple[Finding, ...]:
    return tuple(finding for step in lint_steps(connection, project) for finding in step.findings)


def test_correct_queries_are_silent(connection: Connection, shipped: Project) -> None:
    assert {sql: lint(connection, searched(shipped, sql)) for sql in GOOD} == dict.fromkeys(GOOD, ())
    (step,) = lint_steps(connection, searched(shipped, GOOD[0]))
    assert (step.step, step.name, step.outcome, step.detail) == (
        "search",
        "similar",
        "ok",
        "points_embedding serves it",
    )


@pytest.mark.parametrize("sql", BAD)
def test_what_keeps_a_query_off_the_index(connection: Connection, shipped: Project, sql: str) -> None:
    code, fact, help_ = BAD[sql]
    findings = lint(connection, searched(shipped, sql))
    assert findings[0] == Finding(code, f"similar: {fact}", AT, help_)
    assert [finding.code for finding in findings[1:]] == ALSO.get(sql.partition(" order by ")[2], [])


@pytest.mark.parametrize("method", ["ivfflat", "hnsw"])
def test_a_filter_that_starves_the_scan(connection: Connection, shipped: Project, method: str) -> None:
    more = "with (lists = 20)" if method == "ivfflat" else ""
    connection.execute("drop index points_embedding")
    for statement in indexed(method, more=more):
        connection.execute(statement.encode())
    connection.execute("set enable_seqscan = off")
    filtered = "select id from points where kind = $2 order by embedding <=> $1 limit 10"
    (finding,) = lint(connection, searched(shipped, filtered, params={2: "rare"}))
    assert (finding.code, finding.severity) == ("starved", Severity.WARN)
    head, tail = finding.message.split(" rows where ")
    assert 0 <= int(head.removeprefix("similar: points_embedding gives ")) < 10
    assert tail == "10 fit: the index is left before the LIMIT is reached"
    ways = {
        "ivfflat": "settings: {ivfflat.iterative_scan: relaxed_order, ivfflat.probes: 5}",
        "hnsw": "settings: {hnsw.iterative_scan: strict_order}",
    }
    assert finding.hint == f"{ways[method]}; or a partial index for the filter; promote index --env ENV"
    iterative: dict[str, int | str] = {"ivfflat.iterative_scan": "relaxed_order", "hnsw.iterative_scan": "strict_order"}
    assert lint(connection, searched(shipped, filtered, iterative, {2: "rare"})) == ()


def test_a_limit_that_the_index_does_not_reach(connection: Connection, shipped: Project) -> None:
    (finding,) = lint(connection, searched(shipped, "select id from points order by embedding <=> $1 limit 100"))
    assert (finding.code, finding.severity) == ("starved", Severity.WARN)
    assert finding.hint == "settings: {hnsw.iterative_scan: strict_order}; promote index --env ENV"


def test_indexes_that_do_not_fit(connection: Connection, shipped: Project) -> None:
    def only(sql: str = GOOD[0]) -> tuple[str, str, str, str]:
        (finding,) = lint(connection, searched(shipped, sql))
        return finding.code, finding.severity, finding.message, finding.hint

    connection.execute("update pg_index set indisvalid = false where indexrelid = 'points_embedding'::regclass")
    fact = "similar: points_embedding (vector_cosine_ops) is invalid: a build was broken off"
    assert only() == ("invalid-index", "error", fact, "promote index --env ENV --apply")
    connection.execute("drop index points_embedding")
    fact = "similar: no ivfflat or hnsw index on embedding: every search reads all rows"
    assert only() == ("no-index", "warn", fact, "right for a small table; promote index --env ENV")
    connection.execute("create index part on points using hnsw (embedding vector_cosine_ops) where kind = 'rare'")
    fact = "similar: part (vector_cosine_ops) is partial, WHERE kind = 'rare'::text: the search does not ask for these rows alone"
    assert only() == ("partial-index", "error", fact, "add WHERE kind = 'rare'::text, or index all rows")
    assert lint(connection, searched(shipped, "select id from points where kind = 'rare' " + GOOD[0][22:])) == ()
    connection.execute("drop index part")
    connection.execute("create index half on points using hnsw ((embedding::halfvec(3)) halfvec_cosine_ops)")
    code, _, fact, way = only("select id from points order by embedding::halfvec <=> $1 limit 10")
    assert fact.endswith("uses half (halfvec_cosine_ops), which is on (embedding::halfvec(3))")
    assert way.startswith("ORDER BY (embedding::halfvec(3)) <=> $1 LIMIT 10 of one table")
    code, _, fact, way = only()
    assert (code, way) == ("column-cast", "ORDER BY (embedding::halfvec(3)) <=> $1 LIMIT 10")
    assert fact == "similar: half (halfvec_cosine_ops) is on (embedding::halfvec(3)), the search on embedding"
    assert (
        lint(connection, searched(shipped, GOOD[0].replace("embedding <=> $1", way[9:].removesuffix(" LIMIT 10"))))
        == ()
    )


def test_other_types_and_names_that_need_quotes(connection: Connection, shipped: Project) -> None:
    for statement in (
        'create schema "Other S"',
        'create table "Other S"."a.b ""c""" (id int, "E v" vector(3))',
        'insert into "Other S"."a.b ""c""" select id, embedding from points',
        'create index q on "Other S"."a.b ""c""" using hnsw ("E v" vector_cosine_ops)',
        "create table bits (id int, b bit(3))",
        "insert into bits select id, binary_quantize(embedding)::bit(3) from points",
        "create index bits_b on bits using hnsw (b bit_hamming_ops)",
        "create table sparse (id int, s sparsevec(3))",
        "insert into sparse select id, embedding::sparsevec from points",
        "create index sparse_s on sparse using hnsw (s sparsevec_l2_ops)",
        "analyze",
    ):
        connection.execute(statement.encode())
    steps = {
        sql: lint_steps(connection, searched(shipped, sql))[0]
        for sql in (
            'select id from "Other S"."a.b ""c""" order by "E v" <=> $1 limit 10',
            "select id from bits order by b <~> $1 limit 10",
            "select id from bits order by b <~> binary_quantize($1::vector)::bit(3) limit 10",
            "select id from sparse order by s <-> $1 limit 10",
        )
    }
    assert {step.findings for step in steps.values()} == {()}
    assert [step.detail.partition(" serves it")[0] for step in steps.values()] == ["q", "bits_b", "bits_b", "sparse_s"]


def test_a_table_that_may_not_be_read(connection: Connection, shipped: Project) -> None:
    connection.execute("create role nobody_reads")
    connection.execute("set role nobody_reads")
    try:
        (finding,) = lint(connection, searched(shipped, GOOD[0]))
    finally:
        connection.execute("reset role")
        connection.execute("drop role nobody_reads")
    help_ = "let the import role read it: promote grants --env ENV"
    assert finding == Finding("privilege", "similar: permission denied for table points", AT, help_)


def test_lists_of_examples_are_arrays(connection: Connection, shipped: Project) -> None:
    several = "select id from points where kind = any ($2) order by embedding <=> $1 limit 10"
    assert lint(connection, searched(shipped, several, params={2: ("plain", "rare")})) == ()


def test_a_function_is_not_looked_into(connection: Connection, shipped: Project) -> None:
    connection.execute(
        "create function near(q vector) returns table (id int) language plpgsql as"
        " 'begin return query select p.id from points p order by p.embedding <=> q limit 5; end'"
    )
    (finding,) = lint(connection, searched(shipped, "select * from near($1)"))
    fact = "similar: near() holds the search: what a function does is not looked into"
    assert finding == Finding("function-inside", fact, AT, "declare the query that it holds", Severity.WARN)


def test_a_with_that_reads_itself(connection: Connection, shipped: Project) -> None:
    """The server's word of it, and no endless look for what a name means."""
    circle = "with recursive a as (select d from b), b as (select d from a) select d, $1 from a order by d limit 5"
    (finding,) = lint(connection, searched(shipped, circle))
    assert (finding.code, finding.severity) == ("query", Severity.ERROR)
    assert finding.message == "similar: mutual recursion between WITH items is not implemented"


def test_rows_that_are_chosen_by_an_order_of_their_own_are_only_told(connection: Connection, shipped: Project) -> None:
    recent = "select id from (select * from points order by id desc limit 10) s order by embedding <=> $1 limit 5"
    (finding,) = lint(connection, searched(shipped, recent))
    assert (finding.code, finding.severity) == ("limit-inside", Severity.WARN)


def test_an_empty_table_is_linted_too(connection: Connection, shipped: Project) -> None:
    connection.execute("truncate points")
    assert lint(connection, searched(shipped, GOOD[0])) == ()


@pytest.mark.parametrize(
    ("sql", "params", "message", "hint"),
    [
        ("select 1 limit 1", {}, "does not take the vector as $1", WORKS),
        (
            "select id from points order by embedding <=> '$1' limit 10",
            {},
            "does not take the vector as $1",
            "take $1 out of the quotes: embedding <=> $1",
        ),
        ("select $2", {}, "does not take the vector as $1", "number the parameters from $1, the vector"),
        ("select $1, $2", {}, "$2 has no example", 'params: {"2": …}, a value that the application searches with'),
        ("select $1", {3: 4}, "an example of $3, which the query does not take", ""),
        ("delete from points where id = $1", {}, "renders to DELETE; a search is exactly one SELECT", ""),
        ("select $1; select $1", {}, "renders to 2 statements; a search is exactly one SELECT", ""),
    ],
)
def test_a_query_that_is_none(sql: str, params: dict[int, Any], message: str, hint: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        require_searches([DeclaredSearch("similar", sql, {}, params, AT)])
    (error,) = refused.value.errors
    assert (error.location, error.message, error.hint) == (AT, f"similar: {message}", hint)


SEARCHES = """
searches:
  good: {file: queries/good.sql, settings: {ivfflat.probes: 5, hnsw.iterative_scan: strict_order}, params: {"2": a}}
  Bad: {sql: select 1}
  both: {sql: select 1, file: queries/good.sql}
  neither: {}
  gone: {file: queries/gone.sql}
  outside: {file: ../../etc/passwd}
  probing: {sql: select 1, settings: {ivfflat.probe: 5, hnsw.ef_search: 5000, hnsw.iterative_scan: loose}}
  numbered: {sql: select 1, params: {"1": 5}}
"""


def test_faults_of_a_declaration_are_told_with_their_places(project: ProjectCopy) -> None:
    project.write("queries/good.sql", GOOD[0])
    text = (project.root / "promote.yaml").read_text("utf-8").partition("\nsearches:")[0]
    project.write("promote.yaml", text + SEARCHES)
    line = text.count("\n") + 3
    with pytest.raises(ConfigErrors) as refused:
        load_project(project.root)
    assert [f"{error} | {error.hint}" for error in refused.value.errors] == [
        f"promote.yaml:{line + 1}:3: searches.Bad: not a name | lower-case letters, digits and _, a letter first",
        f"promote.yaml:{line + 2}:3: searches.both: has both sql and file: keep one | ",
        f"promote.yaml:{line + 3}:3: searches.neither: has neither sql nor file | ",
        f"promote.yaml:{line + 4}:16: searches.gone.file: no file queries/gone.sql in the project | ",
        f"promote.yaml:{line + 5}:19: searches.outside.file: no file ../../etc/passwd in the project | ",
        f'promote.yaml:{line + 6}:39: searches.probing.settings: no search setting "ivfflat.probe"; '
        'did you mean "ivfflat.probes"? | settings: hnsw.ef_search, hnsw.iterative_scan, hnsw.max_scan_tuples, '
        "ivfflat.iterative_scan, ivfflat.max_probes, ivfflat.probes",
        f"promote.yaml:{line + 6}:57: searches.probing.settings: hnsw.ef_search is 5000 | "
        "a whole number from 1 to 1,000",
        f'promote.yaml:{line + 6}:79: searches.probing.settings: hnsw.iterative_scan is "loose" '
        '| one of: "off", "relaxed_order", "strict_order"',
        f"promote.yaml:{line + 7}:38: searches.numbered.params.1: not the number of a parameter | "
        '"2" is an example of $2; $1 is the vector',
    ]


def test_the_shipped_search_is_served(project: ProjectCopy, promote: Callable[..., Ran]) -> None:
    ran = promote("check", "--env", "local", "--stage", "preflight")
    assert ran.exit_code == 0, ran
    line = "  search     similar_chunks ................... ok     idx_chunks_embedding_ivfflat serves it; a small table is read whole"
    assert line in ran.stdout.splitlines()
    project.edit("promote.yaml", "      order by embedding <=> $1\n", "      order by similarity desc\n")
    ran = promote("check", "--env", "local", "--stage", "preflight")
    assert ran.exit_code == 1
    shown = ran.stdout.splitlines()
    assert [part.strip() for part in shown[-4:]] == [
        "search     similar_chunks ................... FAIL   1 finding",
        f"{_place(project.root)}: order-computed: similar_chunks: ORDER BY similarity, which is 1 - (embedding <=> $1), "
        f"DESC: {COMPUTED}",
        f"help: {WORKS}",
        "gate closed: 1 of 1 check failed",
    ]


def _place(root: Path) -> str:
    (place,) = {str(search.at) for search in load_project(root).searches}
    return place
