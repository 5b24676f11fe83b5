"""The run or the undo that an id stands for, where there is something to undo or to restore."""

from __future__ import annotations

from dataclasses import dataclass

from minerva_promote.database.connection import Connection
from minerva_promote.errors import UsageError
from minerva_promote.ledger.runs import SHORT, LedgerEvent, Run, find_run

_NOTHING_TO_UNDO = {  # by the state of a run
    "unchanged": "added nothing, every row of its file was there already",
    "refused": "was refused and changed nothing",
    "failed": "failed and changed nothing",
    "abandoned": "was broken off before its COMMIT and changed nothing",
    "repair": "repaired the ledger's own schema and changed no row",
}


@dataclass(frozen=True, slots=True)
class UndoSubject:
    """A run whose rows can be removed, or an undo whose rows can be restored."""

    run: Run  # to be undone; or the one that the undo removed
    undo: Run | None  # whose rows are to be restored; None: the run is to be undone


def find_undo_subject(conn: Connection, prefix: str, environment: str) -> UndoSubject:
    """What the id stands for. Raises UsageError when that can be neither undone nor restored."""
    run = find_run(conn, prefix)
    if run.state == "undo":
        return UndoSubject(_undone_run(conn, run), _active_undo(run, environment))
    if run.state == "restore":
        undo = find_run(conn, event_of(run, "restored").subject or "")
        undone_run = _undone_run(conn, undo)
        raise UsageError(
            f"{run.short} is no run: it took back the undo {undo.short}",
            hint=f"to undo run {undone_run.short} again: promote undo --env {environment} {undone_run.short}",
        )
    if run.state == "undone":
        undone = next(event for event in reversed(run.related_events) if event.kind == "undone")
        raise UsageError(
            f"run {run.short} was undone already, as {undone.run_id[:SHORT]}, {format_time(undone)}",
            hint=f"to bring its rows back: promote undo --env {environment} {undone.run_id[:SHORT]}",
        )
    if run.state != "committed":
        raise _never_committed(run, environment)
    committed = event_of(run, "committed")
    if committed.details.get("ledger_version") == 1:
        raise UsageError(
            f"run {run.short} was recorded by version 1 of the ledger, which did not keep the rows that a run"
            " added: it cannot be undone",
            hint=f"its roots: {', '.join(committed.roots or ())}; remove by hand what nothing else depends on",
        )
    return UndoSubject(run, None)


def event_of(run: Run, kind: str) -> LedgerEvent:
    """The event of this kind, which the run must have."""
    return next(event for event in run.events if event.kind == kind)


def _active_undo(undo: Run, environment: str) -> Run:
    """The undo, unless its rows were restored already: then UsageError."""
    restored = next((event for event in undo.related_events if event.kind == "restored"), None)
    if restored is None:
        return undo
    run = (event_of(undo, "undone").subject or "")[:SHORT]
    raise UsageError(
        f"the undo {undo.short} was taken back already, as {restored.run_id[:SHORT]}, {format_time(restored)}",
        hint=f"to undo run {run} again: promote undo --env {environment} {run}",
    )


def _undone_run(conn: Connection, undo: Run) -> Run:
    """The run that an undo removed."""
    return find_run(conn, event_of(undo, "undone").subject or "")


def _never_committed(run: Run, environment: str) -> UsageError:
    show = f"promote show --env {environment} {run.short}"
    if run.state in _NOTHING_TO_UNDO:
        return UsageError(f"run {run.short} {_NOTHING_TO_UNDO[run.state]}: there is nothing to undo", hint=show)
    return UsageError(
        f"run {run.short} is still at work: nothing of it can be undone yet", hint=f"{show} tells when it has ended"
    )


def format_time(event: LedgerEvent) -> str:
    """When an event was added, as messages show it."""
    return f"{event.at:%Y-%m-%d %H:%M} UTC"
