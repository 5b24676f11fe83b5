"""Giving roles what they shall have, and looking again afterwards: a GRANT may succeed and change nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.faults import target_errors
from minerva_promote.database.quote import ident, qualified, split, text
from minerva_promote.errors import TargetError
from minerva_promote.grants.wanted import PUBLIC, Grant
from minerva_promote.results import Action


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are with one wanted grant."""

    object_exists: bool
    grantee_exists: bool
    given: bool  # to the very grantee, not through another role or PUBLIC
    effective: bool | None  # in any way; None for PUBLIC and for a role that does not exist


def standings(conn: psycopg.Connection, grants: Iterable[Grant]) -> dict[Grant, Standing]:
    """How things are with each of these grants. One query."""
    asked = sorted(grants)
    if not asked:
        return {}
    places = [split(grant.name) if grant.kind not in ("database", "schema") else ("", grant.name) for grant in asked]
    parameters = {
        "grantees": [grant.grantee for grant in asked],
        "privileges": [grant.privilege for grant in asked],
        "kinds": [grant.kind for grant in asked],
        "schemas": [schema for schema, _ in places],
        "names": [name for _, name in places],
        "columns": [grant.column for grant in asked],
    }
    rows = fetch(conn, query("grants", __package__ or ""), parameters)
    return {
        grant: Standing(row["object_exists"], row["grantee_exists"], row["given"], row["effective"])
        for grant, row in zip(asked, rows, strict=True)
    }


def apply_grants(conn: psycopg.Connection, wanted: Iterable[Grant]) -> tuple[Action, ...]:
    """Give what is missing, in the transaction that is open; the statements that did it, none when all was there.

    Raises TargetError when an object or a role does not exist, and when a privilege is not there afterwards.
    """
    before = standings(conn, wanted)
    for grant, standing in before.items():
        if not standing.object_exists:
            raise TargetError(f"cannot give {grant}: there is no such {grant.kind}")
        if not standing.grantee_exists:
            raise TargetError(f"cannot give {grant}: there is no such role")
    missing = [grant for grant, standing in before.items() if not standing.given]
    made = tuple(_execute(conn, statement) for statement in grant_statements(missing))
    after = standings(conn, missing)
    without = [grant for grant, standing in after.items() if not (standing.given and standing.effective)]
    if without:
        raise TargetError(
            f"GRANT had no effect: {'; '.join(str(grant) for grant in without)}",
            hint="the current role may not give it on; connect as the owner of the object (admin_url)",
        )
    return made


def grant_statements(grants: Iterable[Grant]) -> tuple[sql.Composed, ...]:
    """One GRANT for each object and role."""
    return tuple(_statements(grants, "GRANT", "TO"))


def revoke_statements(grants: Iterable[Grant]) -> tuple[sql.Composed, ...]:
    """One REVOKE for each object and role."""
    return tuple(_statements(grants, "REVOKE", "FROM"))


def _statements(grants: Iterable[Grant], verb: str, preposition: str) -> Iterable[sql.Composed]:
    groups: dict[tuple[str, str, str], list[Grant]] = defaultdict(list)
    for grant in sorted(grants):
        groups[grant.grantee, grant.kind, grant.name].append(grant)
    for (grantee, kind, name), group in groups.items():
        yield sql.SQL("{} {} ON {} {} {} {}").format(
            _word(verb),
            sql.SQL(", ").join(_what(group)),
            _word("TABLE" if kind == "column" else kind.upper()),
            ident(name) if kind in ("database", "schema") else qualified(name),
            _word(preposition),
            _word("PUBLIC") if grantee == PUBLIC else ident(grantee),
        )


def _what(group: list[Grant]) -> Iterable[sql.Composable]:
    columns: dict[str, list[str]] = defaultdict(list)
    for grant in group:
        columns[grant.privilege] += [grant.column] if grant.column else []
    for privilege, names in columns.items():
        if names:
            yield sql.SQL("{} ({})").format(_word(privilege), sql.SQL(", ").join(map(ident, names)))
        else:
            yield _word(privilege)


def _word(keyword: str) -> sql.SQL:
    """A keyword, never a name: one of ours, or a privilege that config/privileges.py knows."""
    if not keyword.isalpha():
        raise ValueError(f"not a keyword: {keyword!r}")
    return sql.SQL(keyword)


def _execute(conn: psycopg.Connection, statement: sql.Composed) -> Action:
    words = text(statement)
    with target_errors(words):
        conn.execute(statement)
    return Action(words, words)
