"""The comparison of two named schemas."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from minerva_promote.config.project import Project
from minerva_promote.errors import UsageError
from minerva_promote.results import RunResult
from minerva_promote.schema_diff.allowances import ClassifiedDifference, Side, apply_allowances
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.report import told
from minerva_promote.schema_diff.sides import read_sides, require_schemas, restrict_to_common_tables


@dataclass(frozen=True, slots=True)
class Compared:
    """A report, and the differences that it is about."""

    result: RunResult
    judged: tuple[ClassifiedDifference, ...]
    left: Side
    right: Side


def compare(project: Project, one: str, other: str, schemas: Collection[str] = ()) -> Compared:
    """``other`` held against ``one``: environments, or snapshot files."""
    if one == other:
        raise UsageError(f"--from and --to are both {one}", hint="name two")
    left, right = restrict_to_common_tables(*read_sides(project, one, other))
    require_schemas(left, right, schemas)
    differences = diff(left.schema, right.schema, schemas=schemas)
    judged, findings = apply_allowances(differences, project.allowances, left, right, whole=not schemas)
    return Compared(told("schema diff", left, right, judged, findings, schemas=schemas), judged, left, right)
