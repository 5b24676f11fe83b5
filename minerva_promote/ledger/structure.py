"""The ledger's own schema: what a target has, what this release creates, and where they differ.

The chain of hashes proves that no event was changed; it does not show a trigger that is disabled, a rule that discards
rows or a table that does not survive a crash. Both sides are read from the catalogue by ``sql/structure.sql``; that of
a new ledger is kept in ``structure_VERSION.json``, which ``python -m tests.ledger.write_structure`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple

from minerva_promote.database.catalog import REVISION_VIEW, fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.database.server_errors import target_errors
from minerva_promote.ledger.install import LEDGER_VERSION

_PATH = b"select pg_catalog.current_setting('search_path') as path"
_SET_PATH = b"select pg_catalog.set_config('search_path', %(path)s, true)"
_UNVERSIONED = "promote.vector_indexes"  # changes without a version of the ledger: compared with the present one only
# The view promote.revision of a project without migrations, as pg_get_viewdef() prints it.
_NO_REVISIONS = " SELECT NULL::character varying(32) AS version_num\n  WHERE false;"
_WITHOUT_EFFECT = ("index", "decides")  # an index of others without expression, predicate and uniqueness


class SchemaObject(NamedTuple):
    """A table, column, constraint, trigger or other object of the schema promote."""

    kind: str
    name: str  # as SQL names it: "promote.events", "append_only on promote.events"
    table: str  # to which it belongs; "" for schemas and functions
    facts: Mapping[str, Any]  # aspect -> value

    def __str__(self) -> str:
        if self.kind == "column":
            return f"column {self.name.removeprefix(f'{self.table}.')} of {self.table}"
        return f"{self.kind} {self.name}"


class Difference(NamedTuple):
    """One object that is not as this release creates it."""

    kind: Literal["missing", "foreign", "changed"]
    expected: SchemaObject | None  # None: foreign
    actual: SchemaObject | None  # None: missing
    aspects: tuple[str, ...] = ()  # changed: the facts that differ

    @property
    def subject(self) -> SchemaObject:
        """The object that differs: the expected one where there is one."""
        subject = self.expected or self.actual
        assert subject is not None
        return subject


Structure = Mapping[tuple[str, str], SchemaObject]  # by kind and name


def read_structure(conn: Connection) -> Structure:
    """The objects of the target's ledger; none where it has none. In a transaction or a savepoint of its own."""
    with target_errors("reading the ledger's schema"), conn.transaction():
        before = fetch(conn, _PATH)[0]
        conn.execute(_SET_PATH, {"path": "pg_catalog, pg_temp"})
        rows = fetch(conn, query("structure", __package__ or ""))
        conn.execute(_SET_PATH, before)
    return _by_name(SchemaObject(**row) for row in rows)


@cache
def expected_structure(version: int = LEDGER_VERSION) -> Structure:
    """The objects of a new ledger of a version."""
    text = resources.files(__package__ or "").joinpath(f"structure_{version}.json").read_text("utf-8")
    return _by_name(SchemaObject(**item) for item in json.loads(text))


def compare_structure(
    actual: Structure, revision_table: str | None = None, version: int = LEDGER_VERSION
) -> tuple[Difference, ...]:
    """Every difference, tables first; the parts of a missing or foreign table are left out.

    ``revision_table`` is the qualified name of the one in which Alembic keeps the revision, "" in a project without
    migrations; None accepts any.
    """
    differences = [*_differences(actual, _with_revision_table(expected_structure(version), actual, revision_table))]
    whole = {d.subject.name for d in differences if d.kind != "changed" and d.subject.name == d.subject.table}
    kept = [
        d
        for d in differences
        if (d.subject.name == d.subject.table or d.subject.table not in whole)
        and (version == LEDGER_VERSION or d.subject.table != _UNVERSIONED)
    ]
    return tuple(sorted(kept, key=lambda d: (d.subject.name != d.subject.table, d.subject.kind, d.subject.name)))


def _differences(actual: Structure, expected: Structure) -> Iterator[Difference]:
    for key, wanted in expected.items():
        live = actual.get(key)
        if live is None:
            yield Difference("missing", wanted, None)
            continue
        names = {**live.facts, **wanted.facts}
        aspects = tuple(name for name in names if (live.facts.get(name) or None) != wanted.facts.get(name))
        if aspects:
            yield Difference("changed", wanted, live, aspects)
    for key, live in actual.items():
        kind, effect = _WITHOUT_EFFECT
        if key not in expected and (live.kind != kind or live.facts[effect]):
            yield Difference("foreign", None, live)


def _with_revision_table(expected: Structure, actual: Structure, table: str | None) -> Structure:
    key = ("view", REVISION_VIEW)
    live = actual.get(key)
    if table == "" or (table is None and live is not None and live.facts["definition"] == _NO_REVISIONS):
        facts = {**expected[key].facts, "reads": None, "definition": _NO_REVISIONS}
        return {**expected, key: expected[key]._replace(facts=facts)}
    reads = [table] if table else live.facts["reads"] if live and len(live.facts["reads"] or ()) == 1 else None
    view = expected[key]
    return {**expected, key: view._replace(facts={**view.facts, "reads": reads})} if reads else expected


def _by_name(items: Iterable[SchemaObject]) -> Structure:
    return {(item.kind, item.name): item for item in items}
