"""Rows that a run added, somebody removed, and another run added again: they are that one's now."""

from __future__ import annotations

from collections.abc import Collection

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.rows import load, stored_names
from minerva_promote.ledger.runs import Run
from minerva_promote.ledger.undo.subject import event_of
from minerva_promote.ledger.undo.tables import Key

# What is not shared belongs to a root: only runs with a root in common can have such rows in common.
_OTHERS = b"""
select e.run_id::text as run_id from promote.events e
where e.kind = 'committed' and e.seq > %(seq)s
  and (e.roots && %(roots)s::text[] or exists (
      select from promote.run_rows r where r.run_id = e.run_id and r.table_name = any (%(shared)s::text[])))
  and not exists (
      select from promote.events u where u.kind = 'undone' and u.subject = e.run_id
      and not exists (select from promote.events b where b.kind = 'restored' and b.subject = u.run_id))
order by e.seq
"""

Claims = dict[str, dict[Key, str]]  # table -> key -> the run that added the row again


def claims_of_others(conn: Connection, run: Run, going: Collection[tuple[str, Key]], shared: Collection[str]) -> Claims:
    """Which of some rows later runs, that were not undone, added as well."""
    committed = event_of(run, "committed")
    asked = {
        "seq": committed.seq,
        "roots": list(committed.roots or ()),
        "shared": [stored for name in shared for stored in stored_names(name)],
    }
    found: Claims = {}
    for other in fetch(conn, _OTHERS, asked):
        for rows in load(conn, other["run_id"]):
            for key in rows.keys:
                if (rows.table, key) in going:
                    found.setdefault(rows.table, {})[key] = other["run_id"]
    return found
