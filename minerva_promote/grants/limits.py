"""What `promote grants` does not compare, in one line: the declaration has no say in it, or no catalogue knows it."""

from __future__ import annotations

from collections.abc import Iterator

from minerva_promote.grants.live_state import LiveState
from minerva_promote.grants.model import PUBLIC
from minerva_promote.text_format import counted

SHOWN = 3  # databases by name


def not_compared(live: LiveState) -> str:
    """In words; empty where there is nothing of the kind."""
    return "; ".join(_parts(live))


def _parts(live: LiveState) -> Iterator[str]:
    if live.text_bodies:
        yield f"calls in the text of {counted(live.text_bodies, 'functions')} (PL/pgSQL, SQL in quotes) are not seen"
    if live.large_objects:
        yield "every role may create large objects (lo_create)"
    names = open_databases(live)
    if names:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        yield f"every role has privileges on other databases ({', '.join(names[:SHOWN])}{more})"


def open_databases(live: LiveState) -> list[str]:
    """The other databases on which PUBLIC has something."""
    return [other.name for other in live.other_databases if other.privileges.get(PUBLIC)]
