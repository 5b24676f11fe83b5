"""The roots that a run was about, in a table of their own: an event lists only the first of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.errors import TargetError
from minerva_promote.ledger.bounds import fold_root
from minerva_promote.ledger.runs import LedgerEvent

_OF_EVENT = b"""
select r.root from promote.run_roots as r
where r.run_id = %(run_id)s and r.xact = %(xact)s order by r.root collate "C"
"""


def fold_roots(roots: Iterable[str]) -> list[str]:
    """The roots as run_roots has them: each once, in the order of its digest."""
    return sorted({fold_root(root) for root in roots}, key=str.encode)


def roots_digest(keys: Sequence[str]) -> str | None:
    """The digest that the event of these roots must get."""
    pieces = [hashlib.sha256(json.dumps([key, None, None], ensure_ascii=False).encode()).digest() for key in keys]
    return hashlib.sha256(b"".join(pieces)).hexdigest() if pieces else None


def read_roots(conn: Connection, event: LedgerEvent) -> tuple[str, ...]:
    """All roots of an event; those that it lists itself, where it is of a format without others."""
    rows = fetch(conn, _OF_EVENT, {"run_id": event.run_id, "xact": event.xact})
    return tuple(row["root"] for row in rows) or tuple(event.roots or ())


def altered_row_error(table: str) -> TargetError:
    """What is wrong where a row of the ledger is another one than was sent, or is not there."""
    return TargetError(
        f"{table} did not take a row as it was sent: a rule or a trigger swallows or replaces rows of the ledger",
        hint="promote history --verify names what was added to the ledger's tables",
    )
