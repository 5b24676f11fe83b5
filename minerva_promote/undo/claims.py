"""Rows that other runs have in their lists as well, and who could have written a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import name_of, split
from minerva_promote.ledger.run_rows import load_unverified_rows, stored_names
from minerva_promote.ledger.runs import Run
from minerva_promote.undo.find_run import event_of
from minerva_promote.undo.table_catalog import Key, query_text

_OTHERS = b"""
select e.run_id::text as run_id, e.seq > %(seq)s as later from promote.events e
where e.kind = 'committed' and e.run_id <> %(run_id)s
  and exists (select from promote.run_rows r where r.run_id = e.run_id and r.table_name = any (%(tables)s::text[]))
  and not exists (
      select from promote.events u where u.kind = 'undone' and u.subject = e.run_id
      and not exists (select from promote.events b where b.kind = 'restored' and b.subject = u.run_id))
order by e.seq
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """Another run that has a row in its list."""

    run_id: str
    later: bool  # than the run that is asked about


def rows_reinserted_later(
    conn: Connection, run: Run, foreign: Mapping[str, Sequence[Key]]
) -> dict[str, dict[Key, Claim]]:
    """Which of some rows, by table, other runs that were not undone have in their lists; the last such run."""
    wanted = {table: frozenset(keys) for table, keys in foreign.items() if keys}
    if not wanted:
        return {}
    alike = _partitions(conn, wanted)
    names = [name for table in alike for name in stored_names(table)]
    asked = {"seq": event_of(run, "committed").seq, "run_id": run.run_id, "tables": names}
    claims: dict[str, dict[Key, Claim]] = {}
    for other in fetch(conn, _OTHERS, asked):
        for rows in load_unverified_rows(conn, other["run_id"]):
            for table in alike.get(rows.table, ()):
                for key in wanted[table].intersection(rows.keys):
                    claims.setdefault(table, {})[key] = Claim(other["run_id"], other["later"])
    return claims


def _partitions(conn: Connection, tables: Iterable[str]) -> dict[str, set[str]]:
    """By every name under which a row of some tables may be listed, as a partition or by what it is a part of."""
    alike = {table: {table} for table in tables}
    pairs = [(table, *split(table)) for table in alike]
    asked = dict(zip(("tables", "schemas", "names"), map(list, zip(*pairs, strict=True)), strict=True))
    for row in fetch(conn, query_text("partitions"), asked):
        alike.setdefault(name_of(row["schema"], row["name"]), set()).add(row["table"])
    return alike


def list_writers(conn: Connection) -> tuple[str, ...]:
    """The roles that may write the list of a run's rows."""
    return tuple(row["role"] for row in fetch(conn, query_text("list_writers")))
