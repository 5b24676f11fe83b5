"""The runs that the ledger tells of: their events together, and what became of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from minerva_promote.database.advisory_lock import RUN_CLASS
from minerva_promote.database.catalog import fetch, query, relations
from minerva_promote.database.connection import Connection
from minerva_promote.errors import UsageError
from minerva_promote.ledger.bounds import fold_root
from minerva_promote.ledger.event_values import BAD, sanitize_event
from minerva_promote.ledger.install import ROOTS_TABLE

State = Literal[
    "running", "abandoned", "refused", "failed", "unchanged", "committed", "undone", "undo", "restore", "repair"
]
ENDS: tuple[State, ...] = ("committed", "unchanged", "refused", "failed", "abandoned")
PAGE = 200  # runs that are read at once
SHOWN = 5  # runs that a message names
SHORT = 8  # characters of an id that are shown


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One event as it stands in the ledger; see the comments of ledger/tables.sql."""

    seq: int
    kind: str
    run_id: str
    subject: str | None
    environment: str
    at: datetime
    began: datetime
    actor: str
    actor_role: str
    client_addr: str | None
    xact: int | None
    xmin: int  # of the row: the low 32 bits of xact, as long as the database was not dumped and restored
    database: str | None
    system_identifier: str | None
    postgresql: str | None
    pgvector: str | None
    revision: str | None
    client_host: str | None
    client_user: str | None
    promote_version: str
    file_name: str | None
    file_sha256: str | None
    file_bytes: int | None
    roots: tuple[str, ...] | None
    rows: Mapping[str, Mapping[str, int]] | None
    checks: tuple[Mapping[str, Any], ...] | None
    seconds: float | None
    reason: str | None
    configuration: str | None
    details: Mapping[str, Any]
    rows_digest: str | None
    format: int
    hash: str


@dataclass(frozen=True, slots=True)
class Run:
    """All that is known of one run; an undo, its taking back, and a repair of the ledger are runs of their own."""

    run_id: str
    state: State
    passed: bool  # committed, not undone, and when its checks were last made none failed
    events: tuple[LedgerEvent, ...]  # its own, in order
    related_events: tuple[LedgerEvent, ...] = ()  # undone and restored events of others that are about it
    check_events: tuple[
        LedgerEvent, ...
    ] = ()  # committed: where its checks were made after COMMIT, by itself and by later runs

    @property
    def short(self) -> str:
        """What people call it."""
        return self.run_id[:SHORT]

    @property
    def first(self) -> LedgerEvent:
        """The event that it begins with."""
        return self.events[0]

    @property
    def last(self) -> LedgerEvent:
        """The event that it ended with, or its latest."""
        return self.events[-1]

    @property
    def end(self) -> LedgerEvent | None:
        """The event that decided it: committed, unchanged, refused, failed or abandoned; undone and restored too."""
        decided = (*ENDS, "undone", "restored", "repaired")
        return next((event for event in self.events if event.kind in decided), None)

    @property
    def began(self) -> datetime:
        """When it was first heard of, by the server's clock."""
        return self.first.at

    @property
    def reason(self) -> str:
        """Why it was refused, failed, or given up."""
        return next((event.reason for event in reversed(self.events) if event.reason), "")

    def latest(self, name: str) -> Any:
        """The latest value of a column that was given: an event says only what was known by then."""
        values = (getattr(event, name) for event in reversed(self.events))
        return next((value for value in values if value is not None), None)

    @property
    def checks(self) -> tuple[Mapping[str, Any], ...]:
        """All checks, those before COMMIT first."""
        return tuple(check for event in self.events for check in event.checks or ())

    @property
    def details(self) -> Mapping[str, Any]:
        """What its events tell beside the columns, together."""
        return {name: value for event in self.events for name, value in event.details.items()}

    @property
    def types(self) -> Mapping[str, Mapping[str, str]]:
        """The types of the columns that a committed run wrote, by table."""
        told = next((event.details.get("types") for event in self.events if event.kind == "committed"), None)
        tables = told if isinstance(told, dict) else {}
        return {
            table: {name: str(type_) for name, type_ in columns.items()}
            for table, columns in tables.items()
            if isinstance(columns, dict)
        }

    @property
    def file(self) -> str:
        """The file's name; "" for an undo."""
        return self.latest("file_name") or ""


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read_runs(
    conn: Connection,
    *,
    ids: Iterable[str] | None = None,
    file: str | None = None,
    root: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> tuple[Run, ...]:
    """The runs that fit all that is given, the newest first.

    ``file`` is a name, or how its sha256 begins, as reports show it; ``root`` the key of a promoted root, a uuid in any
    case; ``since`` when they began.
    """
    sha = re.fullmatch(r"([0-9a-f]{6,64})…?", (file or "").lower())
    keys = [] if root is None else [root, fold_root(root), *([root.lower()] if _UUID.fullmatch(root) else ())]
    asked = {
        "ids": None if ids is None else list(ids),
        "file": file,
        "sha": f"{sha[1]}%" if sha else None,
        "roots": list(dict.fromkeys(keys)) or None,
        "since": since,
    }
    listed = root is not None and bool(relations(conn, (ROOTS_TABLE,)))
    statement = query("runs_of_root" if listed else "runs", __package__ or "")
    found = [row["run_id"] for row in fetch(conn, statement, asked)]
    kept: list[Run] = []
    for begin in range(0, len(found), PAGE):
        for run in _together(conn, found[begin : begin + PAGE]):
            if state in (None, run.state):
                kept.append(run)
            if limit is not None and len(kept) >= limit:
                return tuple(kept)
    return tuple(kept)


def find_run(conn: Connection, prefix: str) -> Run:
    """The one run whose id begins so. Raises UsageError when there is none, or more than one."""
    wanted = prefix.strip().lower().replace("-", "")
    if not re.fullmatch("[0-9a-f]{1,32}", wanted):
        raise UsageError(f'"{prefix}" is not how the id of a run begins', hint="promote history shows the ids")
    found = fetch(conn, query("run_ids", __package__ or ""), {"prefix": f"{wanted}%"})
    if not found:
        raise UsageError(f'no run begins with "{prefix}"', hint="promote history shows the ids")
    if len(found) > 1:
        shown = ", ".join(_named(row) for row in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UsageError(f'"{prefix}" is how {len(found)} runs begin: {shown}{more}', hint="give more of the id")
    return next(_together(conn, [found[0]["run_id"]]))


def running_sessions(conn: Connection) -> frozenset[str]:
    """The ids of the runs whose session is there."""
    rows = fetch(conn, query("alive", __package__ or ""), {"class": RUN_CLASS})
    return frozenset(row["run_id"] for row in rows)


def _named(row: Mapping[str, Any]) -> str:
    parts = [row["file_name"] or row["kind"], f"{row['at']:%Y-%m-%d %H:%M}"]
    return f"{row['run_id'][: SHORT + 4]} ({', '.join(parts)})"


def _together(conn: Connection, ids: list[str]) -> Iterator[Run]:
    """The runs of these ids, in this order."""
    living = running_sessions(conn)  # before and after: whose session begins or ends meanwhile is at work
    events = [_recorded(row) for row in fetch(conn, query("events", __package__ or ""), {"ids": ids})]
    living |= running_sessions(conn)
    mine: dict[str, list[LedgerEvent]] = {}
    for event in events:
        mine.setdefault(event.run_id, []).append(event)
    for run_id in ids:
        own = tuple(mine[run_id])
        undos = [event for event in events if event.kind == "undone" and event.subject == run_id]
        about = {run_id, *(event.run_id for event in undos)}
        later = tuple(e for e in events if e.kind in ("undone", "restored") and e.subject in about)
        state = _state(own, later, run_id in living)
        looks = _looks(own, events) if state == "committed" else ()
        yield Run(run_id, state, bool(looks) and not failing(looks[-1]), own, later, looks)


def _state(own: tuple[LedgerEvent, ...], later: tuple[LedgerEvent, ...], living: bool) -> State:
    kinds = {event.kind for event in own}
    if "undone" in kinds:
        return "undo"
    if "restored" in kinds:
        return "restore"
    if "repaired" in kinds:
        return "repair"
    if "committed" in kinds:
        taken_back = {event.subject for event in later if event.kind == "restored"}
        gone = any(event.kind == "undone" and event.run_id not in taken_back for event in later)
        return "undone" if gone else "committed"
    return next((end for end in ENDS if end in kinds), "running" if living else "abandoned")


def _looks(own: tuple[LedgerEvent, ...], events: list[LedgerEvent]) -> tuple[LedgerEvent, ...]:
    """Where the checks of a committed run were made after its COMMIT, in order: the last tells how they stand.

    By the run itself, and by later ones of the same file: those that found nothing new, and those that a check refused.
    """
    committed = next(event for event in own if event.kind == "committed")
    return tuple(
        event
        for event in events
        if event.seq > committed.seq  # what was recorded before COMMIT is of no checks after it
        and (
            (event.run_id == committed.run_id and event.kind == "finished")
            or (
                event.file_sha256 == committed.file_sha256
                and (event.kind == "unchanged" or (event.kind == "refused" and bool(failing(event))))
            )
        )
    )


def failing(event: LedgerEvent) -> tuple[str, ...]:
    """The names of the checks of an event that failed, or could not look."""
    return tuple(check["name"] for check in event.checks or () if check["outcome"] in BAD)


def _recorded(row: dict[str, Any]) -> LedgerEvent:
    return LedgerEvent(**sanitize_event(row))
