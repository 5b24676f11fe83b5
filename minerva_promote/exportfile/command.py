"""`promote validate`: export files against the contract, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from minerva_promote.errors import FileError, UsageError
from minerva_promote.exportfile.report import files_verdict, stale_snapshot_step, unreadable, validate_step
from minerva_promote.results import Finding, RunResult, StepResult

if TYPE_CHECKING:
    from minerva_promote.config.project import Project
    from minerva_promote.config.snapshot import Snapshot


def validate_files(
    project: Project,
    files: Sequence[Path],
    *,
    repair: bool,
    stale: Sequence[Finding] = (),
    live: Snapshot | None = None,
    environment: str = "",
) -> RunResult:
    """One step for each file. ``stale`` are findings that say that the snapshot file is out of date.

    ``live`` are the columns of the environment's tables; without it, those of the snapshot file hold. Of several files
    one that cannot be read is a step too; a single one raises FileError. Raises UsageError without any columns.
    """
    snapshot = live or project.recorded
    if snapshot is None:
        raise UsageError(
            f"without {project.contract.snapshot} the columns of the tables are not known: no file can be checked",
            hint="promote validate --env ENV reads them from that database;"
            " promote schema snapshot --env ENV writes the file",
        )
    steps: list[StepResult] = []
    if stale:
        steps.append(stale_snapshot_step(snapshot, stale))
    for path in files:
        try:
            steps.append(validate_step(path, project.contract, snapshot, repair=repair)[1])
        except FileError as error:
            if len(files) == 1:
                raise
            steps.append(unreadable(path, error))
    return RunResult("validate", environment=environment, steps=tuple(steps), verdict=files_verdict(steps, len(files)))
