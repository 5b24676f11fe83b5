"""Shapes become values: what one INSERT says, by PostgreSQL's own parser (libpg_query).

A shape is parsed only when it is simple enough that the parser, which recurses in C without a bound, cannot overflow its
stack; and each only once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from minerva_promote.exportfile.reading import Reading
from minerva_promote.exportfile.shapes import Insert, Refused

MAX_RUN = 2_000  # bytes of a shape without a comma: bounds the depth of any expression

_ANY_CONFLICT = b" ON CONFLICT DO NOTHING"


@lru_cache(maxsize=512)
def row_shape(head: bytes, row: bytes) -> Insert | Refused:
    """The head and one row, whatever the tail will say."""
    return _insert(head, row, _ANY_CONFLICT)


@lru_cache(maxsize=128)
def whole_shape(head: bytes, row: bytes, tail: bytes) -> Insert | Refused:
    """The head, the first row and the tail of a statement."""
    return _insert(head, row, b" " + tail)


@lru_cache(maxsize=32)
def transaction_shape(shape: bytes) -> str | Refused:
    """ "begin" or "commit" for the accepted forms."""
    try:
        statement = _parse((("head", shape),))
        node = statement.transaction_stmt if statement.HasField("transaction_stmt") else None
        if node is None:
            raise Refused("statement", "not a transaction statement", "remove it")
        if node.options:
            raise Refused("transaction-mode", "BEGIN with modes is not accepted", "write BEGIN alone")
        if node.chain:
            raise Refused("transaction-chain", "COMMIT AND CHAIN is not accepted", "write COMMIT alone")
        names = type(node).DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number
        kind = names[node.kind].name.removeprefix("TRANS_STMT_")
        if kind not in ("BEGIN", "START", "COMMIT"):
            raise Refused(
                "transaction", f"{kind.replace('_', ' ')} is not accepted", "one BEGIN first, one COMMIT last"
            )
        return "commit" if kind == "COMMIT" else "begin"
    except Refused as refused:
        return refused


def _insert(head: bytes, row: bytes, tail: bytes) -> Insert | Refused:
    try:
        statement = _parse((("head", head), ("row", row), ("tail", tail)))
        if not statement.HasField("insert_stmt"):
            raise Refused(
                "statement", "not an INSERT … VALUES statement", "write INSERT INTO table (columns) VALUES (…)"
            )
        return Reading(head, row).insert(statement.insert_stmt)
    except Refused as refused:
        return refused


def _parse(parts: tuple[tuple[str, bytes], ...]) -> Any:
    import postgast
    from google.protobuf.message import DecodeError

    text = b"".join(part for _, part in parts)
    if max(map(len, re.split(rb",", text))) > MAX_RUN:
        raise Refused("too-complex", f"an expression of more than {MAX_RUN:,} bytes", "write plain constants")
    try:
        statements = postgast.parse(text.decode()).stmts
    except postgast.PgQueryError as error:
        part, hole = _part_of(parts, max(error.cursorpos - 1, 0))
        fact = error.message if error.message.startswith("syntax error") else f"syntax error: {error.message}"
        raise Refused("syntax", fact, "see what stands there", part, hole) from None
    except (DecodeError, RecursionError):
        raise Refused("too-complex", "an expression nested too deeply", "write plain constants") from None
    if len(statements) != 1:
        raise Refused("syntax", f"{len(statements)} statements where one was expected", "end each with a semicolon")
    return statements[0].stmt


def _part_of(parts: tuple[tuple[str, bytes], ...], place: int) -> tuple[str, int]:
    for name, text in parts:
        if place < len(text):
            return name, place
        place -= len(text)
    return parts[-1][0], len(parts[-1][1])
