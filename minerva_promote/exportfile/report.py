"""The verdict on a file as a step of a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from minerva_promote.config.models.project import Contract
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.errors import FileError
from minerva_promote.exportfile.reader import Tick
from minerva_promote.exportfile.row_decoder import Row
from minerva_promote.exportfile.validation import Manifest, Validation, validate
from minerva_promote.results import Finding, Outcome, StepResult
from minerva_promote.text_format import counted, size

REPAIRED = "repaired"  # the code of a warning about a repaired fault


def validate_step(
    path: Path,
    contract: Contract,
    snapshot: Snapshot,
    *,
    repair: bool,
    connected: bool = False,
    tick: Tick | None = None,
    sink: Callable[[Row], object] | None = None,
) -> tuple[Validation, StepResult]:
    """Validate a file: the verdict, and the step that tells it. Raises FileError when it cannot be read."""
    started = time.perf_counter()
    validation = validate(path, contract, snapshot, repair=repair, connected=connected, tick=tick, sink=sink)
    elapsed = time.perf_counter() - started
    manifest = validation.manifest
    if validation.accepted:
        outcome = Outcome.WARN if validation.warnings else Outcome.OK
        detail = f"{counted(manifest.statements, 'statements')}, {describe_contents(manifest)}"
        repairs = sum(finding.code == REPAIRED for finding in validation.warnings)
        noted = [(repairs, "repairs"), (len(validation.warnings) - repairs, "warnings")]
        detail = "; ".join([*(counted(count, what) for count, what in noted if count), detail])
    else:
        outcome = Outcome.FAIL
        detail = counted(validation.error_count, "findings")
        if validation.error_count > len(validation.errors):
            detail += f", the first {len(validation.errors)} are shown"
    data = {
        "path": str(path),
        "sha256": manifest.sha256,
        "bytes": manifest.size,
        "rows": dict(manifest.rows),
        "roots": list(manifest.roots),
        "statements": manifest.statements,
        "errors": validation.error_count,
    }
    return validation, StepResult(
        "validate", path.name, outcome, detail, elapsed, findings=(*validation.errors, *validation.warnings), data=data
    )


def unreadable(path: Path, error: FileError) -> StepResult:
    """The step of a file, one of several, that could not be read."""
    return StepResult("validate", path.name, Outcome.ERROR, error.message, hint=error.hint, data={"path": str(path)})


def stale_snapshot_step(snapshot: Snapshot, findings: Sequence[Finding]) -> StepResult:
    """The warning that the recorded columns are older than the migrations."""
    return StepResult("validate", snapshot.source, Outcome.WARN, findings=tuple(findings))


def files_verdict(steps: Sequence[StepResult], files: int) -> str:
    """The last line of `promote validate`: "refused: 1 of 3 files"."""
    refused = sum(step.outcome.closes_gate for step in steps)
    return f"refused: {refused} of {counted(files, 'files')}" if refused else f"accepted: {counted(files, 'files')}"


def describe_contents(manifest: Manifest) -> str:
    """What a file holds: "1 book, 1 embedding_config, 12 screenshots, 24 chunks"."""
    return ", ".join(counted(count, table) for table, count in manifest.rows.items() if count) or "no rows"


def run_title(manifest: Manifest, tables: Collection[str]) -> str:
    """The heading of a run, with the rows of these tables: "export 5b21… (23.8 MB, 1 book, 1,000 chunks)"."""
    shown_tables = [table for table, count in manifest.rows.items() if count and table in tables]
    parts = [size(manifest.size), *(counted(manifest.rows[table], table) for table in shown_tables)]
    return f"export {manifest.sha256[:8]}… ({', '.join(parts)})"
