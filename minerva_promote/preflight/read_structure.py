"""The columns of the contract's tables as a database has them, for the validation of files without a run."""

from __future__ import annotations

from minerva_promote.config.project import Environment, Project
from minerva_promote.config.snapshot import Snapshot
from minerva_promote.database.catalog import live_snapshot
from minerva_promote.database.session import reading_session
from minerva_promote.errors import TargetError
from minerva_promote.preflight.structure import structure_findings
from minerva_promote.results import Severity


def read_structure(project: Project, environment: Environment) -> Snapshot:
    """Columns and keys of the tables. Raises TargetError with what the target lacks that the contract names."""
    with reading_session(project, environment) as conn:
        snapshot = live_snapshot(conn, project.contract.tables)
        migrated = project.migrations is not None
        findings = [
            finding
            for finding in structure_findings(conn, project.contract, snapshot, None, migrated=migrated)
            if finding.severity is Severity.ERROR and finding.code in ("table", "column")
        ]
    if findings:
        first = findings[0]
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        hint = first.hint.replace("--env ENV", f"--env {environment.name}")
        raise TargetError(f"{environment.name}: {first.message}{more}", hint=hint)
    return snapshot
