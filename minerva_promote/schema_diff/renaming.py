"""New names for indexes and constraints, also where they change them among each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minerva_promote.config.schema_aspects import NAME
from minerva_promote.schema_diff.allowances import ClassifiedDifference
from minerva_promote.schema_diff.create_sql import ScriptStatement
from minerva_promote.schema_diff.model import Entity
from minerva_promote.schema_diff.sql_clauses import quoted, table_of

TEMPORARY = "promote_rename_"  # of what gives up a name that another one gets

Pair = tuple[ClassifiedDifference, ScriptStatement]


def rename(entity: Entity, before: str, after: str) -> str:
    """The statement that gives an index or a constraint another name."""
    if entity.kind == "index":
        return f"ALTER INDEX {quoted(entity.schema, before)} RENAME TO {quoted(after)}"
    return f"ALTER TABLE {table_of(entity)} RENAME CONSTRAINT {quoted(before)} TO {quoted(after)}"


def apart(pairs: Sequence[Pair]) -> list[Pair]:
    """The statements with renames in an order in which no name is taken twice.

    What gets a name that another one of them still has goes by way of a temporary name.
    """
    renames = [pair for pair in pairs if pair[0].difference.aspect == NAME]
    had = {(pair[1].of.schema, pair[1].of.name) for pair in renames}
    waiting = [pair for pair in renames if (pair[1].of.schema, _wanted(pair)) in had]
    if not waiting:
        return list(pairs)
    away: list[Pair] = []
    back: list[Pair] = []
    for number, (judged, statement) in enumerate(waiting, 1):
        of, name = statement.of, f"{TEMPORARY}{number}"
        away.append((judged, replace(statement, text=rename(of, of.name, name))))
        back.append((judged, replace(statement, text=rename(of, name, _wanted((judged, statement))))))
    at_once = [pair for pair in renames if pair not in waiting]
    others = [pair for pair in pairs if pair not in renames]
    return [*away, *at_once, *back, *others]


def _wanted(pair: Pair) -> str:
    left = pair[0].difference.left
    assert left is not None
    return left.name
