"""What to do about a target's structure: migrate it, or have it altered where somebody else makes the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from psycopg import sql

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Table
from minerva_promote.database.quote import ident, qualified, split, sql_text
from minerva_promote.results import Finding

MIGRATE = "promote migrate --env ENV"
_WITHOUT_MIGRATIONS = "have whoever makes the tables change it, or correct promote.yaml"
_NAME_BYTES = 63


def unique_hint(table: str, columns: Sequence[str], recorded: Table | None, *, migrated: bool) -> str:
    """The migrations where they make this constraint, by the recorded columns; else the statement that adds it."""
    made = recorded is not None and any(set(names) == set(columns) for names in recorded.unique)
    if migrated and made:
        return MIGRATE
    name = ident("_".join((split(table)[1], *columns, "key")).encode()[:_NAME_BYTES].decode("utf-8", "ignore"))
    statement = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({})")
    return sql_text(statement.format(qualified(table), name, _listed(columns)))


def foreign_key_hint(contract: Contract, table: str, columns: Sequence[str], referenced: str, *, migrated: bool) -> str:
    """The migrations, or the statement that adds the foreign key where there are none."""
    if migrated:
        return MIGRATE
    statement = sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})")
    key = contract.tables[referenced].key
    return sql_text(statement.format(qualified(table), _listed(columns), qualified(referenced), _listed(key)))


def without_migrations(finding: Finding) -> Finding:
    """The finding of a project without migrations, whose hint names no command that migrates."""
    hint = finding.hint.removesuffix(f", or {MIGRATE}")
    if hint == MIGRATE:
        hint = _WITHOUT_MIGRATIONS
    return replace(finding, hint=hint.replace("or migrate the target", "or alter the target"))


def _listed(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(ident, columns))
