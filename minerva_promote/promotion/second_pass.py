"""The second reading of a file, and what is told of its rows: one line a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.errors import FileChanged, FileError, Location
from minerva_promote.exportfile.byte_window import file_changed
from minerva_promote.exportfile.reader import ExportReader, Tick
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.exportfile.validation import Manifest
from minerva_promote.load.load_result import LoadResult
from minerva_promote.promotion.lines import lines_of
from minerva_promote.promotion.request import PromotionRequest
from minerva_promote.results import Finding, Outcome, StepResult

Sink = Callable[[Row], object]

_HELP = {
    "different": "the target has another row under this key: find out which is right; nothing overwrites it",
    "blocked": "find out which is right; nothing is overwritten",
    "appended": "what was promoted is not appended to: export it whole under a new key, or leave it",
}


def reread_rows(
    path: Path, contract: Contract, snapshot: Snapshot, manifest: Manifest, *, repair: bool, tick: Tick, sink: Sink
) -> None:
    """Hand every row of a validated file on, and prove that it is still the same file.

    Raises FileError when it is not.
    """
    scan = ExportReader(path, contract, snapshot, repair=repair, tick=tick)
    try:
        for row in scan.rows():
            sink(row)
    except FileError:
        raise file_changed_error(path) from None
    if scan.findings.count or scan.sha256.hex() != manifest.sha256:
        raise file_changed_error(path)


def require_same_file(path: Path, manifest: Manifest) -> None:
    """Raise FileError when the file is not the validated one: then its rows say nothing about that one."""
    try:
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == manifest.sha256
    except OSError:
        same = False
    if not same:
        raise file_changed_error(path)


def file_changed_error(path: Path) -> FileError:
    """The exception for a file that somebody wrote to meanwhile."""
    error = file_changed(path)
    return FileChanged(f"{error.message}; nothing was changed in the target", at=error.location, hint=error.hint)


def table_steps(
    plan: PromotionRequest, contract: Contract, loaded: LoadResult, seconds: float
) -> tuple[StepResult, ...]:
    """One step a table; the time stands with the last, for batches of several tables are under way at once."""
    lines = lines_of(plan.file, [clash.offset for clash in loaded.clashes])
    steps = []
    shown = [table for table in contract.tables if sum(loaded.counts[table].values())]
    numbers = loaded.as_numbers()
    for table in shown:
        findings = tuple(
            Finding(
                clash.kind,
                f"{table} {clash.key}: {clash.fact}",
                Location(str(plan.file), lines.get(clash.offset, 0)),
                _HELP[clash.kind],
            )
            for clash in loaded.clashes
            if clash.table == table
        )
        counts = numbers[table]
        detail = f"{counts['new']:,} new, {counts['identical']:,} already there, {counts['different']:,} different"
        for kind in ("blocked", "appended"):
            if counts[kind]:
                detail += f", {counts[kind]:,} {kind}"
        outcome = Outcome.FAIL if findings or counts["different"] else Outcome.OK
        took = seconds if table == shown[-1] else 0.0
        steps.append(StepResult("import", table, outcome, detail, took, findings=findings, data=dict(counts)))
    return tuple(steps)
