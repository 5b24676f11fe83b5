"""`promote validate`: export files against the contract, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from minerva_promote.config.snapshot_file import read_snapshot
from minerva_promote.errors import FileError
from minerva_promote.exportfile.report import files_verdict, stale_snapshot_step, unreadable, validate_step
from minerva_promote.results import Finding, RunResult, StepResult

if TYPE_CHECKING:
    from minerva_promote.config.project import Project


def validate_files(project: Project, files: Sequence[Path], *, repair: bool, stale: Sequence[Finding]) -> RunResult:
    """One step for each file. ``stale`` are findings that say that the snapshot file is out of date.

    Of several files one that cannot be read is a step too; a single one raises FileError.
    """
    snapshot = project.recorded or read_snapshot(project.root / project.contract.snapshot, project.variables)
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
    return RunResult("validate", steps=tuple(steps), verdict=files_verdict(steps, len(files)))
