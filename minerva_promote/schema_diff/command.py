"""The comparison of two named schemas."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from minerva_promote.config.project import Project
from minerva_promote.errors import UsageError
from minerva_promote.results import RunResult
from minerva_promote.schema_diff.allowances import Judged, Side, judge
from minerva_promote.schema_diff.diff import diff
from minerva_promote.schema_diff.report import told
from minerva_promote.schema_diff.sides import read_sides, require_schemas, same_scope


@dataclass(frozen=True, slots=True)
class Compared:
    """A report, and the differences that it is about."""

    result: RunResult
    judged: tuple[Judged, ...]
    left: Side
    right: Side


def compare(project: Project, one: str, other: str, schemas: Collection[str] = ()) -> Compared:
    """``other`` held against ``one``: environments, or snapshot files."""
    if one == other:
        raise UsageError(f"--from and --to are both {one}", hint="name two")
    left, right = same_scope(*read_sides(project, one, other))
    require_schemas(left, right, schemas)
    differences = diff(left.schema, right.schema, schemas=schemas)
    judged, findings = judge(differences, project.allowances, left, right, whole=not schemas)
    return Compared(told("schema diff", left, right, judged, findings, schemas=schemas), judged, left, right)
