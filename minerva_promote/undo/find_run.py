"""What a run's id stands for in the ledger, and whether there is anything to take back."""

from __future__ import annotations

from dataclasses import dataclass

from minerva_promote.database.connection import Connection
from minerva_promote.errors import UsageError
from minerva_promote.ledger.runs import SHORT, LedgerEvent, Run, find_run

_NOTHING = {
    "unchanged": "added nothing, every row of its file was there already",
    "refused": "was refused and changed nothing",
    "failed": "failed and changed nothing",
    "abandoned": "was broken off before its COMMIT and changed nothing",
    "repair": "repaired the ledger's own schema and changed no row",
}


@dataclass(frozen=True, slots=True)
class UndoSubject:
    """A run whose rows can go, or an undo whose rows can come again."""

    run: Run  # also where an undo is taken back
    undo: Run | None  # None: the run is to be undone

    @property
    def title(self) -> str:
        """What it is about, as a report's heading says it."""
        committed = event_of(self.run, "committed")
        what = f"run {self.run.short} of {self.run.file or 'a file'}, {_time(committed)}"
        if self.undo is None:
            return f"undo of {what}"
        return f"taking back undo {self.undo.short}, {_time(event_of(self.undo, 'undone'))}, of {what}"


def find_undo_subject(conn: Connection, prefix: str, environment: str) -> UndoSubject:
    """What is to be taken back. Raises UsageError when the id is of nothing that can be."""
    found = find_run(conn, prefix)
    if found.state == "undo":
        return UndoSubject(_run_of(conn, found), _standing_undo(found, environment))
    if found.state == "restore":
        undo = find_run(conn, event_of(found, "restored").subject or "")
        run = _run_of(conn, undo)
        raise UsageError(
            f"{found.short} is no run: it took back the undo {undo.short}",
            hint=f"to undo run {run.short} again: promote undo --env {environment} {run.short}",
        )
    if found.state == "undone":
        undone = next(event for event in reversed(found.related_events) if event.kind == "undone")
        raise UsageError(
            f"run {found.short} was undone already, as {undone.run_id[:SHORT]}, {_time(undone)}",
            hint=f"to bring its rows back: promote undo --env {environment} {undone.run_id[:SHORT]}",
        )
    if found.state != "committed":
        raise _never_committed(found, environment)
    committed = event_of(found, "committed")
    if committed.details.get("ledger_version") == 1:
        raise UsageError(
            f"run {found.short} was recorded by version 1 of the ledger, which did not keep the rows that a run"
            " added: it cannot be undone",
            hint=f"its roots: {', '.join(committed.roots or ())}; remove by hand what nothing else depends on",
        )
    return UndoSubject(found, None)


def event_of(run: Run, kind: str) -> LedgerEvent:
    """The event of this kind, which there is."""
    return next(event for event in run.events if event.kind == kind)


def _standing_undo(undo: Run, environment: str) -> Run:
    """The undo, unless it was taken back."""
    restored = next((event for event in undo.related_events if event.kind == "restored"), None)
    if restored is None:
        return undo
    run = (event_of(undo, "undone").subject or "")[:SHORT]
    raise UsageError(
        f"the undo {undo.short} was taken back already, as {restored.run_id[:SHORT]}, {_time(restored)}",
        hint=f"to undo run {run} again: promote undo --env {environment} {run}",
    )


def _run_of(conn: Connection, undo: Run) -> Run:
    return find_run(conn, event_of(undo, "undone").subject or "")


def _never_committed(run: Run, environment: str) -> UsageError:
    show = f"promote show --env {environment} {run.short}"
    if run.state in _NOTHING:
        return UsageError(f"run {run.short} {_NOTHING[run.state]}: there is nothing to undo", hint=show)
    return UsageError(
        f"run {run.short} is still at work: nothing of it can be undone yet", hint=f"{show} tells when it has ended"
    )


def _time(event: LedgerEvent) -> str:
    return f"{event.at:%Y-%m-%d %H:%M} UTC"
