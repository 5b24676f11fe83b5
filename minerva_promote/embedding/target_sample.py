"""What a target holds of a vector column, drawn at random and bounded: at most so many rows, pages and seconds."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import ident, qualified
from minerva_promote.database.read_only import QueryTimeoutError, read_only, run_query
from minerva_promote.embedding.model import NULL, ConfigRow, Space, SpaceSample, Text

SAMPLE = 512  # vectors: 3.1 MB of 1,536 dimensions each
PAGES = 4000  # of the table, its vectors and long texts left out; a bigger one is sampled by the server
TEXT_TIMEOUT = "5s"  # of looking for the same texts: it reads the table once
PAIRS = 256  # of the same text, compared

_SIZE = b"""
select greatest(reltuples, 0)::bigint, pg_relation_size(oid) / current_setting('block_size')::int
from pg_class where oid = to_regclass($1)
"""


def read_target_sample(conn: Connection, space: Space, roots: Sequence[str], timeout: str) -> SpaceSample:
    """Vectors of the target that belong to none of ``roots``, and all its embedding configs.

    The same rows as long as the table is the same. Raises QueryError and TargetError.
    """
    name = qualified(space.table).as_string(None)
    with read_only(conn, timeout):
        estimated_rows, pages = next(iter(run_query(conn, _SIZE, [name]).rows), (0, 0))
        sampled = run_query(conn, _sample_query(space, pages), [list(roots)] if space.root else []).rows
        configs = run_query(conn, _configs_query(space)).rows if space.config_table else ()
    return SpaceSample(
        space,
        max(estimated_rows, len(sampled)),
        tuple(row[0] for row in sampled),
        (None,) * len(sampled),
        tuple(row[1] for row in sampled),
        frozenset(row[2] for row in sampled if row[2] is not None),
        tuple(ConfigRow(row[0], tuple(row[2:]), row[1]) for row in configs),
    )


def find_same_texts(
    conn: Connection, sample: SpaceSample, roots: Sequence[str]
) -> tuple[tuple[Text, bytes], ...] | None:
    """Texts of the sample that the target has too, each with a vector of the target; None: not found out in time.

    The length is compared first, which does not read a long text. Raises QueryError and TargetError.
    """
    texts = sorted({text for text in sample.texts if text is not None})
    if not texts or sample.space.text is None:
        return ()
    sizes, digests = [text.size for text in texts], [text.sha256 for text in texts]
    try:
        with read_only(conn, TEXT_TIMEOUT):
            root_parameters = [list(roots)] if sample.space.root else []
            rows = run_query(conn, _texts_query(sample.space), [sizes, digests, *root_parameters]).rows
    except QueryTimeoutError:
        return None
    return tuple((Text(size, digest), vector) for size, digest, vector in rows)


def _sample_query(space: Space, pages: int) -> bytes:
    share = "" if pages <= PAGES else f" tablesample system ({100 * PAGES / pages:.6f}) repeatable (0)"
    statement = sql.SQL(
        "select {vector}, {root}, {config} from {table}{share} where {vector} is not null{others}"
        " order by hashtextextended({key}, 0) limit {limit}"
    )
    return statement.format(
        vector=ident(space.column),
        root=_as_text(space.root, f"'{NULL}'"),
        config=_as_text(space.config, "null::text"),
        table=qualified(space.table),
        share=sql.SQL(share),
        others=_other_roots_condition(space, 1),
        key=sql.SQL(" || ").join(_as_text(name, "") for name in space.key),
        limit=sql.Literal(SAMPLE),
    ).as_bytes(None)


def _configs_query(space: Space) -> bytes:
    statement = sql.SQL("select {}, {}, {} from {} order by 1")
    assert space.config_table is not None
    identity = [sql.SQL(f"coalesce({{}}::text, '{NULL}')").format(ident(name)) for name in space.identity]
    return statement.format(
        _as_text(space.config_key, "null::text"),
        ident(space.active) if space.active else sql.SQL("null::boolean"),
        sql.SQL(", ").join(identity),
        qualified(space.config_table),
    ).as_bytes(None)


def _texts_query(space: Space) -> bytes:
    statement = sql.SQL(
        "select octet_length({text}), sha256(convert_to({text}, 'UTF8')), {vector} from {table}"
        " where {vector} is not null{others} and case when octet_length({text}) = any ($1::int[])"
        " then sha256(convert_to({text}, 'UTF8')) = any ($2::bytea[]) else false end limit {limit}"
    )
    return statement.format(
        text=ident(space.text or ""),
        vector=ident(space.column),
        table=qualified(space.table),
        others=_other_roots_condition(space, 3),
        limit=sql.Literal(PAIRS),
    ).as_bytes(None)


def _other_roots_condition(space: Space, number: int) -> sql.Composable:
    """The condition that leaves the file's own roots out."""
    if space.root is None:
        return sql.SQL("")
    return sql.SQL(" and {}::text <> all (${}::text[])").format(ident(space.root), sql.SQL(str(number)))


def _as_text(column: str | None, otherwise: str) -> sql.Composable:
    return sql.SQL("{}::text").format(ident(column)) if column else sql.SQL(otherwise)
