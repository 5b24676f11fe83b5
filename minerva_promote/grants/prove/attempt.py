"""What is tried as a role: single statements, each with what the declaration says about it."""

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
# Of these nobody knows whether the server had looked at privileges: a lock was not had in time, a statement was broken
# off, the server is a standby, has no memory or goes down.
_UNDECIDED = ("55P03", "57", "40P01", "25006", "25P", "53", "XX")
# Nothing has this name, so that a statement that names it comes to nothing where it is not refused.
NOWHERE = sql.Identifier("pg_catalog", "promote_no_such_object")
NO_NAME = sql.Identifier("promote_no_such_object")
NEW_NAME = sql.Identifier("promote_attempt")  # of what is made, and rolled back
_OUR_NAMES = "promote_no_such"
_MISSING_OBJECT = (
    "42P01",
    "42704",
    "42883",
    "3F000",
    "42703",
    "22023",
)  # what was there a moment ago, and is not any more
NO_SUCH = frozenset({"42P01", "42704", "42883", "3F000"})  # said about NOWHERE, after the privileges were looked at


@dataclass(frozen=True, slots=True)
class Attempt:
    """One statement, and what it means when the server does not refuse it."""

    topic: str  # all attempts of one line of the report: "DELETE"
    what: str  # "DELETE on public.books"
    target: str  # the object it is about: "table public.books"
    noun: str  # how objects are counted: "on tables"
    statement: sql.Composable
    declared: bool = False  # it must be carried out; else it must be refused
    is_question: bool = False  # the statement is a question, answered "t" or "f": what cannot be tried without doing it
    impossible: frozenset[str] = frozenset()  # errors that say that nobody can do it
    passed: frozenset[str] = frozenset()  # errors that come only after the privileges were looked at

    def refused(self, trial: TrialResult) -> bool | None:
        """Whether the privileges stood in the way; None when that cannot be told."""
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
        """Whether the object itself is missing, and not what the statement names so that it comes to nothing."""
        if refusal.sqlstate not in _MISSING_OBJECT or _OUR_NAMES in refusal.message:
            return False
        kind, _, name = self.target.partition(" ")
        return kind == "role" or (bool(name) and name.rpartition(".")[2] in refusal.message)


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or sequence of the project."""

    schema: str
    name: str
    kind: str  # pg_class.relkind
    events: int  # what can be written: 4 UPDATE, 8 INSERT, 16 DELETE
    columns: tuple[str, ...]
    writable: tuple[str, ...]

    @property
    def qualified_name(self) -> str:
        """As in Slot.name."""
        return f"{self.schema}.{self.name}"

    @property
    def triable_events(self) -> int:
        """The events that can be tried here: those of a foreign table would be another server's."""
        return 0 if self.kind == "f" else self.events

    @property
    def sql(self) -> sql.Identifier:
        """As it stands in a statement."""
        return sql.Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class AttemptTargets:
    """What there is to try things on."""

    relations: tuple[Relation, ...]
    by_kind: Mapping[
        str, tuple[tuple[str, str], ...]
    ]  # kind -> name and SQL; the kinds are those of sql/named_targets.sql

    def of_kind(self, kind: str) -> tuple[tuple[str, str], ...]:
        """Name and SQL of everything of one kind."""
        return self.by_kind.get(kind, ())


def read_attempt_targets(conn: Connection) -> AttemptTargets:
    """Everything that attempts are made on, whoever makes them. Two queries."""
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
    """A statement of ours with quoted names in its places."""
    return sql.SQL(text).format(*parts, **named)


def already_quoted(text: str) -> sql.SQL:
    """What the server has quoted already: the signature of a function."""
    return sql.SQL(text)


def privilege_question(function: str, *arguments: Any) -> sql.Composed:
    """A question to one of the server's has_…_privilege functions, about the role that asks."""
    return compose(
        "SELECT pg_catalog.{}({})", already_quoted(function), sql.SQL(", ").join(map(sql.Literal, arguments))
    )
