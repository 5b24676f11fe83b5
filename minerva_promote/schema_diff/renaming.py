"""Renames of indexes and constraints, also where they exchange names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from minerva_promote.config.schema_aspects import NAME
from minerva_promote.schema_diff.allowances import ClassifiedDifference
from minerva_promote.schema_diff.create_sql import ScriptStatement
from minerva_promote.schema_diff.model import Entity
from minerva_promote.schema_diff.sql_clauses import quote_name, table_name

TEMPORARY = "promote_rename_"  # while another object takes its old name

Pair = tuple[ClassifiedDifference, ScriptStatement]


def rename_statement(entity: Entity, before: str, after: str) -> str:
    """The ALTER statement that renames an index or constraint."""
    if entity.kind == "index":
        return f"ALTER INDEX {quote_name(entity.schema, before)} RENAME TO {quote_name(after)}"
    return f"ALTER TABLE {table_name(entity)} RENAME CONSTRAINT {quote_name(before)} TO {quote_name(after)}"


def order_renames(pairs: Sequence[Pair]) -> list[Pair]:
    """The statements with all renames first, in an order in which no name is used twice.

    An object whose new name another one still has gets a temporary name in between.
    """
    renames = [pair for pair in pairs if pair[0].difference.aspect == NAME]
    old_names = {(pair[1].entity.schema, pair[1].entity.name) for pair in renames}
    conflicting = [pair for pair in renames if (pair[1].entity.schema, _new_name(pair)) in old_names]
    if not conflicting:
        return list(pairs)
    to_temporary: list[Pair] = []
    from_temporary: list[Pair] = []
    for number, (classified, statement) in enumerate(conflicting, 1):
        entity, name = statement.entity, f"{TEMPORARY}{number}"
        to_temporary.append((classified, replace(statement, text=rename_statement(entity, entity.name, name))))
        from_temporary.append(
            (classified, replace(statement, text=rename_statement(entity, name, _new_name((classified, statement)))))
        )
    direct = [pair for pair in renames if pair not in conflicting]
    others = [pair for pair in pairs if pair not in renames]
    return [*to_temporary, *direct, *from_temporary, *others]


def _new_name(pair: Pair) -> str:
    left = pair[0].difference.left
    assert left is not None
    return left.name
