"""Shapes become values: what one INSERT says, by PostgreSQL's own parser (libpg_query).

A shape is parsed only when it is simple enough that the parser, which recurses in C without a bound, cannot overflow
its stack. :mod:`known_shapes` remembers what was parsed.
"""

from __future__ import annotations

import re
from typing import Any

from minerva_promote.exportfile.insert_model import Insert, Refused
from minerva_promote.exportfile.insert_reader import InsertReader
from minerva_promote.exportfile.value_faults import excerpt
from minerva_promote.sql_parser import SqlSyntaxError, parse

MAX_COLUMNS = 1_600  # of a table of PostgreSQL
MAX_SHAPE = 1 << 19  # bytes of a statement without what its constants hold
MAX_NESTING = 2_000  # of nesting(): far more than an export needs, far less than the parser's stack

ANY_CONFLICT = b" ON CONFLICT DO NOTHING"
_BLANKS = re.compile(rb"[ \t\n\r\f]+")
_QUOTED_NAME = re.compile(rb'"(?:[^"]|"")*+"')
_PLACEHOLDER = re.compile(r"""near "(?:'s'|1|1\.5)"$""")
_NEAR = re.compile(r'near "(.*)"$', re.DOTALL)
_EDGE = re.compile(rb"[(\[,)\]]")
_SET_OPERATION = re.compile(rb"(?<![A-Za-z0-9_$\x80-\xff])(?:union|intersect|except)(?![A-Za-z0-9_$\x80-\xff])", re.I)
_TRANSACTION = re.compile(rb"(?:(?:begin|commit|end)(?: (?:work|transaction))?|start transaction)", re.I)


def plain_transaction(shape: bytes) -> str:
    """ "begin" or "commit" for the usual forms, which need no parser; empty for all others."""
    plain = _BLANKS.sub(b" ", shape).strip()
    if not _TRANSACTION.fullmatch(plain):
        return ""
    return "begin" if plain[:1] in b"bBsS" else "commit"


def transaction_shape(shape: bytes) -> str | Refused:
    """ "begin" or "commit" for the accepted forms."""
    if plain := plain_transaction(shape):
        return plain
    try:
        statement = _parse((("head", shape),))
        node = statement.transaction_stmt if statement.HasField("transaction_stmt") else None
        if node is None:
            raise Refused("statement", "not a transaction statement", "remove it")
        if node.options:
            raise Refused("transaction-mode", "BEGIN with modes is not accepted", "write BEGIN alone")
        names = type(node).DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number
        kind = names[node.kind].name.removeprefix("TRANS_STMT_")
        if kind == "COMMIT":
            raise Refused("transaction-chain", "COMMIT AND CHAIN is not accepted", "write COMMIT alone")
        raise Refused("transaction", f"{kind.replace('_', ' ')} is not accepted", "one BEGIN first, one COMMIT last")
    except Refused as refused:
        return refused.kept()


def read_insert(head: bytes, row: bytes, tail: bytes) -> Insert | Refused:
    """What an INSERT with one row says, or why it is refused."""
    try:
        statement = _parse((("head", head), ("row", row), ("tail", tail)))
        if not statement.HasField("insert_stmt"):
            raise Refused(
                "statement", "not an INSERT … VALUES statement", "write INSERT INTO table (columns) VALUES (…)"
            )
        return InsertReader(head, row).insert(statement.insert_stmt)
    except Refused as refused:
        return refused.kept()


def _parse(parts: tuple[tuple[str, bytes], ...]) -> Any:
    text = b"".join(part for _, part in parts)
    if _QUOTED_NAME.sub(b"n", parts[0][1]).count(b",") >= MAX_COLUMNS:
        raise Refused("too-complex", f"more than {MAX_COLUMNS:,} columns", "no table has so many")
    if len(text) > MAX_SHAPE or nesting(text) > MAX_NESTING:
        longest = max(parts, key=lambda part: len(part[1]))[0]
        raise Refused("too-complex", "an expression nested too deeply", "write plain constants", longest)
    decoded = text.decode()
    try:
        statements = parse(decoded).stmts
    except SqlSyntaxError as error:
        part, offset = _part_of(parts, len(decoded[: max(error.cursorpos - 1, 0)].encode()))
        message = error.message if error.message.startswith("syntax error") else f"syntax error: {error.message}"
        message = _PLACEHOLDER.sub("near a constant", message)
        message = _NEAR.sub(lambda match: f'near "{excerpt(match[1].encode())}"', message)
        raise Refused("syntax", message, "see what stands there", part, offset) from None
    except RecursionError:
        raise Refused("too-complex", "an expression nested too deeply", "write plain constants") from None
    if len(statements) != 1:
        raise Refused("syntax", f"{len(statements)} statements where one was expected", "end each with a semicolon")
    return statements[0].stmt


def nesting(shape: bytes) -> int:
    """An upper bound of how deep the parse tree of a shape can be.

    An expression is no deeper than its bytes outside of brackets and the deepest of its brackets together; a comma
    begins a new one, but a chain of queries has commas in it.
    """
    text = _BLANKS.sub(b" ", _QUOTED_NAME.sub(b"n", shape))
    if _SET_OPERATION.search(text):
        return len(text)
    levels = [[0, 0, 0]]  # of each open bracket: bytes since the comma, deepest bracket since, deepest before
    position = 0
    for match in _EDGE.finditer(text):
        level = levels[-1]
        level[0] += match.end() - position
        position = match.end()
        edge = match.group()
        if edge in b"([":
            levels.append([0, 0, 0])
            continue
        deepest = max(level[2], level[0] + level[1])
        level[:] = 0, 0, deepest
        if edge != b"," and len(levels) > 1:
            levels.pop()
            levels[-1][1] = max(levels[-1][1], deepest)
    levels[-1][0] += len(text) - position
    return sum(max(level[2], level[0] + level[1]) for level in levels)


def _part_of(parts: tuple[tuple[str, bytes], ...], position: int) -> tuple[str, int]:
    for name, text in parts:
        if position < len(text):
            return name, position
        position -= len(text)
    return parts[-1][0], len(parts[-1][1])
