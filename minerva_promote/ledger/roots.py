"""The roots that a run promoted, in a table of their own: an event lists only the first of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from minerva_promote.database.catalog import fetch
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.bounds import fold_root
from minerva_promote.ledger.runs import LedgerEvent

_OF_EVENT = b"""
select r.root from promote.run_roots as r
where r.run_id = %(run_id)s and r.xact = %(xact)s order by r.root collate "C"
"""


def fold_roots(roots: Iterable[str]) -> list[str]:
    """The roots as run_roots has them: each once, in the order in which their digest is computed."""
    return sorted({fold_root(root) for root in roots}, key=str.encode)


def roots_digest(keys: Sequence[str]) -> str | None:
    """The digest that the event of these roots must get."""
    digests = [hashlib.sha256(json.dumps([key, None, None], ensure_ascii=False).encode()).digest() for key in keys]
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else None


def read_roots(conn: Connection, event: LedgerEvent) -> tuple[str, ...]:
    """All roots of an event; those that it lists itself where its format has no others."""
    rows = fetch(conn, _OF_EVENT, {"run_id": event.run_id, "xact": event.xact})
    return tuple(row["root"] for row in rows) or tuple(event.roots or ())
