"""The runs of the ledger: the events of each together, and the state that follows from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
PAGE = 200  # runs whose events are read in one query
MAX_NAMED = 5  # runs that a message names
SHORT = 8  # characters of a run's id in messages and reports


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One event as the ledger has it; the comments of ledger/tables.sql describe the columns."""

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
    """One run and its events; an undo, a restore and a repair of the ledger are runs of their own."""

    run_id: str
    state: State
    passed: bool  # committed, not undone, and none of its checks failed the last time
    events: tuple[LedgerEvent, ...]  # its own, in order
    related_events: tuple[LedgerEvent, ...] = ()  # undone and restored events of other runs whose subject it is
    check_events: tuple[LedgerEvent, ...] = ()  # of a committed run: those with the outcome of checks after COMMIT

    @property
    def short(self) -> str:
        """The beginning of its id, as messages and reports have it."""
        return self.run_id[:SHORT]

    @property
    def first(self) -> LedgerEvent:
        """Its first event."""
        return self.events[0]

    @property
    def last(self) -> LedgerEvent:
        """Its latest event."""
        return self.events[-1]

    @property
    def end(self) -> LedgerEvent | None:
        """The event that decided it: committed, unchanged, refused, failed or abandoned; undone and restored too."""
        decided = (*ENDS, "undone", "restored", "repaired")
        return next((event for event in self.events if event.kind in decided), None)

    @property
    def began(self) -> datetime:
        """When its first event was added, by the server's clock."""
        return self.first.at

    @property
    def reason(self) -> str:
        """Why it was refused, failed or abandoned; the user's reason for an undo."""
        return next((event.reason for event in reversed(self.events) if event.reason), "")

    def latest(self, name: str) -> Any:
        """The latest value of a column that is not NULL: an event has only what was known by then."""
        values = (getattr(event, name) for event in reversed(self.events))
        return next((value for value in values if value is not None), None)

    @property
    def checks(self) -> tuple[Mapping[str, Any], ...]:
        """All checks, those before COMMIT first."""
        return tuple(check for event in self.events for check in event.checks or ())

    @property
    def details(self) -> Mapping[str, Any]:
        """The details of its events in one mapping."""
        return {name: value for event in self.events for name, value in event.details.items()}

    @property
    def types(self) -> Mapping[str, Mapping[str, str]]:
        """The types of the columns that a committed run wrote, by table."""
        types = next((event.details.get("types") for event in self.events if event.kind == "committed"), None)
        tables = types if isinstance(types, dict) else {}
        return {
            table: {name: str(type_name) for name, type_name in columns.items()}
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
    file: str | None = None,
    root: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> tuple[Run, ...]:
    """The runs that match every condition that is not None, the newest first.

    ``file`` is a name, or how its sha256 begins, as reports show it; ``root`` the key of a promoted root, a uuid in any
    case; ``since`` when they began, at the earliest.
    """
    sha = re.fullmatch(r"([0-9a-f]{6,64})…?", (file or "").lower())
    parameters = {
        "ids": None if root is None else _runs_of_root(conn, root),
        "file": file,
        "sha": f"{sha[1]}%" if sha else None,
        "since": since,
    }
    ids = [row["run_id"] for row in fetch(conn, query("runs", __package__ or ""), parameters)]
    runs: list[Run] = []
    for begin in range(0, len(ids), PAGE):
        for run in _build_runs(conn, ids[begin : begin + PAGE]):
            if state in (None, run.state):
                runs.append(run)
            if limit is not None and len(runs) >= limit:
                return tuple(runs)
    return tuple(runs)


def _runs_of_root(conn: Connection, root: str) -> list[str]:
    """The ids of the runs that promoted a root; the case of a uuid does not matter."""
    keys = [root, fold_root(root), *([root.lower()] if _UUID.fullmatch(root) else ())]
    name = "runs_of_root" if relations(conn, (ROOTS_TABLE,)) else "runs_of_root_2"
    rows = fetch(conn, query(name, __package__ or ""), {"roots": list(dict.fromkeys(keys))})
    return [row["run_id"] for row in rows]


def find_run(conn: Connection, prefix: str) -> Run:
    """The one run whose id begins with ``prefix``. Raises UsageError when there is none, or more than one."""
    wanted = prefix.strip().lower().replace("-", "")
    if not re.fullmatch("[0-9a-f]{1,32}", wanted):
        raise UsageError(f'"{prefix}" is not how the id of a run begins', hint="promote history shows the ids")
    matches = fetch(conn, query("run_ids", __package__ or ""), {"prefix": f"{wanted}%"})
    if not matches:
        raise UsageError(f'no run begins with "{prefix}"', hint="promote history shows the ids")
    if len(matches) > 1:
        named = ", ".join(_describe_match(row) for row in matches[:MAX_NAMED])
        more = f" and {len(matches) - MAX_NAMED} more" if len(matches) > MAX_NAMED else ""
        raise UsageError(f'"{prefix}" is how {len(matches)} runs begin: {named}{more}', hint="give more of the id")
    return next(_build_runs(conn, [matches[0]["run_id"]]))


def running_sessions(conn: Connection) -> frozenset[str]:
    """The ids of the runs whose session exists."""
    rows = fetch(conn, query("running_sessions", __package__ or ""), {"class": RUN_CLASS})
    return frozenset(row["run_id"] for row in rows)


def _describe_match(row: Mapping[str, Any]) -> str:
    parts = [row["file_name"] or row["kind"], f"{row['at']:%Y-%m-%d %H:%M}"]
    return f"{row['run_id'][: SHORT + 4]} ({', '.join(parts)})"


def _build_runs(conn: Connection, ids: list[str]) -> Iterator[Run]:
    """The runs of these ids, in this order."""
    alive = running_sessions(conn)  # before and after: a run whose session begins or ends meanwhile is running
    events = [
        LedgerEvent(**sanitize_event(row)) for row in fetch(conn, query("events", __package__ or ""), {"ids": ids})
    ]
    alive |= running_sessions(conn)
    events_of: dict[str, list[LedgerEvent]] = {}
    for event in events:
        events_of.setdefault(event.run_id, []).append(event)
    for run_id in ids:
        own = tuple(events_of[run_id])
        undos = [event for event in events if event.kind == "undone" and event.subject == run_id]
        subjects = {run_id, *(event.run_id for event in undos)}
        related = tuple(event for event in events if event.kind in ("undone", "restored") and event.subject in subjects)
        state = _state(own, related, alive=run_id in alive)
        checked = _check_events(own, events) if state == "committed" else ()
        yield Run(run_id, state, bool(checked) and not failing(checked[-1]), own, related, checked)


def _state(own: Sequence[LedgerEvent], related: Sequence[LedgerEvent], *, alive: bool) -> State:
    kinds = {event.kind for event in own}
    if "undone" in kinds:
        return "undo"
    if "restored" in kinds:
        return "restore"
    if "repaired" in kinds:
        return "repair"
    if "committed" in kinds:
        restored = {event.subject for event in related if event.kind == "restored"}
        undone = any(event.kind == "undone" and event.run_id not in restored for event in related)
        return "undone" if undone else "committed"
    return next((end for end in ENDS if end in kinds), "running" if alive else "abandoned")


def _check_events(own: Sequence[LedgerEvent], events: Sequence[LedgerEvent]) -> tuple[LedgerEvent, ...]:
    """The events with checks of a committed run after its COMMIT, in order: the last one counts.

    They are of the run itself, and of later runs of the same file that found nothing new or that a check refused.
    """
    committed = next(event for event in own if event.kind == "committed")
    return tuple(
        event
        for event in events
        if event.seq > committed.seq  # earlier events have no checks after COMMIT
        and (
            (event.run_id == committed.run_id and event.kind == "finished")
            or (
                event.file_sha256 == committed.file_sha256
                and (event.kind == "unchanged" or (event.kind == "refused" and bool(failing(event))))
            )
        )
    )


def failing(event: LedgerEvent) -> tuple[str, ...]:
    """The names of the checks of an event that failed, or ended in an error."""
    return tuple(check["name"] for check in event.checks or () if check["outcome"] in BAD)
