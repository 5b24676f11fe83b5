"""One attempt of --prove: a statement, and what its result says about privileges; and the objects to try it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from minerva_promote.database.catalog import Row, fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.database.savepoint_trial import TrialResult
from minerva_promote.database.server_errors import StatementError

INSUFFICIENT_PRIVILEGE = "42501"
# SQLSTATEs that do not say whether the server had checked privileges before: lock and statement timeouts, deadlocks, a
# standby, insufficient resources, shutdown.
_UNDECIDED = ("55P03", "57", "40P01", "25006", "25P", "53", "XX")
# Nothing has this name: a statement that names it has no effect, even when it is not refused.
NOWHERE = sql.Identifier("pg_catalog", "promote_no_such_object")
NO_NAME = sql.Identifier("promote_no_such_object")
NEW_NAME = sql.Identifier("promote_attempt")  # of created objects; rolled back
_OUR_NAMES = "promote_no_such"
# SQLSTATEs about an object that was dropped meanwhile, or about NOWHERE
_MISSING_OBJECT = ("42P01", "42704", "42883", "3F000", "42703", "22023")
NO_SUCH = frozenset({"42P01", "42704", "42883", "3F000"})  # about NOWHERE, after privileges were checked


@dataclass(frozen=True, slots=True)
class Attempt:
    """One statement, and what its result says about privileges."""

    topic: str  # of one step of the report: "DELETE"
    what: str  # "DELETE on public.books"
    target: str  # the object it is about: "table public.books"
    noun: str  # preposition and plural with which targets are counted: "on tables"
    statement: sql.Composable
    declared: bool = False  # it must succeed; else it must be refused
    is_question: bool = False  # a has_…_privilege query, for what cannot be tried without effect
    impossible: frozenset[str] = frozenset()  # SQLSTATEs that mean that no role can do it
    passed: frozenset[str] = frozenset()  # SQLSTATEs that the server raises only after it has checked privileges

    def refused(self, trial: TrialResult) -> bool | None:
        """Whether the server refused it for lack of privileges; None when the result does not say."""
        if trial.refusal is None:
            return self.is_question and trial.value != "t"
        state = trial.refusal.sqlstate
        if state == INSUFFICIENT_PRIVILEGE or state in self.impossible:
            return True
        if state in self.passed and not self._is_missing(trial.refusal):
            return False
        if self.is_question or self._is_missing(trial.refusal):
            return True
        return None if self.declared or not state or state.startswith(_UNDECIDED) else False

    def _is_missing(self, refusal: StatementError) -> bool:
        """Whether the target itself does not exist, and not only NOWHERE."""
        if refusal.sqlstate not in _MISSING_OBJECT or _OUR_NAMES in refusal.message:
            return False
        kind, _, name = self.target.partition(" ")
        return kind == "role" or (bool(name) and name.rpartition(".")[2] in refusal.message)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or sequence outside the system schemas."""

    schema: str
    name: str
    kind: str  # pg_class.relkind
    events: int  # that can write to it, as bits: 4 UPDATE, 8 INSERT, 16 DELETE
    columns: tuple[str, ...]
    writable: tuple[str, ...]

    @property
    def qualified_name(self) -> str:
        """As in Slot.name."""
        return f"{self.schema}.{self.name}"

    @property
    def triable_events(self) -> int:
        """The events that can be tried: none on a foreign table, where another server would execute them."""
        return 0 if self.kind == "f" else self.events

    @property
    def sql(self) -> sql.Identifier:
        """As it stands in a statement."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class AttemptTargets:
    """The objects that attempts are made on."""

    relations: tuple[Relation, ...]
    # kind, as in sql/named_targets.sql -> (name, SQL) of the objects of this kind
    by_kind: Mapping[str, tuple[tuple[str, str], ...]]

    def of_kind(self, kind: str) -> tuple[tuple[str, str], ...]:
        """Name and SQL of everything of one kind."""
        return self.by_kind.get(kind, ())


def read_attempt_targets(conn: Connection) -> AttemptTargets:
    """Read the objects that attempts are made on, the same for every role, in two queries."""
    relations = fetch(conn, query("relations", __package__ or ""))
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for row in fetch(conn, query("named_targets", __package__ or "")):
        by_kind.setdefault(row["kind"], []).append((row["name"], row["sql"]))
    return AttemptTargets(
        tuple(map(_relation, relations)), {kind: tuple(named_objects) for kind, named_objects in by_kind.items()}
    )


def _relation(row: Row) -> Relation:
    columns, writable = tuple(row["columns"]), tuple(row["writable"])
    return Relation(row["schema"], row["name"], row["kind"], row["events"], columns, writable)


def compose(text: str, *parts: sql.Composable, **named: sql.Composable) -> sql.Composed:
    """Fill quoted names into the placeholders of a statement."""
    return sql.SQL(text).format(*parts, **named)


def already_quoted(text: str) -> sql.SQL:
    """Text that the server has quoted, such as the signature of a function, for use in a statement."""
    return sql.SQL(text)


def privilege_question(function: str, *arguments: Any) -> sql.Composed:
    """A query of one of the server's has_…_privilege functions about the current role."""
    return compose(
        "SELECT pg_catalog.{}({})", already_quoted(function), sql.SQL(", ").join(map(sql.Literal, arguments))
    )
