"""What keeps the ledger as it was written: its triggers. Who owns it can switch them off, or have others do their work.

No chain shows that: an event that was forged while it was written is in the chain as any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from minerva_promote.database.catalog import fetch, query
from minerva_promote.database.connection import Connection
from minerva_promote.ledger.install import functions_text
from minerva_promote.results import Finding

ALWAYS = "A"
_BITS = {"ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}  # of pg_trigger.tgtype
_FUNCTION = re.compile(
    r"FUNCTION (?P<name>promote\.\w+)\(\) RETURNS trigger LANGUAGE plpgsql(?P<definer> SECURITY DEFINER)?\s+"
    r"SET (?P<setting>\w+) = (?P<value>[^\n]*) AS \$(?P<tag>\w+)\$(?P<source>.*?)\$(?P=tag)\$;",
    re.DOTALL,
)
_TRIGGER = re.compile(
    r"CREATE OR REPLACE TRIGGER (?P<name>\w+) (?P<when>[A-Z ]+) ON (?P<table>promote\.\w+)\s+FOR EACH (?P<each>\w+)"
    r" EXECUTE FUNCTION (?P<function>promote\.\w+)\(\);"
)
_HELP = "what was written meanwhile may be forged: look at who may change this database"


@dataclass(frozen=True, slots=True)
class _Guard:
    """A trigger as this release makes it."""

    table: str
    name: str
    type: int
    function: str
    source: str
    definer: bool
    settings: str

    def stands(self, row: Mapping[str, Any]) -> bool:
        """Whether the one that is there does the same."""
        names = ("type", "function", "source", "definer", "settings")
        return bool(row["plain"]) and all(row[name] == getattr(self, name) for name in names)


def unguarded(conn: Connection) -> Iterator[Finding]:
    """Triggers that are missing, switched off or others than this release makes; and such as are not the ledger's."""
    there = {(row["table"], row["name"]): row for row in fetch(conn, query("guards", __package__ or ""))}
    for guard in _guards():
        row = there.pop((guard.table, guard.name), None)
        called = f"trigger {guard.name} on {guard.table}"
        if row is None:
            yield Finding("ledger-unguarded", f"{called} is missing", help=_HELP)
        elif not guard.stands(row):
            yield Finding("ledger-unguarded", f"{called} does something else than this release's", help=_HELP)
        elif row["enabled"] != ALWAYS:
            state = "is switched off" if row["enabled"] == "D" else "does not run in every session"
            way = f"ALTER TABLE {guard.table} ENABLE ALWAYS TRIGGER {guard.name}; {_HELP}"
            yield Finding("ledger-unguarded", f"{called} {state}", help=way)
    for table, name in there:
        yield Finding("ledger-unguarded", f"trigger {name} on {table} is none of the ledger's", help=_HELP)


@cache
def _guards() -> tuple[_Guard, ...]:
    """As they stand in ledger/functions.sql."""
    functions = {found["name"]: found for found in _FUNCTION.finditer(functions_text())}
    guards = []
    for found in _TRIGGER.finditer(functions_text()):
        words = {*found["when"].split(), found["each"]}
        function = functions[found["function"]]
        guards.append(
            _Guard(
                found["table"],
                found["name"],
                sum(bit for word, bit in _BITS.items() if word in words),
                found["function"],
                function["source"],
                bool(function["definer"]),
                f"{function['setting']}={function['value']}",
            )
        )
    return tuple(guards)
