"""What an undo kept of the rows that it removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.database.quote import name_of, split
from minerva_promote.errors import TargetError
from minerva_promote.ledger.install import expression
from minerva_promote.ledger.runs import Run
from minerva_promote.undo.find_run import event_of
from minerva_promote.undo.pieces import decode_copy
from minerva_promote.undo.table_catalog import Key

_PIECES = b"""
select table_name, part, columns, rows from promote.removed_rows where run_id = %(undo)s
order by table_name collate "C", part
"""
_KEYS = b"""
select distinct r.table_name, r.key_columns
from promote.events as e join promote.run_rows as r on r.run_id = e.run_id
where e.run_id = %(run)s and e.kind = 'committed'
    and (r.xact = e.xact or e.format < 3 and e.xact & 4294967295 is distinct from e.xmin::text::bigint)
"""
_CONTENT = b"""
select content from promote.removed_rows where run_id = %(undo)s and table_name = %(table)s and part = %(part)s
"""
_DIGESTS = f"""
select e.rows_digest as told, ({expression("removed_rows")}) as computed
from promote.events as e where e.run_id = %(undo)s and e.kind = 'undone'
""".encode()


@dataclass(frozen=True, slots=True)
class RemovedRows:
    """The removed rows of one table."""

    undo_id: str
    table: str
    stored_as: str  # the table's name in removed_rows
    key: tuple[str, ...]  # as the run had it: the table may have another one by now, or none
    columns: tuple[str, ...]
    types: Mapping[str, str]  # of these columns, as they were
    parts: tuple[int, ...]
    count: int

    def pieces(self, conn: Connection) -> Iterator[bytes]:
        """The streams, one at a time."""
        for part in self.parts:
            found = fetch(conn, _CONTENT, {"undo": self.undo_id, "table": self.stored_as, "part": part})
            yield bytes(found[0]["content"])

    def rows(self, conn: Connection) -> Iterator[list[Key]]:
        """The rows, a piece at a time."""
        for piece in self.pieces(conn):
            yield list(decode_copy(piece))


def read_removed_rows(conn: Connection, undo: Run) -> tuple[RemovedRows, ...]:
    """What an undo kept, a table each. Raises TargetError when that is not what it recorded."""
    digests = fetch(conn, _DIGESTS, {"undo": undo.run_id})
    if not digests or digests[0]["told"] != digests[0]["computed"]:
        raise TargetError(
            f"the rows that the ledger keeps of undo {undo.short} are not those that it recorded",
            hint="promote history --verify tells what else was changed; restore them from a backup",
        )
    undone = event_of(undo, "undone")
    types = undone.details.get("types", {})
    listed = fetch(conn, _KEYS, {"run": undone.subject})
    keys = {name_of(*split(row["table_name"])): tuple(row["key_columns"]) for row in listed}
    by_table: dict[str, list[tuple[int, tuple[str, ...], int]]] = {}
    for row in fetch(conn, _PIECES, {"undo": undo.run_id}):
        by_table.setdefault(row["table_name"], []).append((row["part"], tuple(row["columns"]), row["rows"]))
    return tuple(
        RemovedRows(
            undo.run_id,
            name_of(*split(name)),
            name,
            keys[name_of(*split(name))],
            pieces[0][1],
            types.get(name_of(*split(name)), {}),
            tuple(part for part, _, _ in pieces),
            sum(rows for _, _, rows in pieces),
        )
        for name, pieces in by_table.items()
    )
